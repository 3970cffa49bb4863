"""Why a condition came out as it did: what decided it, with what it saw."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from rules import syntax as s
from rules.conditions import compile_expression
from rules.expressions import Compiled, Scope, holds
from rules.reasons import reasons, written
from rules.times import microseconds

NOW = microseconds(datetime(2026, 1, 5, 11, 0, tzinfo=UTC))
LAST = microseconds(datetime(2025, 12, 24, 20, 0, tzinfo=UTC))
NAME, CITY = s.Attribute("contact", "naam"), s.Attribute("contact", "stad")
TAG, VIP = s.HasTag("klant"), s.HasTag("vip")


class Past:
    """Somebody who bought once, before Christmas."""

    def happened(self, event: str, since: int) -> int:
        """How often."""
        return int(event == "koop" and since <= LAST)

    def clicked(self) -> bool:
        """A link was."""
        return True

    def consents(self, message_class: str) -> bool:
        """Advertising is allowed."""
        return message_class == "promotional"

    def newest(self, event: str, nth: int) -> int | None:
        """When."""
        return LAST if event == "koop" and nth == 1 else None


def why(node: s.Expression) -> list[tuple[str, str]]:
    scope = Scope(
        {"score": 9, "uur": None, "event.total": Decimal("12.5"), "leeg": ""},  # type: ignore[dict-item]
        {"naam": "Jan", "geboren": date(2000, 2, 1)}, {"klant"}, True, NOW, ZoneInfo("Europe/Amsterdam"),
    )  # fmt: skip
    past = Past()
    scope.told = past
    condition: Compiled = compile_expression(node)
    holds(condition, scope)
    return [(one.condition, one.value) for one in reasons(condition, scope, past.newest)]


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (TAG, ("tag klant", "yes")),
        (VIP, ("tag vip", "no")),
        (s.HasConsent("promotional"), ("consent promotional", "yes")),
        (s.NewContact(), ("new contact", "yes")),
        (s.Clicked(), ("clicked", "yes")),
        (NAME, ("contact.naam", "Jan")),
        (CITY, ("contact.stad", "not set")),
        (s.Name("leeg"), ("leeg", "not set")),
        (s.Name("score"), ("score", "9")),
        (s.Attribute("event", "total"), ("event.total", "12.5")),
        (s.Compare(NAME, "=", s.String("jan")), ('contact.naam = "jan"', "Jan")),
        (s.Compare(CITY, "!=", s.String("Ede")), ('contact.stad != "Ede"', "not set")),
        (s.Compare(s.Name("score"), ">=", s.Number(Decimal(9))), ("score >= 9", "9")),
        (
            s.Compare(s.Attribute("contact", "geboren"), "<=", s.Ago(s.Duration(18, "year"))),
            ("contact.geboren <= 18 years ago", "2000-02-01, 2008-01-05 12:00"),
        ),
        (
            s.Compare(s.Now(), ">", s.Moment(s.Day(2026, 1, 5), s.Clock(9, 0))),
            ("now > 2026-01-05 09:00", "2026-01-05 12:00"),
        ),
        (s.Compare(s.Now(), ">", s.Day(2026, 1, 5)), ("now > 2026-01-05", "2026-01-05 12:00")),
        (s.TimeIn(s.Clock(21, 0), s.Clock(8, 30)), ("time in 21:00..08:30", "12:00")),
        (s.DayIn(("wed", "mon")), ("day in mon, wed", "mon")),
        (
            s.Happened("koop", None, s.Duration(1, "week")),
            ("happened koop in 1 week", "0 times, last on 2025-12-24"),
        ),
        (s.Happened("koop", 3, None), ("happened koop 3 times", "1 times, last on 2025-12-24")),
        (s.Happened("retour", None, s.Duration(30, "day")), ("happened retour in 30 days", "never")),
    ],
)
def test_a_single_condition_tells_what_it_saw(node: s.Expression, expected: tuple[str, str]) -> None:
    assert why(node) == [expected]


def test_of_several_those_are_told_that_decided() -> None:
    yes, no = ("tag klant", "yes"), ("tag vip", "no")
    assert why(s.And((TAG, s.Not(VIP)))) == [yes, no]
    assert why(s.And((TAG, VIP, CITY))) == [no]
    assert why(s.Or((VIP, TAG, NAME))) == [yes]
    assert why(s.Or((VIP, CITY))) == [no, ("contact.stad", "not set")]
    assert why(s.Not(s.Or((VIP, TAG)))) == [yes]


def test_a_condition_within_a_comparison_stands_in_brackets() -> None:
    several = s.Or((s.And((TAG, s.Not(VIP))), s.Not(NAME)))
    node = s.Compare(several, "=", s.Number(Decimal(1)))
    assert written(compile_expression(node)) == "((tag klant and not tag vip) or not contact.naam) = 1"
