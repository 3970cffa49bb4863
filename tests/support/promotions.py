"""A brand that promotes at an event, for tests: phones that have said yes, and events that make it write to them."""

from decimal import Decimal
from typing import Any

from router.consent_import import Import, Order
from router.consent_rows import Consent
from router.group import Done
from router.messages import Occurrence
from router.prices import Price, Prices
from router.suppression import Suppressions
from rules.rulebook import Rulebook
from tests.support.routing import NOW, Phones, book_of

RULES = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam
    {more}

keyword JOIN
    opt in promotional
        confirm "Antwoord JA voor tips van Shop. STOP = uit."
        answer yes
    reply "Welkom!"

keyword HOI
    reply "Dag!"

keyword WEG
    opt out

on event offer
    send promotional "Shop: korting! STOP = uit."

on event order
    send transactional "Shop: uw bestelling is er. STOP = uit."
"""
PRICES = Prices([Price("carrier", "", Decimal("0.0725"), "EUR")])


def promoting(more: str = "") -> Rulebook:
    """The rules, with one more line for the brand."""
    text = RULES.format(more=more) if more else RULES.replace("    {more}\n", "")
    return book_of(("promotions.rules", text))


def priced(phones: Phones, prices: Prices = PRICES) -> None:
    """Texts cost something from now on."""
    phones.ways.outfit("", 0, Suppressions(), prices.price_of)


def agree(phones: Phones, *addresses: str, at: int = NOW - 1_000_000, programme: str = "") -> list[str]:
    """Bring consents in, with their proof; gives what became of each."""
    rows = [
        Consent(line, address, at, "Ja, ik wil tips", "paper", f"scan {line}", programme)
        for line, address in enumerate(addresses, 2)
    ]
    order = Order("Shop", "promotional", "", "crm@shop.example")
    return [told.outcome for told in Import(phones.store, phones.world, Suppressions(), order).run(rows)]


def happen(phones: Phones, name: str, *addresses: str, room: int = 100, **values: Any) -> Done:
    """One event for each phone, in one group."""
    now = phones.world.now()
    ref = str(values.pop("ref", ""))
    return phones.commit(
        room=room,
        occurrences=[
            Occurrence(
                id=phones.world.ids.next(now), brand="Shop", address=address, name=name, source="api", at=now,
                received_at=now, values=values, ref=ref,
            )
            for address in addresses
        ],
    )  # fmt: skip
