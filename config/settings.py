"""Everything an operator may set, one declaration each: default, unit, meaning. The page about it is printed from here.

One class is one table of kwek.toml; that of a connector is in `config.connectors`. Commands read `Settings` and hand
them to the gateway's composition root; the others get the values they need. Durations end in `_s` and count seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, NewType

from config.connectors import Connector
from config.declare import DAY_S, NAMED, Bounds, required, setting
from config.values import Address, Host, Money, Secret, Store

Digits = NewType("Digits", str)
"""A phone number or short code: digits without a plus."""
Web = NewType("Web", str)
"""The address of a web server, without a slash at its end."""
Mailbox = NewType("Mailbox", str)
"""An e-mail address alone, in ASCII; may be empty."""
Network = NewType("Network", str)
"""A network or one IP address, as `ipaddress` prints it."""
PasswordHash = NewType("PasswordHash", str)
"""An argon2id hash; safe to stand in the file."""
Prefix = NewType("Prefix", str)
"""The first digits of phone numbers, without a plus; may be empty."""
Zone = NewType("Zone", str)
"""A time zone's name in IANA's list."""
Country = NewType("Country", str)
"""Two capital letters of ISO 3166."""
RedisUrl = NewType("RedisUrl", str)
"""Empty, or the URL of a server that speaks Redis; may hold a password when it came from a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """This process: its name, where its truth is kept, its rules, and where it listens."""

    node: str = setting(
        "kwek", "Name of this node; nodes that share a store each have their own.", bounds=NAMED, shown="ams-1"
    )
    store: Store = setting(
        Store("sqlite", "sqlite:///kwek.db", "sqlite:///kwek.db"),
        "The database: a SQLite file (relative to this file), or PostgreSQL. "
        "A URL with a password is named as env:NAME or file:PATH.",
    )
    redis: RedisUrl = setting(
        RedisUrl(""),
        "A server that speaks Redis, for hints between nodes that share a store; empty when there is one node.",
        waits=True,
    )
    rules: tuple[Path, ...] = setting(
        (Path("brands/"),),
        "Rules files or folders of them (relative to this file); a broken set leaves the last good one in force.",
        bounds=NAMED,
    )
    reload: bool = setting(
        True,
        "Whether rules files rule as soon as they change; false: only when `kwek deploy` says so.",
    )
    url: Web = setting(
        Web("http://127.0.0.1:8080"),
        "How the outside reaches this gateway: for short links and webhooks.",
    )
    listen: Address = setting(
        Address("127.0.0.1", 8080), "Where /metrics, /healthz, /readyz, the API and the pages of short links answer."
    )
    vouchers_low: int = setting(
        10,
        "How much of a voucher's codes is left when it is warned that they run out.",
        unit="percent",
        bounds=Bounds(least=0, most=100),
    )
    drain_s: float = setting(
        10.0,
        "At a stop: how long answers still on their way are waited for.",
        unit="seconds",
        bounds=Bounds(least=0, most=300),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who runs the numbers: what a phone gets when no brand is meant."""

    unknown: str = setting(
        "",
        "Answer on a shared number to a text that no brand's rules match; empty: the market pack's own.",
        bounds=Bounds(most=459),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What outlives an erasure: digests of numbers that may not be written to again."""

    key: Secret = setting(
        Secret(""),
        "The key of these digests, named as env:NAME or file:PATH; without one it is made and kept in the database, "
        "where whoever has the whole of that can find the numbers by trying them all.",
    )
    old_key: Secret = setting(
        Secret(""),
        "The key before this one: its digests go over to the new one as their phones come by.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """The mail server that takes the e-mails of rules; without one they expire after a day."""

    host: Host = setting(Host(""), "Its host name or IP address; empty: there is none.", shown="mail.example")
    port: int = setting(587, "Its TCP port.", bounds=Bounds(least=1, most=0xFFFF))
    security: Literal["starttls", "tls", "none"] = setting(
        "starttls", "How the connection is encrypted; the server's certificate is then checked."
    )
    user: str = setting("", "Our name there; empty: it wants none.")
    password: Secret = setting(Secret(""), "Our password there, named as env:NAME or file:PATH.")
    sender: Mailbox = setting(
        Mailbox(""), "The address that e-mails come from.", shown=Mailbox("noreply@klusser.example")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that keep one peer from using up the gateway."""

    pdu_octets: int = setting(
        70_000,
        "Longest PDU taken from a peer; a longer one ends the link.",
        unit="octets",
        bounds=Bounds(least=1_024, most=1_048_576),
    )
    inbound_octets: int = setting(
        16_777_216,
        "Received texts that wait for their commit; beyond it the peer is told to try again.",
        unit="octets",
        bounds=Bounds(least=65_536),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that phones text to, the brands that may use it, and the connector that carries it."""

    number: Digits = required("The short code or long number.", shown=Digits("4411"))
    kind: Literal["short-code", "long-number"] = required("What sort of number it is.", shown="short-code")
    country: Country = required("Its country: decides the market pack (words, hours, texts).", shown=Country("NL"))
    brands: tuple[str, ...] = required(
        "Brands whose rules may name it; more than one: it is shared.", shown=("De Klusser", "Burgerzaak"), bounds=NAMED
    )
    via: str = required("The connector that carries it.", shown="carrier-a", bounds=NAMED)
    countries: tuple[Country, ...] = setting(
        (),
        "Countries whose phones it serves: of others only an opt-out is heard, and nothing is sent to them from it. "
        "Empty: all.",
        shown=(Country("NL"), Country("BE")),
    )
    stop_days: int = setting(
        90,
        "On a shared number STOP is for the brand that spoke there last, when that is no longer ago; else for all.",
        unit="days",
        bounds=Bounds(least=1, most=3_650),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A peer that may bind to us."""

    system_id: str = required("Its name.", shown="aggregator-b", bounds=Bounds(least=1, most=15))
    password_hash: PasswordHash = required(
        "The argon2id hash of its password.", shown=PasswordHash("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA")
    )
    sources: tuple[Digits, ...] = required("Numbers that it may send from.", shown=(Digits("4411"),))
    allow: tuple[Network, ...] = setting(
        (), "Networks that it may come from; none named: any.", shown=(Network("10.0.0.0/8"),)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmppServer:
    """Where peers bind to us."""

    listen: Address = required("Where SMPP peers are accepted.", shown=Address("0.0.0.0", 2775))


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A support desk that gets the tickets."""

    name: str = required("How rules call it.", shown="zammad", bounds=NAMED)
    kind: Literal["zammad"] = required("Its software.", shown="zammad")
    url: Web = required("Where it answers.", shown=Web("https://desk.example"))
    token: Secret = required("Our key there, named as env:NAME or file:PATH.", shown=Secret("", "env:ZAMMAD_TOKEN"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a segment costs over a connector; the longest prefix that fits a phone's number decides."""

    connector: str = required("The connector that it goes out over.", shown="carrier-a", bounds=NAMED)
    prefix: Prefix = setting(
        Prefix(""),
        "First digits of the phones' numbers; empty: of all that no longer prefix fits.",
        shown=Prefix("316"),
    )
    segment: Money = required("What one segment costs.", shown=Money("EUR", Decimal("0.0725")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How `kwek stats`, GET /v1/stats and /metrics count."""

    zone: Zone = setting(Zone("UTC"), "Whose days its periods begin and end with.", shown=Zone("Europe/Amsterdam"))
    opt_out_warning: float = setting(
        2.0,
        "A step after which more of its contacts opt out than this is warned of.",
        unit="percent",
        bounds=Bounds(least=0, most=100),
    )
    recent_s: int = setting(
        300,
        "How long after one look at the figures by rule /metrics has the next; 0: it has none.",
        bounds=Bounds(least=0, most=DAY_S),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole of kwek.toml."""

    gateway: Gateway = setting(
        Gateway(), "This process: its name, where its truth is kept, its rules, and where it listens."
    )
    operator: Operator = setting(Operator(), "Who runs the numbers: what a phone gets when no brand is meant.")
    consent: Consent = setting(
        Consent(), "What outlives an erasure: digests of numbers that may not be written to again."
    )
    email: Email = setting(
        Email(), "The mail server that takes the e-mails of rules; without one they expire after a day."
    )
    limits: Limits = setting(Limits(), "Bounds that keep one peer from using up the gateway.")
    numbers: tuple[Number, ...] = setting(
        (), "A number that phones text to, the brands that may use it, and the connector that carries it.", key="number"
    )
    connectors: tuple[Connector, ...] = setting((), "A message centre that we bind to.", key="connector")
    prices: tuple[Price, ...] = setting(
        (),
        "What a segment costs over a connector; the longest prefix that fits a phone's number decides.",
        key="price",
    )
    statistics: Statistics = setting(Statistics(), "How `kwek stats`, GET /v1/stats and /metrics count.")
    smpp_server: SmppServer | None = setting(None, "Where peers bind to us.", waits=True)
    accounts: tuple[Account, ...] = setting((), "A peer that may bind to us.", key="account", waits=True)
    desks: tuple[Desk, ...] = setting((), "A support desk that gets the tickets.", key="desk", waits=True)
