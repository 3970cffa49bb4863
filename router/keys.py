"""Keys of the API on disk: one brand each. What is kept of a secret is its hash; a key is revoked, never deleted, so
that what was done with it can still be told."""

from __future__ import annotations

import msgspec

from router.store import statements_offers as sql
from router.store.engine import Tx
from router.world import World


class Key(msgspec.Struct, frozen=True):
    """A key as the API looks at it."""

    id: int
    brand: str
    hash: bytes
    label: str
    is_revoked: bool


class Listed(msgspec.Struct, frozen=True):
    """A key as an operator sees it; instants in microseconds since 1970 UTC."""

    id: int
    brand: str
    label: str
    created_at: int
    revoked_at: int | None


def add(tx: Tx, brand: str, hash: bytes, label: str, world: World) -> int:
    """Keep a new key; gives its id."""
    now = world.now()
    id = world.ids.next(now)
    write(tx, id, brand, hash, label, now)
    return id


def write(tx: Tx, id: int, brand: str, hash: bytes, label: str, now: int) -> None:
    """Keep a new key under that id."""
    sql.insert_key.run(tx, [(id, brand, hash, label, now)])


def find(tx: Tx, id: int) -> Key | None:
    """A key by its id."""
    for brand, hash, label, revoked_at in sql.key_by_id.rows(tx, id):
        return Key(id, brand, bytes(hash), label, revoked_at is not None)
    return None


def with_hash(tx: Tx, hash: bytes) -> int | None:
    """The id of the key that is kept by that hash; None where there is none."""
    return next((row[0] for row in sql.key_by_hash.rows(tx, hash)), None)


def every(tx: Tx) -> list[Listed]:
    """All keys, the oldest first."""
    return [Listed(*row) for row in sql.every_key.rows(tx)]


def revoke(tx: Tx, id: int, now: int) -> bool:
    """End a key; False: there is none, or it was revoked before."""
    return bool(sql.revoke_key.rows(tx, id, now))
