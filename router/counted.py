"""What is counted (router.figures): rows of texts that went out, and of what contacts did."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """What a text belongs to. `brand` is "" for the operator's own, `arm` "split=arm" or ""."""

    brand: str
    rule: str
    step: str
    arm: str
    message_class: str


class Sent(NamedTuple):
    """A row of the outbox, as far as counting goes. From `connector` on it is what many texts have in common, and texts
    that do are counted together: `reason` is only there for what was withheld, `accepted` for what failed, `address`
    is as long as prices look at it, and `origin` (the rule that took the text which is the cause) where it is asked
    for."""

    id: int
    contact_id: int
    number: str
    cause_id: int
    connector: str
    brand: str | None
    message_class: str
    segments: int
    state: str
    reason: str
    rule: str
    step: str
    arm: str
    sends: int
    accepted: str
    address: str
    origin: str


class Came(NamedTuple):
    """A text from a phone, or a consent that began (GIVEN, `rule` took the text that said so) or ended (REVOKED)."""

    id: int
    contact_id: int
    number: str
    brand: str | None
    state: str
    rule: str


GIVEN, REVOKED = "given", "revoked"
"""States of Came that are no text's."""


class Clicked(NamedTuple):
    """The first click of a link in a text of that rule and step, which was written down under `sent_id` or later.
    `link` is its name, or where it leads; `times` how often it was followed in all; `origin` as for Sent."""

    id: int
    contact_id: int
    brand: str
    rule: str
    step: str
    sent_id: int
    link: str = ""
    times: int = 1
    origin: str = ""


class Happened(NamedTuple):
    """An event by which a split of the brand's is measured; `id` is the first that could be given when it happened."""

    id: int
    contact_id: int
    brand: str
    split: str


class Converted(NamedTuple):
    """A contact reached the goal of a drip that it had entered by cause `cause_id`; `origin` as for Sent."""

    id: int
    contact_id: int
    brand: str
    rule: str
    cause_id: int
    origin: str = ""
