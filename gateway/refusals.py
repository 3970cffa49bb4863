"""What follows a refused submit_sm: another try, a pause of the whole connector, or the end.

The standard's codes (SMPP 3.4 §5.1.3) in one table; a connector's `retry` setting overrides it by command_status.
"""

from __future__ import annotations

from config.values import Refusal, Refusals
from router.instants import HOUR, SECOND
from smpp import constants as c

STANDARD: dict[int, Refusal] = {
    c.ESME_RTHROTTLED: "pause",
    c.ESME_RMSGQFUL: "pause",
    c.ESME_RSYSERR: "retry",
    c.ESME_RX_T_APPN: "retry",
    c.ESME_RX_R_APPN: "fail",
    c.ESME_RX_P_APPN: "fail",
}
"""Every other status is about the message itself: sending it again would be refused again."""

FIRST_RETRY = 5 * SECOND
LONGEST_RETRY = HOUR
MOST_TRIES = 12
"""Tries of a message that is refused for a passing fault: with doubling waits the last is some 2.5 hours after the
first. Pauses do not count: a centre that asks us to wait does not say that it will not take the message."""
MOST_HANDINGS = 4
"""Tries of a message that cannot be handed over for a reason of our own which nobody foresaw."""


def follows(command_status: int, own: Refusals) -> Refusal:
    """What follows that status at a connector with these settings of its own."""
    return own.get(command_status) or STANDARD.get(command_status, "fail")


def retry_after(tries: int) -> int:
    """Microseconds until the next try, after so many."""
    return min(LONGEST_RETRY, FIRST_RETRY << max(0, tries - 1))
