"""Links as they stand in texts: what they lead to, what is refused, and how their codes look."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.links import (
    ALPHABET,
    LENGTH,
    LONGEST_TARGET,
    Link,
    address,
    draw,
    fault,
    is_code,
    is_followed,
    read,
)


@pytest.mark.parametrize(
    ("hole", "link"),
    [
        ("https://shop.example/a", Link("url", "", "https://shop.example/a")),
        ("tip1 https://shop.example/a", Link("url", "tip1", "https://shop.example/a")),
        ("  tip1   https://shop.example/a ", Link("url", "tip1", "https://shop.example/a")),
        ("voucher zomer", Link("voucher", "voucher zomer", "zomer")),
        ("optout", Link("optout", "optout", "")),
        ("voucher", Link("url", "", "voucher")),
        ("optout https://shop.example", Link("url", "optout", "https://shop.example")),
    ],
)
def test_what_a_placeholder_links_to(hole: str, link: Link) -> None:
    assert read(hole) == link


@pytest.mark.parametrize(
    "target",
    [
        "https://shop.example", "http://shop.example:8080/a?b=c&d=%20#e", "https://xn--bcher-kva.example/",
        "https://[2001:db8::1]/",
    ],
)  # fmt: skip
def test_the_web_is_followed(target: str) -> None:
    assert is_followed(target)
    assert fault(Link("url", "", target)) == ""


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)", "data:text/html,x", "ftp://shop.example", "//shop.example", "/only/a/path",
        "shop.example", "https://", "https:///path", "https://user@shop.example", "https://shop.example@evil.example",
        "https://shop.example:99999", "https://shop.example:0", "https://[broken", "",
    ],
)  # fmt: skip
def test_nothing_else_is(target: str) -> None:
    assert not is_followed(target)
    assert "begins with https://" in fault(Link("url", "", target))


@pytest.mark.parametrize(
    "target", ["https://a.example/a b", "https://a.example/é", "https://a.example/\t", "https://a\\b"]
)
def test_what_browsers_would_guess_at_is_told(target: str) -> None:
    assert "no spaces" in fault(Link("url", "", target))


def test_an_address_without_end_is_told() -> None:
    assert "at most 2000 characters; this has 2001" in fault(
        Link("url", "", "https://a.example/".ljust(LONGEST_TARGET + 1, "x"))
    )


def test_our_own_pages_need_no_address() -> None:
    assert fault(Link("optout", "optout", "")) == fault(Link("voucher", "voucher zomer", "zomer")) == ""


@settings(deadline=None)
@given(st.integers())
def test_codes_are_as_long_as_every_other_and_hard_to_misread(seed: int) -> None:
    code = draw(Random(seed).random)
    assert is_code(code)
    assert not set(code) & set("0Oo1IilL")


def test_what_is_no_code() -> None:
    assert not is_code("2" * (LENGTH - 1))
    assert not is_code("2" * (LENGTH + 1))
    assert not is_code("0" * LENGTH)
    assert len(ALPHABET) == len(set(ALPHABET)) == 54


def test_the_address_in_a_text() -> None:
    assert (
        address("https://sms.example", "a" * 8)
        == address("https://sms.example/", "a" * 8)
        == "https://sms.example/l/aaaaaaaa"
    )
