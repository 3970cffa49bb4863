"""The first minutes as the README tells them: the demo, a text from a second terminal, the answer, and what follows."""

import asyncio
import json
import re
import shlex
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from rules.packs import load
from tests.support.process import KWEK, environment

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
WELCOME_ENDS = "Ctrl-C ends it"


def command_and_answer() -> tuple[list[str], str]:
    """The words of the README's first `kwek text`, without the program, and what it shows under it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    at = next(number for number, block in enumerate(blocks) if "kwek text " in block)
    program, *words = shlex.split(blocks[at])
    assert Path(program).name == "kwek"
    return words, blocks[at + 1]


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A running `kwek demo` on ports that the system chose, with its database under `folder`, and its welcome."""
    with (folder / "demo.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *KWEK, "demo", "--web-port", "0", "--smpp-port", "0", "--control-port", "0", cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            env=environment(TMPDIR=str(folder)),
        )  # fmt: skip
    assert process.stdout is not None
    try:
        welcome = ""
        async with asyncio.timeout(PATIENCE_S):
            while WELCOME_ENDS not in welcome:
                line = await process.stdout.readline()
                assert line, (folder / "demo.log").read_text()
                welcome += line.decode()
        yield process, welcome
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def printed_by(*words: str) -> str:
    """What `kwek` prints for a command that ends well."""
    process = await asyncio.create_subprocess_exec(
        *KWEK, *words, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment(),
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE_S):
        shown, complaints = await process.communicate()
    assert (process.returncode, complaints.decode()) == (0, "")
    return shown.decode()


def databases_in(folder: Path) -> list[Path]:
    return list(folder.glob("kwek-demo-*/kwek.db"))


def tags_of(database: Path, brand: str) -> list[str]:
    """What the one contact there is was tagged with."""
    with closing(sqlite3.connect(database)) as connection:
        ((tags,),) = connection.execute("SELECT tags FROM profiles WHERE brand = ?", (brand,)).fetchall()
    found: list[str] = json.loads(tags)
    return found


async def test_the_first_minutes_are_as_the_readme_says(tmp_path: Path) -> None:
    words, answer = command_and_answer()
    async with demo(tmp_path) as (process, welcome):
        copied = re.search(r"(text --port (\d+) .*)", welcome)
        assert copied is not None
        port = ("--port", copied[2])
        assert shlex.split(copied[1]) == [words[0], *port, *words[1:]]
        assert await printed_by(*words, *port) == answer
        assert await printed_by(*words[:-1], "JOIN", *port) == (
            "4411: Welkom bij de burgerclub! Je eerste 10 punten staan klaar.\n"
        )
        (database,) = databases_in(tmp_path)
        assert tags_of(database, "Burgerzaak") == ["lid"]
        neutral = load().language("nl").texts["unknown"]
        assert await printed_by(*words[:-1], "blablabla", *port) == f"4411: {neutral}\n"
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE_S):
            shown, _ = await process.communicate()
        assert process.returncode == 0
        assert f"4411 > 31612345678  {neutral}" in shown.decode()
    assert databases_in(tmp_path) == []
