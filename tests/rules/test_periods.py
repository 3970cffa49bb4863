"""Caps on promotional texts and the periods of budgets."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.periods import Cap, Unit, keep, period_of, period_start, room
from rules.times import instant, microseconds
from tests.support.periods import period_end

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = [
    ZoneInfo(name) for name in ("Europe/Amsterdam", "America/Nuuk", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")
]
CAPS = (Cap(1, "day"), Cap(4, "week"))
FIRST = microseconds(datetime(2026, 1, 1, tzinfo=UTC))
INSTANTS = st.integers(FIRST, FIRST + 120 * 86_400_000_000)
SOME_CAPS = st.lists(st.builds(Cap, st.integers(1, 5), st.sampled_from(["day", "week", "month"])), max_size=3)


def room_at(caps: Sequence[Cap], sent: Sequence[int], now: int, zone: ZoneInfo) -> int:
    """When there is room again: now, or when the last of the full periods is over."""
    return max((period_end(cap.unit, now, zone) for cap in caps if not room((cap,), sent, now, zone)), default=now)


def at(text: str, zone: ZoneInfo = AMSTERDAM) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=zone))


@pytest.mark.parametrize(
    ("unit", "now", "key", "start", "end"),
    [
        ("day", "2026-11-22 13:00", "2026-11-22", "2026-11-22", "2026-11-23"),
        ("week", "2026-11-22 13:00", "2026-W47", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-23 00:00", "2026-W48", "2026-11-23", "2026-11-30"),
        ("week", "2027-01-01 12:00", "2026-W53", "2026-12-28", "2027-01-04"),
        ("month", "2026-11-30 23:59", "2026-11", "2026-11-01", "2026-12-01"),
        ("month", "2026-01-31 12:00", "2026-01", "2026-01-01", "2026-02-01"),
        ("month", "2026-12-31 12:00", "2026-12", "2026-12-01", "2027-01-01"),
    ],
)
def test_periods_are_the_calendars(unit: Unit, now: str, key: str, start: str, end: str) -> None:
    assert period_of(unit, at(now), AMSTERDAM) == key
    assert (period_start(unit, at(now), AMSTERDAM), period_end(unit, at(now), AMSTERDAM)) == (at(start), at(end))


def test_capability_56_the_fifth_text_of_a_week_has_no_room() -> None:
    sent = tuple(at(f"2026-01-{day:02} 10:00") for day in (5, 6, 7, 8))
    assert all(room(CAPS, sent[:number], sent[number], AMSTERDAM) for number in range(4))
    assert not room(CAPS, sent[:1], at("2026-01-05 23:59"), AMSTERDAM)
    friday = at("2026-01-09 10:00")
    assert not room(CAPS, sent, friday, AMSTERDAM)
    assert room_at(CAPS, sent, friday, AMSTERDAM) == at("2026-01-12 00:00")
    assert room_at(CAPS, sent[:3], friday, AMSTERDAM) == friday
    assert room(CAPS, sent, at("2026-01-12 00:00"), AMSTERDAM)
    assert room((), sent, friday, AMSTERDAM) and keep((), sent, friday, AMSTERDAM) == ()


def test_a_day_is_the_contacts_day() -> None:
    sent = (at("2026-01-05 23:30"),)
    assert room(CAPS[:1], sent, at("2026-01-06 00:10"), AMSTERDAM)
    assert not room(CAPS[:1], sent, at("2026-01-06 00:10"), ZoneInfo("Europe/London"))


def test_what_no_cap_needs_is_forgotten() -> None:
    sent = tuple(at(f"2026-01-{day:02} 10:00") for day in range(1, 31))
    assert [instant(kept).day for kept in keep((Cap(3, "day"),), sent, sent[-1], AMSTERDAM)] == [28, 29, 30]
    assert [instant(kept).day for kept in keep((Cap(9, "day"),), sent, sent[-1], AMSTERDAM)] == [28, 29, 30]
    assert len(keep((Cap(40, "month"), Cap(1, "day")), sent, sent[-1], AMSTERDAM)) == 30


@given(SOME_CAPS, st.lists(INSTANTS, max_size=40), INSTANTS, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_forgetting_changes_no_answer_also_where_the_contact_moves(
    caps: list[Cap], sent: list[int], now: int, zone: ZoneInfo, other: ZoneInfo
) -> None:
    sent = sorted(one for one in sent if one <= now)
    kept = keep(caps, sent, now, zone)
    assert len(kept) <= max((cap.count for cap in caps), default=0)
    for later in (0, 3_600_000_000, 86_400_000_000):
        for place in (zone, other):
            assert room(caps, kept, now + later, place) == room(caps, sent, now + later, place)


@given(SOME_CAPS, st.lists(INSTANTS, max_size=40), INSTANTS, st.sampled_from(ZONES))
def test_there_is_room_when_it_is_said_and_not_before(
    caps: list[Cap], sent: list[int], now: int, zone: ZoneInfo
) -> None:
    sent = [one for one in sent if one <= now]
    free = room_at(caps, sent, now, zone)
    assert room(caps, sent, free, zone)
    assert (free == now) == room(caps, sent, now, zone)
    assert free == now or not room(caps, sent, free - 1, zone)


@given(INSTANTS, st.sampled_from(ZONES), st.sampled_from(["day", "week", "month"]))
def test_a_period_has_one_key_from_its_start_to_its_end(now: int, zone: ZoneInfo, unit: Unit) -> None:
    start, end, key = period_start(unit, now, zone), period_end(unit, now, zone), period_of(unit, now, zone)
    assert start <= now < end
    assert period_of(unit, start, zone) == period_of(unit, end - 1, zone) == key
    assert period_of(unit, start - 1, zone) < key < period_of(unit, end, zone)
