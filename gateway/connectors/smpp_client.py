"""A message centre that we bind to: the main way's two ends on SMPP.

In: one read of a link becomes one `Read`, its texts held up against the open ones (gateway.witness), and answered with
deliver_sm_resp after its commit, with an enquire_link behind that proves the answers read. Out: `smpp_out`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Table
from contextlib import suppress
from functools import partial

from config.connectors import Connector as Settings
from gateway.connectors.base import Answer, Exchange, Read
from gateway.connectors.mapping import Mapping, Origin
from gateway.connectors.smpp_out import Outgoing
from gateway.witness import Fence, Witness
from router.claims import Claim
from router.evidence import Ended
from router.instants import SECOND
from router.messages import Inbound
from router.outbox import Outcome
from router.receipts import ReceiptIn
from router.world import World
from smpp.client import BindSettings, Client, Link
from smpp.constants import ESME_RINVCMDID, ESME_ROK, ESME_RX_T_APPN
from smpp.errors import LocalFault
from smpp.events import Answered, Faulted, Received, Unanswered
from smpp.pdu import DataSm, DeliverSm, EnquireLink


class SmppConnector:
    """One `[[connector]]` of kind smpp. `witness` is shared by the connectors to one carrier."""

    def __init__(
        self, settings: Settings, binding: BindSettings, mapping: Mapping, witness: Witness, world: World,
        exchange: Exchange,
    ) -> None:  # fmt: skip
        self.name = settings.name
        self.settings = settings
        self.client = Client(binding, self, world.monotonic, world.chance, self._faulted)
        self.out = Outgoing(settings, lambda: self.client.links, mapping, world, exchange)
        self._mapping = mapping
        self._witness = witness
        self._world = world
        self._exchange = exchange
        self._sessions: dict[int, int] = {}
        """By a link's number in this process, the session's in the store: no two of any nodes are alike."""
        self._fence_timer = False
        self._ripe_timer = False
        self._closing = False

    # ------------------------------------------------------------------------------------------------ its standing

    @property
    def trouble(self) -> str:
        """Why nothing can be sent or received, as a sentence; empty while a link is bound."""
        links = self.client.links
        if any(link.bound for link in links):
            return ""
        said = next((link.trouble for link in links if link.trouble), None)
        return said or f"not bound to {self.settings.host}:{self.settings.port} yet"

    @property
    def refused(self) -> Table[str, int]:
        """Segments that the centre refused, by the status's name."""
        return self.out.refused

    @property
    def most(self) -> int:
        """Slots of the window on all links that may send."""
        return self.out.most

    @property
    def held(self) -> int:
        """Slots held by texts that are not settled."""
        return self.out.held

    def pace(self) -> int:
        """Segments that its rate lets go now; none while it pauses."""
        return self.out.pace()

    def room(self, settling: Sequence[Outcome] = ()) -> int:
        """Slots that are free once these outcomes are on disk."""
        return self.out.room(settling)

    def wait_s(self) -> float:
        """Seconds until the rate or a pause leaves room again."""
        return self.out.wait_s()

    def start(self) -> None:
        """Begin to connect; keeps trying for as long as it takes."""
        self.client.start()

    async def stop(self, drain_s: float) -> None:
        """Wait for open answers, unbind, close."""
        await self.client.stop(drain_s)

    # ------------------------------------------------------------------------------------------------------- in

    def pause_reading(self) -> None:
        """Take nothing more in from any link."""
        for link in self.client.links:
            link.pause_reading()

    def resume_reading(self) -> None:
        """Undo it."""
        for link in self.client.links:
            link.resume_reading()

    def refuse_new(self) -> None:
        """We are about to stop: the centre keeps what it sends from now on."""
        self._closing = True

    def received(self, link: Link, requests: list[Received]) -> None:
        """Texts and receipts of one read."""
        now, next_id, session = self._world.now(), self._world.ids.next, self._session(link)
        judge, clock = self._witness.read, self._world.monotonic()
        inbound: list[Inbound] = []
        held: list[Inbound] = []
        receipts: list[ReceiptIn] = []
        answers: dict[int, Answer] = {}
        octets = 0
        for request in requests:
            pdu = request.pdu
            if not isinstance(pdu, (DeliverSm, DataSm)):
                link.answer(request, ESME_RINVCMDID)
                continue
            if self._closing:
                link.answer(request, ESME_RX_T_APPN)
                continue
            new_id = next_id(now)
            origin = Origin(new_id, session, now)
            if self._mapping.is_receipt(pdu):
                receipts.append(self._mapping.to_receipt(pdu, request.frame, origin))
                answers[new_id] = partial(_answer, link, request)
            else:
                message = self._mapping.to_inbound(pdu, request.frame, origin)
                judged = judge(message, clock) if message.fingerprint else message
                if judged is None:
                    held.append(message)
                else:
                    inbound.append(judged)
                answers[new_id] = partial(self._answer, link, request, session, new_id)
            octets += len(request.frame)
        if answers:
            self._exchange.take(Read(self.name, inbound, receipts, answers, octets, held))
        self._exchange.release(self._witness.late())
        if held:  # until this link has answered, too
            self.fence()

    def _faulted(self, link: Link, event: Faulted) -> None:
        """A PDU that could not be read was refused by the session; its octets are kept all the same."""
        if event.fault.salvage is not None:
            return  # tolerated: the PDU itself follows, with its octets
        now = self._world.now()
        new_id = self._world.ids.next(now)
        kept = Inbound(
            id=new_id, connector=self.name, session=self._session(link), sequence=0, sender=f"?{new_id}",
            recipient="", text="", received_at=now, frame=event.frame, unreadable=str(event.fault),
        )  # fmt: skip
        self._exchange.take(Read(self.name, [kept], [], {new_id: _unanswerable}, len(event.frame)))

    # ------------------------------------------------------------------------------------------------- its evidence

    @property
    def orphans(self) -> bool:
        """Whether texts of links that are gone are still on their way to the disk."""
        return self._witness.bereft

    @property
    def gone(self) -> Collection[int]:
        """The sessions of those links."""
        return set(self._witness.orphans.values())

    def adopt(self, ids: Collection[int]) -> list[Ended]:
        """These texts are on disk: gives which of them are in doubt, since their link is gone."""
        return self._witness.adopted(ids, self._expiry())

    def fence(self) -> None:
        """Behind acknowledgements that have been given: ask each link for the proof that its peer has read them."""
        if self._fence_timer:
            return
        now = self._world.monotonic()
        waits: list[float] = []
        for link in self.client.links:
            session = self._session(link)
            fence = self._witness.fence(session, now) if link.bound else None
            if fence is not None:
                self._ask(link, fence)
            elif (wait_s := self._witness.fence_wait_s(session, now)) is not None:
                waits.append(wait_s)
        if waits:
            self._fence_timer = True
            self._exchange.later(min(waits), self._fence_again)
        ripe_in_s = self._witness.ripens_in_s(now)
        if ripe_in_s is not None and not self._ripe_timer:
            self._ripe_timer = True
            self._exchange.later(ripe_in_s, self._ripe)

    def _fence_again(self) -> None:
        self._fence_timer = False
        self.fence()

    def _ripe(self) -> None:
        """What a peer that acts late has read long enough ago is confirmed."""
        self._ripe_timer = False
        self._exchange.release(self._witness.ripened(self._world.monotonic()))
        self._exchange.prove(self._witness.marks())
        self.fence()

    def _ask(self, link: Link, fence: Fence) -> None:
        # A session that has just ended takes nothing: what is in doubt is said when the link is gone.
        with suppress(LocalFault):
            link.send(EnquireLink(), fence)

    def _answer(self, link: Link, request: Received, session: int, id: int, kept: bool) -> None:
        if not kept:
            link.answer(request, ESME_RX_T_APPN)
            self._exchange.release(self._witness.refused(session, id))
        elif link.answer(request, ESME_ROK):
            self._witness.answered(session, id, self._world.monotonic())

    def _session(self, link: Link) -> int:
        return self._sessions.get(link.number, 0)

    def _expiry(self) -> int:
        return self._world.now() + int(self.settings.redelivery_s * SECOND)

    # ------------------------------------------------------------------------------------------------------ out

    def hold(self, claims: Sequence[Claim]) -> None:
        """These claims are on disk: they hold their slots until they are settled."""
        self.out.hold(claims)

    def hand(self, claims: Sequence[Claim], lease_until: float) -> None:
        """Send claimed texts, and have the kernel take them in this turn of the loop."""
        self.out.hand(claims, lease_until)
        self.out.flush()

    @property
    def unfinished(self) -> Table[int, str]:
        """Claimed texts of which segments still wait, with their addresses."""
        return self.out.unfinished

    def renew(self, ids: Collection[int], until: float) -> None:
        """What waits of these texts may be written until then."""
        self.out.renew(ids, until)

    def drop(self, ids: Collection[int]) -> None:
        """Write nothing more of these texts."""
        self.out.drop(ids)

    def unwritten(self) -> set[int]:
        """Links whose octets the kernel has not all taken, though it was offered them."""
        self.out.flush()
        return {link.number for link in self.client.links if link.connected and not link.buffer_empty}

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """These outcomes are on disk: their slots are free."""
        self.out.settled(outcomes)

    # ------------------------------------------------------------------------------------------- what the client says

    def answered(self, link: Link, answers: list[Answered]) -> None:
        """submit_sm_resp of one read, and answers to our fences."""
        submits: list[Answered] = []
        for answer in answers:
            if isinstance(answer.token, Fence):
                self._exchange.release(self._witness.fenced(answer.token, self._world.monotonic()))
                self._exchange.prove(self._witness.marks())
                self.fence()
            else:
                submits.append(answer)
        if submits:
            self.out.answered(link, submits)

    def lost(self, link: Link, unanswered: list[Unanswered], reason: str) -> None:
        """A link is gone: outcomes are unknown, and acknowledgements that were not proven are in doubt."""
        session = self._sessions.pop(link.number, 0)
        ended, released, dropped = self._witness.ended(session, read_all=link.parted, expires_at=self._expiry())
        self._exchange.prove(self._witness.marks(), ended)
        self._exchange.release(released)
        self._exchange.refuse(dropped)
        self.out.lost(link, unanswered, reason)

    def changed(self, link: Link) -> None:
        """Bound, unbound, or the peer reads again: there may be room."""
        if link.bound and link.number not in self._sessions:
            session = self._sessions[link.number] = self._world.ids.next(self._world.now())
            self._witness.opened(session, self.name)
            self._exchange.prove(self._witness.marks())
        self.out.send_queued(link)
        self._exchange.wake()


def _answer(link: Link, request: Received, kept: bool) -> None:
    link.answer(request, ESME_ROK if kept else ESME_RX_T_APPN)


def _unanswerable(kept: bool) -> None:
    """The session has answered it already."""
