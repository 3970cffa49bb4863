"""Receipts in any order, early, late, twice, under another form, or for nobody: the message only moves forward."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.states import MOVES
from tests.support.routing import JAN, PIET, Phones

ANY_ORDER = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


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
