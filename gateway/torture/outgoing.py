"""Which message at the centre belongs to which row of the outbox: by addresses and text, and where a text went to the
same phone more than once by user_message_reference, if the gateway sends one."""

from __future__ import annotations

from collections import defaultdict

from gateway.torture.account import Account, Key, Message
from gateway.torture.entries import Books, OutboxRow

Place = tuple[str, str, str, int | None]
"""Of an outgoing text: destination, source, text, and its reference where that tells it from others."""


class Outgoing:
    """The outbox, by place."""

    def __init__(self, account: Account, books: Books) -> None:
        by_key: dict[Key, set[int | None]] = defaultdict(set)
        for row in books.outbox:
            by_key[_key(row)].add(row.reference)
        # The reference decides where every row and every message of a key has one. A message with one that no row has
        # belongs to none: what it was sent for was never written down.
        self._told = {key for key, references in by_key.items() if None not in references}
        self._told -= {message.key for message in account.arrivals if message.reference is None}
        self.rows: dict[Place, list[OutboxRow]] = defaultdict(list)
        for row in books.outbox:
            key = _key(row)
            self.rows[(*key, row.reference if key in self._told else None)].append(row)

    def place(self, message: Message) -> Place:
        """Where a message belongs."""
        return (*message.key, message.reference if message.key in self._told else None)

    def of(self, place: Place) -> list[OutboxRow]:
        """The rows of a place; none where nothing was written down."""
        return self.rows.get(place, [])


def _key(row: OutboxRow) -> Key:
    return row.address, row.number, row.text
