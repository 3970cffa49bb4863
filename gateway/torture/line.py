"""One promise of the ledger, and the figures by which it is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

AT_MOST_ONCE = frozenset({"stop_confirmation", "start_confirmation", "help", "promotional"})
"""Classes that may be lost at a crash and are never doubled (RELIABILITY.md 2.3)."""
DESPITE_STOP = frozenset({"help", "operator"})
"""Classes that answer a text of the phone itself, after its STOP too; the one confirmation is counted apart."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway was set up with, and how exactly the centre can tell. Durations in seconds.

    `window` slots of a link; `stop_slack_s` between the arrival of STOP's answer and of what left before it (2.0: 50 ms
    on the loopback, 0 in the simulation); `proof_s` after which an answer that was read is proven by a fence that is on
    disk (20 ms until it is sent, 1 s until it is flushed); `settle_s` within which an outcome that was read is on disk;
    `peer_response_s` after which the centre asks again, and the gateway takes an equal text for the same;
    `crossing_s` in which an answer and a re-send pass one another; `redelivery_s` for which doubt is kept;
    `late_s` by which something that is due may be late. `resident_more` octets and `descriptors_more` are what a
    process may use above its first sample; `lives` is how often an unknown outcome may go to the wire in all.
    """

    window: int = 50
    stop_slack_s: float = 0.05
    proof_s: float = 1.5
    settle_s: float = 1.0
    peer_response_s: float = 10.0
    crossing_s: float = 0.05
    redelivery_s: float = 3600.0
    late_s: float = 5.0
    resident_more: int = 64 << 20
    descriptors_more: int = 8
    lives: int = 2


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A promise: how often it was not kept to the letter, how often the journal says that it need not be, and a
    sentence for each time that is beyond. `figures` say more about the run."""

    name: str
    promise: str
    count: int = 0
    allowed: int = 0
    findings: tuple[str, ...] = ()
    figures: Mapping[str, int] = {}


def shown(key: Sequence[str]) -> str:
    """A text's key, in a sentence."""
    text = key[2] if len(key[2]) <= 40 else key[2][:37] + "…"
    return f"{text!r} from {key[0]} to {key[1]}"
