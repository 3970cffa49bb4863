"""Figures against published ones, and a winner that chance alone does not name however often somebody looks."""

import random
from bisect import bisect
from itertools import accumulate
from math import comb

import pytest

from router import statistics
from router.statistics import (
    ERROR,
    LEAST_PER_ARM,
    Arm,
    Interval,
    Verdict,
    always_valid_z,
    compare,
    newcombe,
    nps,
    votes,
    wilson,
)


def rounded(interval: Interval) -> tuple[float, float]:
    return round(interval.low, 4), round(interval.high, 4)


def test_wilson_as_published() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), pp. 857-872, table I, method 3."""
    assert rounded(wilson(81, 263)) == (0.2553, 0.3662)
    assert rounded(wilson(15, 148)) == (0.0624, 0.1605)
    assert rounded(wilson(0, 20)) == (0.0, 0.1611)
    assert rounded(wilson(1, 29)) == (0.0061, 0.1718)
    assert wilson(0, 0) == Interval(0.0, 1.0)
    assert wilson(20, 20).high == 1.0


def test_newcombe_as_published() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), pp. 873-890, table II, method 10."""
    assert rounded(newcombe(Arm("", 70, 56), Arm("", 80, 48))) == (0.0524, 0.3339)
    assert rounded(newcombe(Arm("", 10, 9), Arm("", 10, 3))) == (0.1705, 0.8090)
    assert rounded(newcombe(Arm("", 56, 5), Arm("", 29, 0))) == (-0.0381, 0.1926)
    assert rounded(newcombe(Arm("", 10, 10), Arm("", 10, 0))) == (0.6075, 1.0)


def test_the_value_that_holds_at_every_look_is_the_mixtures() -> None:
    """Worked by hand: V = 2 (11/102)(91/102)/102 = 0.0018865, t2 = 0.0025: sqrt(1.7546 (5.9915 + 0.8438))."""
    assert round(always_valid_z(Arm("", 100, 10), Arm("", 100, 10)), 3) == 3.463
    assert always_valid_z(Arm("", 100, 0), Arm("", 100, 0)) > 2
    assert always_valid_z(Arm("", 5000, 500), Arm("", 5000, 500)) > statistics.Z95


# ---- winners


def test_no_winner_yet_says_how_many_more() -> None:
    found = compare([Arm("korting", 1000, 100), Arm("tweevooreen", 1000, 120)])
    assert (found.winner, found.leader, found.other) == ("", "tweevooreen", "korting")
    assert found.difference.low < 0 < found.difference.high
    assert found.needed is not None
    factor = (2000 + found.needed) / 2000
    later = [Arm("korting", 1000 * factor, 100 * factor), Arm("tweevooreen", 1000 * factor, 120 * factor)]
    assert compare(later).winner == "tweevooreen"
    just_before = [Arm(arm.name, arm.contacts * 0.95, arm.conversions * 0.95) for arm in later]
    assert compare(just_before).winner == ""


def test_what_one_look_would_call_a_winner_is_none_yet() -> None:
    found = compare([Arm("a", 1000, 100), Arm("b", 1000, 130)])
    assert found.difference.low > 0
    assert found.winner == ""


def test_a_clear_winner_is_named() -> None:
    found = compare([Arm("a", 2000, 200), Arm("b", 2000, 320), Arm("c", 2000, 190)])
    assert found == Verdict("b", "b", "a", newcombe(Arm("b", 2000, 320), Arm("a", 2000, 200)), 0)


def test_with_more_arms_a_winner_takes_more() -> None:
    two = [Arm("a", 2000, 200), Arm("b", 2000, 270)]
    assert compare(two).winner == "b"
    assert compare([*two, Arm("c", 2000, 200), Arm("d", 2000, 200)]).winner == ""


def test_few_contacts_have_no_winner_whatever_they_do() -> None:
    few = LEAST_PER_ARM - 1
    found = compare([Arm("a", few, few), Arm("b", few, 0)])
    assert (found.winner, found.leader) == ("", "a")
    assert found.needed is not None
    assert 0 < found.needed < 10
    assert compare([Arm("a", few + 1, few + 1), Arm("b", few + 1, 0)]).winner == "a"


def test_an_arm_that_nobody_is_in_and_arms_that_are_alike() -> None:
    assert compare([Arm("a", 50, 5), Arm("b", 0, 0)]).needed == 2 * LEAST_PER_ARM
    assert compare([Arm("a", 500, 50), Arm("b", 500, 50)]).needed is None
    assert compare([Arm("a", 500, 50)]) == compare([]) == Verdict()


class Binomial:
    """How many of `total` hit, drawn from the exact distribution."""

    def __init__(self, total: int, share: float) -> None:
        mass = (comb(total, hits) * share**hits * (1 - share) ** (total - hits) for hits in range(total + 1))
        self.below = list(accumulate(mass))[:-1]

    def draw(self, chance: random.Random) -> int:
        return bisect(self.below, chance.random())


def false_winners(share: float, arms: int, tests: int, days: int = 60, daily: int = 60) -> tuple[float, float]:
    """Of tests without any difference: how many ever had a winner at a daily look; by us, and by a plain 95 %."""
    chance = random.Random(20261122)
    day = Binomial(daily, share)
    ours = naive = 0
    for _ in range(tests):
        hits = [0] * arms
        found = plain = False
        for look in range(1, days + 1):
            hits = [count + day.draw(chance) for count in hits]
            now = [Arm(str(i), daily * look, count) for i, count in enumerate(hits)]
            verdict = compare(now)
            found |= bool(verdict.winner)
            most, least = max(now, key=lambda arm: arm.rate), min(now, key=lambda arm: arm.rate)
            plain |= newcombe(most, least).low > 0
        ours += found
        naive += plain
    return ours / tests, naive / tests


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts without the number still needed, which takes most of their time."""
    monkeypatch.setattr(statistics, "_needed", lambda *_: None)


@pytest.mark.parametrize(("share", "arms"), [(0.02, 2), (0.1, 2), (0.5, 2), (0.1, 4)])
def test_daily_looks_find_no_winner_where_there_is_no_difference(quick: None, share: float, arms: int) -> None:
    ours, naive = false_winners(share, arms, tests=300)
    assert ours <= ERROR
    assert naive > 3 * ERROR, "looking so often at a plain interval must show why another is used"


def test_a_real_difference_is_found_by_daily_looks(quick: None) -> None:
    chance = random.Random(5)
    days = [Binomial(100, 0.10), Binomial(100, 0.15)]
    found = 0
    for _ in range(60):
        hits = [0, 0]
        for look in range(1, 41):
            hits = [count + day.draw(chance) for count, day in zip(hits, days, strict=True)]
            winner = compare([Arm("a", 100 * look, hits[0]), Arm("b", 100 * look, hits[1])]).winner
            assert winner != "a"
            if winner:
                found += 1
                break
    assert found >= 55


# ---- NPS and votes


def test_nps_is_promoters_minus_detractors() -> None:
    found = nps([10, 9, 9, 8, 7, 6, 0])
    assert found is not None
    assert (found.promoters, found.passives, found.detractors, found.count) == (3, 2, 2, 7)
    assert found.score == pytest.approx(100 / 7)
    assert found.interval.low < found.score < found.interval.high
    assert nps([]) is None


def test_the_interval_of_an_nps_narrows_and_stays_within_its_scale() -> None:
    few, many = nps([10] * 6 + [0] * 4), nps([10] * 600 + [0] * 400)
    assert few is not None
    assert many is not None
    assert few.score == many.score == 20
    assert (round(many.interval.low, 1), round(many.interval.high, 1)) == (13.9, 26.0)
    assert few.interval.low < many.interval.low < many.interval.high < few.interval.high
    glad = nps([10] * 3)
    assert glad is not None
    assert glad.interval.high <= 100


@pytest.mark.parametrize("score", [-1, 11])
def test_what_is_no_score_is_refused(score: int) -> None:
    with pytest.raises(ValueError, match=f"{score} is no score from 0 to 10"):
        nps([10, score])


def test_capability_17_ten_thousand_numbers_vote_and_vote_again() -> None:
    chance = random.Random(17)
    first = [(number, "ab"[number % 4 == 0]) for number in range(10_000)]
    again = [(chance.randrange(10_000), "b") for _ in range(5_000)]
    a, b = votes([*first, *again])
    assert (a.value, a.votes, b.value, b.votes) == ("a", 7_500, "b", 2_500)


def test_a_number_votes_once_and_its_first_vote_counts() -> None:
    a, b = votes([(1, "b"), (2, "a"), (1, "a"), (1, "a"), (3, "a")])
    assert (a.value, a.votes, round(a.share, 3)) == ("a", 2, 0.667)
    assert (b.value, b.votes, round(b.share, 3)) == ("b", 1, 0.333)
    assert a.interval == wilson(2, 3)
    assert votes([]) == ()
