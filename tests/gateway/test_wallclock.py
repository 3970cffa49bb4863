"""A clock that was set is told from one that goes by."""

import pytest

from gateway.wallclock import LEAST, WallClock
from router.instants import DAY, SECOND
from router.world import Virtual
from tests.support.fake_links import NOW


class Clocks(Virtual):
    """A wall clock that is set apart from the one that only goes forward."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.went_s = 0.0

    def monotonic(self) -> float:
        """Seconds that went by."""
        return self.went_s

    def go(self, seconds: int) -> None:
        """Time goes by, on both."""
        self.at += seconds * SECOND
        self.went_s += seconds


@pytest.mark.parametrize("moved", [DAY, -DAY, LEAST, -LEAST])
def test_what_it_was_set_by_is_told_once(moved: int) -> None:
    world = Clocks()
    clock = WallClock(world)
    world.go(30)
    assert clock.set_by() == 0
    world.at += moved
    world.go(30)
    assert clock.set_by() == moved
    assert clock.set_by() == 0


def test_a_clock_that_creeps_is_told_of_when_it_has_come_far_enough() -> None:
    world = Clocks()
    clock = WallClock(world)
    for _ in range(4):
        world.at += SECOND
        assert clock.set_by() == 0
    world.at += SECOND
    assert clock.set_by() == 5 * SECOND
