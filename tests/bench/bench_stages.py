"""What each stage of the main way costs for one text: microseconds, in batches of 5, 25 and 100, on one thread.

`python -m tests.bench.bench_stages` prints the table. The stages are the gateway's own functions, called in its order
on a real session, a real socket and a real SQLite file with synchronous=FULL; the seconds inside the transaction are
those of the router's own stopwatch. Each batch comes from phones never seen before, and settles the batch before it.
Nothing runs beside it, so what two threads cost each other by sharing the interpreter is not in these figures: that is
the difference between them and what the gateway counts under load.
"""

from __future__ import annotations

import gc
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median

from config.connectors import Connector
from config.values import Host, Secret
from gateway.connectors.mapping import Mapping as Translation
from gateway.connectors.mapping import Origin, decode
from router.claims import Allowance, Claim
from router.group import Done, Group, commit
from router.messages import Inbound
from router.outbox import Outcome
from router.store.checkpoint import Checkpointer
from router.store.engine import Store, open_store
from router.ways import Ways
from router.world import System
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Grants, NumberGrant
from smpp import codec
from smpp.events import Answered, Received
from smpp.pdu import BindTransceiver, BindTransceiverResp, DeliverSm, SubmitSmResp
from smpp.session import Limits, Role, Session
from tests.bench import tables

BATCHES = (5, 25, 100)
STAGES = ("read", "decode", "lock and load", "decide", "perform", "commit", "encode", "write", "settle")
WINDOW = 200
RULES = Path(__file__).with_name("bench.rules")

Costs = Mapping[int, Mapping[str, float]]
"""By size of the batch, then by stage: microseconds for each text."""


class Centre:
    """The other end, as far as octets go: texts from new phones, and an answer to each submit_sm."""

    def __init__(self) -> None:
        self._phones = count(447_000_000_000)
        self._sequence = count(1)
        self._ids = count(1)

    def texts(self, number: int) -> bytes:
        """So many deliver_sm in one read."""
        return b"".join(
            codec.encode(
                DeliverSm(
                    sequence_number=next(self._sequence), source_addr_ton=1, source_addr_npi=1,
                    source_addr=str(next(self._phones)), dest_addr_npi=1, destination_addr="2345",
                    short_message=b"JOIN 000123",
                )
            )
            for _ in range(number)
        )  # fmt: skip

    def answers(self, sequences: Sequence[int]) -> bytes:
        """The submit_sm_resp to those."""
        return b"".join(
            codec.encode(SubmitSmResp(sequence_number=one, message_id=f"{next(self._ids):010}")) for one in sequences
        )


class Way:
    """The main way without its loop and its threads: one batch at a time, a stopwatch at every stage."""

    def __init__(self, store: Store, near: socket.socket, far: socket.socket) -> None:
        connector = Connector(name="bench", host=Host(""), system_id="kwek", password=Secret("", "none"), window=WINDOW)
        grants = Grants((NumberGrant("2345", "short-code", "GB", ("Bench",), "bench"),))
        book = compile_sources([Source("bench.rules", RULES.read_text())], grants).book
        assert book is not None
        self._world = System()
        self._ways = Ways(self._world, "bench", book, decode, lambda _: None)
        self._mapping = Translation(connector, {"2345"})
        self._store, self._near, self._far = store, near, far
        self._centre = Centre()
        self._session = Session(Role.ESME, Limits(window=WINDOW), 0.0)
        bind = self._session.send(BindTransceiver(system_id="kwek"), 0.0)
        self._session.pending()
        self._session.receive(codec.encode(BindTransceiverResp(sequence_number=bind, system_id="c")), 0.0)
        self._outcomes: list[Outcome] = []

    def batch(self, size: int) -> dict[str, float]:
        """Take so many texts the whole way; gives seconds by stage."""
        clock = time.perf_counter
        texts = self._centre.texts(size)
        began = clock()
        received = [event for event in self._session.receive(texts, 1.0) if isinstance(event, Received)]
        read = clock() - began
        began = clock()
        for event in received:
            codec.decode(event.frame)
        codecs = clock() - began
        began = clock()
        inbound = [self._inbound(event) for event in received]
        mapped = clock() - began

        done = self._committed(inbound)

        began = clock()
        claims = self._encode(received, done.claims)
        encoded = clock() - began
        began = clock()
        self._near.send(self._session.pending())
        written = clock() - began
        self._far.recv(1 << 20)

        answers = self._centre.answers(list(claims))
        began = clock()
        self._settle(answers, claims)
        answered = clock() - began
        return {
            "read": read - codecs,
            "decode": codecs + mapped,
            "lock and load": done.stages["load"],
            "decide": done.stages["decide"],
            "perform": done.stages["perform"],
            "commit": done.stages["commit"],
            "encode": encoded,
            "write": written,
            "settle": answered + done.stages.get("settle", 0.0),
        }

    def close(self) -> None:
        """End the world's thread, which nothing here used."""
        self._world.close()

    def _inbound(self, event: Received) -> Inbound:
        assert isinstance(event.pdu, DeliverSm)
        now = self._world.now()
        return self._mapping.to_inbound(event.pdu, event.frame, Origin(self._world.ids.next(now), 1, now))

    def _committed(self, inbound: list[Inbound]) -> Done:
        group = Group(outcomes=self._outcomes, inbound=inbound)
        done = commit(self._store, group, self._ways, Allowance({"bench": WINDOW}))
        assert len(done.claims) == len(inbound), done.faults
        return done

    def _encode(self, received: list[Received], claims: list[Claim]) -> dict[int, Claim]:
        for event in received:
            self._session.answer(event.pdu, 0, 1.0)
        return {
            self._session.send(pdu, 1.0, claim): claim for claim in claims for pdu in self._mapping.to_submits(claim)
        }

    def _settle(self, answers: bytes, claims: dict[int, Claim]) -> None:
        """Read the answers; they are written down with the next batch."""
        self._outcomes = [
            Outcome(id=event.token.id, connector="bench", state="sent",
                    message_ids=self._mapping.message_ids([event.response.message_id], event.token.address))
            for event in self._session.receive(answers, 1.0)
            if isinstance(event, Answered) and isinstance(event.response, SubmitSmResp) and event.response.message_id
        ]  # fmt: skip
        assert len(self._outcomes) == len(claims)


@contextmanager
def way() -> Iterator[tuple[Way, Checkpointer]]:
    """A way on a store of its own."""
    near, far = socket.socketpair()
    with tempfile.TemporaryDirectory(prefix="kwek-stages-") as folder, near, far:
        url = f"sqlite:///{folder}/bench.db"
        store = open_store(url)
        checkpointer = Checkpointer.of(url)
        assert checkpointer is not None
        one = Way(store, near, far)
        yield one, checkpointer
        one.close()
        checkpointer.close()
        store.close()


def measured(rounds: int) -> Costs:
    """Medians over so many batches of each size, after a tenth as many that do not count."""
    costs: dict[int, dict[str, float]] = {}
    with way() as (main_way, checkpointer):
        gc.freeze()
        for size in BATCHES:
            took: dict[str, list[float]] = defaultdict(list)
            for number in range(rounds + rounds // 10 + 1):
                stages = main_way.batch(size)
                checkpointer.look()
                if number > rounds // 10:
                    for name, seconds in stages.items():
                        took[name].append(seconds / size * 1e6)
            costs[size] = {name: median(values) for name, values in took.items()}
        gc.unfreeze()
    return costs


def table(costs: Costs) -> str:
    """As Markdown."""
    rows = [[name, *(f"{costs[size][name]:.1f}" for size in BATCHES)] for name in STAGES]
    rows.append(["together", *(f"{sum(costs[size].values()):.0f}" for size in BATCHES)])
    return tables.table(["stage, µs a text", *(f"batches of {size}" for size in BATCHES)], rows)


def main() -> None:
    """Print the table."""
    print(table(measured(200)))


if __name__ == "__main__":
    main()
