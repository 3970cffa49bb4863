"""`kwek check`, `fmt` and `test` on files: what they print, what they change, and how they end."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.exits import Exit
from tests.support.process import write_config
from tests.support.rules_files import BROKEN, KLUSSER, TESTED, write

LOOSE = KLUSSER.replace("    numbers   4411", "    numbers 4411")
REPLAY = """\
brands/klusser.rules:18:5: error R203: `replay` is not an action.
   18 |     replay "Dank u."
      |     ^^^^^^
  help: Did you mean `reply`?

"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the test runs, so that printed paths are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kwek(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    shown = CliRunner().invoke(app, arguments)
    return shown.exit_code, shown.stdout, shown.stderr


def test_check_tells_about_texts_and_is_content() -> None:
    write(Path("brands"), klusser=KLUSSER)
    code, out, err = kwek("check", "brands")
    assert (code, err) == (Exit.OK, "1 file, 0 errors, 5 notes\n")
    assert out.splitlines()[0] == (
        "brands/klusser.rules:7:11: note R701: This text goes out as GSM 7-bit and takes 1 segment."
    )


def test_check_shows_a_fault_with_its_line_and_fails() -> None:
    write(Path("brands"), klusser=BROKEN)
    code, out, err = kwek("check", "brands/klusser.rules")
    assert (code, err) == (Exit.FAILED, "1 file, 1 error, 4 notes\n")
    assert out.endswith(REPLAY)


def test_check_prints_the_contracts_list_for_programs() -> None:
    write(Path("brands"), klusser=BROKEN)
    code, out, _ = kwek("check", "--format", "json", "brands")
    assert code == Exit.FAILED
    assert json.loads(out)[-1] == {
        "code": "R203",
        "severity": "error",
        "file": "brands/klusser.rules",
        "line": 18,
        "column": 5,
        "end_line": 18,
        "end_column": 11,
        "message": "`replay` is not an action.",
        "help": "Did you mean `reply`?",
    }


def test_check_of_what_is_not_there_fails_and_still_checks_the_rest() -> None:
    write(Path("brands"), klusser=KLUSSER)
    code, out, err = kwek("check", "nowhere", "brands")
    assert (code, err) == (Exit.FAILED, "1 file, 1 error, 5 notes\n")
    assert out.endswith("nowhere:1:1: error R001: There is no such file or folder.\n  help: Is the path right?\n\n")


def test_fmt_rewrites_what_is_loose_and_tells_which() -> None:
    write(Path("brands"), a=LOOSE, b=KLUSSER.replace("De Klusser", "Tweede").replace("4411", "4422"))
    assert kwek("fmt", "brands") == (Exit.OK, "brands/a.rules: put into the layout\n", "2 files, 1 changed\n")
    assert Path("brands/a.rules").read_text(encoding="utf-8") == KLUSSER
    assert kwek("fmt", "brands") == (Exit.OK, "", "2 files, 0 changed\n")


def test_fmt_check_writes_nothing_and_fails() -> None:
    write(Path("brands"), a=LOOSE)
    expected = (Exit.FAILED, "brands/a.rules: not in the layout\n", "1 file, 1 to change\n")
    assert kwek("fmt", "--check", "brands") == expected
    assert Path("brands/a.rules").read_text(encoding="utf-8") == LOOSE


def test_fmt_tells_programs_what_it_changed() -> None:
    write(Path("brands"), a=LOOSE)
    code, out, _ = kwek("fmt", "brands", "--format", "json")
    assert code == Exit.OK
    assert [(one["code"], one["severity"], one["file"], one["message"]) for one in json.loads(out)] == [
        ("R010", "note", "brands/a.rules", "This file was put into the layout.")
    ]


def test_fmt_leaves_what_it_cannot_read_and_does_the_rest() -> None:
    write(Path("brands"), a=LOOSE, klusser=BROKEN)
    code, out, err = kwek("fmt", "brands")
    assert (code, err) == (Exit.FAILED, "2 files, 1 changed\n")
    assert out == REPLAY + "brands/a.rules: put into the layout\n"
    assert Path("brands/klusser.rules").read_text(encoding="utf-8") == BROKEN


def test_fmt_tells_what_it_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    write(Path("brands"), a=LOOSE)

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", read_only)
    code, out, err = kwek("fmt", "brands")
    assert (code, err) == (Exit.FAILED, "1 file, 0 changed\n")
    assert out.splitlines()[0] == (
        "brands/a.rules:1:1: error R004: This file cannot be written: Read-only file system."
    )


def test_test_counts_conversations() -> None:
    write(Path("brands"), klusser=KLUSSER + TESTED)
    assert kwek("test", "brands") == (Exit.OK, "", "1 test, 0 failed\n")


def test_test_shows_where_a_conversation_came_out_otherwise() -> None:
    write(Path("brands"), klusser=KLUSSER + TESTED.replace("belt.", "komt."))
    assert kwek("test", "brands") == (
        Exit.FAILED,
        """\
brands/klusser.rules:22:5: error T001: The test `reparatie` expects `< Onze monteur voor uw keuken komt.` here, \
but there came `< Onze monteur voor uw keuken belt.`.
   22 |     < Onze monteur voor uw keuken komt.
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  help: Change the rules, or the test if the rules are right.

""",
        "1 test, 1 failed\n",
    )


def test_test_tells_programs_the_same_as_a_list() -> None:
    write(Path("brands"), klusser=KLUSSER + TESTED.replace("belt.", "komt."))
    code, out, _ = kwek("test", "--format", "json", "brands")
    assert code == Exit.FAILED
    assert [(one["code"], one["severity"], one["line"]) for one in json.loads(out)] == [("T001", "error", 22)]


def test_test_plays_nothing_while_rules_are_broken() -> None:
    write(Path("brands"), klusser=BROKEN + TESTED)
    assert kwek("test", "brands") == (Exit.FAILED, REPLAY, "1 file, 1 error; no test was played\n")


GRANTED = """\
[[connector]]
name = "a"
host = "127.0.0.1"
system_id = "kwek"
password = ""

[[number]]
number = "4411"
kind = "short-code"
country = "NL"
brands = ["Burgerzaak"]
via = "a"
"""


def test_a_configuration_says_which_numbers_are_granted() -> None:
    write(Path("brands"), klusser=KLUSSER + TESTED)
    Path("kwek.toml").write_text(GRANTED, encoding="utf-8")
    refused = """\
brands/klusser.rules:2:15: error R312: 4411 is not granted to the brand De Klusser.
    2 |     numbers   4411
      |               ^^^^
  help: Ask whoever runs the gateway: numbers are granted to brands in its kwek.toml.

"""
    code, out, _ = kwek("check", "--config", "kwek.toml", "brands")
    assert (code, out.partition("\n\n")[0] + "\n\n") == (Exit.FAILED, refused)
    assert kwek("test", "--config", "kwek.toml", "brands")[:2] == (Exit.FAILED, refused)
    code, _, err = kwek("chat", "--config", "kwek.toml", "--to", "4411", "brands")
    assert (code, err) == (Exit.FAILED, refused)
    Path("kwek.toml").write_text(GRANTED.replace("Burgerzaak", "De Klusser"), encoding="utf-8")
    assert kwek("test", "--config", "kwek.toml", "brands") == (Exit.OK, "", "1 test, 0 failed\n")


def test_a_broken_configuration_ends_the_command() -> None:
    write(Path("brands"), klusser=KLUSSER)
    code, out, err = kwek("check", "--config", "kwek.toml", "brands")
    assert (code, out) == (Exit.USAGE, "")
    assert err.splitlines()[0] == "kwek.toml: error: there is no such file"


def test_check_warns_of_a_budget_that_nothing_has_a_price_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    rules = KLUSSER.replace("    numbers   4411", "    numbers   4411\n    budget    EUR 100.00 per month")
    config = write_config(folder, 2775, rules, Klusser="De Klusser")
    code, _, err = kwek("check", "brands", "--config", str(config))
    assert code == Exit.OK
    assert "warning: the budget of De Klusser cannot work: no [[price]] in the settings is in EUR" in err
    config.write_text(config.read_text() + '\n[[price]]\nconnector = "carrier"\nsegment = "EUR 0.07"\n')
    assert "budget" not in kwek("check", "brands", "--config", str(config))[2]
