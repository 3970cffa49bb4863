"""Rows 34 and 35, and the barrier by its rules: STOP's acknowledgement waits until nothing more can be written."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.barrier import BARRIER_S, LOOK_S, MUTED_S
from gateway.intake import ANSWER_WITHIN_S
from gateway.sender import LEASE_S, RENEW_S
from router.group import Done
from router.messages import Occurrence
from router.silence import Renewed, Stop
from smpp import constants as c
from tests.support.fake_links import JAN, FakeLink, claim, long_text, received
from tests.support.middle import Make, Middle, middles_on_loop


class SlowLink(FakeLink):
    """A link whose kernel takes octets when the test says so."""

    def flush(self) -> None:
        """Nothing is taken."""


@pytest.fixture
async def on_loop() -> AsyncIterator[Make]:
    with middles_on_loop() as make:
        yield make


def stop(one: Middle, id: int = 1, mine: tuple[int, ...] = (), elsewhere: tuple[int, ...] = ()) -> None:
    """A STOP of Jan's is read, and on disk."""
    one.read(id)
    one.commit(stops=[Stop(id, JAN, mine, elsewhere)])


async def test_a_stop_that_nothing_can_follow_is_acknowledged_at_once(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    stop(one)
    assert one.answered == [(1, True)]
    assert "kwek_stop_seconds_count 1.0" in one.exchange.barrier._metrics.page().decode()


async def test_it_waits_until_what_another_node_has_claimed_is_settled(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    stop(one, elsewhere=(71, 72))
    assert (one.answered, one.exchange.unanswered) == ([], 1)
    one.timers.forward(LOOK_S)
    assert one.desk.watch == [71, 72]
    one.commit(watched=[71])
    one.timers.forward(LOOK_S)
    assert (one.answered, one.desk.watch) == ([], [72])
    one.commit(watched=[72])
    assert (one.answered, one.exchange.unanswered) == ([(1, True)], 0)
    one.timers.forward(BARRIER_S)
    assert one.answered == [(1, True)]


async def test_it_waits_no_longer_than_another_nodes_lease_lasts_even_without_a_store(on_loop: Make) -> None:
    assert BARRIER_S > LEASE_S
    one = on_loop(FakeLink())
    stop(one, elsewhere=(71,))
    one.timers.forward(BARRIER_S - LOOK_S)
    assert one.answered == []
    one.timers.forward(2 * LOOK_S)
    assert one.answered == [(1, True)]
    assert "kwek_stops_expired_total 1.0" in one.exchange.barrier._metrics.page().decode()


async def test_it_waits_for_octets_that_the_kernel_has_not_taken_on_whatever_link(on_loop: Make) -> None:
    one = on_loop(link := SlowLink(), other := SlowLink(2))
    one.commit(claim(7, address="31600000000"))
    other.buffer_empty = False
    stop(one)
    one.timers.forward(10 * BARRIER_S)
    assert one.answered == []
    link.buffer_empty = False  # octets that came after the STOP do not hold it
    other.buffer_empty = True
    one.timers.forward(LOOK_S)
    assert one.answered == [(1, True)]


async def test_octets_of_a_link_that_is_gone_hold_nothing_back(on_loop: Make) -> None:
    one = on_loop(link := SlowLink())
    link.buffer_empty = False
    stop(one)
    assert one.answered == []
    one.connector.lost(link, link.end(), "the connection broke")  # type: ignore[arg-type]
    one.timers.forward(LOOK_S)
    assert one.answered == [(1, True)]


async def test_what_is_said_again_meanwhile_is_not_acknowledged_sooner(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    stop(one, elsewhere=(71,))
    one.read(2)
    one.commit()
    assert one.answered == []
    one.commit(watched=[71])
    assert one.answered == [(1, True), (2, True)]


async def test_segments_that_wait_are_dropped_and_what_was_accepted_is_kept(on_loop: Make) -> None:
    one = on_loop(link := FakeLink(window=2))
    one.commit(claim(7, long_text(4), 4))
    assert len(link.sent) == 2
    stop(one, mine=(7,))
    assert one.answered == [(1, True)]
    one.connector.answered(link, link.replies(0, 0))  # type: ignore[arg-type]
    assert len(link.sent) == 2
    (outcome,) = one.desk.outcomes
    assert (outcome.state, len(outcome.message_ids), outcome.without_receipt) == ("sent", 2, 2)


async def test_a_text_of_which_nothing_was_accepted_goes_back_to_where_stop_finds_it(on_loop: Make) -> None:
    one = on_loop(link := FakeLink(window=2))
    one.commit(claim(7, long_text(4), 4))
    stop(one, mine=(7,))
    one.connector.answered(link, link.replies(c.ESME_RTHROTTLED, c.ESME_RTHROTTLED))  # type: ignore[arg-type]
    assert [(outcome.id, outcome.state) for outcome in one.desk.outcomes] == [(7, "ready")]


async def test_segments_wait_for_room_no_longer_than_their_lease_unless_the_store_renews_it(on_loop: Make) -> None:
    one = on_loop(link := FakeLink(window=1))
    one.commit(claim(7, long_text(3), 3))
    one.timers.forward(LEASE_S + 0.1)
    one.connector.answered(link, link.replies(0))  # type: ignore[arg-type]
    assert len(link.sent) == 1, "another node may have taken a STOP"
    assert one.desk.renew == [7]
    one.commit()
    assert len(link.sent) == 2
    one.timers.forward(RENEW_S)
    assert one.desk.renew == [7]
    one.commit(renewed=Renewed(over=[7]))
    one.connector.answered(link, link.replies(0))  # type: ignore[arg-type]
    assert len(link.sent) == 2
    assert [(outcome.id, outcome.state) for outcome in one.desk.outcomes] == [(7, "sent")]


# ----------------------------------------------------------------------------------------------- opting out by a page


def page(one: Middle, id: int = 5) -> asyncio.Future[int]:
    """Jan presses the button of his page."""
    now = one.world.now()
    wish = Occurrence(
        id=id, brand="Shop", address=JAN, name="optout", source="optout", at=now, received_at=now
    )  # fmt: skip
    return asyncio.ensure_future(one.exchange.occur(wish))


async def test_a_page_says_it_is_done_when_nothing_more_can_be_written(on_loop: Make) -> None:
    one = on_loop(FakeLink(window=1))
    one.commit(claim(7, long_text(2), 2))
    told = page(one)
    one.commit(stops=[Stop(5, JAN, (7,), (71,))])
    assert (told.done(), one.exchange.unanswered) == (False, 1)
    assert one.connector.unfinished == {}, "what still waited for room is dropped"
    one.timers.forward(LOOK_S)
    one.commit(watched=[71])
    assert (await told, one.exchange.unanswered) == (5, 0)


async def test_a_page_waits_no_longer_than_another_nodes_lease(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    told = page(one)
    one.commit(stops=[Stop(5, JAN, (), (71,))])
    one.timers.forward(BARRIER_S - LOOK_S)
    assert not told.done()
    one.timers.forward(2 * LOOK_S)
    assert await told == 5


async def test_a_page_waits_for_octets_that_the_kernel_has_not_taken(on_loop: Make) -> None:
    one = on_loop(link := SlowLink())
    link.buffer_empty = False
    told = page(one)
    one.commit(stops=[Stop(5, JAN)])
    one.timers.forward(BARRIER_S)
    assert not told.done()
    link.buffer_empty = True
    one.timers.forward(LOOK_S)
    assert await told == 5


async def test_a_number_is_muted_from_the_press_of_the_button_until_it_is_kept(on_loop: Make) -> None:
    one = on_loop(link := FakeLink(window=1))
    one.commit(claim(7, long_text(2), 2))
    told = page(one)
    assert set(one.exchange.reserve([]).muted) == {JAN}
    one.connector.answered(link, link.replies(0))  # type: ignore[arg-type]
    assert len(link.sent) == 1, "nor does the rest of a long text go out"
    one.commit(stops=[Stop(5, JAN, (7,))])
    assert one.exchange.reserve([]).muted == ()
    assert await told == 5


async def test_what_else_happens_waits_for_nothing_and_mutes_nobody(on_loop: Make) -> None:
    one = on_loop(FakeLink())
    click = Occurrence(id=5, brand="Shop", address=JAN, name="tip", source="click", at=0, received_at=0)
    told = asyncio.ensure_future(one.exchange.occur(click))
    assert one.exchange.reserve([]).muted == ()
    one.commit()
    assert await told == 5


# ------------------------------------------------------------------------------------------------------------ muting


async def test_row_34_a_number_is_muted_from_the_reading_of_its_stop_until_it_is_kept(on_loop: Make) -> None:
    one = on_loop(link := FakeLink())
    one.exchange.barrier.says_stop = lambda recipient, text: True
    one.read(1)
    assert set(one.exchange.reserve([]).muted) == {JAN}
    confirmation = claim(9, message_class="stop_confirmation")
    one.act_upon(Done(claims=[claim(7), claim(8, address="31600000000"), confirmation]))
    assert [pdu.destination_addr for pdu in link.sent] == ["31600000000", JAN], "its confirmation goes out"
    assert [(outcome.id, outcome.state) for outcome in one.desk.outcomes] == [(7, "ready")]
    stops = [Stop(1, JAN)]
    done = Done(accepted=list(one.desk.group().inbound), stops=stops)
    one.exchange.booked(done)
    assert one.exchange.reserve([]).muted == (), "from now on the store says no"
    one.exchange.committed(done, one.world.monotonic())
    assert one.answered == [(1, True)]


def held_back(on_loop: Make) -> tuple[Middle, FakeLink, FakeLink]:
    """STOP is read on one of two links, behind a text that may be the other's again."""
    one = on_loop(first := FakeLink(1), second := FakeLink(2))
    one.exchange.barrier.says_stop = lambda recipient, text: text == "STOP"
    for link in (first, second):
        one.connector.changed(link)  # type: ignore[arg-type]
    one.connector.received(first, [received(1, b"START")])  # type: ignore[arg-type]
    one.connector.received(second, [received(1, b"START"), received(2, b"STOP")])  # type: ignore[arg-type]
    return one, first, second


async def test_row_34_a_stop_that_the_evidence_holds_back_mutes_from_its_reading_on_too(on_loop: Make) -> None:
    """It waits behind a text that may be the rest of another link's; texts would go out until that is known."""
    one, first, second = held_back(on_loop)
    assert [text.text for text in one.desk.inbound] == ["START"], "the others are held back"
    assert set(one.exchange.reserve([]).muted) == {JAN}
    one.act_upon(Done(claims=[claim(7)]))
    assert (first.sent, second.sent) == ([], [])
    one.commit()  # the first START is acknowledged, and both links prove that they live
    for link in (first, second):
        one.timers.forward(1.0)
        one.connector.answered(link, link.proofs())  # type: ignore[arg-type]
    assert [text.text for text in one.desk.inbound] == ["START", "STOP"]
    assert set(one.exchange.reserve([]).muted) == {JAN}
    one.commit(stops=[Stop(one.desk.inbound[1].id, JAN)])
    assert one.exchange.reserve([]).muted == ()
    assert (first.answers, second.answers) == ([(1, c.ESME_ROK)], [(1, c.ESME_ROK), (2, c.ESME_ROK)])


async def test_row_34_a_stop_that_is_held_back_and_comes_again_leaves_its_number_muted(on_loop: Make) -> None:
    one, _, second = held_back(on_loop)
    one.connector.lost(second, second.end(), "the connection broke")  # type: ignore[arg-type]
    assert set(one.exchange.reserve([]).muted) == {JAN}, "its peer sends it again"
    one.timers.forward(MUTED_S)
    assert one.exchange.reserve([]).muted == ()


async def test_row_34_while_the_store_is_away_a_stop_is_given_back_and_its_number_stays_muted(on_loop: Make) -> None:
    one = on_loop(link := FakeLink(window=1))
    one.exchange.barrier.says_stop = lambda recipient, text: True
    one.commit(claim(7, long_text(2), 2))
    one.read(1)
    one.away()
    one.connector.answered(link, link.replies(0))  # type: ignore[arg-type]
    assert len(link.sent) == 1, "what waited for room is not sent either"
    one.timers.forward(ANSWER_WITHIN_S + 1)
    assert one.answered == [(1, False)]
    assert set(one.exchange.reserve([]).muted) == {JAN}
    one.timers.forward(MUTED_S)
    assert one.exchange.reserve([]).muted == ()


async def test_row_35_what_is_written_late_is_counted(on_loop: Make) -> None:
    class Frozen(FakeLink):
        def flush(self) -> None:
            """The process stands still between its look at the lease and its write."""
            one.world.at += 3_000_000

    one = on_loop(Frozen())
    one.commit(claim(7))
    assert "kwek_written_late_total 1.0" in one.exchange.barrier._metrics.page().decode()
