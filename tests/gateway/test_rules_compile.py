"""Rule sets compiled in a process of their own come back the same, and a compiler that fails is told."""

import asyncio
import gc
import io
import os
import pickle
import sys

import pytest

from gateway import rules_compile
from gateway.rules_compile import CompilerFailedError, compile_apart, compile_here, load_yielding
from router.rehearsal import Got, Stage
from rules.diagnostics import Source
from tests.support.rules_files import BROKEN, KLUSSER

MONDAY_NOON = 1_767_610_800_000_000
SOURCES = [Source("klusser.rules", KLUSSER)]


async def test_apart_and_here_come_to_the_same() -> None:
    apart, here = await asyncio.gather(compile_apart(SOURCES, None), compile_here(SOURCES, None))
    assert apart.diagnostics == here.diagnostics
    assert apart.book is not None
    assert here.book is not None
    assert apart.book.deployment == here.book.deployment
    assert list(apart.book.brands["De Klusser"].rules) == list(here.book.brands["De Klusser"].rules)
    assert gc.isenabled()


RICH = (
    KLUSSER
    + """
keyword CODE <code /[A-Z]{2}[0-9]+/>
    if code = "ab12" and time in 0:00..23:59
        set contact.x = "b"
    reply "{code} {contact.x|y}"
    split kleur
        50% rood
            reply "rood"
        50% blauw
            reply "blauw"

contact
    x  text
"""
)


async def test_what_came_from_there_runs_as_what_was_made_here() -> None:
    heard = []
    for compile in (compile_apart, compile_here):
        book = (await compile([Source("klusser.rules", RICH)], None)).book
        assert book is not None
        stage = Stage(book, "31612345678", MONDAY_NOON)
        heard.append([stage.text("4411", text) for text in ("code ab12", "code 12", "nps 9", "repair", "bad")])
        stage.close()
    assert heard[0] == heard[1]
    assert next(got.text for got in heard[0][0] if isinstance(got, Got)) == "ab12 b"


async def test_faults_of_the_author_come_back_too() -> None:
    broken = await compile_apart([Source("klusser.rules", BROKEN)], None)
    assert broken.book is None
    assert [one.code for one in broken.diagnostics if one.severity == "error"] == ["R203"]


async def test_a_process_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_compile, "PROGRAM", "import os; os._exit(3)")
    with pytest.raises(CompilerFailedError) as fault:
        await compile_apart(SOURCES, None)
    assert str(fault.value) == "the compiler's process ended with code 3"


async def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_compile, "PROGRAM", "import signal; signal.pause()")
    monkeypatch.setattr(rules_compile, "LONGEST_S", 0.0)
    with pytest.raises(CompilerFailedError) as fault:
        await compile_apart(SOURCES, None)
    assert str(fault.value) == "compiling took longer than 0 seconds and was given up"


async def test_what_is_unpickled_lets_others_in(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    original = rules_compile._Frames.read

    def counted(self: rules_compile._Frames, size: int = -1) -> bytes:
        reads.append(size)
        return original(self, size)

    monkeypatch.setattr(rules_compile._Frames, "read", counted)
    compiled = await compile_here(
        [
            Source(f"{n}.rules", KLUSSER.replace("Klusser", f"Merk {n}").replace("4411", f"44{n}"))
            for n in range(100, 130)
        ],
        None,
    )
    pickled = pickle.dumps(compiled, pickle.HIGHEST_PROTOCOL)
    assert load_yielding(pickled).diagnostics == compiled.diagnostics
    assert len(reads) > len(pickled) / 131_072
    assert max(reads) < len(pickled)


def test_the_process_reads_and_answers_in_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    class Standard:
        buffer = io.BytesIO(pickle.dumps((SOURCES, None)))

    class Answer:
        buffer = io.BytesIO()

    stood_back: list[int] = []
    monkeypatch.setattr(sys, "stdin", Standard)
    monkeypatch.setattr(sys, "stdout", Answer)
    monkeypatch.setattr(os, "nice", stood_back.append)
    try:
        rules_compile.main()
    finally:
        gc.enable()
    assert stood_back == [rules_compile.NICE]
    assert pickle.loads(Answer.buffer.getvalue()).book.deployment


def test_a_file_of_frames_reads_lines() -> None:
    assert rules_compile._Frames(b"a\nb").readline() == b"a\n"
