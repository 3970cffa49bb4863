"""STOP reaches brands that the rules have no more, or no more on that number: renamed, removed, moved."""

import pytest

from router.instants import HOUR, MINUTE
from rules.rulebook import Rulebook
from tests.support.routing import JAN, PIET, RULES, Phones, book_of

BAKER = """brand "Bakker"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword BROOD
    reply "Brood."
"""
RENAMED = book_of(("shop.rules", RULES.replace('"Shop"', '"Winkel"')))
MOVED = book_of(("shop.rules", RULES.replace("numbers 4411", "numbers 5522")))
ANOTHERS = book_of(("shop.rules", RULES.replace("numbers 4411", "numbers 5522")), ("b.rules", BAKER))
REMOVED = book_of(("b.rules", BAKER.replace("4411", "5522")))


def waiting(phones: Phones) -> None:
    """Of Shop two texts wait to be sent, and a run for its time."""
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim, "m1")])
    phones.write(JAN, "STRAKS")
    phones.write(JAN, "TWEE", room=0)
    assert (phones.states(), len(phones.table("runs"))) == (["sent", "ready", "ready"], 1)


@pytest.mark.parametrize(
    ("book", "confirmed", "silenced"),
    [
        (RENAMED, "Winkel", {"Shop", "Winkel"}),
        (MOVED, "Shop", {"", "Shop"}),
        (ANOTHERS, "Shop", {"Bakker", "Shop"}),
        (REMOVED, "4411", {"", "Shop"}),
    ],
    ids=["renamed", "moved", "another's", "removed"],
)
def test_stop_ends_what_a_brand_left_on_a_number_and_start_gives_it_back(
    phones: Phones, book: Rulebook, confirmed: str, silenced: set[str]
) -> None:
    waiting(phones)
    phones.ways.adopt(book)
    assert phones.ways.says_stop("4411", "STOP")
    phones.write(JAN, "STOP")
    (claim,) = phones.commit(claim=True).claims
    assert (claim.message_class, claim.text.partition(":")[0]) == ("stop_confirmation", confirmed)
    phones.commit(outcomes=[phones.sent(claim, "m2")])
    assert {row["brand"] for row in phones.table("profiles") if row["opted_out_at"]} == silenced
    assert len(phones.table("ledger")) == len(silenced - {""})
    phones.later(HOUR)
    done = phones.commit(due=True, claim=True)
    assert (done.claims, phones.states(), phones.table("runs")) == ([], ["sent", "cancelled", "cancelled", "sent"], [])
    assert [one.message_class for one in phones.write(JAN, "AAN")] == ["start_confirmation"]


def test_a_text_of_unknown_outcome_tells_its_brand_and_is_not_sent_again(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.unknown(claim)])
    phones.ways.adopt(ANOTHERS)
    phones.write(JAN, "BROOD", "STOP")
    assert {row["brand"] for row in phones.table("profiles") if row["opted_out_at"]} == {"Bakker", "Shop"}
    phones.later(HOUR)
    phones.commit(due=True)
    assert "Welkom!" not in [one.text for one in phones.commit(claim=True).claims]


def test_what_is_claimed_of_such_a_brand_holds_the_stop_until_it_is_settled(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.ways.adopt(REMOVED)
    (stop,) = phones.commit(inbound=[phones.text(JAN, "STOP")]).stops
    assert stop.mine == (claim.id,)


def test_stop_to_a_number_without_rules_from_somebody_nobody_wrote_to_is_kept_and_no_more(phones: Phones) -> None:
    phones.ways.adopt(REMOVED)
    assert phones.write(PIET, "STOP", "STOP") == []
    assert [row["state"] for row in phones.table("inbound")] == ["unrouted", "unrouted"]
    assert (phones.table("profiles"), phones.table("ledger")) == ([], [])
    phones.later(MINUTE)
    assert not phones.ways.says_stop("4411", "JOIN")
