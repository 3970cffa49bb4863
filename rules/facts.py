"""The values that flow through rules: what a phone wrote, read as the kind its slot or attribute asks for.

Every reader takes the whole of a string, as the sender spelled it, and answers with a value or None; what stands around
it (spaces, punctuation) is the caller's to set aside. LANGUAGE.md section 4: a separator before one or two digits is
decimal, before three it groups; dates are ISO, or day before month (month first only for English in the US market),
without a year the next such day; impossible days do not fit. `today` is an argument. A suspended run keeps its values
as JSON: what JSON cannot say is tagged with its kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import assert_never

import phonenumbers

from rules.packs import Language, load
from rules.words import fold

Value = str | int | Decimal | date | time
Json = str | int | dict[str, str]

MAX_DIGITS = 30
"""Digits of a number that is read: longer ones are codes, and arithmetic on them costs more than it means."""

LATE_CENTURY_YEARS = 20
"""A year of two digits lies at most this many years ahead, else in the century before (birthdays)."""

MAX_EMAIL_CHARACTERS = 254
"""RFC 5321 section 4.5.3.1.3: the longest path, without its brackets."""

MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 5, 17
"""E.164 allows 15 digits; `00` before them is two more. Fewer than five is no subscriber's number anywhere."""

LEAP_CYCLE_YEARS = 8
"""29 February comes back within eight years, over the turn of a century too."""

_NUMBER = re.compile(
    r"(?P<sign>-?)(?:(?P<grouped>[1-9][0-9]{0,2}(?:[.,][0-9]{3})+)|(?P<plain>[0-9]+))(?:[.,](?P<fraction>[0-9]{1,2}))?"
)
_CURRENCY = re.compile(r"^(?:€|eur(?:o)?(?![a-z]))\s*|\s*(?:€|(?<![a-z])eur(?:o)?)$", re.IGNORECASE)
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_SHORT_DATE = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})(?:\2([0-9]{4}|[0-9]{2})|\.)?")
_ORDINAL = re.compile(r"([0-9]{1,2})([a-z]*)")
_YEAR = re.compile(r"[0-9]{4}|[0-9]{2}")
_TIME = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?\s*([a-z][a-z .']*)?")
_HALVES = {"am": 0, "pm": 12, "a m": 0, "p m": 12}
# Without what an address needs quotes for, and without `=?…?=`, which a header reads as other characters (RFC 2047).
_EMAIL_OTHER = r"\s\x00-\x1f\x7f-\x9f@<>()\[\]\\\",;:=?"
_EMAIL = re.compile(rf"[^{_EMAIL_OTHER}]+@[^{_EMAIL_OTHER}]+\.[^\W\d_][^{_EMAIL_OTHER}.]+")
_PHONE = re.compile(r"\+?[0-9(][0-9 ()./-]*[0-9]")


def read_number(text: str, language: str | None) -> int | Decimal | None:
    """A number in the language: digits with separators, `€` and `EUR` dropped, or a number word from nul to twintig.

    Whole numbers come as int, others as Decimal with the places the sender wrote.
    """
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= MAX_DIGITS else None
    word = load().language(language).numbers.get(" ".join(fold(text).split()))
    if word is not None:
        return word
    digits = _CURRENCY.sub("", _ascii_digits(text), count=1)
    found = _NUMBER.fullmatch(digits)
    if found is None or len(digits) > MAX_DIGITS:
        return None
    whole = found["sign"] + (found["plain"] or re.sub("[.,]", "", found["grouped"]))
    return int(whole) if found["fraction"] is None else Decimal(f"{whole}.{found['fraction']}")


def read_whole(text: str, language: str | None) -> int | None:
    """A whole number, for ranges: what is written with decimals does not fit."""
    value = read_number(text, language)
    return value if isinstance(value, int) else None


def read_date(text: str, today: date, language: str | None, market: str | None) -> date | None:
    """A date: ISO, `24-12`, `24/12/2026`, `24 december`, `1st of May`, `morgen`, a weekday (the next after today)."""
    pack = load().language(language)
    phrase = " ".join(fold(text).split())
    offset = pack.days.get(phrase)
    if offset is not None:
        return _later(today, offset)
    weekday = pack.weekdays.get(phrase)
    if weekday is not None:
        return _later(today, (weekday - today.weekday() - 1) % 7 + 1)
    written = _ascii_digits(text)
    if iso := _ISO_DATE.fullmatch(written):
        return _date(int(iso[1]), int(iso[2]), int(iso[3]))
    if short := _SHORT_DATE.fullmatch(written):
        first, second = int(short[1]), int(short[3])
        day, month = (second, first) if load().month_first(market, language) else (first, second)
        return _on(day, month, short[4], today)
    return _named_date(written, pack, today)


def _named_date(text: str, pack: Language, today: date) -> date | None:
    """`24 december`, `24-dec-2026`, `december 24 2026`, `the 1st of May`: a day and a month's name, then a year."""
    pieces = [fold(piece.strip(".,")) for piece in text.split() if piece.strip(".,")]
    if len(pieces) == 1:
        pieces = [fold(piece) for piece in text.split("-")]
    words = [piece for piece in pieces if piece not in pack.fillers]
    if not 2 <= len(words) <= 3 or (len(words) == 3 and not _YEAR.fullmatch(words[2])):
        return None
    first, second = (words[1], words[0]) if words[0] in pack.months else (words[0], words[1])
    month, day = pack.months.get(second), _ORDINAL.fullmatch(first)
    if month is None or day is None or (day[2] and day[2] not in pack.ordinals):
        return None
    return _on(int(day[1]), month, words[2] if len(words) == 3 else None, today)


def read_time(text: str, language: str | None) -> time | None:
    """A time of day: 9:30, 9.30, 14u, 14u30, 2pm, 9 uur. A bare number is none."""
    pack = load().language(language)
    written = _ascii_digits(text).lower()
    for unit in pack.hours:
        hour, found, minutes = written.partition(unit)
        if found and hour.isdigit() and minutes.isdigit() and len(minutes) == 2:
            return _time(hour, minutes, 0)
    found_time = _TIME.fullmatch(written)
    if found_time is None:
        return None
    hour, minutes, unit = found_time[1], found_time[2], " ".join(fold(found_time[3] or "").split())
    if unit in _HALVES:
        return _time(str(int(hour) % 12), minutes or "0", _HALVES[unit]) if 1 <= int(hour) <= 12 else None
    if (unit and unit not in pack.hours) or (not unit and minutes is None):
        return None
    return _time(hour, minutes or "0", 0)


def read_email(text: str) -> str | None:
    """An e-mail address, as spelled."""
    return text if len(text) <= MAX_EMAIL_CHARACTERS and _EMAIL.fullmatch(text) else None


def read_phone(text: str, market: str | None) -> str | None:
    """A telephone number that can exist, as E.164 with a plus; without a country code it is one of the market."""
    written = _ascii_digits(text)
    if not _PHONE.fullmatch(written) or not MIN_PHONE_DIGITS <= sum(map(str.isdigit, written)) <= MAX_PHONE_DIGITS:
        return None
    try:
        number = phonenumbers.parse(written, market)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def value_to_json(value: Value) -> Json:
    """One value as JSON can say it; `value_from_json` takes it back."""
    match value:
        case str() | int():
            return value
        case Decimal():
            return {"decimal": str(value)}
        case date():
            return {"date": value.isoformat()}
        case time():
            return {"time": value.isoformat()}
        case _:
            assert_never(value)


def value_from_json(stored: Json) -> Value:
    """The value that `value_to_json` wrote. Raises ValueError for what it never writes."""
    match stored:
        case str() | int():
            return stored
        case {"decimal": str(text)}:
            return Decimal(text)
        case {"date": str(text)}:
            return date.fromisoformat(text)
        case {"time": str(text)}:
            return time.fromisoformat(text)
        case _:
            raise ValueError(f"not a stored value: {stored!r}")


def values_to_json(values: Mapping[str, Value]) -> dict[str, Json]:
    """The captured values of a run, as they are stored while it is suspended."""
    return {name: value_to_json(value) for name, value in values.items()}


def values_from_json(stored: Mapping[str, Json]) -> dict[str, Value]:
    """The captured values of a stored run."""
    return {name: value_from_json(value) for name, value in stored.items()}


def _ascii_digits(text: str) -> str:
    """Any script's digits as 0-9; everything else as it was."""
    if text.isascii():
        return text
    return "".join(fold(character) if character.isdecimal() else character for character in text)


def _later(today: date, days: int) -> date | None:
    return today + timedelta(days) if (date.max - today).days >= days else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _on(day: int, month: int, year: str | None, today: date) -> date | None:
    if year is not None:
        full = int(year) if len(year) == 4 else today.year // 100 * 100 + int(year)
        if len(year) == 2 and full > today.year + LATE_CENTURY_YEARS:
            full -= 100
        return _date(full, month, day)
    for ahead in range(LEAP_CYCLE_YEARS + 1):
        found = _date(today.year + ahead, month, day)
        if found is not None and found >= today:
            return found
    return None


def _time(hour: str, minutes: str, later: int) -> time | None:
    try:
        return time(int(hour) + later, int(minutes))
    except ValueError:
        return None
