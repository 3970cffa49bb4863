"""Power cuts and faults of the disk for a process under test: lost_writes.c, compiled, told and read.

The library is preloaded into the process, watches one folder, and keeps its record outside of it:

    watch = LostWrites(store_folder, work_folder)
    process = start(..., environment=watch.environment())
    watch.fail(Call.SYNC, errno.EIO)         # the next sync fails, once
    process.kill()
    watch.lose_power(chance)                 # the folder is now what a disk would have kept

It needs a C compiler (Debian: gcc, libc6-dev) and glibc; `build` raises NoCompilerError without one.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from collections.abc import Callable, Mapping
from enum import IntFlag
from pathlib import Path

from gateway.torture.disk import Disk, Record, files_below, lay_down, read_records

SOURCE = Path(__file__).with_name("lost_writes.c")
_CONTROL = struct.Struct("=iiqiiqqq64s")
"""`struct control` of lost_writes.c."""
_ORDERS = struct.Struct("=iiqii")
_COUNTS = struct.Struct("=qqq")
_WAIT_AT = struct.calcsize("=iiqi")


class NoCompilerError(Exception):
    """There is no C compiler here: install the Debian packages gcc and libc6-dev."""


class Call(IntFlag):
    """The calls that can be made to fail or to wait: writing, syncing, cutting off (ftruncate), making a file."""

    WRITE = 1
    SYNC = 2
    CUT = 4
    OPEN = 8


def compiler() -> str | None:
    """The C compiler of this machine."""
    return shutil.which("gcc") or shutil.which("cc")


def build(folder: Path) -> Path:
    """Compile the library into a folder; gives its path. Raises NoCompilerError."""
    found = compiler()
    if found is None:
        raise NoCompilerError("no C compiler is here: install the Debian packages gcc and libc6-dev")
    library = folder / "lost_writes.so"
    command = [found, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    if compiled.returncode:
        raise NoCompilerError(f"{found} cannot compile {SOURCE}: {compiled.stderr.strip()}")
    return library


class LostWrites:
    """The disk under one folder, for the processes that are started with its environment, one after another."""

    def __init__(self, folder: Path, work: Path) -> None:
        """`folder` is watched; `work`, outside of it, takes the library, its record and its orders."""
        if work.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{work} is within {folder}: what is noted there would be noted, and so on")
        self.folder = folder
        self.library = build(work)
        self._record = work / "disk.record"
        self._page = work / "disk.control"
        self._page.write_bytes(bytes(mmap.PAGESIZE))
        with self._page.open("r+b") as page:
            self._control = mmap.mmap(page.fileno(), mmap.PAGESIZE)
        self.begin()

    def begin(self) -> None:
        """Take the folder as it is for what is on the disk, and forget what was recorded. No process may be running."""
        self.files = files_below(self.folder)
        self._record.unlink(missing_ok=True)

    def environment(self) -> Mapping[str, str]:
        """What a process is to find in its environment besides."""
        return {
            "LD_PRELOAD": str(self.library),
            "KWEK_DISK_FOLDER": str(self.folder),
            "KWEK_DISK_RECORD": str(self._record),
            "KWEK_DISK_CONTROL": str(self._page),
        }

    # ---------------------------------------------------------------------------------------------- faults on order

    def fail(self, calls: Call, error: int, *, nth: int = 1, forever: bool = False, only: str = "") -> None:
        """The `nth` such call from now on fails with this errno, and all after it when `forever`.

        `only`: files whose name ends so ("-wal").
        """
        self._tell(calls, error, nth, forever, waits=False, only=only)

    def hold(self, calls: Call, *, only: str = "") -> None:
        """Such calls wait until `heal`."""
        self._tell(calls, 0, 0, False, waits=True, only=only)

    def heal(self) -> None:
        """Everything works again, and what waits goes on."""
        self._control[_WAIT_AT : _WAIT_AT + 4] = bytes(4)
        self._control[:4] = bytes(4)

    @property
    def failed(self) -> int:
        """Calls that failed since it was last told to."""
        return self._counts()[1]

    @property
    def waiting(self) -> int:
        """Calls that wait now."""
        return self._counts()[2]

    def _counts(self) -> tuple[int, int, int]:
        passed, failed, waiting = _COUNTS.unpack_from(self._control, _ORDERS.size)
        return passed, failed, waiting

    def _tell(self, calls: Call, error: int, nth: int, forever: bool, *, waits: bool, only: str) -> None:
        self.heal()
        _CONTROL.pack_into(self._control, 0, 0, error, nth, forever, waits, 0, 0, 0, only.encode())
        self._control[:4] = int(calls).to_bytes(4, "little")  # last: from here on it holds

    # ------------------------------------------------------------------------------------------------ the power goes

    def records(self) -> list[Record]:
        """What was done since `begin`."""
        return read_records(self._record) if self._record.exists() else []

    def disk(self) -> Disk:
        """The disk as it was at `begin`; apply records to it."""
        return Disk(self.files)

    def lose_power(self, chance: Callable[[], float]) -> None:
        """Put into the folder what may be on the disk now; the process must have been killed. Then `begin` anew."""
        disk = self.disk()
        for record in self.records():
            disk.apply(record)
        lay_down(self.folder, disk.after_power_loss(chance))
        self.begin()
