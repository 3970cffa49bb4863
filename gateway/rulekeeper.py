"""Which rules are in force: those in the files as long as they compile, else the last ones that did.

At the start the last good set comes out of the store, so that a broken file and a restart together silence nobody. All
that is wrong is logged once per change, and /readyz says that the files are not what is in force.

An order (`kwek deploy`, `kwek rollback`) rules whatever the files say, until they change after it; with
`reload = false` until the next order: files that nobody deployed do not rule then, whatever is wrong with the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from gateway.health import Health
from gateway.metrics import Metrics
from gateway.rules_compile import CompilerFailedError, compile_apart, compile_here, compile_in_force
from gateway.rules_loader import fingerprint, load_sources
from gateway.watcher import Tick, Watcher
from router.deployments import sources_of
from router.rulings import Kept, Order, Taken
from rules.compiler import Compiled, compile_sources
from rules.diagnostics import Diagnostic, Source, in_order
from rules.rulebook import Grants, Rulebook, deployment_of

MOST_TOLD = 50
"""Diagnostics logged for one change; who has more sees them all with `kwek check`."""

PART = "rules"

Compile = Callable[[Sequence[Source], Grants | None], Awaitable[Compiled]]
Adopt = Callable[[Rulebook, Mapping[str, str], Taken], Awaitable[None]]
Refuse = Callable[[Order, str], None]
NOTHING_KEPT: Final = Kept()

log = structlog.get_logger("kwek.rules")


REMEDY: Final = "with `reload = false` those in the files do not rule unasked: `kwek deploy` them, then start again"


class NoRulesError(Exception):
    """There is nothing to work by: no rules that compile, and no set that was ever in force, or, where files are not
    followed, only files that nobody deployed. The message says why."""


class RuleKeeper:
    """The rules of one gateway: read at the start, then whenever their files change."""

    def __init__(
        self, paths: Sequence[Path], grants: Grants, health: Health, metrics: Metrics,
        compile: Compile = compile_apart, follow: bool = True,
    ) -> None:  # fmt: skip
        self._paths = paths
        self._grants = grants
        self._health = health
        self._metrics = metrics
        self._compile = compile
        self._deployment = ""
        self._watcher = Watcher(paths, ())
        self._follow = follow
        self._turn = asyncio.Lock()
        self.taken = Taken()
        """How the rules to start with came into force."""

    async def first(
        self, last_good: Callable[[], Awaitable[Mapping[str, str] | None]], kept: Kept = NOTHING_KEPT
    ) -> tuple[Rulebook, Mapping[str, str]]:
        """The rules to start with, and their sources by file name. Raises NoRulesError.

        `last_good` gives the sources that were last in force, from the store; None: none ever were. `kept`: what this
        node worked by, and an order that it has not heeded yet.
        """
        seen = await asyncio.to_thread(fingerprint, self._paths)
        self._watcher = Watcher(self._paths, seen)
        ordered = await self._by_order(kept)
        if ordered is not None:
            return ordered
        sources, book, fault = await self._read(compile_here)
        self.taken = msgspec.structs.replace(self.taken, files=deployment_of(sources) if book is not None else "")
        if book is None:
            good = kept.sources or await last_good()
            if good is None:
                raise NoRulesError(f"no rules to start with: {fault}")
            sources = [Source(file, text) for file, text in good.items()]
            compiled = await compile_in_force(sources, self._grants)
            book = compiled.book
            if book is None:
                self._tell(compiled.diagnostics)
                raise NoRulesError(
                    f"no rules to start with: {fault}; those last in force do not compile with this kwek.toml and this "
                    f"version of kwek either"
                )
            self._health.note(PART, f"{fault}; the rules that were last in force are used")
        self._in_force(book)
        return book, _by_file(sources)

    async def watch(self, adopt: Adopt, tick: Tick = asyncio.sleep) -> None:
        """Reads the files again when they have changed; `adopt` is handed each set that compiles."""
        async for _ in self._watcher.changes(tick):
            async with self._turn:
                await self._changed(adopt)

    async def heed(self, order: Order, adopt: Adopt, refuse: Refuse) -> None:
        """Lets the rules of an order rule; `refuse` is told why they cannot."""
        async with self._turn:
            sources = [Source(file, text) for file, text in order.sources.items()]
            book, fault = await self._compiled(sources, self._compile)
            self._metrics.reloaded(book is not None)
            if book is None:
                log.error("an order cannot be taken over; the rules stay", why=fault, **_told(order))
                refuse(order, fault)
                return
            await adopt(book, order.sources, Taken(order=order))
            self._health.note(PART, "")
            self._in_force(book)
            log.info("rules taken over", **_told(order))

    async def _changed(self, adopt: Adopt) -> None:
        sources, book, fault = await self._read(self._compile)
        self._metrics.reloaded(book is not None)
        if book is None:
            self._health.note(PART, f"{fault}; the rules read before stay in force")
            return
        self._health.note(PART, "")
        was = self._deployment
        # Those in force, too: that the files have come to say so is kept, else they would win over a later rollback.
        await adopt(book, _by_file(sources), Taken(files=book.deployment))
        self._in_force(book)
        told = "rules are as they were" if book.deployment == was else "rules reloaded"
        log.info(told, deployment=book.deployment, files=len(sources))

    async def _by_order(self, kept: Kept) -> tuple[Rulebook, Mapping[str, str]] | None:
        """The rules to start with where not the files say which: those of a new order, or those that an earlier one
        brought while the files are as they were. Raises NoRulesError."""
        loaded = await asyncio.to_thread(load_sources, self._paths)
        files = "" if loaded.diagnostics else deployment_of(loaded.sources)
        self.taken = Taken(files)
        standing, order = kept.standing, kept.order
        if order is not None:
            book, fault = await self._ordered(order.sources, compile_here)
            self.taken = Taken(files, order, fault)
            if book is not None:
                return book, order.sources
            log.error("an order cannot be taken over", why=fault, **_told(order))
        if standing is None or (self._follow and files != standing.files) or files == standing.deployment:
            return None
        fault = "they are gone from the store"
        if kept.sources is not None:
            book, fault = await self._ordered(kept.sources, compile_in_force)
            if book is not None:
                return book, kept.sources
        sentence = f"the rules that were in force by order cannot be used: {fault}"
        if not self._follow:
            raise NoRulesError(f"{sentence}; {REMEDY}")
        log.error(f"{sentence}; those in the files are used")
        self._health.note(PART, f"{sentence}; those in the files are used")
        return None

    async def _ordered(self, wanted: Mapping[str, str], compile: Compile) -> tuple[Rulebook | None, str]:
        """The book of an order's sources, in force; without one, why it cannot be."""
        book, fault = await self._compiled([Source(file, text) for file, text in wanted.items()], compile)
        if book is not None:
            log.info("rules in force by order, not by the files", deployment=book.deployment)
            self._in_force(book)
        return book, fault

    def revive(self, sources: str) -> Rulebook | None:
        """The rulebook of an earlier deployment, from its column in the store; None when it no longer compiles."""
        kept = sources_of(sources)
        return compile_sources([Source(file, text) for file, text in kept.items()], self._grants, in_force=True).book

    async def _read(self, compile: Compile) -> tuple[Sequence[Source], Rulebook | None, str]:
        """Sources, book and, without a book, what is wrong in one sentence; logs all of it."""
        loaded = await asyncio.to_thread(load_sources, self._paths)
        if loaded.diagnostics:  # part of a set is not a set: brands would fall silent
            self._tell(loaded.diagnostics)
            return loaded.sources, None, _sentence(loaded.diagnostics)
        book, fault = await self._compiled(loaded.sources, compile)
        return loaded.sources, book, fault

    async def _compiled(self, sources: Sequence[Source], compile: Compile) -> tuple[Rulebook | None, str]:
        """The book and, without one, what is wrong in one sentence; logs all of it."""
        try:
            compiled = await compile(sources, self._grants)
        except CompilerFailedError as failed:
            log.error("rules not compiled", why=str(failed))
            return None, str(failed)
        self._tell(compiled.diagnostics)
        return compiled.book, "" if compiled.book else _sentence(compiled.diagnostics)

    def _in_force(self, book: Rulebook) -> None:
        self._deployment = book.deployment
        self._metrics.rules(book.deployment)

    def _tell(self, diagnostics: Sequence[Diagnostic]) -> None:
        told = [one for one in in_order(diagnostics) if one.severity != "note"]
        for one in told[:MOST_TOLD]:
            say = log.error if one.severity == "error" else log.warning
            place = {"file": one.span.file, "line": one.span.line, "column": one.span.column}
            say(one.message, code=one.code, **place, help=one.help)
        if len(told) > MOST_TOLD:
            log.warning("more is wrong with the rules: `kwek check` tells all", more=len(told) - MOST_TOLD)


def _by_file(sources: Sequence[Source]) -> dict[str, str]:
    return {source.file: source.text for source in sources}


def _told(order: Order) -> dict[str, str]:
    ruling = order.ruling
    return {"deployment": ruling.deployment, "origin": ruling.origin, "actor": ruling.actor}


def _sentence(diagnostics: Sequence[Diagnostic]) -> str:
    errors = [one for one in in_order(diagnostics) if one.severity == "error"]
    span = errors[0].span
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{span.file}:{span.line}:{span.column}: {errors[0].message.rstrip('.')}{more}"
