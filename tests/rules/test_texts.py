"""Templates: what is sent for what an author wrote and a contact is."""

import pickle
from datetime import date, time
from decimal import Decimal

import pytest

from rules import syntax
from rules.facts import Value
from rules.texts import Rendered, Texts, forcing_character, measured, misreadings, printed, template, texts


def said(text: str, variables: dict[str, Value] | None = None, attributes: dict[str, Value] | None = None) -> str:
    return template(text).render(variables or {}, attributes or {}, "nl").text


def test_a_text_without_placeholders_is_measured_once() -> None:
    made = template("Dank u.")
    assert made.fixed == Rendered("Dank u.", "gsm7", 1)
    assert made.render({}, {}, "nl") is made.fixed
    assert template("").render({}, {}, "nl") == Rendered("", "gsm7", 1)


def test_a_value_stands_in_its_place() -> None:
    assert said("Monteur voor uw {unit} belt.", {"unit": "keuken"}) == "Monteur voor uw keuken belt."
    assert said("{contact.naam}, hallo", {}, {"naam": "Jan"}) == "Jan, hallo"


def test_capability_72_a_missing_name_prints_its_default() -> None:
    assert said("Hallo {contact.naam|klant}") == "Hallo klant"
    assert said("Hallo {contact.naam|klant}", {}, {"naam": "Jan"}) == "Hallo Jan"
    assert said("Hallo {contact.naam|}!") == "Hallo !"
    assert said("Hallo {contact.naam}!") == "Hallo !"
    assert said("{rest|niets}", {"rest": ""}) == "niets"


def test_a_value_is_never_read_as_a_template() -> None:
    assert (
        said("Notitie: {text}", {"text": "{contact.naam}", "x": "y"}, {"naam": "geheim"}) == "Notitie: {contact.naam}"
    )


def test_holes_know_what_they_are() -> None:
    made = template("{a} {contact.b|c} {event.d} {voucher zomer|LEEG} {link tip1 https://x.example/} {order.status}")
    assert [(hole.kind, hole.name, hole.default) for hole in made.holes] == [
        ("name", "a", None),
        ("contact", "b", "c"),
        ("event", "d", None),
        ("voucher", "zomer", "LEEG"),
        ("link", "tip1 https://x.example/", None),
        ("field", "order.status", None),
    ]
    assert made.text({}, {}, "nl") == " c  LEEG  "


def test_braces_that_hold_no_name_stay_and_are_told() -> None:
    text = "a { b {} {Naam} {geen naam} {x} } {a.}"
    assert said(text, {"x": "1"}) == "a { b {} {Naam} {geen naam} 1 } {a.}"
    assert [text[start:end] for start, end in misreadings(text)] == [
        "{", "{}", "{Naam}", "{geen naam}", "}", "{a.}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "language", "expected"),
    [
        ("Jan", "nl", "Jan"),
        (12345, "nl", "12345"),
        (Decimal("12.50"), "nl", "12,50"),
        (Decimal("12.50"), "en", "12.50"),
        (Decimal("1E+3"), "fr", "1000"),
        (time(9, 5), "nl", "09:05"),
        (date(2026, 1, 5), "nl", "5 januari 2026"),
        (date(2026, 1, 5), "en", "January 5, 2026"),
        (date(2026, 1, 5), "de-AT", "5. Jänner 2026"),
        (date(2026, 1, 5), "no such", "January 5, 2026"),
    ],
)
def test_values_are_printed_in_the_language_of_the_contact(value: Value, language: str, expected: str) -> None:
    assert printed(value, language) == expected
    assert template("{x}").render({"x": value}, {}, language).text == expected


def test_capability_73_encoding_and_segments_are_of_the_merged_text() -> None:
    made = template("Dag {naam}, " + "x" * 145)
    assert made.render({"naam": "Jan"}, {}, "nl").segments == 1
    assert made.render({"naam": "Jan Pieter"}, {}, "nl").segments == 2
    assert made.render({"naam": "😀"}, {}, "nl").encoding == "ucs2"


def test_half_a_surrogate_pair_cannot_stop_a_text() -> None:
    assert measured("hoi \ud83d!") == Rendered("hoi \ufffd!", "ucs2", 1)


def test_the_character_that_forces_ucs2_and_the_plain_one() -> None:
    assert forcing_character("abc") is None
    assert forcing_character("a’b") == (1, "’", "'")
    assert forcing_character("😀") == (0, "😀", None)


def test_the_variant_of_the_language() -> None:
    made = texts(syntax.Text((syntax.TextIn("nl", syntax.String("Dag")), syntax.TextIn("en", syntax.String("Hello")))))
    assert [made.of(*languages)[1] for languages in (("en", "nl"), ("fr", "nl"), ("fr",), (None,), ())] == [
        "en", "nl", "nl", "nl", "nl",
    ]  # fmt: skip
    one = texts(syntax.Text((syntax.TextIn(None, syntax.String("Dag")),)))
    assert one.of("en") == (template("Dag"), None)


def test_templates_travel_between_processes() -> None:
    made = Texts(((None, template("Hallo {contact.naam|klant}")),))
    assert pickle.loads(pickle.dumps(made)) == made
