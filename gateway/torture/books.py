"""Reads what a gateway's database says, SQLite or PostgreSQL, when nobody writes to it any more."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

from gateway.torture.entries import Books, ConsentRow, InboundRow, OutboxRow, PartRow, QuarantineRow, ReceiptRow
from router.ledger_verify import verify
from router.receipts import reference_of
from router.store.engine import file_of, make_engine
from router.store.reading import open_reader
from smpp.codec import decode
from smpp.concat import content_of
from smpp.errors import PeerFault
from smpp.pdu import DataSm, DeliverSm
from smpp.simulator_phones import digits, shown_text
from smpp.text import Encoding

_INBOUND = """SELECT i.id, c.address, i.number, i.text, i.state, i.brand, i.session, i.sequence, i.duplicate_of
    FROM inbound i JOIN contacts c ON c.id = i.contact_id ORDER BY i.id"""
_OUTBOX = """SELECT o.id, o.number, c.address, o.text, o.message_class, o.state, o.attempts, o.segments, o.cause_id,
    o.due_at, o.brand, o.sends FROM outbox o JOIN contacts c ON c.id = o.contact_id ORDER BY o.id"""
_RECEIPTS = "SELECT id, message_id, state, outbox_id FROM receipts ORDER BY id"
_QUARANTINE = "SELECT id, frame, reason FROM quarantine ORDER BY id"
_PARTS = """SELECT sender, recipient, total, part FROM parts
    WHERE joined_at IS NULL AND set_id IS NOT NULL ORDER BY id"""
_CONSENTS = "SELECT brand, details FROM ledger_details ORDER BY brand, position"
_EVENTS = "SELECT id FROM events ORDER BY id"
_WAITING = """SELECT count(*) FROM outbox
    WHERE state = 'claimed' OR (state IN ('ready', 'unknown') AND due_at <= :by)"""


class _Told(msgspec.Struct, frozen=True):
    """What is read of the details of an event of consent."""

    action: str
    mo_id: int = 0


def read_books(url: str, now: int) -> Books:
    """Everything that the ledger asks of a store, in one snapshot; `now` in microseconds since 1970.

    Raises the driver's errors when the store cannot be read.
    """
    with make_engine(url).connect() as connection:
        return Books(
            taken_at=now,
            inbound=tuple(
                InboundRow(id=row[0], sender=row[1], recipient=row[2], text=row[3], state=row[4], brand=row[5],
                           session=row[6], sequence=row[7], duplicate_of=row[8])
                for row in connection.execute(text(_INBOUND))
            ),
            outbox=tuple(
                OutboxRow(id=row[0], number=row[1], address=row[2], text=row[3], message_class=row[4], state=row[5],
                          attempts=row[6], segments=row[7], cause_id=row[8], due_at=row[9], brand=row[10],
                          sends=row[11], reference=reference_of(row[0]))
                for row in connection.execute(text(_OUTBOX))
            ),
            receipts=tuple(
                ReceiptRow(id=row[0], message_id=row[1], state=row[2], outbox_id=row[3])
                for row in connection.execute(text(_RECEIPTS))
            ),
            quarantine=tuple(
                _quarantined(row[0], bytes(row[1]), row[2]) for row in connection.execute(text(_QUARANTINE))
            ),
            parts=tuple(
                PartRow(sender=row[0], recipient=row[1], total=row[2], part=row[3])
                for row in connection.execute(text(_PARTS))
            ),
            consents=tuple(
                ConsentRow(brand=row[0], action=told.action, mo_id=told.mo_id)
                for row in connection.execute(text(_CONSENTS))
                if (told := msgspec.json.decode(row[1], type=_Told)).mo_id
            ),
            events=tuple(row[0] for row in connection.execute(text(_EVENTS))),
            doubts=int(connection.execute(text("SELECT count(*) FROM doubts")).scalar_one()),
            integrity=_integrity(connection, url) or _chains(url),
        )  # fmt: skip


def is_fresh(url: str) -> bool:
    """Whether nothing was ever written to the store: it has no tables yet, or no texts. Raises the driver's errors."""
    with make_engine(url).connect() as connection:
        if not inspect(connection).has_table("inbound"):
            return True
        return not connection.execute(text("SELECT count(*) FROM inbound")).scalar_one()


def waiting(url: str, by: int) -> int:
    """Rows of the outbox that are on the wire, or due to go there by then (microseconds since 1970)."""
    with make_engine(url).connect() as connection:
        return int(connection.execute(text(_WAITING), {"by": by}).scalar_one())


def _integrity(connection: Connection, url: str) -> tuple[str, ...]:
    """What SQLite's own check complains of (https://www.sqlite.org/pragma.html#pragma_integrity_check)."""
    if file_of(url) is None:
        return ()
    try:
        said = tuple(str(row[0]) for row in connection.execute(text("PRAGMA integrity_check")))
    except DatabaseError as error:  # the damage is such that not even the check can go on
        return (str(error.orig),)
    return () if said == ("ok",) else said


def _chains(url: str) -> tuple[str, ...]:
    """What is wrong with the chains of the consent ledger."""
    reader = open_reader(url)
    try:
        return tuple(
            f"the consents of {chain.brand}, row {chain.broken_at}: {chain.why}"
            for chain in verify(reader)
            if chain.broken_at is not None
        )
    finally:
        reader.close()


def _quarantined(id: int, frame: bytes, reason: str) -> QuarantineRow:
    """A row of quarantine, with what its octets say if they are a text after all."""
    try:
        pdu = decode(frame)
    except PeerFault:
        return QuarantineRow(id=id, frame=frame, reason=reason)
    if not isinstance(pdu, DeliverSm | DataSm):
        return QuarantineRow(id=id, frame=frame, reason=reason)
    content = content_of(pdu)
    return QuarantineRow(
        id=id, frame=frame, reason=reason, sender=digits(pdu.source_addr), recipient=digits(pdu.destination_addr),
        text=shown_text(content.octets, content, pdu.data_coding, Encoding.GSM7),
    )  # fmt: skip
