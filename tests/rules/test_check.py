"""What `check` tells: one small program per rule, with the code and the line of each thing told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from rules import syntax as s
from rules.available import AVAILABLE
from rules.check import check
from rules.compiler import compile_sources, grants_of
from rules.declared import brands_of
from rules.diagnostics import Diagnostic, Source
from rules.format import format_file, print_file
from rules.parse import parse
from rules.places import inside
from rules.rulebook import Grants, NumberGrant, NumberKind
from tests.rules.strategies import FILES, spoilt

BRAND = 'brand "B"\n    numbers 4411\n    language nl\n    timezone Europe/Amsterdam\n'
CONTACT = "contact\n    naam text\n    woord word\n    punten number\n    dag date\n    tijd time\n"
HEAD = BRAND + CONTACT
HEAD_LINES = HEAD.count("\n")
WHOLE = (Path(__file__).parent / "whole.rules").read_text(encoding="utf-8")
NOT_YET = "R901"


def checked(*texts: str, grants: Grants | None = None) -> list[Diagnostic]:
    files = []
    for number, text in enumerate(texts):
        file, _ = parse(Source(f"{number}.rules", text))
        assert file is not None
        files.append(file)
    return check(files, grants or grants_of(brands_of(files)))


def told(body: str) -> list[tuple[str, int]]:
    """Code and line (of the body) of everything but what has no engine yet."""
    return [(one.code, one.span.line - HEAD_LINES) for one in checked(HEAD + body) if one.code != NOT_YET]


def in_keyword(block: str, pattern: str = "A") -> list[tuple[str, int]]:
    lines = "".join(f"    {line}\n" for line in block.split("\n"))
    return told(f"keyword {pattern}\n{lines}")


def test_what_runs_is_told_nothing_about() -> None:
    body = """keyword A [NU] (X | "y z" | yes) as unit <n 0..9> <w word> <d date>
    reply "{unit} {n} {w} {d} {text} {rest} {contact.naam|klant} {contact.naam}"
    set contact.naam = w
    set contact.naam = "Jan"
    set contact.dag = now
    set contact.punten = n
    add 1 to contact.punten
    record once nps = n
    tag a
    untag a
    if n >= 9 and not tag a or new contact and time in 09:00..17:00 or day in mon
        reply nl "A" en "B"
    else if contact.dag <= 18 years ago or d < 2026-05-01 or contact.dag = 2026-05-01 21:30
        reply "C"
    split proef
        50% a
            tag a
        50% b
            run c
    wait 1 hour
    wait until 10:00
    ask "Ja of nee?" within 2 hours
        answer yes
            reply "{n}"
        choice (P | Q) as pq
        else again "Wat?" up to 2 times
        else
            reply "{text}"
        silence
            reply "{n}"
    wait 1 day at 10:00
    route "B {n}"

keyword B <n number>
    run c

chain c
    reply "{n}"

fallback on 4411
    reply "{text}"

test "t"
    given number 4411
    given contact naam = "Jan"
    given tag a
    given arm proef a
    > A
    < *
    later 1 day
    receipt delivered
    check contact.naam = "Jan" and tag a and n > 3
    withheld *
    nothing
"""
    assert checked(HEAD + body) == []


def test_what_no_engine_runs_is_told_construct_by_construct() -> None:
    # Inside a declaration without an engine the parts say nothing, so they are shown in a keyword here.
    in_a_keyword = BRAND + 'keyword A\n    reply "{voucher z} {link x} {event.x|} {ticket|} {price|}"\n'
    shown = {
        one.message.split("`")[1] for text in (WHOLE, in_a_keyword) for one in checked(text) if one.code == NOT_YET
    }
    assert shown == {name.removeprefix("test: ") for name in AVAILABLE}


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ('reply "{x}"', [("R309", 2)]),
        ('reply "{x|leeg}"', [("R309", 2)]),
        ("if x\n    tag a", [("R309", 2)]),
        ("record x = y", [("R309", 2)]),
        ("set contact.naam = naam", [("R309", 2)]),
        ('run weg\nreply "{x}"', [("R302", 2)]),
        (
            'fetch shop "/x/{nr}" as order\nreply "{order.status} {orde.status}"',
            [("R302", 2), ("R309", 2), ("R309", 3)],
        ),
        ('fetch shop "/x" as tag', [("R320", 2), ("R302", 2)]),
        ('fetch shop "/x" as order\n    failed\n        reply "{order.a}"', [("R302", 2), ("R309", 4)]),
        ('escalate to d subject "{x}"\nreply "{ticket}"', [("R302", 2), ("R309", 2)]),
        ('notify shop "n" with x, contact.naam', [("R302", 2), ("R309", 2)]),
        ('email "{x}" subject "{y|}" body "{z}"', [("R309", 2)] * 3),
        (
            'charge EUR 1.00 "{w}"\n    confirm "{price} {x}"\n    answer yes\n    failed\n        reply "{q}"',
            [("R309", 3), ("R309", 6)],
        ),
        ('opt in promotional\n    confirm nl "{x}" en "y"\n    answer yes\nreply "ok"', [("R309", 3)]),
        ("wait until 1 hour before event.start", [("R308", 2)]),
        ("wait 3 hours at 10:00", [("R433", 2)]),
        ("opt in conversational", [("R447", 2)]),
        ('ask until 1 hour before event.start "x"\n    answer yes', []),
        ('ask "x" until 1 hour before event.start\n    answer yes', [("R308", 2)]),
        (
            'wait for event betaald within 2 days\n    then\n        reply "a"\n    silence\n        reply "b"',
            [("R502", 6)],
        ),
        ('wait for event betaald within 2 days\n    silence\n        route "B"\nreply "c"', []),
        ('set contact.weg = "x"\nadd 1 to contact.weg', [("R301", 2), ("R301", 3)]),
        ('set contact.woord = "x"\nset contact.naam = contact.woord\nset contact.woord = contact.naam', [("R423", 4)]),
        ("set contact.tijd = now", [("R423", 2)]),
        ("if contact.tijd = now\n    tag a", [("R420", 2)]),
        ('if 3 = "x"\n    tag a', [("R420", 2)]),
        ('if "x" = 3\n    tag a', [("R420", 2)]),
        ('if contact.punten = "drie"\n    tag a', [("R420", 2)]),
        ("if not 3\n    tag a", [("R421", 2)]),
        ("if contact.naam and contact.weg\n    tag a", [("R301", 2)]),
        ('if event.x = 3 and "a" = event.y\n    tag a', [("R308", 2), ("R308", 2)]),
        ('wait 2 days\nif new contact\n    reply "a"\nelse\n    reply "b"', [("R502", 4), ("R502", 6)]),
        ('wait 1 week at 10:00\nask transactional "x"\n    answer yes\n        reply "fine"', []),
        ('if new contact\n    route "B"\nelse\n    route "C"\ntag a\ntag b', [("R503", 6)]),
    ],
)
def test_blocks(block: str, expected: list[tuple[str, int]]) -> None:
    assert in_keyword(block) == expected


@pytest.mark.parametrize(
    ("pattern", "block", "expected"),
    [
        ("A [<n number>]", 'reply "{n}"', [("R501", 2)]),
        ("A [<n number>]", 'if n\n    reply "{n}"\nelse\n    reply "{n}"', [("R501", 5)]),
        ("A [<n number>]", 'if not n\n    route "B"\nreply "{n}"', []),
        ("A [<n number>]", 'if n > 3\n    reply "{n}"', []),
        ("A [<n number>]", 'if 3 < n and tag x\n    reply "{n}"', []),
        ("A [<n number>] [<m number>]", 'if n or m\n    reply "{n}{m}"', [("R501", 3), ("R501", 3)]),
        ("A [<n number>]", 'if n > 3 or n = 1\n    reply "{n}"\nelse\n    reply "{n|}"', []),
        ("A [<n number>]", 'if not (n or tag x)\n    reply "{n|}"\nelse\n    reply "{n}"', [("R501", 5)]),
        ("A (X <n number> | Y <n number>)", 'reply "{n}"', []),
        ("A (X <n number> | Y <n word>)", "set contact.naam = n", []),
        ("A (X <n number> | Y) as k", 'reply "{k}{n}"', [("R501", 2)]),
        ("A (X [<n number>] | Y) as k", 'reply "{n|}"', []),
        ("A <n number>", 'ask "x"\n    answer B <n word>\n    answer C\nset contact.punten = n', []),
        ("A <n number> [<n number>]", "tag a", [("R321", 1)]),
        ("A (X | (Y) as unit) as unit", "tag a", [("R321", 1)]),
        ('A "..."', "tag a", []),
    ],
)
def test_names_that_patterns_set(pattern: str, block: str, expected: list[tuple[str, int]]) -> None:
    assert in_keyword(block, pattern) == expected


def test_a_chain_sees_what_all_that_run_it_have_set_and_gives_what_it_sets() -> None:
    body = """keyword A <n number>
    run c
    reply "{q}"
keyword B <n number> <m number>
    run c
    run e
    reply "never"
chain c
    reply "{n} {m|}"
    run d
chain d
    ask "x"
        answer <q word>
    wait 2 days
chain e
    route "A 1"
"""
    assert told(body) == [("R502", 3), ("R503", 7)]


def test_a_chain_that_only_broken_rules_run_is_not_called_lonely() -> None:
    assert told('keyword a\n    run c\nchain c\n    reply "{n}"\n') == []
    assert told('chain c\n    reply "{n}"\n') == [("R512", 1)]


def test_event_chains_and_drips() -> None:
    body = """on event cart per event.ref
    exit on event paid
    wait until 2 hours before event.start
    run c
    send promotional "B: {event.url} {event.totaal|} STOP = uit"
    ask transactional "x" until 1 hour before event.start
        answer yes
            reply "now it may"
    if event.totaal > 3 and event.naam = "x"
        charge EUR 1.00 "x"
            confirm "{price}"
            answer yes
drip d promotional
    at once
        reply "x"
    step een: after 1 day at 10:00
        run c
    every mon at 10:00
        finish d
chain c
    send transactional "x"
on 2026-05-01 at 10:00 for segment sgm
    start d
segment sgm = contact.punten > 3 and in segment weg or happened x 2 times in 3 days
on birthday of contact.dag
    tag a
on click tip
    send transactional "{link tip https://x.example} {link voucher zomer} {link optout}"
on inactive 3 days
    tag a
"""
    assert told(body) == [("R502", 15), ("R302", 24), ("R302", 28)]


def test_a_question_in_a_drip_has_the_drips_class_and_needs_no_text_before_it() -> None:
    ask = 'ask "B: komt u?"\n            answer yes\n                reply "Mooi."\n'
    assert told(f"drip d transactional\n    after 3 days\n        {ask}") == []
    run = "drip d transactional\n    after 3 days\n        run c\n"
    assert told(f"{run}chain c\n    {ask}") == [("R502", 5)]


def test_a_brands_markets_are_those_of_its_zone_and_of_its_numbers() -> None:
    rules = BRAND + "keyword A\n    opt in promotional\n"
    for country, codes in (("NL", []), ("DE", ["R515"])):
        grants = Grants((NumberGrant("4411", "short-code", country, ("B",), ""),))
        assert [one.code for one in checked(rules, grants=grants)] == codes


def test_a_market_is_told_of_once_however_many_countries_its_law_reaches() -> None:
    rules = BRAND.replace("Amsterdam", "Paris") + 'on event x\n    send promotional "Rabais."\n'
    grants = Grants((NumberGrant("4411", "short-code", "RE", ("B",), ""),))  # La Réunion
    (found,) = checked(rules, grants=grants)
    assert found.code == "R706" and found.message.endswith(" as FR demands.")


@pytest.mark.parametrize(
    ("kind", "countries", "codes"),
    [
        ("short-code", (), []),  # reached from its own country alone
        ("short-code", ("NL", "BE"), []),
        ("short-code", ("NL", "DE"), ["R526"]),
        ("long-number", (), ["R526"]),
        ("long-number", ("NL",), []),
    ],
)
def test_an_author_is_told_of_phones_that_are_asked_to_confirm_it(
    kind: NumberKind, countries: tuple[str, ...], codes: list[str]
) -> None:
    grants = Grants((NumberGrant("4411", kind, "NL", ("B",), "", countries),))
    rules = BRAND + "keyword A\n    opt in promotional\n"
    found = checked(rules, grants=grants)
    assert [one.code for one in found] == codes
    assert {one.severity for one in found} <= {"note"}
    assert all("DE" in one.message for one in found)
    confirmed = f'{rules}        confirm "B: antwoord JA voor tips. STOP = uit."\n        answer yes\n'
    assert checked(confirmed + "    opt in transactional\n", grants=grants) == []


def test_files_of_one_brand_know_each_other_and_say_each_setting_once() -> None:
    one = BRAND + "keyword A\n    run c\n"
    two = 'brand "B"\n    help "x"\nchain c\n    tag a\n'
    assert checked(one, two) == []
    found = checked(one, two.replace('help "x"', "numbers 4412"))
    assert [(each.code, each.span.file, each.related[0][0].file) for each in found] == [("R311", "1.rules", "0.rules")]


def test_a_brand_whose_first_line_is_broken_is_not_made_worse() -> None:
    assert checked("brand B\n    numbers 4411\nkeyword A\n    run c\n    set contact.x = 3\n") == []
    assert [one.code for one in checked('brand "B"\n    nummers 4411\n    language xx\nkeyword A\n    run c\n')] == [
        "R441",
        "R302",
    ]
    assert [one.code for one in checked("brad B\nkeyword A\n    run c\n")] == ["R304", "R302"]


def test_names_in_broken_declarations_count() -> None:
    body = """chain c
    replay
    run d
contact
    leeftijd nummer x
    lengte number
keyword A
    run c
    add 1 to contact.lengte
    add 1 to contact.leeftijd
test "t"
    given arm proef a
"""
    assert told(body) == [("R302", 3)]


def test_a_chain_is_as_late_as_the_ways_through_it() -> None:
    late = "chain laat\n    if new contact\n        wait 2 days\n    else\n        wait 3 days\n"
    asks = 'chain vraag\n    ask "x"\n        answer yes\n            wait 1 hour\n    run laat\n'
    some = 'chain soms\n    if new contact\n        ask "x"\n            answer yes\n    else\n        wait 2 days\n'
    for chains, block, expected in [
        (late, 'run laat\n    reply "x"\n', [("R502", 3)]),
        (late + asks, 'run vraag\n    reply "x"\n    run laat\n', [("R502", 3)]),
        (some, 'wait 1 day\n    run soms\n    reply "x"\n', []),
        (some + late, 'run laat\n    run soms\n    reply "x"\n', [("R502", 7)]),
        (some + late, 'run soms\n    run laat\n    reply "x"\n', [("R502", 4)]),
    ]:
        found = told(f"keyword A\n    {block}" + chains)
        assert [code for code, _ in found] == [code for code, _ in expected], (block, found)


def test_numbers_must_be_granted() -> None:
    grants = Grants(
        (NumberGrant("4411", "short-code", "NL", ("C",), ""), NumberGrant("4412", "short-code", "NL", ("B",), ""))
    )
    assert [(one.code, one.span.line) for one in checked(BRAND, grants=grants)] == [("R312", 2)]


def test_capability_09_a_number_that_does_not_serve_its_brands_country_is_warned_of() -> None:
    for countries, codes in (((), []), (("NL", "BE"), []), (("BE",), ["R438"])):
        grants = Grants((NumberGrant("4411", "short-code", "NL", ("B",), "", countries),))
        rules = 'brand "B"\n    numbers 4411\n    timezone Europe/Amsterdam\nkeyword A\n    tag x\n'
        assert [one.code for one in checked(rules, grants=grants)] == codes
        assert checked(rules.replace("Europe/Amsterdam", "UTC"), grants=grants) == []


def test_a_fallback_on_a_shared_number_is_noted() -> None:
    grants = Grants((NumberGrant("4411", "short-code", "NL", ("B", "C"), ""),))
    found = checked(BRAND + "fallback\n    tag a\n", grants=grants)
    assert [(one.code, one.severity) for one in found] == [("R513", "note")]


def test_a_brand_without_language_and_zone_has_the_defaults() -> None:
    assert [one.code for one in checked('brand "B"\n    numbers 4411\nkeyword A\n    route "STOP"\n')] == ["R505"]
    assert checked('brand "B"\n    numbers 4411\nkeyword A\n    route "REPAIR"\n') == []


def test_a_place_inside_a_text_reckons_with_escapes() -> None:
    span = s.Span("f", 1, 10, 1, 30)
    assert inside(s.String('a"b\nc', 'a\\"b\\nc', span=span), 2, 5) == s.Span("f", 1, 14, 1, 18)
    assert inside(s.String("abc"), 1, 2) == s.NOWHERE


def test_every_example_of_the_guide_is_right_and_laid_out(root: Path) -> None:
    guide = (root / "docs" / "language.md").read_text(encoding="utf-8")
    examples = re.findall(r"```rules\n(.*?)```", guide, re.DOTALL)
    assert examples
    for example in examples:
        assert checked(example) == []
        assert format_file(Source("guide", example)) == (example, [])


def test_the_guide_names_what_no_engine_runs(root: Path) -> None:
    guide = (root / "docs" / "language.md").read_text(encoding="utf-8")
    _, _, rest = guide.partition("## What is understood and does not run yet")
    listed, _, _ = rest.partition("Some of their rules")
    words = {re.sub(r"^test: ", "", name).split(" ")[0].strip("{}…. ") for name in AVAILABLE}
    assert {word for word in words if word not in listed} == set()


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(FILES.map(print_file) | spoilt(WHOLE))
def test_any_program_is_checked_to_the_end(text: str) -> None:
    found = checked(text, text)
    assert all(one.message and one.help for one in found)


def test_capability_45_a_text_without_a_class_is_refused() -> None:
    head = 'brand "B"\n    numbers 4411\n\n'
    for chain in ("keyword A", "on event a", "fallback", "chain a", "on click a", "on undelivered"):
        for action in ('send "B: x. STOP = uit."', 'send nl "B: x. STOP" en "B: y. STOP"'):
            compiled = compile_sources([Source("b.rules", f"{head}{chain}\n    {action}\n")], None)
            assert compiled.book is None
            assert "R514" in [one.code for one in compiled.diagnostics if one.severity == "error"]
    drip = 'drip a promotional\n    at once\n        send "B: x. STOP = uit."\n'
    assert compile_sources([Source("b.rules", head + drip)], None).book is not None
