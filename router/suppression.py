"""Suppressions: what is left of an erased phone, so that no brand which it silenced or left writes to it again.

A suppression is HMAC-SHA-256 of the number under a key, with the brand and since when. It outlives the contact: one
that is made anew with the number is born opted out, and an import does not take it. (COMPLIANCE.md C7; GDPR 21(3).)

Numbers are few enough to try them all, so the digest hides a number only from who has not the key: keep it outside the
database (`[consent] key`). Without one a key is made at first use and kept beside the digests, which hides them from
nobody who has the whole database. A new key takes over digest by digest, as their phones come by; the old one is given
as well until then.

The keys under which a brand told of the phone ("order 31612345678") are hidden in the same way, so that what is told
again does not make anew what was forgotten (`hidden`, `find_hidden`).

While there are none, a look costs nothing: that there are none is remembered for REFRESH_AFTER. An erasure that runs
beside other nodes therefore writes its suppressions, waits for that long, and only then takes the contact away.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import sha256

import msgspec

from router.instants import SECOND
from router.ledger import new_salt
from router.store import statements_consent as sql
from router.store.engine import Tx

REFRESH_AFTER = 2 * SECOND
"""How long it is believed that the table is empty (microseconds)."""
_KEY_ID_DIGITS = 16
_HIDDEN = "erased:"
"""Before the digest of an event's key, in its place: no source of events is called that."""


class Key(msgspec.Struct, frozen=True):
    """A secret and the name that it goes by in the table."""

    secret: bytes

    @property
    def id(self) -> str:
        """Tells keys apart and nothing about the secret."""
        return sha256(b"kwek suppression key\0" + self.secret).hexdigest()[:_KEY_ID_DIGITS]

    def digest(self, address: str) -> str:
        """What stands for the number."""
        return hmac.digest(self.secret, address.encode(), "sha256").hex()

    def hide(self, brand: str, key: str) -> str:
        """What stands for the key of a brand's event. No number's digest is one of these."""
        return (
            _HIDDEN + hmac.digest(self.secret, f"event\0{brand}\0{key}".encode(errors="surrogatepass"), "sha256").hex()
        )


class _Suppression(msgspec.Struct, frozen=True):
    """One brand's: since when it may not write, and when it last forgot the number (0: before that was kept)."""

    since: int
    erased_at: int


class Suppressions:
    """The suppressions of a store, under the keys of the settings: the first is for new ones, the others still hold."""

    def __init__(self, secrets: Sequence[bytes] = ()) -> None:
        self._given = tuple(map(Key, secrets))
        self._looked_at: int | None = None
        self._is_empty = True

    def of_new(self, tx: Tx, contacts: Mapping[int, str], now: int) -> dict[int, dict[str, int]]:
        """For contacts that were just made (id to number): the brands that may not write to them, and since when."""
        if not contacts or self._surely_empty(tx, now):
            return {}
        found = self._found(tx, contacts.values())
        for address in found:
            self._take_over(tx, address, found[address])
        return {
            new_id: {brand: one.since for brand, one in found[address].items()}
            for new_id, address in contacts.items()
            if address in found
        }

    def of(self, tx: Tx, addresses: Iterable[str]) -> dict[str, dict[str, int]]:
        """For some numbers, those of them that are suppressed: the brands, and since when. Only reads."""
        return {
            address: {brand: one.since for brand, one in brands.items()}
            for address, brands in self._found(tx, addresses).items()
        }

    def erased(self, tx: Tx, addresses: Iterable[str], now: int) -> dict[str, dict[str, int]]:
        """For some numbers, those of them that were erased: the brands, and when the last time."""
        if self._surely_empty(tx, now):
            return {}
        return {
            address: {brand: one.erased_at for brand, one in brands.items()}
            for address, brands in self._found(tx, addresses).items()
        }

    def _found(self, tx: Tx, addresses: Iterable[str]) -> dict[str, dict[str, _Suppression]]:
        every = list(addresses)
        by_digest = {key.digest(address): address for key in self._keys(tx) for address in every}
        found: dict[str, dict[str, _Suppression]] = {}
        for digest, brand, since, erased_at in sql.suppressed.rows(tx, list(by_digest)) if by_digest else ():
            brands = found.setdefault(by_digest[digest], {})
            known = brands.get(brand, _Suppression(since, erased_at))
            brands[brand] = _Suppression(min(since, known.since), max(erased_at, known.erased_at))
        return found

    def suppress(
        self, tx: Tx, address: str, brands: Mapping[str, int], now: int, chance: Callable[[], float]
    ) -> None:  # fmt: skip
        """The number is erased: from now on these brands may not write to it; each with since when. An earlier one
        stays."""
        if not self._keys(tx):
            made = Key(new_salt(chance) + new_salt(chance))
            sql.insert_key.run(tx, [(made.id, made.secret.hex(), now)])
        known = self._found(tx, [address]).get(address, {})
        again = {
            brand: _Suppression(one.since, now if brand in brands else one.erased_at) for brand, one in known.items()
        }
        fresh = {brand: _Suppression(since, now) for brand, since in brands.items()}
        self._take_over(tx, address, fresh | again)
        self._is_empty = False

    def lift(self, tx: Tx, address: str, brands: Collection[str], now: int) -> None:
        """The person has asked these brands to write again."""
        if not self._surely_empty(tx, now):
            sql.lift_suppressions.run(tx, [key.digest(address) for key in self._keys(tx)], list(brands))

    def hidden(self, tx: Tx, keys: Iterable[tuple[str, str]]) -> list[str]:
        """What is kept in place of these keys of events (brand and key) of an erased phone."""
        newest = self._keys(tx)[0]
        return [newest.hide(brand, key) for brand, key in keys]

    def find_hidden(self, tx: Tx, keys: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
        """What these keys of events would be hidden as, each with its key; nothing where nobody was ever erased."""
        every = self._keys(tx)
        return {secret.hide(*key): key for key in keys for secret in every}

    def unreadable(self, tx: Tx) -> int:
        """How many suppressions are under keys that are not given: they hold nobody back."""
        known = {key.id for key in self._keys(tx)}
        return sum(count for key_id, count in sql.suppressions_by_key.rows(tx) if key_id not in known)

    def _take_over(self, tx: Tx, address: str, brands: Mapping[str, _Suppression]) -> None:
        """Keep them under the newest key, and under no other."""
        newest, *older = self._keys(tx)
        digest = newest.digest(address)
        rows = [(digest, brand, one.since, newest.id, one.erased_at) for brand, one in brands.items()]
        if rows:
            sql.insert_suppressions.run(tx, rows)
        if older:
            sql.lift_suppressions.run(tx, [key.digest(address) for key in older], list(brands))

    def _surely_empty(self, tx: Tx, now: int) -> bool:
        if self._is_empty and (self._looked_at is None or not 0 <= now - self._looked_at < REFRESH_AFTER):
            self._is_empty = not sql.any_suppression.rows(tx)
            self._looked_at = now
        return self._is_empty

    def _keys(self, tx: Tx) -> tuple[Key, ...]:
        """The given keys, then those that were made here: what these hid stays found when a key is given later."""
        made = [Key(bytes.fromhex(row[0])) for row in sql.made_keys.rows(tx)]
        return (*self._given, *(key for key in made if key not in self._given))
