"""A text is settled once, when its last segment is answered; only what was not accepted goes out again."""

import pytest

from gateway.connectors.flights import Flight
from smpp.constants import ESME_RSYSERR, ESME_RTHROTTLED
from smpp.pdu import SubmitSm
from tests.support.fake_links import claim


def flight(segments: int, accepted: str = "") -> Flight:
    return Flight(claim(segments=segments, accepted=accepted), [SubmitSm() for _ in range(segments)])


def test_the_last_answer_concludes_whatever_the_order() -> None:
    one = flight(3)
    assert [one.answer(2, 0, "c"), one.answer(0, 0, "a"), one.answer(1, 0, "b")] == [False, False, True]
    assert (one.message_ids, one.refused, one.told()) == (["a", "b", "c"], {}, "0,1,2/3")


def test_what_was_accepted_is_told_and_does_not_go_out_again() -> None:
    one = flight(4)
    assert not any([one.answer(3, ESME_RTHROTTLED, ""), one.answer(0, 0, "a"), one.answer(1, ESME_RSYSERR, "")])
    assert one.answer(2, 0, "c")
    assert one.refused == {3: ESME_RTHROTTLED, 1: ESME_RSYSERR}
    again = flight(4, one.told())
    assert (again.to_send, again.left, again.told()) == ([1, 3], 2, "0,2/4")
    assert [again.answer(3, 0, "d"), again.answer(1, 0, "b")] == [False, True]
    assert (again.message_ids, again.told()) == (["b", "d"], "0,1,2,3/4")


@pytest.mark.parametrize("accepted", ["", "0/2", "0,1/4"])
def test_a_text_that_is_cut_into_other_segments_than_before_begins_anew(accepted: str) -> None:
    one = flight(3, accepted)
    assert (one.to_send, one.told()) == ([0, 1, 2], "")


def test_a_flight_that_is_cut_waits_for_what_is_on_the_wire() -> None:
    one = flight(3)
    one.flying = 1
    one.cut(RuntimeError("bug"))
    assert one.left == 1
    assert one.answer(0, 0, "a")
