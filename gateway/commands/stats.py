"""`kwek stats`: what went out in a period, what came of it and what it cost; `kwek draw`: the winners of a contest.

Both read beside a gateway that runs: nothing is locked, and nothing they do can be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import Form, Format, fail, print_json
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.periods import Days
    from router.measure import Pages
    from router.measures import Measures

SEED_OCTETS = 16
"""Of chance in a seed that nobody gave."""


class By(StrEnum):
    """What the rows of the table are."""

    RULE = "rule"
    STEP = "step"
    ARM = "arm"
    KEYWORD = "keyword"
    CLASS = "class"
    LINK = "link"


def a_day(text: str) -> date:
    """A day as ISO 8601 writes it. Raises typer.BadParameter."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write it as 2026-05-01") from None


Config = Annotated[Path, typer.Option("--config", help="The settings: they say which store, and what texts cost.")]
Brand = Annotated[str | None, typer.Option("--brand", help="One brand; without: all.")]
Since = Annotated[
    date | None, typer.Option("--since", parser=a_day, metavar="DAY", help="The first day; without: six days ago.")
]
Until = Annotated[
    date | None, typer.Option("--until", parser=a_day, metavar="DAY", help="The last day, included; without: today.")
]
Rows = Annotated[By, typer.Option("--by", help="What the rows of the table are.")]
Record = Annotated[str, typer.Option("--record", help="The record that makes a contact take part.")]
Winners = Annotated[int, typer.Option("--winners", min=1, max=100_000, help="How many win.")]
Seed = Annotated[
    str, typer.Option("--seed", help="What decides; without: chance. Keep it: with it, anybody can repeat the draw.")
]


def stats(
    config: Config = Path("kwek.toml"), brand: Brand = None, since: Since = None, until: Until = None,
    by: Rows = By.RULE, form: Format = Form.TEXT,
) -> None:  # fmt: skip
    """Tell what went out, what came of it and what it cost."""
    from gateway.binding import prices_of
    from gateway.commands.stats_page import page
    from gateway.periods import period_of
    from gateway.report import Asked, report
    from router.measure import measure

    settings = _settings(config, brand)
    days = _days(settings, since, until)
    about = settings.statistics
    with _pages(settings) as pages:
        period, prices, measures = period_of(days, about.zone), prices_of(settings), _measures(pages, settings)
        measured = measure(pages, period, prices, brand, measures, origins=by is By.KEYWORD)
    asked = Asked(str(days.first), str(days.last), about.zone, brand, by.value, about.opt_out_warning)
    told = report(measured, asked)
    if form is Form.JSON:
        print_json(told)
    else:
        print("\n".join(page(told)))


def draw(  # noqa: PLR0913, PLR0917  # one for each option
    record: Record, brand: Annotated[str, typer.Option("--brand", help="Whose contest it is.")],
    since: Since = None, until: Until = None, winners: Winners = 1, seed: Seed = "",
    config: Config = Path("kwek.toml"),
) -> None:  # fmt: skip
    """Draw the winners of a contest: each number that a record was written for takes part once.

    Prints JSON with all that it takes to repeat the draw: keep it.
    """
    from secrets import token_hex

    from gateway.periods import period_of
    from router.draws import draw as drawn
    from router.measure import entries

    settings = _settings(config, brand)
    days = _days(settings, since, until)
    with _pages(settings) as pages:
        who = entries(pages, period_of(days, settings.statistics.zone), brand, record)
    if not who:
        fail(Exit.FAILED, f"no contact of {brand} has a record {record!r} from {days.first} to {days.last}")
    try:
        found = drawn(who, seed or token_hex(SEED_OCTETS), winners)
    except ValueError as wrong:
        fail(Exit.USAGE, wrong)
    print_json(
        {
            "brand": brand, "record": record, "since": str(days.first), "until": str(days.last),
            "seed": found.seed, "entries": found.entries, "entries_sha256": found.digest,
            "winners": [{"number": one.entry, "rank": one.rank} for one in found.winners],
        }
    )  # fmt: skip


def _measures(pages: Pages, settings: Settings) -> Measures:
    """What splits are measured by, in the rule set that was last in force; nothing where it no longer compiles."""
    from gateway.binding import grants_of
    from router.deployments import sources_of
    from router.measures import Measures, measures_of
    from router.store.statements import last_deployment
    from rules.compiler import compile_sources
    from rules.diagnostics import Source

    rows = pages.rows(last_deployment)
    sources = [Source(file, text) for file, text in sources_of(rows[0][1]).items()] if rows else []
    book = compile_sources(sources, grants_of(settings), in_force=True).book if sources else None
    return Measures() if book is None else measures_of(book)


def _settings(config: Path, brand: str | None) -> Settings:
    """The settings; ends the command for a brand that no number is granted to."""
    from config.problems import did_you_mean
    from gateway.commands.running import load_settings

    settings = load_settings(config)
    known = sorted({name for number in settings.numbers for name in number.brands})
    if brand is not None and brand not in known:
        others = did_you_mean(brand, known) or f"brands here: {', '.join(known)}"
        fail(Exit.USAGE, f"{config} grants no number to a brand {brand!r}; {others}")
    return settings


def _days(settings: Settings, since: date | None, until: date | None) -> Days:
    from gateway.periods import days_of
    from router.world import System

    world = System()
    now = world.now()
    world.close()
    try:
        return days_of(since, until, now, settings.statistics.zone)
    except ValueError as fault:
        fail(Exit.USAGE, f"{fault}: give --since and --until as days")


@contextmanager
def _pages(settings: Settings) -> Iterator[Pages]:
    from router.measure import Pages
    from router.store.errors import StoreError
    from router.store.reading import open_reader

    try:
        reader = open_reader(settings.gateway.store.url)
        try:
            yield Pages(reader)
        finally:
            reader.close()
    except StoreError as fault:
        fail(Exit.STORE, fault)
