"""The composition root: the one place that knows everybody. Commands and the demo hand it `Settings`; `binding`
turns them into what `smpp` and `rules` take, a connector gets its own table, the others the values they need.

Started in order, stopped in reverse: the store, the rules, the writer, the web, and last the connectors, so that no
work comes in before it can be kept, and none is left when the store closes.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from zlib import crc32

import structlog

from config.settings import Settings
from gateway.binding import bind_of, grants_of
from gateway.connectors.mapping import Mapping as Translation
from gateway.connectors.mapping import decode
from gateway.connectors.smpp_client import SmppConnector
from gateway.dripper import Dripper
from gateway.exchange import Exchange
from gateway.exits import Exit
from gateway.health import Health
from gateway.lifecycle import Supervisor, every
from gateway.metrics import Metrics
from gateway.rulekeeper import NoRulesError, RuleKeeper
from gateway.web.server import PortTakenError, serve_web
from router import deployments, outbox
from router.store import checkpoint, statements
from router.store.engine import Store, open_store
from router.store.errors import StoreBroken, StoreError
from router.store.sql import prepare
from router.ways import Ways
from router.world import System
from router.writer import Writer
from rules.rulebook import Rulebook

SWITCH_S = 0.0002
"""How long the writer's thread may keep the interpreter while octets wait (Python's own is 5 ms: a whole group)."""
COLLECT_AFTER = (50_000, 20, 100)
"""The collector looks after so many new containers, not 700: a group of texts makes thousands, and no cycles."""
HOUSEKEEPING_S = 60.0
STANDING_S = 0.25
"""How often the standing of store and connectors is looked at, in seconds."""

log = structlog.get_logger("kwek")


async def serve(
    settings: Settings, *, ready: Callable[[str], None] | None = None, stop: asyncio.Event | None = None
) -> int:
    """Run the gateway until `stop` is set or a signal comes; gives the process's exit code (gateway.exits)."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sys.setswitchinterval(SWITCH_S)
    supervisor = Supervisor(stop)
    try:
        async with AsyncExitStack() as up:
            gateway = await _start(settings, up, supervisor)
            if ready is not None:
                ready(gateway)
            await stop.wait()
            log.info("stopping")
    except NoRulesError as fault:
        return _said(fault, Exit.RULES)
    except PortTakenError as fault:
        return _said(fault, Exit.PORT)
    except StoreError as fault:
        return _said(_placed(fault, settings.gateway.store.shown), Exit.STORE)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    if supervisor.fault is not None:
        log.critical("ended by a fault; nothing more was acknowledged", tasks=supervisor.dead)
        return Exit.INTERNAL
    return Exit.OK


def _said(fault: Exception | str, code: Exit) -> int:
    log.error(str(fault))
    return code


def _placed(fault: StoreError, store: str) -> str:
    """What is wrong with the store, in one line that says where, and what to do."""
    sentence = " ".join(str(fault).split())
    if sentence.startswith("store "):  # it says all that by itself
        return sentence
    remedy = "restore a backup, or name another" if isinstance(fault, StoreBroken) else "mend it, or name another"
    return f"store {store}: {sentence}; {remedy} as `store` in [gateway]"


async def _start(settings: Settings, up: AsyncExitStack, supervisor: Supervisor) -> str:
    """Start everything; gives a sentence that says where the gateway is reached."""
    health = Health(dead=supervisor.dead)
    metrics = Metrics()
    world, store = await up.enter_async_context(_store(settings))
    keeper = RuleKeeper(settings.gateway.rules, grants_of(settings), health, metrics)
    book, sources = await keeper.first(partial(world.offload, partial(_last_good, store)))
    await world.offload(partial(_begin, store, world, settings.gateway.node, book, sources))
    ways = Ways(world, settings.gateway.node, book, decode, keeper.revive)

    dripper = Dripper(world, lambda: writer.put(due=True, claim=True))
    exchange = Exchange(world, metrics, dripper, settings.limits.inbound_octets)
    writer = Writer(store, ways, exchange)
    exchange.writer = writer
    for connector in _connectors(settings, world, exchange):
        exchange.connectors[connector.name] = connector

    await up.enter_async_context(_writing(writer, supervisor))
    adopt = partial(_adopt, writer, ways, store, world)
    await up.enter_async_context(supervisor.running(keeper.watch(adopt), "rules watcher"))
    await up.enter_async_context(_checkpoints(settings, supervisor))
    housekeeping = every(HOUSEKEEPING_S, partial(_housekeep, writer, store, world))
    await up.enter_async_context(supervisor.running(housekeeping, "housekeeping"))
    await up.enter_async_context(supervisor.running(_standing(health, exchange, writer), "health"))
    where = await up.enter_async_context(serve_web(settings.gateway.listen, metrics, health, exchange))
    await up.enter_async_context(_connected(exchange, dripper, supervisor, settings.gateway.drain_s))
    gc.collect()
    gc.freeze()  # the rulebook and the modules stay: the collector need not look at them again
    gc.set_threshold(*COLLECT_AFTER)
    log.info("started", node=settings.gateway.node, deployment=book.deployment, listen=where)
    return where


# ------------------------------------------------------------------------------------------------------- the store


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[tuple[System, Store]]:
    """The world's writer thread, and the store that only it uses."""
    world = System(node=crc32(settings.gateway.node.encode()))
    try:
        store = await world.offload(partial(open_store, settings.gateway.store.url))
        try:
            yield world, store
        finally:
            await world.offload(store.close)
    finally:
        world.close()


def _last_good(store: Store) -> dict[str, str] | None:
    with store.begin() as tx:
        return deployments.last_good(tx)


def _begin(store: Store, world: System, node: str, book: Rulebook, sources: Mapping[str, str]) -> None:
    """Before the first message: ids go on above the stored ones, what a dead process had claimed is unknown."""
    prepare(store.dialect, vars(statements).values())
    with store.begin() as tx:
        world.ids.go_on_after(outbox.highest_id(tx))
        unknown = outbox.recover(tx, node, world.now())
        deployments.record(tx, book.deployment, sources, world.now())
    if unknown:
        log.warning("outcomes unknown since the last process ended", messages=unknown)


def _adopt(writer: Writer, ways: Ways, store: Store, world: System, book: Rulebook, sources: Mapping[str, str]) -> None:
    """Let a new rule set rule from the next group on."""

    def errand() -> None:
        with store.begin() as tx:
            deployments.record(tx, book.deployment, sources, world.now())
        ways.adopt(book)

    writer.between(errand)


async def _standing(health: Health, exchange: Exchange, writer: Writer) -> None:
    """Keep telling how the store and the connectors are; what changes is logged."""
    said: dict[str, str] = {}
    while True:
        troubles = {f"connector {name}": connector.trouble for name, connector in exchange.connectors.items()}
        for part, sentence in {**troubles, "store": writer.trouble}.items():
            if health.note(part, sentence):
                # The wait before the next try is another each time, and no news; nor is it that one has just begun.
                told = "" if sentence.endswith(" yet") else sentence.split("; next try")[0]
                if told != said.get(part, ""):
                    log.warning("trouble", part=part, what=sentence) if sentence else log.info("well again", part=part)
                said[part] = told
        await asyncio.sleep(STANDING_S)


async def _housekeep(writer: Writer, store: Store, world: System) -> None:
    def errand() -> None:
        with store.begin() as tx:
            outbox.housekeep(tx, world.now())

    writer.between(errand)


@asynccontextmanager
async def _checkpoints(settings: Settings, supervisor: Supervisor) -> AsyncIterator[None]:
    """SQLite only: keep the write-ahead log short, on a connection and a thread of its own."""
    keeper = checkpoint.Checkpointer.of(settings.gateway.store.url)
    if keeper is None:
        yield
        return

    async def look() -> None:
        await asyncio.to_thread(keeper.look)

    try:
        async with supervisor.running(every(checkpoint.EVERY_S, look), "checkpoints"):
            yield
    finally:
        keeper.close()


# ---------------------------------------------------------------------------------------------------- the main way


def _connectors(settings: Settings, world: System, exchange: Exchange) -> list[SmppConnector]:
    short_codes = {number.number for number in settings.numbers if number.kind == "short-code"}
    return [
        SmppConnector(one, bind_of(one, settings), Translation(one, short_codes), world, exchange)
        for one in settings.connectors
    ]


@asynccontextmanager
async def _writing(writer: Writer, supervisor: Supervisor) -> AsyncIterator[None]:
    """The writer's loop; at the end what is queued is committed."""
    task = supervisor.start(writer.run(), "writer")
    try:
        yield
    finally:
        writer.stop()
        await asyncio.wait([task])


@asynccontextmanager
async def _connected(
    exchange: Exchange, dripper: Dripper, supervisor: Supervisor, drain_s: float
) -> AsyncIterator[None]:
    """The connectors, up; at the end nothing new is sent or taken, what is under way is finished, then unbind."""
    dripper.start()
    for connector in exchange.connectors.values():
        connector.start()
    try:
        yield
    finally:
        dripper.stop()
        # After a fault nobody commits any more: there is nothing to wait for.
        left_s = await exchange.drain(0.0 if supervisor.fault else drain_s)
        await asyncio.gather(*(connector.stop(left_s) for connector in exchange.connectors.values()))
        exchange.close()
