"""A shell on the machine of a gateway that runs: commands that go by its store, and orders as its socket takes them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from tests.support.process import write_config
from tests.support.station import Station


class Shell:
    """A shell beside a station, with a kwek.toml and rules files of its own."""

    def __init__(self, one: Station, monkeypatch: pytest.MonkeyPatch, rules: str) -> None:
        monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
        folder = one.folder / "shell"
        folder.mkdir()
        self.config = write_config(folder, 2775, rules, one.store_url)

    async def kwek(self, *words: str) -> Any:
        """What a command says, and its exit code. One at a time: they share a terminal."""
        return await asyncio.to_thread(CliRunner().invoke, cli.app, [*words, "--config", str(self.config)])

    def file(self, text: str) -> str:
        """A file that a command can be given."""
        path = self.config.parent / "list.csv"
        path.write_text(text)
        return str(path)


async def answered(place: Path, order: Any, octets: bytes = b"") -> dict[str, Any]:
    """What the counter at that path answers to an order, or to a line that is none; nothing when it hangs up."""
    reader, writer = await asyncio.open_unix_connection(str(place))
    writer.write((order if isinstance(order, bytes) else json.dumps(order).encode()) + b"\n" + octets)
    writer.write_eof()
    try:
        line = await reader.readline()
    except ConnectionResetError:  # hung up without having read
        return {}
    finally:
        writer.close()
    return dict(json.loads(line)) if line else {}
