"""What makes a store unsafe, and what is only doubtful, is found when it is opened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.store import safety
from router.store.engine import open_store
from router.store.errors import StoreUnsafe
from router.store.safety import doubtful_postgresql, file_system_of, unsafe_postgresql, unsafe_sqlite

MOUNTS = r"""
21 1 254:0 / / rw,relatime - ext4 /dev/root rw
36 21 0:32 / /srv rw,relatime shared:1 - nfs4 server:/export rw
37 36 0:33 / /srv/local rw,relatime - xfs /dev/sdb rw
38 21 0:34 / /mnt/with\040space rw - cifs //server/share rw
39 21 0:35 / /twice rw - ext4 /dev/sdc rw
40 21 0:36 / /twice rw - 9p host rw
cut off
"""


class Said:
    """A database that says what a test gives it."""

    def __init__(self, **answers: list[tuple[Any, ...]]) -> None:
        self.answers = answers

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        return next(rows for word, rows in self.answers.items() if word in sql)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/var/kwek.db", "ext4"),
        ("/srv/kwek.db", "nfs4"),
        ("/srvant/kwek.db", "ext4"),
        ("/srv/local/kwek.db", "xfs"),
        ("/mnt/with space/kwek.db", "cifs"),
        ("/twice/kwek.db", "9p"),
    ],
)
def test_the_file_system_of_a_file(file: str, kind: str) -> None:
    assert file_system_of(Path(file), MOUNTS) == kind


def test_where_the_mounts_say_nothing_nothing_is_known() -> None:
    assert file_system_of(Path("/kwek.db"), "") == ""


def test_the_real_mounts_know_where_this_file_is() -> None:
    if not safety.MOUNTS.exists():
        pytest.skip("no /proc here")
    found = file_system_of(Path(__file__).resolve(), safety.MOUNTS.read_text())
    assert found
    assert found in safety.NETWORK or " " not in found


def unsafe(mode: str, level: int) -> Iterator[str]:
    return unsafe_sqlite(Said(journal_mode=[(mode,)], synchronous=[(level,)]), None)


def test_sqlite_needs_its_log_and_full_syncs() -> None:
    assert list(unsafe("wal", 2)) == []
    assert list(unsafe("memory", 2)) == []
    assert list(unsafe("wal", 3)) == []
    assert list(unsafe("wal", 1)) == ["SQLite runs journal_mode=wal, synchronous=1: it needs WAL and FULL"]
    assert list(unsafe("delete", 2)) == ["SQLite runs journal_mode=delete, synchronous=2: it needs WAL and FULL"]


def test_postgresql_needs_all_three() -> None:
    said = Said(pg_settings=[("fsync", "off"), ("full_page_writes", "on"), ("synchronous_commit", "off")])
    assert list(unsafe_postgresql(said)) == [
        "PostgreSQL runs fsync=off: an acknowledged message could be lost; turn it on",
        "PostgreSQL runs synchronous_commit=off: an acknowledged message could be lost; turn it on",
    ]
    assert list(unsafe_postgresql(Said(pg_settings=[("fsync", "on"), ("synchronous_commit", "local")]))) == []


ASYNCHRONOUS = (
    "PostgreSQL's stand-by ({}) is asynchronous: acknowledged messages are lost in a fail-over to it; "
    "set synchronous_standby_names, and keep synchronous_commit at on or remote_apply"
)


@pytest.mark.parametrize(
    ("wanted", "standbys", "said"),
    [
        ("", [], []),
        ("", [("ams-2", "async")], [ASYNCHRONOUS.format("ams-2")]),
        ("", [("ams-2", "async"), ("", "hidden")], [ASYNCHRONOUS.format("ams-2, without a name")]),
        ("ams-2", [("ams-2", "sync"), ("ams-3", "async")], []),
        ("ANY 1 (*)", [("ams-2", "quorum")], []),
        ("ams-2", [("ams-2", "hidden")], []),
        (
            "ams-2",
            [("ams-3", "async")],
            ["synchronous_standby_names is 'ams-2' and no such stand-by is there: COMMIT waits until one is"],
        ),
    ],
)
def test_row_09_a_stand_by_that_may_lag_is_told(wanted: str, standbys: list[Any], said: list[str]) -> None:
    asked = Said(synchronous_standby_names=[(wanted,)], pg_stat_replication=standbys)
    assert list(doubtful_postgresql(asked)) == said


def test_a_file_on_a_network_is_refused_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"36 21 0:32 / {tmp_path} rw,relatime shared:1 - nfs4 server:/export rw\n")
    monkeypatch.setattr(safety, "MOUNTS", mounts)
    sentence = "its file is on a network file system (nfs4), whose locks SQLite cannot rely on: use a local disk"
    with pytest.raises(StoreUnsafe) as refusal:
        open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    assert str(refusal.value) == sentence
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}", unsafe=True)
    assert store.warnings == (f"UNSAFE: {sentence}",)
    store.close()


def test_outside_linux_nothing_is_known_of_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "MOUNTS", tmp_path / "absent")
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    assert store.warnings == ()
    store.close()
