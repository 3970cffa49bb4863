"""Nothing confirmed is judged repeated; every text is confirmed, in doubt or given back; none is held for ever."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import witness as module
from gateway.witness import CROSSING_S, FENCE_LOST_S, LAGS, Fence, Habits, Witness
from router.evidence import Ended, Mark
from router.instants import SECOND
from router.messages import Inbound
from router.world import first_id_at
from tests.support.routing import NOW

A, B, C = 1, 2, 3
HORIZON = 99
RESPONSE_S = 10.0


def text(id: int, session: int = A, sequence: int = 0, fingerprint: int = 7, sender: str = "31612345678") -> Inbound:
    return Inbound(id=id, connector="carrier", session=session, sequence=sequence or id, sender=sender,
                   recipient="4411", text="JA", received_at=0, fingerprint=fingerprint)  # fmt: skip


def opened(*sessions: int, **habits: float) -> Witness:
    one = Witness(Habits(**{"peer_response_s": RESPONSE_S, **habits}))
    for session in sessions or (A,):
        one.opened(session, "carrier")
    return one


def alive(one: Witness, session: int, now: float) -> list[Inbound]:
    """The link answers a fence; what that sets free."""
    fence = one.fence(session, now)
    assert fence is not None
    return one.fenced(fence, now)


def ids(texts: Iterable[Inbound]) -> list[tuple[int, int]]:
    return [(one.id, one.repeats) for one in texts]


# ---------------------------------------------------------------------------------------------------------- one link


def test_an_equal_text_is_genuine_however_soon_it_comes() -> None:
    one = opened()
    first, second = text(10), text(11)
    assert one.read(first, 0.0) is first
    assert one.read(second, 0.05) is second


def test_the_same_sequence_number_again_is_the_same_text() -> None:
    one = opened()
    one.read(text(10, sequence=5), 0.0)
    assert ids([one.read(text(11, sequence=5), 0.05) or text(0)]) == [(11, 10)]
    assert one.open == 1


@pytest.mark.parametrize(
    ("answered_at", "again_at", "repeats"),
    [
        (None, 7.9, 0),
        (None, 8.0, 10),
        (None, 60.0, 10),
        (3.0, 9.0, 0),  # it was told in time: who asks again means it
        (9.0, 9.1, 10),  # the answer and the second try missed each other
        (9.0, 9.1 + CROSSING_S, 0),
    ],
)
def test_who_was_kept_waiting_for_most_of_its_timer_asks_again(
    answered_at: float | None, again_at: float, repeats: int
) -> None:
    one = opened()
    one.read(text(10), 0.0)
    if answered_at is not None:
        one.answered(A, 10, answered_at)
    assert ids([one.read(text(11), again_at) or text(0)]) == [(11, repeats)]


def test_what_was_confirmed_repeats_nothing_however_late_it_was_answered() -> None:
    one = opened()
    one.read(text(10), 0.0)
    one.answered(A, 10, 9.0)
    fence = one.fence(A, 9.0)
    assert fence is not None
    assert one.fenced(fence, 9.05) == []
    assert ids([one.read(text(11), 9.1) or text(0)]) == [(11, 0)]


def test_a_text_that_was_given_back_holds_nothing_against_its_second_coming() -> None:
    one = opened()
    one.read(text(10), 0.0)
    assert one.refused(A, 10) == []
    assert ids([one.read(text(11), 60.0) or text(0)]) == [(11, 0)]


# -------------------------------------------------------------------------------------------------------- the fence


def test_a_fence_proves_what_was_answered_before_it_and_there_is_one_at_a_time() -> None:
    one = opened(fence_s=0.02)
    one.read(text(10), 1.0)
    one.read(text(11, fingerprint=8), 1.0)
    assert (one.fence(A, 1.0), one.fence_wait_s(A, 1.0)) == (None, None)
    one.answered(A, 10, 1.0)
    fence = one.fence(A, 1.0)
    assert fence is not None
    one.answered(A, 11, 1.001)
    assert (one.fence(A, 2.0), one.fence_wait_s(A, 2.0)) == (None, None), "the first is still under way"
    one.fenced(fence, 1.005)
    assert one.marks() == [Mark(A, "carrier", 10)]
    assert one.fence(A, 1.005) is None
    assert one.fence_wait_s(A, 1.005) == pytest.approx(0.015)
    assert one.fence(A, 1.02) is not None


def test_an_answer_to_a_fence_that_is_not_the_sessions_proves_nothing() -> None:
    one = opened()
    one.read(text(10), 0.0)
    one.answered(A, 10, 0.0)
    assert one.fenced(Fence(A, [], []), 1.0) == []
    assert one.fenced(Fence(B, [], []), 1.0) == []
    assert one.open == 1


def test_a_peer_that_acts_later_than_it_reads_is_believed_later() -> None:
    one = opened(A, B, reads_late_s=5.0)
    one.read(text(10), 0.0)
    held = text(11, B)
    assert one.read(held, 0.1) is None
    alive(one, B, 0.1)
    one.answered(A, 10, 0.2)
    fence = one.fence(A, 0.2)
    assert fence is not None
    assert (one.ripens_in_s(0.2), one.fenced(fence, 0.3)) == (None, [])
    assert one.ripens_in_s(1.3) == pytest.approx(4.0)
    assert one.ripened(5.2) == []
    assert one.ripened(5.3) == [held]
    assert one.ripens_in_s(9.0) is None


def test_what_a_session_is_asked_that_is_not_there_is_nothing() -> None:
    one = opened()
    one.answered(B, 10, 0.0)
    assert (one.fence(B, 0.0), one.fence_wait_s(B, 0.0), one.refused(B, 10)) == (None, None, [])
    assert one.ended(B, read_all=False, expires_at=HORIZON) == ([], [], [])


# ------------------------------------------------------------------------------------------------------- other links


def test_an_equal_text_on_another_link_waits_for_the_proof() -> None:
    one = opened(A, B)
    one.read(text(10), 0.0)
    second = text(11, B)
    assert one.read(second, 0.1) is None
    alive(one, B, 0.1)
    one.answered(A, 10, 0.2)
    fence = one.fence(A, 0.2)
    assert fence is not None
    assert one.fenced(fence, 0.3) == [second]


def test_and_for_its_own_link_to_be_alive_behind_it() -> None:
    """The rest of a dead link may be read after its text has come again over another one."""
    one = opened(A, B)
    one.read(text(10), 0.0)
    second = text(11, B)
    assert one.read(second, 0.1) is None
    one.answered(A, 10, 0.2)
    fence = one.fence(A, 0.2)
    assert fence is not None
    assert one.fenced(fence, 0.3) == []
    assert alive(one, B, 0.4) == [second]


def test_when_its_own_link_proves_dead_it_is_what_came_over_the_other_one() -> None:
    one = opened(A, B)
    one.read(text(10), 0.0)
    one.read(text(11, B), 0.1)
    later = text(12, A, fingerprint=8)
    assert one.read(later, 0.2) is None, "what the same phone wrote next waits behind it"
    one.answered(A, 10, 0.2)
    fence = one.fence(A, 0.2)
    assert fence is not None
    assert one.fenced(fence, 0.3) == []
    _, released, dropped = one.ended(B, read_all=False, expires_at=HORIZON)
    assert (released, dropped) == ([later], [11])


def test_what_a_phone_writes_waits_behind_its_held_text_over_any_link() -> None:
    """START, START, STOP: the second START must not come after the STOP."""
    one = opened(A, B)
    one.read(text(10), 0.0)
    held, stop = text(11, B), text(12, B, fingerprint=9)
    assert (one.read(held, 0.1), one.read(stop, 0.1)) == (None, None)
    other = text(13, B, fingerprint=3, sender="31600000000")
    assert one.read(other, 0.1) == other
    alive(one, B, 0.2)
    one.answered(A, 10, 0.3)
    fence = one.fence(A, 0.3)
    assert fence is not None
    assert one.fenced(fence, 0.4) == [held, stop]


def test_a_fence_whose_answer_is_lost_is_sent_again_and_a_late_answer_proves_nothing() -> None:
    one = opened(A)
    one.read(text(10), 0.0)
    one.answered(A, 10, 0.0)
    lost = one.fence(A, 1.0)
    assert lost is not None
    assert one.fence(A, 1.0 + FENCE_LOST_S - 0.1) is None
    again = one.fence(A, 1.0 + FENCE_LOST_S)
    assert again is not None
    one.fenced(lost, 70.0)
    assert one.open == 1
    one.fenced(again, 70.0)
    assert one.open == 0


def test_an_equal_text_on_another_link_is_judged_by_the_doubt_when_the_first_link_ends() -> None:
    one = opened(A, B)
    one.read(text(10), 0.0)
    second = text(11, B)
    one.read(second, 0.1)
    assert one.ended(A, read_all=False, expires_at=HORIZON) == ([Ended(A, [10], HORIZON, False)], [second], [])
    assert one.adopted([10, 11], HORIZON) == [Ended(A, [10], HORIZON)], "it was not on disk yet"
    assert one.adopted([10, 11], HORIZON) == []


def test_texts_behind_a_held_one_wait_with_it_and_keep_their_order() -> None:
    one = opened(A, B)
    one.read(text(10), 0.0)
    assert [one.read(text(11, B), 0.1), one.read(text(12, B), 0.2)] == [None, None]
    assert ids(one.refused(A, 10)) == [(11, 0), (12, 0)]


def test_a_repeat_of_a_held_text_waits_behind_it() -> None:
    """Otherwise it would overtake what it repeats, find nothing kept, and both would have effects."""
    one = opened(A, B)
    one.read(text(10), 0.0)
    one.read(text(11, B), 0.1)
    assert one.read(text(12, B), 8.2) is None
    _, released, _ = one.ended(A, read_all=False, expires_at=HORIZON)
    assert ids(released) == [(11, 0), (12, 11)]


def test_held_texts_of_a_link_that_ends_are_dropped_for_they_come_again() -> None:
    one = opened(A, B)
    one.read(text(10), 0.0)
    one.read(text(11, B), 0.1)
    one.read(text(12, B), 8.2)
    assert one.ended(B, read_all=False, expires_at=HORIZON) == ([Ended(B, [], HORIZON)], [], [11, 12])
    assert (one.open, one.orphans) == (1, {})
    assert one.refused(A, 10) == []


# -------------------------------------------------------------------------------------------------------- how it ends


def test_an_orderly_end_leaves_in_doubt_only_what_was_not_answered() -> None:
    one = opened()
    one.read(text(10), 0.0)
    one.read(text(11, fingerprint=8), 0.0)
    one.answered(A, 10, 0.1)
    ended, *_ = one.ended(A, read_all=True, expires_at=HORIZON)
    assert ended == [Ended(A, [11], HORIZON, False)]
    assert one.orphans == {11: A}


def test_a_text_that_comes_with_the_end_of_its_link_is_in_doubt_once_it_is_kept() -> None:
    one = opened()
    one.ended(A, read_all=False, expires_at=HORIZON)
    late = text(10)
    assert one.read(late, 0.0) is late
    assert one.adopted([10], HORIZON) == [Ended(A, [10], HORIZON)]
    one.read(text(11), 0.0)
    one.refused(A, 11)
    assert one.orphans == {}, "given back, it is nobody's"
    assert one.bereft


def test_a_session_is_over_when_the_last_of_its_texts_is_kept_or_given_back() -> None:
    one = opened(A, B)
    for id, session in ((10, A), (11, A), (12, B)):
        one.read(text(id, session, fingerprint=id), 0.0)
    (of_a, of_b) = (one.ended(session, read_all=False, expires_at=HORIZON)[0][0] for session in (A, B))
    assert (of_a.over, of_b.over) == (False, False)
    assert one.adopted([10], HORIZON) == [Ended(A, [10], HORIZON, False)]
    one.refused(0, 12)
    assert one.adopted([11], HORIZON) == [Ended(B, [], HORIZON), Ended(A, [11], HORIZON)]
    assert not one.bereft


def test_open_texts_are_bounded_and_what_waits_for_the_oldest_is_set_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OPEN", 2)
    one = opened(A, B)
    one.read(text(10), 0.0)
    held = text(11, B)
    assert one.read(held, 0.0) is None
    one.answered(A, 10, 1.0)
    fence = one.fence(A, 1.0)
    assert fence is not None
    one.read(text(12, fingerprint=8, sender="31600000000"), 0.0)
    assert one.late() == []
    one.read(text(13, fingerprint=9, sender="31600000000"), 0.0)
    assert (one.late(), one.late()) == ([held], [])
    assert one.fenced(fence, 1.1) == [], "its fence comes too late, and harms nobody"
    assert one.open == 3


# ------------------------------------------------------------------------------------------------------------- marks


def test_marks_are_told_when_they_are_news_and_never_pass_an_open_text() -> None:
    one = opened(A)
    assert one.marks() == [Mark(A, "carrier", A)]
    assert one.marks() == []
    one.read(text(10), 0.0)
    assert one.marks() == [Mark(A, "carrier", 9)]


def test_the_mark_of_an_idle_session_follows_the_others_now_and_then() -> None:
    one = opened(A, B)
    one.marks()
    one.read(text(10), 0.0)
    one.read(text(B + LAGS, fingerprint=8), 0.0)
    assert one.marks() == [Mark(A, "carrier", 9)]
    one.read(text(B + LAGS + 1, fingerprint=9), 0.0)
    assert one.marks() == [Mark(B, "carrier", B + LAGS + 1)]
    assert first_id_at(NOW + 10 * SECOND) - first_id_at(NOW) == LAGS


# ------------------------------------------------------------------------------------------------- any interleaving


@dataclass
class Peers:
    """A model of what is true: which texts were provably acknowledged, and what has become of each."""

    one: Witness = field(default_factory=lambda: Witness(Habits(peer_response_s=RESPONSE_S)))
    now: float = 0.0
    last_id: int = 100
    sessions: list[int] = field(default_factory=list)
    read: dict[int, Inbound] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    queued: dict[int, Inbound] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    fences: dict[int, tuple[Fence, set[int]]] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)
    dropped: set[int] = field(default_factory=set)
    marked: dict[int, int] = field(default_factory=dict)

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def of(self, session: int, ids: Iterable[int]) -> set[int]:
        return {id for id in ids if self.read[id].session == session}

    def begin(self) -> None:
        self.sessions.append(self.next_id())
        self.one.opened(self.sessions[-1], "carrier")

    def deliver(self, session: int, fingerprint: int, sequence: int) -> None:
        message = text(self.next_id(), session, sequence, fingerprint)
        self.read[message.id] = message
        self.held.add(message.id)
        judged = self.one.read(message, self.now)
        self.queue([] if judged is None else [judged])

    def queue(self, texts: Iterable[Inbound]) -> None:
        for one in texts:
            assert one.id in self.held, "it was set free twice"
            self.held.remove(one.id)
            self.queued[one.id] = one
            if one.repeats:
                self.repeated.add(one.id)
                assert one.repeats not in self.confirmed, "what it repeats was provably acknowledged"
                assert self.read[one.repeats].fingerprint == one.fingerprint
                assert one.repeats not in self.held, "it overtakes what it repeats"

    def settle(self, kept: bool) -> None:
        """What is queued is committed and acknowledged, or given back."""
        group, self.queued = self.queued, {}
        for one in group.values():
            if kept:
                for ended in self.one.adopted([one.id], HORIZON):
                    self.doubtful.update(ended.in_doubt)
                if one.session in self.sessions:
                    self.one.answered(one.session, one.id, self.now)
                    self.answered.add(one.id)
            else:
                self.refused.add(one.id)
                self.queue(self.one.refused(one.session, one.id))

    def ask(self, session: int) -> None:
        fence = self.one.fence(session, self.now)
        if fence is not None:
            self.fences[session] = fence, self.of(session, self.answered)

    def prove(self, session: int) -> None:
        if session in self.fences:
            fence, read = self.fences.pop(session)
            self.confirmed |= read
            self.queue(self.one.fenced(fence, self.now))

    def end(self, session: int, orderly: bool) -> None:
        self.sessions.remove(session)
        self.fences.pop(session, None)
        if orderly:
            self.confirmed |= self.of(session, self.answered)
        ended, released, dropped = self.one.ended(session, read_all=orderly, expires_at=HORIZON)
        for one in ended:
            self.doubtful.update(one.in_doubt)
        self.held.difference_update(dropped)
        self.dropped.update(dropped)
        self.queue(released)

    def look(self) -> None:
        for mark in self.one.marks():
            assert mark.confirmed_id >= self.marked.get(mark.session, 0), "a mark went back"
            self.marked[mark.session] = mark.confirmed_id
            passed = {id for id in self.of(mark.session, self.read) if id <= mark.confirmed_id}
            assert passed <= self.confirmed | self.refused | self.repeated | self.dropped

    def finish(self) -> None:
        """Everything that is under way comes to its end."""
        for _ in range(4):
            self.settle(True)
            self.now += 1.0
            for session in self.sessions:
                self.ask(session)
                self.prove(session)
        assert not self.held, "held for ever"
        every = set(self.read)
        assert every == self.confirmed | self.refused | self.doubtful | self.dropped | self.repeated
        assert not self.doubtful & self.confirmed
        self.one.adopted([], HORIZON)
        assert (self.one.open, self.one.orphans, self.one.bereft) == (0, {}, False)
        assert not self.one._open, "what nothing refers to is forgotten"
        self.look()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["deliver", "deliver", "deliver", "keep", "give back", "ask", "prove", "end", "unbind", "look"]
        ),
        st.integers(0, 2),
        st.integers(1, 3),
        st.floats(0, 12),
    ),
    max_size=40,
)


@settings(max_examples=int(os.environ.get("KWEK_WITNESS", "400")), deadline=None)
@given(STEPS)
def test_any_interleaving_on_three_links_comes_to_the_truth(steps: list[tuple[str, int, int, float]]) -> None:
    peers = Peers()
    for what, link, number, passes in steps:
        while len(peers.sessions) < 3:
            peers.begin()
        session = peers.sessions[link]
        peers.now += passes if what in ("deliver", "look") else 0.0
        if what == "deliver":
            peers.deliver(session, fingerprint=1 + number % 2, sequence=number)
        elif what in ("keep", "give back"):
            peers.settle(what == "keep")
        elif what == "ask":
            peers.ask(session)
        elif what == "prove":
            peers.prove(session)
        elif what == "look":
            peers.look()
        else:
            peers.end(session, what == "unbind")
    peers.finish()
