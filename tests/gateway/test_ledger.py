"""The ledger on what came in (L1 to L3): what it counts as kept, what as broken, what it excuses."""

import pytest

from gateway.torture.entries import Answered, Attempted, Befell, Injected, PartRow, QuarantineRow, ReceiptRow
from gateway.torture.ledger import Bounds
from tests.support.ledgers import NUMBER, PHONE, Run, broken


@pytest.fixture
def run() -> Run:
    return Run()


def test_a_run_in_which_all_is_well_breaks_nothing(run: Run) -> None:
    run.text(1, answers=1)
    run.send(1)
    run.row(1)
    run.out(7, state="delivered", cause_id=1)
    run.receipt(run.submit())
    run.receipts.append(ReceiptRow(id=1, message_id="2", state="DELIVRD", outbox_id=7))
    verdict = run.verdict()
    assert not verdict.broken
    assert verdict.line("L1").figures == {"texts": 1, "acknowledged": 1}
    assert [line.name for line in verdict.lines] == [f"L{number}" for number in range(1, 11)]


class TestLost:
    def test_an_acknowledged_text_without_a_row_is_lost(self, run: Run) -> None:
        run.text(1)
        run.send(1)
        verdict = run.verdict()
        assert broken(verdict) == ["L1"]
        assert verdict.line("L1").count == 1
        assert "acknowledged 1 times" in verdict.table()

    def test_what_was_never_acknowledged_or_refused_is_not(self, run: Run) -> None:
        for id, status in ((1, None), (2, 0x64)):
            run.text(id)
            run.send(id, status=status)
        assert not run.verdict().broken

    def test_quarantine_is_a_place(self, run: Run) -> None:
        run.text(1)
        run.send(1)
        run.entries.append(Injected(at=0, kind="garbage", frame=b"\0" * 12 + b"1111" + b"x"))
        run.quarantine.append(
            QuarantineRow(id=1, frame=b"\0" * 12 + b"2222" + b"x", reason="", sender=PHONE, recipient=NUMBER,
                          text="STEM 1")
        )  # fmt: skip
        assert not run.verdict().broken

    def test_a_long_text_counts_when_all_of_its_parts_are_acknowledged(self, run: Run) -> None:
        run.text(1, text="een lange tekst", parts=2)
        run.send(1, part=1)
        run.parts.append(PartRow(sender=PHONE, recipient=NUMBER, total=2, part=1))
        assert not run.verdict().broken
        run.send(1, part=2)
        assert broken(run.verdict()) == ["L1", "L10"]

    def test_an_incomplete_text_is_there(self, run: Run) -> None:
        run.text(1, text="een lange tekst in delen", parts=2)
        run.send(1, part=1)
        run.send(1, part=2)
        run.row(1, text="een lange tekst", state="incomplete")
        assert not run.verdict().broken
        run.row(2, text="iets heel anders", state="incomplete")
        assert broken(run.verdict()) == ["L8"]

    def test_equal_texts_are_counted(self, run: Run) -> None:
        for id in (1, 2, 3):
            run.text(id, text="JA")
            run.send(id)
        run.row(1, text="JA")
        run.row(2, text="JA")
        assert run.verdict().line("L1").count == 1


class TestDoubled:
    def test_a_text_sent_again_unanswered_and_acted_upon_twice_is_a_double(self, run: Run) -> None:
        run.text(1)
        run.send(1, status=None)
        run.end()
        run.send(1, link=2)
        run.row(1)
        run.row(2, text="STEM 1")
        verdict = run.verdict()
        assert broken(verdict) == ["L2"]
        assert (verdict.line("L2").count, verdict.line("L2").allowed) == (1, 0)

    def test_held_as_suspected_it_is_none(self, run: Run) -> None:
        run.text(1)
        run.send(1, status=None)
        run.end()
        run.send(1, link=2)
        run.row(1)
        run.row(2, text="STEM 1", state="suspected_duplicate")
        assert not run.verdict().broken

    def test_a_centre_that_forgets_the_answer_it_has_read_is_to_blame_itself(self, run: Run) -> None:
        run.text(1)
        run.send(1)
        run.send(1)
        run.row(1)
        run.row(2, text="STEM 1")
        verdict = run.verdict()
        assert not verdict.broken
        assert (verdict.line("L2").count, verdict.line("L2").allowed) == (1, 1)

    def test_so_it_is_when_answer_and_re_send_cross(self, run: Run) -> None:
        run.text(1)
        for sequence, at in ((1, 0.0), (2, 3.0)):
            run.entries.append(Attempted(at=at, id=1, link=1, sequence=sequence))
        for sequence, at in ((1, 3.01), (2, 3.02)):
            run.entries.append(Answered(at=at, link=1, sequence=sequence, status=0))
        run.row(1)
        run.row(2, text="STEM 1")
        assert not run.verdict().broken
        assert broken(run.verdict(Bounds(crossing_s=0.0))) == ["L2"]

    def test_a_frozen_gateway_finds_both_at_once(self, run: Run) -> None:
        run.text(1)
        for sequence, at in ((1, 0.0), (2, 3.0)):
            run.entries.append(Attempted(at=at, id=1, link=1, sequence=sequence))
            run.entries.append(Answered(at=4.0, link=1, sequence=sequence, status=0))
        run.row(1)
        run.row(2, text="STEM 1")
        assert broken(run.verdict()) == ["L2"]
        run.entries.append(Befell(at=0.1, kind="freeze", until=3.9))
        assert not run.verdict().broken

    def test_doubt_is_kept_for_as_long_as_the_settings_say(self, run: Run) -> None:
        run.text(1)
        run.send(1, status=None)
        run.end()
        run.at += 100
        run.send(1, link=2)
        run.row(1)
        run.row(2, text="STEM 1")
        assert broken(run.verdict()) == ["L2"]
        assert not run.verdict(Bounds(redelivery_s=60)).broken

    @pytest.mark.parametrize(("read", "known"), [((), True), ((1,), True), ((1, 2), False)])
    def test_a_long_text_may_be_one_again_when_each_part_may(
        self, run: Run, read: tuple[int, ...], known: bool
    ) -> None:
        run.text(1, text="lang", parts=2)
        for part in (1, 2):
            run.send(1, part=part, status=0 if part in read else None)
        run.end()
        for part in (1, 2):
            run.send(1, part=part, link=2)
        run.row(1, text="lang")
        run.row(2, text="lang")
        assert broken(run.verdict()) == (["L2"] if known else [])

    def test_doubles_are_net_where_all_say_the_same(self, run: Run) -> None:
        for id in (1, 2):
            run.text(id, text="JA")
        run.send(1, status=None)
        run.end()
        run.send(1, link=2)
        run.send(2, link=2)
        for id, state in ((1, "routed"), (2, "routed"), (3, "suspected_duplicate")):
            run.row(id, text="JA", state=state)
        assert not run.verdict().broken
        run.row(4, text="JA")
        assert run.verdict().line("L2").count == 1

    def test_a_suspected_row_has_no_effects(self, run: Run) -> None:
        run.text(1)
        run.send(1, status=None)
        run.end()
        run.send(1, link=2)
        run.row(1)
        run.row(2, text="STEM 1", state="suspected_duplicate")
        run.out(7, cause_id=2)
        run.submit()
        assert broken(run.verdict()) == ["L2"]


class TestMerged:
    def test_a_repeat_held_although_the_first_was_proven_is_wrong(self, run: Run) -> None:
        for id in (1, 2):
            run.text(id, text="JA")
        run.send(1)
        run.end(after=2.0)
        run.send(2, link=2)
        run.row(1, text="JA")
        run.row(2, text="JA", state="suspected_duplicate")
        assert broken(run.verdict()) == ["L3", "L10"]

    def test_held_while_the_first_was_in_doubt_it_is_allowed(self, run: Run) -> None:
        for id in (1, 2):
            run.text(id, text="JA")
        run.send(1)
        run.end(after=0.2)
        run.send(2, link=2)
        run.row(1, text="JA")
        run.row(2, text="JA", state="suspected_duplicate")
        verdict = run.verdict()
        assert not verdict.broken
        assert (verdict.line("L3").count, verdict.line("L3").allowed) == (1, 1)

    @pytest.mark.parametrize(
        ("befallen", "in_doubt"),
        [
            ([("freeze", 0.2, 5.0)], True),
            ([("disk full", 0.2, 5.0)], True),
            ([("slow network", 0.2, 4.0), ("slow store", 0.5, 5.0)], True),
            ([("freeze", 0.2, 3.0), ("store away", 1.0, 2.9)], False),  # both at once: they count once
            ([("cut", 0.2, 5.0)], False),
        ],
    )
    def test_a_gateway_that_stands_or_creeps_confirms_nothing(
        self, run: Run, befallen: list[tuple[str, float, float]], in_doubt: bool
    ) -> None:
        for id in (1, 2):
            run.text(id, text="JA")
        run.send(1)
        run.entries += [Befell(at=run.at + begin, kind=kind, until=run.at + end) for kind, begin, end in befallen]
        run.end(after=5.1)
        run.send(2, link=2)
        run.row(1, text="JA")
        run.row(2, text="JA", state="suspected_duplicate")
        assert (broken(run.verdict()) == []) == in_doubt

    def test_an_equal_text_while_the_first_waited_long_may_be_taken_for_the_same(self, run: Run) -> None:
        for id, at in ((1, 0.0), (2, 1.3)):
            run.text(id, text="JA")
            run.entries.append(Attempted(at=at, id=id, link=1, sequence=id))
            run.entries.append(Answered(at=1.4, link=1, sequence=id, status=0))
        run.row(1, text="JA")
        run.row(2, text="JA", state="suspected_duplicate")
        assert broken(run.verdict()) == ["L3", "L10"]
        assert not run.verdict(Bounds(peer_response_s=1.5)).broken

    def test_a_unique_text_is_never_only_suspected(self, run: Run) -> None:
        run.text(1)
        run.send(1)
        run.end(after=0.1)
        run.row(1, state="suspected_duplicate")
        assert "L3" in broken(run.verdict())
