"""What a beginner reads when a file is wrong: every file of broken/ with the whole of its messages.

A new mistake is a new pair of files there; a better sentence is a change to its `.expected`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.check import check
from rules.compiler import grants_of
from rules.declared import brands_of
from rules.diagnostics import Source, in_order, render
from rules.parse import parse

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(path.stem for path in BROKEN.glob("*.rules"))
LEAST_CASES = 60


def told(name: str, text: str) -> str:
    """Everything that reading and checking say about a file."""
    file, diagnostics = parse(Source(name, text))
    assert file is not None
    diagnostics += check([file], grants_of(brands_of([file])))
    return "".join(render(one, {name: text}) + "\n" for one in in_order(diagnostics))


@pytest.mark.parametrize("case", CASES)
def test_broken_file_says_what_is_wrong_and_what_to_do(case: str) -> None:
    text = (BROKEN / f"{case}.rules").read_bytes().decode()
    assert told(f"{case}.rules", text) == (BROKEN / f"{case}.expected").read_text(encoding="utf-8")


def test_there_are_enough_of_them_and_each_finds_something() -> None:
    assert len(CASES) >= LEAST_CASES
    assert all((BROKEN / f"{case}.expected").stat().st_size for case in CASES)
