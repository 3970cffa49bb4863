"""From which of a brand's numbers a contact is written to that did not write first.

A contact keeps the number that it was first written to from, for ever: its answers, and its address book, know it. Else
it is one of the contact's own country, the one at hand first, then a long number, which every country can reach.
"""

from __future__ import annotations

from router.case import Case
from router.messages import Profile
from rules.countries import country_of
from rules.rulebook import BrandBook, Rulebook


def number_for(case: Case) -> str:
    """The number for a contact that something is begun for now; the one at hand where nothing speaks for another."""
    return _chosen(case.rulebook, case.brand, case.facts.contact.address, case.profile, case.facts.number)


def first_number(book: Rulebook, brand: str, address: str, profile: Profile) -> str:
    """The number for a contact to whom something happened; empty where the brand has none."""
    own = book.brands.get(brand)
    return "" if own is None else _chosen(book, own, address, profile, "")


def _chosen(book: Rulebook, brand: BrandBook, address: str, profile: Profile, at_hand: str) -> str:
    own = [number for number in brand.numbers if number in book.numbers]
    if profile.number in own:
        return profile.number
    country = country_of(address)
    near = [number for number in own if book.numbers[number].market == country]
    for numbers in (near, own):
        if at_hand in numbers:
            return at_hand
        if numbers:
            long = [number for number in numbers if book.numbers[number].kind == "long-number"]
            return (long or numbers)[0]
    return at_hand
