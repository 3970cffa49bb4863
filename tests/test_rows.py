"""The fault matrix in docs/reliability.md tells the truth: each promised row has its test, and each test exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PROMISED = (
    *range(1, 9), *range(10, 13), *range(14, 32), 33, 36, 37, 38, 43, 44, 49, 53, 54, *range(57, 60), 63,
)  # fmt: skip
"""Rows of RELIABILITY.md 2.7 that must be shown by now."""
NAME = re.compile(r"test_row_(\d\d)_\w+")
LINE = re.compile(r"^\| (\d+) \| (.+?) \| (.*) \| (.*?) \|$", re.MULTILINE)


@cache
def rows_tested(root: Path) -> dict[str, Path]:
    """Every test function that bears a row's number, and its file."""
    found: dict[str, Path] = {}
    for path in (root / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and NAME.fullmatch(node.name):
                found[node.name] = path
    return found


@cache
def table(root: Path) -> dict[int, tuple[str, str, str]]:
    """Fault, tests and state by row."""
    text = (root / "docs" / "reliability.md").read_text(encoding="utf-8")
    return {int(row): (fault, tests, state) for row, fault, tests, state in LINE.findall(text)}


@pytest.mark.parametrize("row", PROMISED)
def test_a_promised_row_is_shown(row: int, root: Path) -> None:
    fault, tests, state = table(root)[row]
    named = [name.group() for name in NAME.finditer(tests) if int(name.group(1)) == row]
    assert named, f"no test of row {row} ({fault}) is named"
    assert state == "shown"


def test_what_the_table_names_exists(root: Path) -> None:
    existing = rows_tested(root)
    for row, (_, tests, _) in table(root).items():
        for file, name in re.findall(r"`(tests/\S+?)::(\w+)`", tests):
            assert existing.get(name) == root / file, f"row {row}: {file} has no {name}"
            assert int(name[9:11]) == row


def test_every_test_of_a_row_stands_in_the_table(root: Path) -> None:
    named = {name for _, tests, _ in table(root).values() for name in re.findall(r"::(\w+)`", tests)}
    rows = {int(name[9:11]) for name in rows_tested(root)}
    assert rows <= {int(name[9:11]) for name in named}, "each row that has tests names at least one"


def test_the_rows_are_those_of_the_specification(root: Path) -> None:
    spec = (root / "docs" / "spec" / "RELIABILITY.md").read_text(encoding="utf-8").partition("### 2.7")[2]
    faults = {
        int(row): fault for row, fault in re.findall(r"^\| (\d+) \| (.+?) \|", spec.partition("\n## ")[0], re.MULTILINE)
    }
    assert {row: fault for row, (fault, _, _) in table(root).items()} == faults
