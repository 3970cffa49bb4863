"""The statements about e-mails; each names the states it starts from."""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, bindparam, case, literal_column, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables_emails import emails

EMAIL_COLUMNS = (
    "id", "contact_id", "brand", "message_class", "recipient", "subject", "body", "state", "reason", "cause_id", "rule",
    "step", "created_at", "due_at", "attempts", "node", "settled_at", "purpose",
)  # fmt: skip
insert_emails = Insert(emails, EMAIL_COLUMNS)
_IS_OPEN: ColumnElement[bool] = literal_column("state IN ('ready', 'claimed')")
_CLAIMED: ColumnElement[str] = literal_column("'claimed'")
claimable = Statement(
    select(
        emails.c.id, emails.c.brand, emails.c.recipient, emails.c.subject, emails.c.body, emails.c.attempts,
        emails.c.created_at, emails.c.contact_id, emails.c.message_class, emails.c.purpose, emails.c.reason,
    )
    .where(_IS_OPEN, emails.c.due_at > bindparam("over"), emails.c.due_at <= bindparam("now"))
    .order_by(emails.c.due_at, emails.c.id)
    .limit(bindparam("most")),
    "over", "now", "most",
)  # fmt: skip
"""What is due, and what somebody claimed and never settled."""
claim = Statement(
    update(emails)
    .where(one_of(emails.c.id, "ids"), _IS_OPEN, emails.c.due_at <= bindparam("now"))
    .values(
        state=_CLAIMED, due_at=bindparam("until"), node=bindparam("node"),
        attempts=emails.c.attempts + literal_column("1"),
    )
    .returning(emails.c.id),
    "ids", "now", "until", "node",
)  # fmt: skip
settle = Statement(
    update(emails)
    .where(emails.c.id == bindparam("one"), emails.c.state == _CLAIMED, emails.c.node == bindparam("node"))
    .values(state=bindparam("state"), reason=bindparam("reason"), settled_at=bindparam("settled")),
    "one",
    "node",
    "state",
    "reason",
    "settled",
)
_STOPPED: ColumnElement[str] = literal_column("'opted_out'")
retry = Statement(
    update(emails)
    .where(emails.c.id == bindparam("one"), emails.c.state == _CLAIMED, emails.c.node == bindparam("node"))
    .values(
        state=literal_column("'ready'"), due_at=bindparam("due"),
        reason=case((emails.c.reason == _STOPPED, _STOPPED), else_=bindparam("refusal")),
    ),
    "one", "node", "due", "refusal",
)  # fmt: skip
"""To be tried again; what a STOP met stays marked."""
give_back = Statement(
    update(emails)
    .where(emails.c.id == bindparam("one"), emails.c.state == _CLAIMED, emails.c.node == bindparam("node"))
    .values(
        state=literal_column("'ready'"), due_at=bindparam("now"), attempts=emails.c.attempts - literal_column("1"),
    ),
    "one", "node", "now",
)  # fmt: skip
"""A claim that came to nothing, as if it had not been."""
end = Statement(
    update(emails)
    .where(one_of(emails.c.id, "ids"), _IS_OPEN)
    .values(state=bindparam("state"), reason=bindparam("reason"), settled_at=bindparam("at")),
    "ids", "state", "reason", "at",
)  # fmt: skip
_UNASKED = emails.c.message_class != literal_column("'conversational'")
_IS_READY = emails.c.state == literal_column("'ready'")
stop = Statement(
    update(emails)
    .where(emails.c.contact_id == bindparam("contact"), one_of(emails.c.brand, "brands"), _UNASKED, _IS_OPEN)
    .values(
        reason=_STOPPED, state=case((_IS_READY, literal_column("'cancelled'")), else_=emails.c.state),
        settled_at=case((_IS_READY, bindparam("at", type_=BigInteger)), else_=emails.c.settled_at),
    ),
    "contact", "brands", "at",
)  # fmt: skip
"""What nobody has asked for ends with a STOP; what is at the server now is known to be from before it, should it come
back."""
overdue = Statement(
    select(emails.c.id).where(_IS_OPEN, emails.c.due_at <= bindparam("before")).order_by(emails.c.due_at)
    .limit(bindparam("most")),
    "before", "most",
)  # fmt: skip
"""What nobody has taken for so long after it was due."""
