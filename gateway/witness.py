"""The evidence on the links, for the binds to one carrier: which texts are open, and which equal PDU is which text.

A text is open from its reading until its peer has provably read our acknowledgement: an enquire_link sent after the
deliver_sm_resp was answered (the *fence*; one stream is read in order). Against open texts an equal PDU is held up:
- same link, same sequence_number: the same PDU again;
- same link, and the first was not answered within most of the peer's response timer: the peer asks again, perhaps
  while our late answer is under way to it;
- another link: it waits until the first is confirmed and its own link has answered since (then it is genuine), or the
  first one's link ends (then the doubt in the tables decides, router.evidence), or its own (then it is dropped, for
  nobody can be answered: what came over the other link was this one). What its sender writes meanwhile waits behind it.
Anything else is genuine, however equal. Nothing here waits or sends; `now` is monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

from router.evidence import Ended, Mark
from router.messages import Inbound
from router.world import EPOCH_MS, first_id_at

ASKED_AGAIN = 0.8
"""Share of the peer's response timer after which an equal PDU on the same link is its second try (RELIABILITY 2.2)."""
CROSSING_S = 2.0
"""How long at most a late acknowledgement and the peer's second try can miss each other on the wire."""
LAGS = first_id_at((EPOCH_MS + 10_000) * 1_000)
"""How far, in ids (some ten seconds' worth), the mark of an idle session may stay behind: a start looks at texts above
it."""

FENCE_LOST_S = 60.0
"""An enquire_link without an answer by then, on a link that lives, is asked again: twice a usual response timer."""
MOST_OPEN = 20_000
"""Open texts of one link: twice the widest window there is. A peer that sent more has had its answers, for it would not
have gone on without them, even one that never answers an enquire_link."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How the peers behave: their response timer, how late they may act upon what they have read, how often they may
    be asked with enquire_link; seconds."""

    peer_response_s: float = 10.0
    reads_late_s: float = 0.0
    fence_s: float = 0.02


class _Seen:
    """One open text."""

    __slots__ = ("answered_at", "at", "fingerprint", "id", "sequence", "session")

    def __init__(self, message: Inbound, now: float) -> None:
        self.id = message.id
        self.session = message.session
        self.sequence = message.sequence
        self.fingerprint = message.fingerprint
        self.at = now
        self.answered_at: float | None = None


class Fence:
    """An enquire_link on its way: when it is answered, these texts are confirmed, and the link of those that are held
    was alive behind them."""

    __slots__ = ("held", "seen", "session")

    def __init__(self, session: int, seen: list[_Seen], held: list[int]) -> None:
        self.session = session
        self.seen = seen
        self.held = held


class _Held:
    """A text that waits for another link's, and behind it what its sender wrote since, whichever link brought it."""

    __slots__ = ("alive", "sender", "texts")

    def __init__(self, message: Inbound) -> None:
        self.sender = message.sender
        self.texts = [message]
        self.alive = False
        """Its own link has answered since: it is no rest of a dead one whose text came again elsewhere."""


class _Session:
    """One link, from its bind on."""

    __slots__ = ("answered", "asked_at", "connector", "fence", "held", "last_id", "marked", "open", "ripening")

    def __init__(self, connector: str, first_id: int) -> None:
        self.connector = connector
        self.open: dict[int, _Seen] = {}
        self.answered: list[_Seen] = []
        self.held: list[int] = []
        """Held texts that this link brought, and that no fence has gone out behind."""
        self.fence: Fence | None = None
        self.asked_at = 0.0
        self.last_id = first_id
        self.marked = 0
        self.ripening: deque[tuple[float, list[_Seen]]] = deque()
        """Fenced texts of a peer that acts later than it reads, and when they count as confirmed."""

    def confirmed_id(self) -> int:
        return next(iter(self.open)) - 1 if self.open else self.last_id


class Witness:
    """The open texts of one carrier's binds in this process. `orphans`: open texts of links that are gone, and that no
    group has committed yet."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._sessions: dict[int, _Session] = {}
        self._open: dict[int, list[_Seen]] = {}
        self._held: dict[int, _Held] = {}
        """By the id of the text that waits."""
        self._behind: dict[str, int] = {}
        """Senders of whom a text is held, with that."""
        self._late: list[Inbound] = []
        self._latest = 0
        self.orphans: dict[int, int] = {}
        self._last_refused: list[int] = []
        """Sessions that are gone, and whose last orphan was given back."""

    # ----------------------------------------------------------------------------------------------------- what comes

    def opened(self, session: int, connector: str) -> None:
        """A link is bound; its number was given like an id, so every text of it will have a higher one."""
        self._sessions[session] = _Session(connector, session)
        self._latest = max(self._latest, session)

    def read(self, message: Inbound, now: float) -> Inbound | None:
        """What to make of a text that was read: itself, itself as a repeat, or None for now (it comes back later)."""
        same = self._open.get(message.fingerprint)
        before = self._held.get(self._behind[message.sender]) if message.sender in self._behind else None
        first = self._repeated(same, message, now) if same is not None else 0
        if first:
            message = msgspec.structs.replace(message, repeats=first)
            if before is None or all(text.id != first for text in before.texts):
                return message
        else:
            elsewhere = same is not None and any(seen.session != message.session for seen in same)
            self._keep(message, now)
            if before is None and not elsewhere:
                return message
        if before is None:
            self._hold(message)
        else:
            before.texts.append(message)
        return None

    def _hold(self, message: Inbound) -> None:
        self._held[message.id] = _Held(message)
        self._behind[message.sender] = message.id
        session = self._sessions.get(message.session)
        if session is not None:
            session.held.append(message.id)

    def late(self) -> list[Inbound]:
        """Texts of earlier reads that what was read since has set free."""
        late, self._late = self._late, []
        return late

    def _repeated(self, same: list[_Seen], message: Inbound, now: float) -> int:
        for seen in same:
            if seen.session == message.session and (seen.sequence == message.sequence or self._asked_again(seen, now)):
                return seen.id
        return 0

    def _asked_again(self, seen: _Seen, now: float) -> bool:
        timer_s = ASKED_AGAIN * self._habits.peer_response_s
        if seen.answered_at is None:
            return now - seen.at >= timer_s
        return seen.answered_at - seen.at >= timer_s and now - seen.answered_at <= CROSSING_S

    def _keep(self, message: Inbound, now: float) -> None:
        session = self._sessions.get(message.session)
        if session is None:  # the link ended in the very read that brought it
            self.orphans[message.id] = message.session
            return
        seen = session.open[message.id] = _Seen(message, now)
        session.last_id = self._latest = message.id
        if len(session.open) > MOST_OPEN:  # the peer sent so much since: it has read what it was told
            self._late += self._closed([next(iter(session.open.values()))])
        same = self._open.get(message.fingerprint)
        if same is None:
            self._open[message.fingerprint] = [seen]
        else:
            same.append(seen)

    # ----------------------------------------------------------------------------------------------- what is answered

    def answered(self, session: int, id: int, now: float) -> None:
        """Its acknowledgement has been given to the link."""
        known = self._sessions.get(session)
        seen = known.open.get(id) if known is not None else None
        if known is not None and seen is not None:
            seen.answered_at = now
            known.answered.append(seen)

    def refused(self, session: int, id: int) -> list[Inbound]:
        """The peer was told to try again: it is not kept, and nothing equal waits for it. Gives what was held."""
        of_gone = self.orphans.pop(id, None)
        if of_gone is not None and of_gone not in self.orphans.values():
            self._last_refused.append(of_gone)
        freed = [text for text in self._let_go(id) if id not in (text.id, text.repeats)]
        known = self._sessions.get(session)
        seen = known.open.get(id) if known is not None else None
        return freed if seen is None else freed + self._closed([seen])

    def fence(self, session: int, now: float) -> Fence | None:
        """What to send behind the acknowledgements now, if anything (see `fence_wait_s`)."""
        known = self._sessions.get(session)
        if known is None:
            return None
        if known.fence is not None and now - known.asked_at >= FENCE_LOST_S:
            # Its answer is lost, or the peer gives none: a later one proves the same.
            known.answered[:0], known.held[:0] = known.fence.seen, known.fence.held
            known.fence = None
        if known.fence is not None or not (known.answered or known.held):
            return None
        if now - known.asked_at < self._habits.fence_s:
            return None
        known.asked_at = now
        known.fence = Fence(session, known.answered, known.held)
        known.answered, known.held = [], []
        return known.fence

    def fence_wait_s(self, session: int, now: float) -> float | None:
        """Seconds until a fence may be sent; None when none is wanted."""
        known = self._sessions.get(session)
        if known is None or known.fence is not None or not (known.answered or known.held):
            return None
        return max(0.0, known.asked_at + self._habits.fence_s - now)

    def fenced(self, fence: Fence, now: float) -> list[Inbound]:
        """The peer answered: gives the texts that were held because of what is confirmed now."""
        known = self._sessions.get(fence.session)
        if known is None or known.fence is not fence:
            return []
        known.fence = None
        alive = [self._held[id] for id in fence.held if id in self._held]
        for one in alive:
            one.alive = True
        freed = self._free([one.texts[0].fingerprint for one in alive])
        if not self._habits.reads_late_s or not fence.seen:
            return freed + self._closed(fence.seen, proven=True)
        known.ripening.append((now + self._habits.reads_late_s, fence.seen))
        return freed + self.ripened(now)

    def ripens_in_s(self, now: float) -> float | None:
        """Seconds until something more may be confirmed by waiting alone; None when nothing will."""
        at = min((session.ripening[0][0] for session in self._sessions.values() if session.ripening), default=None)
        return None if at is None else max(0.0, at - now)

    def ripened(self, now: float) -> list[Inbound]:
        """The same for peers that act later than they read: what was fenced long enough ago is confirmed."""
        released: list[Inbound] = []
        for session in self._sessions.values():
            while session.ripening and session.ripening[0][0] <= now:
                released += self._closed(session.ripening.popleft()[1], proven=True)
        return released

    def ended(self, session: int, *, read_all: bool, expires_at: int) -> tuple[list[Ended], list[Inbound], list[int]]:
        """A link is gone; `read_all` when its peer answered our unbind, behind which it has read everything.

        Gives what is in doubt, the texts that were held and are now to be judged by that doubt, and the ids of those
        that this link brought and that were held: they are dropped, for nobody can be answered and the peer sends them
        again.
        """
        known = self._sessions.pop(session, None)
        if known is None:
            return [], [], []
        dropped, freed = self._bereaved(session, known)
        doubtful = [
            seen for seen in known.open.values()
            if seen.id not in dropped and not (read_all and seen.answered_at is not None)
        ]  # fmt: skip
        orphans = {seen.id: session for seen in doubtful if seen.answered_at is None}
        self.orphans |= orphans
        released = freed + self._closed(list(known.open.values()))
        return [Ended(session, [seen.id for seen in doubtful], expires_at, not orphans)], released, dropped

    def _bereaved(self, session: int, known: _Session) -> tuple[list[int], list[Inbound]]:
        """What waits of a link that is gone is dropped; what waited behind it, of other links, is free."""
        dropped: list[int] = []
        freed: list[Inbound] = []
        for one in list(self._held.values()):
            dropped += [text.id for text in one.texts if text.session == session]
            one.texts[1:] = [text for text in one.texts[1:] if text.session != session]
        for id in [id for id in known.open if id in self._held]:
            freed += self._let_go(id)[1:]
        return dropped, freed

    @property
    def bereft(self) -> bool:
        """Whether links that are gone have left something that `adopted` has to tell."""
        return bool(self.orphans or self._last_refused)

    def adopted(self, ids: Iterable[int], expires_at: int) -> list[Ended]:
        """Texts are on disk: those of links that are gone by now are in doubt."""
        found: dict[int, list[int]] = {session: [] for session in self._last_refused}
        self._last_refused.clear()
        for id in ids:
            if id in self.orphans:
                found.setdefault(self.orphans.pop(id), []).append(id)
        waiting = set(self.orphans.values())
        return [Ended(session, kept, expires_at, session not in waiting) for session, kept in found.items()]

    # -------------------------------------------------------------------------------------------------- what it proves

    def marks(self) -> list[Mark]:
        """How far each session is confirmed, where that is news."""
        news = []
        for number, session in self._sessions.items():
            if not session.open and self._latest - session.last_id > LAGS:
                session.last_id = self._latest
            confirmed = session.confirmed_id()
            if confirmed != session.marked:
                session.marked = confirmed
                news.append(Mark(number, session.connector, confirmed))
        return news

    @property
    def open(self) -> int:
        """Texts whose acknowledgement is not confirmed."""
        return sum(len(session.open) for session in self._sessions.values())

    def _closed(self, over: Collection[_Seen], *, proven: bool = False) -> list[Inbound]:
        """These are open no more; gives the texts that nothing holds back any longer. `proven`: what waits for them is
        genuine, if its own link lives; else the doubt in the tables tells, and it may be asked at once."""
        touched: list[int] = []
        for seen in over:
            session = self._sessions.get(seen.session)
            if session is not None:
                session.open.pop(seen.id, None)
            same = self._open.get(seen.fingerprint)
            if same is None or seen not in same:  # too many were open, and its fence was answered all the same
                continue
            if len(same) == 1:
                del self._open[seen.fingerprint]
            else:
                same.remove(seen)
                touched.append(seen.fingerprint)
        return self._free(touched, proven) if self._held else []

    def _free(self, fingerprints: list[int], proven: bool = True) -> list[Inbound]:
        free: list[Inbound] = []
        for fingerprint in fingerprints:
            same = self._open.get(fingerprint, ())
            for seen in same:
                held = self._held.get(seen.id)
                if held is not None and (held.alive or not proven) and all(
                    other.session == seen.session or other.id > seen.id for other in same
                ):  # fmt: skip
                    free += self._let_go(seen.id)
        return free

    def _let_go(self, id: int) -> list[Inbound]:
        """A text is held no more: it, and what waited behind it."""
        held = self._held.pop(id, None)
        if held is None:
            return []
        del self._behind[held.sender]
        return held.texts
