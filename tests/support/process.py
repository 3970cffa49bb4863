"""kwek as a process of its own: started from a kwek.toml, killed or stopped, its output kept."""

import asyncio
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

START_S = 30.0
KWEK = (sys.executable, "-c", "from gateway.cli import main; main()")
"""The command, as this checkout has it."""

TOML = """\
[gateway]
node   = "test"
store  = "{store}"
rules  = ["brands/"]
listen = "127.0.0.1:0"
drain_s = 2.0

[[number]]
number  = "4411"
kind    = "short-code"
country = "NL"
brands  = ["Klusser"]
via     = "carrier"

[[connector]]
name = "carrier"
host = "127.0.0.1"
port = {port}
system_id = "kwek"
password  = "env:KWEK_TEST_PASSWORD"
window = 50
reconnect_least_s = 0.05
reconnect_most_s = 0.2
"""


@dataclass
class Gateway:
    """A running `kwek run`; its standard error goes to `log`."""

    process: asyncio.subprocess.Process
    log: Path

    async def kill(self) -> None:
        """kill -9, now."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), START_S)


def write_config(folder: Path, port: int, rules: str, store: str = "sqlite:///kwek.db", **replaced: str) -> Path:
    """A kwek.toml with one brand, beside its rules; `replaced` puts other text in the place of some."""
    (folder / "brands").mkdir(exist_ok=True)
    (folder / "brands" / "klusser.rules").write_text(rules)
    text = TOML.format(port=port, store=store)
    for old, new in replaced.items():
        text = text.replace(old, new)
    config = folder / "kwek.toml"
    config.write_text(text)
    return config


@cache
def _compiled() -> tempfile.TemporaryDirectory[str]:
    """Where modules are kept compiled for one session of tests."""
    return tempfile.TemporaryDirectory(prefix="kwek-pycache-")


def environment(**more: str) -> dict[str, str]:
    """What a process of ours is started with: as this one, with more, and modules are compiled once for all of them."""
    values = {**os.environ, **more}
    if values.pop("PYTHONDONTWRITEBYTECODE", None):  # set in many containers: each start would compile everything
        values["PYTHONPYCACHEPREFIX"] = _compiled().name
    return values


async def run_gateway(config: Path, **more: str) -> Gateway:
    """Start `kwek run` with more variables in its environment; it binds when it is ready."""
    log = config.with_name("kwek.log")
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *KWEK, "run", "--config", str(config),
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            env=environment(KWEK_TEST_PASSWORD="secret", **more),
        )  # fmt: skip
    return Gateway(process, log)
