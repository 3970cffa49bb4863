"""L8 to L10: nothing appears from nowhere or hangs in the air, nothing grows, and every entry of a side table has a
fault that explains it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import get_args

from gateway.torture.account import Account, Key
from gateway.torture.checks_in import INCOMPLETE, SUSPECTED, Kept, in_doubt
from gateway.torture.entries import Books, InboundRow
from gateway.torture.line import Bounds, Line, shown
from router.plan import Disposition
from router.states import MOVES

ACTED = (frozenset(get_args(Disposition)) | {INCOMPLETE}) - {SUSPECTED}
SEQUENCE = slice(12, 16)
"""Where a PDU's sequence_number stands (SMPP 3.4 §3.2)."""


def conserved(account: Account, books: Books, rows: Kept) -> Line:
    """L8: every row stems from a text that was sent, is in a state that there is, and has all that follows from it."""
    findings = [f"nobody ever texted {shown((row.sender, row.recipient, row.text))}" for row in rows.stranger]
    replies = Counter(row.cause_id for row in books.outbox)
    for row in books.inbound:
        if row.state not in ACTED and row.state != SUSPECTED:
            findings.append(f"the text {row.id} is in a state that the ledger does not know: {row.state}")
        if row.state in ACTED and (wanted := _answers(account, row)) is not None and replies[row.id] != wanted:
            findings.append(f"the text {row.id} was acted upon and has {replies[row.id]} answers, not {wanted}")
    for out in books.outbox:
        if out.state not in MOVES:
            findings.append(f"the answer {out.id} is in a state that the ledger does not know: {out.state}")
    findings += _consents(books)
    known = {row.id for row in books.inbound}.union(books.events)
    orphans = [out.id for out in books.outbox if out.cause_id and out.cause_id not in known]
    findings += [f"the answer {one} answers something that is not there" for one in orphans]
    figures = {
        "acted": sum(rows.acted.values()),
        "suspected": sum(rows.suspected.values()),
        "quarantined": len(books.quarantine),
        "answers": len(books.outbox),
        "consents": len(books.consents),
    }
    return Line(name="L8", promise="conservation", count=len(findings), findings=tuple(findings), figures=figures)


def _consents(books: Books) -> list[str]:
    """A STOP is on the consent ledger of its brands once, and nothing is there that no text acted upon has said."""
    acted = {row.id: row for row in books.inbound if row.state in ACTED}
    told = Counter((one.mo_id, one.brand, one.action) for one in books.consents)
    findings = [
        f"the text {mo_id} stands {times} times on the ledger of {brand}: {action}"
        for (mo_id, brand, action), times in told.items()
        if times > 1
    ]
    findings += [
        f"{action} of {brand} is on the ledger, and the text {mo_id} was not acted upon"
        for mo_id, brand, action in told
        if mo_id not in acted
    ]
    revoked = {mo_id for mo_id, _, action in told if action == "revoke"}
    findings += [
        f"the text {row.id} opted out, and no ledger says so"
        for row in acted.values()
        if row.state == "opted_out" and row.id not in revoked
    ]
    return findings


def _answers(account: Account, row: InboundRow) -> int | None:
    texts = account.by_key.get((row.sender, row.recipient, row.text))
    return texts[0].answers if texts else None


def within_bounds(account: Account, bounds: Bounds) -> Line:
    """L9: a process ends with about what it began with."""
    findings: list[str] = []
    most = 0
    for process, samples in account.samples.items():
        first, last = samples[0], samples[-1]
        most = max(most, *(one.resident for one in samples))
        for what, now, then, more in (
            ("octets", max(one.resident for one in samples), first.resident, bounds.resident_more),
            ("open files", last.descriptors, first.descriptors, bounds.descriptors_more),
            ("tasks", last.tasks, first.tasks, bounds.descriptors_more),
        ):
            if now > then + more:
                findings.append(f"process {process} began with {then} {what} and had {now}")
    figures = {"processes": len(account.samples), "most MiB": most >> 20}
    return Line(name="L9", promise="bounds", count=len(findings), findings=tuple(findings), figures=figures)


def explained(account: Account, books: Books, rows: Kept, bounds: Bounds) -> Line:
    """L10: quarantine, dead letters, strays, waiting parts and suspected rows, each by a fault that was made."""
    findings = [f"the database says of itself: {complaint}" for complaint in books.integrity]
    findings += _quarantined(account, books)
    findings += [
        f"the answer {row.id} to {row.address} failed, and the centre never refused it"
        for row in books.outbox
        if row.state == "failed" and (row.address, row.number, row.text) not in account.refused
    ]
    findings += _strays(account, books, bounds)
    findings += _parts(account, books)
    findings += _suspicions(account, rows, bounds)
    figures = {
        "failed": sum(row.state == "failed" for row in books.outbox),
        "faults": len(account.befallen),
        "injected": len(account.injected),
    }
    return Line(name="L10", promise="side tables", count=len(findings), findings=tuple(findings), figures=figures)


def _quarantined(account: Account, books: Books) -> list[str]:
    """What was set aside though it was nobody's noise, and no part of a long text that was sent again."""
    noise = {(_unnumbered(one.frame), *_around(one.frame)) for one in account.injected if one.frame}
    again: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for text in account.texts.values():
        more = len(account.tries.get(text.id, ())) - text.parts
        if text.parts > 1 and more > 0:
            again[text.sender, text.recipient].append((text.text, more))
    parts: Counter[str] = Counter()
    findings: list[str] = []
    for row in books.quarantine:
        kept = _unnumbered(row.frame)
        # A broken stream is kept from there on, to there, or from within the PDU before.
        if any(
            octets in kept or kept in octets or (before in row.frame and after in row.frame)
            for octets, before, after in noise
        ):
            continue
        sent_again = (one for one in again[row.sender, row.recipient] if row.text and row.text in one[0])
        whole = next((text for text, more in sent_again if parts[text] < more), None)
        if whole is not None:
            parts[whole] += 1
        else:
            findings.append(f"quarantine {row.id} was nobody's noise ({row.reason}): {row.frame.hex()[:80]}")
    return findings


def _around(frame: bytes) -> tuple[bytes, bytes]:
    """What stands before and after a PDU's sequence_number."""
    return frame[: SEQUENCE.start], frame[SEQUENCE.stop :]


def _unnumbered(frame: bytes) -> bytes:
    return b"".join(_around(frame))


def _strays(account: Account, books: Books, bounds: Bounds) -> list[str]:
    """Receipts without a message: the centre made them up, or the ids of its text (all of them are kept together) were
    not on disk in time."""
    invented = {one.told for one in account.injected if one.told}
    on_disk = {
        segment.message_id
        for message in account.messages
        if all(account.answered_for_good(one, bounds.settle_s) for one in message.segments)
        for segment in message.segments
    }  # fmt: skip
    excused = {receipt.told for receipt in account.receipts if receipt.message_id not in on_disk}
    # A second receipt of a finished message finds nothing that waits for it, and is kept all the same.
    settled = Counter(row.message_id for row in books.receipts if row.outbox_id is not None)
    repeated = Counter(receipt.told for receipt in account.receipts)
    return [
        f"the receipt {row.id} ({row.state} for {row.message_id}) belongs to nobody"
        for row in books.receipts
        if row.outbox_id is None
        and row.message_id not in invented
        and row.message_id not in excused
        and not (settled[row.message_id] and repeated[row.message_id] > 1)
    ]


def _parts(account: Account, books: Books) -> list[str]:
    """Parts that wait although all of their text was taken over."""
    open_texts: dict[tuple[str, str], int] = defaultdict(int)
    for text in account.texts.values():
        if text.parts > 1 and account.acknowledged_at(text) is None:
            open_texts[text.sender, text.recipient] += 1
    return [
        f"part {row.part} of {row.total} from {row.sender} waits, and all of its text was taken over"
        for row in books.parts
        if not open_texts[row.sender, row.recipient]
    ]


def _suspicions(account: Account, rows: Kept, bounds: Bounds) -> list[str]:
    """Rows held as suspected, more of them than there were re-sends and doubts."""
    findings = []
    for key, suspected in rows.suspected.items():
        reasons = _reasons(account, key, bounds)
        if suspected > reasons:
            findings.append(f"{shown(key)}: {suspected} suspected, and {reasons} re-sends or doubts to suspect them by")
    return findings


def _reasons(account: Account, key: Key, bounds: Bounds) -> int:
    """Re-sends of a key, and answers of it that were in doubt."""
    reasons = 0
    for text in account.by_key[key]:
        tries = account.tries.get(text.id, [])
        reasons += max(0, len(tries) - text.parts)
        reasons += in_doubt(account, text, bounds)
    return reasons
