"""What time asks of a session (SMPP 3.4 §7.2): one function from what is known to what is to be done.

Session-init: a connection that is not bound in time is closed. Enquire-link: after silence we ask; silence behind that
question is death, whatever is outstanding. Response: a late answer is never a reason to send the message again on a
live link (it may be on the wire); we ask whether the link lives, and wait once more as long; then the link is given up
and the outcome is unknown. Inactivity: a link on which nothing but enquire_link moves may be unbound.

Instants and durations are monotonic seconds. A tick that comes late (a frozen process) does not kill: waiting counts
from the question, not from the instant at which it should have been asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a session. Durations in seconds, sizes in octets or PDUs."""

    window: int = 10  # requests of ours without an answer; §2.9 suggests at most 10
    session_init_s: float = 10.0  # from the connection to the bind
    enquire_link_s: float = 30.0  # silence before we ask
    enquire_answer_s: float = 30.0  # silence behind the question before the link is dead
    response_s: float = 60.0  # for an answer, and once more as long before the link is given up
    inactivity_s: float | None = None  # without messages either way before we unbind; None: never
    max_pdu_octets: int = 70_000  # message_payload may be 65,535 octets, with a few hundred around it
    nack_budget: int = 100  # PDUs that had to be refused, less those that were fine, before we close


class Due(Enum):
    """What is to be done now."""

    NOTHING = "nothing"
    PROBE = "send enquire_link"
    UNBIND = "unbind: the link is idle"
    NOT_BOUND = "not bound in time"
    SILENT = "no answer to enquire_link"
    UNANSWERED = "a request stayed unanswered for twice the response timer"


class Timers:
    """The clocks of one session. The session sets the instants as things happen."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.opened_at = now
        self.heard_at = now
        self.active_at = now  # a message or an answer, either way
        self.asked_at: float | None = None  # our enquire_link, while nothing at all was heard since
        self.late_at = now  # when we last noticed a late answer

    def due(self, now: float, bound: bool, answer_by: float | None) -> Due:
        """What `now` asks for; `answer_by` is when the oldest request in the window is late."""
        limits = self.limits
        if not bound:
            return Due.NOT_BOUND if now >= self.opened_at + limits.session_init_s else Due.NOTHING
        if self.asked_at is not None and now >= self.asked_at + limits.enquire_answer_s:
            return Due.SILENT
        ask = False
        if answer_by is not None and now >= answer_by:
            if self.late_at < answer_by:
                self.late_at = now
                ask = True
            elif now >= self.late_at + limits.response_s:
                return Due.UNANSWERED
        if limits.inactivity_s is not None and now >= self.active_at + limits.inactivity_s:
            return Due.UNBIND
        ask = ask or now >= self.heard_at + limits.enquire_link_s
        return Due.PROBE if ask and self.asked_at is None else Due.NOTHING

    def next_at(self, bound: bool, answer_by: float | None) -> float:
        """The next instant at which `due` may ask for something."""
        limits = self.limits
        if not bound:
            return self.opened_at + limits.session_init_s
        if self.asked_at is not None:
            at = self.asked_at + limits.enquire_answer_s
        else:
            at = self.heard_at + limits.enquire_link_s
        if answer_by is not None:
            noticed = self.late_at >= answer_by
            at = min(at, self.late_at + limits.response_s if noticed else answer_by)
        if limits.inactivity_s is not None:
            at = min(at, self.active_at + limits.inactivity_s)
        return at
