"""A model of STOP on several nodes that share a PostgreSQL: claims, the STOP, its barrier, leases, and the lock of one
contact's row, as steps that interleave in every way.

A node that stands still simply takes no step while time goes on, so every freeze is among the interleavings, save the
one that is excepted: looking at the lease and writing are one step. Ages are counted in ticks of one clock rate; no
node sees another's clock. Each part of the promise can be taken out, to see that the others do not hold it alone.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

LEASE = 2
BARRIER = 3
"""Ticks; the barrier is the longer one, and what is older than either is all alike."""
STOPPING_NODE = 0
NOBODY = -1

IDLE, BEGUN, LOCKED, COMMITTED, WRITTEN, RENEWING, RENEW_LOCKED, OVER = range(8)
"""What a node does with a text: nothing, a claim's transaction without and with the contact's lock, claimed on disk,
its first segment written, the transaction for another lease without and with the lock, never again."""
READ, STOPPED, ACKNOWLEDGED = range(3)
UNBORN, READY, CLAIMED, SETTLED, CANCELLED = range(5)
"""What a row says; an answer is claimed as it is written down, so that there is no row to cancel before."""


class Rules(NamedTuple):
    """Which parts of the promise are in force."""

    barrier: bool = True
    lease: bool = True
    lock: bool = True
    renewal: bool = True
    handed_first: bool = True
    """A node hands its claims over before it acknowledges what a later group brought."""


class Node(NamedTuple):
    """One node, and the text that it is about to send."""

    does: int = IDLE
    row: int = NOBODY
    age: int = 0
    """Ticks since the transaction began that its lease counts from."""
    saw_stop: bool = False
    """What a claim without a lock read when it began."""
    early: bool = False
    """Claimed before this node's own STOP was on disk."""


class State(NamedTuple):
    """Everything at one moment."""

    nodes: tuple[Node, ...]
    rows: tuple[tuple[int, int], ...]
    """What each text's row says: its state, and who has claimed it."""
    lock: int = NOBODY
    stop: int = READ
    stopping: bool = False
    """The STOP's transaction holds the lock."""
    waited: int = 0
    watched: frozenset[int] = frozenset()


class Broken(AssertionError):
    """A text was handed to the kernel after the acknowledgement of STOP."""


def start(nodes: int, texts: int) -> State:
    """Nothing has happened yet: one text is still to be written down, the others wait."""
    return State((Node(),) * nodes, ((UNBORN, NOBODY), *((READY, NOBODY),) * (texts - 1)))


def steps(state: State, rules: Rules) -> Iterator[State]:
    """Everything that may happen next. Raises Broken."""
    for number in range(len(state.nodes)):
        yield from _node_steps(state, number, rules)
    yield from _stop_steps(state, rules)
    yield _tick(state)


def explore(first: State, rules: Rules) -> int:
    """Go every way there is; gives the number of states. Raises Broken."""
    seen, ahead = {first}, [first]
    while ahead:
        for state in steps(ahead.pop(), rules):
            if state not in seen:
                seen.add(state)
                ahead.append(state)
    return len(seen)


def walk(first: State, rules: Rules, random: Random, most: int) -> State:
    """Go one way by chance, at most so many steps; gives where it ended. Raises Broken."""
    state = first
    for _ in range(most):
        state = random.choice(list(steps(state, rules)))
    return state


def _tick(state: State) -> State:
    nodes = tuple(
        node._replace(age=min(LEASE + 1, node.age + 1)) if node.does not in (IDLE, OVER) else node
        for node in state.nodes
    )
    return state._replace(nodes=nodes, waited=min(BARRIER, state.waited + 1) if state.watched else 0)


def _with(state: State, number: int, node: Node, row: tuple[int, int] | None = None, lock: int | None = None) -> State:
    """The state with that node changed, and its text's row and the lock where they change."""
    nodes = (*state.nodes[:number], node, *state.nodes[number + 1 :])
    place = state.nodes[number].row
    rows = state.rows if row is None else (*state.rows[:place], row, *state.rows[place + 1 :])
    return state._replace(nodes=nodes, rows=rows, lock=state.lock if lock is None else lock)


def _node_steps(state: State, number: int, rules: Rules) -> Iterator[State]:
    node = state.nodes[number]
    free = state.lock == NOBODY
    # One writer per node: its STOP and its claims are never open together.
    writes = number != STOPPING_NODE or not state.stopping
    silenced = state.stop != READ
    if node.does == IDLE and writes:
        for row, (stands, _) in enumerate(state.rows):
            if stands in (UNBORN, READY):
                yield _with(state, number, Node(BEGUN, row, saw_stop=silenced))
    elif node.does == BEGUN and not rules.lock:
        if state.rows[node.row][0] in (UNBORN, READY) and not node.saw_stop:
            yield _with(state, number, _claimed(state, node), (CLAIMED, number))
    elif node.does == BEGUN and free:
        yield _with(state, number, node._replace(does=LOCKED), lock=number)
    elif node.does == LOCKED:
        if silenced or state.rows[node.row][0] not in (UNBORN, READY):
            yield _with(state, number, Node(), lock=NOBODY)
        else:
            yield _with(state, number, _claimed(state, node), (CLAIMED, number), NOBODY)
    elif node.does == COMMITTED:
        yield from _write(state, number, node, rules)
    elif node.does == WRITTEN:
        yield _with(state, number, Node(OVER, node.row), (SETTLED, number))
        yield from _write_more(state, number, node, rules, writes)
    else:
        yield from _renewal_steps(state, number, node)


def _renewal_steps(state: State, number: int, node: Node) -> Iterator[State]:
    if node.does == RENEWING and state.lock == NOBODY:
        yield _with(state, number, node._replace(does=RENEW_LOCKED), lock=number)
    elif node.does == RENEW_LOCKED:
        if state.stop != READ:  # what is left of it is dropped, and it is settled by what was accepted
            yield _with(state, number, Node(OVER, node.row), (SETTLED, number), NOBODY)
        else:
            yield _with(state, number, node._replace(does=WRITTEN), lock=NOBODY)


def _claimed(state: State, node: Node) -> Node:
    return node._replace(does=COMMITTED, saw_stop=False, early=state.stop == READ)


def _write(state: State, number: int, node: Node, rules: Rules) -> Iterator[State]:
    """The first segment: written within its lease, or given back."""
    if node.age > LEASE and rules.lease:
        yield _with(state, number, Node(), (CANCELLED if state.stop != READ else READY, NOBODY))
        return
    _hand_over(state)
    yield _with(state, number, node._replace(does=WRITTEN))


def _write_more(state: State, number: int, node: Node, rules: Rules, writes: bool) -> Iterator[State]:
    """A segment that waited for room, or the question for another lease."""
    if number == STOPPING_NODE and state.stop == ACKNOWLEDGED and node.early and rules.renewal:
        return  # dropped with the STOP
    if node.age <= LEASE or not rules.renewal:
        _hand_over(state)
        yield _with(state, number, node._replace(does=OVER), (SETTLED, number))
    elif writes:
        yield _with(state, number, node._replace(does=RENEWING, age=0))


def _hand_over(state: State) -> None:
    if state.stop == ACKNOWLEDGED:
        raise Broken(state)


def _stop_steps(state: State, rules: Rules) -> Iterator[State]:
    own = state.nodes[STOPPING_NODE]
    if state.stop == READ and not state.stopping:
        if state.lock == NOBODY and own.does not in (BEGUN, LOCKED, RENEWING, RENEW_LOCKED):
            yield state._replace(lock=STOPPING_NODE, stopping=True)
    elif state.stop == READ:
        rows = tuple((CANCELLED, NOBODY) if stands == READY else (stands, who) for stands, who in state.rows)
        watched = frozenset(row for row, (stands, who) in enumerate(rows) if stands == CLAIMED and who != STOPPING_NODE)
        yield state._replace(rows=rows, lock=NOBODY, stopping=False, stop=STOPPED, watched=watched)
    elif state.stop == STOPPED:
        settled = all(state.rows[row][0] != CLAIMED for row in state.watched)
        handed = not (own.does == COMMITTED and own.early and rules.handed_first)
        if handed and (settled or state.waited >= BARRIER or not rules.barrier):
            yield state._replace(stop=ACKNOWLEDGED, watched=frozenset())
