"""Reading a file of consents given elsewhere: octets become rows, each a consent with its proof or a reason why not.
A file of opt-outs is read alike, and needs no proof: whoever is said to want no more texts gets none.

The four encodings that spreadsheets write are told apart by what only one of them can be: a mark at the beginning, zero
octets, octets that are UTF-8; what is left is cp1252. A file that is UTF-8 but for a few octets stays so, and the rows
with these are unreadable, rather than that every accent of it goes wrong. Pure: now, zone and market are arguments.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Literal as OneOf
from typing import cast, get_args

import msgspec

from router.instants import SECOND
from router.standing import Method
from rules.facts import Value, read_date, read_email, read_number, read_phone, read_time

Outcome = OneOf[
    "taken", "already", "suppressed", "no proof", "not a number", "in the future", "unreadable"
]  # fmt: skip
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
GOOD: frozenset[Outcome] = frozenset({"taken", "already"})
"""Outcomes after which the consent is there; the others are refusals."""

SEPARATORS = ",;\t"
NEEDED = ("msisdn", "at", "wording", "method", "evidence")
KNOWN = (*NEEDED, "programme", "language")
ATTRIBUTE = "contact."
METHODS: frozenset[str] = frozenset(get_args(Method)) - {"import"}
LONGEST_CELL = 10_000
"""Characters of one cell: a page's wording fits, a file without line ends does not."""
LONGEST_HEAD = 65_536
"""Octets in which the first line is looked for, to tell what separates its cells."""
PIECE = 65_536
"""Octets that are decoded at once: a file in one go would keep the interpreter from everybody else."""
SAMPLE = 4096
"""Octets in which zeros are counted."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2})?")
_REPLACED = "\ufffd"


class Unusable(ValueError):
    """The file as a whole cannot be read; the message says why."""


class Consent(msgspec.Struct, frozen=True):
    """One row that reads well. `address` is digits without a plus, `at` microseconds since 1970 UTC."""

    line: int
    address: str
    at: int
    wording: str
    method: Method
    evidence: str
    programme: str = ""
    language: str = ""
    attributes: Mapping[str, Value] = {}


class Refused(msgspec.Struct, frozen=True):
    """One row that does not go in: its outcome, and why in words. It holds nothing of the person."""

    line: int
    outcome: Outcome
    why: str


class Reading(msgspec.Struct, frozen=True):
    """How rows are read: by the brand's market, zone and attributes (name to kind); nothing lies after `now`.
    `opt_outs`: the rows say who wants no more texts."""

    market: str | None
    zone: tzinfo
    language: str
    attributes: Mapping[str, str]
    now: int
    opt_outs: bool = False

    @property
    def needed(self) -> Sequence[str]:
        """Columns that a file must have."""
        return NEEDED[:1] if self.opt_outs else NEEDED


def encoding_of(octets: bytes) -> str:
    """The encoding of a file, as Python calls it."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if octets.startswith(mark):
            return name
    sample = octets[:SAMPLE]
    for at, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if sample[at::2].count(0) * 4 > len(sample):  # of ASCII text every second octet is zero
            return name
    try:
        for _ in codecs.iterdecode(_pieces(octets), "utf-8"):
            continue
    except UnicodeDecodeError:
        bad = well = 0
        for text in codecs.iterdecode(_pieces(octets), "utf-8", "replace"):
            replaced = text.count(_REPLACED)
            bad += replaced
            well += sum(1 for character in text if character > "\x7f") - replaced
        return "utf-8" if well > bad else "cp1252"
    return "utf-8"


def _pieces(octets: bytes) -> Iterator[bytes]:
    return (octets[start : start + PIECE] for start in range(0, len(octets), PIECE))


def rows_of(octets: bytes, reading: Reading) -> Iterator[Consent | Refused]:
    """Every row of a file, read as they are asked for; empty lines aside. Raises Unusable at once when there is no head
    that names the columns."""
    encoding = encoding_of(octets)
    head, _, _ = octets[:LONGEST_HEAD].decode(encoding, "replace").lstrip("\r\n").partition("\n")
    separator = max(SEPARATORS, key=head.count)
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(octets), encoding, "replace", newline=""), delimiter=separator)
    try:
        columns = _columns(next((cells for cells in lines if any(cells)), []), reading)
    except csv.Error as fault:
        raise Unusable(f"its first line is none of such a file: {fault}") from fault

    def rows() -> Iterator[Consent | Refused]:
        begins = lines.line_num + 1
        while True:
            try:
                cells = next(lines)
            except StopIteration:
                return
            except csv.Error as fault:
                yield Refused(begins, "unreadable", f"it is no row of such a file: {fault}")
                cells = []
            if any(cell.strip() for cell in cells):
                yield _row(begins, cells, columns, reading)
            begins = lines.line_num + 1

    return rows()


def _columns(cells: Sequence[str], reading: Reading) -> list[str]:
    names = [cell.strip().removeprefix("\ufeff") for cell in cells]
    names = [name if name.lower().startswith(ATTRIBUTE) else name.lower() for name in names]
    missing = [name for name in reading.needed if name not in names]
    if missing:
        raise Unusable(f"its first line must name the columns, and does not name {', '.join(missing)}")
    for name in names:
        if name.lower().startswith(ATTRIBUTE):
            if name[len(ATTRIBUTE) :] not in reading.attributes:
                raise Unusable(f"the brand's rules declare no {name}")
        elif name not in KNOWN:
            raise Unusable(f"there is no column {name!r}; known are {', '.join(KNOWN)} and {ATTRIBUTE}NAME")
    if len(set(names)) < len(names):
        raise Unusable("a column is named twice")
    return names


def _row(line: int, cells: Sequence[str], columns: Sequence[str], reading: Reading) -> Consent | Refused:
    fault = _unreadable(cells, columns)
    if fault:
        return Refused(line, "unreadable", fault)
    unsaid = {"method": "agent", "at": "now", "wording": "", "evidence": ""} if reading.opt_outs else {}
    told = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    row = told | {name: value for name, value in unsaid.items() if not told.get(name)}
    number = read_phone(row["msisdn"], reading.market)
    if number is None:
        return Refused(line, "not a number", "no phone can have that number")
    absent = [name for name in reading.needed if not row[name]]
    if absent:
        return Refused(line, "no proof", f"{' and '.join(absent)} must be told")
    if row["method"].lower() not in METHODS:
        return Refused(line, "no proof", f"the method is none of {', '.join(sorted(METHODS))}")
    at = reading.now if row["at"] == "now" and reading.opt_outs else _instant(row["at"], reading.zone)
    if at is None or at < 0:
        return Refused(line, "unreadable", "`at` is no date or time in ISO 8601 since 1970")
    if at > reading.now:
        return Refused(line, "in the future", "a consent cannot lie after the import")
    return _consent(line, row, number.removeprefix("+"), at, reading)


def _unreadable(cells: Sequence[str], columns: Sequence[str]) -> str:
    """What is wrong with a row's characters; empty when nothing is."""
    if len(cells) != len(columns):
        return f"it has {len(cells)} cells, and the head {len(columns)}"
    if any(_REPLACED in cell or "\0" in cell for cell in cells):
        return "it has characters that are none in the file's encoding"
    if any(len(cell) > LONGEST_CELL for cell in cells):
        return f"a cell has more than {LONGEST_CELL} characters"
    return ""


def _consent(line: int, row: Mapping[str, str], address: str, at: int, reading: Reading) -> Consent | Refused:
    language = row.get("language", "")
    if language and not _LANGUAGE.fullmatch(language):
        return Refused(line, "unreadable", "the language is no code such as nl or nl-BE")
    attributes: dict[str, Value] = {}
    for name, cell in row.items():
        if name.lower().startswith(ATTRIBUTE) and cell:
            own = name[len(ATTRIBUTE) :]
            value = _value(cell, reading.attributes[own], reading)
            if value is None:
                return Refused(line, "unreadable", f"{name} is no {reading.attributes[own]}")
            attributes[own] = value
    method = cast(Method, row["method"].lower())
    return Consent(
        line, address, at, row["wording"], method, row["evidence"], row.get("programme", ""), language, attributes
    )  # fmt: skip


def _instant(text: str, zone: tzinfo) -> int | None:
    """Microseconds of a date or time in ISO 8601; in the brand's zone where it names none, a date at its first hour."""
    try:
        at = datetime.fromisoformat(text)
        aware = at if at.tzinfo is not None else at.replace(tzinfo=zone)
        return round(aware.timestamp() * SECOND)
    except (ValueError, OverflowError):
        return None


def _value(text: str, kind: str, reading: Reading) -> Value | None:
    today = datetime.fromtimestamp(reading.now / SECOND, reading.zone).date()
    readers: Mapping[str, Callable[[], Value | None]] = {
        "number": lambda: read_number(text, reading.language),
        "date": lambda: read_date(text, today, reading.language, reading.market),
        "time": lambda: read_time(text, reading.language),
        "email": lambda: read_email(text),
        "phone": lambda: read_phone(text, reading.market),
    }
    return readers[kind]() if kind in readers else text
