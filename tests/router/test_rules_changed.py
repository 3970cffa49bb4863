"""Rules change while contacts are under way, through the router on a store: what a run began in, it ends in."""

from collections.abc import Callable

import msgspec
import pytest

from gateway.connectors.mapping import decode
from router import deployments
from router.instants import DAY, HOUR
from router.interpret import NO_ARM
from router.messages import Occurrence
from router.store.engine import Store
from router.ways import OLD_BOOKS, Ways
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Rulebook
from tests.support.promotions import agree
from tests.support.routing import JAN, Phones, book_of

SHOP = 'brand "Shop"\n    numbers 4411\n    language nl\n    timezone Europe/Amsterdam\n\n'
ORDER = """on event order
    wait for event paid within {within}
        then
            wait 1 day
            run thanks

chain thanks
    send transactional "Shop: dank u wel."
"""
OTHER = "on event other\n    tag x\n"


class Shop(Phones):
    """Phones of one brand; `adopt` lets other rules rule, and those before stay in the store."""

    def __init__(self, store: Store, rules: str) -> None:
        super().__init__(store, self._kept(store, rules))
        self.ways = Ways(self.world, "ams-1", self.ways.books.newest, decode, revived)

    def adopt(self, rules: str) -> None:
        self.ways.adopt(self._kept(self.store, rules))

    def restart(self) -> None:
        """The process knows no older rules any more: they come out of the store."""
        self.ways = Ways(self.world, "ams-1", self.ways.books.newest, decode, revived)

    def tell(self, name: str, **values: str) -> None:
        now = self.world.now()
        self.commit(
            occurrences=[
                Occurrence(
                    id=self.world.ids.next(now), brand="Shop", address=JAN, name=name, source="api", at=now,
                    received_at=now, values=values, ref="1",
                )
            ]
        )  # fmt: skip

    def said(self) -> list[str]:
        return [row["text"] for row in self.table("outbox")]

    def outcomes(self) -> list[tuple[str, str]]:
        return [(row["drip"], row["outcome"]) for row in self.table("enrolments")]

    @staticmethod
    def _kept(store: Store, rules: str) -> Rulebook:
        book = book_of(("shop.rules", SHOP + rules))
        with store.begin() as tx:
            deployments.record(tx, book.deployment, {"shop.rules": SHOP + rules}, 0)
        return book


def revived(sources: str) -> Rulebook | None:
    read = msgspec.json.decode(sources, type=dict[str, str])
    return compile_sources([Source(file, text) for file, text in read.items()], None).book


@pytest.fixture
def shop(store: Store) -> Callable[[str], Shop]:
    return lambda rules: Shop(store, rules)


@pytest.mark.parametrize("newest", [ORDER.format(within="3 days"), OTHER], ids=["step edited", "rule and chain gone"])
def test_a_run_that_an_event_moves_on_keeps_the_rules_it_began_in_to_its_end(
    shop: Callable[[str], Shop], newest: str
) -> None:
    phones = shop(ORDER.format(within="1 day"))
    phones.tell("order", consent="transactional")
    phones.adopt(newest)
    phones.tell("paid")
    phones.restart()
    phones.later(DAY)
    assert phones.commit(due=True).faults == []
    assert phones.said() == ["Shop: dank u wel."]
    assert phones.table("quarantine") == []
    assert phones.table("runs") == []


def test_what_an_event_begins_besides_goes_by_the_newest_rules(shop: Callable[[str], Shop]) -> None:
    phones = shop(ORDER.format(within="1 day"))
    phones.tell("order", consent="transactional")
    phones.adopt('on event paid\n    send transactional "Shop: betaald."\n    wait 1 hour\n    tag y\n')
    phones.tell("paid")
    newest, older = phones.ways.books.newest.deployment, next(iter(phones.ways._older))
    assert sorted((row["rule"], row["deployment"]) for row in phones.table("runs")) == [
        ("Shop/on event order", older), ("Shop/on event paid", newest),
    ]  # fmt: skip
    event = phones.table("events")[-1]
    assert (event["rule"], event["deployment"]) == ("Shop/on event paid", newest)
    phones.later(HOUR)
    phones.commit(due=True)
    phones.later(DAY)
    phones.commit(due=True)
    assert phones.said() == ["Shop: betaald.", "Shop: dank u wel."]


TIPS = """drip tips promotional
    exit on tag buyer
    exit on event bought
    goal event won
    at once
        send "Shop: one. STOP = off."
    after 1 day at 12:00
        send "Shop: two. STOP = off."

on event begin
    start tips

"""
ENDS = """keyword BUY
    tag buyer
    reply "ok"

keyword NOMORE
    opt out
    reply "ok"

on event bought
    tag y

on event won
    tag y
"""
STEP_GONE = f'drip tips promotional\n    after 2 days\n        send "Shop: new. STOP = off."\n\n{ENDS}'


def in_tips(shop: Callable[[str], Shop], newest: str) -> Shop:
    """A phone in a drip whose step the newest rules have no more."""
    phones = shop(TIPS + ENDS)
    agree(phones, JAN)
    phones.tell("begin")
    phones.adopt(newest)
    phones.restart()
    assert phones.said() == ["Shop: one. STOP = off."]
    return phones


@pytest.mark.parametrize("newest", [ENDS, STEP_GONE], ids=["drip gone", "drip without terms"])
@pytest.mark.parametrize(
    ("how", "what", "outcome"),
    [("event", "bought", "exited"), ("event", "won", "goal"), ("text", "BUY", "exited"), ("text", "NOMORE", "stopped")],
)
def test_what_ends_a_drip_ends_it_for_those_who_go_on_by_rules_that_are_gone(
    shop: Callable[[str], Shop], newest: str, how: str, what: str, outcome: str
) -> None:
    phones = in_tips(shop, newest)
    if how == "event":
        phones.tell(what)
    else:
        phones.write(JAN, what)
    assert phones.table("runs") == []
    assert phones.outcomes() == [("tips", outcome)]
    assert phones.table("quarantine") == []


def test_what_does_not_end_it_leaves_it_alone(shop: Callable[[str], Shop]) -> None:
    phones = in_tips(shop, ENDS)
    phones.tell("other")
    phones.later(DAY)
    phones.commit(due=True)
    assert phones.said()[1:] == ["Shop: two. STOP = off."]
    assert phones.outcomes() == [("tips", "finished")]


def test_a_run_whose_rules_cannot_be_had_ends_by_what_the_newest_has_under_its_name(
    shop: Callable[[str], Shop],
) -> None:
    phones = in_tips(shop, STEP_GONE.replace("promotional\n", "promotional\n    exit on event bought\n", 1))
    with phones.store.begin() as tx:
        tx.write(f"DELETE FROM deployments WHERE hash <> '{phones.ways.books.newest.deployment}'")
    phones.tell("bought")
    assert phones.outcomes() == [("tips", "exited")]


def test_what_an_older_chain_has_just_begun_is_ended_by_what_comes_after_it_in_the_same_cause(
    shop: Callable[[str], Shop],
) -> None:
    phones = shop(f"{TIPS}on event order\n    wait for event paid within 1 day\n        then\n            start tips\n")
    agree(phones, JAN)
    phones.tell("order")
    phones.adopt("on event paid\n    tag buyer\n")
    phones.tell("paid")
    assert phones.table("runs") == []
    assert phones.outcomes() == [("tips", "exited")]


def test_a_contact_may_be_under_way_by_more_rule_sets_than_are_kept_at_hand(shop: Callable[[str], Shop]) -> None:
    rules = ORDER.replace("order\n", "order per event.ref\n", 1)
    phones = shop(rules.format(within="60 days"))
    for days in range(60, 60 - OLD_BOOKS - 4, -1):
        phones.adopt(rules.format(within=f"{days} days"))
        phones.tell("order", consent="transactional", ref=str(days))
    phones.adopt(OTHER)
    phones.restart()
    phones.tell("paid", ref="60")
    assert phones.table("quarantine") == []
    kinds = [row["kind"] for row in phones.table("runs")]
    assert (kinds.count("wait"), kinds.count("event")) == (1, OLD_BOOKS + 3)
    assert len(phones.ways._older) == OLD_BOOKS


SAMPLE = """on event order
    split head by click sample 1% for 4 hours
        50% {first}
            send transactional "Shop: {first}."
        50% plain
            send transactional "Shop: plain."
"""


def test_where_the_arm_that_won_is_none_any_more_each_contact_gets_its_own(shop: Callable[[str], Shop]) -> None:
    phones = shop(SAMPLE.format(first="short"))
    phones.tell("order", consent="transactional")
    phones.later(4 * HOUR)
    phones.commit(due=True)
    assert phones.said() == ["Shop: short."], "the first of equals"
    phones.adopt(SAMPLE.format(first="brief"))
    phones.tell("order")
    assert phones.said()[1:] == ["Shop: brief."]
    assert phones.table("quarantine") == []
    assert phones.table("events")[-1]["fault"] == NO_ARM.format("head", "short")
    assert phones.table("outbox")[-1]["arm"] == "head=brief"
