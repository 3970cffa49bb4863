"""A text is settled once, when its last segment is answered; only what was refused goes out again."""

from gateway.connectors.flights import Flight
from smpp.constants import ESME_RSYSERR, ESME_RTHROTTLED
from smpp.pdu import SubmitSm
from tests.support.fake_links import claim


def flight(segments: int) -> Flight:
    return Flight(claim(segments=segments), [SubmitSm() for _ in range(segments)])


def test_the_last_answer_concludes_whatever_the_order() -> None:
    one = flight(3)
    assert [one.answer(2, 0, "c"), one.answer(0, 0, "a"), one.answer(1, 0, "b")] == [False, False, True]
    assert (one.message_ids, one.accepted, one.refused) == (["a", "b", "c"], 3, [])


def test_refused_segments_are_taken_out_in_order_and_answered_like_the_first_time() -> None:
    one = flight(4)
    one.link = 7
    assert not any([one.answer(3, ESME_RTHROTTLED, ""), one.answer(0, 0, "a"), one.answer(1, ESME_RSYSERR, "")])
    assert one.answer(2, 0, "c")
    assert (one.refused, one.refusal, one.accepted, one.tries) == ([3, 1], ESME_RSYSERR, 2, 1)
    assert one.again() == [1, 3]
    assert (one.refused, one.left, one.link, one.tries) == ([], 2, 0, 2), "any link may carry the rest"
    assert [one.answer(3, 0, "d"), one.answer(1, 0, "b")] == [False, True]
    assert one.message_ids == ["a", "b", "c", "d"]
