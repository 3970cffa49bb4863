"""Parts of long messages: joined once, in whatever order, and delivered as they are when one never comes."""

import os
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.connectors.mapping import decode
from router import parts
from router.evidence import Ended
from router.instants import HOUR, SECOND
from router.messages import Inbound
from router.parts import PART_LIFE, UNSURE
from router.store.engine import Tx, open_store
from tests.support.routing import JAN, KEES, PIET, Phones

REFERENCES = count(1)


def read(phones: Phones) -> list[tuple[str, str]]:
    return [(row["text"], row["state"]) for row in phones.table("inbound")]


def send(phones: Phones, *messages: Inbound) -> None:
    for message in messages:
        phones.commit(inbound=[message])


def test_parts_are_joined_when_the_last_one_is_there(phones: Phones) -> None:
    send(phones, phones.part(JAN, b"JO", 1, 2))
    assert read(phones) == []
    done = phones.commit(inbound=[phones.part(JAN, b"IN", 2, 2)])
    assert read(phones) == [("JOIN", "routed")]
    assert [claim.text for claim in done.claims] == ["Welkom!"]
    assert all(row["joined_at"] == phones.world.now() for row in phones.table("parts"))


def test_octets_are_joined_and_not_texts(phones: Phones) -> None:
    """UCS-2: the cut goes through a character, and through a surrogate pair."""
    octets = "JOIN 😀".encode("utf-16-be")
    for index, piece in enumerate((octets[:11], octets[11:]), 1):
        send(phones, phones.part(JAN, piece, index, 2, charset="ucs2"))
    assert read(phones) == [("JOIN 😀", "routed")]


def test_a_part_that_comes_twice_counts_once(phones: Phones) -> None:
    first, second = phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"IN", 2, 2)
    send(phones, first, phones.part(JAN, b"JO", 1, 2), second)
    assert read(phones) == [("JOIN", "routed")]
    assert phones.commit(due=True).next_due is None, "nothing will come of the repeat"
    phones.later(2 * PART_LIFE)
    phones.commit(due=True)
    assert read(phones) == [("JOIN", "routed")]


@pytest.mark.parametrize("order", [(1, 2, 1, 2), (1, 1, 2, 2), (2, 2, 1, 1), (1, 2, 2, 1)], ids=str)
def test_a_text_of_which_every_part_comes_twice_was_written_twice(phones: Phones, order: Sequence[int]) -> None:
    """A phone that only knows one reference, and its owner votes twice. Copies of one PDU are told by the evidence."""
    for index in order:
        send(phones, phones.part(JAN, (b"JO", b"IN")[index - 1], index, 2))
    assert read(phones) == [("JOIN", "routed")] * 2


def test_a_text_is_written_again_after_another_with_the_same_reference(phones: Phones) -> None:
    for text in (b"JOIN", b"QUIZ", b"JOIN", b"JOIN", b"QUIZ"):
        send(phones, phones.part(JAN, text[:2], 1, 2), phones.part(JAN, text[2:], 2, 2))
    assert [text for text, _ in read(phones)] == ["JOIN", "QUIZ", "JOIN", "JOIN", "QUIZ"]


def test_repeats_of_two_texts_make_no_third(phones: Phones) -> None:
    for text in (b"JOIN", b"QUIZ"):
        send(phones, phones.part(JAN, text[:2], 1, 2), phones.part(JAN, text[2:], 2, 2))
    send(phones, phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"IZ", 2, 2))
    phones.later(2 * PART_LIFE)
    phones.commit(due=True)
    assert read(phones) == [("JOIN", "routed"), ("QUIZ", "routed")]


def test_a_repeat_does_not_get_into_another_text(phones: Phones) -> None:
    send(phones, phones.part(JAN, b"QU", 1, 2), phones.part(JAN, b"IZ", 2, 2), phones.part(JAN, b"QU", 1, 2))
    send(phones, phones.part(JAN, b"IN", 2, 2), phones.part(JAN, b"JO", 1, 2))
    assert read(phones) == [("QUIZ", "routed"), ("JOIN", "routed")]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=str)
def test_a_text_that_shares_a_part_with_the_last_one_waits_a_moment(phones: Phones, order: Sequence[int]) -> None:
    send(phones, phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"KE", 2, 2))
    send(phones, *(phones.part(JAN, (b"JO", b"IN")[index - 1], index, 2) for index in order))
    assert read(phones) == [("JOKE", "routed")]
    assert phones.commit(due=True).next_due == phones.world.now() + UNSURE
    send(phones, phones.part(JAN, b"JO", 1, 2))  # once more does not put it off
    phones.later(UNSURE)
    phones.commit(due=True)
    assert read(phones) == [("JOKE", "routed"), ("JOIN", "routed")]


def test_only_so_many_repeats_are_kept(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_LOOSE", 2)
    send(phones, *(phones.part(JAN, b"JO", 1, 2) for _ in range(5)))
    assert len(phones.table("parts")) == 3
    send(phones, *(phones.part(JAN, b"IN", 2, 2) for _ in range(5)))
    assert read(phones) == [("JOIN", "routed")] * 3


def test_repeats_are_forgotten_with_what_they_repeat(phones: Phones) -> None:
    send(phones, *(phones.part(JAN, piece, index, 2) for piece, index in ((b"JO", 1), (b"JO", 1), (b"IN", 2))))
    send(phones, phones.part(PIET, b"JO", 1, 2))
    phones.later(2 * HOUR)
    phones.housekeep()
    assert [row["sender"] for row in phones.table("parts")] == [PIET], "it was not delivered yet"


def test_each_part_is_read_by_its_own_charset(phones: Phones) -> None:
    """A phone may change to UCS-2 where the first letter needs it, and back."""
    pieces = (("JO".encode("utf-16-be"), "ucs2"), (b"I", "latin1"), (b"N ", "latin1"), ("é".encode(), "utf8"))
    for index, (octets, charset) in enumerate(pieces, 1):
        send(phones, phones.part(JAN, octets, index, 4, charset=charset))
    assert read(phones) == [("JOIN é", "routed")]


def test_each_part_of_an_incomplete_message_is_read_by_its_own_charset(phones: Phones) -> None:
    send(phones, phones.part(JAN, "JO".encode("utf-16-be"), 1, 3, charset="ucs2"))
    send(phones, phones.part(JAN, b"IN", 3, 3))
    phones.later(PART_LIFE)
    phones.commit(due=True)
    assert read(phones) == [("JOIN", "incomplete")]


@pytest.mark.parametrize("charset", ["ucs2", "ascii", "utf8", "gsm7", "gsm7/1/2", "of old"])
def test_half_of_a_broken_text_does_not_hold_up_what_falls_due(phones: Phones, charset: str) -> None:
    """Cut inside a character, and its other half never comes: any phone can send that."""
    half = "STOP nu 😀".encode("utf-16-be")[:-2] if charset == "ucs2" else b"JOIN \xf0\x9f"
    send(phones, phones.part(JAN, half, 1, 2, charset=charset))
    phones.write(PIET, "STRAKS")
    phones.later(PART_LIFE)
    done = phones.commit(due=True)
    assert done.faults == []
    (text,) = (row["text"] for row in phones.table("inbound") if row["state"] == "incomplete")
    assert text.startswith(("STOP nu \ufffd", "JOIN \ufffd"))
    assert "Tien minuten later." in [row["text"] for row in phones.table("outbox")]
    assert phones.table("quarantine") == []


def test_stop_in_parts_with_a_stray_half_character_opts_out(phones: Phones) -> None:
    octets = "STOP".encode("utf-16-be") + b"\xd8\x3d"
    send(phones, *(phones.part(JAN, octets[at : at + 5], at // 5 + 1, 2, charset="ucs2") for at in (0, 5)))
    assert read(phones) == [("STOP\ufffd", "opted_out")]
    assert [row["opted_out_at"] for row in phones.table("profiles")] == [phones.world.now()]


def test_the_parts_of_a_last_one_that_cannot_be_acted_upon_are_kept_with_it(phones: Phones) -> None:
    first, second = phones.part(JAN, b"JO", 1, 3), phones.part(JAN, b"I", 2, 3)
    send(phones, first)
    with phones.store.begin() as tx:
        assert parts.set_aside(tx, second) == [], "the first may yet be joined with others"
    send(phones, second)
    last = phones.part(JAN, b"N", 3, 3)
    with phones.store.begin() as tx:
        kept = parts.set_aside(tx, last)
        assert parts.set_aside(tx, phones.text(JAN, "JOIN")) == []
    assert [(one.id, one.octets) for one in kept] == [(first.id, b"JO"), (second.id, b"I")]
    phones.later(2 * PART_LIFE)
    phones.commit(due=True)
    assert read(phones) == []


def test_two_senders_with_one_reference_are_told_apart(phones: Phones) -> None:
    send(phones, phones.part(JAN, b"JO", 1, 2), phones.part(PIET, b"QU", 1, 2))
    send(phones, phones.part(PIET, b"IZ", 2, 2), phones.part(JAN, b"IN", 2, 2))
    assert read(phones) == [("QUIZ", "routed"), ("JOIN", "routed")]


@pytest.mark.parametrize(
    "other",
    [{"recipient": "5511"}, {"connector": "b"}, {"reference": 10}, {"total": 3}],
    ids=lambda one: next(iter(one)),
)
def test_what_differs_in_anything_is_another_message(phones: Phones, other: dict[str, object]) -> None:
    known: dict[str, object] = {"total": 2}
    send(phones, phones.part(JAN, b"JO", 1, 2))
    send(phones, phones.part(JAN, b"IN", 2, **(known | other)))  # type: ignore[arg-type]
    assert read(phones) == []


def test_a_part_that_never_comes_is_not_waited_for(phones: Phones) -> None:
    send(phones, phones.part(JAN, b"WORLD", 3, 3), phones.part(JAN, b"JOIN ", 1, 3))
    phones.later(PART_LIFE - 1)
    phones.commit(due=True)
    assert read(phones) == []
    phones.later(1)
    done = phones.commit(due=True)
    assert read(phones) == [("JOIN WORLD", "incomplete")]
    assert [claim.text for performance in done.performances for claim in performance.claims] == ["Welkom!"]
    phones.commit(due=True)
    assert len(read(phones)) == 1


def test_the_last_part_of_an_incomplete_message_begins_another(phones: Phones) -> None:
    send(phones, phones.part(JAN, b"JO", 1, 2))
    phones.later(PART_LIFE)
    phones.commit(due=True)
    send(phones, phones.part(JAN, b"IN", 2, 2))
    phones.later(PART_LIFE)
    phones.commit(due=True)
    assert read(phones) == [("JO", "incomplete"), ("IN", "incomplete")]


def test_a_reference_that_is_used_anew_ends_the_wait_of_the_old_one(phones: Phones) -> None:
    send(phones, phones.part(JAN, b"old first", 1, 2))
    send(phones, phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"IN", 2, 2))
    assert read(phones) == [("JOIN", "routed")]
    phones.commit(due=True)
    assert read(phones) == [("JOIN", "routed"), ("old first", "incomplete")]


def test_a_reference_is_one_messages_for_its_life_time(phones: Phones) -> None:
    send(phones, phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"IN", 2, 2))
    phones.later(PART_LIFE)
    send(phones, phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"IN", 2, 2))
    assert read(phones) == [("JOIN", "routed")] * 2


def test_several_incomplete_messages_of_one_sender_come_one_after_the_other(phones: Phones) -> None:
    for reference in (1, 2, 3):
        send(phones, phones.part(JAN, b"JOIN", 1, 2, reference=reference))
    send(phones, phones.part(PIET, b"JOIN", 1, 2, reference=1))
    phones.later(PART_LIFE)
    done = phones.commit(due=True)
    assert read(phones) == [("JOIN", "incomplete")] * 4
    assert {claim.address for claim in done.claims} == {JAN, PIET}
    assert phones.states() == ["claimed", "claimed", "ready", "ready"]


def test_a_look_takes_only_so_many(phones: Phones) -> None:
    for reference in (1, 2, 3):
        send(phones, phones.part(JAN, b"JOIN", 1, 2, reference=reference))
    phones.later(PART_LIFE)
    done = phones.commit(due=True, most_due=2)
    assert len(read(phones)) == 2
    assert done.next_due == phones.world.now()


def test_parts_survive_a_restart(phones: Phones) -> None:
    send(phones, phones.part(JAN, b"JO", 1, 2))
    anew = Phones(phones.store)
    anew.later(SECOND)
    send(anew, anew.part(JAN, b"IN", 2, 2))
    assert read(anew) == [("JOIN", "routed")]


def test_two_nodes_that_get_a_part_each_join_them_once(two_nodes: tuple[Phones, Phones]) -> None:
    phones, other = two_nodes
    first, second = phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"IN", 2, 2)
    with other.store.begin() as tx:
        assert parts.join(tx, first, decode) is None
        with phones.store.begin() as mine:
            held = mine.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (JAN,))
        assert held == [(False,)]  # whoever comes second waits until the first one's part can be seen
    send(phones, second)
    assert read(phones) == [("JOIN", "routed")]


def test_parts_that_another_node_joined_meanwhile_are_its_own(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were overdue when they were looked for, and joined when their sender was held."""
    send(phones, phones.part(JAN, b"JO", 1, 2))
    phones.later(PART_LIFE)
    hold = parts._hold

    def held(tx: Tx, sender: str) -> None:
        hold(tx, sender)
        tx.write("UPDATE parts SET joined_at = 1")

    monkeypatch.setattr(parts, "_hold", held)
    phones.commit(due=True)
    assert read(phones) == []


def test_a_text_that_is_no_part_is_whole(phones: Phones) -> None:
    message = phones.text(JAN, "JOIN")
    with phones.store.begin() as tx:
        assert parts.join(tx, message, decode) is message
    assert phones.table("parts") == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(st.data())
def test_any_order_of_any_parts_comes_to_the_same_text_once(phones: Phones, data: st.DataObject) -> None:
    total, reference = data.draw(st.integers(1, 5)), next(REFERENCES)
    pieces = [f"{reference}-{index} ".encode() for index in range(1, total + 1)]
    twice: Sequence[int] = data.draw(st.lists(st.integers(1, total), max_size=3)) if total > 1 else ()
    once = data.draw(st.integers(1, total))  # else it was written twice
    order = data.draw(st.permutations([*range(1, total + 1), *(index for index in twice if index != once)]))
    before = len(read(phones))
    for index in order:
        phones.later(data.draw(st.integers(0, 30)) * SECOND)
        send(phones, phones.part(JAN, pieces[index - 1], index, total, reference=reference))
    assert read(phones)[before:] == [(b"".join(pieces).decode(), "routed")]


class Sets:
    """Long texts by seed: several under way at once, in any order, some parts more than once."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.made = 0

    def text(self, sender: str, reference: int) -> list[tuple[str, int, int, int, bytes]]:
        """The parts of one text as they come, in their order of sending, and now and then some of them again."""
        self.made += 1
        total = self.chance.randint(2, 5)
        pieces = [f"{self.made}:{index}of{total} ".encode() for index in range(1, total + 1)]
        one = [(sender, reference, total, index, piece) for index, piece in enumerate(pieces, 1)]
        one += self.chance.choices(one, k=self.chance.choice((0, 0, 1, 2, total, 2 * total)))
        self.chance.shuffle(one)
        return one

    def round(self, texts: int) -> list[tuple[str, int, int, int, bytes]]:
        """So many texts of few senders, who all use the same references: their parts come interleaved."""
        flows = [
            [part for _ in range(self.chance.randint(1, 3)) for part in self.text(sender, reference)]
            for sender in (JAN, PIET, KEES)
            for reference in self.chance.sample(range(256), texts // 6)
        ]
        come = []
        while flows:
            flow = self.chance.choice(flows)
            come.append(flow.pop(0))
            flows = [one for one in flows if one]
        return come


def rarest(come: list[tuple[str, int, int, int, bytes]]) -> Counter[tuple[str, str]]:
    """How often each text was written, at the least: as often as its rarest part came."""
    copies: dict[tuple[str, bytes], dict[bytes, int]] = {}
    for sender, _, total, _, piece in come:
        found = copies.setdefault((sender, piece.split(b":")[0]), {})
        found[piece] = found.get(piece, 0) + 1
        assert len(found) <= total
    return Counter(
        {(sender, b"".join(sorted(found)).decode()): min(found.values()) for (sender, _), found in copies.items()}
    )


def test_of_many_sets_each_is_delivered_as_often_as_it_came_and_none_is_mixed(sqlite_template: Path) -> None:
    """The long form: KWEK_PARTS=100000. The files' own statements on SQLite, one transaction a round."""
    sets, wanted = Sets(int(os.environ.get("SEED", "1"))), int(os.environ.get("KWEK_PARTS", "1000"))
    while sets.made < wanted:
        store = open_store(f"sqlite:///{sqlite_template}")
        phones = Phones(store)
        come, got = sets.round(min(120, wanted)), Counter[tuple[str, str]]()
        with suppress(Undone), store.begin() as tx:
            for sender, reference, total, index, piece in come:
                whole = parts.join(tx, phones.part(sender, piece, index, total, reference=reference), decode)
                if whole is not None:
                    got[sender, whole.text] += 1
            assert parts.overdue(tx, phones.world.now() + 2 * PART_LIFE, 1_000, phones.world.ids, decode) == []
            raise Undone
        store.close()
        assert got == rarest(come)


class Undone(Exception):
    """Raised to have a transaction leave nothing behind."""


def test_a_part_that_was_delivered_before_is_a_doubt_again_when_its_own_answer_is(phones: Phones) -> None:
    """Whoever delivers for the third time is not taken for somebody who writes again."""
    first = phones.part(JAN, b"ST", 1, 2, session=1, fingerprint=7)
    again = phones.part(JAN, b"ST", 1, 2, session=2, fingerprint=7)
    third = phones.part(JAN, b"ST", 1, 2, session=3, fingerprint=7)
    soon = phones.world.now() + HOUR
    phones.commit(inbound=[first])
    phones.commit(ended=[Ended(1, [first.id], soon)], inbound=[again])
    phones.commit(ended=[Ended(2, [again.id], soon)], inbound=[third])
    assert [row["reason"] for row in phones.table("quarantine")] == [
        f"delivered before, as part {first.id}",
        f"delivered before, as part {again.id}",
    ]
    phones.commit(inbound=[phones.part(JAN, b"OP", 2, 2, session=3, fingerprint=8)])
    assert [row["text"] for row in phones.table("inbound")] == ["STOP"]
    assert [row["id"] for row in phones.table("parts") if not row["set_id"]] == [again.id, third.id]
