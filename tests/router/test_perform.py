"""Effects become rows: what is changed, what is withheld and why, and what a STOP sweeps away."""

from typing import Any

import msgspec
import pytest

from router.claims import Allowance
from router.consent import CONFIRMATION_LIFE, LOOP_REPLIES
from router.instants import DAY, HOUR, MINUTE
from router.messages import Contact, Facts, Occurrence, Run
from router.perform import Performance
from router.plan import (
    OPERATOR,
    AddTag,
    Effect,
    EndRun,
    OptIn,
    OptOut,
    Plan,
    RecordValue,
    RemoveTag,
    SendText,
    SetAttribute,
    Suspend,
    Withhold,
)
from router.silence import Stop
from tests.support.routing import JAN, NOW, PIET, Phones, shared


def text(message_class: Any = "conversational", **more: Any) -> SendText:
    known: dict[str, Any] = {"brand": "Shop", "number": "4411", "text": "Dag", "encoding": "gsm7", "segments": 1}
    return SendText(message_class=message_class, **(known | more))


def perform(phones: Phones, *effects: Effect, message: str | None = "JOIN", sender: str = JAN) -> Performance:
    """Perform effects for a contact (number 1), as if a text of his had led to them."""
    came = None if message is None else phones.text(sender, message)
    facts = Facts(Contact(1, sender, is_new=True), "4411", message=came)
    performance = Performance(phones.ways.place(), Allowance({"carrier": 100}))
    performance.add(facts, Plan("routed", "Shop", "r", effects, "d"), unsettled=())
    with phones.store.begin() as tx:
        performance.write(tx)
    return performance


def test_a_text_that_came_in_is_written_with_what_took_it(phones: Phones) -> None:
    perform(phones)
    (row,) = phones.table("inbound")
    assert (row["contact_id"], row["number"], row["text"], row["state"]) == (1, "4411", "JOIN", "routed")
    assert (row["brand"], row["rule"], row["deployment"], row["fault"]) == ("Shop", "r", "d", "")
    assert (row["session"], row["sequence"], row["connector"]) == (1, 7, "carrier")
    (thread,) = phones.table("threads")
    assert (thread["last_brand"], thread["last_in_at"], thread["replies"]) == ("Shop", NOW, 0)


def test_tags_and_attributes_are_changed_one_after_the_other(phones: Phones) -> None:
    perform(
        phones, AddTag("Shop", "b"), AddTag("Shop", "a"), AddTag("Shop", "c"), RemoveTag("Shop", "c"),
        SetAttribute("Shop", "n", 1), SetAttribute("Shop", "n", 2), SetAttribute("Other", "n", 3),
    )  # fmt: skip
    other, shop = phones.table("profiles")
    assert (shop["brand"], shop["tags"], shop["attributes"], shop["opted_out_at"]) == (
        "Shop",
        '["a","b"]',
        '{"n":2}',
        None,
    )
    assert (other["brand"], other["tags"], other["attributes"]) == ("Other", "[]", '{"n":3}')


def test_a_value_recorded_once_stays_the_first(phones: Phones) -> None:
    for value in (1, 2):
        perform(phones, RecordValue(brand="Shop", name="nps", value=value, once=True, rule="r"))
        perform(phones, RecordValue(brand="Shop", name="stem", value=value))
    rows = [(row["name"], row["value"], bool(row["once"])) for row in phones.table("records")]
    assert sorted(rows) == [
        ("nps", '{"value":1}', True),
        ("stem", '{"value":1}', False),
        ("stem", '{"value":2}', False),
    ]


def test_a_run_is_stored_rewritten_and_ended(phones: Phones) -> None:
    run = Run(kind="wait", brand="Shop", number="4411", rule="r", frames=("a", "b"), deployment="d", due_at=NOW + HOUR,
              variables={"x": 1})  # fmt: skip
    performance = perform(phones, Suspend(run))
    assert performance.next_due == NOW + HOUR
    (row,) = phones.table("runs")
    assert (row["frames"], row["variables"], row["started_at"], row["misses"]) == ('["a","b"]', '{"x":1}', NOW, 0)
    again = Run(id=row["id"], kind="question", brand="Shop", number="4411", rule="r", frames=("c",), deployment="e",
                due_at=None, misses=2, started_at=row["started_at"])  # fmt: skip
    assert perform(phones, Suspend(again)).next_due is None
    (row,) = phones.table("runs")
    assert (row["id"], row["frames"], row["misses"], row["due_at"]) == (again.id, '["c"]', 2, None)
    perform(phones, EndRun(row["id"], "answered"))
    assert phones.table("runs") == []


def test_the_earliest_of_what_is_suspended_is_when_to_look_again(phones: Phones) -> None:
    run = Run(kind="wait", brand="Shop", number="4411", rule="r", frames=("a",), deployment="d")
    runs = [Suspend(msgspec.structs.replace(run, due_at=NOW + due)) for due in (3, 1, 2)]
    assert perform(phones, *runs).next_due == NOW + 1


@pytest.mark.parametrize(
    ("effect", "sender", "reason"),
    [
        (text("promotional"), JAN, "no_consent(promotional)"),
        (text("transactional"), JAN, "no_consent(transactional)"),
        (text(), "Klusser", "not_a_phone"),
        (text(), "4412", "not_a_phone"),
        (text(message_class="help"), "Klusser", "not_a_phone"),
        (Withhold(brand="Shop", number="4411", message_class="conversational", text="Dag", reason="too_long"), JAN,
         "too_long"),
    ],
)  # fmt: skip
def test_what_may_not_go_out_is_a_row_with_its_reason(phones: Phones, effect: Effect, sender: str, reason: str) -> None:
    performance = perform(phones, effect, sender=sender)
    assert performance.claims == []
    assert performance.withheld == {reason: 1}
    (row,) = phones.table("outbox")
    assert (row["state"], row["reason"], row["text"], row["settled_at"]) == ("withheld", reason, "Dag", NOW)


def test_our_own_numbers_are_not_answered(phones: Phones) -> None:
    place = phones.ways.place()
    assert place.own_numbers == {"4411"}
    phones.ways.own_numbers = frozenset({JAN})
    assert perform(phones, text()).withheld == {"own_number": 1}


def test_nothing_conversational_goes_to_whoever_never_wrote(phones: Phones) -> None:
    assert perform(phones, text(), message=None).withheld == {"no_recent_text": 1}
    assert phones.table("inbound") == []


def test_what_no_connector_carries_goes_back_the_way_it_came(phones: Phones) -> None:
    performance = perform(phones, text(number="5511"))
    assert [claim.connector for claim in performance.claims] == ["carrier"]
    other = perform(phones, text(number="5511", brand=None, message_class="operator"), message=None)
    assert other.withheld == {"no_connector": 1}


def test_only_the_first_text_of_a_plan_is_claimed(phones: Phones) -> None:
    performance = perform(phones, text(text="1"), text(text="2"), text(text="3"))
    assert [claim.text for claim in performance.claims] == ["1"]
    assert performance.ready == {"carrier": 2}


def test_two_machines_that_answer_each_other_fall_silent(phones: Phones) -> None:
    for _ in range(LOOP_REPLIES + 2):
        phones.write(JAN, "onzin")
    assert [row["reason"] for row in phones.table("outbox")][-2:] == ["loop_guard"] * 2
    assert phones.states().count("withheld") == 2
    assert phones.write(PIET, "onzin")
    phones.later(MINUTE)
    phones.write(JAN, "onzin")
    assert phones.states()[-1] == "ready"


# ---- STOP


def test_stop_sweeps_away_what_the_brand_has_for_the_contact(phones: Phones) -> None:
    phones.write(JAN, "QUIZ", "LATER", "TWEE")
    phones.write(PIET, "QUIZ")
    assert phones.states() == ["claimed", "ready", "ready", "claimed"]
    phones.write(JAN, "STOP")
    rows = phones.table("outbox")
    assert [(row["state"], row["reason"]) for row in rows] == [
        ("claimed", ""), ("cancelled", "opted_out"), ("cancelled", "opted_out"), ("claimed", ""), ("ready", ""),
    ]  # fmt: skip
    assert rows[-1]["message_class"] == "stop_confirmation"
    assert len({row["contact_id"] for row in phones.table("runs")}) == 1
    assert [row["opted_out_at"] for row in phones.table("profiles")] == [NOW]


def test_after_stop_there_is_silence_and_one_confirmation(phones: Phones) -> None:
    (confirmed,) = phones.write(JAN, "STOP")
    assert confirmed.message_class == "stop_confirmation"
    phones.commit(outcomes=[phones.sent(confirmed)])
    assert phones.write(JAN, "STOP", "JOIN", "QUIZ", "LATER") == []
    assert [row["reason"] for row in phones.table("outbox")[1:]] == ["opted_out"] * 2
    phones.later(2 * DAY)
    assert phones.commit(due=True).claims == []
    (started,) = phones.write(JAN, "START")
    assert started.message_class == "start_confirmation"
    phones.commit(outcomes=[phones.sent(started)])
    assert [row["opted_out_at"] for row in phones.table("profiles")] == [None]
    assert [claim.text for claim in phones.write(JAN, "JOIN")] == ["Welkom!"]


def test_stop_then_start_in_one_plan_is_done_in_order(phones: Phones) -> None:
    performance = perform(phones, OptOut(("Shop",)), text(), OptIn(("Shop",)), text(text="Weer"))
    assert performance.withheld == {"opted_out": 1}
    assert [claim.text for claim in performance.claims] == ["Weer"]
    assert [row["opted_out_at"] for row in phones.table("profiles")] == [None]


def test_stop_is_one_brands_and_no_others(phones: Phones) -> None:
    both = Phones(phones.store, shared())
    both.write(JAN, "BOUW", "BROOD", "STOP")
    assert [(row["brand"], row["opted_out_at"]) for row in both.table("profiles")] == [("Bakker", NOW)]
    assert [run["brand"] for run in both.table("runs")] == ["Aannemer"]
    both.later(10 * MINUTE)
    both.commit(due=True)
    assert [row["text"] for row in both.table("outbox")][-1] == "Namens Aannemer."
    both.write(JAN, "STOP ALLES")
    assert {row["brand"] for row in both.table("profiles") if row["opted_out_at"]} == {"Aannemer", "Bakker", OPERATOR}


def test_stop_of_everybody_ends_what_the_operator_has_under_way_and_only_its_confirmation_goes_out(
    phones: Phones,
) -> None:
    both = Phones(phones.store, shared())
    operators = both.write(JAN, "WAT?")
    both.write(JAN, "WAT DAN?")
    assert (len(operators), both.states()) == (1, ["claimed", "ready"])
    both.later(1)
    done = both.commit(inbound=[both.text(JAN, "STOP ALLES")])
    assert both.states() == ["claimed", "cancelled", "ready"]
    assert [(one.mine, one.elsewhere) for one in done.stops] == [((operators[0].id,), ())]
    assert both.commit(outcomes=[both.refused(operators[0], NOW)], claim=True).claims == [], "overtaken"
    assert [claim.message_class for claim in both.commit(claim=True).claims] == ["stop_confirmation"]
    assert both.states() == ["cancelled", "cancelled", "claimed"]


def test_a_second_stop_leaves_the_first_ones_confirmation_its_turn(phones: Phones) -> None:
    phones.write(JAN, "JOIN", "STOP", "STOP", room=0)
    assert phones.states() == ["cancelled", "ready"]
    phones.write(JAN, "START", "STOP", room=0)
    assert phones.states().count("ready") == 1, "a third one has its own"


def test_the_confirmation_of_a_stop_that_found_no_room_for_five_minutes_is_not_sent(phones: Phones) -> None:
    phones.write(JAN, "STOP", room=0)
    phones.later(CONFIRMATION_LIFE + 1)
    assert phones.commit(claim=True).claims == []
    assert [(row["state"], row["reason"]) for row in phones.table("outbox")] == [("cancelled", "too_late")]


def test_a_stop_lists_what_other_nodes_have_claimed_and_so_does_its_repeat(
    two_nodes: tuple[Phones, Phones],
) -> None:
    phones, other = two_nodes
    (claim,) = other.write(JAN, "JOIN")
    stop = phones.text(JAN, "STOP")
    (told,) = phones.commit(inbound=[stop]).stops
    assert (told.cause_id, told.address, told.mine, told.elsewhere) == (stop.id, JAN, (), (claim.id,))
    again = phones.text(JAN, "STOP", repeats=stop.id)
    (told,) = phones.commit(inbound=[again]).stops
    assert (told.cause_id, told.elsewhere) == (again.id, (claim.id,))
    assert phones.commit(watch=[claim.id]).watched == []
    other.commit(outcomes=[other.sent(claim)])
    assert phones.commit(watch=[claim.id]).watched == [claim.id]


def test_an_opt_out_by_a_page_is_told_what_this_node_and_others_have_claimed(
    two_nodes: tuple[Phones, Phones],
) -> None:
    phones, other = two_nodes
    (theirs,) = other.write(JAN, "JOIN")
    told = by_page(phones)
    assert (told.address, told.mine, told.elsewhere) == (JAN, (), (theirs.id,))
    assert phones.commit(watch=[theirs.id]).watched == []
    other.commit(outcomes=[other.sent(theirs)])
    assert phones.commit(watch=[theirs.id]).watched == [theirs.id]


def test_an_opt_out_by_a_page_sweeps_as_stop_does(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN", "LATER")
    phones.write(JAN, "LANG", room=0)
    told = by_page(phones)
    assert (told.address, told.mine, told.elsewhere) == (JAN, (claim.id,), ())
    assert phones.states() == ["claimed", "cancelled"]
    assert phones.table("runs") == []
    assert [row["opted_out_at"] for row in phones.table("profiles")] == [NOW]


def by_page(phones: Phones) -> Stop:
    wish = Occurrence(
        id=phones.world.ids.next(NOW), brand="Shop", address=JAN, name="optout", source="optout", at=NOW,
        received_at=NOW,
    )  # fmt: skip
    (told,) = phones.commit(occurrences=[wish]).stops
    assert told.cause_id == wish.id
    return told


def test_another_lease_is_granted_until_stop(two_nodes: tuple[Phones, Phones]) -> None:
    phones, other = two_nodes
    (claim,) = other.write(JAN, "LANG")
    assert other.commit(renew=[claim.id]).renewed.granted == [claim.id]
    phones.write(JAN, "STOP")
    assert other.commit(renew=[claim.id]).renewed.over == [claim.id]
