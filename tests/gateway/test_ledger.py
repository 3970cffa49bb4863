"""The ledger: what it counts as kept, what as broken, what it excuses; with unique texts and with nothing but JA."""

import msgspec
import pytest

from gateway.torture.entries import (
    Answered,
    Attempted,
    Befell,
    Books,
    Entry,
    InboundRow,
    Injected,
    LinkEnded,
    OutboxRow,
    PartRow,
    QuarantineRow,
    Receipted,
    ReceiptRow,
    Responded,
    Sampled,
    Submitted,
    Texted,
    Word,
)
from gateway.torture.ledger import Bounds, Verdict, examine

PHONE, NUMBER = "31600000001", "4411"
NOW = 1_800_000_000_000_000


class Run:
    """A short run, told step by step: a journal and the rows of a database."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.inbound: list[InboundRow] = []
        self.outbox: list[OutboxRow] = []
        self.receipts: list[ReceiptRow] = []
        self.quarantine: list[QuarantineRow] = []
        self.parts: list[PartRow] = []
        self.integrity: tuple[str, ...] = ()
        self.at = 0.0
        self.sequence = 0

    def text(self, id: int, text: str = "", parts: int = 1, word: Word = "", answers: int | None = None) -> None:
        self.entries.append(
            Texted(at=self.at, id=id, sender=PHONE, recipient=NUMBER, text=text or f"STEM {id}", parts=parts, word=word,
                   answers=answers)
        )  # fmt: skip

    def send(self, id: int, link: int = 1, part: int = 1, status: int | None = 0) -> None:
        """A deliver_sm, and its answer a tenth of a second later."""
        self.sequence += 1
        self.at += 0.1
        self.entries.append(Attempted(at=self.at, id=id, link=link, sequence=self.sequence, part=part))
        if status is not None:
            self.at += 0.1
            self.entries.append(Answered(at=self.at, link=link, sequence=self.sequence, status=status))

    def end(self, link: int = 1, after: float = 0.0) -> None:
        self.at += after
        self.entries.append(LinkEnded(at=self.at, link=link))

    def row(self, id: int, text: str = "", state: str = "routed") -> None:
        self.inbound.append(InboundRow(id=id, sender=PHONE, recipient=NUMBER, text=text or f"STEM {id}", state=state))

    def out(self, id: int, text: str = "Dank.", state: str = "sent", **more: object) -> None:
        row = OutboxRow(id=id, number=NUMBER, address=PHONE, text=text, message_class="conversational", state=state,
                        attempts=1)  # fmt: skip
        self.outbox.append(msgspec.structs.replace(row, **more))

    def submit(self, text: str = "Dank.", link: int = 1, responded: bool = True, **more: object) -> int:
        self.sequence += 1
        self.at += 0.1
        entry = Submitted(at=self.at, link=link, sequence=self.sequence, source=NUMBER, destination=PHONE, text=text,
                          message_id=f"{self.sequence}")  # fmt: skip
        self.entries.append(msgspec.structs.replace(entry, **more))
        if responded:
            self.entries.append(Responded(at=self.at, link=link, sequence=self.sequence))
        return self.sequence

    def receipt(self, message_id: int, state: str = "DELIVRD", status: int = 0, reference: int | None = None) -> None:
        self.sequence += 1
        self.entries += (
            Receipted(at=self.at, link=1, sequence=self.sequence, message_id=str(message_id), told=f"{message_id:x}",
                      state=state, reference=reference),
            Answered(at=self.at, link=1, sequence=self.sequence, status=status),
        )  # fmt: skip

    def verdict(self, bounds: Bounds | None = None) -> Verdict:
        books = Books(
            taken_at=NOW, inbound=tuple(self.inbound), outbox=tuple(self.outbox), receipts=tuple(self.receipts),
            quarantine=tuple(self.quarantine), parts=tuple(self.parts), integrity=self.integrity,
        )  # fmt: skip
        return examine(self.entries, books, bounds or Bounds())


@pytest.fixture
def run() -> Run:
    return Run()


def broken(verdict: Verdict) -> list[str]:
    return [line.name for line in verdict.broken]


def test_a_run_in_which_all_is_well_breaks_nothing(run: Run) -> None:
    run.text(1, answers=1)
    run.send(1)
    run.row(1)
    run.out(7, state="delivered", inbound_id=1)
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

    def test_parts_are_known_again_however_often_they_come(self, run: Run) -> None:
        run.text(1, text="lang", parts=2)
        for part in (1, 2, 1, 2):
            run.send(1, part=part)
        run.row(1, text="lang")
        run.row(2, text="lang")
        assert broken(run.verdict()) == ["L2"]

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
        run.out(7, inbound_id=2)
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

    def test_a_frozen_gateway_confirms_nothing(self, run: Run) -> None:
        for id in (1, 2):
            run.text(id, text="JA")
        run.send(1)
        run.entries.append(Befell(at=run.at + 0.2, kind="freeze", until=run.at + 5.0))
        run.end(after=5.1)
        run.send(2, link=2)
        run.row(1, text="JA")
        run.row(2, text="JA", state="suspected_duplicate")
        assert not run.verdict().broken

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


class TestUnsent:
    @pytest.mark.parametrize("state", ["ready", "claimed"])
    def test_what_still_waits_is_lost(self, run: Run, state: str) -> None:
        run.out(7, state=state)
        assert broken(run.verdict()) == ["L4"]

    def test_what_was_refused_for_now_waits_for_its_time(self, run: Run) -> None:
        run.out(7, state="ready", due_at=NOW + 1)
        assert not run.verdict().broken
        run.out(8, state="ready", due_at=NOW + 1, attempts=0)
        assert run.verdict().line("L4").count == 1

    def test_an_unknown_outcome_waits_for_its_time_and_no_longer(self, run: Run) -> None:
        run.out(7, state="unknown", due_at=NOW + 1)
        assert not run.verdict().broken
        run.out(8, state="unknown", due_at=NOW - 60_000_000)
        assert run.verdict().line("L4").count == 1
        run.outbox.clear()
        run.out(9, state="unknown", due_at=NOW - 60_000_000, message_class="stop_confirmation")
        assert not run.verdict().broken

    def test_what_counts_as_sent_has_arrived(self, run: Run) -> None:
        run.out(7)
        assert broken(run.verdict()) == ["L4"]
        run.submit(status=0x58)
        assert broken(run.verdict()) == ["L4"]


class TestSentTwice:
    def test_one_again_after_a_link_ended_is_allowed(self, run: Run) -> None:
        run.out(7, attempts=2)
        run.submit(responded=False)
        run.end()
        run.submit(link=2)
        verdict = run.verdict()
        assert not verdict.broken
        assert (verdict.line("L5").count, verdict.line("L5").allowed) == (1, 51)

    def test_more_than_the_window_is_not(self, run: Run) -> None:
        for id in range(3):
            run.out(id, text=f"Dank {id}.")
            run.submit(text=f"Dank {id}.")
        run.end()
        for id in range(3):
            run.submit(text=f"Dank {id}.", link=2)
        assert broken(run.verdict(Bounds(window=2))) == ["L5"]

    def test_on_the_link_that_had_carried_it_never(self, run: Run) -> None:
        run.out(7)
        run.submit(responded=False)
        run.submit()
        assert broken(run.verdict()) == ["L5"]

    def test_a_class_that_goes_out_at_most_once_never(self, run: Run) -> None:
        run.out(7, message_class="stop_confirmation")
        run.submit(responded=False)
        run.end()
        run.submit(link=2)
        assert broken(run.verdict()) == ["L5"]

    def test_what_was_refused_did_not_go_out(self, run: Run) -> None:
        run.out(7)
        run.submit(status=0x58, message_id="")
        run.submit()
        assert not run.verdict().broken

    def test_nothing_goes_out_without_a_row(self, run: Run) -> None:
        run.submit()
        assert broken(run.verdict()) == ["L5"]

    def test_segments_make_one_text(self, run: Run) -> None:
        run.out(7, text="een lang antwoord", segments=2)
        run.submit(text="antwoord", part=2, parts=2, set_reference=5)
        run.submit(text="een lang ", part=1, parts=2, set_reference=5)
        assert not run.verdict().broken
        run.submit(text="een lang ", part=1, parts=2, set_reference=5)
        assert not run.verdict().broken

    def test_a_reference_tells_equal_texts_apart(self, run: Run) -> None:
        run.out(7, reference=7)
        run.out(8, reference=8)
        run.submit(reference=7)
        run.end()
        run.submit(reference=7, link=2)
        assert run.verdict().line("L5").count == 1


class TestAfterStop:
    def stop(self, run: Run) -> None:
        run.text(1, text="STOP", word="stop")
        run.send(1)
        run.row(1, text="STOP", state="opted_out")

    def test_one_confirmation_and_nothing_else(self, run: Run) -> None:
        self.stop(run)
        run.out(7, message_class="stop_confirmation", text="Gestopt.")
        run.submit(text="Gestopt.")
        run.out(8, message_class="help", text="Help.")
        run.submit(text="Help.")
        assert not run.verdict().broken
        run.out(9)
        run.submit()
        assert broken(run.verdict()) == ["L6"]

    def test_what_left_before_is_within_the_slack(self, run: Run) -> None:
        self.stop(run)
        run.out(9)
        run.submit(at=run.at + 0.04)
        assert not run.verdict().broken
        assert broken(run.verdict(Bounds(stop_slack_s=0.0))) == ["L6"]

    def test_a_second_confirmation_is_one_too_many(self, run: Run) -> None:
        self.stop(run)
        for id in (7, 8):
            run.out(id, message_class="stop_confirmation", text="Gestopt.")
            run.submit(text="Gestopt.")
        assert broken(run.verdict()) == ["L6"]

    def test_start_ends_the_silence(self, run: Run) -> None:
        self.stop(run)
        run.at += 1
        run.text(2, text="START", word="start")
        run.send(2)
        run.row(2, text="START", state="opted_in")
        run.out(9)
        run.submit()
        assert not run.verdict().broken

    def test_a_stop_that_is_not_acknowledged_silences_nobody_yet(self, run: Run) -> None:
        run.text(1, text="STOP", word="stop")
        run.send(1, status=None)
        run.out(9)
        run.submit()
        assert not run.verdict().broken


class TestReceipts:
    def test_an_acknowledged_receipt_is_written_down(self, run: Run) -> None:
        run.out(7)
        run.receipt(run.submit(), state="ACCEPTD")
        assert broken(run.verdict()) == ["L7"]
        run.receipts.append(ReceiptRow(id=1, message_id="1", state="ACCEPTD", outbox_id=7))
        assert not run.verdict().broken

    def test_one_that_was_refused_need_not_be(self, run: Run) -> None:
        run.out(7)
        run.receipt(run.submit(), status=0x64)
        assert not run.verdict().broken

    def test_a_final_one_moves_its_message(self, run: Run) -> None:
        run.out(7)
        run.receipt(run.submit())
        run.receipts.append(ReceiptRow(id=1, message_id="1", state="DELIVRD"))
        assert broken(run.verdict()) == ["L7", "L10"]

    def test_unless_the_id_was_not_on_disk_in_time(self, run: Run) -> None:
        run.out(7, state="unknown", due_at=NOW)
        run.receipt(run.submit())
        run.end(after=0.1)
        run.receipts.append(ReceiptRow(id=1, message_id="1", state="DELIVRD"))
        assert not run.verdict().broken

    def test_a_reference_finds_it_all_the_same(self, run: Run) -> None:
        run.out(7, state="unknown", due_at=NOW)
        run.receipt(run.submit(responded=False), reference=7)
        run.receipts.append(ReceiptRow(id=1, message_id="1", state="DELIVRD"))
        assert broken(run.verdict()) == ["L7"]

    @pytest.mark.parametrize("state", ["sent", "unknown", "undelivered"])
    def test_what_is_finished_stays_finished(self, run: Run, state: str) -> None:
        run.out(7, state=state, due_at=NOW)
        run.submit()
        run.receipts.append(ReceiptRow(id=1, message_id="1", state="DELIVRD", outbox_id=7))
        assert "L7" in broken(run.verdict())

    def test_a_second_one_of_a_finished_message_is_kept_as_a_stray(self, run: Run) -> None:
        run.out(7, state="delivered")
        message = run.submit()
        run.receipt(message)
        run.receipt(message)
        run.receipts += (
            ReceiptRow(id=1, message_id="1", state="DELIVRD", outbox_id=7),
            ReceiptRow(id=2, message_id="1", state="DELIVRD"),
        )
        assert not run.verdict().broken

    def test_one_for_nobody_must_have_been_made_up(self, run: Run) -> None:
        run.receipts.append(ReceiptRow(id=1, message_id="beef", state="DELIVRD"))
        assert broken(run.verdict()) == ["L10"]
        run.entries.append(Injected(at=0, kind="stray receipt", told="beef"))
        assert not run.verdict().broken


class TestSideTables:
    def test_a_text_that_nobody_sent(self, run: Run) -> None:
        run.row(1)
        assert broken(run.verdict()) == ["L8"]

    def test_a_state_that_nobody_knows(self, run: Run) -> None:
        run.text(1)
        run.send(1)
        run.row(1, state="mislaid")
        run.out(7, state="mislaid")
        assert run.verdict().line("L8").count == 2

    def test_an_answer_that_is_missing_or_answers_nothing(self, run: Run) -> None:
        run.text(1, answers=1)
        run.send(1)
        run.row(1)
        run.out(7, state="withheld", inbound_id=99)
        assert run.verdict().line("L8").count == 2

    def test_a_process_that_grows(self, run: Run) -> None:
        for resident, descriptors, tasks in ((1 << 20, 10, 5), (200 << 20, 30, 50)):
            run.entries.append(Sampled(at=0, process=9, resident=resident, descriptors=descriptors, tasks=tasks))
        verdict = run.verdict()
        assert verdict.line("L9").count == 3
        assert verdict.line("L9").figures == {"processes": 1, "most MiB": 200}

    def test_a_part_that_was_sent_again_may_be_set_aside(self, run: Run) -> None:
        run.text(1, text="een lange tekst", parts=2)
        for part in (1, 2, 2):
            run.send(1, part=part)
        run.row(1, text="een lange tekst")
        for id in (1, 2):
            assert not run.verdict().broken
            run.quarantine.append(
                QuarantineRow(id=id, frame=b"x" * 20, reason="before", sender=PHONE, recipient=NUMBER, text="tekst")
            )
        assert broken(run.verdict()) == ["L10"]

    def test_quarantine_without_garbage_and_a_damaged_file(self, run: Run) -> None:
        run.quarantine.append(QuarantineRow(id=1, frame=b"x" * 20, reason="why"))
        run.integrity = ("row 1 missing from index",)
        assert run.verdict().line("L10").count == 2

    def test_a_failed_answer_must_have_been_refused(self, run: Run) -> None:
        run.out(7, state="failed")
        assert broken(run.verdict()) == ["L10"]
        run.submit(status=0x45)
        assert not run.verdict().broken

    def test_the_table_says_how_much_more_there_is(self, run: Run) -> None:
        for id in range(9):
            run.row(id)
        assert "… and 4 more" in run.verdict().table()
