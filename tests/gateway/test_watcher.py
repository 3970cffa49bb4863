"""Changed rules files are noticed once they have come to rest; looking stays cheap."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import watcher as module
from gateway.rules_loader import fingerprint
from gateway.watcher import LOOK_S, Watcher
from tests.support.rules_files import write


class Looks:
    """The pauses between looks, each filled with what a test does meanwhile; the watcher ends after the last."""

    def __init__(self, *doings: Callable[[], object]) -> None:
        self._doings: Iterator[Callable[[], object]] = iter(doings)
        self.waited: list[float] = []
        self.number = 0

    async def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.number += 1
        doing = next(self._doings, None)
        if doing is None:
            raise asyncio.CancelledError
        doing()


def nothing() -> None:
    """Time passes."""


async def noticed(folder: Path, *doings: Callable[[], object]) -> list[int]:
    """After which looks (from 1) a change was noticed."""
    looks = Looks(*doings)
    found: list[int] = []
    try:
        async for _ in Watcher([folder], fingerprint([folder])).changes(looks):
            found.append(looks.number)
    except asyncio.CancelledError:
        assert looks.waited[0] == LOOK_S
    return found


async def test_nothing_changes_and_nothing_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, a="#\n")
    assert await noticed(tmp_path, nothing, nothing, nothing) == []


async def test_a_change_is_noticed_once_when_it_rests(tmp_path: Path) -> None:
    write(tmp_path, a="#\n")
    assert await noticed(tmp_path, lambda: write(tmp_path, a="# more\n"), nothing, nothing, nothing) == [2]


async def test_a_file_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    write(tmp_path, a="#\n")
    parts = [lambda size=size: write(tmp_path, a="#" * size + "\n") for size in (2, 3, 4)]
    assert await noticed(tmp_path, *parts, nothing, nothing) == [4]


async def test_new_files_files_that_go_and_new_names_are_changes(tmp_path: Path) -> None:
    write(tmp_path, a="#\n")
    found = await noticed(
        tmp_path,
        lambda: write(tmp_path, b="#\n"),
        nothing,
        (tmp_path / "a.rules").unlink,
        nothing,
        lambda: (tmp_path / "b.rules").rename(tmp_path / "c.rules"),
        nothing,
    )
    assert found == [2, 4, 6]


async def test_what_was_changed_and_taken_back_is_no_change(tmp_path: Path) -> None:
    write(tmp_path, a="#\n")
    assert await noticed(tmp_path, lambda: write(tmp_path, b="#\n"), (tmp_path / "b.rules").unlink, nothing) == []


async def test_a_folder_that_goes_and_comes_back_is_noticed_both_times(tmp_path: Path) -> None:
    folder = write(tmp_path / "brands", a="#\n")
    away = tmp_path / "away"
    found = await noticed(folder, lambda: folder.rename(away), nothing, lambda: away.rename(folder), nothing, nothing)
    assert found == [2, 4]


async def test_looks_are_further_apart_where_they_take_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a="#\n")
    clock = iter([0.0, 0.1, 10.0, 10.001])
    monkeypatch.setattr(module, "monotonic", lambda: next(clock))
    looks = Looks(nothing, nothing)
    with pytest.raises(asyncio.CancelledError):
        async for _ in Watcher([tmp_path], fingerprint([tmp_path])).changes(looks):
            raise AssertionError("nothing has changed")
    assert looks.waited == [LOOK_S, pytest.approx(5.0), LOOK_S]
