"""A disk as it is after the power went: which octets are there was decided by what had been synced.

Fed with the record of gateway/torture/lost_writes.c in its order. Octets are safe when a sync that began after they
were written has ended well. All others may be there or not, in any order, by sectors: as chance decides. The same
holds for names (a file that was made, renamed or removed) until their folder was synced. After a sync that failed, what
it was to keep is never safe again, though a later sync says so: Linux marks the pages clean and forgets
(https://wiki.postgresql.org/wiki/Fsync_Errors).
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

SECTOR = 512
"""Octets that a disk writes whole or not at all; SQLite and PostgreSQL count on no more."""
_HEAD = struct.Struct("<cIQQ")
FOLDER = 0
"""The number under which a folder's names are synced."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One call: `kind` is a letter of lost_writes.c, `which` the file's inode or the socket, `number` an offset, …"""

    kind: str
    which: int
    number: int
    octets: bytes


def read_records(path: Path) -> list[Record]:
    """The record in its order; a last one that was cut off by the process's death is left out."""
    octets, at, found = path.read_bytes(), 0, list[Record]()
    while at + _HEAD.size <= len(octets):
        kind, rest, which, number = _HEAD.unpack_from(octets, at)
        end = at + 5 + rest
        if end > len(octets):
            break
        found.append(Record(kind.decode(), which, number, octets[at + _HEAD.size : end]))
        at = end
    return found


class _Change(msgspec.Struct):
    """Octets written at a place, or (None) the file cut to that length."""

    at: int
    octets: bytes | None
    safe: bool = False
    doomed: bool = False
    """A sync of it failed: no later one makes it safe."""


class _File:
    """What is on the disk for certain, and what was done since; safe changes wait behind doomed ones, in order."""

    def __init__(self, octets: bytes = b"") -> None:
        self.octets = bytearray(octets)
        self.changes: list[_Change] = []

    def sync(self, changes: list[_Change], well: bool) -> None:
        for change in changes:
            change.doomed |= not well
            change.safe |= well and not change.doomed
        while self.changes and self.changes[0].safe:
            _apply(self.octets, self.changes.pop(0))

    def after(self, keeps: Callable[[], bool]) -> bytes:
        """Its octets after the power went; `keeps` decides for each sector that was not safe."""
        octets = bytearray(self.octets)
        for change in self.changes:
            if change.safe:
                _apply(octets, change)
                continue
            for piece in _sectors(change):
                if keeps():
                    _apply(octets, piece)
        return bytes(octets)


def _apply(octets: bytearray, change: _Change) -> None:
    if change.octets is None:
        del octets[change.at :]
        octets.extend(bytes(change.at - len(octets)))
        return
    octets.extend(bytes(max(0, change.at - len(octets))))
    octets[change.at : change.at + len(change.octets)] = change.octets


def _sectors(change: _Change) -> Iterator[_Change]:
    if change.octets is None:
        yield change
        return
    at, end = change.at, change.at + len(change.octets)
    while at < end:
        upto = min(end, (at // SECTOR + 1) * SECTOR)
        yield _Change(at, change.octets[at - change.at : upto - change.at])
        at = upto


class _Name(msgspec.Struct):
    """A name that was given to a file, or (None) taken away; `gone`: the name it had before, when it was renamed."""

    name: str
    file: _File | None
    gone: str = ""


class Disk:
    """The files below one folder. `files`: what is on the disk at the start, by path below it."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._safe = {name: _File(octets) for name, octets in files.items()}
        self._now = dict(self._safe)
        self._names: list[_Name] = []
        self._inodes: dict[int, _File] = {}
        self._syncs: dict[tuple[int, int], list[_Change] | list[_Name]] = {}

    def apply(self, record: Record) -> None:
        """Do what the process did."""
        match record.kind:
            case "O":
                self._open(record)
            case "W":
                self._inodes[record.which].changes.append(_Change(record.number, record.octets))
            case "T":
                self._inodes[record.which].changes.append(_Change(record.number, None))
            case "S" if record.which == FOLDER:
                self._syncs[FOLDER, record.number] = list(self._names)
            case "S":
                self._syncs[record.which, record.number] = list(self._inodes[record.which].changes)
            case "D" | "F":
                self._synced(record)
            case "U":
                self._rename(_Name(record.octets.decode(), None))
            case "R":
                old, new = record.octets.decode().split("\0")
                self._rename(_Name(new, self._now.get(old), old))
            case _:  # what went into sockets is not on the disk
                return

    def after_power_loss(self, chance: Callable[[], float]) -> dict[str, bytes]:
        """The files as they may be now, if the power goes; `chance` gives numbers from 0 up to 1.

        In a quarter of the cases each nothing unsafe is kept, everything, every second sector, and one in ten.
        """
        share = (0.0, 1.1, 0.5, 0.1)[int(chance() * 4)]

        def keeps() -> bool:
            return chance() < share

        names = dict(self._safe)
        for one in self._names:
            if keeps():
                _rename(names, one)
        return {name: file.after(keeps) for name, file in names.items()}

    def _open(self, record: Record) -> None:
        name = record.octets.decode()
        if record.number:  # it was made
            self._inodes[record.which] = file = _File()
            self._rename(_Name(name, file))
        elif record.which not in self._inodes:
            self._inodes[record.which] = self._now[name]

    def _rename(self, one: _Name) -> None:
        self._names.append(one)
        _rename(self._now, one)

    def _synced(self, record: Record) -> None:
        covered = self._syncs.pop((record.which, record.number))
        well = record.kind == "D"
        if record.which != FOLDER:
            self._inodes[record.which].sync([one for one in covered if isinstance(one, _Change)], well)
        elif well:
            for one in covered:
                if isinstance(one, _Name) and any(one is waiting for waiting in self._names):
                    _rename(self._safe, one)
                    self._names = [waiting for waiting in self._names if waiting is not one]


def _rename(names: dict[str, _File], one: _Name) -> None:
    if one.gone:
        names.pop(one.gone, None)
    if one.file is None:
        names.pop(one.name, None)
    else:
        names[one.name] = one.file


def files_below(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by path; SQLite's shared index is memory and left out."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith("-shm"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def lay_down(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold these files and no others."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()
    for name, octets in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)


@contextmanager
def small_disk(folder: Path, octets: int) -> Iterator[bool]:
    """A disk of so many octets, mounted on a folder; gives False where that is not allowed (it needs root)."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={octets}", "kwek-torture", str(folder)], capture_output=True, check=False
    )
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)


def resize(folder: Path, octets: int) -> None:
    """Give what `small_disk` mounted there another size, not less than it holds. Raises CalledProcessError."""
    command = ["mount", "-o", f"remount,size={octets}", str(folder)]
    subprocess.run(command, capture_output=True, check=True)
