"""The values of settings that are more than a text or a number, and how each is written in kwek.toml.

Each class reads itself with `parse`, which raises `Unfit` with what is wrong and what to do, and prints itself as it is
written. A secret is the exception: it is named in the file (`env:NAME`, `file:PATH`) and never printed.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NewType
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.problems import Unfit, quoted

MOST_PORT = 0xFFFF
MOST_HOST = 253  # characters of a host name, in whole (RFC 1035 section 2.3.4 without its length octets)

Host = NewType("Host", str)
"""A host name or an IP address; empty where there need be none."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen or whom to call: a host name or an IP address, and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Reads `127.0.0.1:8080`, `smsc.example:2775` or `[::1]:8080`."""
        found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", text)
        if found is None or int(found[3]) > MOST_PORT or not _is_host(found[1] or found[2]):
            raise Unfit(f"{{it}} must be a host and a port, not {quoted(text)}", 'for example "127.0.0.1:8080"')
        return cls(found[1] or found[2], int(found[3]))

    def __str__(self) -> str:
        """As it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _is_host(text: str) -> bool:
    """Whether anybody can be asked where it is: with a colon it is an IPv6 address, of digits and dots alone an IPv4
    address, and else a name of labels of 1 to 63 characters (as ASCII: RFC 3490)."""
    try:
        if ":" in text or re.fullmatch(r"[0-9.]+", text):
            ipaddress.ip_address(text)
            return True
        name = text.encode("idna").decode("ascii")
    except ValueError:
        return False
    return len(name) <= MOST_HOST and re.fullmatch(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?", name) is not None


@dataclass(frozen=True, slots=True)
class Secret:
    """A password or token. `source` is how kwek.toml names it; the secret itself leaves only through `reveal`."""

    _value: str = field(repr=False)
    source: str = ""

    def reveal(self) -> str:
        """The secret itself: for the wire, never for a log line."""
        return self._value

    def __str__(self) -> str:
        """How kwek.toml names it."""
        return self.source


@dataclass(frozen=True, slots=True)
class Store:
    """The database that holds the truth: a SQLite file, or PostgreSQL. `url` may hold a password: not for log lines."""

    kind: Literal["sqlite", "postgresql"]
    url: str = field(repr=False)
    shown: str = ""

    @classmethod
    def parse(cls, text: str, *, shown: str = "") -> Store:
        """Reads `sqlite:///kwek.db` or `postgresql://user@host/name`; `shown` names a URL that came from a secret."""
        said = quoted(shown or text)
        help = 'for example "sqlite:///kwek.db" or "postgresql://kwek@db/kwek"'
        scheme, separator, rest = text.partition("://")
        if not separator:
            raise Unfit(f"{{it}} must be the address of a database, not {said}", help)
        if scheme == "sqlite" and rest.strip("/") in {"", ":memory:"}:
            raise Unfit("{it} must name a file: a database in memory would lose what was acknowledged", help)
        if scheme == "sqlite" and not rest.startswith("/"):
            raise Unfit(f"{{it}} needs three slashes before the file: {quoted('sqlite:///' + rest)}", help)
        if scheme == "sqlite":
            return cls("sqlite", text, shown or text)
        if scheme == "postgresql":
            return cls("postgresql", text, shown or text)
        raise Unfit(f"{{it}} must be SQLite or PostgreSQL, not {quoted(scheme)}", help)

    def __str__(self) -> str:
        """As kwek.toml has it."""
        return self.shown


@dataclass(frozen=True, slots=True)
class TonNpi:
    """Type of number and numbering plan of an SMPP address (SMPP 3.4 §5.2.5, §5.2.6)."""

    ton: int
    npi: int

    @classmethod
    def parse(cls, text: str) -> TonNpi:
        """Reads `1/1`: type of number, then numbering plan."""
        found = re.fullmatch(r"([0-9]{1,3})/([0-9]{1,3})", text)
        if found is None or int(found[1]) > 255 or int(found[2]) > 255:
            raise Unfit(
                f"{{it}} must be type of number and numbering plan, not {quoted(text)}", 'for example "5/0" or "1/1"'
            )
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.ton}/{self.npi}"


Refusal = Literal["retry", "pause", "fail"]
"""What follows a refused message: another try, another try after the whole connector has paused, or the end."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """What follows a refusal, by command_status, where a message centre differs from the standard."""

    by_status: tuple[tuple[int, Refusal], ...] = ()

    def get(self, command_status: int) -> Refusal | None:
        """What follows that status; None where the standard's table decides."""
        return dict(self.by_status).get(command_status)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (three capital letters of ISO 4217); decimal, so that a tenth of a cent stays one."""

    currency: str
    amount: Decimal

    @classmethod
    def parse(cls, text: str) -> Money:
        """Reads `EUR 0.0725`."""
        found = re.fullmatch(r"([A-Z]{3}) ([0-9]{1,12}(?:\.[0-9]{1,8})?)", text)
        if found is None:
            raise Unfit(f"{{it}} must be a currency and an amount, not {quoted(text)}", 'for example "EUR 0.0725"')
        return cls(found[1], Decimal(found[2]))

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.currency} {self.amount}"


def parse_prefix(text: str) -> str:
    """Reads the first digits of phone numbers, with or without a plus; none: all numbers."""
    digits = text.removeprefix("+")
    if not re.fullmatch(r"[0-9]{0,15}", digits) or text == "+":
        raise Unfit(
            f"{{it}} must be the first digits of numbers, with the country's, not {quoted(text)}",
            'for example "316", or "" for all others',
        )
    return digits


def parse_zone(text: str) -> str:
    """Reads the name of a time zone as IANA has it."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones is no zone
        raise Unfit(
            f"{{it}} must be the name of a time zone, not {quoted(text)}", 'for example "Europe/Amsterdam"'
        ) from None


def parse_digits(text: str) -> str:
    """Reads a phone number: `+3197010281234` and `3197010281234` are the same number; inside there is no plus."""
    digits = text.removeprefix("+")
    if not re.fullmatch(r"[0-9]{3,15}", digits):
        raise Unfit(
            f"{{it}} must be 3 to 15 digits, with or without a plus, not {quoted(text)}",
            'for example "4411" or "+3197010281234"',
        )
    return digits


def parse_mailbox(text: str) -> str:
    """Reads an e-mail address that every mail server takes (RFC 5321 section 4.1.2: ASCII, nothing quoted); or none."""
    part = r"[A-Za-z0-9!#$%&'*+/=^_`{|}~-]+"
    if text and not re.fullmatch(rf"{part}(?:\.{part})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", text):
        raise Unfit(
            f"{{it}} must be an e-mail address alone, in ASCII, not {quoted(text)}",
            'for example "noreply@klusser.example"; a name for it is not wanted: the brand\'s is shown',
        )
    return text


def parse_host(text: str) -> str:
    """Reads a host name or an IP address; or none."""
    if text and not _is_host(text):
        raise Unfit(
            f"{{it}} must be a host name or an IP address, not {quoted(text)}",
            'for example "smsc.example" or "192.0.2.1"; a port is a setting of its own',
        )
    return text


def parse_network(text: str) -> str:
    """Reads `10.0.0.0/8` or a single IP address; returns it in its canonical form."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise Unfit(
            f"{{it}} must be a network or an IP address, not {quoted(text)}", 'for example "10.0.0.0/8"'
        ) from None


def parse_web(text: str) -> str:
    """Reads the address of a web server; returns it without a slash at its end."""
    help = 'for example "https://sms.example"'
    wrong = Unfit(f"{{it}} must be a web address, not {quoted(text)}", help)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or " " in text:
        raise wrong
    if "@" in parts.netloc:
        raise Unfit("{it} must not hold a user or a password", help)
    return text.rstrip("/")


def has_password(url: str) -> bool:
    """Whether a URL holds a password in clear, as user part or as a parameter."""
    try:
        parts = urlsplit(url)
        return bool(parts.password) or "password=" in parts.query.lower()
    except ValueError:
        return "@" in url
