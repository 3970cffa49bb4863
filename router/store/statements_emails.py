"""The statements about e-mails; each names the states it starts from."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, bindparam, literal_column, or_, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import profiles
from router.store.tables_emails import emails

EMAIL_COLUMNS = (
    "id", "contact_id", "brand", "message_class", "recipient", "subject", "body", "state", "reason", "cause_id", "rule",
    "step", "created_at", "due_at", "attempts", "node", "settled_at",
)  # fmt: skip
insert_emails = Insert(emails, EMAIL_COLUMNS)
_WAITS: ColumnElement[bool] = literal_column("emails.state IN ('ready', 'claimed')")
_IS_OPEN: ColumnElement[bool] = literal_column("state IN ('ready', 'claimed')")
_CLAIMED: ColumnElement[str] = literal_column("'claimed'")
claimable = Statement(
    select(
        emails.c.id, emails.c.brand, emails.c.recipient, emails.c.subject, emails.c.body, emails.c.attempts,
        emails.c.created_at,
        and_(
            emails.c.message_class != literal_column("'conversational'"),
            or_(profiles.c.opted_out_at.is_not(None), profiles.c.contact_id.is_(None)),
        ),
    )
    .join_from(
        emails, profiles, and_(profiles.c.contact_id == emails.c.contact_id, profiles.c.brand == emails.c.brand),
        isouter=True,
    )
    .where(_WAITS, emails.c.due_at <= bindparam("now"))
    .order_by(emails.c.due_at, emails.c.id)
    .limit(bindparam("most")),
    "now", "most",
)  # fmt: skip
"""What is due, and what somebody claimed and never settled; with whether its contact has opted out since."""
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
    .values(
        state=bindparam("state"), reason=bindparam("reason"), due_at=bindparam("due"), settled_at=bindparam("settled"),
    ),
    "one", "node", "state", "reason", "due", "settled",
)  # fmt: skip
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
