"""`kwek run`, `kwek demo` and `kwek config`: the gateway, the gateway to try things out with, and what it is told."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings

Config = Annotated[Path, typer.Option("--config", help="The settings; `kwek config` prints them all, explained.")]
WebPort = Annotated[int, typer.Option("--web-port", min=0, max=65535, help="Where /readyz and /metrics answer.")]
SmppPort = Annotated[int, typer.Option("--smpp-port", min=0, max=65535, help="Where the carrier listens.")]
ControlPort = Annotated[int, typer.Option("--control-port", min=0, max=65535, help="Where `kwek text` reaches it.")]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Start on a store that could lose acknowledged messages. Not for real traffic.")
]
Rules = Annotated[Path | None, typer.Option("--rules", help="Other rules than the demo's own.")]


def run(config: Config = Path("kwek.toml"), unsafe: Unsafe = False) -> None:
    """Run the gateway until it is told to stop (SIGTERM or SIGINT)."""
    settings = load_settings(config)

    from gateway import app, logs

    logs.set_up(sys.stderr)
    raise typer.Exit(under_uvloop(app.serve(settings, unsafe=unsafe)))


def demo(
    web_port: WebPort = 8080, smpp_port: SmppPort = 2775, control_port: ControlPort = 2776, rules: Rules = None
) -> None:
    """Run the gateway with three brands and a simulated carrier, on an empty database."""
    from functools import partial

    from gateway import logs
    from gateway.demo import Ports, demo

    logs.set_up(sys.stderr)
    ports = Ports(web_port, smpp_port, control_port)
    raise typer.Exit(under_uvloop(demo(ports, partial(print, flush=True), command=_called(), rules=rules)))


def _called() -> str:
    """How this process was called, as it can be typed again in the same folder."""
    path = Path(sys.argv[0])
    if not path.is_absolute():
        return sys.argv[0]
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else "kwek"


def config() -> None:
    """Print a kwek.toml with every setting explained."""
    from config import reference

    print(reference.text(), end="")


def load_settings(path: Path) -> Settings:
    """The settings of a file; prints what is wrong with it, and ends the command when that hinders."""
    import os

    from config.load import load

    loaded = load(path, os.environ)
    for problem in loaded.problems:
        print(problem, file=sys.stderr)
    if loaded.settings is None:
        raise typer.Exit(Exit.USAGE)
    return loaded.settings


def under_uvloop(main: Coroutine[Any, Any, int]) -> int:
    """Runs the one coroutine that is a process's whole life; gives its exit code."""
    import uvloop

    return uvloop.run(main)
