"""When time alone may turn a condition: never later than it does, and never without end."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import syntax as s
from rules.conditions import compile_expression
from rules.expressions import Compiled, Scope, holds
from rules.times import microseconds
from rules.turning import LAST_SURE, NEAR, is_turning, leaves, reads, turns_at

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = microseconds(datetime(2026, 1, 5, 11, 0, tzinfo=UTC))  # noon there, a Monday
HOUR = 3_600_000_000
DAY = 24 * HOUR
BORN, CITY = s.Attribute("contact", "geboren"), s.Attribute("contact", "stad")


class Past:
    """A contact and when events happened to it, the newest first."""

    def __init__(self, *ats: int) -> None:
        self.ats = sorted(ats, reverse=True)

    def happened(self, event: str, since: int) -> int:
        """How often one did."""
        return sum(at >= since for at in self.ats) if event == "koop" else 0

    def clicked(self) -> bool:
        """No link was."""
        return False

    def consents(self, message_class: str) -> bool:
        """All is allowed."""
        return True

    def newest(self, event: str, nth: int) -> int | None:
        """When one happened."""
        return self.ats[nth - 1] if event == "koop" and nth <= len(self.ats) else None


Known = Mapping[str, date | str]
UNKNOWN: Known = {}


def scope(now: int, past: Past, known: Known = UNKNOWN, zone: ZoneInfo = AMSTERDAM) -> Scope:
    one = Scope({}, known, set(), False, now, zone)
    one.told = past
    return one


def next_turn(node: s.Expression, now: int, past: Past | None = None, **attributes: date | str) -> int | None:
    then = past or Past()
    return turns_at(compile_expression(node), scope(now, then, attributes), then.newest)


def bought(count: int, unit: s.Duration, times: int | None = None) -> s.Happened:
    return s.Happened("koop", times, unit)


DAYS_30 = s.Duration(30, "day")
MONDAY = s.DayIn(("mon",))


def test_what_reads_what() -> None:
    node = s.And((
        s.Not(bought(1, DAYS_30)), s.Or((s.HasTag("klant"), s.HasConsent("promotional"))),
        s.Compare(BORN, "<", s.Ago(DAYS_30)), s.Compare(CITY, "=", s.String("Ede")), MONDAY,
    ))  # fmt: skip
    found = reads(compile_expression(node))
    assert [sorted(one) for one in (found.events, found.tags, found.attributes)] == [
        ["koop"], ["klant"], ["geboren", "stad"],
    ]  # fmt: skip
    assert found.consents
    assert len(list(leaves(compile_expression(node)))) == 6
    assert not reads(compile_expression(MONDAY)).consents


@pytest.mark.parametrize(
    ("node", "turning"),
    [
        (bought(1, DAYS_30), True),
        (s.Not(s.Or((s.HasTag("a"), MONDAY))), True),
        (s.TimeIn(s.Clock(9, 0), s.Clock(10, 0)), True),
        (s.Compare(BORN, "=", s.Now()), True),
        (s.Happened("koop", 2, None), False),
        (s.Compare(CITY, "=", s.String("Ede")), False),
        (s.Compare(s.Now(), ">", s.Ago(DAYS_30)), False),
        (s.And((s.HasTag("a"), s.NewContact(), s.Clicked(), s.Now())), False),
    ],
)
def test_whether_time_turns_it(node: s.Expression, turning: bool) -> None:
    assert is_turning(compile_expression(node)) is turning
    if not turning:
        assert next_turn(node, NOW, Past(NOW, NOW - 5), stad="Ede") is None


def test_an_event_falls_out_and_what_is_missing_comes_by_no_clock() -> None:
    assert next_turn(bought(1, DAYS_30), NOW) is None
    assert next_turn(bought(1, DAYS_30), NOW, Past(NOW - DAY)) == NOW + 29 * DAY + 1
    assert next_turn(bought(1, DAYS_30), NOW, Past(NOW - 40 * DAY)) is None
    assert next_turn(bought(1, DAYS_30, 2), NOW, Past(NOW - DAY)) is None
    assert next_turn(bought(1, DAYS_30, 2), NOW, Past(NOW, NOW - 3 * DAY, NOW - 9 * DAY)) == NOW + 27 * DAY + 1
    assert next_turn(bought(1, s.Duration(2, "hour")), NOW, Past(NOW - HOUR)) == NOW + HOUR + 1


def test_what_cannot_be_compared_with_the_clock_is_passed_by_none() -> None:
    assert next_turn(s.Compare(BORN, "=", s.Now()), NOW) is None
    assert next_turn(s.Compare(CITY, "=", s.Now()), NOW, stad="Ede") is None
    assert next_turn(s.Compare(CITY, "=", s.Now()), NOW, stad=date(2026, 1, 4)) is None
    assert next_turn(s.Compare(s.Now(), ">", s.Moment(s.Day(2026, 1, 5), s.Clock(11, 0))), NOW) is None


UNITS: st.SearchStrategy[Any] = st.sampled_from(["hour", "day", "week", "month", "year"])
ZONES = st.sampled_from(["Europe/Amsterdam", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe", "UTC"])
DATES = st.dates(date(2024, 1, 1), date(2028, 12, 31))
INSTANTS = st.integers(-200, 600).map(lambda day: NOW + day * DAY)
BEFORE = INSTANTS.filter(lambda at: at <= NOW and _is_plain(at))
BESIDE: st.SearchStrategy[Any] = st.sampled_from(["<", "<=", "=", "!=", ">", ">="])


@st.composite
def conditions(draw: st.DrawFn) -> s.Expression:
    ago = s.Ago(s.Duration(draw(st.integers(1, 14)), draw(UNITS)))
    clock: Any = draw(st.sampled_from([ago, s.Now()]))
    at = draw(DATES)
    moment = s.Moment(s.Day(at.year, at.month, at.day), s.Clock(draw(st.integers(0, 23)), 30))
    fixed: Any = draw(st.sampled_from([BORN, moment]))
    compared = s.Compare(fixed, draw(BESIDE), clock)
    happened = bought(0, s.Duration(draw(st.integers(1, 14)), draw(UNITS)), draw(st.sampled_from([None, 2])))
    of_day = s.TimeIn(s.Clock(draw(st.integers(0, 23)), 30), s.Clock(draw(st.integers(0, 23)), 15))
    first: Any = draw(st.sampled_from([compared, happened, of_day, s.DayIn(("sun", "wed"))]))
    whole: Any = draw(st.sampled_from([first, s.Not(first), s.And((first, compared)), s.Or((compared, first))]))
    return cast(s.Expression, whole)


@settings(deadline=None)  # time zones are read on the way
@given(conditions(), ZONES, DATES, INSTANTS, st.lists(BEFORE, max_size=3))
def test_nothing_turns_before_it_is_said_to(
    node: s.Expression, zone: str, born: date, now: int, ats: list[int]
) -> None:  # fmt: skip
    condition, past, own = compile_expression(node), Past(*ats), ZoneInfo(zone)

    def at(when: int) -> Scope:
        return scope(when, past, {"geboren": born}, own)

    due = turns_at(condition, at(now), past.newest)
    assert due is None or due > now
    until = now + 3 * 366 * DAY if due is None else due - 1
    stands = holds(condition, at(now))
    for when in _probes(now, until):
        assert holds(condition, at(when)) is stands, datetime.fromtimestamp(when / 1_000_000, own)


def _is_plain(at: int) -> bool:
    """Not on a day that several days of a later month lead back to."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).day < LAST_SURE


def _probes(now: int, until: int) -> list[int]:
    """Instants between: close to both ends, and spread out with each hour of the day among them."""
    close = [end + step for end in (now, until) for step in (0, 1, -1, HOUR, -HOUR, 5 * HOUR, -5 * HOUR, DAY, -DAY)]
    span = until - now
    spread = [now + span * part // 60 for part in range(61)]
    return [when for when in (*close, *spread) if now <= when <= until]


@settings(deadline=None)  # time zones are read on the way
@given(conditions(), DATES, INSTANTS, st.lists(INSTANTS.filter(lambda at: at <= NOW), max_size=3))
def test_who_looks_each_time_comes_to_an_end_or_to_the_next_day(
    node: s.Expression, born: date, now: int, ats: list[int]
) -> None:  # fmt: skip
    condition, past = compile_expression(node), Past(*ats)
    looks, when = 0, now
    while when < now + 40 * DAY and looks < 1_000:
        due = turns_at(condition, scope(when, past, {"geboren": born}), past.newest)
        if due is None:
            return
        looks, when = looks + 1, due
    assert looks <= 40 * 4 + 2 * NEAR // HOUR * 2


def local(*when: int, fold: int = 0) -> int:
    """Microseconds since 1970 UTC of a time of day in Amsterdam."""
    return microseconds(datetime(*when, tzinfo=AMSTERDAM, fold=fold).astimezone(UTC))  # type: ignore[arg-type,misc]


MONTH = s.Duration(1, "month")


@pytest.mark.parametrize(
    ("bought_at", "unit", "asleep_at"),
    [
        (local(2026, 5, 31, 6, 4), MONTH, local(2026, 7, 1)),  # June is too short
        (local(2026, 1, 29, 12, 0), MONTH, local(2026, 3, 1)),
        (local(2026, 1, 28, 12, 0), MONTH, local(2026, 2, 28, 12, 0) + 1),
        (local(2026, 2, 28, 12, 0), MONTH, local(2026, 3, 28, 12, 0) + 1),
        (local(2024, 2, 29, 7, 30), s.Duration(1, "year"), local(2025, 3, 1)),
        (local(2026, 2, 27, 2, 30), DAYS_30, local(2026, 3, 29, 3, 0)),  # that night has no half past two
        (local(2026, 2, 28, 2, 30), MONTH, local(2026, 3, 28, 2, 30) + 1),
        (local(2026, 10, 25, 2, 30), s.Duration(1, "day"), local(2026, 10, 26, 2, 30) + 1),
        (local(2026, 10, 25, 2, 30, fold=1), s.Duration(1, "day"), local(2026, 10, 26, 3, 0)),  # the second one
        (local(2026, 3, 28, 1, 30), s.Duration(26, "hour"), local(2026, 3, 29, 4, 30) + 1),
    ],
)  # fmt: skip
def test_an_event_falls_out_at_one_instant_and_who_looks_then_sees_it(
    bought_at: int, unit: s.Duration, asleep_at: int
) -> None:
    asleep = s.Not(bought(1, unit))
    assert next_turn(asleep, bought_at, Past(bought_at)) == asleep_at
    assert next_turn(asleep, asleep_at, Past(bought_at)) is None
    _is_seen(asleep, bought_at, AMSTERDAM)


MINUTES = st.integers(0, 3 * 366 * 24 * 60).map(lambda minute: NOW + minute * 60_000_000)
ODD = st.sampled_from([(1, 29), (1, 30), (1, 31), (2, 27), (3, 31), (5, 31), (8, 31), (10, 25)])
ODD_MINUTES = st.builds(lambda day, minute: local(2026, *day) + minute * 60_000_000, ODD, st.integers(0, 24 * 60))
CALENDAR: st.SearchStrategy[Any] = st.sampled_from(["month", "day", "week", "month", "year", "hour", "minute"])
DURATIONS = st.builds(s.Duration, st.integers(1, 40), CALENDAR)


@settings(deadline=None)  # time zones are read on the way
@given(MINUTES | ODD_MINUTES, DURATIONS, ZONES)
def test_who_has_slept_long_enough_is_seen_to_join(bought_at: int, unit: s.Duration, zone: str) -> None:
    _is_seen(s.Not(bought(1, unit)), bought_at, ZoneInfo(zone))


def _is_seen(asleep: s.Expression, bought_at: int, zone: ZoneInfo) -> None:
    """At the first look he was awake a microsecond before, and sleeps; he has not slept since the purchase."""
    condition, past = compile_expression(asleep), Past(bought_at)
    due = turns_at(condition, scope(bought_at, past, zone=zone), past.newest)
    assert due is not None
    assert holds(condition, scope(due, past, zone=zone))
    for awake in (due - 1, *(due - step * HOUR for step in (1, 2, 24, 30)), *_probes(bought_at, due - 1)):
        assert awake < bought_at or not holds(condition, scope(awake, past, zone=zone))


def test_a_moment_is_passed_at_midnight_where_a_month_is_too_short_for_its_day() -> None:
    at = local(2026, 1, 31, 12, 0)
    day = compile_expression(s.Compare(BORN, "<", s.Ago(MONTH)))
    assert _turned(day, at, geboren=date(2026, 1, 31)) == local(2026, 3, 1)
    moment = compile_expression(s.Compare(s.Moment(s.Day(2026, 1, 31), s.Clock(12, 4)), "<", s.Ago(MONTH)))
    assert _turned(moment, at) == local(2026, 3, 1)
    plain = compile_expression(s.Compare(s.Moment(s.Day(2026, 1, 20), s.Clock(12, 4)), "<", s.Ago(MONTH)))
    assert _turned(plain, at) == local(2026, 2, 20, 12, 4) + 1


def test_days_that_lead_to_the_same_day_each_pass_a_moment_at_its_own_time() -> None:
    moment = s.Compare(s.Moment(s.Day(2026, 2, 28), s.Clock(12, 4)), "<", s.Ago(MONTH))
    passed, found = local(2026, 3, 28, 12, 4), []
    for _ in range(6):
        due = next_turn(moment, passed)
        assert due is not None
        found.append(due)
        passed = due
    assert found == [
        local(2026, 3, 28, 12, 4) + 1, local(2026, 3, 29), local(2026, 3, 29, 12, 4), local(2026, 3, 29, 12, 4) + 1,
        local(2026, 3, 30), local(2026, 3, 30, 12, 4),
    ]  # fmt: skip
    assert next_turn(moment, local(2026, 4, 1, 12, 4) + HOUR) is None


def _turned(condition: Compiled, now: int, **attributes: date) -> int:
    """When a condition is found to have turned, looked at each time that it is said to; it had not just before."""
    before = holds(condition, scope(now, Past(), attributes))
    for _ in range(20):
        due = turns_at(condition, scope(now, Past(), attributes), Past().newest)
        assert due is not None
        now = due
        if holds(condition, scope(now, Past(), attributes)) is not before:
            assert holds(condition, scope(now - 1, Past(), attributes)) is before
            return now
    raise AssertionError("it never turned")


def test_numbers_are_no_dates() -> None:
    assert next_turn(s.Compare(s.Number(Decimal(5)), "<", s.Now()), NOW) is None
