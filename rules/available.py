"""What this version's engine runs. A construct without an engine is an error, never accepted and ignored.

This table is the one place that says so: when an engine comes, its line turns True (or goes). Names and types in a
construct are checked all the same, so that a file is right on the day its constructs run.
"""

from __future__ import annotations

from collections.abc import Iterator

from rules import syntax as s

AVAILABLE = {
    # settings of a brand
    # declarations
    "desk": False,
    "service": False,
    # actions
    "escalate": False,
    "fetch": False,
    "notify": False,
    "charge": False,
    "forward": False,
    # conditions and values
    # placeholders of texts
    "{ticket}": False,
    "{price}": False,
    # lines of a test
    "given service": False,
    "test: agent": False,
    "test: ticket": False,
    "test: charge": False,
    "test: notify": False,
}
"""Constructs that have no engine yet; what is not named here runs."""

_BY_TYPE: dict[type, str] = {
    s.Desk: "desk",
    s.Service: "service",
    s.Voucher: "voucher",
    s.Segment: "segment",
    s.On: "on",
    s.Drip: "drip",
    s.Send: "send",
    s.WaitBefore: "wait until … before",
    s.WaitForEvent: "wait for event",
    s.OptIn: "opt in",
    s.OptOut: "opt out",
    s.Start: "start",
    s.Finish: "finish",
    s.Escalate: "escalate",
    s.Fetch: "fetch",
    s.Notify: "notify",
    s.Charge: "charge",
    s.Forward: "forward",
    s.HasConsent: "consent",
    s.Happened: "happened",
    s.Clicked: "clicked",
    s.InSegment: "in segment",
    s.Occurs: "test: event",
    s.Clicks: "test: click",
    s.AgentSays: "test: agent",
    s.ExpectTicket: "test: ticket",
    s.ExpectCharge: "test: charge",
    s.ExpectNotify: "test: notify",
}


def missing(node: s.Node) -> Iterator[str]:
    """The constructs without an engine that this node (not what is inside it) makes use of."""
    return (name for name in _constructs(node) if not AVAILABLE.get(name, True))


def _constructs(node: s.Node) -> Iterator[str]:
    by_type = _BY_TYPE.get(type(node))
    if by_type is not None:
        yield by_type
    match node:
        case s.Setting(keyword=keyword):
            yield keyword
        case s.Ask(message_class=message_class, until_before=before):
            if message_class is not None:
                yield "ask with a class"
            if before is not None:
                yield "ask until … before"
        case s.Split(measure=measure, sample_percent=sample):
            if measure is not None:
                yield "split by"
            if sample is not None:
                yield "split sample"
        case s.Attribute(owner="event"):
            yield "event.…"
        case s.Given(kind=kind):
            yield f"given {kind}"
