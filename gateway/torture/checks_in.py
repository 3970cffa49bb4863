"""L1 to L3: what came in. Nothing acknowledged is lost, nothing acts twice, nothing genuine is taken for a double.

All three count per (sender, recipient, text): rows acted upon, rows held as suspected, rows in quarantine, against true
ids. With unique texts a count is a match; with equal ones a token that a genuine repeat spent before the re-delivery
came swaps two equal texts, which nobody can see, so doubles are net.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec

from gateway.torture.account import Account, Key, Try
from gateway.torture.entries import Books, InboundRow, Texted
from gateway.torture.line import Bounds, Line, shown

SUSPECTED = "suspected_duplicate"
INCOMPLETE = "incomplete"
ASKED_AGAIN = 0.8
"""An equal text that comes after this share of the peer's response timer, the first still unanswered, is the same."""
RECOGNISED = 10
"""Characters of an incomplete text's beginning by which the text that it is part of is found."""


class Kept(msgspec.Struct, frozen=True):
    """Rows per key: acted upon, held as suspected, set aside."""

    acted: Counter[Key]
    suspected: Counter[Key]
    aside: Counter[Key]
    stranger: tuple[InboundRow, ...]
    """Rows that no phone ever texted."""

    def of(self, key: Key) -> int:
        """All rows of a key."""
        return self.acted[key] + self.suspected[key] + self.aside[key]


def kept(account: Account, books: Books) -> Kept:
    """The database's rows under the journal's keys."""
    acted: Counter[Key] = Counter()
    suspected: Counter[Key] = Counter()
    strangers: list[InboundRow] = []
    long_texts = [text for text in account.texts.values() if text.parts > 1]
    for row in books.inbound:
        key: Key | None = (row.sender, row.recipient, row.text)
        if key not in account.by_key:
            key = _whole_of(row, long_texts) if row.state == INCOMPLETE else None
        if key is None:
            strangers.append(row)
        else:
            is_held = row.state == SUSPECTED or row.duplicate_of is not None  # a repeated opt-out may have been heard
            (suspected if is_held else acted)[key] += 1
    aside = Counter((row.sender, row.recipient, row.text) for row in books.quarantine)
    return Kept(acted, suspected, aside, tuple(strangers))


def _whole_of(row: InboundRow, long_texts: list[Texted]) -> Key | None:
    for text in long_texts:
        same = (text.sender, text.recipient) == (row.sender, row.recipient)
        if same and row.text[:RECOGNISED] in text.text:
            return text.sender, text.recipient, text.text
    return None


def lost(account: Account, rows: Kept) -> Line:
    """L1: acknowledged texts without a row."""
    findings: list[str] = []
    count = acknowledged = 0
    for key, texts in account.by_key.items():
        taken = sum(account.acknowledged_at(text) is not None for text in texts)
        acknowledged += taken
        missing = taken - rows.of(key)
        if missing > 0:
            count += missing
            findings.append(f"{shown(key)}: acknowledged {taken} times, and {missing} of them are nowhere")
    figures = {"texts": len(account.texts), "acknowledged": acknowledged}
    return Line(name="L1", promise="lost texts", count=count, findings=tuple(findings), figures=figures)


def doubled(account: Account, books: Books, rows: Kept, bounds: Bounds) -> Line:
    """L2: texts that were acted upon more often than they were sent, beyond what only the centre can know."""
    findings: list[str] = []
    count = allowed = 0
    for key, acted in rows.acted.items():
        texts = account.by_key[key]
        more = acted - sum(bool(account.tries.get(text.id)) for text in texts)
        if more <= 0:
            continue
        excused = min(more, sum(_excused(account, text, bounds) for text in texts))
        count += more
        allowed += excused
        if more > excused:
            findings.append(f"{shown(key)}: sent {len(texts)} times and acted upon {acted} times")
    held = {row.id for row in books.inbound if row.state == SUSPECTED}
    for out in books.outbox:
        if out.cause_id in held:
            count += 1
            findings.append(f"the text {out.cause_id} is a suspected duplicate and yet was answered ({out.id})")
    figures = {"sent again": sum(max(0, len(tries) - account.texts[one].parts) for one, tries in account.tries.items())}
    return Line(
        name="L2", promise="doubled effects", count=count, allowed=allowed, findings=tuple(findings), figures=figures
    )


def _excused(account: Account, text: Texted, bounds: Bounds) -> int:
    """Re-sends of a text that no evidence within SMPP can tell from a genuine repeat: the centre had read the answer
    (2.1 f), the answer was on its way while it sent again, the doubt was older than it is kept, or the gateway was
    frozen and found both at once. A long text comes again when each of its parts does."""
    parts: dict[int, list[Try]] = defaultdict(list)
    for one in account.tries.get(text.id, []):
        parts[one.sent.part].append(one)
    return min(
        (
            sum(_blameless(account, one, tries[:place], bounds) for place, one in enumerate(tries))
            for tries in parts.values()
        ),
        default=0,
    )


def _blameless(account: Account, one: Try, before: list[Try], bounds: Bounds) -> bool:
    at = one.sent.at
    for old in before:
        if old.acknowledged and old.answered_at <= at:
            return True
        if old.acknowledged and old.sent.link == one.sent.link and old.answered_at - at <= bounds.crossing_s:
            return True
        if old.sent.link == one.sent.link and account.froze(old.sent.at, at):
            return True
        ended = account.ended.get(old.sent.link)
        if ended is not None and at - ended > bounds.redelivery_s:
            return True
    return False


def merged(account: Account, books: Books, rows: Kept, bounds: Bounds) -> Line:
    """L3: genuine texts held as suspected although no equal one was in doubt."""
    findings: list[str] = []
    count = excusable = 0
    for key, suspected in rows.suspected.items():
        texts = account.by_key[key]
        taken = [text for text in texts if account.acknowledged_at(text) is not None]
        held = min(suspected, len(taken) - rows.acted[key] - rows.aside[key])
        if held <= 0:
            continue
        doubts = min(sum(in_doubt(account, text, bounds) for text in texts), len(texts) - 1)
        count += held
        excusable += min(held, doubts)
        if held > doubts:
            findings.append(
                f"{shown(key)}: {held} of {len(taken)} were held as suspected, and at most {doubts} were in doubt"
            )
    figures = {"suspected": sum(rows.suspected.values()), "tokens left": books.doubts}
    return Line(
        name="L3", promise="wrongly merged", count=count, allowed=excusable, findings=tuple(findings), figures=figures
    )


def in_doubt(account: Account, text: Texted, bounds: Bounds) -> int:
    """Answers that the centre read, and of which the gateway may not have known that it had; and answers that took so
    long that an equal text was taken for the centre's asking again (2.2, rule 4)."""
    slow_s = ASKED_AGAIN * bounds.peer_response_s
    return sum(
        one.acknowledged and (account.alive_after(one) < bounds.proof_s or one.answered_at - one.sent.at >= slow_s)
        for one in account.tries.get(text.id, ())
    )
