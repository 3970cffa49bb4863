"""What the gateway goes by (the profile) is what its ledger comes to, whatever is said in whatever order; and a consent
that was brought in with its proof is enough for a promotional text."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from router.consent_views import views_of
from router.instants import DAY, HOUR, MINUTE
from router.standing import Standing
from router.store.engine import IN_MEMORY, Store, open_store
from router.suppression import Suppressions
from tests.support.promotions import agree, happen, promoting
from tests.support.routing import JAN, NOW, Phones

Act = Callable[[Phones, int], object]


def says(text: str) -> Act:
    return lambda phones, _: phones.write(JAN, text)


ACTS: dict[str, Act] = {
    **{text: says(text) for text in ("JOIN", "JA", "STOP", "START", "HOI", "WEG")},
    "order": lambda phones, ago: happen(phones, "order", JAN, consent="transactional", ref=str(ago % 3)),
    "offer": lambda phones, _: happen(phones, "offer", JAN),
    "import": lambda phones, ago: agree(phones, JAN, at=phones.world.at - ago),
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 3 * DAY), st.sampled_from([0, MINUTE, HOUR, 2 * DAY])),
        max_size=12,
    )
)
def test_the_profile_is_what_the_ledger_comes_to(acts: list[tuple[str, int, int]]) -> None:
    store = open_store(IN_MEMORY)
    phones = Phones(store, promoting())
    for name, ago, later in acts:
        phones.later(later)
        ACTS[name](phones, ago)
        with store.begin() as tx:
            views = views_of(tx, Suppressions(), JAN, phones.world.now())
        for view in views:
            assert not view.differs, (name, view.current, view.standing)
            assert view.current == view.standing
    store.close()


def test_a_consent_brought_in_is_enough_for_a_promotional_text(store: Store) -> None:
    phones = Phones(store, promoting())
    assert happen(phones, "offer", JAN).claims == []
    assert agree(phones, JAN) == ["taken"]
    assert [claim.text for claim in happen(phones, "offer", JAN).claims] == ["Shop: korting! STOP = uit."]
    phones.write(JAN, "STOP")
    assert agree(phones, JAN) == ["suppressed"]
    assert happen(phones, "offer", JAN).claims == []


def test_a_consent_that_was_given_before_a_stop_is_no_longer_one(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, "STOP")
    phones.later(HOUR)
    phones.write(JAN, "JOIN", "JA")
    assert agree(phones, JAN, at=NOW - DAY, programme="TIPS") == ["suppressed"]
    assert agree(phones, JAN, at=NOW + MINUTE, programme="TIPS") == ["suppressed"]
    assert agree(phones, JAN, at=NOW + HOUR, programme="TIPS") == ["taken"]


def test_what_a_stop_took_and_start_gave_back_holds_though_it_is_brought_in_later(store: Store) -> None:
    phones = Phones(store, promoting())
    phones.write(JAN, "STOP", "START")
    assert agree(phones, JAN, at=NOW - DAY) == ["taken"]
    assert len(happen(phones, "offer", JAN, room=0).performances) == 1
    assert [row["reason"] for row in phones.table("outbox")][-1] == ""


def test_where_profile_and_ledger_differ_it_is_told(store: Store) -> None:
    phones = Phones(store, promoting())
    agree(phones, JAN)
    with store.begin() as tx:
        tx.write("UPDATE profiles SET consents = '{}'")
        (view,) = views_of(tx, Suppressions(), JAN, NOW)
    assert view.differs
    assert view.current == Standing()
    assert view.standing.consents == {"promotional": NOW - 1_000_000}
