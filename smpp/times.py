"""SMPP's times and flag octets: schedule_delivery_time, validity_period, final_date (SMPP 3.4 §7.1), esm_class
(§5.2.12) and registered_delivery (§5.2.17).

A time is sixteen characters, YYMMDDhhmmsstnnp. With p = + or - it is absolute: local time, tenths of a second, and the
offset from UTC in quarters of an hour. With p = R it is a duration in calendar units. No text at all means the centre's
default, or at once. The century is 2000: no message lives from the last one.

Today the tests' vectors alone read this file: the gateway sets no times, and takes the flag octets as numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from smpp.constants import ESME_RINVSCHED
from smpp.errors import LocalFault, PeerFault

MAX_QUARTERS: Final = 48  # nn: quarters of an hour from UTC, §7.1.1
MAX_RELATIVE: Final = timedelta(days=99, hours=23, minutes=59, seconds=59)  # two digits of days; we write no months


@dataclass(frozen=True, slots=True)
class AbsoluteTime:
    """A point in time: the clock at a place, and how far that place is ahead of UTC."""

    local: datetime
    offset_minutes: int

    @property
    def utc(self) -> datetime:
        """The same instant, aware, in UTC."""
        return self.local.replace(tzinfo=timezone(timedelta(minutes=self.offset_minutes))).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class RelativeTime:
    """A duration from when the centre takes the message, in calendar units."""

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0


def parse_time(text: str, status: int = ESME_RINVSCHED) -> AbsoluteTime | RelativeTime | None:
    """What a time field says, None for an empty one.

    Raises PeerFault (bad_time) with `status`: ESME_RINVSCHED for schedule_delivery_time, ESME_RINVEXPIRY for
    validity_period. The fault has no head: whoever knows the PDU answers it.
    """
    if not text:
        return None
    digits, sign = text[:-1], text[-1]
    if len(text) != 16 or not (digits.isascii() and digits.isdigit()) or sign not in "+-R":
        raise PeerFault(f"{text!r} is not a time of the form YYMMDDhhmmsstnnp", status, kind="bad_time")
    first, second, third, fourth, fifth, sixth = (int(digits[at : at + 2]) for at in range(0, 12, 2))
    if sign == "R":
        return RelativeTime(first, second, third, fourth, fifth, sixth)
    quarters = int(digits[13:15])
    if quarters > MAX_QUARTERS:
        message = f"{text!r}: {quarters} quarters from UTC are more than {MAX_QUARTERS}"
        raise PeerFault(message, status, kind="bad_time")
    try:
        local = datetime(2000 + first, second, third, fourth, fifth, sixth, int(digits[12]) * 100_000)  # noqa: DTZ001
    except ValueError as error:
        raise PeerFault(f"{text!r}: {error}", status, kind="bad_time") from error
    return AbsoluteTime(local, quarters * 15 * (-1 if sign == "-" else 1))


def format_absolute(instant: datetime) -> str:
    """An aware instant as an absolute time, in its own offset; raises LocalFault outside 2000 to 2099 or for an offset
    that is no quarter of an hour or above twelve hours."""
    offset = instant.utcoffset()
    if offset is None or not 2000 <= instant.year <= 2099:
        raise LocalFault(f"{instant} is no aware time from 2000 to 2099")
    quarters, rest = divmod(offset, timedelta(minutes=15))
    if rest or abs(quarters) > MAX_QUARTERS:
        raise LocalFault(f"the offset {offset} is not within {MAX_QUARTERS} whole quarters of an hour")
    sign = "-" if quarters < 0 else "+"
    return f"{instant:%y%m%d%H%M%S}{instant.microsecond // 100_000}{abs(quarters):02d}{sign}"


def format_relative(duration: timedelta) -> str:
    """A duration as a relative time, in days at most; fractions of a second are cut.

    Raises LocalFault below zero or above 99 days.
    """
    if not timedelta() <= duration <= MAX_RELATIVE:
        raise LocalFault(f"{duration} is not from 0 to {MAX_RELATIVE}")
    minutes, seconds = divmod(duration.seconds, 60)
    return f"0000{duration.days:02d}{minutes // 60:02d}{minutes % 60:02d}{seconds:02d}000R"


@dataclass(frozen=True, slots=True)
class EsmClass:
    """The esm_class octet: what kind of message this is, and how its text begins."""

    octet: int

    @property
    def udhi(self) -> bool:
        """The text begins with a user data header."""
        return bool(self.octet & 0x40)

    @property
    def reply_path(self) -> bool:
        """The answer shall go the same way back."""
        return bool(self.octet & 0x80)

    @property
    def smsc_delivery_receipt(self) -> bool:
        """A delivery receipt of the centre. Bits 4-2 decide: some set others too (0x44, 0x64 are seen)."""
        return self.octet & 0x1C == 0x04

    @property
    def esme_delivery_ack(self) -> bool:
        """The phone or its application acknowledges delivery."""
        return self.octet & 0x1C == 0x08

    @property
    def intermediate_notification_bit5(self) -> bool:
        """The bit of an intermediate notification, which is also seen beside that of a receipt."""
        return bool(self.octet & 0x20)


@dataclass(frozen=True, slots=True)
class RegisteredDelivery:
    """The registered_delivery octet: which receipts are asked for."""

    octet: int

    @property
    def smsc_receipt_success_and_failure(self) -> bool:
        """A receipt whatever becomes of the message."""
        return self.octet & 0x03 == 0x01

    @property
    def smsc_receipt_failure(self) -> bool:
        """A receipt only if it cannot be delivered."""
        return self.octet & 0x03 == 0x02

    @property
    def intermediate(self) -> bool:
        """Notifications on the way."""
        return bool(self.octet & 0x10)
