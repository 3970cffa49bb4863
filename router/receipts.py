"""A receipt comes in, early, late, twice, out of order, under another form of its id, or for nobody we know.

Receipts are rows. One that matches moves its message forward once; one that does not is kept as a stray under every
form its id may take, and the submit_sm_resp that brings that id finds it. The centre is answered after the commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from router.store import statements_receipts as sql_receipts
from router.store.engine import Row, Tx

FINAL_GOOD = "DELIVRD"
FINAL = frozenset({"DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "REJECTD", "SKIPPED"})
"""Final states of a receipt (SMPP 3.4 appendix B, SKIPPED from 5.0); ACCEPTD, ENROUTE and UNKNOWN leave the message
open. `smpp.receipt` says the same of the wire, and a test of the mapping holds the two together."""


class ReceiptIn(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A receipt as a connector read it. `forms` are all the ways its message id may have been written before."""

    id: int
    connector: str
    message_id: str
    forms: tuple[str, ...]
    state: str
    error: str
    received_at: int
    text: str
    session: int = 0
    sequence: int = 0
    frame: bytes = b""


def settle(tx: Tx, batch: Sequence[ReceiptIn]) -> int:
    """Write a batch of receipts down and move their messages forward. Gives how many were strays."""
    known = _known(tx, batch)
    rows: list[Row] = []
    strays: list[Row] = []
    finals: list[tuple[str, str, str, int]] = []
    for receipt in batch:
        key = next((form for form in receipt.forms if (receipt.connector, form) in known), None)
        outbox_id = None if key is None else known[receipt.connector, key]
        rows.append((receipt.id, receipt.connector, receipt.message_id, outbox_id, receipt.state, receipt.error,
                     receipt.received_at, receipt.text))  # fmt: skip
        if key is None or outbox_id is None:
            strays += [(receipt.connector, form, receipt.id, receipt.received_at) for form in receipt.forms]
        elif receipt.state in FINAL:
            del known[receipt.connector, key]  # a second final one in the same batch finds nothing any more
            finals.append((receipt.connector, key, receipt.state, outbox_id))
    sql_receipts.insert_receipts.run(tx, rows)
    if strays:
        sql_receipts.insert_strays.run(tx, strays)
    _finish(tx, finals)
    return sum(row[3] is None for row in rows)


def expect(tx: Tx, sent: Sequence[tuple[str, str, int]], now: int) -> None:
    """Remember (connector, message id, outbox id) of what was sent; receipts that came too early are looked up."""
    if not sent:
        return
    sql_receipts.insert_awaiting.run(
        tx, [(connector, _form(message_id), outbox_id, now) for connector, message_id, outbox_id in sent]
    )
    by_connector: dict[str, dict[str, int]] = defaultdict(dict)
    for connector, message_id, outbox_id in sent:
        by_connector[connector][_form(message_id)] = outbox_id
    for connector, ids in by_connector.items():
        early = sql_receipts.strays_by_form.rows(tx, connector, list(ids))
        if early:
            _adopt(tx, connector, ids, early)


def _adopt(tx: Tx, connector: str, ids: dict[str, int], early: list[Row]) -> None:
    """Strays that turn out to be about messages whose ids have just arrived."""
    by_outbox: dict[int, list[int]] = defaultdict(list)
    finals: dict[str, tuple[str, str, str, int]] = {}
    for form, receipt_id, state in early:
        by_outbox[ids[form]].append(receipt_id)
        if state in FINAL:
            finals.setdefault(form, (connector, form, state, ids[form]))
    for outbox_id, receipt_ids in by_outbox.items():
        sql_receipts.adopt_receipts.run(tx, outbox_id, receipt_ids)
    sql_receipts.delete_strays.run(tx, connector, [row[1] for row in early])
    _finish(tx, list(finals.values()))


def _known(tx: Tx, batch: Sequence[ReceiptIn]) -> dict[tuple[str, str], int]:
    forms: dict[str, list[str]] = defaultdict(list)
    for receipt in batch:
        forms[receipt.connector] += receipt.forms
    return {
        (connector, message_id): outbox_id
        for connector, some in forms.items()
        for message_id, outbox_id in sql_receipts.awaiting_by_id.rows(tx, connector, some)
    }


def _finish(tx: Tx, finals: Sequence[tuple[str, str, str, int]]) -> None:
    """Count final receipts: a message is finished when each of its segments is."""
    ids: dict[str, list[str]] = defaultdict(list)
    counted: list[tuple[str, int]] = []
    for connector, message_id, state, outbox_id in finals:
        ids[connector].append(message_id)
        counted.append((state, outbox_id))
    for connector, some in ids.items():
        sql_receipts.delete_awaiting.run(tx, connector, some)
    while counted:
        # One statement per state; a message whose segments finish together is counted once per statement.
        state = counted[0][0]
        now_: dict[int, None] = {}
        rest: list[tuple[str, int]] = []
        for one in counted:
            if one[0] == state and one[1] not in now_:
                now_[one[1]] = None
            else:
                rest.append(one)
        sql_receipts.count_receipt.run(tx, 0 if state == FINAL_GOOD else 1, state, list(now_))
        counted = rest


def _form(message_id: str) -> str:
    """The form under which an id is kept; a receipt's forms hold it whatever the centre did to case (quirk 4)."""
    return message_id.lower()
