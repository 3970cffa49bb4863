"""Rows for counting, made by hand: a text of a drip, and a text from a phone."""

from decimal import Decimal
from typing import Any

from router.counted import Came, Sent
from router.prices import Price, Prices
from router.world import first_id_at
from tests.support.routing import NOW

PRICES = Prices([Price("carrier", "31", Decimal("0.07"), "EUR"), Price("carrier", "1", Decimal("0.01"), "USD")])


def sent(at: int, **more: Any) -> Sent:
    """A promotional text of Shop, so many microseconds after NOW."""
    row: dict[str, Any] = {
        "id": first_id_at(NOW + at), "contact_id": 1, "number": "4411", "connector": "carrier", "brand": "Shop",
        "message_class": "promotional", "segments": 1, "state": "sent", "reason": "", "cause_id": 0,
        "rule": "Shop/drip", "step": "reply-1", "arm": "", "sends": 1, "accepted": "", "address": "31612345678",
        "origin": "",
    }  # fmt: skip
    return Sent(**(row | more))


def came(at: int, **more: Any) -> Came:
    """A text to Shop, so many microseconds after NOW."""
    row: dict[str, Any] = {
        "id": first_id_at(NOW + at), "contact_id": 1, "number": "4411", "brand": "Shop", "state": "routed",
        "rule": "Shop/keyword JA",
    }  # fmt: skip
    return Came(**(row | more))
