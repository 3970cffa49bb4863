"""`kwek explain` and `kwek chat`: rules tried out without a gateway."""

import io
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.commands import chatting
from gateway.exits import Exit
from tests.support.rules_files import BROKEN, KLUSSER, write


@pytest.fixture(autouse=True)
def brands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the test runs, with one brand."""
    monkeypatch.chdir(tmp_path)
    write(Path("brands"), klusser=KLUSSER)


def kwek(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, arguments, input=typed)


def test_explain_tells_who_gets_a_text_and_what_was_read_from_it() -> None:
    shown = kwek("explain", "brands", "--to", "4411", "--from", "+31 6 1234 5678", "repair  keuken!!")
    assert shown.exit_code == Exit.OK
    assert (
        shown.stdout
        == """\
goes to De Klusser: keyword REPAIR (KEUKEN | BAD) as unit (brands/klusser.rules:6)
by the words: repair  keuken
    unit = keuken
tried, in this order:
    reserved words: NL: none
    keywords: keyword REPAIR: it fits, but less closely than keyword REPAIR (KEUKEN | BAD) as unit
    keywords: keyword REPAIR (KEUKEN | BAD) as unit: it fits
"""
    )


def test_capability_15_explain_tells_the_words_that_matched_an_answer() -> None:
    write(Path("brands"), tuin='brand "De Tuin"\n    numbers 4413\n    language nl\n\nkeyword SNOEI\n'
          '    ask "In maart?"\n        answer yes\n            reply "Dan komen we."\n')  # fmt: skip
    shown = kwek("explain", "brands/tuin.rules", "--to", "4413", "--after", "SNOEI", "ja graag hoor")
    assert (
        shown.stdout
        == """\
goes to De Tuin: keyword SNOEI (brands/tuin.rules:5)
by the words: ja
tried, in this order:
    reserved words: : none
    open questions: De Tuin/keyword SNOEI: an answer of it fits
"""
    )


def test_explain_for_programs() -> None:
    shown = kwek("explain", "brands", "--to", "+4411", "nps 9", "--format", "json")
    assert json.loads(shown.stdout) == {
        "brand": "De Klusser",
        "rule": "keyword NPS <score 0..10>",
        "file": "brands/klusser.rules",
        "line": 16,
        "matched": "nps 9",
        "captured": {"score": 9},
        "tried": [
            {"step": "reserved words", "what": "NL", "outcome": "none"},
            {"step": "keywords", "what": "keyword NPS <score 0..10>", "outcome": "it fits"},
        ],
    }


def test_explain_shows_values_of_every_kind() -> None:
    write(
        Path("brands"),
        klusser=KLUSSER + '\nkeyword ORDER <dag date> <uur time> <prijs number> <n number>\n    reply "Ja."\n',
    )
    shown = kwek("explain", "brands", "--to", "4411", "order 2026-12-24 9:30 12,50 3", "--format", "json")
    assert json.loads(shown.stdout)["captured"] == {"dag": "2026-12-24", "uur": "09:30:00", "prijs": 12.5, "n": 3}


def test_explain_where_nobody_is_meant() -> None:
    shown = kwek("explain", "brands", "--to", "4411", "hallo daar")
    assert shown.stdout.splitlines()[0] == "goes to De Klusser"


def test_a_number_that_no_brand_uses_is_told() -> None:
    shown = kwek("explain", "brands", "--to", "4412", "nps 9")
    assert (shown.exit_code, shown.stderr) == (Exit.USAGE, "no brand in these rules uses 4412; they use 4411\n")


@pytest.mark.parametrize("number", ["abc", "", "+", "4411x", "1" * 21, "٤٤١١"])
def test_what_is_no_number_is_told(number: str) -> None:
    shown = kwek("explain", "brands", "--to", number, "nps 9")
    assert shown.exit_code == Exit.USAGE
    assert "is no number" in " ".join(shown.stderr.split())


@pytest.mark.parametrize("command", [("explain", "nps 9"), ("chat",)])
def test_broken_rules_are_told_and_nothing_is_tried(command: tuple[str, ...]) -> None:
    write(Path("brands"), klusser=BROKEN)
    shown = kwek(command[0], "brands", *command[1:], "--to", "4411")
    assert (shown.exit_code, shown.stdout) == (Exit.FAILED, "")
    assert (
        shown.stderr
        == """\
brands/klusser.rules:18:5: error R203: `replay` is not an action.
   18 |     replay "Dank u."
      |     ^^^^^^
  help: Did you mean `reply`?

"""
    )


def test_rules_that_are_not_there_are_told() -> None:
    shown = kwek("chat", "nowhere", "--to", "4411")
    assert (shown.exit_code, shown.stderr) == (
        Exit.FAILED,
        "nowhere:1:1: error R001: There is no such file or folder.\n  help: Is the path right?\n\n",
    )


def test_chat_reads_like_a_transcript() -> None:
    shown = kwek("chat", "brands", "--to", "4411", typed="repair\n\nbad\nrepair\nstop\nrepair bad\n")
    assert shown.exit_code == Exit.OK
    assert shown.stdout.splitlines()[:6] == [
        "> repair",
        "< KEUKEN of BAD?",
        "> bad",
        "< bad dus.",
        "> repair",
        "< KEUKEN of BAD?",
    ]
    assert shown.stdout.splitlines()[6] == "> stop"
    assert shown.stdout.splitlines()[-2:] == ["> repair bad", "withheld opted_out"]


def test_chat_moves_the_clock_on_and_what_falls_due_comes() -> None:
    shown = kwek("chat", "brands", "--to", "4411", typed="repair\n/later 1 day\n/quit\nrepair\n")
    lines = shown.stdout.splitlines()
    assert lines[:4] == ["> repair", "< KEUKEN of BAD?", "/later 1 day", "< U antwoordde niet."]
    assert lines[4].startswith("  it is 20")
    assert lines[5:] == ["/quit"]


def test_chat_tells_what_it_knows_and_what_it_does_not() -> None:
    typed = "/huh\n/later 20000 days\n/to 4412\n/to +4411\n/receipt delivered\n/receipt lost\n"
    lines = kwek("chat", "brands", "--to", "4411", typed=typed).stdout.splitlines()
    explained = [
        "  what you type is texted; what the phone gets is shown after <",
        "  /later 1 day        the clock moves on: minutes, hours, days, weeks, months",
        "  /receipt delivered  the carrier tells of the last text: delivered, undelivered, expired",
        "  /to 4411            text to another number from now on",
        "  /quit               end (so does the end of the input)",
    ]
    assert lines == [
        "/huh",
        *explained,
        "/later 20000 days",
        "  at most 10000 at once",
        "/to 4412",
        "  no brand uses that number; there are 4411",
        "/to +4411",
        "/receipt delivered",
        "a fault: no text is waiting for a receipt",
        "/receipt lost",
        *explained,
    ]


def test_a_person_gets_a_prompt_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked: list[str] = []
    typed = iter(["nps 9"])

    def answered(prompt: str) -> str:
        asked.append(prompt)
        try:
            return next(typed)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(chatting, "input", answered, raising=False)
    chatting.chat([Path("brands")], "4411", "31612345678")
    assert asked == ["> ", "> "]
    assert capsys.readouterr().out == "texting as 31612345678 to 4411; /help tells more\n< Dank u.\n"
