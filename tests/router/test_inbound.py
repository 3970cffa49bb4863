"""A batch of texts comes in: each is kept, acted upon once, and shown when it cannot be."""

import msgspec
import pytest

from gateway.connectors.mapping import decode
from router.inbound import ILLEGIBLE
from router.instants import MINUTE
from router.parts import PART_LIFE
from router.ways import OLD_BOOKS, ROUNDS, Ways
from router.world import Virtual
from rules.rulebook import Rulebook
from tests.support.routing import JAN, KEES, NOW, PIET, RULES, Phones, book_of, shop


def test_each_text_of_a_batch_is_acted_upon(phones: Phones) -> None:
    texts = [phones.text(JAN, "JOIN"), phones.text(PIET, "naam Piet"), phones.text(KEES, "wat?")]
    done = phones.commit(inbound=texts)
    assert [(claim.address, claim.text) for claim in done.claims] == [
        (JAN, "Welkom!"), (PIET, "Dag Piet."), (KEES, "Dat begrijpen we niet."),
    ]  # fmt: skip
    assert [row["id"] for row in phones.table("inbound")] == [text.id for text in texts]
    assert done.accepted == texts


def test_what_cannot_be_read_is_kept_with_its_octets(phones: Phones) -> None:
    broken = phones.text(JAN, "?", unreadable="a header longer than the text")
    done = phones.commit(inbound=[broken, phones.text(PIET, "JOIN")])
    (row,) = phones.table("quarantine")
    assert (row["id"], bytes(row["frame"]), row["reason"]) == (broken.id, broken.frame, "a header longer than the text")
    assert len(phones.table("inbound")) == 1
    assert len(done.accepted) == 2
    bare = msgspec.structs.replace(phones.text(JAN, "?", unreadable="no frame"), frame=b"")
    phones.commit(inbound=[bare])
    assert bytes(phones.table("quarantine")[1]["frame"]) == b"?"


def test_what_is_no_text_is_heard_where_it_says_stop(phones: Phones) -> None:
    """Whatever its octets are declared to be: who says STOP is silenced."""
    stop, other = phones.text(JAN, "STOP", unreadable="binary"), phones.text(PIET, "JOIN", unreadable="binary")
    done = phones.commit(inbound=[stop, other])
    assert [(row["id"], row["state"]) for row in phones.table("inbound")] == [(stop.id, "opted_out")]
    assert [row["opted_out_at"] for row in phones.table("profiles")] == [NOW]
    assert [(row["id"], row["reason"]) for row in phones.table("quarantine")] == [(other.id, "binary")]
    assert done.accepted == [stop, other], "both are acknowledged"


@pytest.mark.parametrize("text", ["\ufffd", " \ufffd\n\ufffd "])
def test_a_text_of_which_damage_left_nothing_is_kept_with_its_octets(phones: Phones, text: str) -> None:
    message = phones.text(JAN, text)
    assert phones.commit(inbound=[message, phones.text(PIET, "")]).accepted[0] is message
    assert [(bytes(row["frame"]), row["reason"]) for row in phones.table("quarantine")] == [(message.frame, ILLEGIBLE)]
    assert [row["text"] for row in phones.table("inbound")] == [""], "who says nothing is answered"


def test_parts_of_which_damage_left_nothing_are_kept_with_all_their_octets(phones: Phones) -> None:
    for index, octets in ((1, b"\xd8\x3d"), (2, b"\xd8")):
        phones.commit(inbound=[phones.part(JAN, octets, index, 2, charset="ucs2")])
    phones.commit(inbound=[phones.part(PIET, b"\xd8", 1, 2, charset="ucs2")])
    phones.later(PART_LIFE)
    assert phones.commit(due=True).faults == []
    kept = [(bytes(row["frame"]), row["reason"]) for row in phones.table("quarantine")]
    assert kept == [(b"\xd8\x3d\xd8", f"{ILLEGIBLE} (from {JAN})"), (b"\xd8", f"{ILLEGIBLE} (from {PIET})")]
    assert phones.table("inbound") == []


def test_a_number_that_no_brand_has_is_kept_and_not_answered(phones: Phones) -> None:
    done = phones.commit(inbound=[phones.text(JAN, "JOIN", recipient="9999")])
    assert done.claims == []
    assert [(row["state"], row["number"]) for row in phones.table("inbound")] == [("unrouted", "9999")]


def test_nothing_at_all_is_a_group_too(phones: Phones) -> None:
    assert phones.commit().performances == []
    assert phones.commit(inbound=[]).claims == []


# ---- rule sets that change


def test_a_question_of_an_earlier_rule_set_is_answered_in_it(phones: Phones) -> None:
    """The newest set lacks the step: it is had from the store, for the whole batch at once."""
    old = shop()
    asked: list[str] = []

    def revive(sources: str) -> Rulebook:
        asked.append(sources)
        return old

    phones.write(JAN, "QUIZ")
    phones.write(PIET, "QUIZ")
    with phones.store.begin() as tx:
        mark = "?" if tx.dialect == "sqlite" else "%s"
        tx.write(f"INSERT INTO deployments VALUES ({mark}, 'the sources', 0, 0)", (old.deployment,))
    newest = book_of(("shop.rules", RULES.replace("keyword QUIZ", "keyword RAADSEL")))
    phones.ways = Ways(Virtual(NOW), "ams-1", newest, decode, revive)
    phones.ways.world.ids.go_on_after(phones.world.ids.next(NOW))
    done = phones.commit(inbound=[phones.text(JAN, "ja"), phones.text(PIET, "ja")])
    assert [row["text"] for row in phones.table("outbox")][2:] == ["Mooi.", "Mooi."]
    assert asked == ["the sources"]
    assert done.faults == []


def test_a_rule_set_that_is_gone_ends_its_questions_on_record(phones: Phones) -> None:
    phones.write(JAN, "QUIZ")
    newest = book_of(("shop.rules", RULES.replace("keyword QUIZ", "keyword RAADSEL")))
    phones.ways.adopt(newest)
    phones.ways._older.clear()
    phones.commit(inbound=[phones.text(JAN, "JOIN")])
    assert phones.table("runs") == []
    assert phones.table("inbound")[1]["fault"] != ""


def test_the_set_just_replaced_is_at_hand(phones: Phones) -> None:
    phones.write(JAN, "QUIZ")
    phones.ways.adopt(book_of(("shop.rules", RULES.replace("keyword QUIZ", "keyword RAADSEL"))))
    phones.commit(inbound=[phones.text(JAN, "ja")])
    assert [row["text"] for row in phones.table("outbox")] == ["Ja of nee?", "Mooi."]


def test_so_many_earlier_rule_sets_are_kept_and_no_more(phones: Phones) -> None:
    for number in range(OLD_BOOKS + 5):
        phones.ways.adopt(msgspec.structs.replace(shop(), deployment=str(number)))
    assert len(phones.ways._older) == OLD_BOOKS
    assert phones.ways.books.newest.deployment == str(OLD_BOOKS + 4)


def test_whoever_asks_without_end_is_a_fault_of_ours(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.write(JAN, "QUIZ")
    phones.ways.adopt(book_of(("shop.rules", RULES.replace("keyword QUIZ", "keyword RAADSEL"))))
    phones.ways._older.clear()
    monkeypatch.setattr(phones.ways, "_fetch", lambda *_: None)
    done = phones.commit(inbound=[phones.text(JAN, "ja")])
    ((_, reason),) = done.quarantined
    assert reason.startswith(f"RuntimeError: decide still asks after {ROUNDS} rounds")


def test_the_contacts_next_text_sees_what_the_last_one_did(phones: Phones) -> None:
    phones.write(JAN, "JOIN", "QUIZ", "ja")
    assert [row["text"] for row in phones.table("outbox")] == ["Welkom!", "Ja of nee?", "Mooi."]
    assert [row["tags"] for row in phones.table("profiles")] == ["[]"]
    phones.later(MINUTE)
    assert phones.table("runs") == []
