"""What the ledger says of each event of consent, field by field, and in which order: on both stores, by real texts."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import rules
from router import consent, contacts, ledger
from router.consent import LOOP_REPLIES
from router.consent_views import views_of
from router.instants import HOUR, MINUTE
from router.ledger import Record
from router.ledger_verify import verify
from router.messages import Occurrence
from router.standing import Standing
from router.store.engine import Store
from router.suppression import Suppressions
from rules import editions
from rules.editions import edition
from tests.support.promotions import RULES, happen, promoting
from tests.support.routing import JAN, NOW, PIET, Phones, book_of
from tests.support.timed import Town

ASKS = "Antwoord JA voor tips van Shop. STOP = uit."


def told(phones: Phones, address: str = JAN) -> list[Record]:
    """What stands on record of a phone, in its order."""
    with phones.store.begin() as tx:
        ((contact_id,),) = tx.execute(f"SELECT id FROM contacts WHERE address = '{address}'")
        return [entry.record(address) for entry in ledger.entries_of(tx, contact_id)]


def texts(phones: Phones, message_class: str) -> list[int]:
    return [row["id"] for row in phones.table("outbox") if row["message_class"] == message_class]


def test_a_double_opt_in_leaves_two_rows_with_the_texts_that_asked_and_answered(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, "JOIN")
    (asked,) = texts(phones, "confirmation")
    (waits,) = told(phones)
    joined, deployment = phones.table("inbound")[0]["id"], phones.ways.books.newest.deployment
    common: dict[str, Any] = {
        "contact_id": waits.contact_id, "msisdn": JAN, "brand": "Shop", "method": "keyword", "number": "4411",
        "message_class": "promotional", "mt_id": asked, "wording": ASKS, "language": "nl",
        "zone": "Europe/Amsterdam", "deployment": deployment, "pack": edition("NL"),
        "wording_sha256": waits.wording_sha256,
    }  # fmt: skip
    assert waits == Record(
        **common, action="grant", pending=True, mo_id=joined, at=waits.at, recorded_at=waits.recorded_at
    )
    phones.later(HOUR)
    phones.write(JAN, "JA")
    _, confirmed = told(phones)
    answer = phones.table("inbound")[1]["id"]
    assert confirmed == Record(
        **common, action="confirm", mo_id=answer, at=NOW + HOUR, recorded_at=confirmed.recorded_at
    )
    with store.begin() as tx:
        (view,) = views_of(tx, Suppressions(), JAN, NOW + 2 * HOUR)
        (before,) = views_of(tx, Suppressions(), JAN, NOW + MINUTE)
    assert not view.differs
    assert before.standing == Standing(), "what waits is no consent"
    assert next(iter(verify(store))).broken_at is None


def test_the_wording_is_what_was_shown_though_the_rules_have_another_by_the_answer(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, "JOIN")
    phones.ways.adopt(
        book_of(("promotions.rules", RULES.replace("    {more}\n", "").replace("tips van", "reclame van")))
    )
    phones.write(JAN, "JA")
    assert [one.wording for one in told(phones)] == [ASKS, ASKS]
    asked, confirmed = told(phones)
    assert asked.deployment != confirmed.deployment


TWO_QUESTIONS = """brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword JOIN
    opt in promotional
        confirm "Antwoord JA voor tips van Shop. STOP = uit."
        answer yes
    reply "Welkom!"

keyword ACTIE
    opt in promotional
        confirm "Antwoord AKKOORD voor acties van Shop. STOP = uit."
        answer (AKKOORD)
    reply "Fijn!"
"""


@pytest.mark.parametrize(("answer", "which"), [("JA", 0), ("AKKOORD", 1)])
def test_of_two_questions_the_proof_is_of_the_one_that_was_answered(store: Store, answer: str, which: int) -> None:
    phones = Phones(store, book_of(("two.rules", TWO_QUESTIONS)))
    phones.write(JAN, "JOIN", "ACTIE")
    phones.ways.adopt(book_of(("two.rules", TWO_QUESTIONS.replace("acties", "reclame").replace("tips", "raad"))))
    phones.write(JAN, answer)
    *waiting, confirmed = told(phones)
    wordings = [ASKS, "Antwoord AKKOORD voor acties van Shop. STOP = uit."]
    assert [one.wording for one in waiting] == wordings
    assert (confirmed.action, confirmed.wording) == ("confirm", wordings[which])
    assert [confirmed.mt_id] == [texts(phones, "confirmation")[which]]


def test_a_question_that_was_asked_anew_is_the_one_that_was_answered(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, "JOIN")
    phones.later(25 * HOUR)
    phones.commit(due=True)
    phones.write(JAN, "JA", "JA")
    assert [one.mt_id for one in told(phones)][1:] == [texts(phones, "confirmation")[1]] * 2


def test_a_question_that_was_held_back_is_not_open_and_no_answer_confirms_it(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, *["HOI"] * LOOP_REPLIES, "JOIN")
    assert [row["reason"] for row in phones.table("outbox")][-1] == "loop_guard"
    assert phones.table("runs") == []
    phones.later(2 * MINUTE)
    phones.write(JAN, "JA")
    assert phones.table("ledger") == []
    assert {row["consents"] for row in phones.table("profiles")} <= {"{}"}


def test_a_stop_and_a_start_name_the_texts_that_confirm_them(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, "STOP", "AAN")
    stopped, started = told(phones)
    assert [stopped.mt_id] == texts(phones, "stop_confirmation")
    assert [started.mt_id] == texts(phones, "start_confirmation")
    assert (stopped.action, started.action, stopped.wording) == ("revoke", "restore", "STOP")
    assert {one.pack for one in (stopped, started)} == {edition("NL")}
    assert {one.zone for one in (stopped, started)} == {"Europe/Amsterdam"}
    phones.write(JAN, "STOP", "STOP")
    assert told(phones)[-1].mt_id == 0, "a second STOP in a day is not confirmed again"


def test_what_an_event_and_an_action_of_the_rules_say_names_their_cause(store: Store) -> None:
    phones = Phones(store, promoting())
    happen(phones, "order", PIET, consent="transactional", ref="881")
    (bound,) = told(phones, PIET)
    (event,) = phones.table("events")
    assert (bound.method, bound.purpose_ref, bound.mo_id, bound.mt_id) == ("api", "881", event["id"], 0)
    phones.write(PIET, "WEG")
    left = told(phones, PIET)[-1]
    assert (left.action, left.message_class, left.mo_id) == ("revoke", "promotional", phones.table("inbound")[0]["id"])
    assert left.deployment == phones.ways.books.newest.deployment


def test_what_was_not_asked_because_it_may_not_go_out_is_no_row(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.commit(inbound=[phones.text("SHOPX", "JOIN")])  # no phone
    assert [row["state"] for row in phones.table("outbox")] == ["withheld"]
    assert phones.table("ledger") == []


def test_a_clock_that_is_set_back_changes_no_order(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, "JOIN", "JA")
    phones.later(HOUR)
    phones.write(JAN, "STOP")
    phones.later(-2 * HOUR)
    phones.write(JAN, "AAN")
    with store.begin() as tx:
        (view,) = views_of(tx, Suppressions(), JAN, NOW + HOUR)
        (between,) = views_of(tx, Suppressions(), JAN, NOW + HOUR - 1)
    assert view.current.opted_out_at is None
    assert not view.differs
    assert view.standing == view.current
    assert [event.record and event.record.action for event in view.events] == ["grant", "confirm", "revoke", "restore"]
    assert [event.record and event.record.action for event in between.events] == ["grant", "confirm"]
    phones.write(JAN, "STOP")
    with store.begin() as tx:
        (view,) = views_of(tx, Suppressions(), JAN, NOW + HOUR)
    assert not view.differs
    assert view.silenced_at is not None
    assert next(iter(verify(store))).broken_at is None


LEFT = """contact
    naam  text

keyword KLUB
    opt in promotional for klub
    reply "Welkom"

keyword ALLES
    opt in promotional
    reply "Welkom"

on event offer
    send promotional "Shop: korting! STOP = uit."

drip klub promotional
    at once
        send "Shop: clubnieuws. STOP = uit."
"""


def test_who_has_left_a_programme_is_not_written_to_for_it(store: Store) -> None:
    town = Town(store, LEFT)
    town.write(JAN, "ALLES", "KLUB")
    with store.begin() as tx:
        tx.write('UPDATE profiles SET consents = \'{"promotional":5,"promotional/klub":-7}\'')
    with store.begin() as tx:
        known = contacts.by_address(tx, [JAN], town.world.ids, town.world.now())
    one = known.profiles[known.contacts[JAN].id]["Shop"]
    assert not consent.allows(one, "promotional", "klub")
    assert consent.allows(one, "promotional", "")
    assert consent.allows(one, "promotional", "iets anders")


@pytest.mark.parametrize(("market", "pack"), [(None, ""), ("AQ", "AQ")])
def test_a_market_without_a_pack_has_no_edition(market: str | None, pack: str) -> None:
    assert edition(market) == pack


def test_an_edition_is_another_when_the_pack_is() -> None:
    assert edition("NL").startswith("NL ")
    assert edition("NL").split()[1] != edition("BE").split()[1]
    assert edition("RE").split() == ["RE", edition("FR").split()[1]]  # La Réunion


def test_an_edition_is_another_when_the_words_of_its_language_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(rules.__file__).parent / "markets", tmp_path / "markets")
    monkeypatch.setattr(editions, "files", lambda _: tmp_path)
    read = editions.edition.__wrapped__
    before = {market: read(market) for market in ("NL", "US")}
    assert before == {market: edition(market) for market in ("NL", "US")}
    with (tmp_path / "markets" / "language_nl.toml").open("a") as words:
        words.write("\n")
    assert read("NL") != before["NL"]
    assert read("US") == before["US"]


def test_an_optout_by_a_page_says_so(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, "HOI")
    now = phones.world.now()
    one = Occurrence(
        id=phones.world.ids.next(now), brand="Shop", address=JAN, name="optout", source="optout", at=now,
        received_at=now, values={"ip": "203.0.113.5", "agent": "Firefox", "page": "abc"},
    )  # fmt: skip
    phones.commit(occurrences=[one])
    (row,) = told(phones)
    assert (row.method, row.ip, row.user_agent, row.evidence_url) == ("web", "203.0.113.5", "Firefox", "abc")
    assert (row.zone, row.deployment) == ("Europe/Amsterdam", phones.ways.books.newest.deployment)
