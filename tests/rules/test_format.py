"""`fmt` changes how a file looks and never what it says; what it has formatted it leaves alone; comments stay.

KWEK_FMT_CASES says how many programs each round trip is tried with.
"""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules import syntax as s
from rules.diagnostics import Source
from rules.format import format_file, print_file
from rules.parse import parse
from rules.print_declarations import declaration, line_of_test
from rules.printer import action, element, expression
from tests.rules.strategies import FILES

WHOLE = (Path(__file__).parent / "whole.rules").read_text(encoding="utf-8")
GUIDE = (Path(__file__).parent / "klusser.rules").read_text(encoding="utf-8")
CASES = int(os.environ.get("KWEK_FMT_CASES", "100"))
SLOW = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))


def formatted(text: str) -> str:
    result, diagnostics = format_file(Source("a.rules", text))
    assert result is not None, diagnostics
    return result


def program(text: str) -> s.File:
    file, diagnostics = parse(Source("a.rules", text))
    assert diagnostics == []
    assert file is not None
    return file


@SLOW
@given(FILES)
def test_any_program_prints_back_to_itself_and_twice_is_once(file: s.File) -> None:
    text = print_file(file)
    assert program(text) == file
    assert formatted(text) == text


@SLOW
@given(FILES, st.data())
def test_comments_and_blank_lines_change_no_program_and_none_is_lost(file: s.File, data: st.DataObject) -> None:
    lines = print_file(file).split("\n")
    for number in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        raw = lines[at].lstrip().startswith((">", "<"))
        kind = data.draw(st.integers(0, 2))
        if kind == 0 and not raw:
            lines[at] += f" # behind {number}"
        elif kind == 1:
            lines.insert(at, " " * data.draw(st.integers(0, 12)) + f"# own {number}")
        elif kind == 2:
            lines.insert(at, "")
    text = "\n".join(lines)
    once = formatted(text)
    assert program(once) == file
    assert formatted(once) == once
    kept, found = program(once).comments, program(text).comments
    assert sorted(one.text for one in kept) == sorted(one.text for one in found)


def test_the_guides_file_is_as_fmt_writes_it() -> None:
    assert formatted(GUIDE) == GUIDE


def test_every_construct_prints() -> None:
    assert program(formatted(WHOLE)) == program(WHOLE)


@pytest.mark.parametrize(
    ("printer", "union"),
    [
        (action, s.Action),
        (element, s.Element),
        (expression, s.Expression),
        (declaration, s.Declaration),
        (line_of_test, s.TestLine),
    ],
)
def test_every_kind_of_node_has_a_printer(printer: Any, union: Any) -> None:
    assert [kind for kind in get_args(union) if kind not in printer.registry] == []
    with pytest.raises(TypeError):
        printer(*((object(), 0) if printer is action else (object(),)))


def test_the_strategies_know_every_kind_of_node() -> None:
    seen: set[type] = set()

    def look(node: Any) -> None:
        if isinstance(node, tuple):
            for one in node:
                look(one)
        elif is_dataclass(node):
            seen.add(type(node))
            for field in fields(node):
                look(getattr(node, field.name))

    look(program(WHOLE).declarations)
    every = {
        kind
        for union in (s.Action, s.Element, s.Expression, s.Declaration, s.TestLine, s.Trigger)
        for kind in get_args(union)
    }
    assert every - seen == set()


def test_comments_stay_where_they_stood() -> None:
    written = """
# About the file.

# About the brand.
brand "B"   # its name
    numbers 4411
    # deep
  # shallow
keyword A
    # before the first action
    if x   # why
        tag a
        # end of the block
    # before else
    else   # otherwise
        # first in else
        tag b
    ask "x"
        answer yes
        silence   # no answer
            tag c
# at the end
"""
    wanted = """# About the file.

# About the brand.
brand "B"  # its name
    numbers  4411
    # deep

# shallow
keyword A
    # before the first action
    if x  # why
        tag a
        # end of the block
    # before else
    else  # otherwise
        # first in else
        tag b
    ask "x"
        answer yes
        silence  # no answer
            tag c

# at the end
"""
    assert formatted(written) == wanted
    assert formatted(wanted) == wanted


def test_parts_in_another_order_are_put_in_order_and_keep_their_comments() -> None:
    written = """keyword A
    ask "x"
        silence  # nobody
            tag c
        answer yes  # good
"""
    once = formatted(written)
    assert once.index("answer") < once.index("silence")
    assert "# nobody" in once
    assert "# good" in once
    assert formatted(once) == once


def test_lines_of_declarations_stand_in_columns() -> None:
    written = 'desk storing zammad group "S"\nservice x "https://x"\n\nvoucher y "Y-#"\nsegment z = tag a # why\n'
    assert formatted(written) == (
        'desk     storing  zammad  group "S"\nservice  x        "https://x"\n\n'
        'voucher  y  "Y-#"\nsegment  z = tag a  # why\n'
    )


def test_curly_quotes_are_straightened_and_times_filled_up() -> None:
    assert formatted('keyword A\n   wait until 9:30\n   reply „Hi "you"“\n') == (
        'keyword A\n    wait until 09:30\n    reply "Hi \\"you\\""\n'
    )


def test_blank_lines_stay_single_and_part_declarations() -> None:
    written = "chain a\n\n    tag a\n\n\n\n    tag b\nchain b\n    tag c\n"
    assert formatted(written) == "chain a\n    tag a\n\n    tag b\n\nchain b\n    tag c\n"


def test_what_cannot_be_read_is_left_alone() -> None:
    result, diagnostics = format_file(Source("a.rules", "keyword x\n    tag a\n"))
    assert result is None
    assert [one.code for one in diagnostics] == ["R105"]
