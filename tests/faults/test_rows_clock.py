"""Row 39: the system's clock is set, by an hour back and by a day on, while people text and chains are under way."""

from pathlib import Path

import pytest

from router.instants import DAY, HOUR, MINUTE
from tests.support.station import station
from tests.support.wrong_clock import WrongClock

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam
    stop      "Klusser: u bent afgemeld."

keyword ZEG
    reply "{rest}"

keyword WACHT
    wait 2 minutes
    reply "Twee minuten."

keyword DAGELIJKS
    opt in promotional
    start dagelijks

drip dagelijks promotional
    every day at 11:30
        send "Klusser: weer een dag. STOP = uit."
"""
PHONES = [f"3160000000{number}" for number in range(8)]


@pytest.mark.parametrize("jumps", [(-HOUR, DAY), (DAY, -DAY - HOUR), (10 * DAY,)], ids=str)
async def test_row_39_whoever_texts_while_the_clock_jumps_is_answered_once(
    jumps: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = WrongClock(monkeypatch)
    async with station(tmp_path, RULES) as one:
        texts = 0
        for jump in (*jumps, 0):
            for phone in PHONES:
                one.phone(phone).text("4411", f"ZEG nummer {texts}")
            clock.ahead += jump
            for phone in PHONES:
                assert (await one.phone(phone).next()).text == f"nummer {texts}"
            texts += 1
        wanted = len(PHONES) * texts
        await one.until("SELECT state, count(*) FROM outbox GROUP BY state", [("delivered", wanted)])
        assert one.rows("SELECT count(*), count(DISTINCT fingerprint) FROM inbound") == [(wanted, wanted)]
        assert all(one.phone(phone).inbox.empty() for phone in PHONES)


async def test_row_39_what_waits_for_a_moment_comes_once_and_of_ten_days_one_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = WrongClock(monkeypatch)
    async with station(tmp_path, RULES) as one:
        for phone in PHONES:
            await one.phone(phone).text("4411", "WACHT")
        clock.ahead -= HOUR
        await one.until("SELECT count(*) FROM runs", [(len(PHONES),)])
        clock.ahead += HOUR + 2 * MINUTE
        for phone in PHONES:
            assert (await one.phone(phone).next()).text == "Twee minuten."
        await one.phone(PHONES[0]).text("4411", "DAGELIJKS")
        await one.until("SELECT count(*) FROM runs WHERE kind = 'step'", [(1,)])
        clock.ahead += 10 * DAY
        await one.until("SELECT count(*) FROM runs WHERE kind = 'step' AND due_at > 1768474800000000", [(1,)])
        told = one.rows("SELECT count(*) FROM outbox WHERE text LIKE '%weer een dag%'")
        clock.ahead -= 10 * DAY
        await one.until("SELECT count(*) FROM runs WHERE kind = 'step' AND due_at > 1768474800000000", [(1,)])
        assert told == [(1,)], "of what recurs the newest time counts"
