"""The composition root: the one place that knows everybody. Commands and the demo hand it `Settings`; `binding`
turns them into what `smpp` and `rules` take, and `gateway.node` puts the parts of the main way together.

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

import structlog

from config.settings import Settings
from gateway import node
from gateway.binding import grants_of, prices_of
from gateway.counter import Counter
from gateway.counter_clerk import Clerk
from gateway.exchange import Exchange
from gateway.exits import Exit
from gateway.health import Health
from gateway.lifecycle import Supervisor, every
from gateway.mailer import LOOK_S, Mailer
from gateway.metrics import Metrics
from gateway.orders import Orders
from gateway.pools import in_turn
from gateway.recent import Lookout
from gateway.rulekeeper import NoRulesError, RuleKeeper
from gateway.web.server import PortTakenError, serve_web
from gateway.web.site import KEEP_UP_S, Site
from gateway.web.stats import Terms
from router import deployments
from router.rulings import Taken
from router.store import checkpoint
from router.store.engine import Store, open_store
from router.store.errors import StoreBroken, StoreError
from router.world import System, Worker
from router.writer import Writer
from rules.rulebook import BrandBook, Rulebook
from rules.vouchers import Voucher

SWITCH_S = 0.0002
"""How long the writer's thread may keep the interpreter while octets wait (Python's own is 5 ms: a whole group)."""
COLLECT_AFTER = (50_000, 20, 100)
"""The collector looks after so many new containers, not 700: a group of texts makes thousands, and no cycles."""
STANDING_S = 0.25
"""How often the standing of store and connectors is looked at, in seconds."""

log = structlog.get_logger("kwek")


async def serve(
    settings: Settings, *, ready: Callable[[str], None] | None = None, stop: asyncio.Event | None = None,
    unsafe: bool = False,
) -> int:  # fmt: skip
    """Run the gateway until `stop` is set or a signal comes; gives the process's exit code (gateway.exits).

    `unsafe`: a store that could lose acknowledged messages is warned of and does not hinder.
    """
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sys.setswitchinterval(SWITCH_S)
    supervisor = Supervisor(stop)
    try:
        async with AsyncExitStack() as up:
            up.enter_context(supervisor.listening())
            gateway = await _start(settings, up, supervisor, unsafe)
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
        log.critical(
            "ended by a fault; nothing more was acknowledged", tasks=supervisor.dead, exc_info=supervisor.fault
        )
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


async def _start(settings: Settings, up: AsyncExitStack, supervisor: Supervisor, unsafe: bool) -> str:
    """Start everything; gives a sentence that says where the gateway is reached."""
    health = Health(dead=supervisor.dead)
    metrics = Metrics()
    world, store = await up.enter_async_context(_store(settings, unsafe))
    keeper = RuleKeeper(settings.gateway.rules, grants_of(settings), health, metrics, follow=settings.gateway.reload)
    orders = Orders(store, settings.gateway.node)
    kept = await world.offload(orders.kept)
    book, sources = await keeper.first(partial(world.offload, partial(_last_good, store)), kept)
    await world.offload(partial(node.begin, store, world, settings, book, sources, keeper.taken))
    one = node.Node(settings, world, store, book, keeper.revive, metrics)
    site = Site(world, store, one.exchange, metrics, in_turn(one.writer))
    up.push_async_callback(site.close)
    await site.pools.deploy(_vouchers(book), world.offload)

    await up.enter_async_context(one.writing(supervisor))
    adopt = partial(_adopt, one, site)
    if settings.gateway.reload:
        await up.enter_async_context(supervisor.running(keeper.watch(adopt), "rules watcher"))
    heed = partial(keeper.heed, adopt=adopt, refuse=one.refuse)
    await up.enter_async_context(supervisor.running(orders.watch(heed, in_turn(one.writer)), "orders watcher"))
    await up.enter_async_context(_checkpoints(settings, supervisor))
    clerk = Clerk(settings, world, store, one.ways, in_turn(one.writer))
    await up.enter_async_context(Counter(store.url, clerk).open())
    await up.enter_async_context(supervisor.running(_standing(health, one.exchange, one.writer), "health"))
    about = settings.statistics
    terms = Terms(prices_of(settings), about.zone, about.opt_out_warning)
    figures = site.figures(terms, lambda: one.ways.books.newest)
    routes = [*site.routes(partial(_brand, one), settings.gateway.url), *figures]
    where = await up.enter_async_context(serve_web(settings.gateway.listen, metrics, health, one.exchange, routes))
    keep_up = partial(site.keep_up, settings.gateway.vouchers_low)
    await up.enter_async_context(supervisor.running(every(KEEP_UP_S, keep_up), "site"))
    if settings.email.host:
        mailer = Mailer(settings.email, world, store, settings.gateway.node, in_turn(one.writer))
        await up.enter_async_context(supervisor.running(every(LOOK_S, mailer.look), "mailer"))
    await up.enter_async_context(_lookout(Lookout(world, store.url, metrics), about.recent_s, supervisor))
    await up.enter_async_context(one.connected(supervisor))
    gc.collect()
    gc.freeze()  # the rulebook and the modules stay: the collector need not look at them again
    gc.set_threshold(*COLLECT_AFTER)
    log.info("started", node=settings.gateway.node, deployment=book.deployment, listen=where)
    return where


async def _adopt(one: node.Node, site: Site, book: Rulebook, sources: Mapping[str, str], taken: Taken) -> None:
    """Let a rule set rule once its vouchers are there: a text that names one finds its codes."""
    await site.pools.deploy(_vouchers(book), in_turn(one.writer))
    one.adopt(node.InForce(book, sources, taken))


@asynccontextmanager
async def _lookout(lookout: Lookout, seconds: int, supervisor: Supervisor) -> AsyncIterator[None]:
    """Figures by rule for /metrics, looked up every so many seconds."""
    try:
        if seconds:
            async with supervisor.running(every(seconds, lookout.look), "figures by rule"):
                yield
        else:
            yield
    finally:
        await lookout.close()


def _brand(one: node.Node, name: str) -> BrandBook | None:
    """What the rules in force say of a brand."""
    return one.ways.books.newest.brands.get(name)


def _vouchers(book: Rulebook) -> list[tuple[str, Voucher]]:
    return [(brand.name, voucher) for brand in book.brands.values() for voucher in brand.offers.values()]


# ------------------------------------------------------------------------------------------------------- the store


@asynccontextmanager
async def _store(settings: Settings, unsafe: bool) -> AsyncIterator[tuple[System, Store]]:
    """The world's writer thread, and the store that only it uses."""
    world = System()
    try:
        store = await world.offload(partial(open_store, settings.gateway.store.url, unsafe=unsafe))
        for sentence in store.warnings:
            log.warning("store", what=sentence)
        try:
            yield world, store
        finally:
            await world.offload(store.close)
    finally:
        world.close()


def _last_good(store: Store) -> dict[str, str] | None:
    with store.begin() as tx:
        return deployments.last_good(tx)


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


@asynccontextmanager
async def _checkpoints(settings: Settings, supervisor: Supervisor) -> AsyncIterator[None]:
    """SQLite only: keep the write-ahead log short, on a connection and a thread of its own."""
    keeper = checkpoint.Checkpointer.of(settings.gateway.store.url)
    if keeper is None:
        yield
        return

    thread = Worker("checkpoints")

    async def look() -> None:
        await thread.begin(keeper.look)

    try:
        async with supervisor.running(every(checkpoint.EVERY_S, look), "checkpoints"):
            yield
    finally:
        thread.close()  # a look under way has ended: closing its connection in the midst of it would end the process
        keeper.close()
