"""Codes to log in with, where they leave no trace: capability 86."""

from config.connectors import Connector
from config.values import Host, Secret
from gateway.connectors.mapping import CODE_VALIDITY, CONFIRMATION_VALIDITY, Mapping
from router.claims import Allowance, Claim
from router.consent import CODE_LIFE, CONFIRMATION_LIFE
from router.group import Group, commit
from router.housekeeping import Housekeeping
from router.instants import HOUR, MINUTE
from router.messages import Occurrence
from router.rehearsal import CONNECTOR, Got, Kept, Stage
from rules.compiler import compile_sources
from rules.diagnostics import Source

RULES = """brand "De Bank"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

on event inloggen
    send otp "De Bank: uw code is {event.code}."

on event inloggen
    wait 1 day
    if event.plaats = "Utrecht"
        tag utrecht
"""
NOON = 1_767_610_800_000_000
PHONE = "31612345678"


def stage() -> Stage:
    book = compile_sources([Source("bank.rules", RULES)], None).book
    assert book is not None
    return Stage(book, PHONE, NOON)


def forget(on: Stage, later: int) -> None:
    """What housekeeping forgets so much later."""
    housekeeping = Housekeeping()
    housekeeping.begin()
    with on._store.begin() as tx:
        while housekeeping.step(tx, on.world.now() + later):
            continue


def written(on: Stage) -> str:
    """Everything that the database holds, as text."""
    with on._store.begin() as tx:
        names = [name for (name,) in tx.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return repr([list(tx.execute(f'SELECT * FROM "{name}"')) for name in names])


def asked(on: Stage, at: int, code: str = "987654") -> Occurrence:
    values = {"code": code, "plaats": "Utrecht"}
    return Occurrence(
        id=on.world.ids.next(on.world.now()), brand="De Bank", address=PHONE, name="inloggen", source="api", at=at,
        received_at=on.world.now(), values=values, ref="", key="",
    )  # fmt: skip


def test_capability_86_a_code_that_has_gone_out_is_written_nowhere() -> None:
    on = stage()
    assert on.occur("De Bank", "inloggen", {"code": "987654", "plaats": "Utrecht"}) == [
        Got("De Bank: uw code is 987654.", "4411")
    ]
    assert "987654" not in written(on)
    assert "Utrecht" in written(on)  # what is no code is kept, in the event and in the run that waits
    on.until(NOON + 25 * HOUR)
    assert on.facts("4411").profile("De Bank").tags == frozenset({"utrecht"})
    on.close()


def test_capability_86_a_code_waits_five_minutes_at_most() -> None:
    on = stage()
    done = commit(on._store, Group(occurrences=[asked(on, NOON)]), on._ways, Allowance({CONNECTOR: 0}))
    assert done.claims == []
    assert "987654" in written(on)
    on.world.at += CODE_LIFE + 1
    assert commit(on._store, Group(claim=True), on._ways, Allowance({CONNECTOR: 9})).claims == []
    assert "code_expired" in written(on)
    forget(on, MINUTE)
    assert "987654" in written(on)  # a slow clock elsewhere may still be within the five minutes
    forget(on, 2 * CODE_LIFE)
    assert "987654" not in written(on)
    on.close()


def test_capability_86_a_request_of_long_ago_brings_no_code() -> None:
    on = stage()
    done = commit(on._store, Group(occurrences=[asked(on, NOON - CODE_LIFE - 1)]), on._ways, Allowance({CONNECTOR: 9}))
    assert done.claims == []
    assert "code_expired" in written(on)
    assert "987654" not in written(on)
    on.close()


def test_capability_86_a_phone_is_sent_five_codes_in_an_hour() -> None:
    on = stage()
    told = []
    for number in range(7):
        told += on.occur("De Bank", "inloggen", {"code": f"10{number}"})
        on.until(on.world.at + MINUTE)
    assert told[:5] == [Got(f"De Bank: uw code is 10{number}.", "4411") for number in range(5)]
    assert told[5:] == [Kept("too_many_codes", "")] * 2
    on.until(on.world.at + HOUR)
    assert on.occur("De Bank", "inloggen", {"code": "200"}) == [Got("De Bank: uw code is 200.", "4411")]
    on.close()


def test_capability_86_an_event_that_cannot_be_performed_is_set_aside_without_its_code() -> None:
    on = stage()
    commit(on._store, Group(occurrences=[asked(on, NOON)], poison="broken"), on._ways, Allowance({CONNECTOR: 9}))
    assert "broken" in written(on)
    assert "987654" not in written(on)
    on.close()


def test_capability_86_the_centre_is_told_how_long_a_code_is_good_for_and_a_stops_confirmation() -> None:
    settings = Connector(name="a", host=Host("localhost"), system_id="kwek", password=Secret(""))
    mapping = Mapping(settings, ["4411"])
    for message_class, validity in (
        ("otp", CODE_VALIDITY),
        ("stop_confirmation", CONFIRMATION_VALIDITY),
        ("conversational", ""),
    ):
        claim = Claim(1, "a", "4411", PHONE, "De Bank: uw code is 1.", "gsm7", 1, message_class, 1)  # type: ignore[arg-type]
        assert [one.validity_period for one in mapping.to_submits(claim)] == [validity]
    assert f"00000000{CODE_LIFE // MINUTE:02}00000R" == CODE_VALIDITY
    assert f"00000000{CONFIRMATION_LIFE // MINUTE:02}00000R" == CONFIRMATION_VALIDITY
