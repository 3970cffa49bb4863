"""The keeper of SQLite's log ends in order with the gateway."""

import asyncio
import threading
from pathlib import Path

import pytest

from router.store.checkpoint import Checkpointer
from router.world import Worker
from tests.support.station import station

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

fallback
    reply "Dat begrijpen we niet."
"""


async def test_its_connection_closes_when_the_look_under_way_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite frees what a thread still works with: the process died of it, amid its own orderly end."""
    told: list[str] = []
    looking, ending = threading.Event(), threading.Event()
    close_thread, close = Worker.close, Checkpointer.close

    def look(self: Checkpointer) -> tuple[int, int]:
        looking.set()
        assert ending.wait(30)
        told.append("looked")
        return 0, 0

    def noted_thread(self: Worker) -> None:
        if self._name == "checkpoints":
            ending.set()
        close_thread(self)

    def noted(self: Checkpointer) -> None:
        told.append("closed")
        close(self)

    monkeypatch.setattr(Checkpointer, "look", look)
    monkeypatch.setattr(Checkpointer, "close", noted)
    monkeypatch.setattr(Worker, "close", noted_thread)
    async with station(tmp_path, RULES):
        assert await asyncio.to_thread(looking.wait, 30)
    assert told == ["looked", "closed"]
