"""The lists of `tests/rules/revocation/`, played as a carrier would deliver them: octets of deliver_sm through framing,
codec and mapping into a router on a store.

A play is one text to a number that two brands share, by a phone of its own, in an encoding, whole or in parts, with or
without a question open there. `Stage` plays many of them a group at a time; what came of each is read off the tables.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from typing import Literal as OneOf

import msgspec

from gateway.connectors.mapping import Mapping, Origin, decode
from router.instants import SECOND
from router.ledger import Record
from router.ledger_verify import verify
from router.messages import Inbound
from router.store.engine import Store
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Grants, NumberGrant, Rulebook
from smpp.codec import decode as read_frame
from smpp.codec import encode as frame_of
from smpp.concat import UDHI, Method, header, split
from smpp.framing import Framer
from smpp.pdu import DeliverSm
from smpp.text import Encoding, TextFault, data_coding_of, encode
from tests.support.fake_links import settings
from tests.support.revocation_cases import Case
from tests.support.routing import Phones

Carriage = OneOf["whole", "small parts", "full parts"]
"""In one part; cut anywhere, through a character too; padded with white space until it takes parts of full size."""
Standing = OneOf["stranger", "known", "free", "choice"]
"""Who writes: a phone that nobody knows; one that the first brand spoke to; one that it asked for any text; one that it
gave a choice, with an `else`."""

CARRIAGES: tuple[Carriage, ...] = ("whole", "small parts", "full parts")
STANDINGS: tuple[Standing, ...] = ("stranger", "known", "free", "choice")
ENCODINGS = (Encoding.GSM7, Encoding.UCS2)
CODE, ASKING, OWNING = "4411", "Zonnehoed", "Regenjas"
"""The number, the brand that speaks and asks, and the one that has the keywords of the lists."""
OPENINGS: dict[Standing, str] = {"known": "ZONWEER", "free": "KWISVRIJ", "choice": "KWISKEUS"}
FREE, CHOICE, ELSE, KEYWORD, STOPPED = "Gehoord.", "Kaas.", "Anders.", "Regen.", "gestopt."
"""What the rules say."""
AT_ONCE = 256
"""Texts of a group, as many as the writer takes at once."""
PADDED = {Encoding.GSM7: 220, Encoding.UCS2: 90}
"""Characters that take two parts; a text of more than 480 is a letter, which only a person reads."""
PREFIXES = {"NL": "316", "BE": "324", "DE": "4915", "FR": "336", "GB": "447", "US": "1212", "CA": "1416"}

_ASKING = f"""\
brand "{ASKING}"
    numbers   {CODE}
    language  {{language}}
    timezone  Europe/Amsterdam
    stop      "{ASKING}: {STOPPED}"

keyword ZONWEER
    reply "Zon."

keyword KWISVRIJ
    ask "Vertel?" within 1 day
        answer <iets text>
            reply "{FREE}"

keyword KWISKEUS
    ask "Kaas of niet?" within 1 day
        answer KAASPLANK
            reply "{CHOICE}"
        else
            reply "{ELSE}"
"""
_OWNING = f"""\
brand "{OWNING}"
    numbers   {CODE}
    language  {{language}}
    timezone  Europe/Amsterdam
    stop      "{OWNING}: {STOPPED}"

keyword (REPAIR | BURGER | ORDER | STOMP | CLUB)
    reply "{KEYWORD}"
"""


def rules_of(language: str) -> tuple[str, str]:
    """The rules of the two brands: the one that asks, the one that has the keywords."""
    return _ASKING.format(language=language), _OWNING.format(language=language)


def book_of(market: str, language: str) -> Rulebook:
    """The two brands on a short code of that market."""
    sources = [Source(f"{place}.rules", text) for place, text in enumerate(rules_of(language))]
    number = NumberGrant(CODE, "short-code", market, (ASKING, OWNING), "carrier")
    compiled = compile_sources(sources, Grants((number,)))
    assert compiled.book is not None, compiled.diagnostics
    return compiled.book


@dataclass(frozen=True, slots=True)
class Play:
    """One text, how it comes and to what standing."""

    case: Case
    encoding: Encoding
    carriage: Carriage
    standing: Standing

    def fits(self) -> bool:
        """Whether it can be sent so: an alphabet lacks characters, and one octet cannot be cut."""
        try:
            octets = encode(self.case.text, self.encoding)
        except TextFault:
            return False
        return self.carriage != "small parts" or len(octets) > 1

    def __str__(self) -> str:
        """Where it stands and how it comes."""
        case = self.case
        return f"{case.place} {case.market}: {case.text!r} ({self.encoding}, {self.carriage}, {self.standing})"


def plays(cases: Iterable[Case]) -> Iterator[Play]:
    """Each text in every way that it can come, to every standing."""
    for case in cases:
        for encoding in ENCODINGS:
            for carriage in CARRIAGES:
                for standing in STANDINGS:
                    if (play := Play(case, encoding, carriage, standing)).fits():
                        yield play


def some_plays(cases: Iterable[Case], chance: random.Random) -> Iterator[Play]:
    """Each text in every encoding that it fits, in one part and in several, with a question open and with none; which
    kind of parts and of question is drawn."""
    for case in cases:
        for encoding in ENCODINGS:
            for several in (False, True):
                for asked in (False, True):
                    carriage: Carriage = chance.choice(("small parts", "full parts")) if several else "whole"
                    standing: Standing = chance.choice(("free", "choice") if asked else ("stranger", "known"))
                    if (play := Play(case, encoding, carriage, standing)).fits():
                        yield play


def padded(text: str, encoding: Encoding, chance: random.Random) -> str:
    """The text with so much white space around it that it takes two parts."""
    padding = PADDED[encoding] - len(text)
    before = chance.choice((0, padding, padding // 2))
    return " " * before + text + " " * (padding - before)


@dataclass(slots=True)
class Came:
    """What came of a play, as the store has it. `said`: the texts that were made for it, with their classes."""

    play: Play
    sender: str
    id: int = 0
    state: str = ""
    text: str = ""
    silenced: list[str] = field(default_factory=list)
    held_for: list[str] = field(default_factory=list)
    ledger: list[Record] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    reviews: list[tuple[str, str]] = field(default_factory=list)
    quarantined: int = 0


class Stage:
    """A number of a market on a store, its carrier, and phones that write to it once each."""

    def __init__(self, store: Store, market: str, language: str, chance: random.Random) -> None:
        self.phones = Phones(store, book_of(market, language))
        self.phones.ways.decode = decode
        self._mapping = Mapping(settings(), [CODE])
        self._chance = chance
        self._sequence = 0
        self._framer = Framer()
        self._prefix = PREFIXES[market]
        self._senders = 0

    def play(self, every: Sequence[Play]) -> list[Came]:
        """Play them; gives what came of each."""
        came: list[Came] = []
        for first in range(0, len(every), AT_ONCE):
            batch_came = [Came(play, self._sender()) for play in every[first : first + AT_ONCE]]
            opened = [(one, OPENINGS[one.play.standing]) for one in batch_came if one.play.standing in OPENINGS]
            self._group([self._read(self._whole(one.sender, text, Encoding.GSM7)) for one, text in opened])
            rounds: dict[int, list[Inbound]] = defaultdict(list)
            for one in batch_came:
                frames = self._frames(one)
                for number, frame in enumerate(frames, AT_ONCE - len(frames)):  # all end in the last round
                    rounds[number].append(self._read(frame))
                one.id = rounds[AT_ONCE - 1][-1].id
            for number in sorted(rounds):
                self._group(rounds[number])
            came += batch_came
        self._look(came)
        return came

    def _sender(self) -> str:
        self._senders += 1
        return f"{self._prefix}{self._senders:0{11 - len(self._prefix)}d}"

    # -------------------------------------------------------------------------------------------------- the carrier

    def _frames(self, one: Came) -> list[bytes]:
        play = one.play
        text, encoding = play.case.text, play.encoding
        if play.carriage == "whole":
            return [self._whole(one.sender, text, encoding)]
        reference = self._chance.randrange(256)
        if play.carriage == "full parts":
            long = padded(text, encoding, self._chance)
            pieces = [segment.short_message for segment in split(long, encoding, reference, Method.UDH_8)]
        else:
            pieces = self._cut(encode(text, encoding), reference)
        assert len(pieces) > 1, play
        self._chance.shuffle(pieces)
        return [self._frame(one.sender, piece, encoding, UDHI) for piece in pieces]

    def _cut(self, octets: bytes, reference: int) -> list[bytes]:
        """Two or three parts, cut anywhere."""
        total = min(len(octets), self._chance.choice((2, 2, 3)))
        cuts = [0, *sorted(self._chance.sample(range(1, len(octets)), total - 1)), len(octets)]
        return [
            header(reference, total, index) + octets[start:end] for index, (start, end) in enumerate(pairwise(cuts), 1)
        ]

    def _whole(self, sender: str, text: str, encoding: Encoding) -> bytes:
        return self._frame(sender, encode(text, encoding), encoding, 0)

    def _frame(self, sender: str, octets: bytes, encoding: Encoding, esm_class: int) -> bytes:
        self._sequence += 1
        return frame_of(
            DeliverSm(
                sequence_number=self._sequence, source_addr_ton=1, source_addr_npi=1, source_addr=sender,
                dest_addr_ton=3, destination_addr=CODE, esm_class=esm_class, data_coding=data_coding_of(encoding),
                short_message=octets,
            )
        )  # fmt: skip

    # --------------------------------------------------------------------------------------------------- the gateway

    def _read(self, octets: bytes) -> Inbound:
        world = self.phones.world
        (frame,) = self._framer.feed(octets)
        pdu = read_frame(frame)
        assert isinstance(pdu, DeliverSm) and not self._mapping.is_receipt(pdu)
        return self._mapping.to_inbound(pdu, frame, Origin(world.ids.next(world.now()), 1, world.now()))

    def _group(self, texts: Sequence[Inbound]) -> None:
        self.phones.later(SECOND)
        done = self.phones.commit(inbound=texts, room=3 * AT_ONCE)
        assert (len(done.accepted), done.quarantined, done.faults) == (len(texts), [], [])

    def _look(self, came: Sequence[Came]) -> None:
        """Read off the tables what came of the plays."""
        senders = {row["id"]: row["address"] for row in self.phones.table("contacts")}
        by_sender = {one.sender: one for one in came}
        by_contact = {key: by_sender[address] for key, address in senders.items()}
        texts = {one.id: one for one in came}
        for row in self.phones.table("inbound"):
            if (one := texts.get(row["id"])) is not None:
                one.state, one.text = row["state"], row["text"]
        for row in self.phones.table("profiles"):
            one = by_contact[row["contact_id"]]
            if row["opted_out_at"] is not None:
                assert row["opted_out_at"] <= self.phones.world.now()
                one.silenced.append(row["brand"])
            if row["hold_until"] is not None:
                one.held_for.append(row["brand"])
        for row in self.phones.table("ledger_details"):
            one = by_contact[row["contact_id"]]
            one.ledger.append(_record(row, one.sender))
        for row in self.phones.table("outbox"):
            one = by_contact[row["contact_id"]]
            if row["id"] > one.id:  # ids are in the order of time
                one.said.append((row["message_class"], row["text"]))
        for row in self.phones.table("runs"):
            by_contact[row["contact_id"]].open.append(row["brand"])
        for row in self.phones.table("reviews"):
            assert row["inbound_id"] == by_contact[row["contact_id"]].id
            by_contact[row["contact_id"]].reviews.append((row["brand"], row["text"]))
        assert self.phones.table("quarantine") == []
        assert all(row["joined_at"] is not None for row in self.phones.table("parts"))
        assert not any(chain.why for chain in verify(self.phones.store))


def _record(row: dict[str, Any], sender: str) -> Record:
    told = msgspec.json.decode(row["details"])
    return msgspec.convert({**told, "contact_id": row["contact_id"], "msisdn": sender}, Record)
