"""The dripper wakes at the next known instant, and looks round when it knows of none."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.dripper import LOOK_ROUND_S, Dripper
from router.instants import HOUR, SECOND
from router.world import Virtual
from tests.support.fake_links import NOW, Timers


class Kicked:
    """A dripper that notes when it kicks, in seconds since the test began."""

    def __init__(self, world: Virtual) -> None:
        self.at: list[float] = []
        self.dripper = Dripper(world, lambda: self.at.append((world.at - NOW) / SECOND))


@pytest.fixture
async def timers() -> AsyncIterator[Timers]:
    found = Timers(Virtual(NOW))
    with found.on(asyncio.get_running_loop()):
        yield found


async def test_it_looks_at_the_start_and_round_every_half_minute(timers: Timers) -> None:
    kicked = Kicked(timers.world)
    kicked.dripper.start()
    assert kicked.at == [0]
    timers.forward(2 * LOOK_ROUND_S)
    assert kicked.at == [0, 30, 60]


async def test_it_wakes_at_the_earliest_instant_it_was_told(timers: Timers) -> None:
    kicked = Kicked(timers.world)
    kicked.dripper.start()
    kicked.dripper.note(NOW + 20 * SECOND)
    kicked.dripper.note(NOW + 7 * SECOND)
    kicked.dripper.note(NOW + 9 * SECOND)
    kicked.dripper.note(None)
    assert timers.due == [7], "one timer, however much it is told"
    timers.forward(7)
    assert kicked.at == [0, 7]
    kicked.dripper.note(NOW + 20 * SECOND)
    timers.forward(20)
    assert kicked.at == [0, 7, 20]


async def test_what_is_due_already_wakes_it_at_once_and_far_instants_do_not_hold_up_the_look_round(
    timers: Timers,
) -> None:
    kicked = Kicked(timers.world)
    kicked.dripper.note(NOW - HOUR)
    assert timers.due == [0]
    timers.forward(0)
    assert kicked.at == [0]
    late = Kicked(timers.world)
    late.dripper.note(NOW + HOUR)
    timers.forward(LOOK_ROUND_S)
    assert late.at == [30]


async def test_stopped_it_wakes_nobody(timers: Timers) -> None:
    kicked = Kicked(timers.world)
    kicked.dripper.start()
    kicked.dripper.stop()
    kicked.dripper.stop()
    timers.forward(3 * LOOK_ROUND_S)
    assert kicked.at == [0]
