"""L4 to L7: what went out. Every answer leaves or is accounted for, at most as often as its class allows, nothing after
STOP, and receipts move messages forward once.

Which message belongs to which row: gateway.torture.outgoing.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from gateway.torture.account import Account, Key, Message
from gateway.torture.entries import Books
from gateway.torture.line import AT_MOST_ONCE, DESPITE_STOP, Bounds, Line
from gateway.torture.outgoing import Outgoing, Place
from router.receipts import FINAL, FINAL_GOOD

SECOND = 1_000_000
WAITING = frozenset({"ready", "claimed"})
TOLD_SENT = frozenset({"sent", "delivered", "undelivered"})


def unsent(account: Account, books: Books, bounds: Bounds) -> Line:
    """L4: rows that still wait after the drain, and rows that count as sent though nothing arrived.

    What was refused for now, or is unknown, has a time at which it is looked at again; until then it is not lost.
    """
    findings: list[str] = []
    arrived = Counter(message.key for message in account.messages)
    states = Counter(row.state for row in books.outbox)
    phantom: Counter[Key] = Counter()
    for row in books.outbox:
        pending = row.state == "ready" and row.attempts and row.due_at > books.taken_at
        if row.state in WAITING and not pending:
            findings.append(f"the text {row.id} to {row.address} is still {row.state}: {row.text!r}")
        overdue = books.taken_at - row.due_at > bounds.late_s * SECOND
        if row.state == "unknown" and overdue and row.message_class not in AT_MOST_ONCE and row.sends < bounds.lives:
            findings.append(f"the text {row.id} to {row.address} is unknown and was not looked at when it was due")
        if row.state in TOLD_SENT:
            phantom[row.address, row.number, row.text] += 1
    for key, told in phantom.items():
        if told > arrived[key]:
            findings.append(f"{told} rows to {key[0]} count as sent, and {arrived[key]} arrived: {key[2]!r}")
    return Line(name="L4", promise="lost answers", count=len(findings), findings=tuple(findings), figures=dict(states))


def sent_twice(account: Account, books: Books, bounds: Bounds) -> Line:
    """L5: texts that were accepted more often than they were written down.

    Never for classes that go out at most once, never twice on one link for a single row; for the others as many as were
    on the wire when a link ended, or as answers were withheld.
    """
    rows = Outgoing(account, books)
    accepted: dict[Place, list[Message]] = defaultdict(list)
    for message in account.messages:
        accepted[rows.place(message)].append(message)
    findings: list[str] = []
    count = once = 0
    for place, messages in accepted.items():
        written = rows.of(place)
        more = len(messages) - len(written)
        if not written:
            findings.append(f"{len(messages)} times {place[2]!r} went to {place[0]}, and no row says so")
            continue
        if more <= 0:
            continue
        if any(row.message_class in AT_MOST_ONCE for row in written):
            once += more
            findings.append(f"{written[0].message_class} to {place[0]} went out {len(messages)} times: {place[2]!r}")
            continue
        count += more
        links = Counter(message.segments[0].link for message in messages)
        if len(written) == 1 and max(links.values()) > 1:
            findings.append(f"the text {written[0].id} to {place[0]} was sent again on the link that had carried it")
    withheld = sum((one.link, one.sequence) not in account.responded for one in account.submits if not one.status)
    allowed = bounds.window * len(account.ended) + withheld
    if count > allowed:
        findings.append(f"{count} texts were sent again, and at most {allowed} can have been on the wire")
    figures = {"accepted": len(account.messages), "at most once": once, "links ended": len(account.ended)}
    return Line(
        name="L5", promise="doubled answers", count=count + once, allowed=allowed, findings=tuple(findings),
        figures=figures,
    )  # fmt: skip


def after_stop(account: Account, books: Books, bounds: Bounds) -> Line:
    """L6: what arrives for a phone after its STOP was acknowledged, other than one confirmation."""
    silences, stops = _silences(account, bounds)
    rows = Outgoing(account, books)
    confirmed: Counter[tuple[str, str]] = Counter()
    findings: list[str] = []
    for message in account.arrivals:
        phone, number, text = message.key
        pair = (phone, number)
        if pair not in silences:
            continue
        kind = next((row.message_class for row in rows.of(rows.place(message))), "unknown text")
        if kind == "stop_confirmation":
            confirmed[pair] += all(not segment.status for segment in message.segments)
        elif kind not in DESPITE_STOP and any(begin < message.at < end for begin, end in silences[pair]):
            late_s = message.at - max(begin for begin, _ in silences[pair] if begin < message.at)
            findings.append(f"{kind} reached {phone} {late_s:.3f} s after its STOP was acknowledged: {text!r}")
    for pair, times in confirmed.items():
        if times > stops[pair]:
            findings.append(f"{pair[0]} said STOP {stops[pair]} times and got {times} confirmations")
    figures = {"stops": sum(stops.values()), "confirmations": sum(confirmed.values())}
    return Line(name="L6", promise="sent after STOP", count=len(findings), findings=tuple(findings), figures=figures)


def _silences(
    account: Account, bounds: Bounds
) -> tuple[dict[tuple[str, str], list[tuple[float, float]]], Counter[tuple[str, str]]]:
    """Per phone and number the intervals in which nothing may arrive, and how often STOP was said."""
    silences: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    stops: Counter[tuple[str, str]] = Counter()
    starts: dict[tuple[str, str], list[float]] = defaultdict(list)
    texts = sorted(account.texts.values(), key=lambda text: (text.at, text.id))
    for text in texts:
        if text.word == "start" and (tries := account.tries.get(text.id)):
            starts[text.sender, text.recipient].append(min(one.sent.at for one in tries))
    for text in texts:
        at = account.acknowledged_at(text) if text.word == "stop" else None
        if text.word == "stop":
            stops[text.sender, text.recipient] += 1
        if at is None:
            continue
        tried_at = min(one.sent.at for one in account.tries[text.id])
        later = [start for start in starts[text.sender, text.recipient] if start >= tried_at]
        silences[text.sender, text.recipient].append((at + bounds.stop_slack_s, min(later, default=float("inf"))))
    return silences, stops


def receipts(account: Account, books: Books, bounds: Bounds) -> Line:
    """L7: acknowledged receipts that are nowhere or did not move their message, and messages that went back."""
    findings: list[str] = []
    written = {(row.message_id, row.state) for row in books.receipts}
    taken = account.acknowledged_receipts
    for receipt in taken:
        if (receipt.told, receipt.state) not in written:
            findings.append(f"the receipt {receipt.state} for {receipt.told} was acknowledged and is nowhere")
    rows = Outgoing(account, books)
    findings += _went_back(account, books, rows)
    finals = {receipt.message_id for receipt in taken if receipt.state in FINAL}
    referenced = {receipt.message_id for receipt in taken if receipt.reference is not None}
    due: Counter[Place] = Counter()
    open_still: Counter[Place] = Counter()
    for message in account.messages:
        if not all(segment.message_id in finals for segment in message.segments):
            open_still[rows.place(message)] += 1
            continue
        known = all(
            segment.message_id in referenced or account.answered_for_good(segment, bounds.settle_s)
            for segment in message.segments
        )
        due[rows.place(message)] += known
    for place, finished in due.items():
        moved = sum(row.state in ("delivered", "undelivered") for row in rows.of(place))
        # Of a text that was sent again the last send decides, which may be the one that is still open.
        expected = min(finished, max(0, len(rows.of(place)) - open_still[place]))
        if moved < expected:
            findings.append(f"{expected} texts to {place[0]} have their receipts, {moved} show it: {place[2]!r}")
    figures = {"acknowledged": len(taken), "strays": sum(row.outbox_id is None for row in books.receipts)}
    return Line(name="L7", promise="lost receipts", count=len(findings), findings=tuple(findings), figures=figures)


def _went_back(account: Account, books: Books, rows: Outgoing) -> list[str]:
    """Rows whose state contradicts the receipts that are filed under them."""
    said: dict[int, set[str]] = defaultdict(set)
    told: dict[int, set[str]] = defaultdict(set)
    for receipt in books.receipts:
        if receipt.outbox_id is not None and receipt.state in FINAL:
            said[receipt.outbox_id].add("delivered" if receipt.state == FINAL_GOOD else "undelivered")
            told[receipt.outbox_id].add(receipt.message_id)
    sends: dict[Place, list[Message]] = defaultdict(list)
    for message in account.messages:
        sends[rows.place(message)].append(message)
    number_of = {receipt.told: receipt.message_id for receipt in account.receipts}
    findings = []
    for place, written in rows.rows.items():
        for row in written:
            finals = said.get(row.id)
            wrong = row.state in ("delivered", "undelivered") and finals is not None and row.state not in finals
            open_still = row.state in ("ready", "claimed", "sent", "unknown") and finals and row.segments == 1
            if open_still and row.sends > 1:  # a receipt of the first send decides nothing: the last one's does
                open_still = {one.segments[0].message_id for one in sends[place]} <= {
                    number_of.get(one) for one in told[row.id]
                }
            if wrong or open_still:
                words = " and ".join(sorted(finals or ()))
                findings.append(f"the text {row.id} to {row.address} is {row.state}, its receipt says {words}")
    return findings
