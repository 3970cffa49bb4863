"""What may be handed in at the counter (gateway.counter), as both sides write it, and what a list is taken in under.

An order is a line of JSON. A list follows it as it is, octet for octet: as text within JSON the whole of it would have
to be made and read in one go, and whoever does that holds everybody else up.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from config.settings import Settings
from router.consent_import import Order
from router.consent_rows import Reading
from router.erasure import MOST_ID
from router.reviews import Outcome
from rules.editions import edition
from rules.packs import market_of
from rules.rulebook import Rulebook

MOST_OCTETS = 48 * 1_048_576
"""Of a list: some 300,000 consents."""
LONGEST_LINE = 1_048_576
"""Octets of an order without its list: the names of all brands fit."""
LONGEST_LABEL = 100
"""Characters of a key's label: a line of a list has room for it."""
MOST_REVIEWS = 10_000
"""Texts that are settled at once: as many as `kwek reviews list` shows."""
HASH_OCTETS = 32
"""Of SHA-256."""

Id = Annotated[int, msgspec.Meta(ge=0, le=MOST_ID)]


class BadOrderError(Exception):
    """What is wrong with an order, in a sentence."""


class _Sent(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """An order on its way. One that says more than this version knows is refused, and not done in part."""


class Erasing(_Sent, frozen=True, tag="erase"):
    """Forget a number: these brands, and with `everything` all else that knows it."""

    number: str
    brands: tuple[str, ...]
    everything: bool
    by: str


class ConsentList(_Sent, frozen=True, tag="import"):
    """Bring consents in; so many octets of a list follow. `programme`: where a row names none."""

    brand: str
    message_class: Literal["promotional", "transactional"] = msgspec.field(name="class")
    programme: str
    by: str
    octets: Annotated[int, msgspec.Meta(ge=0, le=MOST_OCTETS)]


class OptOutList(_Sent, frozen=True, tag="opt-out"):
    """Take opt-outs in; so many octets of a list follow."""

    brand: str
    by: str
    octets: Annotated[int, msgspec.Meta(ge=0, le=MOST_OCTETS)]


class NewKey(_Sent, frozen=True, tag="new key"):
    """Keep a key of the API. Its secret is the command's: only the hash of it comes here."""

    brand: str
    label: str
    hash: Annotated[bytes, msgspec.Meta(min_length=HASH_OCTETS, max_length=HASH_OCTETS)]


class RevokedKey(_Sent, frozen=True, tag="revoke key"):
    """End a key of the API."""

    id: Id


class Settling(_Sent, frozen=True, tag="settle reviews"):
    """What a person decided on texts that may be opt-outs."""

    ids: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MOST_REVIEWS)]
    outcome: Outcome
    by: str


AnyList = ConsentList | OptOutList
AnyOrder = Erasing | AnyList | NewKey | RevokedKey | Settling


def read_order(line: bytes) -> AnyOrder:
    """The order that a line says. Raises BadOrderError."""
    try:
        order: AnyOrder = msgspec.json.decode(line, type=AnyOrder)
    except (ValueError, RecursionError) as fault:  # also what msgspec raises
        remedy = "start the gateway anew, so that it runs the version that is installed"
        raise BadOrderError(f"to the gateway that runs this is no order of its version: {fault}; {remedy}") from fault
    return order


def check_key(settings: Settings, order: NewKey, place: str) -> None:
    """Raises BadOrderError for a key that no brand of the settings could use, or whose label is no line. `place`: where
    the settings are, for people."""
    brands = sorted({name for number in settings.numbers for name in number.brands})
    if order.brand not in brands:
        named = ", ".join(brands) or "none"
        raise BadOrderError(f"no number of {place} is for a brand {order.brand!r}; it names {named}")
    if len(order.label) > LONGEST_LABEL or not order.label.isprintable():
        raise BadOrderError(f"a label has at most {LONGEST_LABEL} characters, on one line")


def terms_of(book: Rulebook, settings: Settings, order: AnyList, now: int) -> tuple[Reading, Order]:
    """What a list is read by, and what its rows go in under. Raises BadOrderError when the rules have no such brand."""
    own = book.brands.get(order.brand)
    if own is None:
        raise BadOrderError(f"the rules have no brand {order.brand!r}; they have {', '.join(sorted(book.brands))}")
    granted = next((one.country for one in settings.numbers if order.brand in one.brands), None)
    market = granted or market_of(str(own.zone))
    opt_outs = isinstance(order, OptOutList)
    to_what, programme = ("", "") if isinstance(order, OptOutList) else (order.message_class, order.programme)
    reading = Reading(market, own.zone, own.language, own.attributes, now, opt_outs=opt_outs)
    under = Order(order.brand, to_what, programme, order.by, str(own.zone), edition(market), book.deployment)
    return reading, under
