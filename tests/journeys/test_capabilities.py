"""The capabilities this version has, each shown by a conversation; files of one number play as one set."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from router.rehearsal import Got, Stage
from router.transcript import run_tests
from rules.compiler import compile_sources
from rules.diagnostics import Diagnostic, Source

HERE = Path(__file__).parent
BRANDS = HERE.parents[1] / "config" / "brands"
EXAMPLES = HERE.parents[1] / "config" / "examples" / "brands"


def number_of(path: Path) -> str:
    return path.name.split("_")[1]


SETS = {number: list(paths) for number, paths in groupby(sorted(HERE.glob("capability_*.rules")), number_of)}


def sources(paths: list[Path]) -> list[Source]:
    return [Source(path.name, path.read_text(encoding="utf-8")) for path in paths]


def failures(paths: list[Path]) -> list[str]:
    """What did not come out as written; a set without a test fails too."""
    results = run_tests(sources(paths), None)
    told = [
        f"{failure.span.file}:{failure.span.line}: {one.title}: expected {failure.expected}, came {failure.came}"
        for one in results
        if (failure := one.failure) is not None
    ]
    return told if results else ["no test in it"]


@pytest.mark.parametrize("number", SETS)
def test_a_capability_comes_out_as_written(number: str) -> None:
    assert failures(SETS[number]) == []


@pytest.mark.parametrize("path", sorted(BRANDS.glob("*.rules")), ids=lambda path: path.stem)
def test_each_brand_of_the_demo_stands_alone(path: Path) -> None:
    assert failures([path]) == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.rules")), ids=lambda path: path.stem)
def test_each_example_stands_alone_and_needs_no_warning(path: Path) -> None:
    assert failures([path]) == []
    assert [one for one in compile_sources(sources([path]), None).diagnostics if one.severity != "note"] == []


def test_the_brands_of_the_demo_stand_together_and_need_no_warning() -> None:
    paths = sorted(BRANDS.glob("*.rules"))
    assert failures(paths) == []
    assert [one for one in compile_sources(sources(paths), None).diagnostics if one.severity != "note"] == []


def told(*texts: str) -> list[Diagnostic]:
    files = [Source(f"{place}.rules", text) for place, text in enumerate(texts, 1)]
    return [one for one in compile_sources(files, None).diagnostics if one.severity == "error"]


def brand(name: str, rules: str) -> str:
    return f'brand "{name}"\n    numbers 4411\n    language nl\n    timezone Europe/Amsterdam\n\n{rules}'


def test_capability_10_two_brands_cannot_have_one_keyword() -> None:
    clashes = told(brand("Een", "keyword OFFER\n    tag x\n"), brand("Twee", "keyword OFFER\n    tag x\n"))
    places = {(span.file, span.line) for one in clashes for span in (one.span, *(span for span, _ in one.related))}
    assert {("1.rules", 6), ("2.rules", 6)} <= places
    assert any("Een" in one.message and "Twee" in one.message for one in clashes)


def test_capability_13_a_text_cannot_ask_for_a_word_that_nothing_takes() -> None:
    rule = 'keyword ACTIE\n    reply "Antwoord FREEBURGER voor een burger."\n'
    (unheard,) = told(brand("Een", rule))
    assert (unheard.code, unheard.span.line) == ("R705", 7)
    assert told(brand("Een", rule + "\nkeyword FREEBURGER\n    tag x\n")) == []


NOON = 1_767_610_800_000_000
"""2026-01-05 12:00 in Amsterdam."""


@pytest.fixture
def stage() -> Iterator[Stage]:
    """The set of two brands on one code, and a phone that nobody knows."""
    book = compile_sources(sources(SETS["03"] + SETS["07"]), None).book
    assert book is not None
    made = Stage(book, "31612345678", NOON)
    yield made
    made.close()


def test_capability_01_one_thread_per_number_and_phone(stage: Stage) -> None:
    stage.text("3197010281234", "OPEN")
    stage.text("3197010281234", "LANG")
    thread = stage.facts("3197010281234").thread
    assert (thread.last_brand, thread.replies) == ("Winkel", 2)
    assert thread.last_in_at == thread.last_out_at == stage.world.now()
    assert stage.facts("4411").thread.last_in_at is None


def test_capability_03_the_answer_leaves_from_the_number_texted(stage: Stage) -> None:
    for number in ("4411", "3197010281234"):
        (answer,) = stage.text(number, "OPEN")
        assert answer == Got("We zijn open tot 18:00.", number)


def test_capability_08_an_unknown_word_is_of_no_brand(stage: Stage) -> None:
    stage.text("4411", "PIZZA")
    assert stage.taken() == [("PIZZA", None, "unrouted")]


def test_the_table_of_capabilities_names_tests_that_exist() -> None:
    table = (HERE.parents[1] / "docs" / "capabilities.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (shown|partly|open) \| ([^|]+) \|$", table, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 89))
    written = "\n".join(path.read_text(encoding="utf-8") for path in HERE.parent.rglob("test_*.py"))
    for number, state, words in rows:
        named = re.findall(r"`([^`]+)`", words)
        assert named or state == "open", number
        for name in named:
            found = (HERE / name).exists() or (HERE.parents[1] / name).exists() or f"def {name}(" in written
            assert found, (number, name)


def test_every_row_that_something_shows_has_a_test_that_bears_its_number() -> None:
    table = (HERE.parents[1] / "docs" / "capabilities.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (?:shown|partly) \|", table, re.MULTILINE)
    titles = "\n".join(path.read_text(encoding="utf-8") for path in (*HERE.glob("*.rules"), *EXAMPLES.glob("*.rules")))
    borne = {
        int(one)
        for numbers in re.findall(r'^test "([\d en]+): ', titles, re.MULTILINE)
        for one in numbers.split(" en ")
    }
    borne |= {int(number) for number in SETS}
    for path in HERE.parent.rglob("test_*.py"):
        named = re.findall(
            r"^(?:async )?def test_capabilit(?:y|ies)_((?:\d+_)+)", path.read_text("utf-8"), re.MULTILINE
        )
        borne |= {int(number) for numbers in named for number in numbers.rstrip("_").split("_")}
    assert {int(number) for number in rows} <= borne
