"""Only after the commit is anything acknowledged or sent, and only what is on disk frees a slot."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import msgspec
import pytest
from structlog.testing import capture_logs

from gateway.connectors.base import Read
from gateway.connectors.smpp_out import LOOK_AGAIN_S
from gateway.intake import ANSWER_WITHIN_S, LOOK_S, PAUSE_S
from router.claims import Allowance
from router.group import Done
from router.instants import SECOND
from router.outbox import Outcome
from router.perform import Performance, Place
from router.suppression import Suppressions
from router.world import Ids
from smpp import constants as c
from tests.support.fake_links import NOW, FakeLink, claim
from tests.support.middle import Make, middles_on_loop


@pytest.fixture
async def on_loop() -> AsyncIterator[Make]:
    with middles_on_loop() as make:
        yield make


async def test_nothing_is_answered_before_its_commit(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    one.read(1, 2, receipts=[3])
    assert (one.answered, one.exchange.unanswered) == ([], 3)
    one.commit()
    assert one.answered == [(1, True), (2, True), (3, True)]
    assert one.exchange.unanswered == 0


async def test_a_quarantined_text_is_kept_and_so_acknowledged(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    one.read(1)
    (message,) = one.desk.group().inbound
    one.act_upon(Done(quarantined=[(message, "it cannot be acted upon")]))
    assert one.answered == [(1, True)]


async def test_what_fell_due_and_was_not_performed_is_logged_and_counted(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    with capture_logs() as logged:
        one.act_upon(Done(faults=["Shop/drip a, at b: no"] * 2))
    assert [(line["what"], line["times"]) for line in logged] == [("Shop/drip a, at b: no", 2)]


async def test_while_the_store_is_away_reading_pauses_and_what_has_waited_too_long_is_given_back(
    on_loop: Make,
) -> None:
    one = on_loop(link := FakeLink())
    one.read(1, 2, receipts=[3])
    one.away()
    assert not link.reading
    one.timers.forward(ANSWER_WITHIN_S)
    assert one.answered == []
    one.timers.forward(2 * LOOK_S)
    assert one.answered == [(1, False), (2, False), (3, False)]
    assert (one.exchange.unanswered, link.reading) == (0, True), "enquire_link must be read"
    one.read(4)
    assert one.answered[3:] == [(4, False)], "it is refused at once by now"
    assert one.desk.inbound == []


async def test_a_short_absence_of_the_store_is_only_a_pause(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    one.read(1)
    one.away()
    one.timers.forward(PAUSE_S / 2)
    assert (link.reading, one.answered) == (False, [])
    one.commit()
    assert (link.reading, one.answered) == (True, [(1, True)])
    one.timers.forward(2 * ANSWER_WITHIN_S)
    one.read(2)
    assert (one.exchange.unanswered, one.answered) == (1, [(1, True)]), "it waits for its commit as ever"


async def test_a_repeat_is_not_refused_while_the_text_that_it_repeats_is_not(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    one.read(1)
    one.away()
    one.timers.forward(PAUSE_S)
    (first,) = one.desk.inbound
    again = msgspec.structs.replace(first, id=2, repeats=1)
    one.exchange.take(Read("carrier", [again], [], {2: partial(one._answer, 2)}, 100))
    assert one.answered == []
    assert [message.id for message in one.desk.inbound] == [1, 2]


async def test_reading_pauses_above_the_bound_and_goes_on_below_half_of_it(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    one.read(1, octets=600)
    heard = [link.reading]
    first = one.desk.group()
    one.read(2, octets=500)
    heard.append(link.reading)
    late = FakeLink(2)
    one.connector.client.links.append(late)  # type: ignore[attr-defined]
    one.read(3, octets=10)
    heard.append(late.reading)  # a link that came meanwhile is paused too
    second = one.desk.group()
    one.act_upon(Done(accepted=list(first.inbound)))
    heard.append(link.reading)
    one.act_upon(Done(accepted=list(second.inbound)))
    assert [*heard, link.reading, late.reading] == [True, False, False, False, True, True]


async def test_where_too_much_waits_for_long_links_are_heard_and_what_they_bring_is_refused(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    one.read(1, octets=600)
    one.read(2, octets=500)
    assert not link.reading
    one.timers.forward(PAUSE_S + LOOK_S)
    assert (link.reading, one.answered) == (True, []), "enquire_link must be read"
    one.read(3)
    assert one.answered == [(3, False)], "there is no room for it"
    one.commit()
    assert one.answered[1:] == [(1, True), (2, True)]
    one.timers.forward(LOOK_S)
    one.read(4)
    assert one.exchange.unanswered == 1, "there is again"


async def test_what_is_claimed_goes_out_before_the_acknowledgements(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    one.read(1)
    seen: list[int] = []
    one.noted = lambda _: seen.append(len(link.sent))
    one.commit(claim(7))
    assert seen == [1], "after a STOP's acknowledgement nothing goes to the kernel"


async def test_a_slot_is_free_when_its_outcome_is_on_disk(on_loop: Make) -> None:
    one = on_loop(link := FakeLink(window=2))
    assert one.exchange.reserve([]).left == {"carrier": 2}
    one.commit(claim(7))
    assert one.exchange.reserve([]).left == {"carrier": 1}
    one.connector.answered(link, link.replies(0))  # type: ignore[arg-type]
    assert one.exchange.reserve([]).left == {"carrier": 1}
    one.commit()
    assert one.exchange.reserve([]).left == {"carrier": 2}


async def test_a_claim_whose_commit_outlived_its_lease_goes_back(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    one.act_upon(Done(claims=[claim(7)]), one.world.monotonic() - 1.5)
    assert link.sent == []
    assert [(o.id, o.state, o.reason) for o in one.desk.outcomes] == [(7, "ready", "lease_over")]


async def test_what_waits_is_asked_for_when_a_slot_or_a_link_comes_free(on_loop: Make) -> None:
    one = on_loop(link := FakeLink(window=1))
    one.exchange.wake()
    assert one.desk.claims == 0, "nothing waits"
    one.commit(claim(7), waiting={"carrier": NOW})
    assert one.desk.claims == 0
    one.connector.answered(link, link.replies(0))  # type: ignore[arg-type]
    one.commit()
    assert one.desk.claims == 1
    one.connector.changed(link)  # type: ignore[arg-type]
    assert one.desk.claims == 2
    one.commit(waiting={})
    one.connector.changed(link)  # type: ignore[arg-type]
    assert one.desk.claims == 2


async def test_what_waits_for_room_sets_no_timer_and_what_is_due_later_does(on_loop: Make) -> None:
    one = on_loop()
    one.commit(waiting={"carrier": NOW - SECOND})
    assert one.timers.due == [], "a text that waits for a bind must not spin the loop"
    one.commit(waiting={"carrier": NOW + 5 * SECOND})
    assert one.timers.due == [5]
    one.commit(next_due=NOW + 2 * SECOND)
    assert one.timers.due == [2]
    one.timers.forward(2)
    assert one.kicks == 1


async def test_a_text_left_ready_by_a_performance_waits(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    place = Place("ams-1", 0, Ids(0), lambda _: "carrier", frozenset(), lambda: 0.5, Suppressions())
    performance = Performance(place, Allowance({}))
    performance.ready = {"carrier": 1}
    one.commit(performances=[performance])
    one.connector.changed(link)  # type: ignore[arg-type]
    assert one.desk.claims == 1


async def test_a_text_refused_for_now_is_tried_at_its_time(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    one.commit(claim(7))
    one.connector.answered(link, link.replies(c.ESME_RSYSERR))  # type: ignore[arg-type]
    one.commit()
    assert one.timers.due == [5]
    assert one.desk.claims == 1


async def test_where_the_rate_holds_texts_back_it_looks_again_when_there_is_room(on_loop: Make) -> None:
    one = on_loop(FakeLink(), rate=10.0)
    one.commit(claim(7), waiting={"carrier": NOW})
    assert one.timers.due == [pytest.approx(0.1, abs=0.0011)]
    one.commit(waiting={"carrier": NOW})
    assert len(one.timers.due) == 1, "one timer per connector"
    one.timers.forward(0.11)
    assert one.desk.claims == 1
    allowance = one.exchange.reserve([])
    assert (allowance.left, allowance.pace) == ({"carrier": 9}, {"carrier": 1})


async def test_where_octets_linger_it_looks_again(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    link.buffer_empty = False
    one.commit(waiting={"carrier": NOW, "gone": NOW})
    assert one.timers.due == [LOOK_AGAIN_S]


async def test_closing_cancels_what_was_to_happen_later(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    happened: list[str] = []
    one.exchange.later(1.0, lambda: happened.append("first"))
    one.exchange.later(3.0, lambda: happened.append("second"))
    one.timers.forward(1)
    one.exchange.close()
    one.timers.forward(9)
    assert happened == ["first"]


async def test_without_a_writer_yet_nothing_is_put_anywhere(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    desk, one.exchange.writer = one.desk, None
    one.exchange.report([Outcome(id=1, connector="carrier", state="unknown")])
    assert desk.outcomes == []


async def test_outcomes_of_a_connector_that_is_no_more_free_nothing(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    one.act_upon(Done(settled=[Outcome(id=1, connector="gone", state="unknown")]))
    assert one.connector.held == 0


# ------------------------------------------------------------------------------------------------------ how it ends


async def test_draining_waits_for_what_is_under_way_and_takes_nothing_new(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    one.read(1)
    one.commit(claim(7))
    one.read(2)
    draining = asyncio.create_task(one.exchange.drain(10.0))
    await asyncio.sleep(0)
    assert one.exchange.reserve([]).left == {}
    one.connector.answered(link, link.replies(0))  # type: ignore[arg-type]
    assert not draining.done()
    one.commit()
    assert await draining == 10.0
    assert one.answered == [(1, True), (2, True)]


async def test_draining_a_gateway_with_nothing_under_way_takes_no_time(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    assert await one.exchange.drain(10.0) == 10.0


async def test_draining_ends_when_the_last_is_given_back(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    one.read(1)
    draining = asyncio.create_task(one.exchange.drain(10.0))
    await asyncio.sleep(0)
    one.exchange.refuse([1])
    assert await asyncio.wait_for(draining, 5.0) == 10.0
    assert one.answered == [(1, False)]


async def test_draining_gives_up_when_its_time_is_over(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    one.commit(claim(7))
    assert await one.exchange.drain(0.0) == 0.0


async def test_slots_that_a_group_settles_are_lent_to_that_group(on_loop: Make) -> None:
    one = on_loop(link := FakeLink(window=2))
    one.commit(claim(7), claim(8))
    one.connector.answered(link, link.replies(0, 0))  # type: ignore[arg-type]
    assert one.exchange.reserve([]).left == {"carrier": 0}
    assert one.exchange.reserve(one.desk.outcomes).left == {"carrier": 2}


async def test_what_is_about_to_be_handed_over_is_not_lent_again(on_loop: Make) -> None:
    one = on_loop(FakeLink(window=3), rate=40.0)
    done = Done(claims=[claim(7)])
    one.exchange.booked(done)
    assert one.exchange.reserve([]).left == {"carrier": 2}
    one.exchange.committed(done, one.world.monotonic())
    assert one.exchange.reserve([]).left == {"carrier": 2}
