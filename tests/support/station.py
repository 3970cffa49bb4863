"""The whole gateway in a test: a simulated carrier on a real port, kwek bound to it, phones that text."""

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg

from config.connectors import Connector
from config.settings import Country, Digits, Email, Gateway, Number, Settings
from config.values import Address, Host, Secret, Store
from gateway.app import serve
from smpp.simulator import Account, Simulator
from smpp.simulator_phones import Phone

SHORT_CODE = "4411"
LONG_NUMBER = "3197010281234"
PATIENCE_S = 10.0


async def fetch(address: str) -> tuple[int, str]:
    """What a web address answers; status 0 when nobody does."""

    def get() -> tuple[int, str]:
        try:
            with urlopen(address, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError as nobody:
            return 0, str(nobody)

    return await asyncio.to_thread(get)


@dataclass
class Station:
    """A folder with rules and a database, a carrier, and the gateway between them."""

    folder: Path
    brands: tuple[str, ...]
    connector: dict[str, Any] = field(default_factory=dict)
    store_url: str = ""
    listen: Address = field(default_factory=partial(Address, "127.0.0.1", 0))
    reload: bool = True
    email: Email = field(default_factory=Email)
    carrier: Simulator = field(init=False)
    where: str = ""
    exit_code: int | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[int] | None = None

    def __post_init__(self) -> None:
        self.carrier = Simulator(0, [Account("kwek", "secret")], time.monotonic, random.Random(1).random, datetime.now)
        self.store_url = self.store_url or f"sqlite:///{self.folder / 'kwek.db'}"

    @property
    def rules(self) -> Path:
        """Where the brands' files are."""
        return self.folder / "brands"

    def settings(self) -> Settings:
        """The settings of this gateway, as kwek.toml would give them."""
        carrier = Connector(
            name="carrier",
            host=Host("127.0.0.1"),
            port=self.carrier.port,
            system_id="kwek",
            password=Secret("secret", "the test's own"),
            reconnect_least_s=0.05,
            reconnect_most_s=0.1,
            **{"window": 20, **self.connector},
        )

        def number(digits: str, kind: Any, brands: tuple[str, ...]) -> Number:
            return Number(number=Digits(digits), kind=kind, country=Country("NL"), brands=brands, via="carrier")

        numbers = (
            number(SHORT_CODE, "short-code", self.brands),
            number(LONG_NUMBER, "long-number", self.brands[:1]),
        )
        gateway = Gateway(
            node="test", store=self._store(), rules=(self.rules,), listen=self.listen, drain_s=2.0, reload=self.reload,
        )  # fmt: skip
        return Settings(gateway=gateway, numbers=numbers, connectors=(carrier,), email=self.email)

    def _store(self) -> Store:
        kind: Any = "sqlite" if self.store_url.startswith("sqlite") else "postgresql"
        return Store(kind, self.store_url, self.store_url)

    async def start(self, *, bound: bool = True) -> None:
        """Start the gateway; returns when it is bound to the carrier (or, with `bound` False, when it runs)."""
        self._stop = asyncio.Event()
        ready = asyncio.Event()

        def told(where: str) -> None:
            self.where = where
            ready.set()

        self._task = asyncio.create_task(serve(self.settings(), ready=told, stop=self._stop))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([self._task, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=30)
        if not ready.is_set():
            waiting.cancel()
            self.exit_code = await self._task
            return
        if bound:
            await self.carrier.bound(1, PATIENCE_S)

    async def stop(self) -> int:
        """Stop it as SIGTERM does; gives its exit code."""
        self._stop.set()
        assert self._task is not None
        self.exit_code = await asyncio.wait_for(self._task, PATIENCE_S)
        return self.exit_code

    def phone(self, number: str = "31612345678") -> Phone:
        """A phone behind the carrier."""
        return self.carrier.phone(number)

    async def ask(self, text: str, number: str = "31612345678", to: str = SHORT_CODE) -> str:
        """Text from a phone and give the next message it gets."""
        phone = self.phone(number)
        await asyncio.wait_for(phone.text(to, text), PATIENCE_S)
        return (await phone.next(PATIENCE_S)).text

    async def readiness(self) -> tuple[int, list[str]]:
        """What /readyz answers: its status, and the troubles it tells."""
        status, said = await fetch(f"{self.where}/readyz")
        return status, list(json.loads(said).get("trouble", []))

    async def until_ready(self, *troubles: str) -> None:
        """Wait until /readyz tells these troubles and no others (none: until it is green)."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.readiness())[1] != list(troubles):
                pass

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database says, read on a connection of its own."""
        if self.store_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.folder / "kwek.db")) as connection:
                return connection.execute(sql).fetchall()
        with psycopg.connect(self.store_url) as server:
            return server.execute(sql.encode()).fetchall()

    async def until(self, sql: str, wanted: Sequence[tuple[Any, ...]]) -> None:
        """Wait until a query gives these rows: the gateway writes them a moment after what a test can see."""
        async with asyncio.timeout(PATIENCE_S):
            while self.rows(sql) != list(wanted):
                await asyncio.to_thread(lambda: None)


@asynccontextmanager
async def station(
    folder: Path,
    *rules: str,
    brands: tuple[str, ...] = ("Klusser",),
    start: bool = True,
    store_url: str = "",
    reload: bool = True,
    **connector: Any,
) -> AsyncIterator[Station]:
    """A station with these rules files, started unless told otherwise, stopped at the end."""
    (folder / "brands").mkdir()
    for place, text in enumerate(rules):
        (folder / "brands" / f"{place}.rules").write_text(text)
    one = Station(folder, brands, connector, store_url, reload=reload)
    await one.carrier.start()
    try:
        if start:
            await one.start()
            assert one.exit_code is None, "the gateway did not start"
        yield one
    finally:
        if one._task is not None and not one._task.done():
            await one.stop()
        await one.carrier.stop()
