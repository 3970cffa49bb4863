"""What the web has handed in is kept with what it leads to: clicks are counted and codes are redeemed in the
transaction that tells the rules, so that neither happens without the other.

The key of such an occurrence is its code, and one that was told before does not come here: so each counts once.
"""

from __future__ import annotations

from collections.abc import Sequence

from router import links, redemption
from router.messages import Occurrence
from router.redemption import Till
from router.store.engine import Tx

BY = "by"
"""The value of a redemption that says who redeems."""


def settle(tx: Tx, fresh: Sequence[Occurrence]) -> None:
    """Count the clicks and redeem the codes among occurrences that were not told before."""
    clicks = [(one.key, one.at) for one in fresh if one.source == "click"]
    if clicks:
        links.click(tx, clicks)
    for one in fresh:
        if one.source == "voucher":
            redemption.redeem(tx, one.brand, one.key, Till(str(one.values.get(BY, "")), one.ref), one.at)
