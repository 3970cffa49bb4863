"""The tables, declared once for SQLite and PostgreSQL.

Rules kept here:
- Instants are microseconds since 1970 UTC, ids time-ordered 63-bit integers handed out by `World`.
- A contact's number stands in `contacts` alone; everything else points to its id.
- No index that the main way does not read. What is settled leaves every partial index again, so the cost of a message
  does not grow with the rows behind it.
- JSON only where a row is seldom written: suspended runs, profiles, records, deployments.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

REVISION = "0014"
"""The last migration. Tables of other subjects are declared in tables_*.py, with this `metadata`."""

metadata = MetaData()


Id = BigInteger().with_variant(Integer, "sqlite")
"""On SQLite an INTEGER primary key is the row's own key; a BIGINT one would cost a second tree."""


def _id(name: str = "id") -> Column[int]:
    return Column(name, Id, primary_key=True, autoincrement=False)


contacts = Table(
    "contacts",
    metadata,
    _id(),
    Column("address", Text, nullable=False, unique=True),
    Column("language", Text),
    Column("zone", Text),
    Column("created_at", BigInteger, nullable=False),
)
"""A phone, once. Every transaction locks these first, ascending by id."""

threads = Table(
    "threads",
    metadata,
    Column("contact_id", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("last_brand", Text),
    Column("last_in_at", BigInteger),
    Column("last_out_at", BigInteger),
    Column("replies", Integer, nullable=False),
    Column("replies_since", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("contact_id", "number"),
    sqlite_with_rowid=False,
)
"""A contact on one of our numbers: who wrote last, when, the loop guard's count, and the last text that came in (its
id): the one whose acknowledgement may still be in doubt when another node gets an equal one."""

profiles = Table(
    "profiles",
    metadata,
    Column("contact_id", BigInteger, nullable=False),
    Column("brand", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("opted_out_at", BigInteger),
    Column("consents", Text, nullable=False, server_default=text("'{}'")),
    Column("promoted", Text, nullable=False, server_default=text("'[]'")),
    Column("number", Text, nullable=False, server_default=text("''")),
    Column("active_at", BigInteger, nullable=False, server_default=text("0")),
    Column("hold_until", BigInteger),
    PrimaryKeyConstraint("contact_id", "brand"),
    sqlite_with_rowid=False,
)
"""What one brand knows of a contact and may send it, whether the contact has silenced it, and until when a doubt of
that is open."""

inbound = Table(
    "inbound",
    metadata,
    _id(),
    Column("contact_id", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("session", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("brand", Text),
    Column("rule", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("fault", Text, nullable=False),
    Column("fingerprint", BigInteger),
    Column("duplicate_of", BigInteger),
    Index("inbound_duplicates", "duplicate_of", sqlite_where=text("duplicate_of IS NOT NULL"),
          postgresql_where=text("duplicate_of IS NOT NULL")),
)  # fmt: skip
"""A text that came in, and which rule of which deployment took it. Session, sequence and fingerprint are evidence: what
an equal PDU of another session is told apart by. A suspected duplicate says of which text, and has had no effect."""

nodes = Table(
    "nodes",
    metadata,
    _id("number"),
    Column("name", Text, nullable=False, unique=True),
    Column("started_at", BigInteger, nullable=False),
)
"""Who shares this store, with the number that each node's ids carry."""

sessions = Table(
    "sessions",
    metadata,
    _id("session"),
    Column("connector", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("confirmed_id", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("sessions_open", "node", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
)
"""A bind, and how far its peer has provably read our acknowledgements: every text of it up to `confirmed_id`."""

doubts = Table(
    "doubts",
    metadata,
    _id("inbound_id"),
    Column("fingerprint", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("doubts_of", "fingerprint"),
)
"""Texts that were kept and whose acknowledgement the peer may not have read: each excuses one equal text."""

strong_ids = Table(
    "strong_ids",
    metadata,
    Column("scope", Text, nullable=False),
    Column("strong_id", Text, nullable=False),
    Column("inbound_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("scope", "strong_id"),
    sqlite_with_rowid=False,
)
"""Identities that a peer gives its messages itself (a vendor TLV): where there is one, it decides."""

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("contact_id", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("brand", Text),
    Column("message_class", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause_id", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("arm", Text, nullable=False, server_default=text("''")),
    Column("purpose", Text, nullable=False, server_default=text("''")),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("retries", Integer, nullable=False, server_default=text("0")),
    Column("accepted", Text, nullable=False, server_default=text("''")),
    Column("node", Text, nullable=False),
    Column("settled_at", BigInteger),
    Column("receipts_left", Integer, nullable=False),
    Column("receipts_bad", Integer, nullable=False),
    Index("outbox_unsettled", "contact_id", "number", sqlite_where=text("state IN ('ready', 'claimed')"),
          postgresql_where=text("state IN ('ready', 'claimed')")),
    Index("outbox_ready", "connector", "due_at", "id", sqlite_where=text("state = 'ready'"),
          postgresql_where=text("state = 'ready'")),
    Index("outbox_unknown", "due_at", sqlite_where=text("state = 'unknown'"),
          postgresql_where=text("state = 'unknown'")),
    Index("outbox_unknown_of", "contact_id", sqlite_where=text("state = 'unknown'"),
          postgresql_where=text("state = 'unknown'")),
    Index("outbox_codes", "id", sqlite_where=text("message_class = 'otp' AND text <> ''"),
          postgresql_where=text("message_class = 'otp' AND text <> ''")),
)  # fmt: skip
"""A text that goes out, or was withheld; `state` moves as router.states says. `attempts` counts claims, `sends` those
after which it may have reached the phone, `retries` refusals for a passing fault (not pauses). `accepted` says which of
its segments the centre has taken while others were refused or cut off ("0,2/3": the first and third of three)."""

awaiting_receipt = Table(
    "awaiting_receipt",
    metadata,
    Column("connector", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("outbox_id", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("done", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("connector", "message_id", "outbox_id"),
    sqlite_with_rowid=False,
)
"""Message ids that a centre gave us and whose receipt is still to come; small, for it is emptied as they do. `done`: 0,
or for an id that only a receipt told us 2 before its final receipt and 1 after it: it is kept, so that the same receipt
again is not counted again."""

receipts = Table(
    "receipts",
    metadata,
    _id(),
    Column("connector", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("outbox_id", BigInteger),
    Column("state", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)
"""Every receipt as it came; `outbox_id` is null while nobody knows what it is about."""

stray_receipts = Table(
    "stray_receipts",
    metadata,
    Column("connector", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("receipt_id", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("phones", Text, nullable=False),
    PrimaryKeyConstraint("connector", "form", "receipt_id"),
    Index("stray_receipts_age", "received_at"),
    Index("stray_receipts_of", "receipt_id"),
    sqlite_with_rowid=False,
)
"""Receipts without a message yet, under every form their id may take (`rank` 0 is the likeliest), and under the
reference and phone that they name; a late submit_sm_resp looks here. `phones`: the addresses that the receipt names."""

parts = Table(
    "parts",
    metadata,
    _id(),
    Column("connector", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("reference", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    Column("octets", LargeBinary, nullable=False),
    Column("charset", Text, nullable=False),
    Column("session", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("joined_at", BigInteger),
    Column("fingerprint", BigInteger),
    Column("set_id", BigInteger),
    Index("parts_of_one", "sender", "recipient", "reference"),
    Index("parts_age", "received_at", sqlite_where=text("joined_at IS NULL AND set_id IS NOT NULL"),
          postgresql_where=text("joined_at IS NULL AND set_id IS NOT NULL")),
)  # fmt: skip
"""Parts of long messages; joined ones stay for their life time, so that a repeated part is known. `set_id` is the first
part of the message that they belong to; null: a repeat of a part that is known."""

runs = Table(
    "runs",
    metadata,
    _id(),
    Column("contact_id", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("frames", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("variables", Text, nullable=False),
    Column("due_at", BigInteger),
    Column("misses", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("cause_id", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Index("runs_of_contact", "contact_id"),
    Index("runs_due", "due_at"),
)
"""Suspended chains: questions, waits. A run that ends leaves the table. `tries`: how often it could not be resumed."""

records = Table(
    "records",
    metadata,
    _id(),
    Column("contact_id", BigInteger, nullable=False),
    Column("brand", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("once", Boolean, nullable=False),
    Column("rule", Text, nullable=False),
    Column("cause_id", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("records_once", "contact_id", "brand", "name", unique=True, sqlite_where=text("once"),
          postgresql_where=text("once")),
)  # fmt: skip
"""Values written down for counting: NPS scores, votes. With `once`, the contact's first is the only one."""

quarantine = Table(
    "quarantine",
    metadata,
    _id(),
    Column("connector", Text, nullable=False),
    Column("session", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("frame", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
)
"""Messages that could not be understood or acted upon, with their raw octets: acknowledged, kept, shown. Without octets
it is a note of something else that could not be performed: of an event, a run or a timer `sequence` is then the contact
(0: nobody)."""

deployments = Table(
    "deployments",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("sources", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)
"""Rule sets that were in force, with their sources; the one with the latest `last_at` is the last good one."""

batches = Table(
    "batches",
    metadata,
    _id("marker"),
    Column("at", BigInteger, nullable=False),
)
"""One marker per transaction of the writer: inserting it again tells whether a COMMIT of unknown outcome held."""
