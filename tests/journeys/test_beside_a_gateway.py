"""Commands beside a gateway that runs on SQLite, each a process of its own: a key is made and revoked, a person's
decision is carried out, and the gateway goes by both at once."""

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from gateway.exits import Exit
from smpp.constants import ESME_ROK
from smpp.simulator import Account, Simulator
from tests.support.postbox import free_port
from tests.support.process import KWEK, START_S, Gateway, environment, run_gateway, write_config
from tests.support.station import PATIENCE_S

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword JOIN
    opt in transactional
    reply "Welkom!"

on event order
    send transactional "Uw bestelling is er. STOP = uit."
"""
DOUBT = "We moeten deze wet STOP zetten!"
JAN, PIET = "31612345678", "31622222222"


@dataclass
class Machine:
    """A machine with a gateway that runs, and a shell on it."""

    config: Path
    carrier: Simulator
    gateway: Gateway
    web: aiohttp.ClientSession

    async def kwek(self, *words: str) -> tuple[int | None, str, str]:
        """Run a command; gives its exit code, and what it said on both outputs."""
        pipe = asyncio.subprocess.PIPE
        command = await asyncio.create_subprocess_exec(
            *KWEK, *words, "--config", str(self.config), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
            env=environment(KWEK_TEST_PASSWORD="secret"),
        )  # fmt: skip
        said, wrong = await asyncio.wait_for(command.communicate(), START_S)
        return command.returncode, said.decode(), wrong.decode()

    async def tell(self, key: str, contact: str) -> int:
        """Tell of an order as a shop's system does; gives the status."""
        body = {"contact": f"+{contact}", "name": "order"}
        headers = {"Authorization": f"Bearer {key}"}
        async with self.web.post("/v1/events", json=body, headers=headers) as answer:
            return answer.status

    async def write(self, phone: str, text: str) -> None:
        """Text from a phone; it is on disk when this returns."""
        assert await asyncio.wait_for(self.carrier.phone(phone).text("4411", text), PATIENCE_S) == ESME_ROK

    async def read(self, phone: str) -> str:
        """The next text that a phone gets."""
        return (await self.carrier.phone(phone).next(PATIENCE_S)).text

    def rows(self, query: str) -> list[Any]:
        """What a query finds in the store."""
        with closing(sqlite3.connect(self.config.with_name("kwek.db"))) as database:
            return database.execute(query).fetchall()


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Machine]:
    carrier = Simulator(0, [Account("kwek", "secret")], time.monotonic, random.Random(1).random, datetime.now)
    await carrier.start()
    listen = f"127.0.0.1:{free_port()}"
    config = write_config(folder, carrier.port, RULES, **{"127.0.0.1:0": listen})
    gateway = await run_gateway(config)
    try:
        await carrier.bound(1, START_S)
        async with aiohttp.ClientSession(f"http://{listen}") as web:
            yield Machine(config, carrier, gateway, web)
        assert await gateway.stop() == Exit.OK
    finally:
        if gateway.process.returncode is None:
            await gateway.kill()
        await carrier.stop()


async def test_a_key_is_taken_from_when_it_is_made_until_it_is_revoked(tmp_path: Path) -> None:
    async with machine(tmp_path) as one:
        made, other = await asyncio.gather(*(one.kwek("key", "new", "--brand", "Klusser") for _ in range(2)))
        assert (made[0], other[0]) == (Exit.OK, Exit.OK), made[2] + other[2]
        key = made[1].strip()
        assert await one.tell(key, JAN) == 202
        id = key.split("_")[1]
        assert await one.kwek("key", "revoke", id) == (Exit.OK, f"{id} is revoked\n", "")
        assert await one.tell(key, JAN) == 401
        assert await one.tell(other[1].strip(), JAN) == 202, "the other one is another"
        assert one.rows("SELECT count(*) FROM api_keys") == [(2,)]


async def test_what_a_person_decides_on_a_text_holds_at_once(tmp_path: Path) -> None:
    async with machine(tmp_path) as one:
        _, key, _ = await one.kwek("key", "new", "--brand", "Klusser")
        for phone in (JAN, PIET):
            await one.write(phone, "JOIN")
            assert await one.read(phone) == "Welkom!"
            await one.write(phone, DOUBT)
        _, listed, _ = await one.kwek("reviews", "list", "--format", "json")
        ids = {review["from"]: str(review["id"]) for review in json.loads(listed)}
        piet = await one.kwek("reviews", "settle", ids[PIET], "5", "--as", "opt-out", "--by", "ann")
        assert piet == (
            Exit.FAILED, f"{ids[PIET]}: opt out of Klusser\n", "5 waits for nobody, or has been settled already\n",
        )  # fmt: skip
        jan = await one.kwek("reviews", "settle", ids[JAN], "--as", "no-opt-out", "--by", "ann")
        assert jan == (Exit.OK, f"{ids[JAN]}: no opt out of Klusser\n", "")
        assert [await one.tell(key.strip(), phone) for phone in (PIET, JAN)] == [202, 202]
        assert await one.read(JAN) == "Uw bestelling is er. STOP = uit."
        assert one.carrier.phone(PIET).inbox.empty()
        held = "SELECT c.address, o.reason FROM outbox o JOIN contacts c ON c.id = o.contact_id"
        assert one.rows(f"{held} WHERE o.state = 'withheld'") == [(PIET, "opted_out")]
        assert one.rows("SELECT count(*) FROM profiles WHERE hold_until IS NOT NULL") == [(0,)]
        assert (await one.kwek("consent", "verify"))[0] == Exit.OK
