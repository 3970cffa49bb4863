"""Receipts in any order, early, late, twice, under another form, or for nobody: the message only moves forward."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router import receipts
from router.instants import SECOND
from router.receipts import reference_of
from router.states import MOVES
from tests.support.routing import JAN, PIET, Phones

ANY_ORDER = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)

SKEW_TIME = 6 * SECOND
"""More than nodes' clocks may differ (router.receipts.SKEW)."""


def outcome_of(phones: Phones) -> tuple[str, str]:
    row = phones.table("outbox")[-1]
    return row["state"], row["reason"]


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["DELIVRD"], "delivered"),
        (["UNDELIV"], "undelivered"),
        (["EXPIRED"], "undelivered"),
        (["DELETED"], "undelivered"),
        (["REJECTD"], "undelivered"),
        (["ENROUTE"], "sent"),
        (["ACCEPTD"], "sent"),
        (["UNKNOWN"], "sent"),
        (["ENROUTE", "DELIVRD"], "delivered"),
        (["DELIVRD", "UNDELIV"], "delivered"),
        (["UNDELIV", "DELIVRD"], "undelivered"),
        (["DELIVRD", "DELIVRD"], "delivered"),
        (["DELIVRD", "ENROUTE"], "delivered"),
    ],
)
def test_the_first_final_receipt_settles_the_message(phones: Phones, states: list[str], state: str) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim, "m1")])
    for one in states:
        phones.commit(receipts=[phones.receipt("m1", one)])
    assert phones.states() == [state]
    assert [row["state"] for row in phones.table("receipts")] == states


def test_a_receipt_says_what_it_is_about_and_leaves_nothing_to_wait_for(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim, "M1")])
    done = phones.commit(receipts=[phones.receipt("M1")])
    assert done.strays == 0
    assert outcome_of(phones) == ("delivered", "DELIVRD")
    (row,) = phones.table("receipts")
    assert (row["outbox_id"], row["message_id"], row["text"]) == (claim.id, "M1", "id:M1 stat:DELIVRD")
    assert phones.table("awaiting_receipt") == phones.table("stray_receipts") == []


def test_a_receipt_before_the_answer_to_submit_sm_is_found_by_it(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    assert phones.commit(receipts=[phones.receipt("m1")]).strays == 1
    assert phones.states() == ["claimed"]
    phones.commit(outcomes=[phones.sent(claim, "m1")])
    assert phones.states() == ["delivered"]
    assert [row["outbox_id"] for row in phones.table("receipts")] == [claim.id]
    assert phones.table("awaiting_receipt") == phones.table("stray_receipts") == []


def test_an_early_receipt_that_is_not_final_leaves_the_message_waiting(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(receipts=[phones.receipt("m1", "ENROUTE"), phones.receipt("m1", "ACCEPTD")])
    phones.commit(outcomes=[phones.sent(claim, "m1")])
    assert phones.states() == ["sent"]
    assert [row["outbox_id"] for row in phones.table("receipts")] == [claim.id] * 2
    assert phones.table("stray_receipts") == []
    phones.commit(receipts=[phones.receipt("m1")])
    assert phones.states() == ["delivered"]


@pytest.mark.parametrize("early", [True, False])
def test_a_receipt_is_known_under_another_form_of_its_id(phones: Phones, early: bool) -> None:
    """submit_sm_resp gave it in hexadecimal, the receipt has it in decimal with leading zeros."""
    (claim,) = phones.write(JAN, "JOIN")
    receipt = phones.receipt("0000002748", "DELIVRD", "0000002748", "2748", "abc")
    if early:
        phones.commit(receipts=[receipt])
        assert len(phones.table("stray_receipts")) == 3
    phones.commit(outcomes=[phones.sent(claim, "ABC")])
    if not early:
        phones.commit(receipts=[receipt])
    assert phones.states() == ["delivered"]
    assert phones.table("stray_receipts") == []


def test_a_receipt_for_nobody_is_kept(phones: Phones) -> None:
    assert phones.commit(receipts=[phones.receipt("m1")]).strays == 1
    (row,) = phones.table("receipts")
    assert (row["outbox_id"], row["state"]) == (None, "DELIVRD")
    assert [stray["form"] for stray in phones.table("stray_receipts")] == ["m1"]


def test_another_connectors_receipt_is_about_something_else(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim, "m1")])
    assert phones.commit(receipts=[phones.receipt("m1", connector="other")]).strays == 1
    assert phones.states() == ["sent"]


def test_receipts_of_one_batch_settle_several_messages(phones: Phones) -> None:
    claims = [*phones.write(JAN, "JOIN"), *phones.write(PIET, "JOIN")]
    phones.commit(outcomes=[phones.sent(claim, f"m{number}") for number, claim in enumerate(claims)])
    batch = [phones.receipt("m0"), phones.receipt("m1", "UNDELIV"), phones.receipt("m0", "UNDELIV")]
    phones.commit(receipts=batch)
    assert phones.states() == ["delivered", "undelivered"]


def test_an_outcome_and_its_receipt_may_come_in_one_group(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    done = phones.commit(outcomes=[phones.sent(claim, "m1")], receipts=[phones.receipt("m1")])
    assert done.strays == 0
    assert phones.states() == ["delivered"]


def test_a_text_without_a_receipt_asked_for_is_done_when_it_is_sent(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim)])
    assert phones.states() == ["sent"]
    assert phones.table("awaiting_receipt") == []


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        (["DELIVRD", "DELIVRD"], ("delivered", "DELIVRD")),
        (["DELIVRD", "UNDELIV"], ("undelivered", "UNDELIV")),
        (["UNDELIV", "DELIVRD"], ("undelivered", "UNDELIV")),
        (["UNDELIV", "UNDELIV"], ("undelivered", "UNDELIV")),
        (["DELIVRD"], ("sent", "")),
        (["UNDELIV"], ("sent", "UNDELIV")),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_message_is_finished_when_each_of_its_segments_is(
    phones: Phones, states: list[str], outcome: tuple[str, str], together: bool
) -> None:
    (claim,) = phones.write(JAN, "LANG")
    phones.commit(outcomes=[phones.sent(claim, "s1", "s2")])
    receipts = [phones.receipt(f"s{number}", state) for number, state in enumerate(states, 1)]
    for batch in [receipts] if together else [[one] for one in receipts]:
        phones.commit(receipts=batch)
    assert outcome_of(phones) == outcome


Happening = tuple[str, str]


@st.composite
def happenings(draw: st.DrawFn) -> list[list[Happening]]:
    """What the centre tells about a text of two segments, in any order, some of it twice, in groups of any size."""
    finals = [draw(st.sampled_from(["DELIVRD", "UNDELIV"])) for _ in range(2)]
    told: list[Happening] = [("sent", ""), ("s1", finals[0]), ("s2", finals[1])]
    told += draw(st.lists(st.sampled_from([("s1", finals[0]), ("s2", finals[1]), ("s1", "ENROUTE")]), max_size=3))
    told = draw(st.permutations(told))
    cuts = sorted(draw(st.sets(st.integers(1, len(told) - 1))))
    return [told[a:b] for a, b in zip([0, *cuts], [*cuts, len(told)], strict=True)]


@ANY_ORDER
@given(groups=happenings(), unknown_first=st.booleans())
def test_any_order_of_the_same_news_comes_to_the_same_and_only_moves_forward(
    phones: Phones, groups: Sequence[Sequence[Happening]], unknown_first: bool
) -> None:
    sender = f"316{phones.world.ids.next(phones.world.now())}"
    (claim,) = phones.write(sender, "LANG")
    mine = f"{claim.id}-"
    seen = ["claimed"]

    def group(**causes: Any) -> None:
        phones.commit(**causes)
        seen.append(phones.table("outbox")[-1]["state"])

    if unknown_first:
        group(outcomes=[phones.unknown(claim)])
    for told in groups:
        group(
            outcomes=[phones.sent(claim, mine + "s1", mine + "s2") for what, _ in told if what == "sent"],
            receipts=[phones.receipt(mine + what, state) for what, state in told if what != "sent"],
        )
    finals = {what: state for told in groups for what, state in told if state in ("DELIVRD", "UNDELIV")}
    expected = "delivered" if set(finals.values()) == {"DELIVRD"} else "undelivered"
    assert seen[-1] == expected
    for old, new in pairwise(seen):
        assert old == new or new in MOVES[old] or any(new in MOVES[step] for step in MOVES[old]), seen  # type: ignore[index]
    left = [row for row in phones.table("awaiting_receipt") if row["outbox_id"] == claim.id]
    assert left == []


# ---- doubled, used again, another phone's


@pytest.mark.parametrize("together", [True, False])
def test_a_second_final_receipt_is_kept_and_no_later_text_takes_it_when_its_id_is_used_again(
    phones: Phones, together: bool
) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim, "m1")])
    twice = [phones.receipt("m1"), phones.receipt("m1", "UNDELIV")]
    for batch in [twice] if together else [[one] for one in twice]:
        phones.commit(receipts=batch)
    assert outcome_of(phones) == ("delivered", "DELIVRD")
    assert [row["state"] for row in phones.table("receipts")] == ["DELIVRD", "UNDELIV"]
    phones.later(SKEW_TIME)
    (later,) = phones.write(PIET, "JOIN")
    phones.commit(outcomes=[phones.sent(later, "m1")])
    assert outcome_of(phones) == ("sent", ""), "what came before it was written is not about it"
    phones.commit(receipts=[phones.receipt("m1")])
    assert phones.states() == ["delivered", "delivered"]


def test_of_two_texts_that_bear_one_id_a_receipt_is_about_the_last(phones: Phones) -> None:
    (first,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(first, "m1")])
    phones.later(SKEW_TIME)
    (second,) = phones.write(PIET, "JOIN")
    phones.commit(outcomes=[phones.sent(second, "m1")])
    phones.commit(receipts=[phones.receipt("m1", phones=(PIET, "4411"))])
    assert phones.states() == ["sent", "delivered"]
    phones.commit(receipts=[phones.receipt("m1", phones=(JAN, "4411"))])
    assert phones.states() == ["delivered", "delivered"]


@pytest.mark.parametrize("early", [True, False])
def test_an_id_that_reads_like_anothers_is_not_taken_from_another_phone(phones: Phones, early: bool) -> None:
    """The centre answers in hexadecimal: 16 is "10" there, and the receipt of 10 says "10"."""
    (ten,) = phones.write(JAN, "JOIN")
    (sixteen,) = phones.write(PIET, "JOIN")
    receipt = phones.receipt("10", "DELIVRD", "10", "a", "16", phones=(JAN, "4411"), sure=False)
    if early:
        phones.commit(receipts=[receipt])
    phones.commit(outcomes=[phones.sent(sixteen, "10")])
    phones.commit(outcomes=[phones.sent(ten, "a")])
    if not early:
        phones.commit(receipts=[receipt])
    assert phones.states() == ["delivered", "sent"]
    assert phones.table("stray_receipts") == []


def test_where_both_could_be_meant_the_phone_decides(phones: Phones) -> None:
    (ten,) = phones.write(JAN, "JOIN")
    (sixteen,) = phones.write(PIET, "JOIN")
    phones.commit(outcomes=[phones.sent(sixteen, "10"), phones.sent(ten, "a")])
    phones.commit(receipts=[phones.receipt("10", "DELIVRD", "10", "a", "16", phones=("0612345678", "4411"))])
    assert phones.states() == ["delivered", "sent"], "without its country it is the same phone"


def test_progress_is_told_and_goes_forward_only(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim, "m1")])
    seen = []
    for state in ("SCHEDLD", "ENROUTE", "SCHEDLD", "ACCEPTD", "ENROUTE", "UNKNOWN", "DELIVRD", "ACCEPTD"):
        phones.commit(receipts=[phones.receipt("m1", state)])
        seen.append(outcome_of(phones)[1])
    assert seen == ["SCHEDLD", "ENROUTE", "ENROUTE", "ACCEPTD", "ACCEPTD", "ACCEPTD", "DELIVRD", "DELIVRD"]


# ---- two nodes


def test_a_receipt_and_its_answer_committed_by_two_nodes_at_once_are_brought_together(
    two_nodes: tuple[Phones, Phones],
) -> None:
    phones, other = two_nodes
    (claim,) = phones.write(JAN, "JOIN")
    with other.store.begin() as theirs:
        receipts.settle(theirs, [other.receipt("m1")])
        phones.commit(outcomes=[phones.sent(claim, "m1")])  # neither sees what the other has not committed
    assert phones.states() == ["sent"]
    phones.housekeep()
    assert phones.states() == ["delivered"]
    assert phones.table("stray_receipts") == phones.table("awaiting_receipt") == []


def test_what_housekeeping_brings_together_belongs_together(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim, "10")])
    phones.commit(receipts=[phones.receipt("10", "DELIVRD", "10", "a", phones=(PIET, "4411"), sure=False)])
    phones.housekeep()
    assert phones.states() == ["sent"]


# ---- whatever comes, in whatever form

FORMS = {
    "as it was": ("2748", ("2748", "abc", "10056")),
    "with zeros": ("0000002748", ("2748", "abc", "10056")),
    "read as decimal": ("ABC", ("abc", "2748")),
}
"""What a receipt may say of the message 2748, and the forms that come of it."""


@ANY_ORDER
@given(
    told=st.lists(
        st.tuples(st.sampled_from(["ENROUTE", "ACCEPTD", "DELIVRD"]), st.sampled_from(sorted(FORMS))), max_size=5
    ),
    answered_at=st.integers(0, 5),
    form=st.sampled_from(sorted(FORMS)),
    unknown_first=st.booleans(),
    reference=st.booleans(),
)
def test_any_permutation_any_doubling_any_form_of_the_id_ends_the_same(
    phones: Phones, told: Sequence[tuple[str, str]], answered_at: int, form: str, unknown_first: bool, reference: bool
) -> None:
    sender = f"316{phones.world.ids.next(phones.world.now())}"[:15]
    (claim,) = phones.write(sender, "JOIN")
    phones.later(SKEW_TIME)
    (last,) = phones.write(f"{sender}9", "JOIN")  # whatever comes is not about this one
    if unknown_first:
        phones.commit(outcomes=[phones.unknown(claim)])
    more: dict[str, Any] = {"reference": reference_of(claim.id)} if reference else {}
    told = [*told, ("DELIVRD", form)]
    for place in range(len(told) + 1):
        if place == min(answered_at, len(told)):
            phones.commit(outcomes=[phones.sent(claim, "2748")])
        if place < len(told):
            state, how = told[place]
            said, forms = FORMS[how]
            phones.commit(receipts=[phones.receipt(said, state, *forms, phones=(sender, "4411"), **more)])
    states = {row["id"]: (row["state"], row["reason"], row["receipts_left"]) for row in phones.table("outbox")}
    assert states[claim.id] == ("delivered", "DELIVRD", 0)
    assert states[last.id] == ("claimed", "", 1)
    phones.commit(outcomes=[phones.sent(last)])
    with phones.store.begin() as tx:
        tx.write("DELETE FROM stray_receipts")
        tx.write("DELETE FROM awaiting_receipt")
