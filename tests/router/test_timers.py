"""What starts by the clock, by joining and by failing: on both stores, with restarts between."""

from datetime import date
from itertools import count
from typing import Any

import pytest

from router import arming, due, timers
from router.claims import Allowance
from router.consent_import import Import, Order
from router.consent_rows import Consent
from router.due import MOST_TRIES, PUT_OFF, NotPerformed
from router.instants import DAY, HOUR, MINUTE
from router.messages import Occurrence
from router.store.engine import Store, Tx
from router.suppression import Suppressions
from router.timers import JOINS_WITHIN, MOST_JOINS, SLICE
from tests.support.routing import JAN, KEES, NOW, PIET, Phones, book_of
from tests.support.timed import ALL, BIRTHDAY, BRAND, DATE, INACTIVE, PLAIN, Town, crowd, known


def test_who_was_there_before_the_rule_gets_its_timers_in_slices(store: Store) -> None:
    town = Town(store, PLAIN)
    people = crowd(SLICE + 30)
    known(town, people)
    assert town.table("timers") == []
    town.later(DAY)
    town.deploy(PLAIN + INACTIVE + DATE)
    town.look(most=20)
    assert len(town.table("timers")) == 2 * len(people)
    assert {at for source, at in town.timer_rows() if source == "inactive"} == {NOW + 30 * DAY}
    (sweep,) = town.table("sweeps")
    assert sweep["due_at"] is None
    town.later(29 * DAY)
    town.look()
    assert town.occurred() == [("inactive", "Shop/on inactive 30 days")] * len(people)
    town.restart(PLAIN + INACTIVE + DATE)
    town.look()
    assert len(town.occurred()) == len(people)
    assert [at for source, at in town.timer_rows() if source == "inactive"] == [None] * len(people)


def test_a_sweep_that_is_killed_between_slices_goes_on_and_does_nobody_twice(store: Store) -> None:
    town = Town(store, PLAIN)
    people = crowd(60)
    known(town, people)
    town.later(40 * DAY)
    town.deploy(PLAIN + INACTIVE)
    for _ in range(4):
        town.commit(due=True, most_due=10, room=1_000)
    (sweep,) = town.table("sweeps")
    assert sweep["cursor"] > 0
    assert sweep["due_at"] is not None
    assert 0 < len(town.occurred()) < len(people)
    town.restart(PLAIN + INACTIVE)
    town.look()
    assert len(town.occurred()) == len(people)
    town.deploy(PLAIN)  # the rule goes and comes back: whom it has reached is left alone
    town.look()
    town.deploy(PLAIN + INACTIVE)
    town.look()
    assert len(town.occurred()) == len(people)


def test_a_rule_that_goes_takes_its_timers_along_when_they_fall_due(store: Store) -> None:
    town = Town(store, PLAIN + BIRTHDAY + INACTIVE)
    town.write(JAN, "JARIG 06-01-1990")
    town.deploy(PLAIN)
    assert len(town.table("timers")) == 2
    assert town.table("sweeps") == []
    town.later(40 * DAY)
    town.look()
    assert town.table("timers") == []
    assert town.occurred() == []


def test_a_brand_that_goes_takes_its_timers_along(store: Store) -> None:
    town = Town(store, PLAIN + INACTIVE)
    town.write(JAN, "HOI")
    town.ways.adopt(book_of(("other.rules", BRAND.replace("Shop", "Bakker"))))
    town.later(40 * DAY)
    town.look()
    assert town.table("timers") == []


def test_a_birthday_is_held_against_the_attribute_when_it_comes(store: Store) -> None:
    town = Town(store, PLAIN + BIRTHDAY)
    town.write(JAN, "JARIG 08-01-1990")
    (before,) = town.timer_rows()
    with store.begin() as tx:  # by another way than a chain
        tx.write('UPDATE profiles SET attributes = \'{"geboren": {"date": "1990-01-09"}}\'')
    town.later(3 * DAY)
    town.look()
    (after,) = town.timer_rows()
    assert town.occurred() == []
    assert (after[1] or 0) - (before[1] or 0) == DAY
    town.later(DAY)
    town.look()
    assert town.occurred() == [("birthday", "Shop/on birthday of contact.geboren at 10:00")]


def test_a_text_to_another_brand_of_the_number_is_an_act_too(store: Store) -> None:
    head = 'brand "{0}"\n    numbers 4411\n    language nl\n    timezone Europe/Amsterdam\n\nkeyword {1}\n'
    head += '    tag kent\n    reply "Hier {0}"\n\non inactive 2 days\n    record stil = "ja"\n'
    town = Town(store, PLAIN)
    both = book_of(("a.rules", head.format("Aannemer", "BOUW")), ("b.rules", head.format("Bakker", "BROOD")))
    town.ways.adopt(both)
    town.write(JAN, "BOUW")
    assert [row["brand"] for row in town.table("timers")] == ["Aannemer"]
    town.later(DAY)
    town.write(JAN, "BROOD")
    town.later(DAY)
    town.look()
    assert town.occurred() == []
    town.later(DAY)
    town.look()
    assert sorted(row["brand"] for row in town.table("events")) == ["Aannemer", "Bakker"]
    town.write(JAN, "BROOD")
    assert [row["due_at"] for row in town.table("timers")] == [town.world.now() + 2 * DAY] * 2


def receipts_of(town: Phones, *texts: str, state: str = "UNDELIV") -> None:
    """The centre takes the newest text to each of these phones in two parts, and tells what became of them."""
    town.commit(receipts=[town.receipt(one, state) for one in texts])


def test_a_long_text_does_not_arrive_once_however_many_parts_fail_and_when_it_is_told_again(store: Store) -> None:
    town = Town(store, ALL)
    (claim,) = town.write(JAN, "LANG")
    town.commit(outcomes=[town.sent(claim, "a", "b")])
    receipts_of(town, "a")
    due = {row["source"] for row in town.table("timers") if row["due_at"] == town.world.now()}
    assert due - {"turn"} == {"undelivered"}
    town.look()
    assert ("undelivered", "") in town.occurred()
    receipts_of(town, "b")
    receipts_of(town, "a")
    town.look()
    assert town.occurred().count(("undelivered", "")) == 1


def test_a_receipt_that_comes_before_its_text_is_known_counts_too(store: Store) -> None:
    town = Town(store, ALL)
    (claim,) = town.write(JAN, "HOI")
    receipts_of(town, "early", state="REJECTD")
    done = town.commit(outcomes=[town.sent(claim, "early")])
    assert done.next_due == town.world.now()
    town.look()
    assert ("undelivered", "") in town.occurred()


def test_a_brand_without_a_rule_for_it_is_told_nothing(store: Store) -> None:
    town = Town(store, PLAIN + INACTIVE)
    (claim,) = town.write(JAN, "HOI")
    town.commit(outcomes=[town.sent(claim, "a")])
    receipts_of(town, "a")
    assert [source for source, _ in town.timer_rows()] == ["inactive"]


# ---- what it costs, and what cannot be done


def statements_of(phones: Phones, monkeypatch: pytest.MonkeyPatch, **causes: Any) -> int:
    numbers = count(0)
    with monkeypatch.context() as patch:
        for name in ("execute", "write"):
            original = getattr(Tx, name)

            def counted(tx: Tx, sql: str, parameters: Any = (), original: Any = original) -> Any:
                next(numbers)
                return original(tx, sql, parameters)

            patch.setattr(Tx, name, counted)
        phones.commit(room=1_000, **causes)
    return next(numbers)


def test_the_next_texts_of_a_contact_cost_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, list[int]] = {}
    for number, (name, rules) in enumerate({"plain": PLAIN, "timed": PLAIN + BIRTHDAY + INACTIVE + DATE}.items()):
        town = Town(store, rules)
        town.world.ids = Phones(store, node=f"ams-{number + 5}").world.ids
        phone = f"3161200000{number}"
        town.write(phone, "JOIN", "HOI")
        town.later(HOUR)
        found[name] = [
            statements_of(town, monkeypatch, inbound=[town.text(f"3161300000{number}", "JOIN")]),
            statements_of(town, monkeypatch, inbound=[town.text(phone, "HOI")]),
        ]
    first, later = zip(*found.values(), strict=True)
    assert later[0] == later[1]
    assert first[1] == first[0] + 1  # all timers of the group in one statement


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Contacts of whom nothing can be worked out."""
    found: list[str] = []
    verdict, every = timers._verdict, arming.all_of

    def judged(tx: Any, ways: Any, facts: Any, *more: Any) -> Any:
        if facts.contact.address in found:
            raise ValueError("no such day")
        return verdict(tx, ways, facts, *more)

    def all_of(own: Any, facts: Any, *more: Any) -> Any:
        if facts.contact.address in found:
            raise ValueError("no such day")
        return every(own, facts, *more)

    monkeypatch.setattr(timers, "_verdict", judged)
    monkeypatch.setattr(timers, "all_of", all_of)
    return found


def test_a_timer_that_cannot_go_off_is_put_off_and_shown_and_no_other(store: Store, poison: list[str]) -> None:
    town = Town(store, PLAIN + INACTIVE)
    known(town, [JAN, PIET, KEES])
    town.look()
    poison.append(PIET)
    town.later(30 * DAY)
    town.look(most=4)
    assert len(town.occurred()) == 2
    (row,) = town.table("quarantine")
    assert row["reason"].startswith("inactive of contact ")
    assert row["reason"].endswith(": ValueError: no such day")
    assert sorted(at is None for _, at in town.timer_rows()) == [False, True, True]


def test_a_timer_that_can_never_go_off_is_given_up_after_a_few_tries(store: Store, poison: list[str]) -> None:
    town = Town(store, PLAIN + BIRTHDAY + INACTIVE)
    known(town, [JAN])
    town.write(PIET, "JARIG 08-01-1990")
    poison.append(PIET)
    town.later(3 * DAY)
    town.look()

    def told() -> list[str]:
        return [row["reason"] for row in town.table("quarantine") if row["reason"].startswith("birthday")]

    for tries in range(MOST_TRIES):
        town.look()
        assert len(told()) == tries + 1
        town.look()
        assert len(told()) == tries + 1, "it waits"
        town.later(PUT_OFF * 4**tries)
    assert told()[-1].endswith(
        "(Shop, Shop/on birthday of contact.geboren at 10:00) has failed, after 5 tries: ValueError: no such day"
    )
    assert [source for source, _ in town.timer_rows()].count("birthday") == 0
    poison.clear()
    town.write(PIET, "JARIG 20-01-1990")
    assert [source for source, _ in town.timer_rows()].count("birthday") == 1, "set anew"


def test_tries_are_counted_anew_once_a_timer_has_gone_off(store: Store, poison: list[str]) -> None:
    town = Town(store, PLAIN + BIRTHDAY)
    town.write(PIET, "JARIG 08-01-1990")
    poison.append(PIET)
    town.later(3 * DAY)
    town.look()
    assert [row["tries"] for row in town.table("timers")] == [1]
    poison.clear()
    town.later(PUT_OFF)
    town.look()
    assert [(row["tries"], row["planned_at"]) for row in town.table("timers")] == [(0, None)]
    assert town.occurred() == [("birthday", "Shop/on birthday of contact.geboren at 10:00")]


def test_a_timer_that_another_node_has_put_off_is_left_alone(store: Store) -> None:
    town = Town(store, PLAIN + BIRTHDAY)
    town.write(PIET, "JARIG 08-01-1990")
    town.later(3 * DAY)
    with store.begin() as tx:
        key = timers.first_due(tx, town.world.now())
        assert due.set_aside(tx, town.ways, "no", key)
        assert due.set_aside(tx, town.ways, "no", key) == ""
    assert [row["tries"] for row in town.table("timers")] == [1]


def test_a_sweep_passes_whom_it_cannot_read_and_says_so(store: Store, poison: list[str]) -> None:
    town = Town(store, PLAIN)
    known(town, [JAN, PIET, KEES])
    town.deploy(PLAIN + INACTIVE)
    poison.append(PIET)
    town.look()
    assert len(town.table("timers")) == 2
    (row,) = town.table("quarantine")
    assert row["reason"].startswith("timers of contact ")


def test_a_sweep_that_fails_is_named_and_takes_no_timer_that_falls_due_meanwhile(
    store: Store, poison: list[str]
) -> None:
    town = Town(store, PLAIN + BIRTHDAY)
    town.write(JAN, "JARIG 08-01-1990")
    town.deploy(PLAIN + BIRTHDAY + INACTIVE)
    poison.append(JAN)
    with pytest.raises(NotPerformed, match="no such day") as told, store.begin() as tx:
        due.run(tx, town.ways, Allowance({}), 1)
    assert told.value.cause == "sweep"
    town.later(3 * DAY)  # his birthday
    with store.begin() as tx:
        assert due.set_aside(tx, town.ways, "no", told.value.cause).startswith("timers of contact ")
    assert [row["tries"] for row in town.table("timers")] == [0]


def test_two_timers_of_one_contact_go_off_one_after_the_other(store: Store) -> None:
    town = Town(store, PLAIN + BIRTHDAY + INACTIVE)
    town.write(JAN, "JARIG 04-02-1990")
    town.later(31 * DAY)
    assert town.commit(due=True).next_due is not None
    assert len(town.occurred()) == 1
    town.look()
    assert sorted(source for source, _ in town.occurred()) == ["birthday", "inactive"]


def test_an_event_is_an_act(store: Store) -> None:
    town = Town(store, PLAIN + INACTIVE)
    now = town.world.now()
    one = Occurrence(
        id=town.world.ids.next(now), brand="Shop", address=JAN, name="koop", source="api", at=now - MINUTE,
        received_at=now,
    )  # fmt: skip
    town.commit(occurrences=[one])
    assert town.timer_rows() == [("inactive", now + 30 * DAY)]


def test_who_is_brought_in_by_a_list_gets_the_timers_too(store: Store) -> None:
    town = Town(store, PLAIN + BIRTHDAY + INACTIVE)
    town.look()
    row = Consent(1, JAN, NOW - DAY, "Ja, stuur maar", "web", "", attributes={"geboren": date(1990, 1, 6)})
    order = Order("Shop", "promotional", "", "jan@shop.nl")
    assert [told.outcome for told in Import(store, town.world, Suppressions(), order).run([row])] == ["taken"]
    town.look()
    assert [source for source, _ in town.timer_rows()] == ["birthday", "inactive"]
    town.later(DAY)
    town.look()
    assert [row["text"] for row in town.table("outbox")] == ["Gefeliciteerd"]


ROUND = """\
segment rood  = tag rood
segment ander = tag gezien and not tag rood

keyword ROOD
    tag rood
    tag gezien

keyword KLAAR
    tag klaar
    tag rood

keyword AF
    tag klaar
    untag rood

on join rood
    untag rood
    send promotional "Rood"

on join ander
    if not tag klaar
        tag rood

"""


def test_chains_that_put_a_contact_into_each_others_segments_come_to_an_end_on_record(store: Store) -> None:
    town = Town(store, ROUND)
    town.write(JAN, "ROOD")
    town.write(PIET, "KLAAR")
    town.look()
    begun = [row for row in town.table("events") if row["rule"]]
    assert [row["name"] for row in begun].count("rood") == MOST_JOINS + 1, "the other's once"
    (cut,) = (row for row in town.table("events") if not row["rule"])
    assert cut["fault"] == f"Shop/on join {cut['name']}: joined {MOST_JOINS} times within an hour"
    assert [row["reason"] for row in town.table("quarantine")] == [f"event {cut['id']}: {cut['fault']}"]
    town.later(JOINS_WITHIN + 1)
    town.look()
    assert len(town.table("quarantine")) == 1, "nothing goes on by itself"
    town.write(JAN, "AF")
    town.look()
    assert len([row for row in town.table("events") if row["rule"]]) == len(begun) + 1, "a later join counts anew"
    assert len(town.table("quarantine")) == 1
