"""What every way through the router is handed: the rules in force, where it runs, and how octets are read.

`decided` is the one loop around `decide`: what it needs is loaded for the whole batch, then it decides again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from router import knowledge
from router.arming import Watch
from router.case import Books, opens_at
from router.evidence import Memory
from router.horizon import Horizon
from router.messages import Contact, Facts
from router.parts import Decode
from router.perform import Place
from router.plan import Answer, Need, Needs, Plan
from router.routes import listen, number_of, opts_out
from router.segments import joining
from router.spending import PriceOf, Till, free
from router.stopwatch import Stopwatch
from router.store import statements as sql
from router.store.engine import Tx
from router.suppression import Suppressions
from router.world import World
from rules.check_lookups import MOST_LOOKUPS
from rules.rulebook import Rulebook

ROUNDS = MOST_LOOKUPS + 4
"""How often `decide` may ask for more: for the rules that older runs began in, whether an event's attributes came late
and how many codes were asked for of late, then once for each text's codes and links, and for each thing that a
condition looks up. `check` refuses what could ask more often, all that one cause begins taken together."""
OLD_BOOKS = 16
"""Rule sets of earlier deployments kept compiled, for runs that end in the set they began in."""

Revive = Callable[[str], Rulebook | None]
"""Compiles the stored sources of an earlier deployment (JSON: file name to text)."""


class Ways:
    """The rules in force and the place they act in; one per node, used by one group at a time
    on the thread that its statements are made on (`router.underway`); a new rule set is adopted between groups."""

    def __init__(self, world: World, node: str, book: Rulebook, decode: Decode, revive: Revive) -> None:
        self.world = world
        self.node = node
        self.decode = decode
        self.memory = Memory()
        self.horizon = Horizon()
        self.stopwatch = Stopwatch(world.monotonic)
        self._revive = revive
        self._older: dict[str, Rulebook] = {}
        self.spread = 0
        self.books = Books(book, self._older, spread=self.spread)
        self.own_numbers = frozenset(book.numbers)
        self.url = ""
        self.suppressions = Suppressions()
        self._price: PriceOf = free
        self._heed(book)

    def outfit(self, url: str, spread: int, suppressions: Suppressions, price: PriceOf = free) -> None:
        """Where short links are served, over how many microseconds promotional texts are spread when quiet hours end,
        who may not be written to though nobody knows him, and what texts cost. Call before the first group."""
        self._price = price
        self.url = url.rstrip("/")
        self.spread = spread
        self.suppressions = suppressions
        self.books = Books(self.books.newest, self._older, spread=spread)

    def adopt(self, book: Rulebook) -> None:
        """Let a newly loaded rule set rule; the next group is decided by it. Call between groups."""
        self._older[self.books.newest.deployment] = self.books.newest
        self._trim()
        self.books = Books(book, self._older, spread=self.spread)
        self.own_numbers = frozenset(book.numbers)
        self._heed(book)

    def _heed(self, book: Rulebook) -> None:
        """See what a rule set listens and looks out for."""
        self._watch = Watch.of(book)
        triggers = [own.triggers for own in book.brands.values()]
        self._joins = any(one.joins for one in triggers)
        self.heeds_failures = any(one.undelivered for one in triggers)
        listen(book)

    def says_stop(self, number: str, text: str) -> bool:
        """Whether that text to that number opts out, of whatever scope and in whatever words, by the rules in force.

        An open question's answer is not known here: it is muted like a STOP until it is kept."""
        return opts_out(number_of(self.books.newest, number), text, self.world.now())

    def place(self) -> Place:
        """Where and when a batch is performed that begins now."""
        return Place(
            self.node, self.world.now(), self.world.ids, self._via, self.own_numbers, self.world.chance,
            self.suppressions, Till(self._price, self.books.newest.brands), self._opens_at, self._serves, self._watch,
        )  # fmt: skip

    def joined(self, tx: Tx, facts: Sequence[Facts], plans: list[Plan], now: int) -> list[Plan]:
        """The plans, with what starts because of the segments that their contacts join by them."""
        if not self._joins:
            return plans
        return self.decided(tx, [partial(joining, one, plan, now=now) for one, plan in zip(facts, plans, strict=True)])

    def decided(self, tx: Tx, ask: Sequence[Callable[[Books], Plan | Needs]]) -> list[Plan]:
        """The plan for each of a batch of causes, loading what they need between rounds."""
        plans: list[Plan | Needs] = [decide(self.books) for decide in ask]
        known: dict[Need, Answer] = {}
        for _ in range(ROUNDS):
            needs = [answer for answer in plans if isinstance(answer, Needs)]
            if not needs:
                break
            self._fetch(tx, needs)
            asked = {need for answer in needs for need in answer.asked}
            known |= knowledge.load(tx, asked, self.place(), knowledge.Source(self.books.newest, self.url))
            books = Books(self.books.newest, self._older, known, self.spread)
            plans = [
                decide(books) if isinstance(answer, Needs) else answer
                for decide, answer in zip(ask, plans, strict=True)
            ]
        self._trim()
        done = [answer for answer in plans if isinstance(answer, Plan)]
        if len(done) != len(plans):
            raise RuntimeError(f"decide still asks after {ROUNDS} rounds: {plans}")
        return done

    def _fetch(self, tx: Tx, needs: Sequence[Needs]) -> None:
        hashes = {name for need in needs for name in need.deployments} - set(self._older)
        rows = sql.deployment_by_hash.rows(tx, sorted(hashes)) if hashes else []
        found: dict[str, str] = {row[0]: row[1] for row in rows}
        for name in hashes:
            book = self._revive(found[name]) if name in found else None
            # A rule set that is gone or no longer compiles is answered with the newest: its step is not found
            # there either, and the run ends as lost, on record.
            self._older[name] = book or msgspec.structs.replace(self.books.newest, deployment=name)

    def _trim(self) -> None:
        """Keep no more than so many. Not between two rounds: one contact's runs may need more of them at once."""
        while len(self._older) > OLD_BOOKS:
            del self._older[next(iter(self._older))]

    def _opens_at(self, brand: str, contact: Contact, now: int) -> int | None:
        book = self.books.newest.brands.get(brand)
        return now if book is None else opens_at(contact, book, now, self.spread)

    def _serves(self, number: str, phone: str) -> bool:
        granted = self.books.newest.numbers.get(number)
        return granted is None or granted.serves(phone)

    def _via(self, number: str) -> str:
        granted = self.books.newest.numbers.get(number)
        return granted.via if granted else ""
