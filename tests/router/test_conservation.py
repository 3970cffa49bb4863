"""Whatever comes, in whatever order: nothing is lost, nothing is acted upon twice, and a message only moves forward.

A day of a few phones and an unreliable centre, drawn by a seed, through the very groups that production commits. After
each group the promises are looked at, not the code (RELIABILITY L1, L2, L4 to L6 and L8 on one node).
"""

from collections import Counter, defaultdict
from random import Random
from typing import Any

import pytest

from router import outbox
from router.claims import Claim
from router.group import Done
from router.instants import HOUR, MINUTE, SECOND
from router.messages import Inbound
from router.states import FORGET_AFTER, MOVES
from tests.support.routing import JAN, KEES, PIET, ROOS, Phones

SENDERS = (JAN, PIET, KEES, ROOS, "Bank")
TEXTS = ("JOIN", "TWEE", "LANG", "QUIZ", "ja", "STRAKS", "LATER", "NAAM Jan", "STOP", "START", "HELP", "onzin", "?")
STEPS = 60
OPEN = {"ready", "claimed", "unknown"}


def reachable() -> dict[str, set[str]]:
    """By one move or several: a group may hold more than one."""
    found: dict[str, set[str]] = {old: {old, *moves} for old, moves in MOVES.items()}
    for _ in MOVES:
        found = {old: {last for new in moves for last in found[new]} for old, moves in found.items()}
    return found


REACHABLE = reachable()


class Day:
    """The phones' and the centre's side of the story, to hold the router's against."""

    def __init__(self, phones: Phones, seed: int) -> None:
        self.phones = phones
        self.random = Random(seed)
        self.came: dict[int, Inbound] = {}
        self.wire: dict[int, Claim] = {}
        """On the wire, not answered for."""
        self.written: Counter[int] = Counter()
        """Times a text went to the wire without a refusal."""
        self.ids: list[str] = []
        self.silent: dict[str, int] = {}
        """Phones that said STOP, with when."""
        self.states: dict[int, str] = {}
        self.reference = 0

    def step(self) -> None:
        """One group of whatever happens."""
        random = self.random
        causes: dict[str, Any] = {"outcomes": self.outcomes(), "receipts": self.receipts(), "inbound": self.texts()}
        causes |= {"due": random.random() < 0.5, "claim": random.random() < 0.7}
        room = random.choice((0, 1, 3, 100))
        done = self.phones.commit(room=room, **causes)
        self.look(done, room)
        self.phones.later(random.choice((0, 1, SECOND, MINUTE, 20 * MINUTE, HOUR)))
        if random.random() < 0.05:
            self.restart()

    def texts(self) -> list[Inbound]:
        """At most one of each sender; some in parts, one of which comes twice or never."""
        found = []
        for sender in self.random.sample(SENDERS, self.random.randrange(4)):
            text = self.random.choice(TEXTS)
            message = self.phones.text(sender, text)
            if text == "?":
                self.reference += self.random.random() < 0.6
                message = self.phones.part(sender, b"JOIN", self.random.randint(1, 2), 2, self.reference)
            found.append(message)
        return found

    def outcomes(self) -> list[outbox.Outcome]:
        """What the centre answers, or nobody."""
        found = []
        for claim in self.random.sample(sorted(self.wire.values(), key=id_of), self.random.randint(0, len(self.wire))):
            del self.wire[claim.id]
            ids = tuple(f"{claim.id}-{claim.attempts}-{number}" for number in range(claim.segments))
            self.ids += ids
            match self.random.randrange(6):
                case 0:
                    found.append(self.phones.unknown(claim))
                case 1:
                    self.written[claim.id] -= 1
                    found.append(self.phones.refused(claim, self.phones.world.now() + 5 * MINUTE))
                case 2:
                    found.append(outbox.Outcome(id=claim.id, connector="carrier", state="failed", reason="no"))
                case _:
                    found.append(self.phones.sent(claim, *ids))
        return found

    def receipts(self) -> list[Any]:
        """For what was sent, some of it twice; and for what nobody sent, some of which is sent later."""
        known = self.random.sample(self.ids, min(len(self.ids), self.random.randrange(4)))
        early = [f"{claim.id}-{claim.attempts}-0" for claim in self.wire.values() if self.random.random() < 0.2]
        states = ("DELIVRD", "DELIVRD", "UNDELIV", "ENROUTE")
        return [self.phones.receipt(one, self.random.choice(states)) for one in [*known, *early, "nobody"]]

    def restart(self) -> None:
        """The process ends without a word: what is on the wire stays unanswered for."""
        self.wire.clear()
        with self.phones.store.begin() as tx:
            outbox.recover(tx, "ams-1", self.phones.world.now())

    def look(self, done: Done, room: int) -> None:
        """The promises, after a group."""
        self.came |= {message.id: message for message in done.accepted}
        for message in done.accepted:
            if message.text == "STOP":
                self.silent[message.sender] = message.id
            elif message.text == "START":
                self.silent.pop(message.sender, None)
        for claim in done.claims:
            assert claim.id not in self.wire
            self.wire[claim.id] = claim
            self.written[claim.id] += 1
            most = 1 if claim.message_class in ("stop_confirmation", "help", "start_confirmation") else 2
            assert self.written[claim.id] <= most, claim
            if claim.address in self.silent:
                asked = claim.message_class == "help" and claim.id > self.silent[claim.address]
                assert asked or claim.message_class == "stop_confirmation", claim
        assert sum(claim.segments for claim in done.claims) <= room
        rows = self.phones.table("outbox")
        for row in rows:
            assert row["state"] in REACHABLE[self.states.get(row["id"], row["state"])], row
            assert row["state"] != "withheld" or row["reason"]
        self.states = {row["id"]: row["state"] for row in rows}
        claimed = [row for row in rows if row["state"] == "claimed"]
        assert {row["id"] for row in claimed} == self.wire.keys()
        in_flight = Counter((row["contact_id"], row["number"]) for row in claimed)
        assert max(in_flight.values(), default=0) <= 1

    def drain(self) -> None:
        """The faults are over: everything comes to its end."""
        for _ in range(4 * len(SENDERS) * 20):
            outcomes = [self.phones.sent(claim) for claim in self.wire.values()]
            self.wire.clear()
            self.look(self.phones.commit(outcomes=outcomes, due=True, claim=True), 100)
            if not self.wire and not OPEN & set(self.phones.states()) and not self.phones.table("runs"):
                break
            self.phones.later(HOUR if self.phones.table("runs") else FORGET_AFTER // 4)


def id_of(claim: Claim) -> int:
    return claim.id


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_doubled_or_moved_back(phones: Phones, seed: int) -> None:
    day = Day(phones, seed)
    for _ in range(STEPS):
        day.step()
    day.drain()
    phones.later(HOUR)
    phones.commit(due=True)

    inbound = {row["id"]: row for row in phones.table("inbound")}
    parts = {row["id"]: row for row in phones.table("parts")}
    assert phones.table("quarantine") == []
    for message in day.came.values():
        kept = message.id in inbound or message.id in parts
        assert kept or again(message, parts.values()), message  # L1: a part that came twice counts once
    assert {row["joined_at"] is None for row in parts.values()} <= {False}
    assert not OPEN & set(phones.states())  # L4
    causes = Counter(row["cause_id"] for row in phones.table("outbox"))
    assert causes.keys() <= {0, *inbound}
    by_text = defaultdict(list)
    for row in phones.table("outbox"):
        by_text[row["cause_id"], row["text"]].append(row)
    assert max(len(rows) for (cause, _), rows in by_text.items() if cause) == 1  # L2: no effect twice
    assert len(phones.table("receipts")) == len({row["id"] for row in phones.table("receipts")})


def again(message: Inbound, parts: Any) -> bool:
    part = message.part
    return part is not None and any(
        (row["sender"], row["reference"], row["part"]) == (message.sender, part.reference, part.index) for row in parts
    )
