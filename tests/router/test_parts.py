"""Parts of long messages: joined once, in whatever order, and delivered as they are when one never comes."""

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router import parts
from router.instants import SECOND
from router.messages import Inbound
from router.parts import PART_LIFE
from router.store.engine import Tx
from tests.support.routing import JAN, PIET, Phones, decode

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
        send(phones, phones.part(JAN, piece, index, 2, charset="utf-16-be"))
    assert read(phones) == [("JOIN 😀", "routed")]


def test_a_part_that_comes_twice_counts_once(phones: Phones) -> None:
    first, second = phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"IN", 2, 2)
    again = [phones.part(JAN, b"JO", 1, 2), phones.part(JAN, b"IN", 2, 2)]
    send(phones, first, again[0], second, again[1])
    assert read(phones) == [("JOIN", "routed")]
    phones.later(2 * PART_LIFE)
    phones.commit(due=True)
    assert read(phones) == [("JOIN", "routed")]


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
    total, reference = data.draw(st.integers(1, 4)), next(REFERENCES)
    pieces = [f"{reference}-{index} ".encode() for index in range(1, total + 1)]
    twice: Sequence[int] = data.draw(st.lists(st.integers(1, total), max_size=3))
    order = data.draw(st.permutations([*range(1, total + 1), *twice]))
    before = len(read(phones))
    for index in order:
        phones.later(data.draw(st.integers(0, 30)) * SECOND)
        send(phones, phones.part(JAN, pieces[index - 1], index, total, reference=reference))
    assert read(phones)[before:] == [(b"".join(pieces).decode(), "routed")]
