"""Rows 32 and 33 on SQLite: the real exchange, connector, group and store, whose steps interleave as a seed has it."""

import os
from collections.abc import Callable
from functools import partial
from itertools import permutations, product
from math import inf
from typing import Any

import pytest

from router.claims import Claim
from router.group import Done
from router.messages import Inbound
from router.store.engine import Store
from tests.support.fake_links import received
from tests.support.interleavings import Play, played_in_memory
from tests.support.routing import Phones

INTERLEAVINGS = int(os.environ.get("KWEK_STOPS", "200"))
STEPS = 40
WORDS = ("LANG", "LANG", "LANG", "JOIN", "TWEE", "STOP", "STOP", "START")


class Storm(Play):
    """Phones of which each says STOP in a storm of its own."""

    def __init__(self, store: Store, seed: int) -> None:
        super().__init__(seed, Phones(store))
        self.silent: set[str] = set()
        self.last: dict[str, int] = {}
        """The last STOP or START of a phone, by its id."""

    def given(self, claim: Claim) -> None:
        """Nothing but a confirmation is, after a STOP was acknowledged."""
        if claim.address in self.silent and claim.message_class != "stop_confirmation":
            self.broken.append(f"{claim.address} was sent {claim.text[:20]!r}")

    def read(self, sender: str, text: str) -> Inbound:
        """A text comes in."""
        message = super().read(sender, text)
        if text in ("STOP", "START"):
            self.last[sender] = message.id
            self.silent.discard(sender) if text == "START" else None
        return message

    def answered(self, message: Inbound, kept: bool) -> None:
        """From here on there is silence, where the phone's last word was STOP."""
        if message.text == "STOP" and self.last[message.sender] == message.id:
            self.stops += kept
            if kept:
                self.silent.add(message.sender)

    def on_disk(self, done: Done) -> None:
        """Nothing is looked at."""

    def step(self, sender: str) -> None:
        """Something happens."""
        random = self.random
        match random.choice(("read", "write", "write", "write", "answer", "answer", "flush", "wait")):
            case "read":
                self.read(sender, random.choice(WORDS))
            case "write":
                self.write()
            case "answer":
                self.reply()
            case "flush":
                self.flush()
            case _:
                self.middle.timers.forward(random.choice((0.01, 0.1, 0.5, 1.1)))


def run(play: Callable[[Storm], None], seed: int) -> Storm:
    """A storm on a store in memory."""
    return played_in_memory(partial(Storm, seed=seed), play)


def storms(one: Storm) -> None:
    """Phone after phone."""
    for number in range(INTERLEAVINGS):
        sender = f"316{number:08}"
        one.read(sender, "JOIN")
        for _ in range(STEPS):
            one.step(sender)
        one.read(sender, "STOP")
        one.settle()
        assert one.middle.exchange.unanswered == 0
        if one.broken:
            return


def test_row_32_no_interleaving_on_sqlite_writes_after_the_acknowledgement() -> None:
    one = run(storms, int(os.environ.get("SEED", "1")))
    assert one.broken == []
    assert one.stops >= INTERLEAVINGS
    print(f"{one.stops} STOPs acknowledged in {INTERLEAVINGS} interleavings")


@pytest.mark.parametrize("missing", ["drop", "unwritten"])
def test_row_32_without_the_barrier_something_is_written(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    def sabotaged(storm: Storm) -> None:
        connector = storm.middle.connector
        instead: Any = {"drop": lambda ids: connector.renew(ids, inf), "unwritten": set}[missing]
        monkeypatch.setattr(connector, missing, instead)
        storms(storm)

    assert run(sabotaged, 1).broken != []


@pytest.mark.parametrize("links", sorted(product((0, 1), repeat=3)))
@pytest.mark.parametrize(
    "order", sorted({*permutations(("STOP", "STOP", "START")), *permutations(("START", "START", "STOP"))})
)
def test_row_33_of_stop_start_stop_the_last_received_wins_and_the_trail_shows_the_order(
    order: tuple[str, ...], links: tuple[int, ...]
) -> None:
    """By way of two binds, within 100 ms. One equal to the first waits for the proof, what came later for that one."""

    def play(one: Storm) -> None:
        connector = one.middle.connector
        for link in one.links:
            connector.changed(link)  # type: ignore[arg-type]
        for sequence, (text, place) in enumerate(zip(("JOIN", *order), (0, *links), strict=True), 1):
            connector.received(one.links[place], [received(sequence, text.encode())])  # type: ignore[arg-type]
            one.middle.timers.forward(0.03)
            one.write()
        one.settle()
        (profile,) = [row for row in one.router.table("profiles") if row["brand"] == "Shop"]
        trail = sorted(one.router.table("inbound"), key=lambda row: row["received_at"])
        assert [row["text"] for row in trail] == ["JOIN", *order]
        assert [status for link in one.links for _, status in link.answers] == [0] * 4
        assert (profile["opted_out_at"] is not None) == (order[-1] == "STOP")

    run(play, 1)
