"""The ledger on what went out, and on all that stands beside (L4 to L10)."""

import msgspec
import pytest

from gateway.torture.entries import Injected, QuarantineRow, ReceiptRow, Sampled
from gateway.torture.ledger import Bounds
from tests.support.ledgers import NOW, NUMBER, PHONE, Run, broken


@pytest.fixture
def run() -> Run:
    return Run()


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

    def test_nothing_goes_out_before_its_row_though_another_row_says_the_same(self, run: Run) -> None:
        run.out(8, reference=8)
        run.submit(reference=7)
        run.end()
        run.submit(reference=8, link=2)
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
        run.consent(1)

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

    def test_one_of_the_first_send_is_filed_and_the_second_decides(self, run: Run) -> None:
        run.out(1, state="sent", sends=2, reference=7)
        first, second = run.submit(responded=False, reference=7), run.submit(link=2, reference=7)
        run.end(1)
        run.at += 5
        run.receipt(first, reference=7)
        run.receipts.append(ReceiptRow(id=1, message_id=f"{first:x}", state="DELIVRD", outbox_id=1))
        assert broken(run.verdict()) == []
        run.receipt(second, reference=7)
        run.receipts.append(ReceiptRow(id=2, message_id=f"{second:x}", state="DELIVRD", outbox_id=1))
        assert broken(run.verdict()) == ["L7"], "it has come, and the text does not show it"
        run.outbox[0] = msgspec.structs.replace(run.outbox[0], state="delivered")
        assert broken(run.verdict()) == []

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
        run.out(7, state="withheld", cause_id=99)
        assert run.verdict().line("L8").count == 2

    def test_what_happened_beside_texts_is_answered_too(self, run: Run) -> None:
        run.out(7, state="withheld", cause_id=99)
        run.events = (99,)
        assert not run.verdict().broken

    def test_an_opt_out_that_no_ledger_of_consents_tells_of_or_that_it_tells_of_twice(self, run: Run) -> None:
        run.text(1, text="STOP", word="stop")
        run.send(1)
        run.row(1, text="STOP", state="opted_out")
        assert run.verdict().line("L8").findings == ("the text 1 opted out, and no ledger says so",)
        run.consent(1)
        run.consent(1, brand="Bakker")
        assert not run.verdict().broken
        run.consent(1)
        assert run.verdict().line("L8").findings == ("the text 1 stands 2 times on the ledger of Shop: revoke",)

    def test_a_consent_that_nobody_gave(self, run: Run) -> None:
        run.text(1, text="START", word="start")
        run.send(1)
        run.row(1, text="START", state="opted_in")
        run.consent(1, "restore")
        assert not run.verdict().broken
        run.consent(2, "restore")
        [finding] = run.verdict().line("L8").findings
        assert finding == "restore of Shop is on the ledger, and the text 2 was not acted upon"

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

    def test_noise_is_known_wherever_in_it_the_quarantine_begins(self, run: Run) -> None:
        noise = bytes.fromhex("7fffffff00000005000000007ffe0006") + b"noise"
        for id, frame in enumerate(
            (noise, noise[:4], b"C907\0" + noise, noise + b"more", noise[:12] + b"1234noise"), 1
        ):
            run.quarantine.append(QuarantineRow(id=id, frame=frame, reason="why"))
        assert run.verdict().line("L10").count == 5
        run.entries.append(Injected(at=0.0, kind="noise", frame=noise))
        assert not run.verdict().broken
        run.quarantine.append(QuarantineRow(id=6, frame=b"C907\0" + noise[4:], reason="why"))
        assert run.verdict().line("L10").count == 1

    def test_a_failed_answer_must_have_been_refused(self, run: Run) -> None:
        run.out(7, state="failed")
        assert broken(run.verdict()) == ["L10"]
        run.submit(status=0x45)
        assert not run.verdict().broken

    def test_the_table_says_how_much_more_there_is(self, run: Run) -> None:
        for id in range(9):
            run.row(id)
        assert "… and 4 more" in run.verdict().table()
