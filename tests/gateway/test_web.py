"""/metrics, /healthz and /readyz, and what is answered where nothing is."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from config.values import Address
from gateway.health import Health
from gateway.metrics import Metrics
from gateway.web.server import PortTakenError, application, serve_web

Start = Callable[[web.Application], Awaitable[TestClient[Any, Any]]]


@dataclass
class Carrier:
    trouble: str = ""
    held: int = 0
    most: int = 50
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Middle:
    connectors: Mapping[str, Carrier] = field(default_factory=dict)
    unanswered: int = 0


async def answer(client: TestClient[Any, Any], path: str, method: str = "GET") -> tuple[int, str, Any]:
    response = await client.request(method, path)
    return response.status, response.content_type, await response.json(content_type=None)


async def test_all_is_well(aiohttp_client: Start) -> None:
    client = await aiohttp_client(application(Metrics(), Health(), Middle()))
    assert await answer(client, "/healthz") == (200, "application/json", {"status": "ok"})
    assert await answer(client, "/readyz") == (200, "application/json", {"status": "ok"})


async def test_trouble_makes_it_unready_but_not_dead(aiohttp_client: Start) -> None:
    health = Health()
    client = await aiohttp_client(application(Metrics(), health, Middle()))
    assert health.note("store", "the disk is full")
    assert not health.note("store", "the disk is full")
    assert health.note("connector a", "refused with ESME_RINVPASWD")
    assert (await answer(client, "/healthz"))[0] == 200
    assert await answer(client, "/readyz") == (
        503,
        "application/problem+json",
        {
            "type": "about:blank",
            "title": "Not ready",
            "status": 503,
            "detail": "store: the disk is full; connector a: refused with ESME_RINVPASWD",
            "trouble": ["store: the disk is full", "connector a: refused with ESME_RINVPASWD"],
        },
    )
    assert health.note("store", "")
    assert health.note("connector a", "")
    assert (await answer(client, "/readyz"))[0] == 200


async def test_a_dead_task_makes_it_dead_and_unready(aiohttp_client: Start) -> None:
    health = Health({"writer": "StoreBroken: the file is gone"})
    client = await aiohttp_client(application(Metrics(), health, Middle()))
    assert await answer(client, "/healthz") == (
        503,
        "application/problem+json",
        {
            "type": "about:blank",
            "title": "Dead",
            "status": 503,
            "detail": "a part of the gateway has ended: start the process again",
            "trouble": ["writer: StoreBroken: the file is gone"],
        },
    )
    status, _, said = await answer(client, "/readyz")
    assert (status, said["trouble"]) == (503, ["writer: StoreBroken: the file is gone"])


async def test_metrics_are_filled_in_when_they_are_read(aiohttp_client: Start) -> None:
    middle = Middle({"a": Carrier(held=3, refused={"ESME_RTHROTTLED": 2}), "b": Carrier("not bound")}, unanswered=4)
    client = await aiohttp_client(application(Metrics(), Health(), middle))
    response = await client.get("/metrics")
    assert (response.status, response.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    page = (await response.text()).splitlines()
    for line in (
        'kwek_ready{connector="a"} 1.0',
        'kwek_ready{connector="b"} 0.0',
        'kwek_window_held{connector="a"} 3.0',
        'kwek_window_size{connector="a"} 50.0',
        'kwek_refused_total{connector="a",status="ESME_RTHROTTLED"} 2.0',
        'kwek_queue{queue="unanswered"} 4.0',
    ):
        assert line in page
    assert any(line.startswith("process_resident_memory_bytes ") for line in page)


async def test_where_nothing_is_a_problem_document_says_so(aiohttp_client: Start) -> None:
    client = await aiohttp_client(application(Metrics(), Health(), Middle()))
    assert await answer(client, "/console") == (
        404,
        "application/problem+json",
        {"type": "about:blank", "title": "Not found", "status": 404, "detail": "there is nothing at /console"},
    )


async def test_another_method_is_told_the_right_one(aiohttp_client: Start) -> None:
    client = await aiohttp_client(application(Metrics(), Health(), Middle()))
    response = await client.post("/healthz")
    assert response.headers["Allow"] == "GET, HEAD"
    assert (response.status, await response.json(content_type=None)) == (
        405,
        {
            "type": "about:blank",
            "title": "Method not allowed",
            "status": 405,
            "detail": "/healthz answers to GET, HEAD, not to POST",
        },
    )


async def test_it_listens_where_it_says_and_no_longer_than_it_should() -> None:
    async with aiohttp.ClientSession() as session:
        async with serve_web(Address("127.0.0.1", 0), Metrics(), Health(), Middle()) as where:
            assert where.startswith("http://127.0.0.1:")
            async with session.get(f"{where}/healthz") as response:
                assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{where}/healthz")


async def test_a_taken_port_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError) as fault:
            async with serve_web(Address("127.0.0.1", port), Metrics(), Health(), Middle()):
                raise AssertionError("it cannot listen there")
    assert str(fault.value) == (
        f"cannot listen on 127.0.0.1:{port}: another process does; stop it, or set another `listen` in [gateway]"
    )


async def test_an_address_that_is_not_ours_is_told_in_a_sentence() -> None:
    with pytest.raises(PortTakenError) as fault:
        async with serve_web(Address("192.0.2.1", 0), Metrics(), Health(), Middle()):
            raise AssertionError("it cannot listen there")
    assert str(fault.value) == (
        "cannot listen on 192.0.2.1:0: cannot assign requested address; set another `listen` in [gateway]"
    )


async def test_a_name_that_nobody_knows_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", unknown)
    with pytest.raises(PortTakenError) as fault:
        async with serve_web(Address("nowhere.example", 80), Metrics(), Health(), Middle()):
            raise AssertionError("it cannot listen there")
    assert str(fault.value) == (
        "cannot listen on nowhere.example:80: name or service not known; set another `listen` in [gateway]"
    )
