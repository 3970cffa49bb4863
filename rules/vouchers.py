"""Vouchers as an author declares them: how codes look, how a file of codes is read, and until when they count.

A code of a pattern is drawn, never counted up: whoever has one must not be able to guess the next. Its characters are
those that nobody reads or types wrongly (no 0 and O, no 1, I and L). A file of codes comes from a shop's till or a
spreadsheet: whatever is odd about it is told with its line, and the codes that can be used are used.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO
from pathlib import PurePosixPath
from typing import Final

import msgspec

from rules import syntax
from rules.times import microseconds

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""What `#` may become."""
HOLE: Final = "#"

LONGEST_CODE: Final = 40
"""Characters of a code: a till's own are 6 to 20, and a text has room for little else beyond it."""
FEWEST_HOLES: Final = 6
"""Random characters below which a code can be found by trying: six are 887 million codes."""
MOST_CODES: Final = 2_000_000
"""Codes in one file: twice the largest campaign that one gateway serves."""
MOST_OCTETS: Final = 67_108_864
"""Octets of a file of codes: two million of them fit, a film named by mistake does not."""
MOST_TOLD: Final = 20
"""Lines told one by one about a file; the rest is told as a number."""
_HEADINGS: Final = {"code", "codes", "voucher", "vouchercode", "kortingscode", "gutscheincode", "couponcode", "coupon"}
_SEPARATORS: Final = ";\t,"


class Voucher(msgspec.Struct, frozen=True):
    """A declared voucher: codes of a `pattern`, or of a `file` next to the rules file that names it (`beside`).

    `until` is the first instant (microseconds since 1970 UTC) at which it no longer counts; None: it always does.
    """

    name: str
    pattern: str = ""
    file: str = ""
    beside: str = ""
    until: int | None = None

    def is_over(self, at: int) -> bool:
        """Whether it no longer counts at that instant."""
        return self.until is not None and at >= self.until


class Codes(msgspec.Struct, frozen=True):
    """The usable codes of a file, in its order, each once; `told`: what is odd about it, a sentence each."""

    codes: tuple[str, ...]
    told: tuple[str, ...]


def voucher_of(declared: syntax.Voucher, zone: tzinfo) -> Voucher:
    """What a declaration means. `until DATE` counts the whole of that day in the brand's zone, `until DATE TIME` ends
    at that minute."""
    return Voucher(
        declared.name,
        "" if declared.pattern is None else declared.pattern.value,
        "" if declared.file is None else declared.file.value,
        declared.span.file,
        _end(declared.until, zone),
    )


def _end(until: syntax.Day | syntax.Moment | None, zone: tzinfo) -> int | None:
    if until is None:
        return None
    day, clock = (until.day, until.clock) if isinstance(until, syntax.Moment) else (until, syntax.Clock(0, 0))
    ends = datetime(day.year, day.month, day.day, clock.hour, clock.minute, tzinfo=zone)
    try:
        if day is until:
            ends += timedelta(days=1)
        return microseconds(ends.astimezone(UTC))
    except OverflowError:  # the end of all calendars, somewhere
        return None


# --------------------------------------------------------------------------------------------------------- patterns


def pattern_faults(pattern: str) -> list[str]:
    """What is wrong with a pattern, a sentence each; none: it can be used."""
    faults = []
    if HOLE not in pattern:
        faults.append(f"It has no {HOLE}, so every contact would get the same code.")
    if len(pattern) > LONGEST_CODE:
        faults.append(f"A code has at most {LONGEST_CODE} characters; this has {len(pattern)}.")
    if any(not _is_plain(character) for character in pattern):
        faults.append("A code has letters, digits and signs without spaces, as they can be typed at a till.")
    return faults


def is_guessable(pattern: str) -> bool:
    """Whether so few characters are drawn that codes can be found by trying."""
    return 0 < pattern.count(HOLE) < FEWEST_HOLES


def file_fault(name: str) -> str:
    """Why a file of codes may not be called that; empty when it may. It stands next to the rules file, or below."""
    path = PurePosixPath(name)
    if not name or "\0" in name or "\\" in name:
        return "This is no name of a file."
    if path.is_absolute() or ".." in path.parts:
        return "A file of codes stands next to the rules file, or in a folder there."
    return ""


def draw(pattern: str, chance: Callable[[], float]) -> str:
    """A code of that pattern; `chance` gives numbers from 0 up to 1 that nobody can foretell."""
    return "".join(ALPHABET[int(chance() * len(ALPHABET))] if one == HOLE else one for one in pattern)


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isprintable() and not character.isspace()


# ------------------------------------------------------------------------------------------------------------ files


def read_codes(octets: bytes) -> Codes:
    """The codes of a file: a line each, or a column of a table (CSV). Nothing in it is an error."""
    told: list[str] = []
    if len(octets) > MOST_OCTETS:
        told.append(f"It has more than {MOST_OCTETS} octets; what comes after them is not read.")
        octets = octets[:MOST_OCTETS].rpartition(b"\n")[0]
    text = _decoded(octets, told)
    codes: dict[str, int] = {}
    odd: dict[str, list[int]] = {"blank": [], "too long": [], "not plain": [], "again": []}
    for line, code in _column(text):
        kind = _oddness(code)
        if kind:
            odd[kind].append(line)
        elif code in codes:
            odd["again"].append(line)
        elif len(codes) == MOST_CODES:
            told.append(f"It has more than {MOST_CODES} codes; those after line {line - 1} are not used.")
            break
        else:
            codes[code] = line
    told += _sentences(odd)
    if not codes:
        told.append("It holds no code that can be used.")
    return Codes(tuple(codes), tuple(told))


def _decoded(octets: bytes, told: list[str]) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if octets.startswith(mark):
            if encoding == "utf-16":
                told.append("It is UTF-16; it was read as that.")
            return octets.decode(encoding, "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        told.append("It is not UTF-8; it was read as Windows-1252.")
        return octets.decode("cp1252", "replace")


def _column(text: str) -> Iterator[tuple[int, str]]:
    """The cells that hold codes, with their lines (from 1). A heading says which column; else it is the first."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    column = 0
    is_first = True
    rows = csv.reader(StringIO(text, newline=""), delimiter=separator)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:  # a cell longer than the reader takes (131,072 characters): no code
            yield rows.line_num, "?" * (LONGEST_CODE + 1)
            continue
        cells = [cell.strip() for cell in row]
        if is_first and any(cells):
            is_first = False
            headings = [place for place, cell in enumerate(cells) if cell.lower().replace(" ", "") in _HEADINGS]
            if headings:
                column = headings[0]
                continue
        yield rows.line_num, cells[column] if column < len(cells) else ""


def _oddness(code: str) -> str:
    if not code:
        return "blank"
    if len(code) > LONGEST_CODE:
        return "too long"
    return "" if all(_is_plain(character) for character in code) else "not plain"


_SAID: Final = {
    "blank": ("Line {} is blank.", "{} more lines are blank."),
    "too long": (
        f"Line {{}} has more than {LONGEST_CODE} characters; it is left out.",
        "{} more lines are too long, and left out.",
    ),
    "not plain": (
        "Line {} has a space or a character that cannot be typed at a till; it is left out.",
        "{} more lines have characters that cannot be typed at a till, and are left out.",
    ),
    "again": (
        "Line {} has a code that stands above already; it is used once.",
        "{} more lines have a code that stands above already.",
    ),
}


def _sentences(odd: dict[str, list[int]]) -> Iterable[str]:
    for kind, lines in odd.items():
        one, more = _SAID[kind]
        yield from (one.format(line) for line in lines[:MOST_TOLD])
        if len(lines) > MOST_TOLD:
            yield more.format(len(lines) - MOST_TOLD)
