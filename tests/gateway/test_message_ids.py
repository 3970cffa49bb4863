"""How a centre writes its ids is set or learnt, and while it is not learnt every form counts."""

import pytest

from config.connectors import MessageIds
from gateway.connectors.message_ids import RECENT, VOTES, IdForms, converted
from smpp.simulator_conduct import Ids

JAN, PIET = ("31612345678", "4411"), ("31622222222", "4411")
UUID = "0e999f21-81ef-4f2c-b2f0-6b2a4f7c9d10"


@pytest.mark.parametrize(
    ("way", "said", "form"),
    [
        ("same", "0A12", "a12"),
        ("same", "0000002748", "2748"),
        ("hex-answer", "0000002748", "abc"),
        ("hex-answer", "ABC", "abc"),
        ("hex-receipt", "0ABC", "2748"),
        ("hex-receipt", UUID, UUID),
        ("hex-answer", UUID, UUID),
        ("hex-answer", "9" * 28, f"{int('9' * 28):x}"),
        ("hex-answer", "9" * 5_000, "9" * 5_000),
        ("hex-answer", "\xb2", "\xb2"),
        ("hex-receipt", "a" * 40, "a" * 40),
    ],
)
def test_a_receipts_id_as_the_answer_wrote_it(way: MessageIds, said: str, form: str) -> None:
    assert converted(said, way) == form
    assert IdForms(way).of_receipt(said, JAN) == ((form,), True)


@pytest.mark.parametrize("ids", list(Ids))
def test_after_so_many_receipts_that_agree_the_way_is_learnt(ids: Ids) -> None:
    forms = IdForms("learn")
    for number in range(1000, 1000 + VOTES):
        assert forms.learnt is None
        forms.answered(ids.in_answer(number), JAN[0])
        forms.of_receipt(ids.in_receipt(number), JAN)
    assert forms.learnt == ids.value
    answer = forms.answered(ids.in_answer(2748), JAN[0])
    assert forms.of_receipt(ids.in_receipt(2748), PIET)[0][0] == answer
    assert forms.of_receipt(ids.in_receipt(2748), PIET)[1] is True
    assert forms.of_receipt(UUID, JAN) == ((UUID,), True)


def test_a_centre_that_writes_now_so_now_so_teaches_nothing() -> None:
    forms = IdForms("learn")
    for number in range(1000, 1000 + 4 * VOTES):
        ids = Ids.SAME if number % 2 else Ids.HEX_ANSWER
        forms.answered(ids.in_answer(number), JAN[0])
        forms.of_receipt(ids.in_receipt(number), JAN)
    assert forms.learnt is None
    assert forms.of_receipt("2748", JAN) == (("2748", "abc", "10056"), False), "none counts that is another phone's"


def test_numbers_below_ten_and_other_phones_teach_nothing() -> None:
    forms = IdForms("learn")
    for number in range(1, 10):
        forms.answered(str(number), JAN[0])
        forms.of_receipt(f"{number:010}", JAN)
    forms.answered("2748", PIET[0])
    for _ in range(2 * VOTES):
        forms.of_receipt("2748", JAN)
    assert forms.learnt is None


def test_where_receipts_never_name_the_phone_the_literal_form_is_believed() -> None:
    forms = IdForms("learn")
    forms.answered("2748", JAN[0])
    assert forms.of_receipt("2748", ("", "")) == (("2748", "abc", "10056"), True)


def test_what_learning_remembers_is_bounded() -> None:
    forms = IdForms("learn")
    for number in range(RECENT + 100):
        forms.answered(str(number), JAN[0])
    assert len(forms._recent) == RECENT
