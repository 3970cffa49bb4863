"""What a contact lets a brand send, as a value, and what each event of consent does to it; pure.

`consents` holds one key for each thing agreed to: "promotional", "promotional/PROGRAMME", "transactional/REF". A
positive instant is since when it holds, a negative one when it was revoked. What a STOP for the whole brand took bears
the instant of `opted_out_at`, so that START gives back just that and nothing that was never there, or was revoked by
itself before (COMPLIANCE.md C6). Instants are microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal as OneOf
from typing import Protocol, assert_never

import msgspec

Action = OneOf["grant", "confirm", "revoke", "restore", "import", "erase"]
Method = OneOf["keyword", "web", "paper", "agent", "api", "voice", "import"]

_OWN_ACT: frozenset[Method] = frozenset({"keyword", "web", "voice"})
"""Ways in which the person asks to be written to again; a list or a form of the brand never undoes a STOP."""


class Standing(msgspec.Struct, frozen=True):
    """Where a contact stands with a brand: whether all is silenced, and each consent by its key."""

    opted_out_at: int | None = None
    consents: Mapping[str, int] = {}


NOTHING = Standing()


class Event(Protocol):
    """One event of consent, as far as the standing goes (`router.ledger.Record` has the rest).

    Without class, programme and reference it is about the whole brand. `pending`: asked for, not confirmed yet.
    """

    @property
    def action(self) -> Action: ...  # noqa: D102
    @property
    def method(self) -> Method: ...  # noqa: D102
    @property
    def message_class(self) -> str: ...  # noqa: D102
    @property
    def programme(self) -> str: ...  # noqa: D102
    @property
    def purpose_ref(self) -> str: ...  # noqa: D102
    @property
    def at(self) -> int: ...  # noqa: D102
    @property
    def pending(self) -> bool: ...  # noqa: D102


def key_of(message_class: str, within: str = "") -> str:
    """The key of a consent: a class, and the programme or reference that it is bound to."""
    return f"{message_class}/{within}" if within else message_class


def standing_at(events: Iterable[Event], at: int) -> Standing:
    """Where the contact stood at that instant, by the events up to it; those of one instant in the order given."""
    standing, told = NOTHING, list(events)
    for counts_at, event in sorted(zip(counted_at(told), told, strict=True), key=lambda one: one[0]):
        if counts_at <= at:
            standing = after(standing, event)
    return standing


def counted_at(events: Iterable[Event]) -> list[int]:
    """When each event counts, in the order in which they were written down. A consent that was brought in counts from
    the day it was given. What happened here counts no sooner than what had happened before it, whatever a clock that
    was set back, or that of another node, said of it."""
    found, latest = [], 0
    for event in events:
        latest = latest if event.action == "import" else max(latest, event.at)
        found.append(event.at if event.action == "import" else latest)
    return found


def after(standing: Standing, event: Event) -> Standing:
    """The standing once that has happened."""
    within = event.programme or event.purpose_ref
    match event.action:
        case "grant" | "confirm" if event.pending:
            return standing
        case "grant" | "confirm":
            return granted(standing, event.message_class, within, event.at, own_act=event.method in _OWN_ACT)
        case "import":
            return imported(standing, event.message_class, within, event.at)
        case "revoke":
            return revoked(standing, event.message_class, within, event.at)
        case "restore":
            return restored(standing, event.message_class, within, event.at)
        case "erase":
            return Standing(event.at if standing.opted_out_at is None else standing.opted_out_at)
        case _:
            assert_never(event.action)


def granted(standing: Standing, message_class: str, within: str, at: int, *, own_act: bool) -> Standing:
    """After a consent was given. By the person's own act it ends an opt-out, yet brings back nothing else."""
    if standing.opted_out_at is not None and not own_act:
        return standing
    key = key_of(message_class, within)
    since = max(standing.consents.get(key, 0), 0) or at
    return Standing(None, {**standing.consents, key: since})


def is_refused(standing: Standing, message_class: str, within: str) -> bool:
    """Whether the person has said no to that: nobody but the person takes it back."""
    keys = (message_class, key_of(message_class, within))
    return standing.opted_out_at is not None or any(standing.consents.get(key, 0) < 0 for key in keys)


def imported(standing: Standing, message_class: str, within: str, at: int) -> Standing:
    """After a consent with proof came from elsewhere: it never undoes what the person has revoked."""
    if is_refused(standing, message_class, within):
        return standing
    return granted(standing, message_class, within, at, own_act=False)


def revoked(standing: Standing, message_class: str, within: str, at: int) -> Standing:
    """After a STOP. Without a class and a programme it silences the whole brand; a programme alone is promotional."""
    consents = dict(standing.consents)
    if not message_class and not within:
        for key, since in consents.items():
            if since > 0 or -since == standing.opted_out_at:
                consents[key] = -at
        return Standing(at, consents)
    wanted, key = message_class or "promotional", key_of(message_class or "promotional", within)
    if within and consents.get(wanted, 0) > 0:
        consents.setdefault(key, at)  # it was agreed to with its whole class, and is now left out of it
    for one, since in consents.items():
        if since > 0 and _covers(key, one):
            consents[one] = -at
    return Standing(standing.opted_out_at, consents)


def restored(standing: Standing, message_class: str, within: str, at: int) -> Standing:
    """After START: what the last STOP of that scope took is back, and nothing else."""
    key = key_of(message_class or "promotional", within) if message_class or within else ""
    taken = {one: -since for one, since in standing.consents.items() if since < 0 and _covers(key, one)}
    last = standing.opted_out_at
    if not key and last is None:
        last = max(taken.values(), default=0)
    back = {one: at for one, then in taken.items() if key or then == last}
    if key and not back:
        return standing
    return Standing(None, {**standing.consents, **back})


def _covers(scope: str, key: str) -> bool:
    return not scope or key == scope or key.startswith(scope + "/")
