"""Short links on disk: made with the text that holds them, followed by whoever has the code.

A code is drawn before the text is rendered, and its row is written in the text's transaction. A click counts once for a
contact and link; how often a link was followed since is counted too, and means nothing to rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from router.store import statements_offers as sql
from router.store.engine import Tx
from rules import links as codes
from rules.links import Kind, Link

DRAWS = 5
"""How often codes that exist are drawn anew: of 7 × 10^13 so many never do five times in a row."""


class Made(msgspec.Struct, frozen=True):
    """A link in one text to one contact. `cause_id`, `rule` and `step` say which text of which run."""

    code: str
    contact_id: int
    brand: str
    cause_id: int
    rule: str
    step: str
    name: str
    target: str
    kind: Kind
    created_at: int


class Followed(msgspec.Struct, frozen=True):
    """A link as whoever follows it finds it, with the phone and the language of its contact."""

    code: str
    contact_id: int
    brand: str
    cause_id: int
    rule: str
    step: str
    name: str
    target: str
    kind: Kind
    clicked_at: int | None
    address: str
    language: str | None


def fresh(tx: Tx, count: int, chance: Callable[[], float]) -> list[str]:
    """So many codes that no link has. Should another node write one of them first, the insert fails by its key, which
    is no StoreConflict: the group is taken apart and its pieces draw anew, and a cause that was alone is set aside."""
    found: dict[str, None] = {}
    for _ in range(DRAWS):
        drawn = list(dict.fromkeys(codes.draw(chance) for _ in range(count - len(found))))
        known = {row[0] for row in sql.link_codes_known.rows(tx, drawn)} if drawn else set()
        found |= dict.fromkeys(code for code in drawn if code not in known)
        if len(found) == count:
            return list(found)
    raise RuntimeError(f"{DRAWS} draws gave no {count} new codes for links: the chance that was handed in is none")


def make(code: str, link: Link, contact_id: int, brand: str, cause: tuple[int, str, str], now: int) -> Made:
    """The row of a link in a text. `cause`: the run's cause, its rule and the step that says the text."""
    return Made(code, contact_id, brand, *cause, link.name, link.target, link.kind, now)


def write(tx: Tx, made: Iterable[Made]) -> None:
    """Write links down, in the transaction of the texts that hold them."""
    sql.insert_links.run(tx, [msgspec.structs.astuple(one) for one in made])


def find(tx: Tx, code: str) -> Followed | None:
    """The link of a code; None when there is none, or its contact was erased."""
    rows = sql.link_by_code.rows(tx, code) if codes.is_code(code) else []
    return Followed(*rows[0]) if rows else None


def click(tx: Tx, clicks: Sequence[tuple[str, int]]) -> set[str]:
    """Count clicks, each a code and when; gives the codes that were followed for the first time. Of several nodes that
    count one at once, one is told that it was the first."""
    first = set()
    for code, at in sorted(clicks):  # two nodes take their rows in one order, and wait in no ring
        if sql.follow_first.rows(tx, code, at):
            first.add(code)
        else:
            sql.revisit_link.run(tx, code, 1)
    return first


def revisit(tx: Tx, again: Mapping[str, int]) -> None:
    """Add how often links were followed again, by code."""
    for code, count in sorted(again.items()):
        sql.revisit_link.run(tx, code, count)


def clicked(tx: Tx, contact_ids: Collection[int]) -> Mapping[int, Mapping[int, Mapping[str, int]]]:
    """What these contacts have clicked: when, by contact, cause and the link's name."""
    found: dict[int, dict[int, dict[str, int]]] = {}
    for contact_id, cause_id, name, at in sql.clicks_of.rows(tx, list(contact_ids)):
        names = found.setdefault(contact_id, {}).setdefault(cause_id, {})
        names[name] = min(at, names.get(name, at))
    return found


def forget(tx: Tx, contact_id: int) -> None:
    """A contact is erased: its links lead nowhere any more."""
    sql.forget_links.run(tx, contact_id)
