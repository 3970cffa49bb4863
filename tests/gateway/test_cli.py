"""The command line as a whole: its names, its exit codes, and what a fault of our own looks like."""

import io
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.exits import MEANINGS, Exit

COMMANDS = (
    "run",
    "demo",
    "check",
    "test",
    "fmt",
    "explain",
    "chat",
    "plan",
    "deploy",
    "rollback",
    "simulate",
    "text",
    "stats",
    "draw",
    "torture",
    "config",
    "pdu",
    "duplicates",
    "reviews",
    "key",
    "consent",
    "segment",
)


def test_every_command_is_named_in_the_help() -> None:
    shown = CliRunner().invoke(cli.app, ["--help"])
    assert shown.exit_code == Exit.OK
    named = re.findall(r"^│ ([a-z]+) ", shown.stdout, re.MULTILINE)
    assert tuple(named) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    assert CliRunner().invoke(cli.app, [command, "--help"]).exit_code == Exit.OK


def test_no_command_is_a_question_for_help_and_an_unknown_one_is_a_usage_fault() -> None:
    unknown = CliRunner().invoke(cli.app, ["chekc"])
    assert unknown.exit_code == Exit.USAGE
    assert "No such command 'chekc'" in unknown.stderr


def test_the_version_is_the_distributions() -> None:
    assert CliRunner().invoke(cli.app, ["--version"]).stdout == f"kwek {version('kwek')}\n"


def test_the_exit_codes_are_these() -> None:
    assert {code.name: code.value for code in Exit} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "STORE": 3,
        "PORT": 4,
        "RULES": 5,
        "INTERNAL": 70,
    }


def test_the_help_tells_every_exit_code() -> None:
    shown = " ".join(CliRunner().invoke(cli.app, ["--help"]).stdout.split())
    assert list(MEANINGS) == list(Exit)
    for code, meaning in MEANINGS.items():
        assert f"{code.value} {meaning}" in shown


def test_a_fault_of_ours_shows_where_and_has_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == Exit.INTERNAL
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == [
        "RuntimeError: out of order",
        "kwek: this is a fault of kwek itself; please report it with the lines above",
    ]


def test_octets_that_are_no_text_end_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), "utf-8"))
    monkeypatch.setattr(cli, "app", lambda: read.append(sys.stdin.readline()))
    cli.main()
    assert read == ["��\n"]


def test_the_help_loads_nothing_that_takes_long() -> None:
    code = (
        "import sys, gateway.cli; "
        "print([m for m in ('aiohttp', 'sqlalchemy', 'lark', 'structlog', 'prometheus_client', 'uvloop', 'babel') "
        "if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout == "[]\n"
