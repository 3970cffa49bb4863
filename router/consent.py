"""The one gate: whether a text may go out to a contact now. `perform` asks it under the contact's lock, and so does
every later claim; there is no other way to the wire.

The answer is a reason code, empty for yes: each no is recorded with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from router import standing
from router.instants import HOUR, MINUTE
from router.messages import Profile, Thread
from router.plan import OPERATOR, Consent, MessageClass
from router.standing import Standing

CONVERSATION_WINDOW = 24 * HOUR
"""A conversational text may be sent within this time of the contact's last text (LANGUAGE: classes and consent)."""
LOOP_WINDOW = MINUTE
LOOP_REPLIES = 10
"""Automatic answers to one contact on one number within LOOP_WINDOW: more means two machines talk to each other."""
SHORTEST_PHONE = 7
"""Digits of the shortest number a person can have (E.164 leaves it to countries; below are short codes)."""

_DESPITE_STOP: frozenset[MessageClass] = frozenset({"stop_confirmation", "confirmation", "help", "operator", "otp"})
"""Answers to a text of somebody who is opted out: STOP's own, HELP's, the operator's, the question whether he means to
opt in anew; and the code that he has just asked for."""
CODE_LIFE = 5 * MINUTE
"""How long after it was asked for a code may go out; the centre is told the same."""
CONFIRMATION_LIFE = 5 * MINUTE
"""How long after a STOP its confirmation may go out (COMPLIANCE.md C4): later it is a text that nobody asked for. The
centre is told the same."""


def may_send(
    message_class: MessageClass, profile: Profile | None, thread: Thread, now: int, purpose: str = ""
) -> str:  # fmt: skip
    """Why a text of that class may not go out now; empty when it may.

    `profile` is the contact's standing with the brand that speaks (None: nobody's brand), `thread` the conversation on
    the number, `purpose` the programme or transaction that a consent must be on record for.
    """
    if profile is not None and profile.opted_out_at is not None and message_class not in _DESPITE_STOP:
        return "opted_out"
    if message_class in ("promotional", "transactional"):
        return _unasked(message_class, profile, now, purpose)
    if message_class == "otp":
        return ""
    if message_class == "conversational" and now - (thread.last_in_at or 0) > CONVERSATION_WINDOW:
        return "no_recent_text"
    if message_class != "stop_confirmation" and replies_within(thread, now) >= LOOP_REPLIES:
        return "loop_guard"
    return ""


def _unasked(message_class: MessageClass, profile: Profile | None, now: int, purpose: str) -> str:
    """Texts that nobody wrote for at this moment need a consent."""
    if profile is None or not allows(profile, message_class, purpose):
        return f"no_consent({message_class})"
    if message_class == "promotional" and profile.hold_until is not None and now < profile.hold_until:
        return "held_for_review"
    return ""


def allows(profile: Profile, message_class: MessageClass, purpose: str) -> bool:
    """Whether a consent for the class is on record: for that programme or transaction, or the brand's own. Who has left
    one programme is not written to for it, whatever else he has agreed to (COMPLIANCE.md C10)."""
    own = profile.consents.get(f"{message_class}/{purpose}", 0) if purpose else 0
    return own > 0 or (own == 0 and profile.consents.get(message_class, 0) > 0)


def is_allowed(profile: Profile, message_class: str) -> bool:
    """Whether texts of a class are allowed at all, for whatever programme or transaction."""
    return profile.opted_out_at is None and any(
        since > 0 and name.partition("/")[0] == message_class for name, since in profile.consents.items()
    )


def changed(profile: Profile, told: Consent, now: int) -> Profile:
    """The standing after a consent was given or taken back; one that waits for its confirmation changes nothing."""
    if told.pending:
        return profile
    before = Standing(profile.opted_out_at, profile.consents)
    if told.action == "revoke":
        return stood(profile, standing.revoked(before, told.message_class, told.purpose, now))
    own_act = told.method in ("keyword", "web")
    return stood(profile, standing.granted(before, told.message_class, told.purpose, now, own_act=own_act))


def silenced(profile: Profile, now: int) -> Profile:
    """The standing after a STOP to the brand."""
    return stood(profile, standing.revoked(Standing(profile.opted_out_at, profile.consents), "", "", now))


def unsilenced(profile: Profile, now: int) -> Profile:
    """The standing after an opt-in word: what the last STOP took is back."""
    return stood(profile, standing.restored(Standing(profile.opted_out_at, profile.consents), "", "", now))


def stood(profile: Profile, stands: Standing) -> Profile:
    """The profile with another standing."""
    return msgspec.structs.replace(profile, opted_out_at=stands.opted_out_at, consents=stands.consents)


def is_overtaken(message_class: MessageClass, created_at: int, opted_out_at: int | None) -> bool:
    """Whether a text that waits was written before the contact's STOP: only STOP's own confirmation outlives it."""
    return opted_out_at is not None and created_at < opted_out_at and message_class != "stop_confirmation"


class Written(NamedTuple):
    """A text that was written down and waits: its class, when that was, whose it is and for which purpose."""

    message_class: MessageClass
    created_at: int
    brand: str | None
    purpose: str = ""


def may_still_send(text: Written, profiles: Mapping[str, Profile], thread: Thread, now: int) -> str:
    """Why a text that was written down and has waited since may not go out now; empty when it may.

    The loop guard counted it when it was written down: it is not asked again. A text without a brand is only ended by
    a STOP that came after it.
    """
    profile = profiles.get(text.brand or OPERATOR)
    opted_out_at = None if profile is None else profile.opted_out_at
    if is_overtaken(text.message_class, text.created_at, opted_out_at):
        return "opted_out"
    if text.message_class == "otp" and now - text.created_at > CODE_LIFE:
        return "code_expired"
    if text.message_class == "stop_confirmation" and now - text.created_at > CONFIRMATION_LIFE:
        return "too_late"
    calm = msgspec.structs.replace(thread, replies=0)
    return may_send(text.message_class, profile if text.brand else None, calm, now, text.purpose)


def replies_within(thread: Thread, now: int) -> int:
    """Automatic answers in the running window of the loop guard; none in one that a clock set wrong has begun."""
    return thread.replies if abs(now - thread.replies_since) < LOOP_WINDOW else 0


def answered(thread: Thread, now: int) -> Thread:
    """The thread after one more answer of ours."""
    count = replies_within(thread, now)
    since = thread.replies_since if count else now
    return Thread(thread.last_brand, thread.last_in_at, now, count + 1, since, thread.last_id)


def is_phone(address: str) -> bool:
    """Whether an address can be a person's: alphanumeric senders and short codes get no automatic answer."""
    return len(address) >= SHORTEST_PHONE and address.isascii() and address.isdigit()
