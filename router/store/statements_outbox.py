"""The statements about texts that go out (router.perform, router.outbox); each names the states it starts from."""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, exists, func, literal_column, or_, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import outbox

# literal_column keeps constants in the text, where a partial index's condition can be recognised.
_READY: ColumnElement[str] = literal_column("'ready'")
_CLAIMED: ColumnElement[str] = literal_column("'claimed'")
_SENT: ColumnElement[str] = literal_column("'sent'")
_UNKNOWN: ColumnElement[str] = literal_column("'unknown'")
_CANCELLED: ColumnElement[str] = literal_column("'cancelled'")
_FAILED: ColumnElement[str] = literal_column("'failed'")
_QUIET: ColumnElement[str] = literal_column("'quiet_hours'")
_ONE: ColumnElement[int] = literal_column("1")

OUTBOX_COLUMNS = (
    "id", "contact_id", "number", "connector", "brand", "message_class", "text", "encoding", "segments", "state",
    "reason", "cause_id", "rule", "step", "arm", "purpose", "created_at", "due_at", "attempts", "sends", "node",
    "settled_at", "receipts_left", "receipts_bad",
)  # fmt: skip
insert_outbox = Insert(outbox, OUTBOX_COLUMNS)
unsettled_of = Statement(
    select(outbox.c.contact_id, outbox.c.number)
    .where(
        one_of(outbox.c.contact_id, "ids"),
        literal_column("state IN ('ready', 'claimed')"),
        or_(outbox.c.reason != _QUIET, outbox.c.state == _CLAIMED),
    )
    .distinct(),
    "ids",
)
_other = outbox.alias("other")
_its_turn = ~exists(
    select(literal_column("1"))
    .where(
        _other.c.contact_id == outbox.c.contact_id,
        _other.c.number == outbox.c.number,
        literal_column("other.state IN ('ready', 'claimed')"),
        or_((_other.c.id < outbox.c.id) & (_other.c.reason != _QUIET), _other.c.state == _CLAIMED),
    )
    .correlate(outbox)
)
"""Nothing earlier waits for that contact and number, and nothing is on the wire: a text sent once more may be older.
What waits for its hours is no hindrance: an answer at night does not wait for the morning."""
claimable = Statement(
    select(
        outbox.c.id, outbox.c.contact_id, outbox.c.number, outbox.c.brand, outbox.c.message_class, outbox.c.text,
        outbox.c.encoding, outbox.c.segments, outbox.c.attempts, outbox.c.created_at, outbox.c.sends, outbox.c.retries,
        outbox.c.accepted, outbox.c.purpose,
    )
    .where(
        outbox.c.state == _READY,
        outbox.c.connector == bindparam("connector"),
        outbox.c.due_at <= bindparam("now"),
        _its_turn,
    )
    .order_by(outbox.c.due_at, outbox.c.id)
    .limit(bindparam("most")),
    "connector", "now", "most",
)  # fmt: skip
set_claimed = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _READY, _its_turn)
    .values(state=_CLAIMED, node=bindparam("node"), attempts=outbox.c.attempts + _ONE, sends=outbox.c.sends + _ONE)
    .returning(outbox.c.id),
    "node",
    "ids",
)
settle_sent = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), or_(outbox.c.state == _CLAIMED, outbox.c.state == _UNKNOWN))
    .values(state=_SENT, settled_at=bindparam("at")),
    "at",
    "ids",
)
settle_other = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _CLAIMED)
    .values(
        state=bindparam("state"), reason=bindparam("reason"), settled_at=bindparam("at"), due_at=bindparam("due"),
        sends=outbox.c.sends - bindparam("unsent"), retries=outbox.c.retries + bindparam("retried"),
    ),
    "state", "reason", "at", "due", "unsent", "retried", "ids",
)  # fmt: skip
keep_accepted = Statement(
    update(outbox)
    .where(outbox.c.id == bindparam("one"), outbox.c.state == _CLAIMED)
    .values(accepted=bindparam("accepted")),
    "accepted", "one",
)  # fmt: skip
old_codes = Statement(
    select(outbox.c.id)
    .where(literal_column("message_class = 'otp' AND text <> ''"), outbox.c.id < bindparam("before"))
    .order_by(outbox.c.id)
    .limit(bindparam("most")),
    "before", "most",
)  # fmt: skip
forget_codes = Statement(update(outbox).where(one_of(outbox.c.id, "ids")).values(text=literal_column("''")), "ids")
"""What a code said is kept until it has gone out, or could not in time."""
fewer_receipts = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"))
    .values(receipts_left=outbox.c.receipts_left - bindparam("less")),
    "less", "ids",
)  # fmt: skip
"""Fewer receipts are to come than the text was counted to have segments."""
close_ready = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _READY)
    .values(state=_CANCELLED, reason=bindparam("reason"), settled_at=bindparam("at")),
    "reason", "at", "ids",
)  # fmt: skip
put_off = Statement(
    update(outbox)
    .where(outbox.c.id == bindparam("one"), outbox.c.state == _READY)
    .values(reason=bindparam("reason"), due_at=bindparam("due"), retries=outbox.c.retries + _ONE),
    "reason", "due", "one",
)  # fmt: skip
wait_for_hours = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _READY)
    .values(reason=_QUIET, due_at=bindparam("due")),
    "due", "ids",
)  # fmt: skip
fail_ready = Statement(
    update(outbox)
    .where(outbox.c.id == bindparam("one"), outbox.c.state == _READY)
    .values(state=_FAILED, reason=bindparam("reason"), settled_at=bindparam("at")),
    "reason", "at", "one",
)  # fmt: skip
claimed_by = Statement(
    select(outbox.c.id, outbox.c.message_class, outbox.c.sends).where(
        outbox.c.node == bindparam("node"), outbox.c.state == _CLAIMED, literal_column("state IN ('ready', 'claimed')")
    ),
    "node",
)
unknown_due = Statement(
    select(outbox.c.id, outbox.c.message_class, outbox.c.sends)
    .where(outbox.c.state == _UNKNOWN, outbox.c.due_at <= bindparam("now"))
    .order_by(outbox.c.due_at)
    .limit(bindparam("most")),
    "now",
    "most",
)
resolve_unknown = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _UNKNOWN)
    .values(state=bindparam("state"), reason=bindparam("reason"), due_at=bindparam("due")),
    "state", "reason", "due", "ids",
)  # fmt: skip
ready_ahead = Statement(
    update(outbox)
    .where(
        outbox.c.state == _READY,
        outbox.c.connector == bindparam("connector"),
        outbox.c.due_at > bindparam("now"),
        func.coalesce(outbox.c.settled_at, outbox.c.created_at) > bindparam("later"),
    )
    .values(due_at=bindparam("now"), settled_at=bindparam("now")),
    "connector", "now", "later",
)  # fmt: skip
unknown_ahead = Statement(
    update(outbox)
    .where(outbox.c.state == _UNKNOWN, outbox.c.due_at > bindparam("later"), outbox.c.settled_at > bindparam("later"))
    .values(due_at=outbox.c.due_at - outbox.c.settled_at + bindparam("now"), settled_at=bindparam("now")),
    "now", "later",
)  # fmt: skip
"""Texts that wait for an instant reckoned from one that has not come yet."""
next_unknown = Statement(select(func.min(outbox.c.due_at)).where(outbox.c.state == _UNKNOWN))
earliest_ready = Statement(
    select(func.min(outbox.c.due_at)).where(outbox.c.state == _READY, outbox.c.connector == bindparam("connector")),
    "connector",
)
