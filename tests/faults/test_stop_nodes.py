"""Rows 32 and 35: STOP, and the page to opt out, race with what other nodes are sending to the same phone, as processes
on one PostgreSQL."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from urllib.request import urlopen

import psycopg
import pytest
from aiohttp import ClientSession

from gateway.barrier import BARRIER_S
from tests.support.fleet import PATIENCE_S, Fleet, fleet
from tests.support.postgres import PostgresDatabases, postgres_databases

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword JA
    reply "Een."
    reply "Twee."
    reply "Drie."

keyword LANG
    reply "{long}"

keyword PAGINA
    reply "Afmelden: {link optout}"
""".replace("{long}", "Een lange tekst die niet in een bericht past en dus in delen gaat. " * 12)
STOPS = int(os.environ.get("KWEK_NODE_STOPS", "60"))
AT_ONCE = 12
"""Phones that race at one time: the machine is to be busy, not choked."""
LOOPBACK_S = 0.05
"""What arrives within this time after the acknowledgement was on its way before it."""
RACE_S = 0.2
"""STOP is said at most so long after the texts whose answers it races with."""
LONGEST_S = 1.3
"""The barrier with its commit, at most."""
MACHINE_S = 0.5
"""What three gateways, a database and the phones on two cores may add to it."""
QUICK_S = 0.25
"""The bound of kwek_stop_seconds below which barriers of a quick centre stay."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresDatabases]:
    with postgres_databases() as databases:
        yield databases


async def passed(seconds: float) -> None:
    """Until so much time has gone by."""
    come = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, come.set)
    await come.wait()


async def race(nodes: Fleet, number: str, random: Random) -> tuple[float, float]:
    """Texts by way of the other nodes, STOP by way of the first, more texts; gives what `Fleet.stopped` does."""
    texts = [nodes.text(random.choice((1, 2)), number, random.choice(("JA", "LANG")))]
    await asyncio.wait_for(texts[0], PATIENCE_S)
    texts += [nodes.text(random.choice((0, 1, 2)), number, "JA") for _ in range(random.randrange(3))]
    await passed(RACE_S * random.random())
    stopping = asyncio.ensure_future(nodes.stopped(0, number))
    texts.append(nodes.text(1, number, "JA"))
    times = await stopping
    await asyncio.wait_for(asyncio.gather(*texts), PATIENCE_S)
    return times


def afterwards(nodes: Fleet, times: dict[str, tuple[float, float]]) -> list[str]:
    """What phones were sent after their STOP was acknowledged, save its confirmation."""
    return [
        f"{number}: {text[:20]!r} {1000 * (at - acknowledged):.0f} ms after"
        for number, (_, acknowledged) in times.items()
        for at, text in nodes.arrived[number]
        if at > acknowledged + LOOPBACK_S and "afgemeld" not in text
    ]


def where(nodes: Fleet) -> str:
    """Where the first node is reached."""
    log = nodes.gateways[0].log.read_text()
    found = re.search(r"http://127\.0\.0\.1:\d+", log)
    assert found is not None, log
    return found[0]


def barriers(nodes: Fleet) -> tuple[int, int]:
    """How many barriers of the first node were over within QUICK_S, and how many there were."""
    with urlopen(f"{where(nodes)}/metrics") as page:
        lines = dict(line.rsplit(" ", 1) for line in page.read().decode().splitlines() if not line.startswith("#"))
    quick = lines[f'kwek_stop_seconds_bucket{{le="{QUICK_S}"}}']
    return int(float(quick)), int(float(lines["kwek_stop_seconds_count"]))


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@pytest.mark.timeout(0)
@pytest.mark.parametrize("answer_s", [0.02, 3.0], ids=["quick centre", "slow centre"])
async def test_row_32_three_nodes_fall_silent_when_stop_is_acknowledged(
    tmp_path: Path, postgres: PostgresDatabases, answer_s: float
) -> None:
    random = Random(int(os.environ.get("SEED", "1")))
    times: dict[str, tuple[float, float]] = {}
    stops = STOPS if answer_s < 1 else AT_ONCE
    with postgres.database() as store:
        async with fleet(tmp_path, RULES, store, answer_s=answer_s, window=AT_ONCE) as nodes:
            for first in range(0, stops, AT_ONCE):
                numbers = [f"316{number:08}" for number in range(first, min(stops, first + AT_ONCE))]
                found = await asyncio.gather(*(race(nodes, number, random) for number in numbers))
                times |= dict(zip(numbers, found, strict=True))
            await passed(BARRIER_S)
            raced = sum(any("afgemeld" not in text for _, text in nodes.arrived[number]) for number in times)
            assert raced > len(times) // 2, "answers were on their way"
            assert afterwards(nodes, times) == []
            quick, every = await asyncio.to_thread(barriers, nodes)
    waits = [acknowledged - said for said, acknowledged in times.values()]
    half, most = percentile(waits, 0.5), percentile(waits, 0.99)
    print(f"{len(times)} STOPs, centre answers in {answer_s} s: half in {half:.3f} s, p99 {most:.3f} s; "
          f"{quick} of {every} barriers within {QUICK_S} s")  # fmt: skip
    assert every == len(times)
    assert most < LONGEST_S + MACHINE_S
    if answer_s < QUICK_S:
        assert quick >= 0.9 * every


@pytest.mark.timeout(120)
async def test_row_35_a_node_that_stood_still_with_claims_does_not_write_them(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    number = "31600000001"
    with postgres.database() as store:
        stands_still = {1: {"KWEK_FAULT": "claims.before:1:stop"}}
        async with fleet(tmp_path, RULES, store, environments=stands_still) as nodes:
            held = nodes.text(1, number, "JA")  # answered when the node runs again
            claimed = "SELECT count(*) FROM outbox WHERE state = 'claimed' AND node = 'node-1'"
            async with asyncio.timeout(PATIENCE_S):
                while not await asyncio.to_thread(count, store, claimed):
                    await passed(0.02)
            said, acknowledged = await nodes.stopped(0, number)
            print(f"STOP waited {acknowledged - said:.3f} s for a node that stands still")
            assert BARRIER_S <= acknowledged - said < LONGEST_S + MACHINE_S
            await passed(max(0.0, 3.0 - (time.monotonic() - said)))
            nodes.gateways[1].process.send_signal(signal.SIGCONT)
            assert await asyncio.wait_for(held, PATIENCE_S) == 0
            await passed(0.5)
            assert [text for _, text in nodes.arrived[number] if "afgemeld" not in text] == []
            assert await asyncio.to_thread(count, store, "SELECT count(*) FROM outbox WHERE state = 'sent'") <= 1
            reasons = "SELECT count(*) FROM outbox WHERE state = 'claimed'"
            assert await asyncio.to_thread(count, store, reasons) == 0, "what was not written is no longer held"


@pytest.mark.timeout(120)
async def test_row_35_a_page_waits_for_a_node_that_stands_still_with_claims(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    number = "31600000001"
    with postgres.database() as store:
        stands_still = {1: {"KWEK_FAULT": "claims.before:1:stop"}}
        async with fleet(tmp_path, RULES, store, 2, environments=stands_still) as nodes, ClientSession() as phone:
            await asyncio.wait_for(nodes.text(0, number, "PAGINA"), PATIENCE_S)
            async with asyncio.timeout(PATIENCE_S):
                while not nodes.arrived[number]:
                    await passed(0.02)
            code = nodes.arrived[number][0][1].rpartition("/")[2]
            held = nodes.text(1, number, "JA")
            claimed = "SELECT count(*) FROM outbox WHERE state = 'claimed' AND node = 'node-1'"
            async with asyncio.timeout(PATIENCE_S):
                while not await asyncio.to_thread(count, store, claimed):
                    await passed(0.02)
            said = time.monotonic()
            async with phone.post(f"{where(nodes)}/o/{code}", allow_redirects=False) as answer:
                told = time.monotonic()
                assert answer.status == 303
            print(f"the page waited {told - said:.3f} s for a node that stands still")
            assert BARRIER_S <= told - said < LONGEST_S + MACHINE_S
            nodes.gateways[1].process.send_signal(signal.SIGCONT)
            assert await asyncio.wait_for(held, PATIENCE_S) == 0
            await passed(0.5)
            assert [text for at, text in nodes.arrived[number] if at > told] == []


def count(store: str, sql: str) -> int:
    """What a query counts, on a connection of its own."""
    with psycopg.connect(store) as connection:
        found = connection.execute(sql.encode()).fetchone()
    assert found is not None
    return int(found[0])
