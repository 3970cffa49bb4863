"""`kwek simulate` and `kwek text`: phones in terminals, with a real connection between."""

import asyncio
import os
import queue
import re
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.commands import running, simulating
from gateway.commands.simulating import converse, run_centre
from gateway.exits import Exit
from smpp.constants import ESME_RSUBMITFAIL, ESME_RTHROTTLED, ESME_RX_P_APPN
from smpp.pdu import SubmitSm, SubmitSmResp
from smpp.receipt import State, receipt_of
from smpp.simulator_conduct import Conduct, Ids, Refusal
from tests.support.centres import Recorder, bound_link, connected

PATIENCE_S = 10.0


class Terminal:
    """The simulator's terminal: what is typed waits in one queue, what is printed in another."""

    def __init__(self) -> None:
        self.printed: asyncio.Queue[str] = asyncio.Queue()
        self._typed: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    @property
    def lines(self) -> Iterator[str]:
        """Each line as it is typed, until the terminal is closed."""
        while (line := self._typed.get()) is not None:
            yield f"{line}\n"

    def type(self, line: str | None) -> None:
        self._typed.put(line)

    def show(self, *words: object, **_: Any) -> None:
        self.printed.put_nowait(" ".join(map(str, words)))

    async def next(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return await self.printed.get()


@asynccontextmanager
async def simulator(
    monkeypatch: pytest.MonkeyPatch, account: tuple[str, str] | None = None, conduct: Conduct | None = None
) -> AsyncIterator[tuple[Terminal, int, int]]:
    """A running `kwek simulate`, its port and its control port; it ends by /quit."""
    terminal = Terminal()
    monkeypatch.setattr(simulating, "print", terminal.show, raising=False)
    running = asyncio.create_task(run_centre(0, 0, account, terminal.lines, conduct))
    found = re.fullmatch(r"message centre on 127.0.0.1:(\d+), phones on 127.0.0.1:(\d+)", await terminal.next())
    assert found is not None
    yield terminal, int(found[1]), int(found[2])
    terminal.type("/quit")
    assert await running == Exit.OK
    terminal.type(None)


async def test_texts_go_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Recorder()
    async with simulator(monkeypatch) as (terminal, port, _), connected(owner, port) as client:
        link = await bound_link(owner, client)
        terminal.type("+31612345678 > 4411  JOIN now")
        await owner.until(lambda: owner.received_pdus)
        pdu = owner.received_pdus[0]
        assert (pdu.source_addr, pdu.destination_addr, pdu.short_message) == ("31612345678", "4411", b" JOIN now")
        link.send(SubmitSm(source_addr="4411", destination_addr="31612345678", short_message=b"Welkom"), None)
        assert await terminal.next() == "4411 > 31612345678 Welkom"


async def test_only_the_account_may_bind(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Recorder()
    async with simulator(monkeypatch, ("kwek", "other")) as (_, port, _control), connected(owner, port):
        await owner.until(lambda: any("ESME_RINVPASWD" in (trouble or "") for trouble in owner.troubles))


async def test_a_refused_text_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Recorder(status=ESME_RX_P_APPN)
    async with simulator(monkeypatch) as (terminal, port, _), connected(owner, port) as client:
        await bound_link(owner, client)
        terminal.type("31612345678 > 4411 JOIN")
        assert await terminal.next() == "  4411 refused the text with ESME_RX_P_APPN"


async def test_what_cannot_be_sent_now_or_ever_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulator(monkeypatch) as (terminal, _, _control):
        terminal.type("31612345678 > 4411 JOIN")
        assert await terminal.next() == "  nobody is bound: it waits"
        terminal.type("hallo")
        assert await terminal.next() == (
            "  a line is `31612345678 > 4411 JOIN`; /drop cuts all connections, /quit ends"
        )
        terminal.type("31612345678 > 4411 " + "x" * 50_000)
        assert "255" in await terminal.next()


async def test_drop_cuts_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Recorder()
    async with simulator(monkeypatch) as (terminal, port, _), connected(owner, port) as client:
        await bound_link(owner, client)
        terminal.type("/drop")
        await owner.until(lambda: owner.reasons)


async def test_a_signal_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(simulating, "print", terminal.show, raising=False)
    running = asyncio.create_task(run_centre(0, 0, None, terminal.lines))
    await terminal.next()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        assert await running == Exit.OK
    terminal.type(None)


async def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert await run_centre(taken.getsockname()[1], 0, None, ()) == Exit.PORT
    assert capsys.readouterr().err == (
        "cannot listen: address already in use; name other ports with --port and --control-port\n"
    )


async def test_a_text_from_a_second_terminal_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = Recorder()
    async with simulator(monkeypatch) as (terminal, port, control), connected(owner, port) as client:
        link = await bound_link(owner, client)
        wish = {"from": "31612345678", "to": "4411", "text": "repair  keuken!!"}
        texting = asyncio.create_task(converse(control, wish, PATIENCE_S, linger_s=0.05))
        await owner.until(lambda: owner.received_pdus)
        link.send(SubmitSm(source_addr="4411", destination_addr="31612345678", short_message=b"Komt goed."), None)
        answers = await texting
        assert [(one["from"], one["text"]) for one in answers] == [("4411", "Komt goed.")]
        assert {await terminal.next(), await terminal.next()} == {
            "4411: Komt goed.",
            "4411 > 31612345678 Komt goed.",
        }


async def test_a_refusal_ends_the_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Recorder(status=ESME_RX_P_APPN)
    async with simulator(monkeypatch) as (terminal, port, control), connected(owner, port) as client:
        await bound_link(owner, client)
        answers = await converse(control, {"from": "31612345678", "to": "4411", "text": "x"}, PATIENCE_S)
        assert answers == [{"error": "4411 refused the text with ESME_RX_P_APPN"}]
        assert await terminal.next() == "4411 refused the text with ESME_RX_P_APPN"


async def test_no_answer_is_waited_for_no_longer_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulator(monkeypatch) as (_, _port, control):
        assert await converse(control, {"from": "31612345678", "to": "4411", "text": "x"}, 0.0) == []


async def test_a_simulator_that_goes_ends_the_conversation() -> None:
    async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(gone, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await converse(port, {"from": "31612345678", "to": "4411", "text": "x"}, PATIENCE_S) == []


def test_text_without_a_simulator_says_what_to_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    shown = CliRunner().invoke(app, ["text", "--port", port, "--to", "4411", "JOIN"])
    assert (shown.exit_code, shown.stderr) == (
        Exit.FAILED,
        f"no simulator answers on port {port}: start `kwek demo` or `kwek simulate` first\n",
    )


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([], Exit.FAILED, "no answer within 2.5 seconds\n"),
        ([{"from": "4411", "text": "Ja."}], Exit.OK, ""),
        ([{"error": "no"}], Exit.FAILED, ""),
    ],
)
def test_text_ends_as_the_conversation_did(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, str]], code: Exit, said: str
) -> None:
    wishes: list[tuple[int, dict[str, str], float]] = []

    async def conversed(port: int, wish: dict[str, str], wait_s: float) -> list[dict[str, str]]:
        wishes.append((port, wish, wait_s))
        return answers

    monkeypatch.setattr(simulating, "converse", conversed)
    shown = CliRunner().invoke(app, ["text", "--from", "+31612345678", "--to", "4411", "JA", "--wait", "2.5"])
    assert (shown.exit_code, shown.stderr) == (code, said)
    assert wishes == [(2776, {"from": "31612345678", "to": "4411", "text": "JA"}, 2.5)]


@pytest.mark.parametrize(
    ("options", "account"), [((), None), (("--system-id", "kwek", "--password", "demo"), ("kwek", "demo"))]
)
def test_simulate_ends_with_the_centres_code(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], account: tuple[str, str] | None
) -> None:
    ran: list[tuple[Any, ...]] = []

    async def centre(*arguments: Any) -> int:
        ran.append(arguments[:3])
        return Exit.PORT

    monkeypatch.setattr(simulating, "run_centre", centre)
    assert CliRunner().invoke(app, ["simulate", "--port", "0", *options]).exit_code == Exit.PORT
    assert ran == [(0, 2776, account)]


def conduct_of(monkeypatch: pytest.MonkeyPatch, *options: str) -> Conduct:
    """The conduct that `kwek simulate` with these options gives its centre."""
    ran: list[Conduct] = []
    with monkeypatch.context() as patched:
        patched.setattr(simulating, "run_centre", lambda *arguments: ran.append(arguments[4]))
        patched.setattr(running, "under_uvloop", lambda _: Exit.OK)  # tests with a loop of their own ask, too
        shown = CliRunner().invoke(app, ["simulate", *options])
    assert shown.exit_code == Exit.OK, shown.stderr
    return ran[0]


def message(to: str) -> SubmitSm:
    return SubmitSm(source_addr="4411", destination_addr=to, short_message=b"Hallo", registered_delivery=1)


def test_without_options_the_centre_is_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    assert conduct_of(monkeypatch) == Conduct()


def test_options_say_how_the_centre_behaves(monkeypatch: pytest.MonkeyPatch) -> None:
    conduct = conduct_of(
        monkeypatch, "--ids", "hex-answer", "--receipt", "expired", "--receipt-delay", "-1", "--answer-delay", "0.25",
        "--refuse", "0x58", "--refuse", "esme_rsubmitfail:+31 6", "--refuse", "RTHROTTLED::3", "--refuse", "0x400:49:1",
    )  # fmt: skip
    assert conduct == Conduct(
        answer_delay_s=0.25,
        refusals=(
            Refusal(ESME_RTHROTTLED),
            Refusal(ESME_RSUBMITFAIL, "316"),
            Refusal(ESME_RTHROTTLED, times=3),
            Refusal(0x400, "49", times=1),
        ),
        ids=Ids.HEX_ANSWER,
        outcome=State.EXPIRED,
        receipt_delay_s=-1.0,
    )


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("delivered", State.DELIVERED),
        ("undelivered", State.UNDELIVERABLE),
        ("expired", State.EXPIRED),
        ("rejected", State.REJECTED),
        ("deleted", State.DELETED),
        ("unknown", State.UNKNOWN),
        ("accepted", State.ACCEPTED),
        ("enroute", State.ENROUTE),
        ("skipped", State.SKIPPED),
    ],
)
def test_receipts_tell_what_the_option_says(monkeypatch: pytest.MonkeyPatch, word: str, state: State) -> None:
    assert conduct_of(monkeypatch, "--receipt", word).outcome is state


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("RTHROTLED", "'RTHROTLED' is no status"),
        ("88", "'88' is no status"),
        ("", "'' is no status"),
        ("0x123456789", "'0x123456789' is no status"),
        ("0x0", "status 0 (ESME_ROK) accepts"),
        ("ROK:316", "status 0 (ESME_ROK) accepts"),
        ("0x58:klant", "'klant' is no number"),
        ("0x58:316:0", "'0' is no number of times"),
        ("0x58:316:often", "'often' is no number of times"),
        ("0x58:316:1:2", "more than three parts"),
    ],
)
def test_a_refusal_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, refusal: str, said: str) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["simulate", "--port", "0", "--refuse", refusal])
    assert shown.exit_code == Exit.USAGE
    assert "--refuse" in shown.stderr
    assert said in shown.stderr


@pytest.mark.parametrize("options", [("--ids", "hex"), ("--receipt", "lost"), ("--answer-delay", "-1")])
def test_other_wrong_options_are_told(options: tuple[str, str]) -> None:
    shown = CliRunner().invoke(app, ["simulate", "--port", "0", *options])
    assert shown.exit_code == Exit.USAGE
    assert options[0] in shown.stderr


async def test_receipts_and_ids_are_as_asked_on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = conduct_of(monkeypatch, "--receipt", "undelivered", "--receipt-delay", "-1", "--ids", "hex-answer")
    owner = Recorder()
    async with simulator(monkeypatch, conduct=asked) as (_, port, _control), connected(owner, port) as client:
        link = await bound_link(owner, client)
        link.send(message("31612345678"), None)
        await owner.until(lambda: owner.received_pdus and owner.answers)
        receipt, answer = receipt_of(owner.received_pdus[0]), owner.answers[0].response
        assert isinstance(answer, SubmitSmResp)
        assert (receipt.state, receipt.err) == (State.UNDELIVERABLE, "001")
        assert receipt.id is not None
        assert receipt.id.isdigit()
        assert answer.message_id == f"{int(receipt.id):X}"


async def test_refusals_are_as_asked_on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = conduct_of(monkeypatch, "--refuse", "RTHROTTLED::1", "--refuse", "0x45:49", "--answer-delay", "0.01")
    owner = Recorder()
    async with simulator(monkeypatch, conduct=asked) as (terminal, port, _), connected(owner, port) as client:
        link = await bound_link(owner, client)
        for to in ("31612345678", "31612345678", "4917012345678"):
            link.send(message(to), None)
        await owner.until(lambda: len(owner.answers) == 3)
        answers = sorted(owner.answers, key=lambda answer: answer.request.sequence_number)
        assert [answer.response.command_status for answer in answers] == [ESME_RTHROTTLED, 0, ESME_RSUBMITFAIL]
        assert await terminal.next() == "4411 > 31612345678 Hallo"


def test_what_is_typed_after_the_end_goes_nowhere() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    heard: list[str] = []
    typed = iter(["JOIN\n"])
    reader = simulating._each_line(typed, loop, heard.append)
    reader.join(PATIENCE_S)
    assert (heard, list(typed)) == ([], [])


async def test_blank_lines_are_not_handed_over() -> None:
    heard: list[str] = []
    reader = simulating._each_line(["\n", "  JOIN \n"], asyncio.get_running_loop(), heard.append)
    await asyncio.to_thread(reader.join, PATIENCE_S)
    assert heard == ["JOIN"]
