"""Times both ways, and everything that is no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp import constants as c
from smpp.errors import LocalFault, PeerFault
from smpp.times import (
    AbsoluteTime,
    EsmClass,
    RegisteredDelivery,
    RelativeTime,
    format_absolute,
    format_relative,
    parse_time,
)

quarters = st.integers(-48, 48).map(lambda number: timezone(timedelta(minutes=15 * number)))


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=quarters))  # noqa: DTZ001
def test_an_instant_is_read_again_to_the_tenth_of_a_second(instant: datetime) -> None:
    parsed = parse_time(format_absolute(instant))
    assert isinstance(parsed, AbsoluteTime)
    assert timedelta() <= instant - parsed.utc < timedelta(milliseconds=100)


@given(st.timedeltas(timedelta(), timedelta(days=99)))
def test_a_duration_is_read_again_to_the_second(duration: timedelta) -> None:
    parsed = parse_time(format_relative(duration))
    assert isinstance(parsed, RelativeTime)
    again = timedelta(days=parsed.days, hours=parsed.hours, minutes=parsed.minutes, seconds=parsed.seconds)
    assert timedelta() <= duration - again < timedelta(seconds=1)
    assert (parsed.years, parsed.months) == (0, 0)


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{15}[-+R]", fullmatch=True))
def test_any_text_is_a_time_or_a_declared_fault(text: str) -> None:
    try:
        parse_time(text)
    except PeerFault as fault:
        assert (fault.kind, fault.head) == ("bad_time", None)


@pytest.mark.parametrize(
    "text",
    [
        "0709272334298",
        "070927233429800*",
        "07092723342980x+",
        "071327233429800+",
        "070927253429800+",
        "²70927233429800+",
    ],
)
def test_what_is_no_time_is_refused_with_the_fields_own_status(text: str) -> None:
    with pytest.raises(PeerFault) as caught:
        parse_time(text, c.ESME_RINVEXPIRY)
    assert caught.value.status == c.ESME_RINVEXPIRY


@pytest.mark.parametrize(
    "instant",
    [
        datetime(1999, 12, 31, tzinfo=UTC),
        datetime(2100, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1),  # noqa: DTZ001
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(minutes=10))),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=13))),
    ],
)
def test_an_instant_that_cannot_be_written(instant: datetime) -> None:
    with pytest.raises(LocalFault):
        format_absolute(instant)


@pytest.mark.parametrize("duration", [timedelta(seconds=-1), timedelta(days=100)])
def test_a_duration_that_cannot_be_written(duration: timedelta) -> None:
    with pytest.raises(LocalFault):
        format_relative(duration)


def test_known_forms() -> None:
    assert format_absolute(datetime(2013, 1, 1, 1, tzinfo=timezone(timedelta(hours=-6)))) == "130101010000024-"
    assert format_relative(timedelta(hours=2, minutes=6, seconds=30)) == "000000020630000R"


def test_an_octet_of_flags_has_one_kind_of_message() -> None:
    for octet in range(256):
        flags = EsmClass(octet)
        assert not (flags.smsc_delivery_receipt and flags.esme_delivery_ack)
        assert (flags.udhi, flags.reply_path) == (bool(octet & 64), bool(octet & 128))
        asked = RegisteredDelivery(octet)
        assert not (asked.smsc_receipt_failure and asked.smsc_receipt_success_and_failure)
