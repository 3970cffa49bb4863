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
from rules.editions import edition
from rules.packs import market_of
from rules.rulebook import Rulebook

MOST_OCTETS = 48 * 1_048_576
"""Of a list: some 300,000 consents."""
LONGEST_LINE = 1_048_576
"""Octets of an order without its list: the names of all brands fit."""


class BadOrderError(Exception):
    """What is wrong with an order, in a sentence."""


class Erasing(msgspec.Struct, frozen=True, tag_field="do", tag="erase"):
    """Forget a number: these brands, and with `everything` all else that knows it."""

    number: str
    brands: tuple[str, ...]
    everything: bool
    by: str


class ConsentList(msgspec.Struct, frozen=True, tag_field="do", tag="import"):
    """Bring consents in; so many octets of a list follow. `programme`: where a row names none."""

    brand: str
    message_class: Literal["promotional", "transactional"] = msgspec.field(name="class")
    programme: str
    by: str
    octets: Annotated[int, msgspec.Meta(ge=0, le=MOST_OCTETS)]


class OptOutList(msgspec.Struct, frozen=True, tag_field="do", tag="opt-out"):
    """Take opt-outs in; so many octets of a list follow."""

    brand: str
    by: str
    octets: Annotated[int, msgspec.Meta(ge=0, le=MOST_OCTETS)]


AnyList = ConsentList | OptOutList
AnyOrder = Erasing | AnyList


def read_order(line: bytes) -> AnyOrder:
    """The order that a line says. Raises BadOrderError."""
    try:
        order: AnyOrder = msgspec.json.decode(line, type=AnyOrder)
    except (ValueError, RecursionError) as fault:  # also what msgspec raises
        raise BadOrderError(f"this is no order of this version: {fault}") from fault
    return order


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
