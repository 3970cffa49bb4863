"""Pages and API put together: counted, kept up, and told in one form whatever goes wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from structlog.testing import capture_logs

from gateway.health import Health
from gateway.metrics import Metrics
from gateway.web.problems import problems
from gateway.web.server import application
from gateway.web.site import Site
from router import offers
from rules.vouchers import Voucher
from tests.support.hosted import BROWSER, SHOP
from tests.support.hosted import Site as Place

Start = Callable[[web.Application], Awaitable[TestClient[Any, Any]]]


@dataclass
class Middle:
    connectors: Mapping[str, Any] = field(default_factory=dict)
    unanswered: int = 0


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    one = Place(tmp_path)
    one.contact()
    yield one
    await one.looks.close()
    one.store.close()


async def test_what_is_asked_is_counted_by_page_and_status(place: Place, aiohttp_client: Start) -> None:
    metrics = Metrics()
    site = Site(place.world, place.store, place.writer, metrics, place.world.offload)
    routes = site.routes(place.brands.get, "https://sms.example")
    client = await aiohttp_client(application(metrics, Health(), Middle(), routes))
    code = place.link("https://shop.example")
    for _ in range(3):
        await client.get(f"/l/{code}", headers={"User-Agent": BROWSER}, allow_redirects=False)
    assert (await client.get("/o/22222222")).status == 404
    assert (await client.post("/v1/events", json={})).status == 401
    assert (await client.get("/healthz")).status == 200
    with place.store.begin() as tx:
        offers.load(tx, SHOP, "beurs", ["A1", "B2"], 1)
        offers.in_force(tx, SHOP, Voucher("beurs", file="c.csv"), "hash", 1, 100)
    with capture_logs() as logs:
        await site.keep_up(10)
        await site.keep_up(10)
    assert [one["event"] for one in logs] == ["a voucher runs out of codes"]
    assert place.rows("SELECT clicks FROM links") == [(3,)]
    page = metrics.page().decode()
    for line in (
        'kwek_answers_total{page="/l/{code}",status="302"} 3.0',
        'kwek_answers_total{page="/o/{code}",status="404"} 1.0',
        'kwek_answers_total{page="/v1/events",status="401"} 1.0',
        f'kwek_voucher_codes{{brand="{SHOP}",voucher="beurs"}} 2.0',
        "kwek_clicks_lost_total 0.0",
    ):
        assert line in page
    await site.close()


async def test_before_it_answers_it_keeps_up_too(place: Place) -> None:
    site = Site(place.world, place.store, place.writer, Metrics(), place.world.offload)
    await site.keep_up(10)
    await site.close()


async def test_a_fault_of_ours_is_told_without_its_details(aiohttp_client: Start) -> None:
    async def broken(_: web.Request) -> web.Response:
        raise RuntimeError("a secret")

    async def large(_: web.Request) -> web.Response:
        raise web.HTTPRequestEntityTooLarge(5, 6)

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("/there")

    app = web.Application(middlewares=[problems])
    app.add_routes([web.get("/broken", broken), web.get("/large", large), web.get("/elsewhere", elsewhere)])
    client = await aiohttp_client(app)
    with capture_logs() as logs:
        response = await client.get("/broken")
    assert (response.status, response.content_type) == (500, "application/problem+json")
    assert "secret" not in await response.text()
    assert [one["event"] for one in logs] == ["a request failed"]
    response = await client.get("/large")
    assert (response.status, response.content_type) == (413, "application/problem+json")
    assert (await client.get("/elsewhere", allow_redirects=False)).status == 302
