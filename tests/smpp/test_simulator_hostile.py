"""The hostile centre: what it does to an ESME, and that its witness knows it before the ESME does."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from smpp import simulator_hostile as hostile
from smpp.codec import decode
from smpp.constants import ESME_ROK, ESME_RX_T_APPN, TAG_USER_MESSAGE_REFERENCE
from smpp.errors import PeerFault
from smpp.pdu import DeliverSm, SubmitSm
from smpp.receipt import State, receipt_of
from smpp.session import Limits
from smpp.simulator import Settings, Simulator
from smpp.simulator_conduct import Conduct, Cut, Ids, Mischief, Noise, StrayReceipt, Submit, Verdict
from smpp.simulator_hostile import BREAKERS, NOISES, HostileConduct
from smpp.simulator_witness import ReceiptOf, TextPart, Unwitnessed
from tests.support.centres import Recorder, bound_link, connected, simulated

PHONE = "31612345678"
LONG = "Beste klant, " + "wij komen morgen tussen 9 en 12. " * 8


def submit(**changes: Any) -> SubmitSm:
    values: dict[str, Any] = {
        "source_addr": "4411", "destination_addr": PHONE, "short_message": b"hoi", "registered_delivery": 1,
    }  # fmt: skip
    return SubmitSm(**(values | changes))


class Notebook(Unwitnessed):
    """A witness that notes what it was told, in order."""

    def __init__(self) -> None:
        self.notes: list[tuple[Any, ...]] = []

    def texted(self, *what: Any) -> None:
        self.notes.append(("texted", *what))

    def attempted(self, *what: Any) -> None:
        self.notes.append(("attempted", *what))

    def answered(self, *what: Any) -> None:
        self.notes.append(("answered", *what))

    def ended(self, *what: Any) -> None:
        self.notes.append(("ended", *what))

    def submitted(self, link: int, submit: Submit, status: int, number: int) -> None:
        self.notes.append(("submitted", link, submit.sequence_number, status, number))

    def responded(self, *what: Any) -> None:
        self.notes.append(("responded", *what))

    def injected(self, *what: Any) -> None:
        self.notes.append(("injected", *what))

    def sync(self) -> None:
        if self.notes and self.notes[-1] != ("sync",):
            self.notes.append(("sync",))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [note[1:] for note in self.notes if note[0] == kind]


class Planned(Conduct):
    """A centre that does one thing."""

    def __init__(self, verdict: Verdict | None = None, mischief: Mischief | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.planned, self.trouble = verdict or Verdict(), mischief

    def verdict(self, submit: Submit, text: str) -> Verdict:
        return self.planned

    def mischief(self) -> Mischief | None:
        trouble, self.trouble = self.trouble, None
        return trouble


@asynccontextmanager
async def watched(conduct: Conduct, retry_s: float = 0.01) -> AsyncIterator[tuple[Simulator, Notebook]]:
    notebook = Notebook()
    settings = Settings(conduct=conduct, retry_s=retry_s, witness=notebook, limits=Limits(window=100))
    async with simulated(settings) as centre:
        yield centre, notebook


class TestWitness:
    async def test_it_knows_each_text_each_attempt_and_each_answer(self) -> None:
        owner = Recorder()
        async with watched(Conduct()) as (centre, notebook), connected(owner, centre.port) as client:
            await bound_link(owner, client)
            await centre.phone(PHONE).text("4411", LONG)
            [link] = centre.links
        assert notebook.of("texted") == [(1, PHONE, "4411", LONG, 2)]
        assert notebook.of("attempted") == [(TextPart(1, 1), link.number, 1), (TextPart(1, 2), link.number, 2)]
        assert notebook.of("answered") == [(link.number, 1, ESME_ROK), (link.number, 2, ESME_ROK)]
        assert notebook.of("ended") == [(link.number,)]

    async def test_it_is_safe_before_an_answer_leaves(self) -> None:
        owner = Recorder()
        async with watched(Conduct()) as (centre, notebook), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            sequence = link.send(submit(tlvs=((TAG_USER_MESSAGE_REFERENCE, b"\x12\x34"),)), "token")
            await owner.until(lambda: owner.answers and owner.received_pdus)
        kinds = [note[0] for note in notebook.notes]
        assert kinds.index("submitted") < kinds.index("responded")
        assert "sync" in kinds[kinds.index("responded") :]
        [(number, _, status, own)] = notebook.of("submitted")
        assert (status, notebook.of("responded")) == (ESME_ROK, [(number, sequence)])
        [(load, *_)] = notebook.of("attempted")
        assert load == ReceiptOf(own, f"{own:X}", "DELIVRD", 0x1234)

    async def test_a_refused_message_has_no_number(self) -> None:
        owner = Recorder()
        async with watched(Planned(Verdict(0x58))) as (centre, notebook), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit(), "token")
            await owner.until(lambda: owner.answers)
        assert notebook.of("submitted")[0][2:] == (0x58, 0)


class TestAnswers:
    async def test_twice_and_one_that_answers_nothing(self) -> None:
        owner = Recorder()
        conduct = Planned(Verdict(copies=2, astray=True))
        async with watched(conduct) as (centre, _), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit(registered_delivery=0), "token")
            await owner.until(lambda: owner.answers)
            await centre.phone(PHONE).text("4411", "door")  # behind them on the wire
            assert len(owner.answers) == 1
            assert link.session.counters["unknown_response"] == 2

    async def test_never(self) -> None:
        owner = Recorder()
        async with watched(Planned(Verdict(copies=0))) as (centre, notebook), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit(), "token")
            await owner.until(lambda: owner.received_pdus)
            assert not owner.answers
        assert not notebook.of("responded")


class TestImpatience:
    async def test_a_slow_answer_brings_the_same_text_again_and_one_answer_settles_it(self) -> None:
        owner = Recorder(status=None)
        async with watched(Conduct(again_after_s=0.01)) as (centre, notebook), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            answer = centre.phone(PHONE).text("4411", "JA")
            await owner.until(lambda: len(owner.requests) == 2)
            first, second = (request.pdu.sequence_number for request in owner.requests)
            assert first != second
            for request in owner.requests:
                link.answer(request, ESME_ROK)
            assert await answer == ESME_ROK
        assert [note[0] for note in notebook.of("attempted")] == [TextPart(1, 1)] * 2
        assert centre.counters["sent again"] == 1

    async def test_answered_with_later_while_another_copy_is_out_it_waits_for_that(self) -> None:
        owner = Recorder(status=None)
        async with watched(Conduct(again_after_s=0.01)) as (centre, notebook), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            answer = centre.phone(PHONE).text("4411", "JA")
            await owner.until(lambda: len(owner.requests) == 2)
            link.answer(owner.requests[0], ESME_RX_T_APPN)
            link.answer(owner.requests[1], ESME_ROK)
            assert await answer == ESME_ROK
        assert len(notebook.of("attempted")) == 2

    async def test_a_text_settled_on_a_link_is_not_sent_again_when_it_breaks(self) -> None:
        owner = Recorder(status=None)
        async with watched(Conduct(again_after_s=0.01)) as (centre, notebook):
            async with connected(owner, centre.port) as client:
                link = await bound_link(owner, client)
                answer = centre.phone(PHONE).text("4411", "JA")
                await owner.until(lambda: len(owner.requests) == 2)
                link.answer(owner.requests[0], ESME_ROK)
                assert await answer == ESME_ROK
                centre.drop()
                await centre.bound(0)
                await centre.bound(1)
            assert len(notebook.of("attempted")) == 2

    async def test_nothing_is_sent_again_that_was_answered_in_time(self) -> None:
        owner = Recorder()
        async with watched(Conduct(again_after_s=0.01)) as (centre, notebook), connected(owner, centre.port) as client:
            await bound_link(owner, client)
            await centre.phone(PHONE).text("4411", "JA")
            passed = asyncio.Event()
            asyncio.get_running_loop().call_later(0.02, passed.set)
            await passed.wait()
        assert len(notebook.of("attempted")) == 1


class TestMischief:
    async def test_a_cut(self) -> None:
        owner = Recorder()
        async with watched(Planned(mischief=Cut())) as (centre, notebook), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit(), "token")
            await owner.until(lambda: owner.reasons)
        assert notebook.of("ended")

    @pytest.mark.parametrize("noise", NOISES, ids=range(len(NOISES)))
    async def test_noise_that_an_esme_survives(self, noise: bytes) -> None:
        owner = Recorder()
        conduct = Planned(mischief=Noise(noise))
        async with watched(conduct) as (centre, notebook), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit(), "token")
            await owner.until(lambda: owner.faults and owner.answers)
            assert await centre.phone(PHONE).text("4411", "JA") == ESME_ROK
        assert notebook.of("injected") == [("noise", noise, "")]

    @pytest.mark.parametrize("noise", BREAKERS, ids=range(len(BREAKERS)))
    async def test_noise_behind_which_nothing_can_be_read(self, noise: bytes) -> None:
        owner = Recorder()
        async with watched(Planned(mischief=Noise(noise))) as (centre, _), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit(), "token")
            await owner.until(lambda: owner.reasons)

    async def test_noise_into_a_connection_that_is_gone_goes_nowhere(self) -> None:
        owner = Recorder()
        conduct = Planned(Verdict(delay_s=0.01, astray=True), mischief=Cut())
        async with watched(conduct) as (centre, _), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit(), "token")
            await owner.until(lambda: owner.reasons)
            link = await bound_link(owner, client)
            link.send(submit(), "token")
            await owner.until(lambda: owner.answers)
            assert len(owner.answers) == 1

    async def test_a_receipt_for_nobody(self) -> None:
        owner = Recorder()
        conduct = Planned(mischief=StrayReceipt(0x70000001))
        async with watched(conduct) as (centre, notebook), connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit(registered_delivery=0), "token")
            await owner.until(lambda: owner.received_pdus)
        assert receipt_of(owner.received_pdus[0]).id == "70000001"
        assert notebook.of("injected") == [("stray receipt", b"", "70000001")]


def always(conduct: HostileConduct, ask: Callable[[HostileConduct], Any], times: int = 20_000) -> list[Any]:
    return [ask(conduct) for _ in range(times)]


class TestConduct:
    def conduct(self, seed: int = 1) -> HostileConduct:
        return HostileConduct(random.Random(seed).random)

    def test_a_seed_repeats_it(self) -> None:
        one, two = (always(self.conduct(7), lambda it: it.verdict(submit(), ""), 500) for _ in range(2))
        assert one == two
        assert one != always(self.conduct(8), lambda it: it.verdict(submit(), ""), 500)

    def test_every_kind_of_answer_comes(self) -> None:
        verdicts = always(self.conduct(), lambda it: it.verdict(submit(), ""))
        assert {verdict.copies for verdict in verdicts} == {0, 1, 2}
        assert {verdict.astray for verdict in verdicts} == {False, True}
        assert len({verdict.status for verdict in verdicts}) == 4
        assert 0 < max(verdict.delay_s for verdict in verdicts) <= hostile.SLOWEST_S

    def test_every_kind_of_receipt_comes(self) -> None:
        planned = always(self.conduct(), lambda it: it.receipts(submit()))
        assert {len(one) for one in planned} == {1, 2, 3}
        assert any(one[0].delay_s < 0 for one in planned)
        assert {one[0].state for one in planned} == {State.DELIVERED, State.UNDELIVERABLE}
        assert {receipt.ids for one in planned for receipt in one} == {None, Ids.HEX_ANSWER}
        assert self.conduct().receipts(submit(registered_delivery=0)) == ()

    def test_parts_come_in_any_order_and_twice(self) -> None:
        orders = {tuple(order) for order in always(self.conduct(), lambda it: it.order(3), 2_000)}
        assert {tuple(sorted(set(order))) for order in orders} == {(0, 1, 2)}
        assert {len(order) for order in orders} == {3, 4}
        assert {order for order in orders if len(order) == 3} >= {(0, 1, 2), (2, 1, 0), (1, 2, 0)}
        assert {tuple(order) for order in always(self.conduct(), lambda it: it.order(1), 200)} == {(0,)}

    def test_every_mischief_comes(self) -> None:
        done = always(self.conduct(), HostileConduct.mischief, 200_000)
        assert {type(one) for one in done} == {type(None), Cut, Noise, StrayReceipt}
        assert {one.octets for one in done if isinstance(one, Noise)} == {*NOISES, *BREAKERS}
        strays = [one.number for one in done if isinstance(one, StrayReceipt)]
        assert len(set(strays)) == len(strays)

    def test_healed_it_is_kind(self) -> None:
        conduct = self.conduct()
        conduct.heal()
        assert set(always(conduct, lambda it: it.verdict(submit(), ""), 2_000)) == {Verdict()}
        assert {len(one) for one in always(conduct, lambda it: it.receipts(submit()), 2_000)} == {1}
        assert set(always(conduct, HostileConduct.mischief, 2_000)) == {None}
        assert conduct.again_after_s == 0

    def test_noise_is_nothing_that_an_esme_may_take_for_a_text(self) -> None:
        for noise in NOISES:
            try:
                pdu = decode(noise)
            except PeerFault as fault:
                assert fault.salvage is None
            else:
                assert not isinstance(pdu, DeliverSm)


def test_nobody_watches_unless_asked_to() -> None:
    witness = Unwitnessed()
    witness.texted(1, PHONE, "4411", "JA", 1)
    witness.attempted(TextPart(1, 1), 1, 1)
    witness.answered(1, 1, ESME_ROK)
    witness.submitted(1, submit(), ESME_ROK, 1)
    witness.responded(1, 1)
    witness.injected("noise", b"", "")
    witness.ended(1)
    witness.sync()
    assert not vars(witness)
