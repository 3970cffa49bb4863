"""The disk that loses what was not synced: the record of a process's writes, and what may be left of them."""

import errno
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.torture.disk import FOLDER, SECTOR, Disk, Record, files_below, lay_down
from gateway.torture.lost_writes import Call, LostWrites, NoCompilerError, build


def always(number: float) -> Callable[[], float]:
    return lambda: number


NOTHING, EVERYTHING = always(0.0), always(0.25)
"""What `after_power_loss` keeps of what is unsafe."""
FILE = 7


def opened(name: str, made: bool = True) -> Record:
    return Record("O", FILE, int(made), name.encode())


def wrote(at: int, octets: bytes) -> Record:
    return Record("W", FILE, at, octets)


def synced(which: int = FILE, how: str = "D", thread: int = 1) -> list[Record]:
    return [Record("S", which, thread, b""), Record(how, which, thread, b"")]


def disk_of(*records: Record, files: dict[str, bytes] | None = None) -> Disk:
    disk = Disk(files or {})
    for record in records:
        disk.apply(record)
    return disk


def test_octets_are_safe_after_a_sync_and_a_name_after_its_folders() -> None:
    records = [opened("a"), wrote(0, b"one")]
    assert disk_of(*records).after_power_loss(NOTHING) == {}
    assert disk_of(*records, *synced()).after_power_loss(NOTHING) == {}
    assert disk_of(*records, *synced(FOLDER)).after_power_loss(NOTHING) == {"a": b""}
    assert disk_of(*records, *synced(), *synced(FOLDER)).after_power_loss(NOTHING) == {"a": b"one"}
    assert disk_of(*records).after_power_loss(EVERYTHING) == {"a": b"one"}


def test_a_sync_keeps_what_was_written_before_it_began_and_no_more() -> None:
    begin, end = synced()
    disk = disk_of(opened("a", False), wrote(0, b"ab"), begin, wrote(1, b"X"), end, files={"a": b"--"})
    assert disk.after_power_loss(NOTHING) == {"a": b"ab"}
    assert disk.after_power_loss(EVERYTHING) == {"a": b"aX"}


def test_two_threads_sync_at_once() -> None:
    first, second = synced(thread=1), synced(thread=2)
    records = [opened("a", False), wrote(0, b"1"), first[0], wrote(1, b"2"), second[0], second[1], first[1]]
    assert disk_of(*records, files={"a": b""}).after_power_loss(NOTHING) == {"a": b"12"}


def test_what_a_failed_sync_was_to_keep_is_lost_though_a_later_one_succeeds() -> None:
    records = [opened("a", False), wrote(0, b"gone"), *synced(how="F"), wrote(2, b"NE"), *synced()]
    disk = disk_of(*records, files={"a": b"----"})
    assert disk.after_power_loss(NOTHING) == {"a": b"--NE"}
    assert disk.after_power_loss(EVERYTHING) == {"a": b"goNE"}


def test_a_write_is_torn_at_sectors() -> None:
    chance = random.Random(1)
    disk = disk_of(opened("a", False), wrote(100, b"x" * 3_000), files={"a": bytes(3_100)})
    seen = {disk.after_power_loss(chance.random)["a"] for _ in range(60)}
    assert len(seen) > 10
    for octets in seen:
        pieces = [octets[100:SECTOR], *(octets[at : at + SECTOR] for at in range(SECTOR, 3_100, SECTOR))]
        assert all(len(set(piece)) == 1 for piece in pieces)


def test_a_lost_write_in_the_middle_leaves_a_hole() -> None:
    disk = disk_of(opened("a", False), wrote(4, b"end"), *synced(), files={"a": b"b"})
    assert disk.after_power_loss(NOTHING) == {"a": b"b\0\0\0end"}


def test_a_file_cut_off_is_long_again_until_it_is_synced() -> None:
    cut = Record("T", FILE, 1, b"")
    assert disk_of(opened("a", False), cut, files={"a": b"abc"}).after_power_loss(NOTHING) == {"a": b"abc"}
    assert disk_of(opened("a", False), cut, *synced(), files={"a": b"abc"}).after_power_loss(NOTHING) == {"a": b"a"}


def test_removed_and_renamed_files_come_back_until_the_folder_is_synced() -> None:
    removed, renamed = Record("U", 0, 0, b"a"), Record("R", 0, 0, b"b\0c")
    disk = disk_of(removed, renamed, files={"a": b"1", "b": b"2"})
    assert disk.after_power_loss(NOTHING) == {"a": b"1", "b": b"2"}
    assert disk.after_power_loss(EVERYTHING) == {"c": b"2"}
    assert disk_of(removed, renamed, *synced(FOLDER), files={"a": b"1", "b": b"2"}).after_power_loss(NOTHING) == {
        "c": b"2"
    }


def test_what_went_into_sockets_is_not_on_the_disk() -> None:
    assert disk_of(Record("N", 3, 0, b"hi"), Record("C", 3, 0, b"")).after_power_loss(EVERYTHING) == {}


# ---- the library


@pytest.fixture
def watch(tmp_path: Path) -> LostWrites:
    (tmp_path / "disk").mkdir()
    (tmp_path / "work").mkdir()
    return LostWrites(tmp_path / "disk", tmp_path / "work")


def run(watch: LostWrites, code: str) -> str:
    """What a process prints that does this in the folder."""
    ran = subprocess.run(
        [sys.executable, "-c", f"import os, sys\n{code}"],
        cwd=watch.folder, env={**os.environ, **watch.environment()}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


WRITES = """
fd = os.open("a", os.O_RDWR | os.O_CREAT)
os.write(fd, b"first")
os.fsync(fd)
os.fsync(os.open(".", os.O_RDONLY))
os.pwrite(fd, b"second", 5)
"""


def test_the_library_records_what_a_process_did(watch: LostWrites) -> None:
    run(watch, WRITES)
    assert [(one.kind, one.octets) for one in watch.records()] == [
        ("O", b"a"), ("W", b"first"), ("S", b""), ("D", b""), ("S", b""), ("D", b""), ("W", b"second"),
    ]  # fmt: skip
    assert files_below(watch.folder) == {"a": b"firstsecond"}
    watch.lose_power(NOTHING)
    assert files_below(watch.folder) == {"a": b"first"}
    assert watch.records() == []
    run(watch, 'os.rename("a", "b")')
    run(watch, 'fd = os.open("b", os.O_WRONLY); os.ftruncate(fd, 2); os.fdatasync(fd); os.unlink("b")')
    assert files_below(watch.folder) == {}
    watch.lose_power(NOTHING)
    assert files_below(watch.folder) == {"a": b"fi"}


def test_a_folder_is_synced_by_its_whole_path_too(watch: LostWrites) -> None:
    run(watch, "open('a', 'w').close(); os.fsync(os.open(os.getcwd(), os.O_RDONLY))")
    watch.lose_power(NOTHING)
    assert files_below(watch.folder) == {"a": b""}


def test_what_leaves_by_a_socket_stands_in_its_place(watch: LostWrites) -> None:
    run(
        watch,
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "one = socket.create_connection(server.getsockname())\n"
        "open('a', 'wb', buffering=0).write(b'x')\none.send(b'yes')\none.close()",
    )
    assert [(one.kind, one.octets) for one in watch.records() if one.kind != "C"] == [
        ("O", b"a"), ("T", b""), ("W", b"x"), ("N", b"yes"),
    ]  # fmt: skip


FAILS = """
fd = os.open("a", os.O_RDWR | os.O_CREAT)
for act in (lambda: os.write(fd, b"x"), lambda: os.fsync(fd), lambda: os.fsync(fd), lambda: os.ftruncate(fd, 0)):
    try:
        act()
        print(0)
    except OSError as error:
        print(error.errno)
"""


@pytest.mark.parametrize(
    ("calls", "nth", "forever", "only", "said"),
    [
        (Call.SYNC, 1, False, "", [0, errno.EIO, 0, 0]),
        (Call.SYNC, 2, False, "", [0, 0, errno.EIO, 0]),
        (Call.SYNC, 1, True, "a", [0, errno.EIO, errno.EIO, 0]),
        (Call.SYNC | Call.WRITE | Call.CUT, 1, True, "-wal", [0, 0, 0, 0]),
        (Call.WRITE | Call.CUT, 1, True, "", [errno.EIO, 0, 0, errno.EIO]),
    ],
)
def test_calls_fail_as_they_are_told(
    watch: LostWrites, calls: Call, nth: int, forever: bool, only: str, said: list[int]
) -> None:
    watch.fail(calls, errno.EIO, nth=nth, forever=forever, only=only)
    assert [int(one) for one in run(watch, FAILS).split()] == said
    assert watch.failed == sum(one != 0 for one in said)
    watch.heal()
    assert run(watch, FAILS).split() == ["0"] * 4


def test_calls_wait_until_they_may_go_on(watch: LostWrites) -> None:
    watch.hold(Call.SYNC)
    process = subprocess.Popen(
        [sys.executable, "-c", "import os\nfd = os.open('a', os.O_RDWR | os.O_CREAT)\nos.fsync(fd)"],
        cwd=watch.folder, env={**os.environ, **watch.environment()},
    )  # fmt: skip
    while not watch.waiting:
        assert process.poll() is None
    assert [one.kind for one in watch.records()] == ["O"]
    watch.heal()
    assert process.wait(10) == 0
    assert watch.waiting == 0


def test_a_folder_is_laid_down_anew(tmp_path: Path) -> None:
    lay_down(tmp_path, {"a": b"1", "below/b": b"2"})
    lay_down(tmp_path, {"below/b": b"3"})
    (tmp_path / "kwek.db-shm").write_bytes(b"memory")
    assert files_below(tmp_path) == {"below/b": b"3"}


def test_a_record_cut_off_by_the_processs_death_is_left_out(watch: LostWrites) -> None:
    run(watch, WRITES)
    whole = watch.records()
    record = Path(watch.environment()["KWEK_DISK_RECORD"])
    record.write_bytes(record.read_bytes()[:-3])
    assert watch.records() == whole[:-1]


def test_the_record_is_not_kept_in_the_folder_it_is_of(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is within"):
        LostWrites(tmp_path, tmp_path)


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoCompilerError, match="install the Debian packages gcc and libc6-dev"):
        build(tmp_path)
    (tmp_path / "gcc").write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    (tmp_path / "gcc").chmod(0o755)
    with pytest.raises(NoCompilerError, match=r"cannot compile .*: no$"):
        build(tmp_path)
