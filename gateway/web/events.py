"""An event as a shop's system sends it, read and judged before anything is kept of it.

`{"contact": "+31612345678", "name": "order_placed", "values": {"total": 12.5}, "ref": "o-1", "at": "…", "key": "…"}`.
`attributes` are what the brand's rules declare of a contact. Names of events and values that no rule asks for are
taken: rules change. What is wrong is told in a sentence that says what would be right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from gateway.web.attributes import NotAnAttribute, attributes_of
from router.instants import DAY
from router.messages import Occurrence
from rules.facts import Value, read_phone
from rules.times import microseconds

LONGEST_LINE = 16_384
"""Octets of one event: fifty values of a few hundred characters."""
MOST_VALUES = 50
LONGEST_NAME = 64
LONGEST_VALUE = 1_000
"""Characters of a value: a text of seven segments, which nobody would put into a text."""
LONGEST_REF = 200
MOST_DIGITS = 30
"""Digits of a number, as rules read them."""
AHEAD = DAY
"""How far ahead of our clock an event may be: a shop's clock that is off, or a time without its zone. It counts as now;
what is later was not meant to be told yet."""
EARLIEST = microseconds(datetime(2000, 1, 1, tzinfo=UTC))
SAID_BY_US = frozenset({"voucher_redeemed", "opt_out"})
"""Names that kwek itself says."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KNOWN = ("contact", "name", "values", "attributes", "ref", "at", "key")
NONE_DECLARED: Mapping[str, str] = {}
"""Attributes of a brand without rules."""


class Refused(msgspec.Struct, frozen=True):
    """Why an event is not taken: a status of HTTP, and a sentence."""

    status: int
    title: str
    detail: str


class _Wrong(Exception):
    """What is wrong with an event, in a sentence."""


def read_event(
    octets: bytes, brand: str, new_id: int, now: int, key: str = "", declared: Mapping[str, str] = NONE_DECLARED
) -> Occurrence | Refused:  # fmt: skip
    """One event of a brand. `key`: what the request's header says of it; `declared`: the kinds of the attributes that
    the brand's rules know."""
    if len(octets) > LONGEST_LINE:
        return Refused(413, "Too large", f"an event has at most {LONGEST_LINE} octets; this has {len(octets)}")
    try:
        found = read_json(octets)
    except ValueError as fault:
        return Refused(400, "Not JSON", str(fault))
    try:
        event = _event(found, brand, new_id, now, key)
        learnt = attributes_of(found.get("attributes", {}), declared)
        return msgspec.structs.replace(event, attributes=learnt) if learnt else event
    except (_Wrong, NotAnAttribute) as wrong:
        return Refused(422, "Not an event", str(wrong))


def read_json(octets: bytes) -> dict[str, Any]:
    """A JSON object; numbers with a fraction as Decimal. Raises ValueError with a sentence."""
    try:
        found = json.loads(
            octets.decode("utf-8"), parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_once
        )
    except UnicodeDecodeError:
        raise ValueError("JSON is UTF-8, and this is not") from None
    except RecursionError:
        raise ValueError("this is nested too deeply") from None
    except ArithmeticError:  # an exponent that no Decimal has
        raise ValueError(f"a number is out of range: write it with at most {MOST_DIGITS} digits") from None
    except json.JSONDecodeError as fault:
        raise ValueError(f"this is not JSON: {fault.msg.lower()} at character {fault.pos + 1}") from None
    if not isinstance(found, dict):
        raise ValueError("this is JSON, but not an object: write {…}")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _event(found: Mapping[str, Any], brand: str, new_id: int, now: int, header: str) -> Occurrence:
    for name in found:
        if name not in _KNOWN:
            raise _Wrong(f"`{name[:LONGEST_NAME]}` is no part of an event; those are {', '.join(_KNOWN)}")
    key = text_of(found, "key")
    if header and key and header != key:
        raise _Wrong("the header Idempotency-Key and `key` differ; give one of them")
    return Occurrence(
        id=new_id, brand=brand, address=phone_of(found.get("contact")), name=_name(found.get("name")), source="api",
        values=_values(found.get("values", {})), ref=text_of(found, "ref"), at=_at(found.get("at"), now),
        received_at=now,
        key=key or header,
    )  # fmt: skip


def text_of(found: Mapping[str, Any], name: str) -> str:
    """A short text that may be left out. Raises an exception whose message is a sentence."""
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not is_plain(value) or len(value) > LONGEST_REF:
        raise _Wrong(f"`{name}` is a text of at most {LONGEST_REF} characters, without control characters")
    return value


def is_plain(text: str) -> bool:
    """Whether a text can be kept and shown: no control characters but tab and line feed, no half characters."""
    return not any((one < " " and one not in "\t\n") or one == "\x7f" or "\ud800" <= one <= "\udfff" for one in text)


def phone_of(value: Any) -> str:
    """Digits of a phone's number. Raises an exception whose message is a sentence."""
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise _Wrong('`contact` is a phone\'s number with its country, as a text: "+31612345678"')
    written = value.strip()
    if written.startswith("00"):
        written = f"+{written[2:]}"
    elif not written.startswith("+"):
        written = f"+{written}"
    phone = read_phone(written, None)
    if phone is None:
        raise _Wrong(f'{value!r} is no phone\'s number; write it with its country: "+31612345678"')
    return phone.removeprefix("+")


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not _NAME.fullmatch(value):
        raise _Wrong(
            f"`name` is the event's name as rules write it: small letters, digits and _, at most {LONGEST_NAME}, "
            "for example order_placed"
        )
    if value in SAID_BY_US:
        raise _Wrong(f"`{value}` is said by kwek itself, when it happens; call yours otherwise")
    return value


def _values(found: Any) -> dict[str, Value]:
    if not isinstance(found, dict):
        raise _Wrong('`values` is an object of names and values: {"total": 12.5}')
    if len(found) > MOST_VALUES:
        raise _Wrong(f"an event has at most {MOST_VALUES} values; this has {len(found)}")
    values: dict[str, Value] = {}
    for name, value in found.items():
        if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
            raise _Wrong(f"{name[:LONGEST_NAME]!r} is no name of a value: small letters, digits and _")
        if value is not None:
            values[name] = _value(name, value)
    return values


def _value(name: str, value: Any) -> Value:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if len(str(abs(value))) <= MOST_DIGITS:
            return value
        case Decimal() if value.is_finite() and abs(value.adjusted()) < MOST_DIGITS:
            plain = f"{value:f}"
            if len(plain) <= 2 * MOST_DIGITS:
                return Decimal(plain)
        case str() if len(value) <= LONGEST_VALUE and is_plain(value):
            return value
        case str():
            raise _Wrong(f"`{name}` is longer than {LONGEST_VALUE} characters, or has control characters")
        case list() | dict():
            raise _Wrong(f"`{name}` holds several values; values are flat: a text, a number, true or false")
    raise _Wrong(f"`{name}` is a number of more than {MOST_DIGITS} digits; send it as a text")


def _at(value: Any, now: int) -> int:
    if value is None:
        return now
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _Wrong("`at` is a moment with its zone (RFC 3339): 2026-05-01T21:30:00+02:00")
    at = _instant(moment)
    if at is None or at < EARLIEST:
        raise _Wrong("`at` is before the year 2000")
    if at > now + AHEAD:
        raise _Wrong(
            "`at` is more than a day ahead of this gateway's clock; tell of an event when it has happened, "
            "and let a rule wait"
        )
    return min(at, now)


def _instant(moment: datetime) -> int | None:
    try:
        return microseconds(moment.astimezone(UTC))
    except OverflowError:
        return None
