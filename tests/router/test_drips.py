"""Drips, by conversations: who enters, what ends them early, and what waits keeps its order."""

import pytest

from router.transcript import run_tests
from rules.diagnostics import Source

HEAD = """\
brand "P"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam
    quiet     21:00..08:00
    stop      "P: u bent afgemeld."

"""
DRIP = """\
drip d promotional
    exit on tag klant
    at once
        send "P: een. STOP = uit."
    after 1 day at 10:00
        send "P: twee. STOP = uit."

"""


def play(rules: str) -> list[str]:
    """What came otherwise than written."""
    results = run_tests([Source("p.rules", HEAD + rules)], None)
    assert results, "no test in it"
    return [f"{one.title}: {one.failure.expected} / {one.failure.came}" for one in results if one.failure is not None]


def joined(chain: str, told: str) -> str:
    """A keyword with a chain, and a test of what the phone that is in the drip gets of it and for two days after."""
    actions = "".join(f"    {line}\n" for line in chain.split("; "))
    lines = "".join(f"    {line}\n" for line in told.split("; "))
    return f'{DRIP}keyword JOIN\n{actions}\ntest "t"\n    given consent promotional\n    > JOIN\n{lines}'


@pytest.mark.parametrize("ending", ["tag klant", "finish d", "opt out"])
def test_what_ends_a_drip_ends_one_that_the_same_text_began(ending: str) -> None:
    assert play(joined(f"start d; {ending}", "< P: een*; later 2 days; nothing")) == []


def test_a_drip_begun_again_after_it_was_finished_by_the_same_text_does_not_begin() -> None:
    assert play(joined("start d; finish d; start d", "< P: een*; later 2 days; nothing")) == []


def test_what_comes_below_opt_out_in_a_chain_of_a_text_is_done() -> None:
    assert play(joined('opt out; reply "Geen tips meer."', "< Geen tips meer.; check not consent promotional")) == []


def test_a_chain_with_a_run_per_value_has_several_side_by_side() -> None:
    rules = """\
on event verzonden per event.pakket
    wait 1 hour
    send transactional "P: pakket {event.pakket}. STOP = uit."

test "t"
    given consent transactional
    event verzonden with pakket = 1
    event verzonden with pakket = 2
    event verzonden with pakket = 1
    later 1 hour
    < P: pakket 1. STOP = uit.
    < P: pakket 2. STOP = uit.
    later 1 day
    nothing
"""
    assert play(rules) == []


def test_a_chain_that_waits_for_a_time_the_event_does_not_tell_ends_and_says_so() -> None:
    rules = """\
on event afspraak
    wait until 2 hours before event.begin
    send transactional "P: tot zo. STOP = uit."

test "t"
    given consent transactional
    event afspraak with begin = "{begin}"
    {told}
"""
    assert play(rules.replace("{begin}", "2026-01-05T13:00").replace("{told}", "< P: tot zo*")) == []
    assert play(rules.replace("{begin}", "straks").replace("{told}", "withheld time_not_told")) == []
