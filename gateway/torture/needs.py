"""What some kinds of faults need of the machine and of the store, asked before a trial begins."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sqlalchemy.engine import make_url

from gateway.torture.disk import SECTOR, small_disk
from gateway.torture.faults import CUT_COMMIT, DISK_FULL, LOST_WRITES
from gateway.torture.lost_writes import compiler

COMPILER: Final = "a C compiler (the Debian packages gcc and libc6-dev)"
PLAIN: Final = ("", "disable", "allow", "prefer")
"""Values of sslmode with which a link need not be encrypted."""


def unmet(kind: str, store: str) -> str:
    """Why faults of a kind cannot be made with this store on this machine; empty when they can."""
    return NEEDS[kind](store) if kind in NEEDS else ""


def may_mount() -> bool:
    """Whether a small file system may be mounted here."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder), SECTOR) as made:
        return made


def _lost_writes(store: str) -> str:
    if store != "sqlite":
        return "what a disk forgets is tried on SQLite's files; PostgreSQL's are its server's: leave --store away"
    return "" if compiler() else f"it needs {COMPILER}"


def _disk_full(store: str) -> str:
    if store != "sqlite":
        return "a full disk is tried on SQLite's files; PostgreSQL's are its server's: leave --store away"
    if compiler() or may_mount():
        return ""
    return f"it needs leave to mount a small file system (which root has), or {COMPILER}"


def _cut_commit(store: str) -> str:
    if store == "sqlite":
        return "a COMMIT is cut on its way to PostgreSQL: name an empty database with --store postgresql://…"
    if make_url(store).query.get("sslmode", "") not in PLAIN:
        return "a COMMIT cannot be told on an encrypted link: let its URL do without sslmode"
    return ""


NEEDS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {LOST_WRITES: _lost_writes, DISK_FULL: _disk_full, CUT_COMMIT: _cut_commit}
)
"""Gives, for a store, what is missing."""
