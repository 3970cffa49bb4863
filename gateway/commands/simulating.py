"""`kwek simulate` and `kwek text`: a message centre with phones in the terminal, and a phone on a running one."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.books import PHONE, Sender, To, digits
from gateway.commands.conducting import AnswerDelay, Hostile, Ids, ReceiptDelay, Refuse, Told, conduct_of
from gateway.commands.conducting import hostile as hostile_conduct
from gateway.commands.output import fail
from gateway.exits import Exit
from gateway.faults import reason

if TYPE_CHECKING:
    from smpp.simulator import Simulator
    from smpp.simulator_conduct import Conduct

LINGER_S = 0.5
"""After an answer a further one is waited for so long: a long text's parts, a reply and a question."""
CONTROL_PORT = 2776

HOST = "127.0.0.1"

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Where ESMEs bind; 0: the system chooses.")]
ControlPort = Annotated[
    int, typer.Option("--control-port", min=0, max=65535, help="Where `kwek text` reaches the phones.")
]
TextPort = Annotated[int, typer.Option("--port", min=1, max=65535, help="The control port of the simulator or demo.")]
Who = Annotated[str, typer.Option("--system-id", help="Who may bind; empty: anybody.")]
Password = Annotated[str, typer.Option("--password", help="With which password.")]
Wait = Annotated[float, typer.Option("--wait", min=0.0, max=3600.0, help="How long to wait for an answer, in seconds.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What the phone sends.")]


def simulate(  # noqa: PLR0913 - one per option of the command line
    port: Port = 2775,
    control_port: ControlPort = CONTROL_PORT,
    system_id: Who = "",
    password: Password = "",
    *,
    ids: Ids = "same",
    receipt: Told = "delivered",
    receipt_delay: ReceiptDelay = 0.0,
    answer_delay: AnswerDelay = 0.0,
    refuse: Refuse = None,
    hostile: Hostile = None,
) -> None:
    """Be a message centre. Lines `31612345678 > 4411 JOIN` are texted; what phones get is printed."""
    from gateway.commands.running import under_uvloop
    from smpp.simulator_conduct import Conduct

    account = (system_id, password) if system_id else None
    conduct = conduct_of(ids, receipt, receipt_delay, answer_delay, refuse or ())
    if hostile is not None:
        if conduct != Conduct():
            raise typer.BadParameter("it decides all of --ids, --receipt, --refuse and delays", param_hint="--hostile")
        conduct = hostile_conduct(hostile)
    raise typer.Exit(under_uvloop(run_centre(port, control_port, account, sys.stdin, conduct)))


def text(to: To, text: Text, sender: Sender = PHONE, wait: Wait = 5.0, port: TextPort = CONTROL_PORT) -> None:
    """Text to a running demo or simulator, and print what the phone gets."""
    try:
        answers = asyncio.run(converse(port, {"from": sender, "to": to, "text": text}, wait))
    except OSError:
        fail(Exit.FAILED, f"no simulator answers on port {port}: start `kwek demo` or `kwek simulate` first")
    if not answers:
        fail(Exit.FAILED, f"no answer within {wait:g} seconds")
    raise typer.Exit(Exit.FAILED if answers[-1].get("error") else Exit.OK)


async def converse(port: int, wish: dict[str, str], wait_s: float, linger_s: float = LINGER_S) -> list[dict[str, Any]]:
    """Sends one text over a control port and prints what the phone gets, as it comes; gives it, too.

    Waits `wait_s` for the first answer and `linger_s` for each further one. Raises OSError where nobody listens.
    """
    import json

    reader, writer = await asyncio.open_connection(HOST, port)
    answers: list[dict[str, Any]] = []
    try:
        writer.write(json.dumps(wish).encode() + b"\n")
        while True:
            try:
                async with asyncio.timeout(linger_s if answers else wait_s):
                    line = await reader.readline()
            except TimeoutError:
                return answers
            if not line:
                return answers
            answers.append(json.loads(line))
            _print_answer(answers[-1])
            if "error" in answers[-1]:
                return answers
    finally:
        writer.close()


def _print_answer(answer: dict[str, Any]) -> None:
    if "error" in answer:
        print(answer["error"], file=sys.stderr)
    else:
        print(f"{answer['from']}: {answer['text']}", flush=True)


async def run_centre(
    port: int,
    control_port: int,
    account: tuple[str, str] | None,
    lines: Iterable[str],
    conduct: Conduct | None = None,
) -> int:
    """The message centre's life: until a signal, or a line that says /quit. Gives the exit code.

    `account` is the one system_id and password that may bind; None: anybody. Without a conduct it is a kind one.
    """
    import random
    import signal
    import time
    from datetime import datetime

    from smpp.simulator import Account, Settings, Simulator
    from smpp.simulator_conduct import Conduct
    from smpp.simulator_control import Control

    accounts = [] if account is None else [Account(*account)]
    settings = Settings(conduct=conduct or Conduct())
    centre = Simulator(port, accounts, time.monotonic, random.random, datetime.now, settings)
    control = Control(centre, control_port)
    centre.on_sms = lambda sms: print(f"{sms.sender} > {sms.recipient} {sms.text}", flush=True)
    try:
        await centre.start()
        await control.start()
    except OSError as fault:
        await centre.stop()
        print(f"cannot listen: {reason(fault)}; name other ports with --port and --control-port", file=sys.stderr)
        return Exit.PORT
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    print(f"message centre on {HOST}:{centre.port}, phones on {HOST}:{control.port}", flush=True)
    terminal = Terminal(centre, stop.set)
    _each_line(lines, loop, terminal.do)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        await control.stop()
        await centre.stop()
    return Exit.OK


class Terminal:
    """The phones in the simulator's terminal."""

    def __init__(self, centre: Simulator, quit: Callable[[], None]) -> None:
        self._centre = centre
        self._quit = quit

    def do(self, line: str) -> None:
        """Texts what a line says, or prints how a line is written."""
        if line == "/quit":
            self._quit()
        elif line == "/drop":
            self._centre.drop()
        elif found := re.fullmatch(r"(\+?[0-9]+) *> *(\+?[0-9]+) (.*)", line):
            self._text(digits(found[1]), digits(found[2]), found[3])
        else:
            print("  a line is `31612345678 > 4411 JOIN`; /drop cuts all connections, /quit ends", flush=True)

    def _text(self, sender: str, to: str, text: str) -> None:
        from smpp.constants import status_name
        from smpp.errors import LocalFault
        from smpp.text import TextFault

        def answered(answer: asyncio.Future[int]) -> None:
            if not answer.cancelled() and answer.result():
                print(f"  {to} refused the text with {status_name(answer.result())}", flush=True)

        try:
            self._centre.phone(sender).text(to, text).add_done_callback(answered)
        except (TextFault, LocalFault) as fault:
            print(f"  {fault}", flush=True)
        if not self._centre.links:
            print("  nobody is bound: it waits", flush=True)


def _each_line(lines: Iterable[str], loop: asyncio.AbstractEventLoop, act: Callable[[str], None]) -> threading.Thread:
    """Hands over each line that is typed, from a thread, as a loop cannot wait for files; it ends with the process."""

    def read() -> None:
        for line in lines:
            if loop.is_closed():
                return
            if line.strip():
                loop.call_soon_threadsafe(act, line.strip())

    reader = threading.Thread(target=read, name="terminal", daemon=True)
    reader.start()
    return reader
