"""The life of an outbound message, as a table; what is not in it does not happen. The moves themselves are made by SQL
statements (`router.outbox`, `router.receipts`); tests run each of them from every state and hold it to the table.

`ready` waits for a slot; `claimed` is committed before a single octet goes out; `sent` has the centre's message id;
`unknown` was claimed and never answered for (the link died, the process ended). Receipts settle the rest: one may show
that a text which was to be sent once more has arrived (`ready` to `sent`; or to `unknown`, when only a part has). A
finished message stays finished: late, repeated and disordered receipts are normal (RELIABILITY.md 2.3).
"""

from __future__ import annotations

from typing import Literal as OneOf

from router.instants import DAY, SECOND
from router.plan import MessageClass

State = OneOf[
    "ready", "claimed", "sent", "unknown", "failed", "delivered", "undelivered", "cancelled", "withheld", "expired"
]

MOVES: dict[State, frozenset[State]] = {
    "ready": frozenset({"claimed", "cancelled", "failed", "sent", "unknown"}),
    "claimed": frozenset({"sent", "failed", "unknown", "ready"}),
    "unknown": frozenset({"ready", "sent", "delivered", "undelivered", "expired"}),
    "sent": frozenset({"delivered", "undelivered"}),
    "failed": frozenset(),
    "delivered": frozenset(),
    "undelivered": frozenset(),
    "cancelled": frozenset(),
    "withheld": frozenset(),
    "expired": frozenset(),
}

RESEND_AFTER = 30 * SECOND
"""How long an unanswered conversational reply waits for a receipt before it is sent once more."""
FORGET_AFTER = 3 * DAY
"""How long a receipt may still resolve an unknown outcome, and a stray receipt waits for its message."""
MOST_SENDS = 2
"""Times in all that a message may have reached the phone, as far as we know: tries that were refused do not count."""

_ONCE_MORE: frozenset[MessageClass] = frozenset({"conversational", "transactional", "otp", "operator"})


def after_unknown(message_class: MessageClass, sends: int, now: int) -> int:
    """When an unknown message is looked at again: soon where it may be sent once more, else when it expires.

    Confirmations of STOP, help and promotional texts go out at most once: they may be lost, never doubled.
    """
    return now + (RESEND_AFTER if may_resend(message_class, sends) else FORGET_AFTER)


def may_resend(message_class: MessageClass, sends: int) -> bool:
    """Whether a message of unknown outcome, which may have reached the phone so often, goes to the wire once more."""
    return message_class in _ONCE_MORE and sends < MOST_SENDS
