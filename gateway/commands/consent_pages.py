"""How consents are shown: for people as a page, for programs as JSON. Instants are in ISO 8601, UTC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.commands.output import counted
from router.consent_views import BrandView, Event

if TYPE_CHECKING:
    from router.consent_import import Told
    from router.ledger_verify import Chain
    from router.standing import Standing

_TOLD_BY_OTHERS = ("contact_id", "msisdn", "brand", "at", "recorded_at", "action")
"""Fields of a record that the page shows elsewhere."""
_INSTANTS = ("at", "recorded_at", "since", "due_at")
_JSON = ("tags", "attributes", "frames", "variables", "value", "consents", "values")
"""Columns that hold JSON."""
MOST_LINES = 50
"""Refused rows that a page lists; JSON lists them all."""


def instant(at: int) -> str:
    """An instant in microseconds since 1970; one that no calendar has (somebody wrote it there) as it stands."""
    try:
        return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return f"{at} us"


def view_as_json(view: BrandView, number: str, at: int) -> dict[str, Any]:
    """One brand's standing and proof for programs."""
    return {
        "number": number,
        "brand": view.brand,
        "at": instant(at),
        "opted_out_at": _maybe(view.standing.opted_out_at),
        "consents": {key: _consent(since) for key, since in view.standing.consents.items()},
        "silenced_now_since": _maybe(view.silenced_at),
        "consents_now": {key: _consent(since) for key, since in view.current.consents.items()},
        "held_for_review_until": _maybe(None if view.profile is None else view.profile.hold_until),
        "ledger_differs": view.differs,
        "erased_and_suppressed_since": _maybe(view.suppressed_since),
        "events": [event_as_json(event) for event in view.events],
    }


def event_as_json(event: Event) -> dict[str, Any]:
    """A row of the ledger, with all that is needed to reckon its hash again."""
    told: dict[str, Any] = {}
    if event.record is not None:
        told = msgspec.to_builtins(event.record)
        for name in ("at", "recorded_at"):
            told[name] = instant(told.get(name, 0))
    return told | {
        "position": event.entry.position,
        "id": event.entry.id,
        "salt": (event.entry.salt or b"").hex(),
        "committed_to": event.committed_to,
        "commitment": event.entry.commitment.hex(),
        "hash": event.entry.hash.hex(),
        "is_what_was_committed_to": event.is_proved,
    }


def view_as_page(view: BrandView, number: str, at: int) -> Iterator[str]:
    """The same for people, with what each event was shown and said by."""
    yield f"{number} and {view.brand or 'the operator'}, as it stood at {instant(at)}"
    yield from _standing(view)
    if not view.events:
        yield "  The ledger tells of no event up to then."
    for event in view.events:
        yield ""
        yield from event_as_page(event)


def _standing(view: BrandView) -> Iterator[str]:
    if view.suppressed_since is not None:
        yield f"  Erased: the brand may not write to it, since {instant(view.suppressed_since)}."
    yield from _stands(view.standing)
    if view.profile is not None and view.current != view.standing:
        yield "  What the gateway goes by now:"
        yield from (f"  {line}" for line in _stands(view.current))
    if view.profile is not None and view.profile.hold_until is not None:
        yield f"  A text of it waits to be read: nothing promotional until {instant(view.profile.hold_until)}."
    if view.differs:
        yield "  THE LEDGER COMES TO SOMETHING ELSE than the gateway goes by: report it, and trust neither."


def _stands(standing: Standing) -> Iterator[str]:
    if standing.opted_out_at is not None:
        yield f"  Opted out of everything since {instant(standing.opted_out_at)}."
    for key, since in sorted(standing.consents.items()):
        yield f"  {key}: {'consented' if since > 0 else 'revoked'} since {instant(abs(since))}."
    if not standing.consents:
        yield "  No consent on record."


def event_as_page(event: Event) -> Iterator[str]:
    """One event: when, what, by which text or page, the wording, and its place in the chain."""
    record, entry = event.record, event.entry
    if record is None:
        yield f"{entry.position}. CANNOT BE READ: {entry.details}"
        yield from _chained(event)
        return
    scope = "/".join(filter(None, (record.message_class, record.programme or record.purpose_ref))) or "everything"
    waits = ", waiting for its confirmation" if record.pending else ""
    yield f"{entry.position}. {instant(record.at)}  {record.action} of {scope} by {record.method}{waits}"
    told = {name: value for name, value in msgspec.to_builtins(record).items() if name not in _TOLD_BY_OTHERS}
    for name in ("message_class", "programme", "purpose_ref", "pending", "method"):
        told.pop(name, None)
    for name, value in told.items():
        yield f"     {name.replace('_', ' ')}: {value}"
    yield f"     recorded: {instant(record.recorded_at)}, id {entry.id}"
    yield from _chained(event)


def _chained(event: Event) -> Iterator[str]:
    entry = event.entry
    yield f"     salt: {(entry.salt or b'').hex()}"
    yield f"     commitment: {entry.commitment.hex()}" + ("" if event.is_proved else "  NOT WHAT IS TOLD HERE")
    yield f"     chain hash: {entry.hash.hex()}"


def tampered(views: Sequence[BrandView]) -> list[str]:
    """What is to be said of rows that tell something else than was committed to."""
    rows = [(view.brand, event.entry.position) for view in views for event in view.events if not event.is_proved]
    return [f"row {position} of {brand or 'the operator'} is not what was committed to" for brand, position in rows]


def row_as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table: octets in hexadecimal, instants in ISO 8601, columns of JSON as what they hold."""
    return {name: _plain(name, value) for name, value in row.items() if value is not None}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and (name.endswith("_at") or name in _INSTANTS):
        return instant(value)
    return msgspec.json.decode(value) if name in _JSON and isinstance(value, str) else value


def chain_as_json(chain: Chain) -> dict[str, Any]:
    """What a brand's chain came to; kept, it is an anchor for a later proof."""
    told = {"brand": chain.brand, "position": chain.position, "hash": chain.hash, "erased": chain.erased}
    return told | ({} if chain.broken_at is None else {"broken_at": chain.broken_at, "why": chain.why})


def chain_as_line(chain: Chain) -> str:
    """The same for people."""
    name = chain.brand or "(the operator)"
    if chain.broken_at is not None:
        return f"{name}: BROKEN at row {chain.broken_at}: {chain.why}; {counted(chain.position, 'row')} before it hold"
    return f"{name}: {counted(chain.position, 'row')} hold, {chain.erased} of them erased; the last is {chain.hash}"


def report_as_page(outcomes: Mapping[str, int], refused: Sequence[Told], seconds: float) -> Iterator[str]:
    """What became of a file's rows: how many of each outcome, and the refused ones by line."""
    rows = sum(outcomes.values())
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if count)
    yield f"{counted(rows, 'row')} in {seconds:.1f} s: {told or 'none'}"
    for one in refused[:MOST_LINES]:
        yield f"line {one.line}: {one.outcome}" + (f": {one.why}" if one.why else "")
    if len(refused) > MOST_LINES:
        yield f"… and {len(refused) - MOST_LINES} more refused; --format json lists them all"


def _maybe(at: int | None) -> str | None:
    return None if at is None else instant(at)


def _consent(since: int) -> dict[str, str]:
    return {"state": "consented" if since > 0 else "revoked", "since": instant(abs(since))}
