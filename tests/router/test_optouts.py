"""Opt-outs that were said elsewhere: what is claimed already is told, and who is made known by them has his timers."""

from collections.abc import Sequence

from router.consent_import import Order, Told
from router.consent_rows import Consent
from router.optouts import OptOuts
from router.store.engine import Store
from router.suppression import Suppressions
from tests.support.routing import JAN, KEES, NOW, PIET, Phones
from tests.support.timed import DATE, PLAIN, Town

ORDER = Order("Shop", "", "", "helpdesk", "Europe/Amsterdam", "NL", "d1")


def take_in(phones: Phones, *addresses: str) -> Sequence[Told]:
    rows = [Consent(line, address, NOW, "", "voice", "") for line, address in enumerate(addresses, 2)]
    return list(OptOuts(phones.store, phones.world, Suppressions(), ORDER).run(rows))


def test_texts_that_are_claimed_already_are_told_with_whose_row_it_was(phones: Phones) -> None:
    (on_the_wire,) = phones.write(JAN, "JOIN")
    phones.write(JAN, "QUIZ")
    told = take_in(phones, PIET, JAN, KEES, JAN)
    assert [(one.line, one.outcome, one.claimed) for one in told] == [
        (2, "taken", ()), (3, "taken", (on_the_wire.id,)), (4, "taken", ()), (5, "already", ()),
    ]  # fmt: skip
    assert phones.states() == ["claimed", "cancelled"]
    assert [one.outcome for one in take_in(phones, JAN, KEES)] == ["already"] * 2


def test_whom_the_brand_knows_by_an_opt_out_has_the_timers_once_he_is_back(store: Store) -> None:
    town = Town(store, PLAIN + DATE)
    town.look()
    assert [one.outcome for one in take_in(town, JAN)] == ["taken"]
    town.look()
    town.write(JAN, "START")
    assert [source for source, _ in town.timer_rows()] == ["date"]


def test_an_opt_out_of_who_is_known_sends_nobody_past_all_profiles(store: Store) -> None:
    town = Town(store, PLAIN + DATE)
    town.write(JAN, "HOI")
    town.look()
    assert [one.outcome for one in take_in(town, JAN)] == ["taken"]
    assert [row["due_at"] for row in town.table("sweeps")] == [None]
