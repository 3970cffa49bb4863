"""Ids go forward whatever the clock does and never run into another node's; the writer's thread does its work."""

import asyncio
import threading
import time

import pytest

from router.world import CLOCK, COUNTER_BITS, EPOCH_MS, NODE_BITS, Ids, System, Virtual
from tests.support.routing import NOW

NODE_MASK = ((1 << NODE_BITS) - 1) << COUNTER_BITS


def node_of(number: int) -> int:
    return (number & NODE_MASK) >> COUNTER_BITS


def test_ids_are_ordered_by_time_and_fit_63_bits() -> None:
    ids = Ids(3)
    first, second = ids.next(NOW), ids.next(NOW + 1_000)
    assert first < second < 1 << 63
    assert first >> (NODE_BITS + COUNTER_BITS) == NOW // 1000 - EPOCH_MS
    assert node_of(first) == node_of(second) == 3


def test_ids_go_forward_when_the_clock_goes_back() -> None:
    ids = Ids(3)
    made = [ids.next(NOW), ids.next(NOW), ids.next(NOW - 3_600_000_000), ids.next(NOW + 1)]
    assert made == sorted(set(made))


def test_ids_begin_after_the_highest_one_stored() -> None:
    stored = Ids(3).next(NOW + 60_000_000)
    ids = Ids(3)
    ids.go_on_after(stored)
    ids.go_on_after(0)
    assert ids.next(NOW) > stored


def test_a_node_that_begins_after_another_nodes_id_keeps_to_its_own() -> None:
    """Two nodes whose clocks differ: the one behind begins after the other's last id, and must not go on in its row."""
    ahead = Ids(5)
    last = ahead.next(NOW + 60_000_000)
    behind = Ids(4)
    behind.go_on_after(last)
    mine = {behind.next(NOW) for _ in range(5_000)}
    assert {node_of(number) for number in mine} == {4}
    assert min(mine) > last
    assert not mine & {ahead.next(NOW) for _ in range(5_000)}


def test_more_ids_than_a_millisecond_holds_stay_in_the_nodes_own_row() -> None:
    ids, other = Ids(4), Ids(5)
    mine = [ids.next(NOW) for _ in range((1 << COUNTER_BITS) + 10)]
    assert mine == sorted(set(mine))
    assert {node_of(number) for number in mine} == {4}
    assert not set(mine) & {other.next(NOW) for _ in range((1 << COUNTER_BITS) + 10)}


async def test_the_real_world_works_off_the_event_loop_on_one_thread() -> None:
    world = System(node=1)
    names = {await world.offload(lambda: threading.current_thread().name) for _ in range(3)}
    assert len(names) == 1
    assert threading.current_thread().name not in names

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await world.offload(fail)
    assert 0 <= world.chance() < 1
    assert world.monotonic() <= world.monotonic()
    assert world.now() > NOW
    world.close()


async def test_what_nobody_awaits_any_more_is_done_all_the_same_and_in_order() -> None:
    world, done, gate = System(), list[int](), threading.Event()
    first = world.offload(gate.wait)
    left = asyncio.ensure_future(world.offload(lambda: done.append(1)))
    failing = asyncio.ensure_future(world.offload(lambda: 1 / 0))
    last = world.offload(lambda: done.append(2))
    left.cancel()
    failing.cancel()
    gate.set()
    await first
    await last
    assert done == [1, 2]
    world.close()
    with pytest.raises(RuntimeError, match="has ended"):
        world.offload(lambda: None)


def test_a_world_outlives_the_loop_that_asked_it() -> None:
    world, done, gate = System(), list[int](), threading.Event()

    def late() -> None:
        gate.wait()
        done.append(1)

    async def ask() -> None:
        world.offload(late)

    asyncio.run(ask())
    gate.set()
    world.close()
    assert done == [1]


def test_a_virtual_world_is_moved_by_hand_and_is_the_same_each_time() -> None:
    world, same = Virtual(NOW, seed=4), Virtual(NOW, seed=4)
    assert [world.chance() for _ in range(3)] == [same.chance() for _ in range(3)]
    world.at += 2_000_000
    assert world.now() == NOW + 2_000_000
    assert world.monotonic() == (NOW + 2_000_000) / 1_000_000
    assert asyncio.run(world.offload(lambda: 5)) == 5


def test_a_trial_sets_the_clock_ahead_or_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    for order, apart in (("-30", -30), ("3600.5", 3600.5), ("", 0)):
        monkeypatch.setenv(CLOCK, order)
        world = System()
        assert abs(world.now() / 1_000_000 - time.time() - apart) < 5
        world.close()
    for order in ("soon", "nan", "inf"):
        monkeypatch.setenv(CLOCK, order)
        with pytest.raises(ValueError, match=f"{CLOCK}='{order}' is not a number of seconds"):
            System()
