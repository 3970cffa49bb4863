"""From which number a contact is written to."""

import msgspec
import pytest

from router.messages import Profile
from router.senders import first_number
from rules.rulebook import Grants, NumberGrant
from tests.support.phones import book, brand

LONG_NL, LONG_DE, SHORT = "3197010281234", "4915735991234", "4411"
"""Numbers of ours."""


def numbered(*numbers: str) -> Grants:
    return Grants(
        tuple(
            NumberGrant(
                number,
                "short-code" if number == SHORT else "long-number",
                "DE" if number == LONG_DE else "NL",
                ("Merk",),
                "c",
            )
            for number in numbers
        )
    )


def chosen(address: str, kept: str, *numbers: str) -> str:
    """The number that a brand with these numbers writes from; `kept` is the one it wrote from before."""
    written = ", ".join(number if number == SHORT else f"+{number}" for number in numbers)
    rules = book(brand("keyword A1\n    tag x\n", numbers=written), grants=numbered(*numbers))
    return first_number(rules, "Merk", address, Profile("Merk", number=kept))


@pytest.mark.parametrize(
    ("address", "kept", "numbers", "from_number"),
    [
        ("31612345678", "", (SHORT, LONG_NL, LONG_DE), LONG_NL),
        ("31612345678", "", (SHORT, LONG_DE), SHORT),
        ("4915112345678", "", (SHORT, LONG_NL, LONG_DE), LONG_DE),
        ("33612345678", "", (SHORT, LONG_DE), LONG_DE),
        ("33612345678", "", (SHORT,), SHORT),
        ("4915112345678", LONG_NL, (SHORT, LONG_NL, LONG_DE), LONG_NL),
        ("31612345678", LONG_NL, (SHORT, LONG_DE), SHORT),
    ],
)
def test_capability_04_a_number_of_the_contacts_country_for_ever(
    address: str, kept: str, numbers: tuple[str, ...], from_number: str
) -> None:
    assert chosen(address, kept, *numbers) == from_number


def test_a_brand_without_a_number_of_its_own_writes_from_the_one_at_hand() -> None:
    rules = msgspec.structs.replace(book(brand("keyword A1\n    tag x\n")), numbers={})
    assert first_number(rules, "Merk", "31612345678", Profile("Merk")) == ""


def test_nobodys_brand_has_no_number() -> None:
    rules = book(brand("keyword A1\n    tag x\n"))
    assert first_number(rules, "Niemand", "31612345678", Profile("Niemand")) == ""
