"""Whether a database keeps what it says it has kept: found out when the store is opened.

What is unsafe loses acknowledged messages when the power goes or a process dies; the gateway refuses to start on it
(RELIABILITY 2.7, row 10) unless it is told to. What is only doubtful (a stand-by that may lag behind) is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

MOUNTS = Path("/proc/self/mountinfo")
"""What is mounted where, to this process (proc(5)); absent outside Linux, where nothing is known about networks."""
NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone",
     "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)  # fmt: skip
"""File systems on another machine: their locks and shared memory are not what SQLite's log needs
(https://www.sqlite.org/wal.html, "All processes using a database must be on the same host computer")."""
_MUST_BE_ON = "('fsync', 'full_page_writes', 'synchronous_commit')"
_STANDBYS = (
    "SELECT application_name, coalesce(sync_state, 'hidden') FROM pg_stat_replication "
    "WHERE state IS DISTINCT FROM 'backup' ORDER BY 1"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Asks(Protocol):
    """An open transaction, as far as questions go."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> list[tuple[Any, ...]]:
        """The rows of a query."""


def unsafe_sqlite(tx: Asks, file: Path | None) -> Iterator[str]:
    """What could lose an acknowledged message on SQLite, a sentence each."""
    mode, level = tx.execute("PRAGMA journal_mode")[0][0], tx.execute("PRAGMA synchronous")[0][0]
    if mode not in ("wal", "memory") or level < 2:
        yield f"SQLite runs journal_mode={mode}, synchronous={level}: it needs WAL and FULL"
    kind = "" if file is None else file_system_of(file.resolve(), _mounts())
    if kind in NETWORK:
        yield f"its file is on a network file system ({kind}), whose locks SQLite cannot rely on: use a local disk"


def unsafe_postgresql(tx: Asks) -> Iterator[str]:
    """What could lose an acknowledged message on PostgreSQL, a sentence each."""
    # What the session began with: its own synchronous_commit has been turned on already, but an operator who turned
    # it off for the database does not expect us to wait for the disk.
    asked = f"SELECT name, reset_val FROM pg_settings WHERE name IN {_MUST_BE_ON} ORDER BY name"
    for name, value in tx.execute(asked):
        if value == "off":
            yield f"PostgreSQL runs {name}=off: an acknowledged message could be lost; turn it on"


def doubtful_postgresql(tx: Asks) -> Iterator[str]:
    """What a fail-over to a stand-by could lose, a sentence each (row 09)."""
    wanted = tx.execute("SELECT current_setting('synchronous_standby_names')")[0][0]
    standbys = tx.execute(_STANDBYS)
    if wanted:
        if not any(state in ("sync", "quorum", "hidden") for _, state in standbys):
            yield f"synchronous_standby_names is {wanted!r} and no such stand-by is there: COMMIT waits until one is"
    elif standbys:
        names = ", ".join(sorted({name or "without a name" for name, _ in standbys}))
        yield (
            f"PostgreSQL's stand-by ({names}) is asynchronous: acknowledged messages are lost in a fail-over to it; "
            "set synchronous_standby_names, and keep synchronous_commit at on or remote_apply"
        )


def _mounts() -> str:
    return MOUNTS.read_text(encoding="utf-8", errors="surrogateescape") if MOUNTS.exists() else ""


def file_system_of(file: Path, mounts: str) -> str:
    """The type of the file system that a file (its real, absolute path) is on; empty when the mounts do not say.

    `mounts` is the text of /proc/self/mountinfo: the fifth field is the mount point, the type follows a lone hyphen.
    """
    found, depth = "", -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(_ESCAPED.sub(lambda escape: chr(int(escape[1], 8)), fields[4]))
        # Of two at one place the later one hides the earlier.
        if file.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = after.split(" ")[0], len(point.parts)
    return found
