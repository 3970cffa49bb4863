"""Transcripts: strict, in order, on the ways of production; failures say where, what was expected and what came."""

import msgspec
import pytest

from router.instants import DAY
from router.rehearsal import MOST_TURNS, Broke, Stage
from router.transcript import Otherwise, Play, TestResult, run_tests
from rules import syntax
from rules.diagnostics import Source
from rules.rulebook import Grants, NumberGrant
from tests.support.phones import NOON, book, brand

RULES = """contact
    naam     text
    geboren  date

keyword HOI
    tag gast
    record bezoek = "een"
    reply "Hallo *{contact.naam|u}*!\\nTot ziens."

keyword TWEE
    reply "een"
    reply "twee"

keyword WACHT
    wait 1 hour
    reply "nu"

keyword DEEL
    split helft
        50% links
            reply "links"
        50% rechts
            reply "rechts"

keyword ROND
    run draaien

chain draaien
    split rondje
        10% een
            reply "1"
        90% ander
            reply "2"

fallback
    reply "Wat?"
"""


def played(test: str, rules: str = RULES, grants: Grants | None = None, numbers: str = "4411") -> list[TestResult]:
    return run_tests([brand(f"{rules}\n{test}", numbers=numbers)], grants)


def failure(test: str) -> tuple[int, str, str] | None:
    """Line within the test, what was expected and what came; None when it passed."""
    (result,) = played(test)
    found = result.failure
    return None if found is None else (found.span.line - result.span.line, found.expected, found.came)


@pytest.mark.parametrize(
    "lines",
    [
        "> HOI\n    < Hallo \\*u\\*!\\nTot ziens.",
        "> HOI\n    < Hallo*ziens.",
        "> HOI\n    < *",
        "> TWEE\n    < een\n    < twee\n    receipt delivered\n    receipt undelivered",
        "> WACHT\n    nothing\n    later 59 minutes\n    nothing\n    later 1 minute\n    < nu",
        "> WACHT\n    later 1 hour\n    < nu\n    later 1 day\n    nothing",
        "given number +3197010281234\n    > zomaar\n    < Wat?",
        'given contact naam = "Jan"\n    > HOI\n    < *Jan*\n    check contact.naam = "jan"',
        "given contact geboren = 2000-02-29\n    check contact.geboren = 2000-02-29",
        'given contact naam = ""\n    check not contact.naam',
        "given tag gast\n    given tag vriend\n    check tag gast and tag vriend",
        '> HOI\n    < *\n    check tag gast and bezoek = "een"',
        "given arm helft links\n    > DEEL\n    < links",
        "given arm helft rechts\n    given arm rondje een\n    > DEEL\n    < rechts\n    > ROND\n    < 1",
        "> STOP\n    < *\n    > HOI\n    withheld opted_out",
        "> STOP\n    < *\n    > HOI\n    withheld opted_*",
    ],
)
def test_what_passes(lines: str) -> None:
    (result,) = played(f'test "zo"\n    {lines}\n', numbers="4411, +3197010281234")
    assert result.failure is None, result.failure
    assert (result.brand, result.title) == ("Merk", "zo")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("> HOI\n    < Dag", (2, "< Dag", "< Hallo \\*u\\*!\\nTot ziens.")),
        ("> TWEE\n    < twee\n    < een", (2, "< twee", "< een\n< twee")),
        ("> TWEE\n    < een", (0, "nothing more", "< twee")),
        ("> TWEE\n    < een\n    > HOI", (3, "nothing before `>`", "< twee")),
        ("> WACHT\n    later 1 hour\n    nothing", (3, "nothing", "< nu")),
        ("> WACHT\n    < nu", (2, "< nu", "nothing")),
        ("> TWEE\n    < een\n    < twee\n    nothing", (4, "nothing", "< een\n< twee")),
        ("> STOP\n    < *\n    > HOI\n    withheld te_laat", (4, "withheld te_laat", "withheld opted_out")),
        ("> HOI\n    < *\n    check tag vriend", (3, "the condition holds", "bezoek = een, tag gast")),
        ("check tag vriend", (1, "the condition holds", "nothing is known")),
        ("receipt delivered", (0, "nothing more", "a fault: no text is waiting for a receipt")),
    ],
)
def test_what_fails(lines: str, expected: tuple[int, str, str]) -> None:
    assert failure(f'test "zo"\n    {lines}\n') == expected


def test_arms_that_hardly_anybody_falls_into() -> None:
    one = "    split proef_{place}\n        1% een\n            tag x\n        99% rest\n            tag y\n"
    rules = "keyword DEEL\n" + "".join(one.format(place=place) for place in range(3))
    lines = "".join(f"    given arm proef_{place} een\n" for place in range(3))
    (result,) = played(f'test "zo"\n{lines}    > DEEL\n', rules)
    assert result.failure is not None
    assert result.failure.expected == "a phone in proef_0 een, proef_1 een, proef_2 een"


@pytest.mark.parametrize(
    ("line", "expected", "came"),
    [
        (syntax.AgentSays(syntax.String("hallo")), "a line that this version can play", "`agent`"),
        (syntax.Given("service", "shop"), "something that this version can suppose", "`given service`"),
        (
            syntax.ExpectCheck(syntax.InSegment("nergens")),
            "a condition that this version can check",
            "InSegment",
        ),
    ],
)
def test_what_waits_for_later_engines_fails_and_says_so(line: syntax.TestLine, expected: str, came: str) -> None:
    rules = book(RULES)
    stage = Stage(rules, "31600000001", NOON)
    try:
        with pytest.raises(Otherwise) as otherwise:
            Play(syntax.Transcript(syntax.String("zo"), (line,)), rules.brands["Merk"], stage).line(line)
    finally:
        stage.close()
    assert (otherwise.value.failure.expected, otherwise.value.failure.came) == (expected, came)


def test_tests_begin_on_a_monday_at_noon_else_when_they_say() -> None:
    rules = """keyword DAG
    if day in mon
        reply "maandag"
    else
        reply "anders"
"""
    test = 'test "nu"\n    > DAG\n    < maandag\n\ntest "dan" at 2026-01-06 23:59\n    > DAG\n    < anders\n'
    assert [result.failure for result in played(test, rules)] == [None, None]


def test_each_test_has_a_phone_of_its_own() -> None:
    test = '\ntest "een"\n    > WACHT\n\ntest "twee"\n    later 1 day\n    nothing\n    check not tag gast\n'
    assert [result.failure for result in played(test)] == [None, None]


def test_results_come_in_the_order_of_the_files() -> None:
    sources = [
        brand('keyword AA1\n    tag x\n\ntest "a"\n    > AA1\n\ntest "b"\n    > AA1\n', "Een"),
        brand('keyword BB1\n    tag x\n\ntest "c"\n    > BB1\n', "Twee"),
    ]
    assert [(result.brand, result.title) for result in run_tests(sources, None)] == [
        ("Een", "a"), ("Een", "b"), ("Twee", "c"),
    ]  # fmt: skip
    assert [result.title for result in run_tests(sources[::-1], None)] == ["c", "a", "b"]


def test_rules_that_do_not_load_fail_as_one() -> None:
    (result,) = run_tests([Source("a.rules", 'brand "Merk"\n    numbers 4411\n\nkeyword AA1\n    tga x\n')], None)
    assert result.failure is not None
    assert (result.title, result.failure.span.line) == ("the rules can be loaded", 5)


def test_nothing_to_play() -> None:
    assert played("") == []


def test_a_brand_without_a_number_of_its_own_says_nothing() -> None:
    grants = Grants((NumberGrant("4411", "short-code", "NL", ("Merk",), "c"),))
    assert [result.failure for result in played('test "a"\n    > TWEE\n    < een\n    < twee\n', grants=grants)] == [
        None
    ]


def test_what_cannot_be_acted_upon_is_told() -> None:
    rules = book(RULES)
    stage = Stage(msgspec.structs.replace(rules, brands={}), "31600000001", NOON)
    try:
        (broke,) = stage.text("4411", "TWEE")
    finally:
        stage.close()
    assert broke == Broke("KeyError: 'Merk'")


def test_a_chain_that_never_rests_ends() -> None:
    rules = book('keyword ROND\n    wait 1 minute\n    route "ROND"\n')
    stage = Stage(rules, "31600000001", NOON)
    try:
        assert stage.text("4411", "ROND") == []
        assert stage.until(NOON + 14 * DAY) == [Broke(f"more than {MOST_TURNS} things fell due")]
    finally:
        stage.close()
