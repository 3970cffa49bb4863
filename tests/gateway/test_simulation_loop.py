"""The virtual loop: time that jumps, promises of asyncio that are kept, and processes that die within it."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from gateway.simulation.loop import Stuck, VirtualLoop
from gateway.simulation.process import Killed, Process


def play(main: Callable[[VirtualLoop], Awaitable[Any]], seed: int = 1) -> Any:
    loop = VirtualLoop(Random(seed))

    async def course() -> Any:
        return await main(loop)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(course())


def test_a_day_passes_at_once_and_timers_fire_in_their_order() -> None:
    fired: list[str] = []

    async def main(loop: VirtualLoop) -> None:
        loop.call_later(7_200.0, fired.append, "two hours")
        loop.call_later(3_600.0, fired.append, "one hour")
        loop.call_later(5_000.0, fired.append, "never").cancel()
        await asyncio.sleep(86_400.0)
        assert 86_400.0 <= loop.time() < 86_401.0

    play(main)
    assert fired == ["one hour", "two hours"]


def test_callbacks_keep_the_order_in_which_they_were_asked_for() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        seen: list[int] = []
        for number in range(100):
            loop.call_soon(seen.append, number)
        loop.call_soon_threadsafe(seen.append, 100)
        await asyncio.sleep(1.0)
        return seen

    assert play(main) == list(range(101))


def test_streams_that_are_ready_together_are_looked_at_in_a_seeded_order_each_in_its_own() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        for number in range(20):
            for stream in (1, 2):
                loop.kernel_at(5.0, stream, seen.append, (stream, number))
        await asyncio.sleep(10.0)
        return seen

    first, again, other = play(main, 1), play(main, 1), play(main, 2)
    assert first == again != other
    assert sorted(first) == sorted(other)
    assert [number for stream, number in first if stream == 1] == list(range(20))


def test_a_timer_for_now_does_not_spin_for_ever() -> None:
    async def main(loop: VirtualLoop) -> int:
        until = loop.time() + 0.001
        turns = 0
        while loop.time() < until:
            await asyncio.sleep(1e-18)
            turns += 1
        return turns

    assert 1 <= play(main) < 1_000


def test_a_loop_in_which_nothing_will_ever_happen_says_so() -> None:
    loop = VirtualLoop(Random(1))
    never = loop.create_future()
    with pytest.raises(Stuck, match="nothing will be"):
        loop.run_until_complete(never)
    never.cancel()
    loop.close()


def test_no_thread_runs_in_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        with pytest.raises(RuntimeError, match="no thread"):
            await asyncio.to_thread(print)

    play(main)


def test_an_exception_that_nobody_catches_is_told() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        told: list[str] = []
        loop.failed = lambda context: told.append(str(context["exception"]))
        loop.call_soon(int, "x")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return told

    assert "invalid literal" in play(main)[0]


async def _forever(steps: list[str], name: str) -> None:
    try:
        while True:
            steps.append(name)
            await asyncio.sleep(1.0)
    finally:
        steps.append(f"{name} buried")
        await asyncio.sleep(1.0)
        steps.append(f"{name} gone")


def test_a_killed_process_does_nothing_more_and_leaves_nothing_behind() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        steps: list[str] = []
        process, died = Process("one"), asyncio.Event()
        process.died = died.set
        process.start(loop, _forever(steps, "one"))
        other = asyncio.create_task(_forever(steps, "other"))
        await asyncio.sleep(1.5)
        loop.kill(process)
        await died.wait()
        await asyncio.sleep(1.0)
        other.cancel()
        await asyncio.wait([other])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return steps

    assert play(main) == ["one", "other", "one", "other", "one buried", "other", "other buried", "other gone"]


def test_one_whose_wake_up_is_dropped_is_buried_and_not_found_by_the_collector() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        steps: list[str] = []
        process, died, comes = Process("one"), asyncio.Event(), loop.create_future()
        process.died = died.set
        loop.failed = lambda context: steps.append(str(context["message"]))

        async def life() -> None:
            try:
                await comes
            finally:
                steps.append("buried")

        process.start(loop, life())
        await asyncio.sleep(1.0)
        comes.set_result(None)
        loop.kill(process)
        await died.wait()
        return steps

    assert play(main) == ["buried"]


def test_what_a_process_began_dies_with_it_also_in_its_own_midst() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        steps: list[str] = []
        process, died = Process("one"), asyncio.Event()
        process.died = died.set

        def end() -> None:
            loop.kill(process)
            raise Killed

        async def life() -> None:
            asyncio.get_running_loop().call_later(2.0, steps.append, "too late")
            child = asyncio.create_task(asyncio.sleep(3.0))
            child.add_done_callback(lambda _: steps.append("too late"))
            await asyncio.sleep(1.0)
            end()

        process.start(loop, life())
        await died.wait()
        await asyncio.sleep(5.0)
        return steps

    assert play(main) == []


def test_a_frozen_process_learns_of_everything_when_it_goes_on_in_order() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[float, int]]:
        seen: list[tuple[float, int]] = []
        process = Process("one")

        def see(number: int) -> None:
            seen.append((loop.time(), number))

        async def life() -> None:
            for number in range(4):
                loop.call_later(number + 0.5, see, number)

        await process.start(loop, life())
        await asyncio.sleep(1.0)
        loop.freeze(process, 10.0)
        await asyncio.sleep(20.0)
        return seen

    seen = play(main)
    assert [number for _, number in seen] == [0, 1, 2, 3]
    assert seen[0][0] < 1.0
    assert all(at >= 11.0 for at, _ in seen[1:])
