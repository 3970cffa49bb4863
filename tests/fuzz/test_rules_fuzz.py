"""Rules files as hasty fingers leave them: whatever comes in, the compiler ends in diagnostics, not in an exception."""

import os
import random
from pathlib import Path

import pytest

from rules.compiler import compile_sources
from rules.diagnostics import Source, has_errors

CASES = int(os.environ.get("KWEK_FUZZ_RULES", "1500"))
SIGNS = ' "<>(){}|:=#\t.0aA,%*'
TAILS = (" ", " x", ' "', " within 1 day")


def spoil(lines: list[str], chance: random.Random, pool: list[str]) -> list[str]:
    """One mistake: another indentation, a line lost or strayed in, a sign too many or too few, something at the end."""
    at = chance.randrange(len(lines))
    line = lines[at]
    column = chance.randrange(len(line)) if line else 0
    spoilt = {
        0: [" " * chance.randint(0, 14) + line.strip()],
        1: [],
        2: [chance.choice(pool), line],
        3: [line[:column] + chance.choice(SIGNS) + line[column:]],
        4: [line[:column] + line[column + 1 :]],
        5: [line + chance.choice(TAILS)],
    }[chance.randrange(6)]
    return [*lines[:at], *spoilt, *lines[at + 1 :]]


def test_a_spoilt_file_ends_in_diagnostics(root: Path) -> None:
    chance = random.Random(int(os.environ.get("SEED", "1")))
    files = [path.read_text() for path in sorted((root / "config" / "brands").glob("*.rules"))]
    pool = [line for text in files for line in text.split("\n")]
    faulty = 0
    for _ in range(CASES):
        lines = chance.choice(files).split("\n")
        start = chance.randrange(len(lines))
        lines = lines[start : start + chance.randint(1, 12)]
        for _ in range(chance.randint(0, 4)):
            lines = spoil(lines or [""], chance, pool)
        head = 'brand "X"\n    numbers 4411\n' if chance.random() < 0.5 else ""
        compiled = compile_sources([Source("spoilt.rules", head + "\n".join(lines))], None)
        assert (compiled.book is None) == has_errors(compiled.diagnostics)
        faulty += compiled.book is None
    assert faulty > CASES / 2, "the mistakes are mistakes"


@pytest.mark.parametrize(
    "text",
    ['keyword NPS <score 0..10>\n            tag terugbellen\nreply "Dank     u."    \n    check nps = 10'],
)
def test_what_once_raised(text: str) -> None:
    assert has_errors(compile_sources([Source("spoilt.rules", text)], None).diagnostics)
