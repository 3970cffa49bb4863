"""Whatever a centre answers, whenever links break and commits come: the window bounds what is unsettled."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dripper import LOOK_ROUND_S
from smpp import constants as c
from tests.support.fake_links import FakeLink, claim, long_text
from tests.support.middle import Middle

WINDOW = 4
Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["commit", "commit", "commit", "answer", "answer", "lose", "bind", "linger", "wait"]),
        st.integers(0, 5),
        st.sampled_from([0, 0, 0, c.ESME_RTHROTTLED, c.ESME_RSYSERR, c.ESME_RINVDSTADR, -c.ESME_RSYSERR]),
    ),
    max_size=60,
)


class Ledger:
    """Drives a middle by random steps as a writer and a centre would, and counts what is unsettled by itself."""

    def __init__(self) -> None:
        self.middle = Middle(FakeLink(1, WINDOW), FakeLink(2, WINDOW), rate=0.0)
        self.unsettled: dict[int, int] = {}
        self.settled: set[int] = set()
        self.next_id = 1
        self.next_link = 3

    @property
    def links(self) -> list[FakeLink]:
        return self.middle.connector.client.links  # type: ignore[return-value]

    def step(self, kind: str, number: int, status: int) -> None:
        link = self.links[number % 2]
        match kind:
            case "commit":
                self._commit(number)
            case "answer":
                count = min(number, len(link.waiting))
                self.middle.connector.answered(link, link.replies(*[status] * count))  # type: ignore[arg-type]
            case "lose":
                self.middle.connector.lost(link, link.end(), "the connection broke")  # type: ignore[arg-type]
            case "bind" if not link.bound:
                self.links[number % 2] = FakeLink(self.next_link, WINDOW)
                self.next_link += 1
                self.middle.connector.changed(self.links[number % 2])  # type: ignore[arg-type]
            case "linger":
                link.buffer_empty = not link.buffer_empty
            case _:
                self.middle.timers.forward(number * LOOK_ROUND_S)

    def _commit(self, wanted: int) -> None:
        for outcome in self.middle.desk.outcomes:
            assert outcome.id not in self.settled, "settled twice"
            assert outcome.id in self.unsettled, "settled without being handed over"
            self.settled.add(outcome.id)
            del self.unsettled[outcome.id]
        allowance, claims = self.middle.exchange.reserve(list(self.middle.desk.outcomes)), []
        for segments in range(1, wanted + 1):
            if allowance.take("carrier", segments):
                claims.append(claim(self.next_id, long_text(segments) if segments > 1 else "Ja", segments))
                self.unsettled[self.next_id] = segments
                self.next_id += 1
        self.middle.commit(*claims)

    def finish(self) -> None:
        """Everything is answered well in the end, and committed."""
        for place, link in enumerate(self.links):
            if not link.bound:
                self.step("bind", place, 0)
            self.links[place].buffer_empty = True
        for _ in range(40):
            for link in self.links:
                self.middle.connector.answered(link, link.replies(*[0] * len(link.waiting)))  # type: ignore[arg-type]
            self.middle.timers.forward(3_600)
            self._commit(0)


@given(STEPS)
@settings(deadline=None)
def test_never_more_unsettled_than_the_windows_and_each_text_settled_once(steps: list[Step]) -> None:
    async def play() -> None:
        ledger = Ledger()
        with ledger.middle.timers.on(asyncio.get_running_loop()):
            for step in steps:
                ledger.step(*step)
                held = sum(ledger.unsettled.values())
                assert ledger.middle.connector.held == held <= 2 * WINDOW
                assert all(len(link.waiting) <= WINDOW for link in ledger.links)
            ledger.finish()
            assert (ledger.unsettled, ledger.middle.connector.held) == ({}, 0), "no slot leaks"
            assert ledger.middle.exchange.reserve([]).left == {"carrier": 2 * WINDOW}

    asyncio.run(play())
