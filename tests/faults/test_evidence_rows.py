"""Rows 3, 14, 15, 16 and 17 through the whole gateway: what is the same text again, and what are the same words again.

The peer is raw, so that a test says which acknowledgement is proven read: a silent link answers no enquire_link.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from smpp import constants as c
from smpp.codec import encode
from smpp.pdu import DeliverSm
from tests.support.pairs import raw_pair
from tests.support.postgres import PostgresDatabases, postgres_databases
from tests.support.process import Gateway, run_gateway, write_config
from tests.support.raw_centre import RawCentre, RawLink, raw_centre
from tests.support.station import PATIENCE_S, Station

JAN = "31612345678"
VOTE = "STEM 7"
TIMER_S = 0.5
"""The peer's response timer in these tests."""
RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword STEM <nr number>
    record stem = nr
"""

COUNTED = "SELECT count(*) FROM records"
SUSPECTED = "SELECT count(*) FROM inbound WHERE state = 'suspected_duplicate' AND duplicate_of IS NOT NULL"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresDatabases]:
    with postgres_databases() as databases:
        yield databases


async def vote(link: RawLink, *sequences: int) -> None:
    """The same words, once for each number; returns when all are acknowledged."""
    link.write(b"".join(octets(sequence) for sequence in sequences))
    await told(link, *sequences)


def octets(sequence: int, **more: Any) -> bytes:
    return encode(
        DeliverSm(sequence, source_addr_ton=1, source_addr_npi=1, source_addr=JAN, destination_addr="4411",
                  short_message=VOTE.encode(), **more)
    )  # fmt: skip


async def told(link: RawLink, *sequences: int) -> None:
    await link.until(lambda: all(link.answered().get(one) == c.ESME_ROK for one in sequences))


async def came_to(one: Station, counted: int, suspected: int) -> None:
    await one.until(COUNTED, [(counted,)])
    assert one.rows(SUSPECTED) == [(suspected,)]


@contextmanager
def slow_store(folder: Path) -> Iterator[None]:
    """Nothing can be committed meanwhile."""
    with closing(sqlite3.connect(folder / "kwek.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def timer_runs_out(one: Station) -> None:
    """The peer's timer does, while the gateway goes on."""
    until = time.monotonic() + TIMER_S
    while time.monotonic() < until:
        await one.readiness()


# ---- 3: the acknowledgement was written and never read


async def test_row_03_what_was_answered_into_the_void_comes_again_and_counts_once(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, centre, link):
        link.silent = True
        await vote(link, 1)
        link.close()
        await vote(await centre.link(), 1)
        await came_to(one, counted=1, suspected=1)


async def test_row_03_what_was_provably_read_and_comes_again_is_meant(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, centre, link):
        await vote(link, 1)
        await one.until("SELECT count(*) FROM sessions JOIN inbound USING (session) WHERE confirmed_id >= id", [(1,)])
        link.close()
        await vote(await centre.link(), 1)
        await came_to(one, counted=2, suspected=0)


# ---- 14: again on the same session


async def test_row_14_who_asks_again_during_a_slow_commit_is_counted_once(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, peer_response_s=TIMER_S) as (one, _, link):
        with slow_store(tmp_path):
            link.write(octets(1))
            await timer_runs_out(one)
            link.write(octets(2))
            await one.readiness()
        await told(link, 1, 2)
        await came_to(one, counted=1, suspected=1)


async def test_row_14_a_late_answer_that_crosses_the_second_try_is_no_proof(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, peer_response_s=TIMER_S) as (one, _, link):
        link.silent = True
        with slow_store(tmp_path):
            link.write(octets(1))
            await timer_runs_out(one)
        await told(link, 1)
        await vote(link, 2)
        await came_to(one, counted=1, suspected=1)


async def test_row_14_after_a_timely_answer_the_same_words_are_meant(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, peer_response_s=TIMER_S) as (one, _, link):
        link.silent = True
        await vote(link, 1)
        await vote(link, 2)
        await came_to(one, counted=2, suspected=0)


async def test_row_14_the_same_sequence_number_is_the_same_text(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, _, link):
        link.silent = True
        link.write(octets(1) + octets(1))
        await one.until("SELECT count(*) FROM inbound", [(2,)])
        await came_to(one, counted=1, suspected=1)


# ---- 15: again on the other node


@asynccontextmanager
async def two_gateways(folder: Path, url: str, centre: RawCentre) -> AsyncIterator[list[RawLink]]:
    """Two processes on one PostgreSQL, each bound to the centre; gives their links."""
    running: list[Gateway] = []
    links = []
    try:
        for node in ("ams-1", "ams-2"):
            (folder / node).mkdir()
            config = write_config(folder / node, centre.port, RULES, url, **{'"test"': f'"{node}"'})
            running.append(await run_gateway(config))
            links.append(await centre.link(30))
        yield links
    finally:
        for one in running:
            await one.kill()


async def rows_come_to(url: str, sql: str, wanted: int) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        async with asyncio.timeout(PATIENCE_S):
            while server.execute(sql.encode()).fetchall() != [(wanted,)]:
                await asyncio.to_thread(lambda: None)


@pytest.mark.parametrize("ends", [True, False])
async def test_row_15_a_text_that_comes_again_on_the_other_node_at_once_has_one_effect(
    tmp_path: Path, postgres: PostgresDatabases, ends: bool
) -> None:
    with postgres.database() as url:
        async with raw_centre() as centre, two_gateways(tmp_path, url, centre) as (here, there):
            here.silent = True
            here.write(octets(1))
            await rows_come_to(url, "SELECT count(*) FROM inbound", 1)
            there.write(octets(1))
            if ends:
                here.close()
            await told(there, 1)
            await rows_come_to(url, COUNTED, 1)
            await rows_come_to(url, SUSPECTED, 1)


async def test_row_15_equal_words_on_two_nodes_that_are_proven_read_are_two(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    with postgres.database() as url:
        async with raw_centre() as centre, two_gateways(tmp_path, url, centre) as (here, there):
            here.write(octets(1))
            there.write(octets(1))
            await told(here, 1)
            await told(there, 1)
            await rows_come_to(url, COUNTED, 2)
            await rows_come_to(url, SUSPECTED, 0)


# ---- 16: the same words, meant twice


async def test_row_16_equal_texts_in_one_read_are_two(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, _, link):
        await vote(link, 1, 2)
        await came_to(one, counted=2, suspected=0)


async def test_row_16_equal_texts_on_two_binds_are_two(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, binds=2) as (one, centre, first):
        second = await centre.link()
        first.write(octets(1))
        second.write(octets(1))
        await told(first, 1)
        await told(second, 1)
        await came_to(one, counted=2, suspected=0)


# ---- 17: equal texts around a disconnect


async def test_row_17_one_doubt_holds_one_equal_text_and_no_more(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, centre, link):
        link.silent = True
        await vote(link, 1)
        link.close()
        await vote(await centre.link(), 1, 2, 3)
        await came_to(one, counted=3, suspected=1)


async def test_row_17_two_doubts_hold_two(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, centre, link):
        link.silent = True
        await vote(link, 1, 2)
        link.close()
        await vote(await centre.link(), 1, 2, 3)
        await came_to(one, counted=3, suspected=2)


async def test_row_17_on_the_other_bind_it_waits_for_the_first_link_to_end(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, binds=2) as (one, centre, first):
        second = await centre.link()
        first.silent = True
        await vote(first, 1)
        second.write(octets(1))
        second.text("31687654321", VOTE, 2)
        await told(second, 2)
        assert 1 not in second.answered(), "held until something is known"
        first.close()
        await told(second, 1)
        await came_to(one, counted=2, suspected=1)


# ---- and a process that is killed, peers with habits


async def test_after_kill_9_what_is_not_proven_read_counts_once_and_what_is_may_come_twice(tmp_path: Path) -> None:
    async with raw_centre() as centre:
        config = write_config(tmp_path, centre.port, RULES)
        counted = []
        for silent in (False, True, False):
            gateway = await run_gateway(config)
            link = await centre.link(30)
            link.silent = silent
            await vote(link, 1)
            if not silent:
                link.write(octets(9)[:4])  # the process reads on while its confirmation is written
                await mark_written(tmp_path)
            await gateway.kill()
            counted.append(one_number(tmp_path, COUNTED))
    assert (counted, one_number(tmp_path, SUSPECTED)) == ([1, 2, 2], 1)


async def mark_written(folder: Path) -> None:
    sql = "SELECT count(*) FROM inbound JOIN sessions USING (session) WHERE ended_at IS NULL AND id > confirmed_id"
    async with asyncio.timeout(PATIENCE_S):
        while one_number(folder, sql):
            await asyncio.to_thread(lambda: None)


def one_number(folder: Path, sql: str) -> int:
    with closing(sqlite3.connect(folder / "kwek.db")) as database:
        return int(database.execute(sql).fetchone()[0])


async def test_a_peer_that_gives_ids_is_believed(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, id_tlv=0x1401) as (one, centre, link):
        first, second = (octets(number, tlvs=((0x1401, b"%d" % number),)) for number in (1, 2))
        link.write(first + second)
        await told(link, 1, 2)
        await one.until("SELECT count(*) FROM sessions JOIN inbound USING (session) WHERE confirmed_id >= id", [(2,)])
        link.close()
        again = await centre.link()
        again.write(first)
        await told(again, 1)
        await came_to(one, counted=2, suspected=1)


async def test_a_peer_that_never_answers_enquire_link_is_left_and_its_texts_count_once(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, response_s=1.0) as (one, centre, link):
        link.silent = True
        await vote(link, 1)
        again = await centre.link()
        assert link.ended
        await vote(again, 1)
        await came_to(one, counted=1, suspected=1)


async def test_a_peer_that_stores_later_than_it_reads_is_given_its_time(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, reads_late_s=600.0) as (one, centre, link):
        await vote(link, 1)
        link.close()
        await vote(await centre.link(), 1)
        await came_to(one, counted=1, suspected=1)


async def test_after_the_time_in_which_a_centre_delivers_again_the_same_words_are_meant(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, redelivery_s=0.0) as (one, centre, link):
        link.silent = True
        await vote(link, 1)
        link.close()
        await vote(await centre.link(), 1)
        await came_to(one, counted=2, suspected=0)
