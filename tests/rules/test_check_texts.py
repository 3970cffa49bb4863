"""What is told about texts: encoding, segments, dear characters, limits, and prompts that nothing answers."""

from decimal import Decimal

import pytest

from rules import syntax as s
from rules.compiler import compile_sources
from rules.declared import brands_of
from rules.diagnostics import Diagnostic, Source
from rules.parse import parse
from rules.prompts import asked_for
from tests.support.phones import brand


def told(rules: str, *codes: str, settings: str = "") -> list[Diagnostic]:
    source = brand(rules, settings=settings)
    return [one for one in compile_sources([source], None).diagnostics if one.code in codes]


def size(text: str, pattern: str = "AA1", fields: str = "") -> str:
    (note,) = told(f'{fields}keyword {pattern}\n    reply "{text}"\n', "R701")
    return note.message.removeprefix("This text goes out as ").removesuffix(".")


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("Dank u.", "AA1", "GSM 7-bit and takes 1 segment"),
        ("x" * 161, "AA1", "GSM 7-bit and takes 2 segments"),
        ("Privet: привет", "AA1", "UCS-2 and takes 1 segment"),
        ("{unit}" + "x" * 156, "AA1 (BAD | KEUKEN) as unit", "GSM 7-bit and takes 1 to 2 segments"),
        ("{unit}", "AA1 ([WARM] BAD | KEUKEN) as unit", "GSM 7-bit or UCS-2 and takes 1 to 3 segments"),
        ("{unit|een heel ding}" + "x" * 149, "AA1 [(BAD | OVEN) as unit]", "GSM 7-bit and takes 1 to 2 segments"),
        ("{rest|x}" + "x" * 159, "AA1 (BAD | OVEN)", "GSM 7-bit or UCS-2 and takes 1 to 5 segments"),
        ("{n}" + "x" * 159, "AA1 <n 0..10>", "GSM 7-bit and takes 1 to 2 segments"),
        ("{n}" + "x" * 159, "AA1 <n 5..9>", "GSM 7-bit and takes 1 segment"),
        ("{t}" + "x" * 155, "AA1 <t time>", "GSM 7-bit and takes 1 segment"),
        ("{w}", "AA1 <w word>", "GSM 7-bit or UCS-2 and takes 1 segment"),
        ("{w}", "AA1 <w text>", "GSM 7-bit or UCS-2 and takes 1 to 3 segments"),
        ("{rest}", "AA1", "GSM 7-bit or UCS-2 and takes 1 to 3 segments"),
        ("{w}", "AA1 ...", "GSM 7-bit or UCS-2 and takes 1 to 3 segments"),
    ],
)
def test_least_and_most(text: str, pattern: str, expected: str) -> None:
    assert size(text.replace("{w}", "{text}") if "..." in pattern else text, pattern) == expected


def test_a_contact_attribute_can_be_as_long_as_its_type() -> None:
    fields = "contact\n    geboren  date\n    naam     text\n\n"
    assert size("{contact.geboren|}" + "x" * 140, fields=fields) == "GSM 7-bit and takes 1 to 2 segments"
    assert size("{contact.naam|klant}", fields=fields) == "GSM 7-bit or UCS-2 and takes 1 to 3 segments"


def test_a_name_of_two_patterns_is_what_either_holds() -> None:
    rules = """keyword AA1
    ask "Wat?"
        answer (KEUKEN | BAD) as unit
            reply "{unit}"
        answer <unit text>
            reply "{unit}"
        else again "Wat dan?"
        silence
            if tag x
                reply "x"
    split arm
        50% een
            reply "een"
        50% twee
            reply "twee"
"""
    notes = [one.message for one in told(rules, "R701")]
    assert len(notes) == 7
    assert sum("1 to 3 segments" in note for note in notes) == 2


def test_each_language_and_the_brands_own_texts_are_told_of() -> None:
    settings = '    help  "Bel ons."\n    stop\n        nl "Afgemeld."\n        en "Stopped."\n'
    assert len(told("keyword AA1\n    tag x\n", "R701", settings=settings)) == 3


def test_numbered_choices_count() -> None:
    (note, _) = told('keyword AA1\n    ask "' + "x" * 155 + '"\n        choice AAP\n            reply "Aap."\n', "R701")
    assert "2 segments" in note.message


# --- dear characters -----------------------------------------------------------------------------------------------


def test_the_character_and_the_plain_one() -> None:
    (found,) = told('keyword AA1\n    reply "Geen zorgen… wij komen’s middags"\n', "R702")
    assert (found.severity, found.span.line, found.span.column, found.span.end_column) == ("warning", 7, 23, 24)
    assert found.message == "The character '…' (U+2026) makes this text UCS-2: 70 characters to a segment, not 160."
    assert found.help == 'To stay in GSM 7-bit, write "..." instead (1 segment).'


def test_a_character_that_cannot_be_seen() -> None:
    (found,) = told('keyword AA1\n    reply "Hallo\u200b u"\n', "R702")
    assert found.help == "To stay in GSM 7-bit, leave it out, it cannot be seen (1 segment)."


def test_capability_72_an_emoji_is_the_authors_choice() -> None:
    (found,) = told('contact\n    naam  text\n\nkeyword AA1\n    reply "Hallo {contact.naam|klant 😀}"\n', "R702")
    assert (found.severity, found.help) == ("note", "Leave it out if the text shall cost less.")


def test_a_character_behind_an_escape_is_marked_in_its_text() -> None:
    (found,) = told('keyword AA1\n    reply "Regel\\n… twee"\n', "R702")
    assert found.span.column == 19


def test_a_character_that_only_the_list_of_choices_has() -> None:
    found = told('keyword AA1\n    ask "Wat?"\n        choice "😀"\n            reply "x"\n', "R702")
    assert [one.span.line for one in found] == [7]


# --- limits --------------------------------------------------------------------------------------------------------


def test_capability_73_a_text_that_can_grow_too_long() -> None:
    (found,) = told('keyword AA1\n    reply "U zei: {rest}"\n', "R703", "R704", settings="    limit  2 segments\n")
    assert (found.code, found.severity) == ("R703", "warning")
    assert (
        found.message == "This text can grow to 3 segments; the brand's limit is 2, and a text beyond it is withheld."
    )


def test_a_text_that_is_always_too_long() -> None:
    (found,) = told('keyword AA1\n    reply "' + "x" * 400 + '"\n', "R703", "R704", settings="    limit  2 segments\n")
    assert (found.code, found.severity) == ("R704", "error")
    assert found.message == "This text always takes 3 segments or more; the brand's limit is 2."


# --- prompts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Antwoord KEUKEN, BAD of OVEN.", ["KEUKEN", "BAD", "OVEN"]),
        ("Antwoord JA voor tips. STOP = uit.", ["JA"]),
        ("Stuur HELP of bel ons.", ["HELP"]),
        ("Reply FREEBURGER for a burger, or text MENU", ["FREEBURGER", "MENU"]),
        ("Antworten Sie mit JA oder NEIN!", ["JA", "NEIN"]),
        ("Répondez OUI/NON", ["OUI", "NON"]),
        ("stuur REPAIR KEUKEN", ["REPAIR KEUKEN"]),
        ("Stuur een sms naar ons.", []),
        ("Stuur 1 of 2.", []),
        ("Antwoord in uw eigen woorden.", []),
        ("Antwoord A of B", []),
        ("Wij antwoorden u", []),
    ],
)
def test_what_a_text_asks_for(text: str, asked: list[str]) -> None:
    assert list(asked_for(text)) == asked


HEARD = """keyword AA1
    reply "{text}"

keyword REPAIR (KEUKEN | BAD) as unit
    tag x

keyword NAAM <wie text>
    tag x

keyword ALLEEN on 5566
    tag x

keyword VRAAG
    ask "Wat?"
        answer yes
        choice ROOD
        choice BLAUW
"""


@pytest.mark.parametrize(
    "asked", ["REPAIR KEUKEN", "REPAIR", "NAAM", "NAAM JAN, REPAIR BAD", "STOP", "JA", "ROOD", "AA1 NU"]
)
def test_what_is_taken_may_be_asked_for(asked: str) -> None:
    assert told(HEARD.replace("{text}", f"Stuur {asked}"), "R705") == []


@pytest.mark.parametrize("asked", ["KEUKEN", "REPAIR OVEN", "FREEBURGER", "ALLEEN"])
def test_capability_13_what_nothing_takes_may_not(asked: str) -> None:
    source = brand(HEARD.replace("{text}", f"Stuur {asked}"), numbers="4411, 5566")
    (found,) = [one for one in compile_sources([source], None).diagnostics if one.code == "R705"]
    assert (found.severity, found.span.line, found.span.column) == ("error", 7, 18)
    assert found.message == (
        f"This text asks for {asked}, but no keyword on 4411 and no answer of this brand takes it."
    )


SENT = """keyword AA1
    opt in promotional
        confirm "Antwoord AKKOORD voor {rest}"
        answer AKKOORD
    opt in transactional
    send promotional "Ж"
"""


def test_what_is_sent_and_what_a_consent_is_asked_with_are_measured_too() -> None:
    notes = [one.message for one in told(SENT, "R701")]
    assert notes == [
        "This text goes out as GSM 7-bit or UCS-2 and takes 1 to 3 segments.",
        "This text goes out as UCS-2 and takes 1 segment.",
    ]
    assert len(told(SENT, "R702")) == 1


def test_what_a_consent_takes_may_be_asked_for() -> None:
    assert told(SENT, "R705") == []
    assert len(told(SENT.replace("answer AKKOORD", "answer OKE"), "R705")) == 1


def test_a_rule_for_one_number_asks_for_what_that_number_takes() -> None:
    rules = 'keyword AA1 on 5566\n    reply "Stuur ALLEEN"\n\nkeyword ALLEEN on 5566\n    tag x\n'
    source = brand(rules, numbers="4411, 5566")
    assert [one for one in compile_sources([source], None).diagnostics if one.code == "R705"] == []


def test_patterns_that_cannot_be_compiled_take_no_part() -> None:
    rules = 'keyword AA1\n    reply "Stuur AA1"\n\nkeyword BB1 <x /(/>\n    ask "Wat?"\n        answer CC1 <y /(/>\n'
    assert told(rules, "R705") == []
    assert len(told(rules, "R614")) == 2
    confirmed = 'keyword AA1\n    opt in promotional\n        confirm "Stuur AA1"\n        answer <x /(/>\n'
    assert told(confirmed, "R705") == []


def test_a_setting_of_a_kind_that_nobody_knows_changes_nothing() -> None:
    odd = s.Brand(s.String("Merk"), (s.Setting("limit", s.Text(())),))
    (made,) = brands_of([s.File((odd,))])
    assert made.limit is None


def test_what_stands_around_chains_is_gathered() -> None:
    drip = 'drip d promotional\n    at once\n        send "x"\n\ndesk storing zammad\n'
    settings = "    quiet 21:00..08:00\n    cap 1 per day\n    budget EUR 10.00 per month\n"
    text = f'brand "Merk"\n{settings}\nsegment s = tag x\n\n{drip}'
    file, _ = parse(Source("a.rules", text))
    loose, _ = parse(Source("b.rules", "keyword AA1\n    tag x\n"))
    assert file is not None
    assert loose is not None
    (made,) = brands_of([file, loose])
    assert (made.name, [one.name for one in made.drips], made.chained) == ("Merk", ["d"], made.drips)
    assert (made.segments, made.vouchers) == ({"s": s.HasTag("x")}, [])
    assert (made.quiet, made.caps) == (s.Quiet(s.Clock(21, 0), s.Clock(8, 0)), (s.Cap(1, "day"),))
    assert made.budget == s.Budget(s.Money("EUR", Decimal("10.00")), "month")
