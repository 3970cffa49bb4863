"""When time alone may turn a condition: never later than it does, and never without end."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
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
from rules.turning import HOUR, NEAR, is_turning, leaves, reads, turns_at

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = microseconds(datetime(2026, 1, 5, 11, 0, tzinfo=UTC))  # noon there, a Monday
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
@given(conditions(), ZONES, DATES, INSTANTS, st.lists(INSTANTS.filter(lambda at: at <= NOW), max_size=3))
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


def test_the_end_of_a_month_is_looked_at_until_it_is_over() -> None:
    month = s.Duration(1, "month")
    at = microseconds(datetime(2026, 1, 31, 12, 0, tzinfo=AMSTERDAM).astimezone(UTC))
    past, condition = Past(at), compile_expression(bought(1, month))
    assert _turned(condition, past, at) == datetime(2026, 3, 1, 0, 0, tzinfo=AMSTERDAM)
    day = compile_expression(s.Compare(BORN, "<", s.Ago(month)))
    assert _turned(day, Past(), at, geboren=date(2026, 1, 31)) == datetime(2026, 3, 1, 0, 0, tzinfo=AMSTERDAM)
    moment = compile_expression(s.Compare(s.Moment(s.Day(2026, 1, 31), s.Clock(12, 0)), "<", s.Ago(month)))
    assert _turned(moment, Past(), at) == datetime(2026, 3, 1, 0, 0, tzinfo=AMSTERDAM)


def _turned(condition: Compiled, past: Past, now: int, **attributes: date) -> datetime:
    """When a condition is found to have turned, looked at each time that it is said to; to the hour before."""
    before = holds(condition, scope(now, past, attributes))
    for _ in range(400):
        due = turns_at(condition, scope(now, past, attributes), past.newest)
        assert due is not None
        now = due
        if holds(condition, scope(now, past, attributes)) is not before:
            found = datetime.fromtimestamp(now / 1_000_000, AMSTERDAM)
            return (found - timedelta(microseconds=1)).replace(minute=0, second=0, microsecond=0) + timedelta(
                hours=0 if found.minute or found.second or found.microsecond else 1
            )
    raise AssertionError("it never turned")


def test_numbers_are_no_dates() -> None:
    assert next_turn(s.Compare(s.Number(Decimal(5)), "<", s.Now()), NOW) is None
