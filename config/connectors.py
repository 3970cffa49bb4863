"""What an operator may set of a connector: where its message centre is, how we bind, and what is particular about it.

The table `[[connector]]` of kwek.toml; the others are in `config.settings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.declare import DAY_S, HEXADECIMAL, NAMED, Bounds, required, setting
from config.values import Address, Host, Refusals, Secret, TonNpi

Bind = Literal["transceiver", "transmitter", "receiver", "pair"]
Charset = Literal["gsm7", "gsm7_packed", "latin1", "ascii", "utf8"]
LongMessages = Literal["udh8", "udh16", "sar", "payload"]
MessageIds = Literal["learn", "same", "hex-answer", "hex-receipt"]

MOST_WINDOW = 10_000  # unanswered PDUs: every one may become an unknown outcome when the link dies
MOST_BINDS = 64  # more connections to one centre are a mistake, not a need


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
    host: Host = required("Its host name or IP address.", shown="smsc.example", bounds=NAMED)
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
