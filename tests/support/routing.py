"""A small router for tests: compiled rules, a clock set by hand, and phones that write to it.

Nothing here knows more than the router's own ways do: a test looks at the tables to see what came of it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from gateway.connectors.mapping import decode
from router.claims import Allowance, Claim
from router.group import Done, Group, commit
from router.housekeeping import Housekeeping
from router.instants import SECOND
from router.messages import Inbound, Part
from router.outbox import Outcome
from router.receipts import ReceiptIn
from router.store.engine import Store
from router.store.tables import metadata
from router.ways import Ways
from router.world import Ids, Virtual
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Grants, NumberGrant, Rulebook

NOW = 1_767_614_400 * SECOND
"""2026-01-05, 12:00 UTC."""

JAN, PIET, KEES, ROOS = "31612345678", "31622222222", "31633333333", "31644444444"

RULES = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

contact
    naam text

keyword JOIN
    tag klant
    reply "Welkom!"

keyword TWEE
    reply "Een."
    reply "Twee."

keyword LANG
    reply "{long}"

keyword NAAM <name word>
    set contact.naam = name
    record once naam = name
    reply "Dag {{name}}."

keyword STEM <keuze word>
    record keuze = keuze

keyword QUIZ
    ask "Ja of nee?" within 1 hour
        answer yes
            untag klant
            reply "Mooi."
        silence
            reply "Nog daar?"

keyword LATER
    wait 1 day at 10:00
    reply "Een dag later."

keyword STRAKS
    wait 10 minutes
    reply "Tien minuten later."

fallback
    reply "Dat begrijpen we niet."
""".format(long="woord " * 40)

SHARED = """\
brand "{name}"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword {word}
    wait 10 minutes
    reply "Namens {name}."
"""


@cache
def book_of(*sources: tuple[str, str]) -> Rulebook:
    """The rule set of (file, text) pairs, with every number that the brands name reached over "carrier"."""
    read = [Source(file, text) for file, text in sources]
    bare = compile_sources(read, None)
    assert bare.book is not None, bare.diagnostics
    grants = Grants(
        tuple(
            NumberGrant(number.number, "short-code", "NL", number.brands, "carrier")
            for number in bare.book.numbers.values()
        )
    )
    compiled = compile_sources(read, grants)
    assert compiled.book is not None, compiled.diagnostics
    return compiled.book


def shop() -> Rulebook:
    """One brand on 4411."""
    return book_of(("shop.rules", RULES))


def shared() -> Rulebook:
    """Two brands that share 4411."""
    return book_of(
        ("a.rules", SHARED.format(name="Aannemer", word="BOUW")),
        ("b.rules", SHARED.format(name="Bakker", word="BROOD")),
    )


class Phones:
    """Phones that write to a router on a store; `world.at` is its clock."""

    def __init__(
        self, store: Store, book: Rulebook | None = None, node: str = "ams-1", world: Virtual | None = None
    ) -> None:
        self.store = store
        self.world = world or Virtual(NOW)
        self.world.ids = Ids(int(node.rpartition("-")[2]))  # no two nodes hand out the same
        self.ways = Ways(self.world, node, book or shop(), decode, lambda sources: None)

    def later(self, microseconds: int) -> None:
        """Let time go by."""
        self.world.at += microseconds

    def text(self, sender: str, text: str, **more: Any) -> Inbound:
        """A text as a connector hands it in."""
        known: dict[str, Any] = {
            "id": self.world.ids.next(self.world.now()), "connector": "carrier", "session": 1, "sequence": 7,
            "sender": sender, "recipient": "4411", "text": text, "received_at": self.world.now(),
            "octets": text.encode("latin-1", "replace"), "charset": "latin1", "frame": b"PDU of " + text.encode(),
        }  # fmt: skip
        return Inbound(**(known | more))

    def part(self, sender: str, octets: bytes, index: int, total: int, reference: int = 9, **more: Any) -> Inbound:
        """One part of a long message."""
        part = Part(reference, total, index)
        return self.text(sender, octets.decode("latin-1"), octets=octets, part=part, **more)

    def receipt(
        self, message_id: str, state: str = "DELIVRD", *forms: str, connector: str = "carrier", **more: Any
    ) -> ReceiptIn:
        """A receipt as a connector reads it."""
        now = self.world.now()
        return ReceiptIn(
            id=self.world.ids.next(now), connector=connector, message_id=message_id,
            forms=forms or (message_id.lower(),), state=state, error="000", received_at=now,
            text=f"id:{message_id} stat:{state}", frame=b"PDU of receipt " + message_id.encode(), **more,
        )  # fmt: skip

    def commit(self, *, room: int | Mapping[str, int] = 100, **causes: Any) -> Done:
        """Commit one group; `room` is what the connectors may be handed."""
        allowance = Allowance({"carrier": room} if isinstance(room, int) else room)
        return commit(self.store, Group(**causes), self.ways, allowance)

    def write(self, sender: str, *texts: str, room: int = 100) -> list[Claim]:
        """A phone's texts come in, a group each; gives what goes to the wire."""
        return [claim for text in texts for claim in self.commit(room=room, inbound=[self.text(sender, text)]).claims]

    def housekeep(self) -> None:
        """A whole look for what nothing can refer to any more, from the beginning."""
        housekeeping = Housekeeping()
        housekeeping.begin()
        more = True
        while more:
            with self.store.begin() as tx:
                more = housekeeping.step(tx, self.world.now())

    def sent(self, claim: Claim, *message_ids: str) -> Outcome:
        """The centre takes a claimed text."""
        return Outcome(id=claim.id, connector=claim.connector, state="sent", message_ids=message_ids)

    def unknown(self, claim: Claim) -> Outcome:
        """The link is gone before the centre answers."""
        return Outcome(
            id=claim.id, connector=claim.connector, state="unknown", reason="link lost",
            message_class=claim.message_class, sends=claim.sends,
        )  # fmt: skip

    def refused(self, claim: Claim, retry_at: int) -> Outcome:
        """The centre refuses it for now."""
        return Outcome(
            id=claim.id, connector=claim.connector, state="ready", reason="throttled", retry_at=retry_at,
            message_class=claim.message_class, sends=claim.sends,
        )  # fmt: skip

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table, by its primary key."""
        table = metadata.tables[name]
        keys = ", ".join(column.name for column in table.primary_key)
        return self.query(f"SELECT * FROM {name} ORDER BY {keys}", [column.name for column in table.columns])

    def query(self, sql: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of a query, as dictionaries."""
        with self.store.begin() as tx:
            return [dict(zip(names, row, strict=True)) for row in tx.execute(sql)]

    def states(self) -> list[str]:
        """The states of the outbox, oldest first."""
        return [row["state"] for row in self.table("outbox")]


def everything(store: Store, less: Callable[[str, str], bool] = lambda table, column: False) -> dict[str, list[Any]]:
    """All rows of all tables, without the columns that `less` names: two runs that come to the same compare equal."""
    found: dict[str, list[Any]] = {}
    with store.begin() as tx:
        for table in metadata.sorted_tables:
            columns = [column.name for column in table.columns if not less(table.name, column.name)]
            if columns:
                rows = tx.execute(f"SELECT {', '.join(columns)} FROM {table.name}")
                found[table.name] = sorted((tuple(map(_plain, row)) for row in rows), key=repr)
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def with_id(message: Inbound, new_id: int) -> Inbound:
    """The same text under another id."""
    return msgspec.structs.replace(message, id=new_id)


def spoil(phones: Phones, sender: str) -> None:
    """What the store says of that phone cannot be read."""
    with phones.store.begin() as tx:
        tx.write(f"DELETE FROM profiles WHERE contact_id IN (SELECT id FROM contacts WHERE address = '{sender}')")
        tx.write(
            f"INSERT INTO profiles (contact_id, brand, tags, attributes)"
            f" SELECT id, 'Shop', 'no JSON', '{{}}' FROM contacts WHERE address = '{sender}'"
        )
