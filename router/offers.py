"""Vouchers on disk: what is declared, the pools of codes, who has which code, and what became of it at a till.

A contact has one code of a voucher, and the same one for ever: it is taken under the contact's lock, in the transaction
of the text that first tells it. Nobody waits for anybody: on PostgreSQL a code that another transaction is just taking
is passed over. When so few are left that all of them are in other hands at that moment, the pool counts as empty for
this text, even should one of the others be rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby

import msgspec

from router.store import statements_offers as sql
from router.store.engine import Row, Tx
from rules.vouchers import Voucher, draw

Chance = Callable[[], float]

DRAWS = 5
"""How often codes that exist already are drawn anew. A pattern so full that five draws fail is taken for empty."""
SLICE = 1_000
"""Codes of a pool that are written in one transaction, in which no text is kept."""


class Want(msgspec.Struct, frozen=True, gc=False):
    """A contact is to be told its code of a brand's voucher."""

    contact_id: int
    brand: str
    voucher: Voucher

    @property
    def key(self) -> tuple[int, str, str]:
        """Under which its answer stands."""
        return self.contact_id, self.brand, self.voucher.name


class Pool(msgspec.Struct, frozen=True):
    """How a pool stands: `left` of `total` codes, and whether somebody was warned that they run out."""

    brand: str
    name: str
    left: int
    total: int
    is_warned: bool = False

    def is_low(self, percent: int) -> bool:
        """Whether so many percent of it or less are left."""
        return self.left * 100 <= self.total * percent


class Loaded(msgspec.Struct, frozen=True):
    """What one slice of a pool came to: new codes, those that were there, and those of another voucher of the brand."""

    new: int
    kept: int
    elsewhere: tuple[str, ...]


# -------------------------------------------------------------------------------------------------- what is declared


def declare(tx: Tx, declared: Iterable[tuple[str, Voucher]]) -> None:
    """Write down what a rule set in force says of its vouchers, by brand. Codes of files are loaded beside it."""
    sql.declare_offers.run(tx, [(brand, voucher.name, voucher.until, "", 0, 0) for brand, voucher in declared])


def to_load(tx: Tx, brand: str, name: str, file_hash: str, new_load: int) -> int:
    """Under which number a file of codes is to be loaded; 0: it is in force already. One that was cut off in its midst
    was not in force, and is loaded anew."""
    for row in sql.offers_of.rows(tx):
        if (row[0], row[1]) == (brand, name) and row[3] == file_hash:
            return 0
    return new_load


def load(tx: Tx, brand: str, name: str, codes: Sequence[str], number: int) -> Loaded:
    """Put one slice of a pool into the store. Codes that are there already stay as they are, whoever has them."""
    known = {row[0]: (row[1], row[2]) for row in sql.codes_known.rows(tx, list(codes), brand)}
    new = [code for code in codes if code not in known]
    sql.insert_codes.run(tx, [(code, brand, name, number) for code in new])
    own = [code for code in codes if code in known and known[code][0] == name]
    if own:
        sql.keep_codes.run(tx, own, brand, name, number)
    return Loaded(len(new), len(own), tuple(code for code in codes if code in known and known[code][0] != name))


def withdraw(tx: Tx, brand: str, name: str, number: int) -> bool:
    """Take one slice of the free codes out that are not of this load; whether there may be more. What contacts have
    stays theirs."""
    codes = [row[0] for row in sql.withdrawn_codes.rows(tx, brand, name, number, SLICE)]
    if codes:
        sql.delete_free_codes.run(tx, codes, brand)
    return len(codes) == SLICE


def in_force(tx: Tx, brand: str, voucher: Voucher, file_hash: str, number: int, total: int) -> None:
    """A whole file is loaded."""
    sql.load_offers.run(tx, [(brand, voucher.name, voucher.until, file_hash, number, total)])


def standing(tx: Tx) -> list[Pool]:
    """How the pools stand. Reads their free codes through (a second for a million): never for a text, and on a
    connection that only reads."""
    found = []
    for brand, name, _, _, _, total, warned_at in sql.offers_of.rows(tx):
        if total:
            ((left,),) = sql.free_codes_left.rows(tx, brand, name)
            found.append(Pool(brand, name, left, total, warned_at is not None))
    return found


def warn(tx: Tx, pool: Pool, now: int) -> bool:
    """Write down that a pool runs low; False: another node has, a moment ago."""
    return bool(sql.warn_of_offer.rows(tx, pool.brand, pool.name, now))


def calm(tx: Tx, pool: Pool) -> None:
    """A pool was filled up: it may be warned of again."""
    sql.calm_offer.run(tx, pool.brand, pool.name)


# --------------------------------------------------------------------------------------------------- a contact's code


def codes(tx: Tx, wanted: Sequence[Want], now: int, chance: Chance) -> Mapping[tuple[int, str, str], str | None]:
    """The code of each contact, taken now where it has none; None: there is none left. The contacts are locked."""
    has = codes_of(tx, {want.contact_id for want in wanted})
    found: dict[tuple[int, str, str], str | None] = {want.key: has.get(want.key) for want in wanted}
    missing = {want.key: want for want in wanted if found[want.key] is None}
    drawn = [want for want in missing.values() if want.voucher.pattern]
    if drawn:
        found |= _drawn(tx, drawn, now, chance)
    pooled = sorted((want for want in missing.values() if not want.voucher.pattern), key=_pool)
    for (brand, name), group in groupby(pooled, _pool):
        found |= _taken(tx, brand, name, [want.contact_id for want in group], now)
    return found


def codes_of(tx: Tx, contact_ids: Collection[int]) -> dict[tuple[int, str, str], str]:
    """All codes that these contacts have, by contact, brand and voucher."""
    rows = sql.codes_of_contacts.rows(tx, list(contact_ids)) if contact_ids else []
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def forget(tx: Tx, contact_id: int) -> None:
    """A contact is erased: its codes stay given out, and nobody's."""
    sql.forget_codes.run(tx, contact_id)


def _pool(want: Want) -> tuple[str, str]:
    return want.brand, want.voucher.name


def _drawn(tx: Tx, wants: Sequence[Want], now: int, chance: Chance) -> dict[tuple[int, str, str], str | None]:
    """Codes of patterns. One that is there already is not written, and its contact draws again."""
    found: dict[tuple[int, str, str], str | None] = {}
    left = list(wants)
    for _ in range(DRAWS):
        rows: dict[tuple[str, str], tuple[Want, Row]] = {}
        for want in left:
            code = draw(want.voucher.pattern, chance)
            row = (code, want.brand, want.voucher.name, 0, want.contact_id, now)
            rows.setdefault((code, want.brand), (want, row))
        # PostgreSQL waits for another transaction that just inserts the same code; ordered, no two wait in a ring.
        ordered = [rows[key] for key in sorted(rows)]
        sql.draw_codes.run(tx, [row for _, row in ordered])
        has = codes_of(tx, {want.contact_id for want in left})
        found |= {want.key: has[want.key] for want in left if want.key in has}
        left = [want for want in left if want.key not in has]
        if not left:
            break
    return found


def _taken(
    tx: Tx, brand: str, name: str, contact_ids: Sequence[int], now: int
) -> dict[tuple[int, str, str], str | None]:
    """Codes of a pool, as far as it reaches, to the contacts in their order."""
    free = sql.free_codes.rows(tx, brand, name, len(contact_ids))
    rows = [
        (code, brand, name, number, contact_id, now)
        for (code, number), contact_id in zip(free, contact_ids, strict=False)
    ]
    sql.take_codes.run(tx, rows)
    return {(row[4], brand, name): row[0] for row in rows}
