"""The house rules that tools prove: layout, types, which way imports point; a change that breaks one is not green."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("lint-imports", "--no-cache"),
        ("mypy",),
        ("mypy", "tests"),
    ],
    ids=" ".join,
)
def test_a_tool_finds_nothing(command: tuple[str, ...], root: Path) -> None:
    tool, *arguments = command
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(root)}
    ran = subprocess.run(
        [TOOLS / tool, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
