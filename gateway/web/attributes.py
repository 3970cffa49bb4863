"""Attributes of a contact as a shop's system sends them: JSON becomes what the brand's rules declare, or a sentence
says what would be right.

Nothing is guessed, for it is a program that writes them: a date is ISO 8601, a number a number, a phone's has its
country.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from rules.facts import Value, read_email, read_phone

LONGEST_TEXT = 1_000
"""Characters of a text: more than any message of ours could say."""
MOST = 50
"""Attributes of one event."""
MOST_DIGITS = 30
EXAMPLES: Mapping[str, str] = {
    "text": '"Breda"', "word": '"Breda"', "number": "12.5", "date": '"2026-05-01"', "time": '"09:30"',
    "email": '"jan@example.org"', "phone": '"+31612345678"',
}  # fmt: skip


class NotAnAttribute(ValueError):
    """What is wrong, in a sentence."""


def attributes_of(found: Any, declared: Mapping[str, str]) -> dict[str, Value]:
    """The values of an object, by the kinds that a brand's rules declare. Raises NotAnAttribute."""
    if not isinstance(found, dict):
        raise NotAnAttribute('`attributes` is an object of names and values: {"stad": "Breda"}')
    if len(found) > MOST:
        raise NotAnAttribute(f"an event has at most {MOST} attributes; this has {len(found)}")
    read: dict[str, Value] = {}
    for name, value in found.items():
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise NotAnAttribute(f"the brand's rules declare no contact.{name[:50]}; they declare {known}")
        if value is not None:
            taken = _read(value, declared[name])
            if taken is None:
                raise NotAnAttribute(f"contact.{name} is a {declared[name]}: write it as {EXAMPLES[declared[name]]}")
            read[name] = taken
    return read


def _read(value: Any, kind: str) -> Value | None:
    if kind == "number":
        return _number(value)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or not _is_plain(value):
        return None
    match kind:
        case "date":
            return _iso(date.fromisoformat, value)
        case "time":
            return _iso(time.fromisoformat, value)
        case "email":
            return read_email(value)
        case "phone":
            return read_phone(value, None)
        case "word":
            return value if len(value.split()) == 1 else None
        case _:
            return value


def _number(value: Any) -> Value | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite() or len(number.as_tuple().digits) > MOST_DIGITS or abs(number.adjusted()) > MOST_DIGITS:
        return None
    return int(number) if number == number.to_integral_value() else number


def _iso(read: Any, value: str) -> Value | None:
    try:
        found: Value = read(value)
    except ValueError:
        return None
    return None if isinstance(found, time) and found.tzinfo is not None else found


def _is_plain(text: str) -> bool:
    return text.isprintable()
