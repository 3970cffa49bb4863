"""What is in doubt excuses one equal text each, and nothing else is ever merged: on both stores, and between nodes."""

from typing import Any

import msgspec

from router import evidence
from router.evidence import LONGEST_HOLD, STRONG_ID_LIFE, Ended, Mark
from router.instants import DAY, HOUR, SECOND
from router.messages import Inbound
from router.store.engine import Store
from tests.support.routing import JAN, KEES, PIET, RULES, Phones, book_of

A, B, C = 101, 102, 103


def stem(phones: Phones, session: int = A, sender: str = JAN, **more: Any) -> Inbound:
    """A vote: two votes that count as one are a loss, one that counts twice is a double."""
    return phones.text(sender, "STEM a", session=session, **({"fingerprint": int(sender)} | more))


def votes(phones: Phones) -> int:
    return len(phones.table("records"))


def duplicates(phones: Phones) -> dict[int, int]:
    """The texts that are suspected to repeat another, with that."""
    rows = phones.table("inbound")
    assert all((row["state"] == "suspected_duplicate") == (row["duplicate_of"] is not None) for row in rows)
    return {row["id"]: row["duplicate_of"] for row in rows if row["duplicate_of"] is not None}


def doubts(phones: Phones) -> list[int]:
    return [row["inbound_id"] for row in phones.table("doubts")]


def over(phones: Phones, *texts: Inbound, session: int = A, lasts: int = HOUR) -> Ended:
    """The session's end leaves these in doubt."""
    return Ended(session, [text.id for text in texts], phones.world.now() + lasts)


# ---- opt-outs among repeats


def stop(phones: Phones, session: int, text: str = "STOP", **more: Any) -> Inbound:
    return phones.text(JAN, text, session=session, fingerprint=77, **more)


def left(phones: Phones, text: Inbound, lasts: int = HOUR) -> None:
    """A text comes in, and its link breaks before it is provably acknowledged."""
    phones.commit(inbound=[text])
    phones.commit(ended=[over(phones, text, session=text.session, lasts=lasts)])


def silenced(phones: Phones) -> list[bool]:
    return [row["opted_out_at"] is not None for row in phones.table("profiles")]


def test_a_stop_that_is_taken_for_a_repeat_is_heard_when_start_lies_between(phones: Phones) -> None:
    left(phones, first := stop(phones, A))
    phones.write(JAN, "AAN")
    done = phones.commit(inbound=[again := stop(phones, B)])
    assert (done.claims, [one.cause_id for one in done.stops], silenced(phones)) == ([], [again.id], [True])
    row = phones.table("inbound")[-1]
    assert (row["state"], row["duplicate_of"]) == ("opted_out", first.id)
    assert [row["action"] for row in map(_details, phones.table("ledger_details"))] == ["revoke", "restore", "revoke"]
    assert phones.write(JAN, "JOIN") == []


def test_a_repeated_stop_of_somebody_silenced_changes_nothing(phones: Phones) -> None:
    first, again = stop(phones, A), stop(phones, B)
    left(phones, first)
    phones.commit(inbound=[again])
    assert duplicates(phones) == {again.id: first.id}


def test_a_repeated_stop_is_confirmed_when_the_first_is_more_than_a_day_old(phones: Phones) -> None:
    left(phones, stop(phones, A), lasts=3 * DAY)
    phones.write(JAN, "AAN")
    phones.later(DAY + HOUR)
    done = phones.commit(inbound=[stop(phones, B)])
    assert [claim.message_class for claim in done.claims] == []
    assert phones.states()[-1] == "ready", "the one before it is still on the wire"


def test_a_stop_that_the_peers_own_id_says_is_the_same_does_not_undo_start(phones: Phones) -> None:
    phones.commit(inbound=[stop(phones, A, strong_id="1", scope="carrier")])
    phones.write(JAN, "AAN")
    phones.commit(inbound=[stop(phones, B, strong_id="1", scope="carrier")])
    assert silenced(phones) == [False]


def test_an_answer_that_comes_again_when_its_question_is_closed_is_no_opt_out(store: Store) -> None:
    asks = RULES + 'keyword VRAAG\n    ask "Stoppen of door?"\n        answer STOPPEN\n            reply "Goed."\n'
    phones = Phones(store, book_of(("shop.rules", asks)))
    phones.write(JAN, "VRAAG")
    left(phones, stop(phones, A, "stoppen"))
    assert phones.table("inbound")[-1]["state"] == "routed"
    phones.commit(inbound=[stop(phones, B, "stoppen")])
    assert (phones.table("inbound")[-1]["state"], silenced(phones)) == ("suspected_duplicate", [])


def _details(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(row["details"])
    return found


# ---- doubts


def test_equal_texts_without_a_doubt_all_count(phones: Phones) -> None:
    for session in (A, A, B):
        phones.commit(inbound=[text := stem(phones, session)])
        phones.commit(marks=[Mark(session, "carrier", text.id)])
    assert (votes(phones), duplicates(phones)) == (3, {})


def test_a_doubt_excuses_one_equal_text_and_has_no_effect(phones: Phones) -> None:
    first, again, third = stem(phones), stem(phones, B), stem(phones, B)
    phones.commit(inbound=[first])
    phones.commit(ended=[over(phones, first)])
    assert doubts(phones) == [first.id]
    done = phones.commit(inbound=[again])
    assert done.accepted == [again], "it is answered like any other"
    assert (votes(phones), duplicates(phones), doubts(phones)) == (1, {again.id: first.id}, [])
    assert done.performances[0].dispositions == {"suspected_duplicate": 1}
    phones.commit(inbound=[third])
    assert (votes(phones), duplicates(phones)) == (2, {again.id: first.id})


def test_two_in_doubt_excuse_two_the_oldest_first_and_the_third_counts(phones: Phones) -> None:
    first, second, *later = (stem(phones, session) for session in (A, A, B, B, B))
    for text in (first, second):
        phones.commit(inbound=[text])
    phones.commit(ended=[over(phones, second, first)])
    for text in later:
        phones.commit(inbound=[text])
    assert duplicates(phones) == {later[0].id: first.id, later[1].id: second.id}
    assert votes(phones) == 3


def test_a_doubt_is_of_its_fingerprint_and_ends_with_its_time(phones: Phones) -> None:
    first = stem(phones)
    phones.commit(inbound=[first])
    phones.commit(ended=[over(phones, first, lasts=HOUR)])
    phones.commit(inbound=[stem(phones, B, PIET), stem(phones, B, JAN, fingerprint=5)])
    assert (votes(phones), duplicates(phones)) == (3, {})
    phones.later(HOUR)
    phones.commit(inbound=[stem(phones, B)])
    assert (votes(phones), duplicates(phones)) == (4, {})


def test_of_one_batch_each_sender_spends_his_own(phones: Phones) -> None:
    senders = [JAN, PIET, KEES]
    first = [stem(phones, sender=one) for one in senders]
    phones.commit(inbound=first)
    phones.commit(ended=[over(phones, *first)])
    again = [stem(phones, B, one) for one in senders]
    phones.commit(inbound=again)
    assert duplicates(phones) == {two.id: one.id for one, two in zip(first, again, strict=True)}


def test_a_suspected_duplicate_in_doubt_is_a_new_doubt_and_the_spent_one_does_not_come_back(phones: Phones) -> None:
    first, second, third, fourth = (stem(phones, session) for session in (A, B, C, C))
    phones.commit(inbound=[first])
    phones.commit(ended=[over(phones, first)])
    phones.commit(inbound=[second], ended=[over(phones, first)])
    phones.commit(ended=[over(phones, second, session=B), over(phones, first)])
    assert doubts(phones) == [second.id]
    for text in (third, fourth):
        phones.commit(inbound=[text])
    assert (votes(phones), duplicates(phones)) == (2, {second.id: first.id, third.id: second.id})


def test_what_was_not_kept_is_in_no_doubt(phones: Phones) -> None:
    gone = stem(phones)
    phones.commit(ended=[over(phones, gone)])
    assert doubts(phones) == []
    phones.commit(inbound=[stem(phones, B)])
    assert votes(phones) == 1


# ---- repeats that the link told


def test_a_repeat_that_the_link_recognised_has_no_effect_and_is_no_doubt_of_its_own(phones: Phones) -> None:
    first = stem(phones)
    again = msgspec.structs.replace(stem(phones), repeats=first.id)
    phones.commit(inbound=[first])
    phones.commit(inbound=[again])
    assert (votes(phones), duplicates(phones)) == (1, {again.id: first.id})
    phones.commit(ended=[over(phones, first, again)])
    assert doubts(phones) == [first.id], "one text, one doubt"


def test_a_repeat_of_what_was_given_back_is_the_text(phones: Phones) -> None:
    again = msgspec.structs.replace(stem(phones), repeats=stem(phones).id)
    phones.commit(inbound=[again])
    assert (votes(phones), duplicates(phones)) == (1, {})


# ---- identities of the peer's own


def test_a_peers_own_id_decides_whatever_the_words(phones: Phones) -> None:
    first = stem(phones, strong_id="0a01", scope="carrier")
    same_words = stem(phones, strong_id="0a02", scope="carrier")
    again = stem(phones, C, strong_id="0a01", scope="carrier", fingerprint=9)
    other_scope = stem(phones, C, strong_id="0a01", scope="other", fingerprint=10)
    for text in (first, same_words, again, other_scope):
        phones.commit(inbound=[text])
    assert (votes(phones), duplicates(phones)) == (3, {again.id: first.id})


def test_a_text_that_was_held_is_no_repeat_of_itself(phones: Phones) -> None:
    held = stem(phones, strong_id="0a01", scope="carrier")
    with phones.store.begin() as tx:
        evidence.repeats_in(tx, [held], phones.ways.memory, phones.world.now())
    phones.commit(inbound=[held])
    assert (votes(phones), duplicates(phones)) == (1, {})


def test_ids_of_a_batch_are_looked_up_together_and_forgotten_after_their_time(phones: Phones) -> None:
    batch = [stem(phones, sender=one, strong_id=one, scope="carrier") for one in (JAN, PIET)]
    phones.commit(inbound=batch)
    again = [stem(phones, B, one, strong_id=one, scope="carrier") for one in (JAN, PIET, KEES)]
    phones.commit(inbound=again)
    assert duplicates(phones) == {two.id: one.id for one, two in zip(batch, again, strict=False)}
    phones.later(STRONG_ID_LIFE + SECOND)
    phones.housekeep()
    assert phones.table("strong_ids") == []


# ---- parts


def test_a_part_in_doubt_is_not_joined_a_second_time(phones: Phones) -> None:
    """The last part of a long text is on disk, its acknowledgement in doubt: it must not begin a new set."""
    one = phones.part(JAN, b"STEM ", 1, 2, session=A, fingerprint=1)
    two = phones.part(JAN, b"a", 2, 2, session=A, fingerprint=2)
    phones.commit(inbound=[one])
    phones.commit(inbound=[two])
    phones.commit(ended=[over(phones, one, two)])
    assert doubts(phones) == [one.id, two.id]
    phones.commit(inbound=[phones.part(JAN, b"STEM ", 1, 2, session=B, fingerprint=1)])
    phones.commit(inbound=[phones.part(JAN, b"a", 2, 2, session=B, fingerprint=2)])
    assert (votes(phones), doubts(phones)) == (1, [])
    assert all(row["joined_at"] for row in phones.table("parts"))


# ---- at start


def test_after_a_crash_what_the_last_mark_does_not_cover_is_in_doubt(phones: Phones) -> None:
    phones.commit(marks=[Mark(A, "carrier", A), Mark(B, "other", B)])
    sure, unsure, of_b, of_nobody = stem(phones), stem(phones), stem(phones, B, PIET), stem(phones, C, KEES)
    for text in (sure, unsure, of_b, of_nobody):
        phones.commit(inbound=[text], marks=[Mark(A, "carrier", sure.id)])
    now = phones.world.now()
    with phones.store.begin() as tx:
        assert evidence.recover(tx, "ams-9", now, {}) == 0, "another node's sessions are its own"
        assert evidence.recover(tx, "ams-1", now, {"carrier": HOUR}) == 2
        assert evidence.recover(tx, "ams-1", now, {"carrier": HOUR}) == 0
    found = {row["inbound_id"]: row["expires_at"] - now for row in phones.table("doubts")}
    assert found == {unsure.id: HOUR, of_b.id: DAY}
    phones.commit(inbound=[stem(phones, C)])
    phones.commit(inbound=[stem(phones, C)])
    assert votes(phones) == 5


def test_a_repeat_of_before_the_crash_does_not_make_its_first_doubtful_again(phones: Phones) -> None:
    phones.commit(marks=[Mark(A, "carrier", A), Mark(B, "carrier", B)])
    first, again = stem(phones), stem(phones, B)
    phones.commit(inbound=[first])
    phones.commit(ended=[Ended(C, [first.id], phones.world.now() + HOUR)])
    phones.commit(inbound=[again])
    with phones.store.begin() as tx:
        assert evidence.recover(tx, "ams-1", phones.world.now(), {}) == 1
    assert doubts(phones) == [again.id]


def test_a_crash_between_a_text_of_a_dead_session_and_its_doubt_leaves_it_in_doubt(phones: Phones) -> None:
    phones.commit(marks=[Mark(A, "carrier", A)])
    late = stem(phones)
    phones.commit(inbound=[late], ended=[Ended(A, [late.id], phones.world.now() + HOUR, over=False)])
    assert doubts(phones) == []
    with phones.store.begin() as tx:
        assert evidence.recover(tx, "ams-1", phones.world.now(), {}) == 1
    assert doubts(phones) == [late.id]


def test_a_mark_moves_on_and_an_end_is_written_once(phones: Phones) -> None:
    phones.commit(marks=[Mark(A, "carrier", 110)])
    phones.commit(marks=[Mark(A, "carrier", 120)], ended=[Ended(A, [], 0)])
    (row,) = phones.table("sessions")
    assert (row["connector"], row["node"], row["confirmed_id"]) == ("carrier", "ams-1", 120)
    assert row["ended_at"] == phones.world.now()


def test_a_node_that_was_taken_for_dead_has_its_sessions_again_when_it_returns(phones: Phones) -> None:
    phones.commit(marks=[Mark(A, "carrier", A)])
    phones.commit(ended=[Ended(A, [], phones.world.now())])
    phones.commit(marks=[Mark(A, "carrier", A + 1)])
    assert [(row["confirmed_id"], row["ended_at"]) for row in phones.table("sessions")] == [(A + 1, None)]


def test_housekeeping_forgets_what_nobody_delivers_again(phones: Phones) -> None:
    first = stem(phones)
    phones.commit(inbound=[first], marks=[Mark(A, "carrier", 110), Mark(B, "carrier", 110)])
    phones.commit(ended=[over(phones, first, lasts=HOUR)])
    phones.later(STRONG_ID_LIFE)
    phones.housekeep()
    assert (doubts(phones), [row["session"] for row in phones.table("sessions")]) == ([], [B])


def test_a_process_that_owns_its_store_asks_for_doubts_only_where_there_are_any(phones: Phones) -> None:
    first = stem(phones)
    phones.commit(inbound=[first])
    with phones.store.begin() as tx:
        phones.ways.memory.counted(tx)
    assert phones.ways.memory.doubts is (phones.store.dialect == "postgresql")
    phones.commit(ended=[over(phones, first)])
    assert phones.ways.memory.doubts
    phones.commit(inbound=[stem(phones, B)])
    assert votes(phones) == 1


# ---- between nodes


def test_an_equal_text_on_another_node_is_held_until_the_first_is_confirmed(two_nodes: tuple[Phones, Phones]) -> None:
    here, there = two_nodes
    first, again = stem(here), stem(there, B)
    here.commit(inbound=[first], marks=[Mark(A, "carrier", A)])
    done = there.commit(inbound=[again])
    assert (done.held, done.accepted, votes(here)) == ([again], [], 1)
    here.commit(marks=[Mark(A, "carrier", first.id)])
    done = there.commit(inbound=done.held)
    assert (done.held, done.accepted, votes(here)) == ([], [again], 2)


def test_an_equal_text_on_another_node_is_judged_by_the_doubt_when_the_first_session_ends(
    two_nodes: tuple[Phones, Phones],
) -> None:
    here, there = two_nodes
    first, again = stem(here), stem(there, B)
    here.commit(inbound=[first], marks=[Mark(A, "carrier", A)])
    assert there.commit(inbound=[again]).held == [again]
    here.commit(ended=[over(here, first)])
    there.commit(inbound=[again])
    assert (votes(here), duplicates(here)) == (1, {again.id: first.id})


def test_a_session_that_ended_so_long_ago_that_it_is_forgotten_holds_nothing(two_nodes: tuple[Phones, Phones]) -> None:
    here, there = two_nodes
    here.commit(inbound=[stem(here)])
    assert there.commit(inbound=[stem(there, B)]).held == []
    assert votes(here) == 2


def test_what_came_over_the_nodes_own_links_their_witness_has_judged(two_nodes: tuple[Phones, Phones]) -> None:
    here, _ = two_nodes
    here.commit(inbound=[stem(here)], marks=[Mark(A, "carrier", A), Mark(B, "carrier", B)])
    assert here.commit(inbound=[stem(here, B)]).held == []
    assert votes(here) == 2


def test_a_session_that_nobody_confirms_or_ends_in_time_counts_as_in_doubt(
    two_nodes: tuple[Phones, Phones],
) -> None:
    here, there = two_nodes
    first, again = stem(here), stem(there, B)
    here.commit(inbound=[first], marks=[Mark(A, "carrier", A)])
    there.later(LONGEST_HOLD)
    assert there.commit(inbound=[again]).held == [again]
    there.later(SECOND)
    there.commit(inbound=[again])
    assert (votes(here), duplicates(here)) == (1, {again.id: first.id})


def test_other_words_and_other_senders_are_not_held(two_nodes: tuple[Phones, Phones]) -> None:
    here, there = two_nodes
    here.commit(inbound=[stem(here)], marks=[Mark(A, "carrier", A)])
    done = there.commit(inbound=[stem(there, B, fingerprint=5), stem(there, B, PIET)])
    assert (done.held, votes(here)) == ([], 3)
