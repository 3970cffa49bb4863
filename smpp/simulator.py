"""A message centre to try things out with: phones that text and read, receipts, delays, errors, cut connections.

Texts from phones and receipts wait in a queue per account until one of its receivers has room; what was not answered
when a link broke, or was answered with "later", is sent again, as real centres do. How the centre treats what is
submitted is asked of its Conduct. Nothing is written to disk and nothing is remembered over a restart; a Witness may
keep what happened.
"""

import asyncio
import hmac
import ssl
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, assert_never, cast

import msgspec

from smpp.codec import encode
from smpp.concat import Method, content_of, split
from smpp.constants import (
    ESME_RINVCMDID,
    ESME_RINVPASWD,
    ESME_RINVSYSID,
    ESME_RMSGQFUL,
    ESME_ROK,
    ESME_RSYSERR,
    ESME_RTHROTTLED,
    ESME_RX_T_APPN,
)
from smpp.events import Answered, Faulted, Received, Unanswered
from smpp.pdu import DataSm, DeliverSm, Pdu, SubmitSm
from smpp.server import Server, ServerLink
from smpp.session import Limits
from smpp.simulator_conduct import Conduct, Cut, Mischief, Noise, PlannedReceipt, StrayReceipt, Submit, Verdict
from smpp.simulator_link import CentreLink
from smpp.simulator_pdus import deliver_sm, receipt_pdu, reference_of
from smpp.simulator_phones import Assembly, Phone, Sms, digits
from smpp.simulator_witness import Load, ReceiptOf, TextPart, Unwitnessed, Witness
from smpp.text import Encoding, cheapest, data_coding_of

#: Texts and receipts that wait for a receiver, per account: what a centre keeps for an ESME that is away.
MAX_WAITING: Final = 200_000

#: Phones that are remembered; messages to further ones are told to `on_sms` and counted only.
MAX_PHONES: Final = 100_000

#: Submitted messages kept for whoever wants to look at them.
MAX_SEEN: Final = 10_000

#: A sequence_number that no ESME uses for a request of its own within the life of a link.
_NOBODY_ASKED: Final = 0x7FFF0000

#: Answers that ask for patience: the text is sent again after the centre's retry time.
_LATER: Final = frozenset((ESME_RX_T_APPN, ESME_RMSGQFUL, ESME_RTHROTTLED, ESME_RSYSERR))


@dataclass(frozen=True, slots=True)
class Account:
    """An ESME that may bind, and the numbers whose texts it receives; none named: all."""

    system_id: str
    password: str = ""
    numbers: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class _Delivery:
    """A deliver_sm or data_sm on its way to an account; `done` is promised the status of its answer.

    It may be on its way more than once: `open` counts the copies without an answer; the first good answer settles it.
    """

    account: str
    pdu: DeliverSm | DataSm
    load: Load
    done: Callable[[int], None]
    open: int = 0
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a simulated centre is set up; `retry_s`: when a text is sent again that was answered with "later".

    `charset` is what data_coding 0 means here. The window bounds what an ESME is sent without its answer.
    """

    conduct: Conduct = field(default_factory=Conduct)
    limits: Limits = field(default_factory=partial(Limits, window=100))
    host: str = "127.0.0.1"
    retry_s: float = 1.0
    charset: Encoding = Encoding.GSM7
    tls: ssl.SSLContext | None = None
    witness: Witness = field(default_factory=Unwitnessed)


class Simulator:
    """A message centre on a port of the loopback (0: the system chooses; `port` tells after `start`).

    `accounts`: who may bind; none: anybody. `clock` gives monotonic seconds, `chance` numbers from 0 up to 1 (where
    ids and references begin), `today` the local time that receipts tell.
    """

    def __init__(
        self,
        port: int,
        accounts: Sequence[Account],
        clock: Callable[[], float],
        chance: Callable[[], float],
        today: Callable[[], datetime],
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings = settings or Settings()
        self.port = port
        self.conduct = settings.conduct
        self.counters: Counter[str] = Counter()
        self.seen: deque[Submit] = deque(maxlen=MAX_SEEN)
        self.on_sms: Callable[[Sms], None] = lambda _: None
        self._accounts = {account.system_id: account for account in accounts}
        self._today = today
        self._witness = settings.witness
        self._server = Server(self, settings.limits, clock, tls=settings.tls, faulted=self._note, link=self._link)
        self._phones: dict[str, Phone] = {}
        self._queues: dict[str, deque[_Delivery]] = {}
        self._assembly = Assembly()
        self._last_id = int(chance() * 0x40000000)
        self._last_reference = int(chance() * 0xFF)
        self._last_text = 0
        self._change = asyncio.Event()

    async def start(self) -> None:
        """Listens. Raises OSError where the port is taken."""
        self.port = await self._server.start(self._settings.host, self.port)

    async def stop(self) -> None:
        """Unbinds everybody and closes."""
        await self._server.stop(0.0)

    def phone(self, number: str) -> Phone:
        """The phone with this number (digits, a plus is taken off); always the same one."""
        number = digits(number)
        if number not in self._phones:
            self._phones[number] = Phone(number, self._text)
        return self._phones[number]

    @property
    def links(self) -> tuple[ServerLink, ...]:
        """Those that are bound, in the order they came."""
        return tuple(sorted((link for link in self._server.links if link.bound), key=lambda link: link.number))

    async def bound(self, links: int = 1, seconds: float = 5.0) -> None:
        """Waits until so many links are bound (0: until none is); raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while (len(self.links) < links) if links else self.links:
                self._change.clear()
                await self._change.wait()

    def drop(self) -> None:
        """Cuts every connection without a word, as a failing centre does."""
        for link in tuple(self._server.links):
            link.abort("the simulator cut the connection")

    # Phones to ESMEs

    def _text(self, sender: str, to: str, text: str, encoding: Encoding | None, method: Method) -> asyncio.Future[int]:
        self._last_reference += 1
        encoding = encoding or cheapest(text)
        segments = split(text, encoding, self._last_reference, method)
        account, data_coding = self._account_of(to), data_coding_of(encoding, self._settings.charset)
        pdus = [deliver_sm(sender, to, segment, data_coding) for segment in segments]
        answered = asyncio.get_running_loop().create_future()
        self.counters["texts taken"] += 1
        self._last_text += 1
        self._witness.texted(self._last_text, digits(sender), digits(to), text, len(segments))
        order = self.conduct.order(len(segments))
        open_parts = len(order)
        worst = ESME_ROK

        def done(status: int) -> None:
            nonlocal open_parts, worst
            open_parts -= 1
            worst = worst or status
            if not open_parts and not answered.done():
                answered.set_result(worst)

        for place in order:
            self._queue(_Delivery(account, pdus[place], TextPart(self._last_text, place + 1), done))
        return answered

    def _account_of(self, number: str) -> str:
        """Whose receivers get the texts to a number; "" for whoever is bound."""
        for account in self._accounts.values():
            if number in account.numbers:
                return account.system_id
        return next((account.system_id for account in self._accounts.values() if not account.numbers), "")

    def _queue(self, delivery: _Delivery) -> None:
        queue = self._queues.setdefault(delivery.account, deque())
        if len(queue) >= MAX_WAITING:
            self.counters["refused for a full queue"] += 1
            delivery.done(ESME_RMSGQFUL)
            return
        queue.append(delivery)
        self._pump()

    def _pump(self) -> None:
        """Sends what waits to the receivers that have room, in turn."""
        for account, queue in self._queues.items():
            if not queue:
                continue
            receivers = [link for link in self.links if link.can_send and link.system_id == (account or link.system_id)]
            while queue and (free := [link for link in receivers if link.room]):
                for link in free[: len(queue)]:
                    self._send(link, queue.popleft())

    def _send(self, link: ServerLink, delivery: _Delivery) -> None:
        sequence = link.send(delivery.pdu, delivery)
        delivery.open += 1
        self._witness.attempted(delivery.load, link.number, sequence)
        self.counters[f"{delivery.pdu.command} sent"] += 1
        if self.conduct.again_after_s and delivery.open == 1:
            asyncio.get_running_loop().call_later(self.conduct.again_after_s, self._send_again, link, delivery)

    def _send_again(self, link: ServerLink, delivery: _Delivery) -> None:
        """The answer is slow: the same once more on the same link, as impatient centres do."""
        if delivery.open and not delivery.settled and link.room:
            self.counters["sent again"] += 1
            self._send(link, delivery)

    # ESMEs to phones

    def _accept(self, link: ServerLink, request: Received, submit: Submit) -> None:
        content = content_of(submit)
        sms = self._assembly.add(submit, content, self._settings.charset)
        self.seen.append(submit)
        verdict = self.conduct.verdict(submit, sms.text if sms else "")
        loop = asyncio.get_running_loop()
        if verdict.status:
            self._witness.submitted(link.number, submit, verdict.status, 0)
            self._later(verdict.delay_s, partial(self._respond, link, request, verdict.status, verdict))
            return
        self._last_id += 1
        number = self._last_id
        self._witness.submitted(link.number, submit, ESME_ROK, number)
        planned = self.conduct.receipts(submit)
        account = link.system_id
        for early in (receipt for receipt in planned if receipt.delay_s < 0):
            self._send_receipt(account, submit, number, early)
        response = type(submit).response
        assert response is not None  # both kinds have one
        answer = response(message_id=self.conduct.ids.in_answer(number))
        if verdict.astray:
            stray = encode(msgspec.structs.replace(answer, sequence_number=_NOBODY_ASKED))
            self._later(verdict.delay_s, partial(_say, link, stray))
        self._later(verdict.delay_s, partial(self._respond, link, request, answer, verdict))
        if sms is not None:
            self._later(verdict.delay_s, partial(self._show, sms))
        for late in (receipt for receipt in planned if receipt.delay_s >= 0):
            delay_s = verdict.delay_s + late.delay_s
            loop.call_later(delay_s, self._send_receipt, account, submit, number, late)
        if (mischief := self.conduct.mischief()) is not None:
            self._do(mischief, link, submit)

    def _respond(self, link: ServerLink, request: Received, answer: Pdu | int, verdict: Verdict) -> None:
        for _ in range(verdict.copies):
            if link.answer(request, answer):
                self._witness.responded(link.number, request.pdu.sequence_number)

    def _do(self, mischief: Mischief, link: ServerLink, submit: Submit) -> None:
        match mischief:
            case Cut():
                link.abort("the simulator cut the connection")
            case Noise(octets):
                self._witness.injected("noise", octets, "")
                _say(link, octets)
            case StrayReceipt(number):
                planned = PlannedReceipt(self.conduct.outcome, 0.0)
                self._witness.injected("stray receipt", b"", self.conduct.ids.in_receipt(number))
                self._send_receipt(link.system_id, submit, number, planned)
            case _:
                assert_never(mischief)

    def _later(self, delay_s: float, action: Callable[[], object]) -> None:
        if delay_s > 0:
            asyncio.get_running_loop().call_later(delay_s, action)
        else:
            action()

    def _show(self, sms: Sms) -> None:
        self.counters["messages shown"] += 1
        if len(self._phones) < MAX_PHONES or sms.recipient in self._phones:
            self.phone(sms.recipient).show(sms)
        self.on_sms(sms)

    def _send_receipt(self, account: str, submit: Submit, number: int, planned: PlannedReceipt) -> None:
        pdu = receipt_pdu(submit, number, planned, self.conduct, self._today())
        told = (planned.ids or self.conduct.ids).in_receipt(number)
        load = ReceiptOf(number, told, planned.state.value, reference_of(submit))
        self._queue(_Delivery(account, pdu, load, lambda _: None))

    def _link(self, server: Server) -> ServerLink:
        return CentreLink(server, self._witness)

    def _note(self, link: ServerLink, event: Faulted) -> None:
        self.counters[f"faults: {event.fault.kind}"] += 1

    # What the server asks (smpp.server.Owner)

    def bind_asked(self, link: ServerLink, request: Received) -> None:
        """Lets the accounts in, or anybody where there are none."""
        pdu = request.pdu
        account = self._accounts.get(getattr(pdu, "system_id", ""))
        if not self._accounts:
            link.admit(request, "kwek-simulator")
        elif account is None:
            link.refuse(request, ESME_RINVSYSID)
        elif not hmac.compare_digest(account.password.encode(), getattr(pdu, "password", "").encode()):
            link.refuse(request, ESME_RINVPASWD)
        else:
            link.admit(request, "kwek-simulator")

    def received(self, link: ServerLink, requests: list[Received]) -> None:
        """Takes what is submitted; other requests are refused as unknown."""
        for request in requests:
            self.counters[f"{request.pdu.command} received"] += 1
            if isinstance(request.pdu, SubmitSm | DataSm):
                self._accept(link, request, request.pdu)
            else:
                link.answer(request, ESME_RINVCMDID)

    def answered(self, link: ServerLink, answers: list[Answered]) -> None:
        """Keeps the promises to phones, or sends again what is wanted later."""
        for answer in answers:
            delivery: _Delivery = answer.token
            delivery.open -= 1
            status = answer.response.command_status
            self._witness.answered(link.number, answer.response.sequence_number, status)
            self.counters["accepted" if status == ESME_ROK else "refused"] += 1
            if delivery.settled:
                continue
            if status not in _LATER:
                delivery.settled = True
                delivery.done(status)
            elif not delivery.open:
                self._later(self._settings.retry_s, partial(self._queue, delivery))
        self._pump()

    def lost(self, link: ServerLink, unanswered: list[Unanswered], reason: str) -> None:
        """Puts back what was not answered, in its order, before what waits."""
        self._witness.ended(link.number)
        for one in reversed(unanswered):
            delivery: _Delivery = one.token
            delivery.open -= 1
            if not delivery.open and not delivery.settled:
                self._queues[delivery.account].appendleft(delivery)
                self.counters["sent again"] += 1
        self.changed(link)

    def changed(self, link: ServerLink) -> None:
        """Somebody bound, left, or can be written to again."""
        self._change.set()
        self._pump()


def _say(link: ServerLink, octets: bytes) -> None:
    cast(CentreLink, link).say(octets)  # a simulator's server makes no others
