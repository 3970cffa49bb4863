"""What may honestly be said of counts: shares with their intervals, whether an arm of a split has won, NPS and votes.

Pure arithmetic. Methods, each chosen because it holds for small numbers and for shares near 0 and 1:
- a share: Wilson's score interval (Wilson, JASA 22, 1927).
- a difference of two shares: Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, pp. 873-890, method
  10).
- a winner: somebody looks every day, and the more often one looks, the surer chance shows a winner some day. So the
  interval that decides is valid at every look together: Newcombe's, with the critical value of the normal mixture
  (Robbins, Annals of Mathematical Statistics 41, 1970; Johari, Koomen, Pekelis and Walsh, "Always Valid Inference",
  Operations Research 70, 2022). With several arms the error is shared among all pairs (Bonferroni). No number of looks
  and no end need be fixed beforehand; the price is an interval about 1.8 times as wide.
- NPS: a difference of two shares of the same people: Wald's interval after half a person more in each of the four cells
  (Agresti and Min, Statistics in Medicine 24, 2005, pp. 729-740).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, log, sqrt
from typing import Final

ERROR: Final = 0.05
"""How often, at most, a split without any real difference may ever be given a winner: 95 % confidence."""
Z95: Final = 1.959963984540054
"""The normal distribution's two-sided critical value at 95 %."""
LIKELY_DIFFERENCE: Final = 0.05
"""The spread of real differences that the mixture expects: five points. It decides how soon a winner shows, never how
often a false one does."""
LEAST_PER_ARM: Final = 100
"""Contacts in every arm before a winner is named: the normal approximation is not trusted below."""
MOST_NEEDED: Final = 10_000_000
"""Contacts in all; a difference that would need more is none that anybody can act upon."""
LOWEST_PROMOTER, HIGHEST_DETRACTOR, HIGHEST_SCORE = 9, 6, 10
"""Reichheld's question: 0 to 10."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included; shares, as parts of one."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a split: how many contacts landed in it, and how many of them did what is measured."""

    name: str
    contacts: float
    conversions: float

    @property
    def rate(self) -> float:
        """The share that converted; 0 while nobody is in it."""
        return self.conversions / self.contacts if self.contacts else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a split shows so far. `winner` is empty until there is one.

    `leader` is ahead of `other`, its closest rival, by `difference` (a 95 % interval for one look, to read; the winner
    is decided by a wider one). `needed`: contacts in all that are still needed should the difference stay as it is;
    None where no number that anybody has would tell.
    """

    winner: str = ""
    leader: str = ""
    other: str = ""
    difference: Interval = Interval(-1.0, 1.0)
    needed: int | None = None


@dataclass(frozen=True, slots=True)
class Nps:
    """A Net Promoter Score: promoters' share minus detractors', -100 to 100, with its 95 % interval."""

    promoters: int
    passives: int
    detractors: int
    score: float
    interval: Interval

    @property
    def count(self) -> int:
        """How many gave a score."""
        return self.promoters + self.passives + self.detractors


@dataclass(frozen=True, slots=True)
class Choice:
    """What one choice of a vote has: votes, their share, and the interval of what all might have said."""

    value: str
    votes: int
    share: float
    interval: Interval


def wilson(hits: float, total: float, z: float = Z95) -> Interval:
    """Wilson's interval of a share; 0 to 1 while nothing is known."""
    if total <= 0:
        return Interval(0.0, 1.0)
    share, square = hits / total, z * z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = z / (1 + square / total) * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def newcombe(one: Arm, other: Arm, z: float = Z95) -> Interval:
    """Newcombe's interval of how much more of `one` converts than of `other`."""
    mine, theirs = wilson(one.conversions, one.contacts, z), wilson(other.conversions, other.contacts, z)
    difference = one.rate - other.rate
    low = difference - sqrt((one.rate - mine.low) ** 2 + (theirs.high - other.rate) ** 2)
    high = difference + sqrt((mine.high - one.rate) ** 2 + (other.rate - theirs.low) ** 2)
    return Interval(max(-1.0, low), min(1.0, high))


def always_valid_z(one: Arm, other: Arm, error: float = ERROR) -> float:
    """The critical value with which the interval of a difference holds at all looks together, with that error.

    sqrt((V + t2) / t2 * (2 ln(1 / error) + ln((V + t2) / V))), V the variance of the difference and t2 the mixture's
    (Johari et al. 2022, section 4). V is taken from shares with one hit and one miss more, so it is never 0.
    """
    spread = LIKELY_DIFFERENCE**2
    variance = _variance(one) + _variance(other)
    return sqrt((variance + spread) / spread * (2 * log(1 / error) + log((variance + spread) / variance)))


def compare(arms: Sequence[Arm]) -> Verdict:
    """What a split shows: a winner only where every pair with it is apart, at all looks and for all arms together."""
    if len(arms) < 2:
        return Verdict()
    best, *rest = sorted(arms, key=lambda arm: (-arm.rate, arm.name))
    rival = max(rest, key=lambda arm: (arm.rate, arm.contacts))
    error = ERROR / len(list(combinations(arms, 2)))
    difference = newcombe(best, rival)
    if all(_apart(best, other, error) for other in rest):
        return Verdict(best.name, best.name, rival.name, difference, 0)
    return Verdict("", best.name, rival.name, difference, _needed(best, rest, error))


def nps(scores: Iterable[int]) -> Nps | None:
    """The score of some answers, one for each contact; None without any. Raises ValueError for one outside 0..10."""
    promoters = passives = detractors = 0
    for score in scores:
        if not 0 <= score <= HIGHEST_SCORE:
            raise ValueError(f"{score} is no score from 0 to {HIGHEST_SCORE}")
        if score >= LOWEST_PROMOTER:
            promoters += 1
        elif score <= HIGHEST_DETRACTOR:
            detractors += 1
        else:
            passives += 1
    count = promoters + passives + detractors
    if count == 0:
        return None
    total = count + 2
    up, down = (promoters + 0.5) / total, (detractors + 0.5) / total
    half = Z95 * sqrt((up + down - (up - down) ** 2) / total)
    interval = Interval(max(-100.0, 100 * (up - down - half)), min(100.0, 100 * (up - down + half)))
    return Nps(promoters, passives, detractors, 100 * (promoters - detractors) / count, interval)


def votes(cast: Iterable[tuple[Hashable, str]]) -> tuple[Choice, ...]:
    """The tally of (who, what) in the order in which they came: each one's first counts. Most votes first."""
    voted: set[Hashable] = set()
    tally: dict[str, int] = {}
    for who, what in cast:
        if who not in voted:
            voted.add(who)
            tally[what] = tally.get(what, 0) + 1
    return tuple(
        Choice(value, count, count / len(voted), wilson(count, len(voted)))
        for value, count in sorted(tally.items(), key=lambda one: (-one[1], one[0]))
    )


def _variance(arm: Arm) -> float:
    share = (arm.conversions + 1) / (arm.contacts + 2)
    return share * (1 - share) / (arm.contacts + 2)


def _apart(best: Arm, other: Arm, error: float) -> bool:
    if min(best.contacts, other.contacts) < LEAST_PER_ARM:
        return False
    return newcombe(best, other, always_valid_z(best, other, error)).low > 0


def _needed(best: Arm, rest: Sequence[Arm], error: float) -> int | None:
    """Contacts still to come, in all arms together, for all to be apart if the shares stay as they are."""
    arms = (best, *rest)
    total = sum(arm.contacts for arm in arms)
    if min(arm.contacts for arm in arms) == 0:
        return LEAST_PER_ARM * len(arms)

    def decided(factor: float) -> bool:
        first, *others = (Arm(arm.name, arm.contacts * factor, arm.conversions * factor) for arm in arms)
        return all(_apart(first, other, error) for other in others)

    low, high = 1.0, 2.0
    while not decided(high):
        low, high = high, high * 2
        if total * low > MOST_NEEDED:
            return None
    while high - low > low * 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return ceil(total * (high - 1))
