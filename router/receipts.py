"""A receipt comes in, early, late, twice, out of order, under another form of its id, or for nobody we know.

Receipts are rows. One that matches moves its message forward once (ENROUTE < ACCEPTD < final; a second final one is
kept and changes nothing); one that does not is kept as a stray under every form its id may take, and the submit_sm_resp
that brings that id finds it. The centre is answered after the commit. (RELIABILITY.md 2.5)

Rules for what belongs together:
- the same connector, and a receipt that came after the text was written down: ids are used again, so an old receipt
  must not be taken for a new text's.
- the likeliest form of an id counts as it stands, where it is sure; else, where a phone is named, it is the same phone.
- a text of unknown outcome has no id: the reference that it was sent with, and its phone, find it. It has arrived then,
  in part at least, and is not sent again.
- a text that was sent again is settled by what its last send is told. A receipt of the first send, whose id nobody ever
  told us, is filed under the text by reference and phone, and moves nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from router import failures
from router.instants import SECOND
from router.states import FORGET_AFTER, MOST_SENDS
from router.store import statements_receipts as sql_receipts
from router.store.engine import Row, Tx
from router.world import EPOCH_MS, first_id_at

FINAL_GOOD = "DELIVRD"
FINAL = frozenset({"DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "REJECTD", "SKIPPED"})
"""Final states of a receipt (SMPP 3.4 appendix B, SKIPPED from 5.0); ACCEPTD, ENROUTE and UNKNOWN leave the message
open. `smpp.receipt` says the same of the wire, and a test of the mapping holds the two together."""
PROGRESS = ("SCHEDLD", "ENROUTE", "ACCEPTD")
"""States before the final ones, in the order in which a message passes them."""
SKEW = first_id_at(EPOCH_MS * 1000 + 5 * SECOND)
"""Nodes whose clocks are this far apart (in ids; five seconds) may disagree which of two rows came first."""
SHORTEST_PHONE, SAME_DIGITS = 7, 8
"""An address with so many digits is a phone's; two are the same when their last digits are, for centres write them with
and without their country."""
DONE, TOLD = 1, 2
"""`awaiting_receipt.done` of ids that only a receipt told us."""
BY_REFERENCE = 9
"""The rank of a stray's form that is no form of an id."""
ALL = (1 << 63) - 1
"""An instant after all."""
_SPREAD = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, 6.4): neighbours land far apart."""


def reference_of(outbox_id: int) -> int:
    """The user_message_reference of a text (SMPP 3.4 §5.3.2.17, 16 bits): fixed, and different for neighbours."""
    return (outbox_id * _SPREAD >> 48) & 0xFFFF


class ReceiptIn(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A receipt as a connector read it. `forms` are all the ways its message id may have been written before, the
    likeliest first, and `sure` whether that one counts by itself; `reference` is what we gave with the message, where
    the centre tells it; `phones` the addresses that it names, one of which is the phone's."""

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
    reference: int | None = None
    phones: tuple[str, ...] = ()
    sure: bool = True


class _Awaited(msgspec.Struct):
    """An id that a receipt is awaited for; `told`: by a receipt alone."""

    form: str
    outbox_id: int
    done: bool
    told: bool = False


class _Hit(NamedTuple):
    """A receipt's state, and the text it is about."""

    connector: str
    awaited: _Awaited
    state: str


def settle(tx: Tx, batch: Sequence[ReceiptIn]) -> int:
    """Write a batch of receipts down and move their messages forward. Gives how many were strays."""
    known = _Known(tx, batch)
    rows: list[Row] = []
    strays: list[Row] = []
    hits: list[_Hit] = []
    for receipt in batch:
        awaited = known.find(receipt)
        rows.append((receipt.id, receipt.connector, receipt.message_id, awaited and awaited.outbox_id, receipt.state,
                     receipt.error, receipt.received_at, receipt.text))  # fmt: skip
        if awaited is None:
            strays += _strays(receipt)
        elif not awaited.done:
            hits.append(_Hit(receipt.connector, awaited, receipt.state))
            awaited.done = receipt.state in FINAL  # a second final one is kept, and that is all
    sql_receipts.insert_receipts.run(tx, rows)
    if strays:
        sql_receipts.insert_strays.run(tx, strays)
    if known.told:
        _arrived(tx, known.told, max(receipt.received_at for receipt in batch))
    _move(tx, hits, max(receipt.received_at for receipt in batch))
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
            _adopt(tx, [(connector, *row, ids[row[0]]) for row in early], now)


def recall(tx: Tx, ids: Collection[int], now: int) -> set[int]:
    """Texts of unknown outcome: receipts that came before anybody knew that they are, and tell that they have arrived.

    Gives the ids of those. Of the others whose time is up, and which may be sent again, it is kept what a receipt of
    this send is to be filed by.
    """
    rows = sql_receipts.unknown_by_id.rows(tx, list(ids)) if ids else []
    texts = {(connector, _named(reference_of(id), address)): id for id, connector, address, _ in rows}
    found: list[tuple[int, Row]] = []
    for connector in {key[0] for key in texts}:
        forms = [form for other, form in texts if other == connector]
        for row in sql_receipts.strays_by_form.rows(tx, connector, forms):
            id = texts[connector, row[0]]
            if _may_be_about(row[1], id):
                found.append((id, (connector, *row)))
    over = {id for id, _, _, due_at in rows if due_at <= now} - {id for id, _ in found}
    named = [(connector, name, id, now, DONE) for (connector, name), id in texts.items() if id in over]
    if named:
        sql_receipts.insert_told.run(tx, named)
    if not found:
        return set()
    likeliest = sorted(sql_receipts.forms_of.rows(tx, [row[2] for _, row in found], BY_REFERENCE), reverse=True)
    form_of: dict[int, str] = {receipt_id: form for _, receipt_id, form in likeliest}
    told: dict[tuple[str, str, int], _Awaited] = {}
    hits: list[_Hit] = []
    for id, (connector, _, receipt_id, state, *_rest) in found:
        form = form_of.get(receipt_id, f"receipt {receipt_id}")
        awaited = told.setdefault((connector, form, id), _Awaited(form, id, done=False, told=True))
        if not awaited.done:
            hits.append(_Hit(connector, awaited, state))
            awaited.done = state in FINAL
    _link(tx, [(id, row[2]) for id, row in found])
    _arrived(tx, [(connector, awaited) for (connector, _, _), awaited in told.items()], now)
    _move(tx, hits, now)
    return {id for id, _ in found}


def reconcile(tx: Tx, after: int, most: int) -> int | None:
    """Bring together so many receipts after an instant and texts to which they found no way: two nodes wrote them and
    the text's id at once, or they are of an earlier send and came while the text was on the wire again. Gives the
    instant to go on after, None where there are no more."""
    last: list[Row] = sql_receipts.strays_upto.rows(tx, after, most)
    upto = last[0][0] if last else ALL
    rows = sql_receipts.unmet.rows(tx, after, upto)
    if rows:
        _adopt(tx, sorted(rows, key=lambda row: row[2]), after)
    _reconcile_earlier(tx, sql_receipts.names_of_strays.rows(tx, after, upto, BY_REFERENCE))
    return upto if last else None


def _reconcile_earlier(tx: Tx, named: Sequence[Row]) -> None:
    """Strays (connector, name, receipt) of an earlier send of a text."""
    again = _texts_sent_again(tx, [(connector, name) for connector, name, _ in named])
    found: dict[int, list[int]] = defaultdict(list)
    for connector, name, receipt_id in named:
        found[receipt_id] += [id for id in again.get((connector, name), ()) if _may_be_about(receipt_id, id)]
    _link(tx, [(ids[0], receipt_id) for receipt_id, ids in found.items() if len(ids) == 1])


def _adopt(tx: Tx, early: Sequence[Row], now: int) -> None:
    """Strays (connector, form, receipt, state, rank, phones, outbox id) of texts whose ids have just arrived."""
    doubtful = [row[6] for row in early if row[4]]
    address_of: dict[int, str] = dict(sql_receipts.addresses_of.rows(tx, doubtful)) if doubtful else {}
    found = [
        row
        for row in early
        if _may_be_about(row[2], row[6]) and _fits(row[4], row[5].split(), address_of.get(row[6], ""))
    ]
    if not found:
        return
    awaited: dict[tuple[str, str, int], _Awaited] = {}
    hits: list[_Hit] = []
    for connector, form, _, state, _, _, outbox_id in found:
        one = awaited.setdefault((connector, form, outbox_id), _Awaited(form, outbox_id, done=False))
        if not one.done:
            hits.append(_Hit(connector, one, state))
            one.done = state in FINAL
    _link(tx, [(row[6], row[2]) for row in found])
    _move(tx, hits, now)


class _Known:
    """The ids that a batch of receipts may be about, and what was found out about them meanwhile."""

    def __init__(self, tx: Tx, batch: Sequence[ReceiptIn]) -> None:
        self.told: list[tuple[str, _Awaited]] = []
        """Ids, by connector, of texts of unknown outcome: a receipt of this batch has just told them."""
        self._awaited: dict[tuple[str, str], list[_Awaited]] = defaultdict(list)
        forms: dict[str, list[str]] = defaultdict(list)
        for receipt in batch:
            forms[receipt.connector] += receipt.forms
        for connector, some in forms.items():
            for form, outbox_id, done in sql_receipts.awaiting_by_id.rows(tx, connector, some):
                self._awaited[connector, form].append(_Awaited(form, outbox_id, done == DONE, done == TOLD))
        doubtful = [one.outbox_id for receipt in batch for one in self._doubtful(receipt)]
        self._address_of: dict[int, str] = dict(sql_receipts.addresses_of.rows(tx, doubtful)) if doubtful else {}
        nameless = [one for one in batch if one.reference is not None and not self._options(one)]
        self._unknown = self._texts_of_unknown_outcome(tx, nameless)
        self._again = _texts_sent_again(tx, ((one.connector, name) for one in nameless for name in _names(one)))

    def find(self, receipt: ReceiptIn) -> _Awaited | None:
        """What a receipt is about."""
        best: tuple[tuple[bool, int, bool, int], _Awaited] | None = None
        for rank, one in self._options(receipt):
            address = self._address_of.get(one.outbox_id, "")
            if _may_be_about(receipt.id, one.outbox_id) and _fits(rank, receipt.phones, address):
                # The same phone, the likeliest form, one that is still open, the last one that bore this id.
                order = (not _agree(receipt.phones, address), rank, one.done, -one.outbox_id)
                if best is None or order < best[0]:
                    best = order, one
        return best[1] if best else self._by_reference(receipt) or self._of_earlier_send(receipt)

    def _options(self, receipt: ReceiptIn) -> list[tuple[int, _Awaited]]:
        awaited, connector = self._awaited, receipt.connector
        return [
            (rank, one)
            for rank, form in enumerate(receipt.forms, not receipt.sure)
            if (connector, form) in awaited
            for one in awaited[connector, form]
        ]

    def _doubtful(self, receipt: ReceiptIn) -> list[_Awaited]:
        options = self._options(receipt)
        return [one for _, one in options] if len(options) > 1 or any(rank for rank, _ in options) else []

    def _texts_of_unknown_outcome(self, tx: Tx, nameless: Sequence[ReceiptIn]) -> dict[tuple[str, str], list[int]]:
        phones: dict[str, set[str]] = defaultdict(set)
        for receipt in nameless:
            phones[receipt.connector].update(receipt.phones)
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for connector, some in phones.items():
            for statement in (sql_receipts.unknown_of, sql_receipts.again_of):
                for outbox_id, address in statement.rows(tx, sorted(some), connector):
                    found[connector, address].append(outbox_id)
        return found

    def _by_reference(self, receipt: ReceiptIn) -> _Awaited | None:
        """The one text of unknown outcome to that phone with that reference; of two, neither."""
        connector, reference = receipt.connector, receipt.reference
        ids = [
            id
            for phone in dict.fromkeys(receipt.phones)
            for id in self._unknown.get((connector, phone), ())
            if reference_of(id) == reference and _may_be_about(receipt.id, id)
        ]
        if len(ids) != 1:
            return None
        form = receipt.forms[0] if receipt.forms else f"receipt {receipt.id}"
        awaited = _Awaited(form, ids[0], done=False, told=True)
        self._awaited[connector, form].append(awaited)
        self.told.append((connector, awaited))
        return awaited

    def _of_earlier_send(self, receipt: ReceiptIn) -> _Awaited | None:
        """The one text that was sent again since; its last send decides what becomes of it."""
        ids = [
            id
            for name in _names(receipt)
            for id in self._again.get((receipt.connector, name), ())
            if _may_be_about(receipt.id, id)
        ]
        return _Awaited(receipt.message_id, ids[0], done=True) if len(ids) == 1 else None


def _texts_sent_again(tx: Tx, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[int]]:
    """The texts of such names, by connector and name."""
    some: dict[str, set[str]] = defaultdict(set)
    for connector, name in names:
        some[connector].add(name)
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for connector, every in some.items():
        for name, outbox_id in sql_receipts.sent_again.rows(tx, connector, sorted(every)):
            found[connector, name].append(outbox_id)
    return found


def _may_be_about(receipt_id: int, outbox_id: int) -> bool:
    return receipt_id >= outbox_id - SKEW


def _fits(rank: int, phones: Iterable[str], address: str) -> bool:
    """Whether an id under one of its less likely forms may be meant: not when another phone is."""
    named = [one for one in phones if len(one) >= SHORTEST_PHONE and one.isdigit()]
    return not rank or not named or _agree(named, address)


def _agree(phones: Iterable[str], address: str) -> bool:
    return any(one[-SAME_DIGITS:] == address[-SAME_DIGITS:] for one in phones)


def _named(reference: int, phone: str) -> str:
    """What a stray that tells a reference is found by; no message id has spaces within."""
    return f"{reference} to {phone}"


def _names(receipt: ReceiptIn) -> list[str]:
    """What it is found by without an id; nothing where it tells no reference."""
    reference = receipt.reference
    return [] if reference is None else [_named(reference, phone) for phone in dict.fromkeys(receipt.phones)]


def _strays(receipt: ReceiptIn) -> list[Row]:
    forms = [*enumerate(receipt.forms, not receipt.sure)]
    forms += [(BY_REFERENCE, name) for name in _names(receipt)]
    phones = " ".join(receipt.phones)
    return [(receipt.connector, form, receipt.id, receipt.received_at, rank, phones) for rank, form in forms]


def _link(tx: Tx, found: Iterable[tuple[int, int]]) -> None:
    """These receipts (outbox id, receipt id) are strays no more."""
    by_outbox: dict[int, list[int]] = defaultdict(list)
    for outbox_id, receipt_id in found:
        by_outbox[outbox_id].append(receipt_id)
    for outbox_id, receipt_ids in by_outbox.items():
        sql_receipts.adopt_receipts.run(tx, outbox_id, receipt_ids)
    sql_receipts.delete_strays.run(tx, [id for ids in by_outbox.values() for id in ids])


def _arrived(tx: Tx, told: Sequence[tuple[str, _Awaited]], now: int) -> None:
    """Texts of unknown outcome have arrived; the ids that their receipts bear are kept, counted or not."""
    ids = sorted({awaited.outbox_id for _, awaited in told})
    sql_receipts.mark_begun.run(tx, now + FORGET_AFTER, MOST_SENDS, ids)
    sql_receipts.mark_arrived.run(tx, now, ids)
    sql_receipts.insert_told.run(
        tx, [(connector, awaited.form, awaited.outbox_id, now, TOLD) for connector, awaited in told]
    )


def _move(tx: Tx, hits: Sequence[_Hit], now: int) -> None:
    """Move texts forward: a message is finished when each of its segments is."""
    counted: list[tuple[str, int]] = []
    over: dict[tuple[str, bool], list[_Awaited]] = defaultdict(list)
    progress: dict[str, list[int]] = defaultdict(list)
    for connector, awaited, state in hits:
        if state in FINAL:
            over[connector, awaited.told].append(awaited)
            counted.append((state, awaited.outbox_id))
        elif state in PROGRESS:
            progress[state].append(awaited.outbox_id)
    bad = Counter(outbox_id for state, outbox_id in counted if state != FINAL_GOOD)
    for (connector, told), some in over.items():
        statement = sql_receipts.mark_done if told else sql_receipts.delete_awaiting
        statement.run(tx, connector, [one.form for one in some], [one.outbox_id for one in some])
    for place, state in enumerate(PROGRESS):
        if state in progress:
            sql_receipts.note_progress.run(tx, state, list(PROGRESS[place:]), progress[state])
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
    if bad:
        failures.note(tx, bad, now)


def _form(message_id: str) -> str:
    """The form under which an id is kept; a receipt's forms hold it whatever the centre did to case (quirk 4)."""
    return message_id.lower()
