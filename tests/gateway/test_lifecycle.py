"""A task that must not die in silence ends the gateway, and says why."""

import asyncio
from typing import Any

import pytest

from gateway.lifecycle import Supervisor, every


class Broken(Exception):
    """What the tasks of these tests die of."""


async def dies(text: str) -> None:
    raise Broken(text)


async def until_stopped(stop: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await stop.wait()


async def test_the_first_fault_stops_everything_and_every_dead_task_is_named() -> None:
    supervisor = Supervisor(asyncio.Event())
    tasks = [supervisor.start(dies("first"), "writer"), supervisor.start(dies("second"), "watcher")]
    await until_stopped(supervisor.stop)
    await asyncio.wait(tasks)
    assert str(supervisor.fault) == "first"
    assert supervisor.dead == {"writer": "Broken: first", "watcher": "Broken: second"}


async def test_a_task_that_ends_in_peace_stops_nothing() -> None:
    supervisor = Supervisor(asyncio.Event())
    await supervisor.start(asyncio.sleep(0), "short")
    await asyncio.sleep(0)
    assert (supervisor.stop.is_set(), supervisor.fault, supervisor.dead) == (False, None, {})


async def test_running_cancels_at_the_end_of_the_block() -> None:
    supervisor = Supervisor(asyncio.Event())
    async with supervisor.running(asyncio.Event().wait(), "waits") as task:  # type: ignore[arg-type]
        assert not task.done()
    assert task.cancelled()
    assert not supervisor.stop.is_set()
    assert supervisor.dead == {}


async def test_leaving_the_block_after_its_task_failed_raises_nothing() -> None:
    supervisor = Supervisor(asyncio.Event())
    async with supervisor.running(dies("inside"), "web"):
        await until_stopped(supervisor.stop)
    assert supervisor.dead == {"web": "Broken: inside"}


async def test_every_does_it_again_until_it_fails() -> None:
    times = 0

    async def act() -> None:
        nonlocal times
        times += 1
        if times == 3:
            raise Broken("third")

    supervisor = Supervisor(asyncio.Event())
    supervisor.start(every(0, act), "often")
    await until_stopped(supervisor.stop)
    assert (times, supervisor.dead) == (3, {"often": "Broken: third"})


def broken(text: str) -> None:
    raise Broken(text)


async def test_what_a_callback_raises_ends_it_and_shows_none_of_its_arguments() -> None:
    supervisor = Supervisor(asyncio.Event())
    with supervisor.listening():
        asyncio.get_running_loop().call_soon(broken, "a phone's text")
        await until_stopped(supervisor.stop)
    (what,) = supervisor.dead
    assert what.startswith("Exception in callback")
    assert "phone" not in what
    assert str(supervisor.fault) == "a phone's text"
    assert asyncio.get_running_loop().get_exception_handler() is None


@pytest.mark.parametrize("context", [{"message": "m"}, {"message": "m", "exception": ConnectionResetError("gone")}])
async def test_what_is_no_fault_of_ours_is_only_logged(
    context: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor(asyncio.Event())
    with supervisor.listening():
        asyncio.get_running_loop().call_exception_handler(context)
    assert (supervisor.stop.is_set(), supervisor.fault, supervisor.dead) == (False, None, {})
    assert [record.getMessage() for record in caplog.records] == ["m"]
