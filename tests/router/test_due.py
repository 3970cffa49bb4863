"""What falls due is done at its instant, once, one cause of a contact at a time, and a look says when to look again."""

from router import due
from router.instants import DAY, HOUR, MINUTE
from router.parts import PART_LIFE
from router.states import RESEND_AFTER
from tests.support.routing import JAN, KEES, NOW, PIET, ROOS, Phones


def said(phones: Phones) -> list[str]:
    return [row["text"] for row in phones.table("outbox")]


def next_instant(phones: Phones) -> int | None:
    with phones.store.begin() as tx:
        return due.next_instant(tx, due.next_run(tx))


def test_a_wait_ends_at_its_instant_and_not_before(phones: Phones) -> None:
    assert phones.commit(inbound=[phones.text(JAN, "STRAKS")]).next_due == NOW + 10 * MINUTE
    phones.later(10 * MINUTE - 1)
    assert phones.commit(due=True).next_due == NOW + 10 * MINUTE
    assert said(phones) == []
    phones.later(1)
    done = phones.commit(due=True)
    assert said(phones) == ["Tien minuten later."]
    assert [claim.text for claim in done.claims] == ["Tien minuten later."]
    assert done.next_due is None
    phones.commit(due=True)
    assert len(said(phones)) == 1


def test_a_wait_of_days_ends_by_the_brands_clock_and_is_too_late_to_converse(phones: Phones) -> None:
    phones.write(JAN, "LATER")
    (run,) = phones.table("runs")
    assert run["due_at"] == NOW - 3 * HOUR + DAY  # 10:00 in Amsterdam is 09:00 UTC
    phones.later(DAY)
    phones.commit(due=True)
    assert phones.states() == ["claimed"]


def test_a_question_that_nobody_answers_falls_silent(phones: Phones) -> None:
    phones.write(JAN, "QUIZ")
    phones.later(HOUR)
    phones.commit(due=True)
    assert said(phones) == ["Ja of nee?", "Nog daar?"]
    assert phones.table("runs") == []


def test_an_answer_comes_before_the_silence(phones: Phones) -> None:
    phones.write(JAN, "QUIZ")
    phones.later(HOUR - 1)
    phones.write(JAN, "ja")
    phones.later(1)
    phones.commit(due=True)
    assert said(phones) == ["Ja of nee?", "Mooi."]


def test_what_is_due_exactly_now_has_happened(phones: Phones) -> None:
    """The answer comes at the very instant at which the question closes: it is no answer any more."""
    phones.write(JAN, "QUIZ")
    phones.later(HOUR)
    phones.commit(inbound=[phones.text(JAN, "ja")], due=True)
    assert said(phones)[1:] == ["Dat begrijpen we niet.", "Nog daar?"]


def test_of_one_contact_one_run_is_resumed_at_a_time(phones: Phones) -> None:
    phones.write(JAN, "STRAKS", "QUIZ")
    phones.write(PIET, "STRAKS")
    phones.later(2 * HOUR)
    done = phones.commit(due=True)
    assert said(phones)[1:] == ["Tien minuten later.", "Tien minuten later."]
    assert done.next_due is not None
    assert done.next_due <= phones.world.now()
    phones.commit(due=True)
    assert said(phones)[-1] == "Nog daar?"
    assert phones.table("runs") == []


def test_a_look_takes_only_so_many_and_says_there_are_more(phones: Phones) -> None:
    for sender in (JAN, PIET, KEES, ROOS):
        phones.write(sender, "STRAKS")
    phones.later(HOUR)
    assert phones.commit(due=True, most_due=3).next_due == NOW + 10 * MINUTE
    assert len(said(phones)) == 3
    assert phones.commit(due=True, most_due=3).next_due is None
    assert len(said(phones)) == 4


def test_the_next_instant_is_the_earliest_of_all_kinds(phones: Phones) -> None:
    assert next_instant(phones) is None
    phones.write(JAN, "QUIZ")
    assert next_instant(phones) == NOW + HOUR
    phones.commit(inbound=[phones.part(PIET, b"JO", 1, 2)])
    assert next_instant(phones) == NOW + PART_LIFE
    (claim,) = phones.write(KEES, "JOIN")
    phones.commit(outcomes=[phones.unknown(claim)])
    assert next_instant(phones) == NOW + RESEND_AFTER


def test_stop_ends_what_was_to_fall_due(phones: Phones) -> None:
    phones.write(JAN, "STRAKS", "STOP")
    phones.later(HOUR)
    phones.commit(due=True)
    assert [row["message_class"] for row in phones.table("outbox")] == ["stop_confirmation"]


def test_a_run_that_ended_since_it_was_found_is_left_alone(two_nodes: tuple[Phones, Phones]) -> None:
    """Another node resumes it between our look and our lock."""
    phones, other = two_nodes
    phones.write(JAN, "STRAKS")
    phones.write(PIET, "STRAKS")
    phones.later(HOUR)
    other.later(HOUR)
    found = due.sql.runs_due  # type: ignore[attr-defined]

    class Slow:
        def rows(self, *arguments: object) -> object:
            due.sql.runs_due = found  # type: ignore[attr-defined]
            rows = found.rows(*arguments)
            other.commit(due=True, most_due=1)
            return rows

    due.sql.runs_due = Slow()  # type: ignore[attr-defined]
    try:
        phones.commit(due=True)
    finally:
        due.sql.runs_due = found  # type: ignore[attr-defined]
    assert said(phones) == ["Tien minuten later."] * 2
