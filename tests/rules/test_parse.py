"""The whole grammar reads into its tree; anything else ends in diagnostics, never in an exception."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules import syntax as s
from rules.diagnostics import Diagnostic, Source, as_json, has_errors, render
from rules.format import print_file
from rules.parse import LIMITS, Limits, parse
from tests.rules.strategies import FILES, spoilt

WHOLE = (Path(__file__).parent / "whole.rules").read_text(encoding="utf-8")
SLOW = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
FLOOR_RULES_A_SECOND = 300
"""Far below what an idle machine does (3,000 and more), so that a busy one does not fail the test."""


def read(text: str, limits: Limits = LIMITS) -> tuple[s.File, list[Diagnostic]]:
    file, diagnostics = parse(Source("a.rules", text), limits)
    assert file is not None
    return file, diagnostics


def only(text: str) -> s.Declaration:
    file, diagnostics = read(text)
    assert diagnostics == []
    return file.declarations[0]


def test_every_construct_of_the_language_parses() -> None:
    file, diagnostics = read(WHOLE)
    assert diagnostics == []
    kinds = {type(declaration) for declaration in file.declarations}
    assert kinds == set(get_args(s.Declaration))


def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing() -> None:
    assert read("\ufeff" + WHOLE.replace("\n", "\r\n")) == read(WHOLE)


def test_a_file_without_declarations_is_one() -> None:
    assert read("") == (s.File(()), [])
    assert read("\n# nothing yet\n\n") == (s.File(()), [])


def test_words_of_any_script_that_has_capitals() -> None:
    keyword = only('keyword ŁÓDŹ РЕМОНТ ΑΘΉΝΑ ARRE\u0302T 2FOR1 1 "مساعدة"\n    tag größe\n')
    assert isinstance(keyword, s.Keyword)
    elements = keyword.pattern.elements
    assert [one.text for one in elements if isinstance(one, s.Word)] == [
        "ŁÓDŹ",
        "РЕМОНТ",
        "ΑΘΉΝΑ",
        "ARRE\u0302T",
        "2FOR1",
        "1",
    ]
    assert elements[-1] == s.Quoted("مساعدة")
    assert keyword.block == (s.Tag("größe"),)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"plain"', "plain"),
        ('"a \\"quote\\", a line\\nand \\\\"', 'a "quote", a line\nand \\'),
        ("“curly”", "curly"),
        ("„deutsch“", "deutsch"),
        ('"half”', "half"),
        ('“half"', "half"),
        ('"with “curly” inside"', "with “curly” inside"),
        ('“with "straight" inside”', 'with "straight" inside'),
        ('"# no comment" # a comment', "# no comment"),
    ],
)
def test_quotes(written: str, value: str) -> None:
    keyword = only(f"keyword A\n    reply {written}\n")
    assert isinstance(keyword, s.Keyword)
    assert keyword.block == (s.Reply(s.Text((s.TextIn(None, s.String(value)),))),)


def test_names_may_be_spelled_like_keywords() -> None:
    chain = only("chain reply\n    tag tag\n    record record = record\n    run run\n")
    assert chain == s.Chain("reply", (s.Tag("tag"), s.Record("record", s.Name("record")), s.Run("run")))


def test_what_phones_send_and_get_is_taken_raw() -> None:
    test = only('test "x"\n    >  two "spaces" # and a hash\n    <\n    < * and \\* # too\n')
    assert isinstance(test, s.Transcript)
    assert test.lines == (s.Says(' two "spaces" # and a hash'), s.Gets(""), s.Gets("* and \\* # too"))


def test_not_and_or_bind_as_people_read_them() -> None:
    segment = only("segment x = not a and b or c and (d or e)\n")
    a, b, c, d, e = (s.Name(name) for name in "abcde")
    assert segment == s.Segment("x", s.Or((s.And((s.Not(a), b)), s.And((c, s.Or((d, e)))))))


def test_every_node_knows_its_place() -> None:
    keyword = only("\n\nkeyword A <n 0..9>   # why\n    set contact.x  = n\n")
    assert isinstance(keyword, s.Keyword)
    assert keyword.span == s.Span("a.rules", 3, 1, 3, 19)
    assert keyword.pattern.elements[1].span == s.Span("a.rules", 3, 11, 3, 19)
    action = keyword.block[0]
    assert isinstance(action, s.SetAttribute)
    assert action.span == s.Span("a.rules", 4, 5, 4, 23)
    assert action.name_span == s.Span("a.rules", 4, 9, 4, 18)
    assert action.value.span == s.Span("a.rules", 4, 22, 4, 23)


def test_comments_are_kept_with_their_places() -> None:
    file, _ = read("# one\nkeyword A # two\n    # three\n    tag a\n")
    assert [(one.text, one.span.line, one.span.column) for one in file.comments] == [
        (" one", 1, 1),
        (" two", 2, 11),
        (" three", 3, 5),
    ]


def test_all_faults_of_a_file_are_told_at_once() -> None:
    _, diagnostics = read(
        'keyword Repair\n    replay "x"\n    wait 25 uur\n\n'
        "keyword B\n    if x == 3\n        tag Klant\n    wait until 25:00\n"
    )
    assert [(one.code, one.span.line) for one in diagnostics] == [
        ("R105", 1), ("R203", 2), ("R201", 3), ("R208", 6), ("R217", 7), ("R401", 8),
    ]  # fmt: skip


def test_a_broken_declaration_hides_no_other_and_its_name_stays_known() -> None:
    file, diagnostics = read(
        "drip welkom promo\n    at once\n        tag a\nchain c\n    tag b\ncontact\n    naam\n    oud text\n"
    )
    assert [one.code for one in diagnostics] == ["R201", "R212"]
    assert file.declarations == (s.Chain("c", (s.Tag("b"),)),)
    assert file.unread == (("drip", "welkom"), ("contact", "naam"), ("contact", "oud"))
    assert [type(one) for one in file.partial] == [s.Drip, s.Contact]


def test_a_broken_brand_is_remembered() -> None:
    file, _ = read("brand De Klusser\n    numbers 4411\n")
    assert file.unread == (("brand", ""),)


def test_bounds_are_told_and_never_crossed() -> None:
    for text, limits, code in [
        ("chain a\n    tag b\n", Limits(characters=10), "R111"),
        ("desk a b\n" * 3, Limits(declarations=2), "R111"),
    ]:
        file, diagnostics = parse(Source("a.rules", text), limits)
        assert file is None
        assert [one.code for one in diagnostics] == [code]
    deep = "".join(" " * level + "if x\n" for level in range(1, 40))
    assert [one.code for one in read("chain a\n" + deep + " " * 40 + "tag a\n")[1]] == ["R110"]
    assert [one.code for one in read(f"segment a = {'(' * 30}b{')' * 30}\n")[1]] == ["R110"]
    assert [one.code for one in read(f"segment a = {'not ' * 300}b\n")[1]] == ["R110"]


def test_faults_are_bounded_too() -> None:
    faulty = "chain a\n" + "    replay\n" * 50
    assert len(read(faulty, Limits(faults_of_declaration=5))[1]) == 5
    assert len(read(faulty * 3, Limits(faults=7))[1]) == 8 + 1 + 1


def test_a_fault_in_a_file_that_is_not_at_hand_is_shown_by_its_place() -> None:
    _, (fault,) = read("keyword A\n    tagg a\n")
    assert render(fault, {}) == "a.rules:2:5: error R203: `tagg` is not an action.\n  help: Did you mean `tag`?"


def test_json_form_of_a_fault() -> None:
    _, diagnostics = read("keyword A\n    tagg a\n")
    assert [as_json(one) for one in diagnostics] == [
        {
            "code": "R203",
            "severity": "error",
            "file": "a.rules",
            "line": 2,
            "column": 5,
            "end_line": 2,
            "end_column": 9,
            "message": "`tagg` is not an action.",
            "help": "Did you mean `tag`?",
        }
    ]


ODD = [*"\x85\u2003\u3000\u200b\u2028\x1c\x00\ud800é\u0301²½Ⅷǅ١\"'()><=-.,", ""]
LINES = "reply send ask wait tag set add record run route split if opt escalate fetch notify email charge forward else"


@pytest.mark.parametrize("sign", ODD)
def test_any_sign_anywhere_ends_in_diagnostics(sign: str) -> None:
    for text in [
        f"{sign}\n    x",
        f"keyword {sign}\n    if x\n{sign} y\n    {sign} z\n",
        f"contact\n    {sign} a\n",
        f"keyword A\n    wait {sign} days\n    wait until {sign}:00\n    wait until 1{sign}\n",
        f'brand "x"\n    numbers {sign}1\n    limit {sign}\n    timezone {sign}\n',
        f'brand "x"\n    language {sign}\n    quiet {sign}\n',
        f"keyword <x 0..{sign}>\n    split a\n        {sign}% b\n            tag a\n        5{sign} c\n",
        *(f"keyword A\n    {word} {sign}\n" for word in LINES.split()),
        *(f"keyword A {word} {sign}\n    tag a\n" for word in ("", "<x", "[", "(", "A |", "on", "yes")),
    ]:
        file, _ = read(text)
        assert isinstance(file, s.File)


@SLOW
@given(st.text(max_size=200) | st.text(st.sampled_from('AEkeyword \n    "<>()[]:=.#{}|%0123éЖ\t\r'), max_size=200))
def test_any_text_ends_in_a_file_or_in_diagnostics(text: str) -> None:
    file, _ = read(text)
    assert isinstance(file, s.File)


@SLOW
@given(spoilt(WHOLE))
def test_any_spoilt_file_ends_in_a_file_or_in_diagnostics(text: str) -> None:
    file, diagnostics = read(text)
    rows = text.removeprefix("\ufeff").split("\n")
    for one in diagnostics:
        assert one.message.endswith((".", "?", ":"))
        assert one.help
        assert 1 <= one.span.line <= len(rows) + 1
        assert one.span.column >= 1
        assert (one.span.end_line, one.span.end_column) > (one.span.line, one.span.column)
    if not has_errors(diagnostics):
        assert not file.partial
        assert not file.unread


@SLOW
@given(FILES, st.data())
def test_one_fault_hides_no_other_declaration(file: s.File, data: st.DataObject) -> None:
    before = print_file(file)
    broken = data.draw(st.sampled_from(["keyword x\n    tag a\n", "chain c\n    replay a\n", "desk a\n", "drip a\n"]))
    read_file, diagnostics = read(before + broken)
    assert read_file.declarations == file.declarations
    assert [one.span.line > before.count("\n") for one in diagnostics] == [True] * len(diagnostics) != []


@pytest.mark.bench
def test_thousands_of_rules_are_read_in_a_second() -> None:
    rule = 'keyword REPAIR{} (KEUKEN | BAD) as unit\n    reply "Wij bellen over uw {{unit}}."\n    tag reparatie\n'
    rules = 1_000
    text = "".join(rule.format(number) for number in range(rules))
    read(rule.format(0))
    started = time.process_time()
    file, diagnostics = read(text)
    took = time.process_time() - started
    assert (len(file.declarations), diagnostics) == (rules, [])
    assert rules / took > FLOOR_RULES_A_SECOND


def test_numbers_keep_their_digits() -> None:
    segment = only("segment x = event.total >= -12.50\n")
    assert isinstance(segment, s.Segment)
    assert isinstance(segment.condition, s.Compare)
    assert segment.condition.right == s.Number(Decimal("-12.50"))
