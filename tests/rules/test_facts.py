"""Values as phones write them, in four languages, and as a suspended run keeps them."""

import json
from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.facts import (
    MAX_DIGITS,
    Value,
    read_date,
    read_email,
    read_number,
    read_phone,
    read_time,
    read_whole,
    value_from_json,
    values_from_json,
    values_to_json,
)

MONDAY = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("10", "nl", 10),
        ("007", "nl", 7),
        ("tien", "nl", 10),
        ("Twintig", "nl", 20),
        ("één", "nl", 1),
        ("zwölf", "de", 12),
        ("zwoelf", "de", 12),
        ("dix-sept", "fr", 17),
        ("dix sept", "fr", 17),
        ("twenty", "en", 20),
        ("ten", "xx", 10),
        ("tien", "en", None),
        ("12,50", "nl", Decimal("12.50")),
        ("12.5", "nl", Decimal("12.5")),
        ("1.234", "nl", 1234),
        ("1,234", "nl", 1234),
        ("1.234.567,89", "nl", Decimal("1234567.89")),
        ("1,234.5", "en", Decimal("1234.5")),
        ("€12", "nl", 12),
        ("€ 12,50", "nl", Decimal("12.50")),
        ("12,50 €", "nl", Decimal("12.50")),
        ("EUR 5", "nl", 5),
        ("5 euro", "nl", 5),
        ("-5", "nl", -5),
        ("-2,5", "nl", Decimal("-2.5")),
        ("१२", "nl", 12),
        ("0,5", "nl", Decimal("0.5")),
        ("0.500", "nl", None),
        ("1234.567", "nl", None),
        ("1,2345", "nl", None),
        ("12,", "nl", None),
        ("eureka", "nl", None),
        ("9" * MAX_DIGITS, "nl", 10**MAX_DIGITS - 1),
        ("9" * (MAX_DIGITS + 1), "nl", None),
        ("-" + "9" * MAX_DIGITS, "nl", None),
        ("", "nl", None),
    ],
)
def test_numbers(text: str, language: str, value: Value | None) -> None:
    found = read_number(text, language)
    assert (found, type(found)) == (value, type(value))


def test_ranges_take_whole_numbers_only() -> None:
    assert (read_whole("9", "nl"), read_whole("1.000", "nl"), read_whole("9,5", "nl")) == (9, 1000, None)


@pytest.mark.parametrize(
    ("text", "language", "market", "value"),
    [
        ("2026-05-01", "nl", "NL", date(2026, 5, 1)),
        ("2026-02-30", "nl", "NL", None),
        ("24-12", "nl", "NL", date(2026, 12, 24)),
        ("4/1", "nl", "NL", date(2027, 1, 4)),
        ("5/1", "nl", "NL", MONDAY),
        ("24.12.", "de", "DE", date(2026, 12, 24)),
        ("24/12/2030", "nl", "NL", date(2030, 12, 24)),
        ("24-12-30", "nl", "NL", date(2030, 12, 24)),
        ("24-12-85", "nl", "NL", date(1985, 12, 24)),
        ("24-12/26", "nl", "NL", None),
        ("4/12", "en", "US", date(2026, 4, 12)),
        ("4/12", "en", "GB", date(2026, 12, 4)),
        ("4/12", "nl", "US", date(2026, 12, 4)),
        ("31-2", "nl", "NL", None),
        ("29-2", "nl", "NL", date(2028, 2, 29)),
        ("29-2-2027", "nl", "NL", None),
        ("vandaag", "nl", "NL", MONDAY),
        ("Morgen", "nl", "NL", date(2026, 1, 6)),
        ("übermorgen", "de", "DE", date(2026, 1, 7)),
        ("aujourd'hui", "fr", "FR", MONDAY),
        ("the day after tomorrow", "en", "GB", date(2026, 1, 7)),
        ("maandag", "nl", "NL", date(2026, 1, 12)),
        ("di", "nl", "NL", date(2026, 1, 6)),
        ("Sunday", "en", "US", date(2026, 1, 11)),
        ("24 december", "nl", "NL", date(2026, 12, 24)),
        ("24 dec. 2027", "nl", "NL", date(2027, 12, 24)),
        ("24-dec-2027", "nl", "NL", date(2027, 12, 24)),
        ("december 24", "nl", "NL", date(2026, 12, 24)),
        ("May 1st, 2026", "en", "US", date(2026, 5, 1)),
        ("the 1st of May", "en", "GB", date(2026, 5, 1)),
        ("1er mars", "fr", "FR", date(2026, 3, 1)),
        ("le 14 juillet", "fr", "FR", date(2026, 7, 14)),
        ("5x mei", "nl", "NL", None),
        ("mei 9:30", "nl", "NL", None),
        ("5 mei 126", "nl", "NL", None),
        ("5 may", "nl", "NL", None),
        ("mei", "nl", "NL", None),
        ("५-५", "nl", "NL", date(2026, 5, 5)),
        ("", "nl", "NL", None),
    ],
)
def test_dates(text: str, language: str, market: str, value: date | None) -> None:
    assert read_date(text, MONDAY, language, market) == value


def test_dates_at_the_end_of_time() -> None:
    last = date.max
    assert read_date("morgen", last, "nl", "NL") is None
    assert read_date("1-1", last, "nl", "NL") is None
    assert read_date("31-12", last, "nl", "NL") == last


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("9:30", "nl", time(9, 30)),
        ("9.30", "nl", time(9, 30)),
        ("14u", "nl", time(14)),
        ("14u30", "nl", time(14, 30)),
        ("14U30", "nl", time(14, 30)),
        ("14h05", "fr", time(14, 5)),
        ("9 uur", "nl", time(9)),
        ("9.30 uur", "nl", time(9, 30)),
        ("9 Uhr", "de", time(9)),
        ("9 o'clock", "en", time(9)),
        ("2pm", "en", time(14)),
        ("2 p.m.", "en", time(14)),
        ("12am", "en", time(0)),
        ("12:30pm", "en", time(12, 30)),
        ("13pm", "en", None),
        ("0am", "en", None),
        ("24:00", "nl", None),
        ("9:60", "nl", None),
        ("30u00", "nl", None),
        ("9", "nl", None),
        ("9 Uhr", "nl", None),
        ("9:30 foo", "nl", None),
        ("²u30", "nl", None),
        ("half tien", "nl", None),
    ],
)
def test_times(text: str, language: str, value: time | None) -> None:
    assert read_time(text, language) == value


def test_addresses() -> None:
    assert read_email("jan.de-vries+x@mail.example.nl") == "jan.de-vries+x@mail.example.nl"
    assert read_email("jan@localhost") is None
    assert read_email("jan@x.n1") == "jan@x.n1"
    assert read_email("jan@x.1n") is None
    assert read_email("j" * 250 + "@x.nl") is None
    assert read_email("ján@møn.example") == "ján@møn.example"


@pytest.mark.parametrize("what", '[]\\=?<>()",;: \x00\x1b\x7f\x85')
def test_an_address_has_nothing_that_a_header_reads_otherwise(what: str) -> None:
    for address in (f"a{what}b@c.nl", f"a@b{what}c.nl", f"a@b.n{what}l", f"a@b.nl{what}"):
        assert read_email(address) is None


@pytest.mark.parametrize(
    ("text", "market", "value"),
    [
        ("06-12345678", "NL", "+31612345678"),
        ("+31 6 12 34 56 78", None, "+31612345678"),
        ("(020) 123 4567", "NL", "+31201234567"),
        ("0031612345678", "NL", "+31612345678"),
        ("٠٦١٢٣٤٥٦٧٨", "NL", "+31612345678"),
        ("0612345678", None, None),
        ("0612", "NL", None),
        ("06123456", "NL", None),
        ("0612345678" * 2, "NL", None),
        ("bel me", "NL", None),
    ],
)
def test_telephone_numbers(text: str, market: str | None, value: str | None) -> None:
    assert read_phone(text, market) == value


VALUES = st.one_of(st.text(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False), st.dates(), st.times())


@given(st.dictionaries(st.text(), VALUES))
def test_values_survive_being_stored(values: dict[str, Value]) -> None:
    stored = json.loads(json.dumps(values_to_json(values)))
    back = values_from_json(stored)
    assert back == values
    assert {name: type(value) for name, value in back.items()} == {name: type(value) for name, value in values.items()}


@pytest.mark.parametrize("stored", [{}, {"decimal": 1}, {"money": "1"}])
def test_what_was_never_stored_is_refused(stored: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not a stored value"):
        value_from_json(stored)


@given(st.text(max_size=30), st.sampled_from(["nl", "en", "de", "fr", None]))
def test_any_text_is_read_or_not(text: str, language: str | None) -> None:
    for value in (
        read_number(text, language),
        read_date(text, MONDAY, language, "US"),
        read_time(text, language),
        read_email(text),
        read_phone(text, "NL"),
    ):
        assert value is None or isinstance(value, str | int | Decimal | date | time)
