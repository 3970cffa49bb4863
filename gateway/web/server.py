"""The gateway's HTTP side on one address: /metrics, /healthz and /readyz, and what `site` adds for phones and brands.

/healthz is red when only a new process helps, /readyz also when something keeps texts from coming in or going out: a
supervisor restarts on the first, a balancer or an operator looks at the second. Both say in sentences what is wrong.
What is only a standing (windows, queues) is put into the metrics when they are read, and costs the main way nothing.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, cast

from aiohttp import web

from config.values import Address
from gateway.faults import reason
from gateway.health import Health, told
from gateway.metrics import Metrics
from gateway.web.door import Door, room
from gateway.web.problems import problem, problems

CLOSE_S = 1.0
"""At a stop, in seconds: open requests have so long; all of ours are answered at once."""


class Carrier(Protocol):
    """What is looked at of a connector."""

    @property
    def trouble(self) -> str:
        """What keeps it from working."""

    @property
    def held(self) -> int:
        """Segments whose outcome is not on disk."""

    @property
    def most(self) -> int:
        """Segments that may be so at once."""

    @property
    def refused(self) -> Mapping[str, int]:
        """Segments the carrier refused since the start, by the status's name."""


class Middle(Protocol):
    """What is looked at of the exchange."""

    @property
    def connectors(self) -> Mapping[str, Carrier]:
        """The ways to and from carriers."""

    @property
    def unanswered(self) -> int:
        """Texts and receipts that were read and not answered yet."""


class PortTakenError(Exception):
    """An address cannot be listened on; the message is a whole sentence."""


def application(
    metrics: Metrics, health: Health, exchange: Middle, routes: Iterable[web.RouteDef] = ()
) -> web.Application:
    """The routes and what they answer; `routes` are those of pages and API, where there are any."""

    async def healthz(_: web.Request) -> web.Response:
        dead = told(health.dead)
        if dead:
            return problem(503, "Dead", "a part of the gateway has ended: start the process again", trouble=dead)
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        trouble = told({**health.dead, **health.trouble})
        if trouble:
            return problem(503, "Not ready", "; ".join(trouble), trouble=trouble)
        return web.json_response({"status": "ok"})

    async def page(_: web.Request) -> web.Response:
        _look(metrics, exchange)
        return web.Response(body=metrics.page(), headers={"Content-Type": metrics.content_type})

    app = web.Application(middlewares=[problems])
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", page)
    app.add_routes(routes)
    return app


@asynccontextmanager
async def serve_web(
    address: Address, metrics: Metrics, health: Health, exchange: Middle, routes: Iterable[web.RouteDef] = ()
) -> AsyncIterator[str]:
    """Answers on the address until left; gives where, with the port that the system chose for port 0.

    Raises PortTakenError when the address cannot be listened on.
    """
    door = Door(room())
    app = application(metrics, health, exchange, routes)
    app.middlewares.insert(0, door.attend)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_S)
    await runner.setup()
    door.lead_to(cast(web.Server, runner.server))
    try:
        async with AsyncExitStack() as listening:
            try:
                server = await asyncio.get_running_loop().create_server(
                    door, address.host, address.port, backlog=door.queue
                )
            except OSError as fault:
                raise PortTakenError(_why(address, fault)) from fault
            listening.callback(server.close)
            port = int(server.sockets[0].getsockname()[1])
            yield f"http://{Address(address.host, port)}"
    finally:
        await runner.cleanup()


def _look(metrics: Metrics, exchange: Middle) -> None:
    metrics.queue("unanswered", exchange.unanswered)
    for name, carrier in exchange.connectors.items():
        metrics.ready(name, not carrier.trouble)
        metrics.window(name, carrier.held, carrier.most)
        metrics.refused(name, carrier.refused)


def _why(address: Address, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return f"cannot listen on {address}: another process does; stop it, or set another `listen` in [gateway]"
    return f"cannot listen on {address}: {reason(fault)}; set another `listen` in [gateway]"
