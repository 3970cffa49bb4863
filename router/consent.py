"""The one gate: whether a text may go out to a contact now. `perform` asks it under the contact's lock, and so does
every later claim; there is no other way to the wire.

The answer is a reason code, empty for yes: each no is recorded with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from router.instants import HOUR, MINUTE
from router.messages import Profile, Thread
from router.plan import OPERATOR, MessageClass

CONVERSATION_WINDOW = 24 * HOUR
"""A conversational text may be sent within this time of the contact's last text (LANGUAGE: classes and consent)."""
LOOP_WINDOW = MINUTE
LOOP_REPLIES = 10
"""Automatic answers to one contact on one number within LOOP_WINDOW: more means two machines talk to each other."""
SHORTEST_PHONE = 7
"""Digits of the shortest number a person can have (E.164 leaves it to countries; below are short codes)."""

_DESPITE_STOP: frozenset[MessageClass] = frozenset({"stop_confirmation", "help", "operator"})


def may_send(message_class: MessageClass, opted_out_at: int | None, thread: Thread, now: int) -> str:
    """Why a text of that class may not go out now; empty when it may.

    `opted_out_at` is the contact's standing with the brand that speaks, `thread` the conversation on the number.
    """
    if opted_out_at is not None and message_class not in _DESPITE_STOP:
        return "opted_out"
    if message_class == "conversational" and now - (thread.last_in_at or 0) > CONVERSATION_WINDOW:
        return "no_recent_text"
    if message_class in ("promotional", "transactional"):
        return f"no_consent({message_class})"
    if message_class != "stop_confirmation" and replies_within(thread, now) >= LOOP_REPLIES:
        return "loop_guard"
    return ""


def is_overtaken(message_class: MessageClass, created_at: int, opted_out_at: int | None) -> bool:
    """Whether a text that waits was written before the contact's STOP: only STOP's own confirmation outlives it."""
    return opted_out_at is not None and created_at < opted_out_at and message_class != "stop_confirmation"


def may_still_send(
    message_class: MessageClass, created_at: int, brand: str | None, profiles: Mapping[str, Profile], thread: Thread,
    now: int,
) -> str:  # fmt: skip
    """Why a text that was written down then and has waited since may not go out now; empty when it may.

    The loop guard counted it when it was written down: it is not asked again. A text without a brand is only ended by
    a STOP that came after it.
    """
    profile = profiles.get(brand or OPERATOR)
    opted_out_at = None if profile is None else profile.opted_out_at
    if is_overtaken(message_class, created_at, opted_out_at):
        return "opted_out"
    calm = msgspec.structs.replace(thread, replies=0)
    return may_send(message_class, opted_out_at if brand else None, calm, now)


def replies_within(thread: Thread, now: int) -> int:
    """Automatic answers in the running window of the loop guard."""
    return thread.replies if now - thread.replies_since < LOOP_WINDOW else 0


def answered(thread: Thread, now: int) -> Thread:
    """The thread after one more answer of ours."""
    count = replies_within(thread, now)
    since = thread.replies_since if count else now
    return Thread(thread.last_brand, thread.last_in_at, now, count + 1, since, thread.last_id)


def is_phone(address: str) -> bool:
    """Whether an address can be a person's: alphanumeric senders and short codes get no automatic answer."""
    return len(address) >= SHORTEST_PHONE and address.isascii() and address.isdigit()
