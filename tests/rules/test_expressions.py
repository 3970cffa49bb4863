"""Conditions over a contact: what holds, what does not, and what is not set."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from rules import syntax as s
from rules.conditions import CannotRunError, Segments, compile_expression
from rules.expressions import Scope, holds, value_of
from rules.times import microseconds

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))  # a Monday


def scope() -> Scope:
    return Scope(
        {
            "score": 9,
            "unit": "keuken",
            "rest": "",
            "dag": date(2026, 1, 5),
            "uur": time(9, 30),
            "prijs": Decimal("9.5"),
        },
        {"naam": "Jan", "geboren": date(2008, 1, 5), "gezien": date(2026, 1, 5)},
        {"klant"},
        True,
        microseconds(NOW.astimezone(UTC)),
        ZoneInfo("Europe/Amsterdam"),
    )


def number(value: str) -> s.Number:
    return s.Number(Decimal(value))


SCORE, NAME, UNSET = s.Name("score"), s.Attribute("contact", "naam"), s.Name("nergens")
YEARS_18 = s.Ago(s.Duration(18, "year"))
TODAY = s.Day(2026, 1, 5)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (s.Compare(SCORE, "=", number("9")), True),
        (s.Compare(SCORE, "!=", number("9")), False),
        (s.Compare(SCORE, ">=", number("9")), True),
        (s.Compare(SCORE, ">", number("9")), False),
        (s.Compare(SCORE, "<", number("9.5")), True),
        (s.Compare(s.Name("prijs"), "=", number("9.50")), True),
        (s.Compare(NAME, "=", s.String("JAN")), True),
        (s.Compare(NAME, "!=", s.String("Piet")), True),
        # What is not set is neither equal nor unequal.
        (s.Compare(UNSET, "=", number("9")), False),
        (s.Compare(UNSET, "!=", number("9")), False),
        (s.Compare(number("9"), "<", UNSET), False),
        # What cannot be ordered does not hold.
        (s.Compare(NAME, "<", number("9")), False),
        (s.Compare(NAME, "!=", number("9")), True),
        # Dates compare by the day, moments by the instant on the contact's clock.
        (s.Compare(s.Attribute("contact", "geboren"), "<=", YEARS_18), True),
        (s.Compare(s.Attribute("contact", "geboren"), "<", YEARS_18), False),
        (s.Compare(s.Now(), "=", TODAY), True),
        (s.Compare(s.Name("dag"), "=", TODAY), True),
        (s.Compare(s.Now(), ">=", s.Moment(TODAY, s.Clock(12, 0))), True),
        (s.Compare(s.Now(), ">", s.Moment(TODAY, s.Clock(12, 0))), False),
        (s.Compare(s.Attribute("contact", "gezien"), "=", s.Now()), True),
        # A bare value holds when it is set.
        (SCORE, True),
        (UNSET, False),
        (s.Name("rest"), False),
        (NAME, True),
        (s.Attribute("contact", "postcode"), False),
        (s.HasTag("klant"), True),
        (s.HasTag("oud"), False),
        (s.NewContact(), True),
        (s.TimeIn(s.Clock(12, 0), s.Clock(13, 0)), True),
        (s.TimeIn(s.Clock(11, 0), s.Clock(12, 0)), False),
        (s.TimeIn(s.Clock(21, 0), s.Clock(8, 0)), False),
        (s.TimeIn(s.Clock(11, 0), s.Clock(8, 0)), True),
        (s.TimeIn(s.Clock(22, 0), s.Clock(13, 0)), True),
        (s.DayIn(("mon", "tue")), True),
        (s.DayIn(("sat", "sun")), False),
        (s.Not(UNSET), True),
        (s.Not(SCORE), False),
        (s.And((SCORE, s.HasTag("klant"))), True),
        (s.And((SCORE, UNSET)), False),
        (s.Or((UNSET, SCORE)), True),
        (s.Or((UNSET, s.HasTag("oud"))), False),
    ],
)
def test_what_holds(expression: s.Expression, expected: bool) -> None:
    assert holds(compile_expression(expression), scope()) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (SCORE, 9),
        (UNSET, None),
        (s.Name("rest"), None),
        (s.String("Jan"), "Jan"),
        (number("12"), 12),
        (number("12.50"), Decimal("12.50")),
        (TODAY, date(2026, 1, 5)),
        (s.Now(), date(2026, 1, 5)),
        (s.HasTag("klant"), 1),
        (s.HasTag("oud"), 0),
    ],
)
def test_what_is_kept(expression: s.Expression, expected: object) -> None:
    assert value_of(compile_expression(expression), scope()) == expected


class Past:
    """A contact that bought twice yesterday, clicked, and lets the brand advertise."""

    def happened(self, event: str, since: int) -> int:
        """Two purchases a day ago."""
        return 2 if event == "purchase" and since <= microseconds((NOW - timedelta(days=1)).astimezone(UTC)) else 0

    def clicked(self) -> bool:
        """Yes."""
        return True

    def consents(self, message_class: str) -> bool:
        """To what is promotional."""
        return message_class == "promotional"


DAY, WEEK = s.Duration(1, "day"), s.Duration(1, "week")


@pytest.mark.parametrize(
    ("expression", "expected", "of_nobody"),
    [
        (s.Happened("purchase"), True, False),
        (s.Happened("purchase", 2, WEEK), True, False),
        (s.Happened("purchase", 3, WEEK), False, False),
        (s.Happened("purchase", None, DAY), True, False),
        (s.Happened("purchase", None, s.Duration(23, "hour")), False, False),
        (s.Happened("cart"), False, False),
        (s.Clicked(), True, False),
        (s.HasConsent("promotional"), True, False),
        (s.HasConsent("transactional"), False, False),
        (s.Not(s.Clicked()), False, True),
    ],
)
def test_what_a_contact_did_and_allows(expression: s.Expression, expected: bool, of_nobody: bool) -> None:
    looked_at = scope()
    assert holds(compile_expression(expression), looked_at) is of_nobody
    looked_at.told = Past()
    assert holds(compile_expression(expression), looked_at) is expected


def test_a_field_of_the_event_is_a_value_like_others() -> None:
    looked_at = scope()
    total = s.Attribute("event", "total")
    assert value_of(compile_expression(total), looked_at) is None
    looked_at.variables["event.total"] = 25
    assert holds(compile_expression(s.Compare(total, ">", number("20"))), looked_at)


def test_a_segment_is_its_condition_over_others_too() -> None:
    segments: Segments = {"klanten": s.HasTag("klant"), "beste": s.And((s.InSegment("klanten"), SCORE))}
    assert holds(compile_expression(s.InSegment("beste"), segments), scope())
    assert not holds(compile_expression(s.Not(s.InSegment("klanten")), segments), scope())


@pytest.mark.parametrize("name", ["onbekend", "zelf", "heen"])
def test_a_segment_that_nobody_knows_or_that_names_itself_is_refused(name: str) -> None:
    segments: Segments = {"zelf": s.Not(s.InSegment("zelf")), "heen": s.InSegment("weer"), "weer": s.InSegment("heen")}
    with pytest.raises(CannotRunError, match="InSegment"):
        compile_expression(s.InSegment(name), segments)
