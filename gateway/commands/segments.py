"""`kwek segment`: how many contacts are in a segment, and which, each with the reason why; before anything is sent.

It goes by the rules files as they stand, deployed or not, and reads beside a gateway that runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.output import Form, Format, counted, fail, print_json
from gateway.commands.stores import instant, reading, settings_of
from gateway.exits import Exit

if TYPE_CHECKING:
    from router.members import Member, Seek

Brand = Annotated[str, typer.Argument(metavar="BRAND", help="The brand, as its rules name it.")]
Name = Annotated[str, typer.Argument(metavar="SEGMENT", help="The segment, as its rules name it.")]
Config = Annotated[Path, typer.Option("--config", help="The settings: they say which store, and which rules.")]
Most = Annotated[int, typer.Option("--most", min=1, max=1_000_000, help="How many are listed.")]
Full = Annotated[bool, typer.Option("--full", help="Whole numbers, not their last three digits.")]

segments = typer.Typer(no_args_is_help=True, help="Segments: how many contacts are in one, and which, and why.")


@segments.command("count")
def count(brand: Brand, segment: Name, config: Config = Path("kwek.toml"), form: Format = Form.TEXT) -> None:
    """Count who is in a segment now, and who of them lets the brand advertise."""
    total = allowing = 0
    with _members(brand, segment, config) as (seek, found):
        for one in found:
            total += 1
            allowing += one.allows_promotions
    if form is Form.JSON:
        told = {"brand": brand, "segment": segment, "at": instant(seek.now)}
        print_json(told | {"contacts": total, "allow_promotional": allowing})
    else:
        print(f"{counted(total, 'contact')} in segment {segment} of {brand}; {allowing} allow promotional texts")


@segments.command("list")
def list_(
    brand: Brand, segment: Name, config: Config = Path("kwek.toml"), most: Most = 100, full: Full = False,
    form: Format = Form.TEXT,
) -> None:  # fmt: skip
    """List who is in a segment now, each with what put him there: the conditions, and the values that they saw."""
    with _members(brand, segment, config) as (_, found):
        if form is Form.JSON:
            print_json([as_json(one, full=full) for one in islice(found, most)])
            return
        lines = (as_line(one, full=full) for one in islice(found, most))
        print(next(lines, f"nobody is in segment {segment} of {brand}"))
        for line in lines:
            print(line)
        if next(found, None) is not None:
            print(f"… and more; --most lists more than {most}")


@contextmanager
def _members(brand: str, segment: str, config: Path) -> Iterator[tuple[Seek, Iterator[Member]]]:
    """Who is in it, for as long as the block lasts. Ends the command when there is no such segment."""
    from gateway.commands.books import load_book
    from router.members import Seek, members
    from router.world import System

    settings = settings_of(config)
    book = load_book(settings.gateway.rules, config)
    if brand not in book.brands:
        fail(Exit.USAGE, f"the rules have no brand {brand!r}; they have {', '.join(sorted(book.brands))}")
    known = book.brands[brand].segments
    if segment not in known:
        fail(Exit.USAGE, f"{brand} has no segment {segment!r}; it has {', '.join(sorted(known)) or 'none'}")
    seek = Seek(book, brand, segment, System().now())
    with reading(settings) as reader:
        yield seek, members(reader, seek)


def as_json(one: Member, *, full: bool) -> dict[str, Any]:
    """One contact for programs."""
    return {
        "contact": _number(one, full=full), "allows_promotional": one.allows_promotions,
        "why": [{"condition": seen.condition, "value": seen.value} for seen in one.why],
    }  # fmt: skip


def as_line(one: Member, *, full: bool) -> str:
    """One contact for people."""
    why = "; ".join(f"{seen.condition}: {seen.value}" for seen in one.why)
    return f"{_number(one, full=full)}  {why}" + ("" if one.allows_promotions else "  (no promotional texts)")


def _number(one: Member, *, full: bool) -> str:
    from gateway.logs import masked_number

    return one.contact.address if full else masked_number(one.contact.address)
