"""A report's rows, funnels, splits and warnings, from counts made by hand."""

from typing import Any

from gateway.commands.stats_page import page
from gateway.report import MOST_CHOICES, Asked, report
from router.counted import GIVEN, Came, Clicked, Converted
from router.figures import Counting
from router.instants import DAY, HOUR
from router.measure import Measured, Noted
from router.prices import Prices
from router.world import first_id_at
from tests.support.figures import PRICES, came, sent
from tests.support.routing import NOW

DRIP = "Shop/drip welkom"


def counting() -> Counting:
    return Counting(PRICES, (first_id_at(NOW), first_id_at(NOW + 90 * DAY)))


def told(counted: Counting, by: str = "rule", noted: Any = None, samples: Any = None, brand: str | None = None) -> Any:
    asked = Asked("2026-01-05", "2026-04-05", "UTC", brand, by, 2.0)
    counted.finish()
    return report(Measured(counted, noted or {}, samples or {}), asked)


def drip(contacts: int, step: str, after: int, arm: str = "", first: int = 0) -> list[Any]:
    return [
        sent(after + place, contact_id=place, rule=DRIP, step=step, arm=arm, cause_id=first_id_at(NOW))
        for place in range(first, first + contacts)
    ]


def welcome() -> Counting:
    """200 enter, 150 come to the split (75 in each arm), 30 to the last step; 8 of the first stop."""
    counted = counting()
    rows = [
        *drip(200, "reply-a", 0), *drip(75, "reply-b", 3 * DAY, "aanbod=korting"),
        *drip(75, "reply-c", 3 * DAY, "aanbod=tweevooreen", first=75), *drip(30, "reply-d", 7 * DAY),
    ]  # fmt: skip
    stops = [came(HOUR + place, contact_id=190 + place, state="opted_out") for place in range(8)]
    events: list[Any] = sorted([*rows, *stops], key=lambda row: row.id)
    for event in events:
        if event in stops:
            counted.came(event)
        else:
            counted.sent(event)
    return counted


def test_capability_83_a_funnel_in_the_order_of_the_time_line_with_arms_as_one_step() -> None:
    rows = told(welcome(), "step")["rows"]
    assert [(row["step"], row["arm"], row["sent"], row["days_after"]) for row in rows] == [
        ("reply-a", "", 200, 0.0),
        ("reply-b", "aanbod=korting", 75, 3.0),
        ("reply-c", "aanbod=tweevooreen", 75, 3.0),
        ("reply-d", "", 30, 7.0),
    ]
    assert [row["drop_off"] for row in rows] == [None, 0.25, 0.25, 0.8]
    lines = page(told(welcome(), "step"))
    assert any("aanbod=korting" in line and "25.0 %" in line for line in lines)


def test_a_chain_that_is_no_drip_has_branches_and_no_drop_off() -> None:
    counted = counting()
    for row in (*drip(10, "a", 0), *drip(5, "b", DAY)):
        counted.sent(row._replace(rule="Shop/keyword JA"))
    assert [row["drop_off"] for row in told(counted, "step")["rows"]] == [None, None]
    assert "drop-off" not in "\n".join(page(told(counted, "step")))


def test_capability_83_a_step_that_too_many_leave_after_is_warned_of() -> None:
    (warning,) = told(welcome())["warnings"]
    assert (warning["step"], warning["sent"], warning["opted_out"], warning["rate"]) == ("reply-a", 200, 8, 0.04)
    assert page(told(welcome()))[-1] == (
        'warning: 4.0 % opted out after "" (drip welkom, Shop): 8 of 200 texts, likely 2.0 to 7.7 %; the limit is 2 %'
    )
    counted = counting()
    for row in drip(100, "reply-a", 0):
        counted.sent(row)
    for contact in (1, 2):
        counted.came(came(HOUR, contact_id=contact, state="opted_out"))
    assert told(counted)["warnings"] == []


def split_with(clicks: tuple[int, int], contacts: int = 400) -> Counting:
    counted = counting()
    for row in (
        *drip(contacts, "b", 0, "aanbod=korting"), *drip(contacts, "c", 0, "aanbod=tweevooreen", first=contacts)
    ):  # fmt: skip
        counted.sent(row)
    for step, first, number in (("b", 0, clicks[0]), ("c", contacts, clicks[1])):
        for contact in range(first, first + number):
            counted.clicked(Clicked(first_id_at(NOW + HOUR), contact, "Shop", DRIP, step, first_id_at(NOW)))
    return counted


def test_capability_22_n_conversions_interval_and_no_winner_yet() -> None:
    found = told(split_with((40, 50)), "arm")
    (split,) = found["splits"]
    assert [(arm["arm"], arm["contacts"], arm["hits"]) for arm in split["arms"]] == [
        ("korting", 400, 40), ("tweevooreen", 400, 50),
    ]  # fmt: skip
    assert (split["measure"], split["winner"], split["leader"]) == ("clicked", None, "tweevooreen")
    assert split["contacts_needed"] > 1_000
    lines = page(found)
    assert "    korting: 40 of 400 contacts, 10.0 % (likely 7.4 to 13.3 %)" in lines
    assert lines[-1].startswith("    no winner yet (tweevooreen against korting: -")
    assert lines[-1].endswith("more contacts will tell")
    assert [(row["arm"], row["contacts"], row["clicked"]) for row in found["rows"]] == [
        ("aanbod=korting", 400, 40), ("aanbod=tweevooreen", 400, 50),
    ]  # fmt: skip


def test_a_winner_alike_arms_and_a_lone_arm_are_told() -> None:
    assert page(told(split_with((40, 120))))[-1].startswith("    winner: tweevooreen (tweevooreen against korting: +")
    assert "too much alike" in page(told(split_with((40, 40))))[-1]
    counted = counting()
    for row in drip(10, "b", 0, "aanbod=korting"):
        counted.sent(row)
    assert page(told(counted))[-1] == "    one arm only, so far: nothing to compare"


def test_goals_count_before_clicks() -> None:
    counted = split_with((40, 50))
    counted.converted(Converted(first_id_at(NOW + DAY), 3, "Shop", DRIP, first_id_at(NOW)))
    found = told(counted)
    assert found["splits"][0]["measure"] == "converted"
    assert (found["total"]["converted"], found["rows"][0]["converted"]) == (1, 1)
    assert "Converted   1 goal reached" in page(found)


def test_capability_16_joins_and_cost_by_keyword() -> None:
    counted = counting()
    for word, contacts in (("OFFER99", 5), ("OFFER66", 2)):
        rule = f"Shop/keyword {word}"
        for contact in range(contacts):
            counted.came(came(contact, contact_id=contact, rule=rule))
            counted.sent(sent(HOUR, contact_id=contact, rule=rule, segments=2))
        counted.came(Came(first_id_at(NOW + HOUR), 1, "", "Shop", GIVEN, rule))
    counted.came(came(HOUR, rule="", brand=None, state="unrouted"))
    found = told(counted, "keyword", brand="Shop")
    rows = {row["keyword"]: row for row in found["rows"]}
    assert (rows["OFFER99"]["texts_in"], rows["OFFER99"]["joined"], rows["OFFER99"]["cost"]) == (5, 1, {"EUR": "0.70"})
    assert (rows["OFFER66"]["texts_in"], rows["OFFER66"]["joined"], rows["OFFER66"]["cost"]) == (2, 1, {"EUR": "0.28"})
    assert (rows[None]["texts_in"], rows[None]["contacts"]) == (1, 1)
    assert any(line.startswith("(no keyword)") for line in page(found))


def test_capability_80_counts_cost_and_opt_outs_by_class() -> None:
    counted = counting()
    counted.sent(sent(0))
    counted.sent(sent(0, contact_id=2, message_class="transactional"))
    counted.sent(sent(0, brand=None, contact_id=3, message_class="operator"))
    counted.came(came(HOUR, state="opted_out"))
    rows = {row["class"]: row for row in told(counted, "class")["rows"]}
    assert (rows["promotional"]["opted_out"], rows["transactional"]["opted_out"]) == (1, 0)
    assert rows["transactional"]["cost"] == {"EUR": "0.07"}
    assert any(line.startswith("(the operator)") for line in page(told(counted, "class")))


def test_capability_25_nps() -> None:
    noted = {("Shop", "nps"): Noted(scores={1: 10, 2: 9, 3: 7, 4: 0})}
    (score,) = told(counting(), noted=noted)["nps"]
    assert (score["score"], score["promoters"], score["passives"], score["detractors"]) == (25.0, 2, 1, 1)
    assert "NPS nps of Shop: +25.0 from 4 scores (likely -47.3 to +80.6)" in page(told(counting(), noted=noted))


def test_a_record_with_many_values_is_cut() -> None:
    noted = {("Shop", "naam"): Noted(values={who: f"naam {who:03}" for who in range(MOST_CHOICES + 5)})}
    (vote,) = told(counting(), noted=noted)["votes"]
    assert (vote["contacts"], vote["values"], len(vote["choices"])) == (25, 25, MOST_CHOICES)
    assert page(told(counting(), noted=noted))[-1] == "    and 5 more"


def test_money_without_a_price_and_what_was_withheld_are_told() -> None:
    counted = Counting(Prices(), (first_id_at(NOW), first_id_at(NOW + DAY)))
    counted.sent(sent(0))
    counted.sent(sent(1, state="withheld", reason="quiet_hours"))
    counted.sent(sent(2, state="ready"))
    lines = page(told(counted))
    assert "Cost        1 segment: 1 without a price" in lines
    assert "Withheld    1 quiet_hours" in lines
    assert "Not sent    1 waiting" in lines
    counted = counting()
    counted.sent(sent(0))
    counted.sent(sent(0, connector="other"))
    assert "Cost        2 segments: EUR 0.07 and 1 without a price" in page(told(counted))
    nothing = counting()
    nothing.sent(sent(0, state="withheld", reason="x"))
    assert "Cost        0 segments: –" in page(told(nothing))
