"""The statements of STOP: what it sweeps away, what other nodes may still be writing, and what may go on being sent.

A text's brand is compared as `coalesce(brand, '')`: the operator's own texts have none (router.plan.OPERATOR).
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, exists, func, literal_column, select, update

from router.store.sql import Statement, one_of
from router.store.tables import outbox, profiles

_BRAND = func.coalesce(outbox.c.brand, literal_column("''"))
_UNSETTLED: ColumnElement[bool] = literal_column("state IN ('ready', 'claimed')")
"""So written that the partial index is recognised."""
_IS_CLAIMED = outbox.c.state == literal_column("'claimed'")
_NO_CONFIRMATION = outbox.c.message_class != literal_column("'stop_confirmation'")

cancel_ready = Statement(
    update(outbox)
    .where(
        outbox.c.contact_id == bindparam("contact"), one_of(_BRAND, "brands"),
        outbox.c.state == literal_column("'ready'"), _UNSETTLED, outbox.c.message_class != bindparam("spared"),
    )
    .values(state=literal_column("'cancelled'"), reason=bindparam("reason"), settled_at=bindparam("at")),
    "contact", "brands", "spared", "reason", "at",
)  # fmt: skip
claimed_of = Statement(
    select(outbox.c.id, outbox.c.node).where(
        outbox.c.contact_id == bindparam("contact"), one_of(_BRAND, "brands"), _IS_CLAIMED, _UNSETTLED,
        _NO_CONFIRMATION,
    ),
    "contact", "brands",
)  # fmt: skip
"""Texts that were handed to a connector, or are about to be, and that a STOP for these brands means."""
claimed_despite = Statement(
    select(outbox.c.contact_id, outbox.c.id, outbox.c.node).where(
        one_of(outbox.c.contact_id, "contacts"), _IS_CLAIMED, _UNSETTLED, _NO_CONFIRMATION,
        exists(
            select(literal_column("1"))
            .where(
                profiles.c.contact_id == outbox.c.contact_id, profiles.c.brand == _BRAND,
                profiles.c.opted_out_at.is_not(None),
            )
            .correlate(outbox)
        ),
    ),
    "contacts",
)  # fmt: skip
"""The same for contacts whose STOP was taken before, and is being delivered again."""
_brands = select(outbox.c.brand).where(
    outbox.c.contact_id == bindparam("contact"), outbox.c.number == bindparam("number"), outbox.c.brand.is_not(None)
)
brands_unsettled = Statement(_brands.where(_UNSETTLED).distinct(), "contact", "number")
brands_unknown = Statement(_brands.where(literal_column("state = 'unknown'")).distinct(), "contact", "number")
"""Whose texts to a contact are under way from one of our numbers; two, for there are two indexes."""
still_claimed = Statement(select(outbox.c.id).where(one_of(outbox.c.id, "ids"), _IS_CLAIMED), "ids")
claims_to_renew = Statement(
    select(
        outbox.c.id,
        outbox.c.contact_id,
        outbox.c.number,
        outbox.c.brand,
        outbox.c.message_class,
        outbox.c.created_at,
        outbox.c.purpose,
    ).where(one_of(outbox.c.id, "ids"), _IS_CLAIMED),
    "ids",
)
