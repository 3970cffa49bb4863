"""What some kinds of faults stand on: a disk that forgets, a disk that is full, a way to PostgreSQL that is cut.

A ground is laid before the first gateway of a trial starts and lasts to its end. Its faults' gateways are started on it
(`prepared`), struck by it while they work (`strike`) and, when they are dead, it does to the store what only then can
be done (`afterwards`). What a ground needs of the machine and of the store gateway/torture/needs.py says beforehand.
"""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace
from sqlalchemy.engine import URL, make_url

from gateway.torture.carrier import Carrier, TrialError
from gateway.torture.disk import files_below, lay_down, resize, small_disk
from gateway.torture.faults import CUT_COMMIT, DISK_FULL, LOST_WRITES, Fault
from gateway.torture.gateways import Gateway
from gateway.torture.lost_writes import Call, LostWrites, NoCompilerError
from gateway.torture.needs import NEEDS, unmet
from gateway.torture.postgres_proxy import At, PostgresProxy
from gateway.torture.proxy import Tcp, Unix

DISK: Final = "disk"
"""The folder of a trial that holds the store, where a ground is laid under it."""
SMALL: Final = 1 << 30
"""Octets of the small file system while it has room: a trial of some hundred kills writes a tenth of that."""
LEFT: Final = 64 << 10
"""Octets that are left of it when it is full: less than a group of texts and its share of the log."""
TRIES: Final = 20
"""It may grow between the look at it and its new size, so often at most."""
FELT_S: Final = 10.0
"""What was struck shows it within so long: the log is emptied every second, and grows when it cannot be."""
LONGEST_FULL_S: Final = 1.0
"""How long the disk stays full at most, once texts are refused for it."""
GOES_ON_S: Final = 20.0
"""When a fault has passed texts are acknowledged again within so long."""
CUTS: Final = 3
"""COMMITs of one gateway whose link is cut; it dies with the last one in doubt."""
MOST_SKIPPED: Final = 8
"""COMMITs that pass before one is cut."""
LOOK_S: Final = 0.01
POSTGRES_PORT: Final = 5432


class Ground(Protocol):
    """See the head of this file."""

    async def lay(self) -> None:
        """Lay it. Raises TrialError where this machine does not let it."""

    async def clear(self) -> None:
        """Take it away; the store's files stay."""

    def prepared(self, fault: Fault) -> Fault:
        """The fault, with what its gateway needs; no gateway may be running."""

    async def strike(self, gateway: Gateway, carrier: Carrier) -> bool:
        """Let it befall the gateway; whether it was felt. Raises TrialError when the gateway does not go on."""

    def afterwards(self) -> None:
        """The gateway is dead."""


class LostPower:
    """The power goes with the process: what was not synced is on the disk or not, by sectors, as chance has it."""

    def __init__(self, folder: Path, chance: Callable[[], float]) -> None:
        self._folder = folder
        self._chance = chance
        self._watch: LostWrites | None = None

    async def lay(self) -> None:
        """Compile what watches the disk."""
        self._watch = await asyncio.to_thread(watched, self._folder, LOST_WRITES)

    async def clear(self) -> None:
        """Nothing lies under the files."""

    def prepared(self, fault: Fault) -> Fault:
        """Everything that is there by now is safe; from here on it is watched."""
        watch = self._laid()
        watch.begin()
        return replace(fault, environment={**fault.environment, **watch.environment()})

    async def strike(self, gateway: Gateway, carrier: Carrier) -> bool:
        """Nothing, while it works."""
        return True

    def afterwards(self) -> None:
        """Lay down what may be on the disk."""
        self._laid().lose_power(self._chance)

    def _laid(self) -> LostWrites:
        assert self._watch is not None  # laid before
        return self._watch


class FullDisk:
    """The disk has no room for a while: texts are refused, nothing that was acknowledged is lost, and all goes on.

    A file system of its own is made small where that is allowed; elsewhere a library answers every write with ENOSPC.
    """

    def __init__(self, folder: Path, chance: Callable[[], float]) -> None:
        self._folder = folder
        self._chance = chance
        self._mounted = ExitStack()
        self._watch: LostWrites | None = None

    async def lay(self) -> None:
        """Mount it, or compile what stands for it."""
        if not await asyncio.to_thread(self._mounted.enter_context, small_disk(self._folder, SMALL)):
            self._watch = await asyncio.to_thread(watched, self._folder, DISK_FULL)

    async def clear(self) -> None:
        """Unmount it."""
        if self._watch is None:
            await asyncio.to_thread(self._unmount)

    def prepared(self, fault: Fault) -> Fault:
        """As it is, where a file system is mounted."""
        if self._watch is None:
            return fault
        self._watch.begin()
        return replace(fault, environment={**fault.environment, **self._watch.environment()})

    async def strike(self, gateway: Gateway, carrier: Carrier) -> bool:
        """No room until texts are refused, and a little longer; then there is room, and texts are acknowledged."""
        refused, at = carrier.refused, time.monotonic()
        await asyncio.to_thread(self._fill)
        try:
            felt = await _until(lambda: gateway.ended.is_set() or carrier.refused > refused, FELT_S)
            await _until(gateway.ended.is_set, self._chance() * LONGEST_FULL_S)
        finally:
            await asyncio.to_thread(self._free)
        carrier.do("befell", kind="disk full", at=at, until=time.monotonic(), detail="ENOSPC")
        await goes_on(gateway, carrier)
        return felt

    def afterwards(self) -> None:
        """A disk that was full forgets nothing."""

    def _fill(self) -> None:
        if self._watch is not None:
            self._watch.fail(Call.WRITE, errno.ENOSPC, forever=True)
            return
        for _ in range(TRIES):
            disk = os.statvfs(self._folder)
            with suppress(subprocess.CalledProcessError):  # more was written meanwhile
                resize(self._folder, (disk.f_blocks - disk.f_bfree) * disk.f_frsize + LEFT)
                return
        raise TrialError(f"the file system on {self._folder} cannot be made small")

    def _free(self) -> None:
        if self._watch is not None:
            self._watch.heal()
        else:
            resize(self._folder, SMALL)

    def _unmount(self) -> None:
        """The files stay, under what was mounted."""
        files = files_below(self._folder)
        self._mounted.close()
        lay_down(self._folder, files)


class CutCommits:
    """The link to PostgreSQL is cut at COMMIT, before the server has it or with its answer, again and again."""

    def __init__(self, store: str, chance: Callable[[], float]) -> None:
        self._url = make_url(store)
        self._chance = chance
        self._proxy = PostgresProxy(server_of(self._url))

    async def lay(self) -> None:
        """Listen for gateways."""
        await self._proxy.start()

    async def clear(self) -> None:
        """Listen no more."""
        await self._proxy.stop()

    def prepared(self, fault: Fault) -> Fault:
        """By way of the proxy."""
        return replace(fault, store=through(self._url, self._proxy.port))

    async def strike(self, gateway: Gateway, carrier: Carrier) -> bool:
        """Cut COMMITs; each time but the last texts are acknowledged afterwards."""
        plan = self._proxy.plan
        for turn in range(1, CUTS + 1):
            plan.skip = int(self._chance() * MOST_SKIPPED)
            plan.cut = At.BEFORE if self._chance() < 0.5 else At.AFTER
            if not await _until(lambda: gateway.ended.is_set() or plan.cut is None, FELT_S):
                plan.cut = None
                return False
            if turn < CUTS:
                await goes_on(gateway, carrier)
        return True

    def afterwards(self) -> None:
        """The server is well."""


def watched(folder: Path, kind: str) -> LostWrites:
    """The library that watches a folder for one kind, its record beside it. Raises TrialError without a compiler."""
    work = folder.with_name(f"{kind}-record")
    work.mkdir(exist_ok=True)
    try:
        return LostWrites(folder, work)
    except NoCompilerError as error:
        raise TrialError(str(error)) from None


async def goes_on(gateway: Gateway, carrier: Carrier) -> None:
    """Wait until texts are acknowledged again. Raises TrialError when none are."""
    acknowledged = carrier.acknowledged
    if not await _until(lambda: gateway.ended.is_set() or carrier.acknowledged > acknowledged, GOES_ON_S):
        raise TrialError(f"the fault has passed, and no text was acknowledged within {GOES_ON_S:g} s")


async def _until(condition: Callable[[], object], seconds: float) -> bool:
    """Look until the condition is true; False when the time is up."""
    by = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= by:
            return False
        await asyncio.sleep(LOOK_S)
    return True


def server_of(url: URL) -> Tcp | Unix:
    """Where the server of a URL listens: libpq's host, which may be the folder of its socket."""
    host = str(url.query.get("host") or url.host or "127.0.0.1")
    port = int(str(url.query.get("port") or url.port or POSTGRES_PORT))
    return Unix(f"{host}/.s.PGSQL.{port}") if host.startswith("/") else Tcp(host, port)


def through(url: URL, port: int) -> str:
    """The URL of the same database by way of a port of the loopback, unencrypted."""
    query = {name: value for name, value in url.query.items() if name not in ("host", "port")}
    plain = url.set(host="127.0.0.1", port=port, query={**query, "sslmode": "disable", "gssencmode": "disable"})
    return plain.render_as_string(hide_password=False)


def grounds_for(kinds: set[str], folder: Path, store: str, chance: Callable[[], float]) -> dict[str, Ground]:
    """The grounds of the kinds that have one, in the order in which they are laid. Raises TrialError for one that
    cannot be laid here."""
    for kind in NEEDS:
        if kind in kinds and (why := unmet(kind, store)):
            raise TrialError(f"{kind}: {why}")
    disk = folder / DISK
    if kinds & {LOST_WRITES, DISK_FULL}:
        disk.mkdir()
    found: dict[str, Ground] = {}
    if DISK_FULL in kinds:  # what is mounted comes before what watches it
        found[DISK_FULL] = FullDisk(disk, chance)
    if LOST_WRITES in kinds:
        found[LOST_WRITES] = LostPower(disk, chance)
    if CUT_COMMIT in kinds:
        found[CUT_COMMIT] = CutCommits(store, chance)
    return found
