"""`kwek demo`: the gateway on an empty database, three brands on one short code, a simulated carrier to text through.

Nothing in it is special: the carrier is `smpp.simulator` on a real port, the gateway binds to it over TCP like to any
other, and a second terminal texts through the carrier's control port with `kwek text`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

import config
from config.connectors import Connector
from config.settings import Country, Digits, Gateway, Number, Settings, Web
from config.values import Address, Host, Secret, Store
from gateway.app import serve
from gateway.exits import Exit
from smpp.simulator import Account, Simulator
from smpp.simulator_control import Control
from smpp.simulator_phones import Sms

HOST = "127.0.0.1"
SYSTEM_ID, PASSWORD = "kwek", "demo"
SHORT_CODE, LONG_NUMBER = "4411", "3197010281234"
BRANDS = ("De Klusser", "Burgerzaak", "Autodorp")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo listens, all on loopback: the gateway's web pages, the carrier, and the carrier's control port."""

    web: int = 8080
    smpp: int = 2775
    control: int = 2776


def settings_for(ports: Ports, folder: Path, rules: Path | None = None) -> Settings:
    """The demo's settings, with its database in `folder`; other rules than the demo's own may be named."""
    carrier = Connector(
        name="carrier",
        host=Host(HOST),
        port=ports.smpp,
        system_id=SYSTEM_ID,
        password=Secret(PASSWORD, "the demo's own"),
        window=50,
        reconnect_least_s=0.1,
        reconnect_most_s=2.0,
    )
    database = f"sqlite:///{folder / 'kwek.db'}"
    return Settings(
        gateway=Gateway(
            node="demo",
            store=Store("sqlite", database, database),
            rules=(rules or Path(config.__file__).parent / "brands",),
            url=Web(f"http://{HOST}:{ports.web}"),
            listen=Address(HOST, ports.web),
        ),
        numbers=(
            Number(
                number=Digits(SHORT_CODE), kind="short-code", country=Country("NL"), brands=BRANDS, via=carrier.name
            ),
            Number(
                number=Digits(LONG_NUMBER), kind="long-number", country=Country("NL"), brands=BRANDS, via=carrier.name
            ),
        ),
        connectors=(carrier,),
    )


async def demo(
    ports: Ports,
    say: Callable[[str], None],
    *,
    command: str = "kwek",
    rules: Path | None = None,
    stop: asyncio.Event | None = None,
) -> int:
    """Run the simulated carrier and the gateway until stopped; `say` is given the lines for the terminal.

    `command` is how kwek is called there, for the lines to copy.
    """
    carrier = Simulator(
        ports.smpp,
        [Account(SYSTEM_ID, PASSWORD)],
        time.monotonic,
        random.random,
        datetime.now,
    )
    carrier.on_sms = lambda sms: say(_shown(sms))
    control = Control(carrier, ports.control)
    for server, port, option in ((carrier, ports.smpp, "--smpp-port"), (control, ports.control, "--control-port")):
        try:
            await server.start()
        except OSError as fault:
            await carrier.stop()
            structlog.get_logger("kwek").error(_not_ours(port, option, fault))
            return Exit.PORT
    try:
        with tempfile.TemporaryDirectory(prefix="kwek-demo-") as folder:
            settings = settings_for(Ports(ports.web, carrier.port, control.port), Path(folder), rules)
            return await serve(settings, ready=lambda where: say(_welcome(where, control.port, command)), stop=stop)
    finally:
        await control.stop()
        await carrier.stop()


def _not_ours(port: int, option: str, fault: OSError) -> str:
    taken = fault.errno == errno.EADDRINUSE
    why = "another process does (a demo that runs already?)" if taken else os.strerror(fault.errno or 0).lower()
    return f"cannot listen on {HOST}:{port}: {why}; name another port with {option}"


def _welcome(where: str, control_port: int, command: str) -> str:
    port = "" if control_port == Ports().control else f" --port {control_port}"
    return f"""
kwek demo: {", ".join(BRANDS)} share {SHORT_CODE} and +{LONG_NUMBER}, behind a simulated carrier.

  text to it, from a second terminal:
      {command} text{port} --from +31612345678 --to {SHORT_CODE} "repair  keuken!!"
      {command} text{port} --from +31612345678 --to {SHORT_CODE} JOIN
  see how it is:
      {where}/readyz   {where}/metrics
  Ctrl-C ends it, and its database with it.
"""


def _shown(sms: Sms) -> str:
    return f"  {sms.sender} > {sms.recipient}  {sms.text}"
