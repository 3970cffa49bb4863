"""What becomes of a code at a till: it counts once, as long as its offer lasts, for the brand that gave it out.

Looking is for whoever asks; taking is one statement that only one of two tills can win. It is done in the transaction
that also says "voucher_redeemed" to the rules of the contact who has the code.
"""

from __future__ import annotations

import msgspec

from router.store import statements_offers as sql
from router.store.engine import Row, Tx


class Redeemed(msgspec.Struct, frozen=True):
    """It counts: now, or before for the very same request."""

    voucher: str
    code: str
    address: str
    at: int


class Already(msgspec.Struct, frozen=True):
    """It has counted before."""

    voucher: str
    code: str
    at: int


class Expired(msgspec.Struct, frozen=True):
    """Its offer ended then."""

    voucher: str
    code: str
    until: int


class Unknown(msgspec.Struct, frozen=True):
    """No contact has that code, or none has it any more."""


class OfOtherBrand(msgspec.Struct, frozen=True):
    """Another brand gave it out. Whoever asks is told no more than for an unknown one."""

    brand: str


Answer = Redeemed | Already | Expired | Unknown | OfOtherBrand


class Redeemable(msgspec.Struct, frozen=True):
    """It could be redeemed now; `code` as it was given out, `address` the phone of the contact who has it."""

    voucher: str
    code: str
    address: str


class Till(msgspec.Struct, frozen=True):
    """Who redeems, and under which reference of its own: the same code with the same reference again is the same
    redemption, told twice because the first answer was lost. Without a reference nothing is the same."""

    by: str
    reference: str = ""

    @property
    def kept(self) -> str:
        """As it is written down."""
        return f"{self.by} {self.reference}" if self.reference else self.by


def spelled(code: str) -> list[str]:
    """How a code may have been meant that was typed like that: as it is, and in capitals as our own are."""
    plain = code.strip()
    return list(dict.fromkeys((plain, plain.upper())))


def look(tx: Tx, brand: str, code: str, till: Till, now: int) -> Redeemable | Answer:
    """What would become of a code now."""
    spellings = spelled(code)
    rows = [row for row in sql.code_at_till.rows(tx, spellings) if row[3] is not None]
    own = [row for row in rows if row[1] == brand]
    if not own:
        return OfOtherBrand(rows[0][1]) if rows else Unknown()
    return _judged(min(own, key=lambda row: spellings.index(row[0])), till, now)


def _judged(row: Row, till: Till, now: int) -> Redeemable | Answer:
    code, _, name, _, redeemed_at, redeemed_by, address, until = row
    if redeemed_at is not None:
        same = bool(till.reference) and redeemed_by == till.kept
        return Redeemed(name, code, address or "", redeemed_at) if same else Already(name, code, redeemed_at)
    if until is not None and now >= until:
        return Expired(name, code, until)
    return Redeemable(name, code, address) if address else Unknown()


def redeem(tx: Tx, brand: str, code: str, till: Till, now: int) -> Answer:
    """Redeem a code. Two tills at once: one of them."""
    found = look(tx, brand, code, till, now)
    if not isinstance(found, Redeemable):
        return found
    if sql.redeem_code.rows(tx, found.code, brand, now, till.kept):
        return Redeemed(found.voucher, found.code, found.address, now)
    again = look(tx, brand, code, till, now)
    if isinstance(again, Redeemable):  # its contact is just being erased
        return Unknown()
    return again
