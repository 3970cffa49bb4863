"""E-mails of rules and codes to log in with, on both stores: claimed once, forgotten when they must be."""

import pytest

from router import emails, outbox
from router.claims import Allowance
from router.consent import CODE_LIFE
from router.emails import LEASE, LIFE, MOST_TRIES, UNSETTLED, Posted, undelivered
from router.erasure import Erasure
from router.group import Group, commit
from router.instants import MINUTE
from router.messages import Occurrence
from router.store.engine import Store
from router.suppression import Suppressions
from tests.support.routing import Phones, book_of

RULES = """brand "Shop"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword MAIL <adres email>
    email "{adres}" subject "Dag" body "Tot ziens, {adres}"
    reply "We mailen u."

on event klaar
    email transactional "jan@shop.example" subject "Klaar" body "Shop: klaar."

on event aanbod
    email promotional "jan@shop.example" subject "Shop" body "Shop: korting! {link optout}"

keyword JOIN
    opt in promotional

keyword WEG
    opt out

on event inloggen
    send otp "Shop: uw code is {event.code}."
"""
JAN = "31612345678"


@pytest.fixture
def shop(store: Store) -> Phones:
    return Phones(store, book_of(("shop.rules", RULES)))


def told(phones: Phones, name: str, **values: str) -> Occurrence:
    now = phones.world.now()
    return Occurrence(
        id=phones.world.ids.next(now), brand="Shop", address=JAN, name=name, source="api", at=now, received_at=now,
        values=dict(values), ref=values.get("ref", ""), key="",
    )  # fmt: skip


def claimed(phones: Phones, node: str = "ams-1") -> list[str]:
    with phones.store.begin() as tx:
        return [one.recipient for one in emails.claim(tx, node, phones.world.now())]


def states(phones: Phones) -> list[str]:
    return [row["state"] for row in phones.table("emails")]


def test_an_email_is_written_with_the_rest_of_its_transaction(shop: Phones) -> None:
    message = shop.text(JAN, "MAIL jan@shop.example")
    shop.commit(inbound=[message])
    [row] = shop.table("emails")
    assert (row["state"], row["recipient"], row["subject"], row["body"]) == (
        "ready", "jan@shop.example", "Dag", "Tot ziens, jan@shop.example",
    )  # fmt: skip
    assert (row["cause_id"], row["rule"], row["message_class"]) == (
        message.id, "Shop/keyword MAIL <adres email>", "conversational",
    )  # fmt: skip
    assert row["id"] > message.id
    with shop.store.begin() as tx:
        assert outbox.highest_id(tx) >= row["id"]


def test_an_email_is_claimed_by_one_node_until_its_lease_is_over(shop: Phones) -> None:
    shop.write(JAN, "MAIL jan@shop.example", "MAIL piet@shop.example")
    assert claimed(shop) == ["jan@shop.example", "piet@shop.example"]
    assert claimed(shop, "ams-2") == []
    shop.later(LEASE)
    assert len(claimed(shop, "ams-2")) == 2
    assert [row["attempts"] for row in shop.table("emails")] == [2, 2]


def test_what_became_of_it_is_written_by_who_holds_it(shop: Phones) -> None:
    shop.write(JAN, "MAIL jan@shop.example")
    with shop.store.begin() as tx:
        [letter] = emails.claim(tx, "ams-1", shop.world.now())
        emails.settle(tx, "ams-2", [Posted(letter)], shop.world.now())
    assert states(shop) == ["claimed"]
    with shop.store.begin() as tx:
        emails.settle(tx, "ams-1", [Posted(letter, "450 later", passing=True)], shop.world.now())
    assert states(shop) == ["ready"]
    assert claimed(shop) == []
    shop.later(MINUTE)
    assert claimed(shop) == ["jan@shop.example"]


def test_what_was_not_handed_over_is_given_back_and_costs_no_try(shop: Phones) -> None:
    shop.write(JAN, "MAIL jan@shop.example")
    with shop.store.begin() as tx:
        [letter] = emails.claim(tx, "ams-1", shop.world.now())
        emails.settle(tx, "ams-2", [Posted(letter, untried=True)], shop.world.now())
    assert states(shop) == ["claimed"]
    with shop.store.begin() as tx:
        emails.settle(tx, "ams-1", [Posted(letter, untried=True)], shop.world.now())
    assert [(row["state"], row["attempts"]) for row in shop.table("emails")] == [("ready", 0)]
    assert claimed(shop, "ams-2") == ["jan@shop.example"]


def test_a_letter_that_ends_whoever_claims_it_is_not_claimed_for_ever(shop: Phones) -> None:
    shop.write(JAN, "MAIL jan@shop.example")
    for _ in range(MOST_TRIES):
        assert claimed(shop) == ["jan@shop.example"]
        shop.later(LEASE)
    shop.write(JAN, "MAIL piet@shop.example")
    assert claimed(shop) == ["piet@shop.example"]
    [row, _] = shop.table("emails")
    assert (row["state"], row["reason"], row["attempts"]) == ("failed", UNSETTLED, MOST_TRIES)
    assert row["settled_at"] == shop.world.now()


def test_an_opt_out_ends_what_waits_under_a_consent(shop: Phones) -> None:
    shop.commit(occurrences=[told(shop, "klaar", ref="1", consent="transactional")])
    shop.write(JAN, "MAIL jan@shop.example", "STOP")
    assert claimed(shop) == ["jan@shop.example"]
    assert states(shop) == ["cancelled", "claimed"]


def test_a_letter_that_a_stop_met_does_not_go_once_the_person_is_back(shop: Phones) -> None:
    shop.commit(occurrences=[told(shop, "klaar", ref="1", consent="transactional")])
    shop.commit(occurrences=[told(shop, "klaar", ref="2", consent="transactional")])
    with shop.store.begin() as tx:
        [at_the_server] = emails.claim(tx, "ams-1", shop.world.now(), 1)
    shop.write(JAN, "STOP", "START")
    assert states(shop) == ["claimed", "cancelled"]
    with shop.store.begin() as tx:
        emails.settle(tx, "ams-1", [Posted(at_the_server, "450 later", passing=True)], shop.world.now())
    shop.later(MINUTE)
    assert claimed(shop) == []
    assert [(row["state"], row["reason"]) for row in shop.table("emails")] == [("cancelled", "opted_out")] * 2


def test_a_letter_ends_with_the_consent_that_it_was_for(shop: Phones) -> None:
    shop.write(JAN, "JOIN")
    shop.commit(occurrences=[told(shop, "aanbod")])
    shop.commit(occurrences=[told(shop, "klaar", ref="1", consent="transactional")])
    shop.write(JAN, "WEG")
    assert claimed(shop) == ["jan@shop.example"]
    assert [(row["state"], row["reason"]) for row in shop.table("emails")] == [
        ("cancelled", "no_consent(promotional)"), ("claimed", ""),
    ]  # fmt: skip
    assert [row["purpose"] for row in shop.table("emails")] == ["", "1"]


@pytest.mark.parametrize(("last", "state"), [("HOI", "claimed"), ("STOP", "cancelled")])
def test_a_letter_of_an_earlier_version_only_ends_with_a_stop(shop: Phones, last: str, state: str) -> None:
    shop.commit(occurrences=[told(shop, "klaar", ref="1", consent="transactional")])
    with shop.store.begin() as tx:
        tx.write("UPDATE emails SET purpose = NULL")
    shop.write(JAN, last)
    claimed(shop)
    assert states(shop) == [state]


def test_what_nobody_takes_expires_after_a_day(shop: Phones) -> None:
    shop.write(JAN, "MAIL jan@shop.example")
    shop.later(LIFE - 1)
    shop.housekeep()
    assert states(shop) == ["ready"]
    shop.later(1)
    shop.housekeep()
    assert [(row["state"], row["reason"]) for row in shop.table("emails")] == [("failed", "expired")]
    shop.write(JAN, "MAIL jan@shop.example")
    shop.later(LIFE)
    assert claimed(shop) == []


def test_whoever_is_erased_gets_no_email_any_more(shop: Phones) -> None:
    shop.write(JAN, "MAIL jan@shop.example")
    erasure = Erasure(shop.store, shop.world, Suppressions((b"k" * 32,)), "privacy@shop.example")
    person, whole = erasure.silence(JAN, ("Shop",), everything=True)
    for _ in erasure.take_away(person, whole, everything=True):
        pass
    assert shop.table("emails") == []


def test_capability_86_a_code_is_gone_from_the_store_once_it_is_sent(shop: Phones) -> None:
    [claim] = shop.commit(occurrences=[told(shop, "inloggen", code="987654")]).claims
    assert claim.text == "Shop: uw code is 987654."
    assert [row["text"] for row in shop.table("outbox")] == [claim.text]  # it may have to be sent once more
    commit(shop.store, Group(outcomes=[shop.unknown(claim)]), shop.ways, Allowance({}))
    assert [row["text"] for row in shop.table("outbox")] == [claim.text]
    shop.later(2 * CODE_LIFE + MINUTE)
    shop.housekeep()
    assert [row["text"] for row in shop.table("outbox")] == [""]
    assert "987654" not in str(shop.table("events"))


def test_capability_86_a_code_of_unknown_outcome_is_sent_once_more_while_it_is_good(shop: Phones) -> None:
    [claim] = shop.commit(occurrences=[told(shop, "inloggen", code="1")]).claims
    shop.commit(outcomes=[shop.unknown(claim)])
    shop.later(MINUTE)
    assert [one.text for one in shop.commit(due=True).claims + shop.commit(claim=True).claims] == [claim.text]


def test_emails_that_have_nowhere_to_go_are_told_of() -> None:
    book = book_of(("shop.rules", RULES))
    assert undelivered(book, has_server=False) == [
        "Shop sends e-mails, and the settings name no mail server ([email]): they wait for a day and expire"
    ]
    assert undelivered(book, has_server=True) == []
    without = 'brand "Shop"\n    numbers 4411\n\nkeyword A\n    reply "B"\n'
    assert undelivered(book_of(("shop.rules", without)), has_server=False) == []


def test_one_text_leads_to_five_emails_at_most(store: Store) -> None:
    many = 'brand "Shop"\n    numbers 4411\n\nkeyword A\n' + '    email "a@b.example" subject "x" body "y"\n' * 6
    shop = Phones(store, book_of(("shop.rules", many)))
    shop.write(JAN, "A")
    assert states(shop) == ["ready"] * 5 + ["withheld"]
    assert shop.table("emails")[-1]["reason"] == "too_many_emails"
    assert shop.table("inbound")[0]["fault"] == "more than 5 e-mails for one message"
