"""Everything an operator may set, one declaration each: default, unit, meaning. The page about it is printed from here.

One class is one table of kwek.toml. Commands read `Settings` and hand them to the gateway's composition root; the
others get the values they need. Durations end in `_s` and count seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, NewType

from config.declare import HEXADECIMAL, NAMED, Bounds, required, setting
from config.values import Address, Money, Refusals, Secret, Store, TonNpi

Digits = NewType("Digits", str)
"""A phone number or short code: digits without a plus."""
Web = NewType("Web", str)
"""The address of a web server, without a slash at its end."""
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

Bind = Literal["transceiver", "transmitter", "receiver", "pair"]
Charset = Literal["gsm7", "gsm7_packed", "latin1", "ascii", "utf8"]
LongMessages = Literal["udh8", "udh16", "sar", "payload"]
MessageIds = Literal["learn", "same", "hex-answer", "hex-receipt"]

DAY_S = 86_400
MOST_WINDOW = 10_000  # unanswered PDUs: every one may become an unknown outcome when the link dies
MOST_BINDS = 64  # more connections to one centre are a mistake, not a need


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
    """The mail server that takes the e-mails of rules; without one they wait."""

    host: str = setting("", "Its host name or IP address; empty: there is none.", shown="mail.example")
    port: int = setting(587, "Its TCP port.", bounds=Bounds(least=1, most=0xFFFF))
    security: Literal["starttls", "tls", "none"] = setting(
        "starttls", "How the connection is encrypted; the server's certificate is then checked."
    )
    user: str = setting("", "Our name there; empty: it wants none.")
    password: Secret = setting(Secret(""), "Our password there, named as env:NAME or file:PATH.")
    sender: str = setting("", "The address that e-mails come from.", shown="noreply@klusser.example")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Type of number and numbering plan that this message centre wants, as TON/NPI."""

    short_code: TonNpi = setting(TonNpi(3, 0), "Of a short code that sends.")
    long_number: TonNpi = setting(TonNpi(1, 1), "Of a long number that sends.")
    alphanumeric: TonNpi = setting(TonNpi(5, 0), "Of a name that sends.")
    phone: TonNpi = setting(TonNpi(1, 1), "Of the phone that receives.")
    range: TonNpi = setting(TonNpi(0, 0), "Of the bind's address_range.")
    plus: bool = setting(False, "Whether long numbers and phones are written with a plus.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A message centre that we bind to."""

    name: str = required(
        "How the rest of this file, the metrics and the logs call it.",
        shown="carrier-a",
        bounds=Bounds(least=1, most=63),
    )
    kind: Literal["smpp"] = setting("smpp", "Its protocol.")
    host: str = required("Its host name or IP address.", shown="smsc.example", bounds=NAMED)
    port: int = setting(2775, "Its TCP port.", bounds=Bounds(least=1, most=0xFFFF))
    hosts: tuple[Address, ...] = setting(
        (), "Further addresses, tried in turn when the first does not answer.", shown=(Address("smsc-2.example", 2775),)
    )
    tls: bool = setting(False, "Whether the connection is encrypted; the centre's certificate is then checked.")
    system_id: str = required("Our name at the centre.", shown="kwek", bounds=Bounds(least=1, most=15))
    password: Secret = required(
        'Our password there, named as env:NAME or file:PATH, never the secret itself; "" when the centre wants none.',
        shown=Secret("", "env:CARRIER_A_PASSWORD"),
    )
    system_type: str = setting("", "What some centres want as system_type.", bounds=Bounds(most=12))
    address_range: str = setting(
        "", "The numbers that a receiving bind asks for, as the centre wants them written.", bounds=Bounds(most=40)
    )
    interface_version: Literal[0x33, 0x34, 0x50] = setting(
        0x34, "The SMPP version that we bind with.", unit=HEXADECIMAL
    )
    bind: Bind = setting("transceiver", "How we bind; a pair is a transmitter and a receiver.")
    binds: int = setting(
        1, "Connections kept up at once (pairs count as one).", bounds=Bounds(least=1, most=MOST_BINDS), shown=2
    )
    window: int = setting(
        10,
        "Unanswered PDUs on one connection; as many outcomes may be unknown when it breaks.",
        bounds=Bounds(least=1, most=MOST_WINDOW),
        shown=50,
    )
    rate: float = setting(
        0.0,
        "Segments sent, of all connections of this node together; 0 for no limit.",
        unit="segments a second",
        bounds=Bounds(least=0, most=100_000),
        shown=100.0,
    )
    connect_s: float = setting(
        10.0, "How long connecting and binding may take together.", unit="seconds", bounds=Bounds(least=1, most=300)
    )
    enquire_link_s: float = setting(
        30.0, "Silence on a bind before we send enquire_link.", unit="seconds", bounds=Bounds(least=1, most=3_600)
    )
    response_s: float = setting(
        30.0,
        "How long an answer is waited for. Then the link is asked with enquire_link; after as long again it is given "
        "up, and the outcome of what it had not answered is unknown.",
        unit="seconds",
        bounds=Bounds(least=1, most=600),
    )
    reconnect_least_s: float = setting(
        1.0,
        "First wait before connecting again; it doubles, with jitter.",
        unit="seconds",
        bounds=Bounds(least=0.05, most=3_600),
    )
    reconnect_most_s: float = setting(
        60.0, "Longest wait before connecting again.", unit="seconds", bounds=Bounds(least=0.05, most=3_600)
    )
    refused_least_s: float = setting(
        30.0,
        "First wait after the centre refused the bind: one that is knocked at locks us out.",
        unit="seconds",
        bounds=Bounds(least=0.05, most=3_600),
    )
    refused_most_s: float = setting(
        600.0, "Longest wait after refusals.", unit="seconds", bounds=Bounds(least=0.05, most=DAY_S)
    )
    receipts: bool = setting(True, "Whether delivery receipts are asked for with what we send.")
    charset_in: Charset = setting("gsm7", "What data_coding 0 means in texts from this centre.")
    charset_out: Charset = setting("gsm7", "What data_coding 0 means in texts to this centre.")
    long_messages: LongMessages = setting("udh8", "How a text of several segments is sent.")
    group: str = setting(
        "",
        "Connectors to one carrier have one group: a text may come again over any of them. They have the same fence_s, "
        "reads_late_s, peer_response_s and redelivery_s. Empty: its own name.",
        bounds=Bounds(most=63),
        shown="carrier-a",
    )
    redelivery_s: float = setting(
        3_600.0,
        "How long after a broken link this centre may deliver again what it has no acknowledgement of; an equal text "
        "within it may be kept as a suspected duplicate.",
        unit="seconds",
        bounds=Bounds(least=0, most=7 * DAY_S),
    )
    peer_response_s: float = setting(
        10.0,
        "The centre's own response timer: an equal text that comes later than most of it, while the first is still "
        "unanswered, is the same text again.",
        unit="seconds",
        bounds=Bounds(least=0.5, most=600),
    )
    fence_s: float = setting(
        0.02,
        "Least time between two enquire_links that prove our acknowledgements read; longer for a centre that limits "
        "them.",
        unit="seconds",
        bounds=Bounds(least=0.005, most=60),
    )
    reads_late_s: float = setting(
        0.0,
        "For a centre that stores our acknowledgements later than it reads them: how much later.",
        unit="seconds",
        bounds=Bounds(least=0, most=600),
    )
    id_tlv: int = setting(
        0,
        "The TLV in which this centre gives a text an identity of its own, which then decides what is a duplicate; "
        "0: it gives none.",
        unit=HEXADECIMAL,
        bounds=Bounds(least=0, most=0xFFFF),
        shown=0x1401,
    )
    message_ids: MessageIds = setting(
        "learn",
        "How message ids of answers and receipts compare: same, hex in the answer or in the receipt, or learnt.",
    )
    reference: bool = setting(
        True,
        "Whether what we send bears a user_message_reference: where the centre's receipts tell it, they find a text "
        "whose answer was lost. Off for a centre that refuses the TLV.",
    )
    addresses: Addresses = setting(
        Addresses(), "Type of number and numbering plan that this message centre wants, as TON/NPI."
    )
    retry: Refusals = setting(
        Refusals(),
        "What follows a refusal, by command_status, where this centre differs from the standard: retry, pause or fail.",
        shown=Refusals(((0x0400, "fail"), (0x0401, "pause"))),
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
    email: Email = setting(Email(), "The mail server that takes the e-mails of rules; without one they wait.")
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
