"""Rules are edited while contacts are under way: `kwek plan` says what becomes of them, `kwek deploy` and `kwek
rollback` do it under a gateway that runs, and no text is lost or decided by halves."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.exits import Exit
from tests.support.process import write_config
from tests.support.station import Station, station

BEFORE = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword JOIN
    opt in promotional
        confirm "Antwoord JA voor tips. STOP = uit."
        answer yes
    start welkom
    reply "Welkom."

keyword TIPS
    start tips
    reply "De tips komen."

keyword REPAIR
    ask "Wat is er stuk?" within 1 day
        answer (KEUKEN | BAD) as unit
            reply "We komen voor uw {unit}."

keyword KLEUR
    ask "Welke kleur?" within 1 day
        answer (ROOD | BLAUW) as kleur
            reply "Dus {kleur}."

keyword BEL
    reply "We bellen."

fallback
    reply "Wat bedoelt u?"

drip welkom promotional
    step prijs: after 3 days
        send "Onze prijzen. STOP = uit."
    step slot: after 5 days
        send "Tot ziens. STOP = uit."

drip tips promotional
    after 2 days at 10:00
        send "Een tip. STOP = uit."
"""
PRIJS = """\
    step prijs: after 3 days
        send "Onze prijzen. STOP = uit."
"""
SLOT = """\
    step slot: after 5 days
        send "Tot ziens. STOP = uit."
"""
EDITS = {
    PRIJS + SLOT: SLOT + PRIJS.replace("3 days", "6 days"),
    "after 2 days at 10:00": "after 4 days at 10:00",
    "We komen voor uw {unit}.": "Onze monteur komt voor uw {unit}.",
    "Welke kleur?": "Welke kleur wilt u?",
    "keyword BEL\n": "keyword BELLEN\n",
}
PLAN = """\
In force  OLD  since WHEN
New       NEW  klusser.rules changed

Under way: 5 chains; 1 at the same step, 2 at the same step elsewhere, 2 by the rules they began in
    1  Klusser  drip tips       after 2 days at 10:00     the step is gone: goes on by the rules of OLD
    1  Klusser  keyword KLEUR   ask "Welke kleur?"        the step is gone: goes on by the rules of OLD
    2  Klusser  drip welkom     step prijs: after 3 days  the same step, moved: was step 1 of 2, is 2 of 2; \
the same step, now "step prijs: after 6 days": who waits for it keeps his time
    1  Klusser  keyword REPAIR  ask "Wat is er stuk?"     the same step

Texts of the last 7 days: 8 replayed, 1 would go elsewhere
    1 to 4411: keyword BEL (Klusser) -> fallback (Klusser); such as 'BEL' from ********005
"""
HASH = re.compile(r"\b[0-9a-f]{12}\b")
SUMMARY = [
    "OLD -> NEW",
    "Under way: 5 chains; 1 at the same step, 2 at the same step elsewhere, 2 by the rules they began in",
]


def edited() -> str:
    text = BEFORE
    for old, new in EDITS.items():
        assert old in text
        text = text.replace(old, new)
    return text


async def kwek(*words: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, cli.app, list(words))


def plain(said: str) -> str:
    """What was said, without what is another each time."""
    said = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "WHEN", said)
    hashes = list(dict.fromkeys(HASH.findall(said)))
    return HASH.sub(lambda one: ("OLD", "NEW")[hashes.index(one[0])], said)


def orders_in(folder: Path) -> list[Path]:
    return list(folder.glob("*.order*"))


async def conversations(one: Station) -> None:
    """Two contacts in drips, one of them in two; two open questions; a text."""
    for phone in ("31600000001", "31600000002"):
        assert await one.ask("JOIN", phone) == "Antwoord JA voor tips. STOP = uit."
        assert await one.ask("JA", phone) == "Welkom."
    assert await one.ask("TIPS", "31600000002") == "De tips komen."
    assert await one.ask("REPAIR", "31600000003") == "Wat is er stuk?"
    assert await one.ask("KLEUR", "31600000004") == "Welke kleur?"
    assert await one.ask("BEL", "31600000005") == "We bellen."


async def stream(one: Station, until: asyncio.Event) -> list[str]:
    """New phones that text without a pause, each once; what they got."""
    got: list[str] = []
    while not until.is_set() or len(got) < 20:
        got.append(await one.ask("BEL", f"3161{len(got):07}"))
    return got


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")


async def test_rules_are_edited_planned_deployed_and_rolled_back_under_a_running_gateway(
    tmp_path: Path, store_url: str
) -> None:
    async with station(tmp_path, start=False, store_url=store_url, reload=False) as one:
        config = str(write_config(tmp_path, one.carrier.port, BEFORE, store_url))
        await one.start()
        await conversations(one)
        (one.rules / "klusser.rules").write_text(edited())

        planned = await kwek("plan", "--config", config)
        assert (planned.exit_code, plain(planned.stdout)) == (Exit.OK, PLAN)
        assert await one.ask("BEL", "31600000006") == "We bellen."  # it changed nothing

        done = asyncio.Event()
        texting = asyncio.create_task(stream(one, done))
        deployed = await kwek("deploy", "--config", config, "--by", "jan")
        done.set()
        got = await texting
        assert plain(deployed.stdout).splitlines()[:2] == SUMMARY
        assert plain(deployed.stdout).splitlines()[-1] == "in force at test since WHEN"
        assert deployed.exit_code == Exit.OK
        assert set(got) == {"We bellen.", "Wat bedoelt u?"}
        assert got == sorted(got, reverse=True), "once the new rules rule, no text goes by the old ones"
        old, new = HASH.findall(deployed.stdout)[:2]
        said = one.rows(
            "SELECT DISTINCT substr(i.deployment, 1, 12), o.text FROM inbound i JOIN outbox o ON o.cause_id = i.id "
            "WHERE i.text = 'BEL'"
        )
        assert set(said) == {(old, "We bellen."), (new, "Wat bedoelt u?")}, "each is decided by one rule set wholly"
        assert one.rows("SELECT count(*) FROM inbound WHERE text = 'BEL'") == [(len(got) + 2,)]

        assert await one.ask("KEUKEN", "31600000003") == "Onze monteur komt voor uw keuken."
        assert await one.ask("ROOD", "31600000004") == "Dus rood."

        back = await kwek("rollback", "--config", config, "--by", "piet")
        assert back.exit_code == Exit.OK, back.output
        assert plain(back.stdout).splitlines()[0] == "OLD -> NEW"
        assert HASH.findall(back.stdout)[:2] == [new, old]
        assert await one.ask("BEL", "31600000005") == "We bellen."
        assert await one.ask("REPAIR", "31600000003") == "Wat is er stuk?"
        assert await one.ask("BAD", "31600000003") == "We komen voor uw bad."
        told = one.rows("SELECT origin, actor, substr(deployment, 1, 12) FROM rulings ORDER BY id")
        assert told == [("files", "test", old), ("deploy", "jan", new), ("rollback", "piet", old)]

        assert await one.stop() == 0
        await one.start()
        assert await one.ask("BEL", "31600000005") == "We bellen.", "what was rolled back stays so after a restart"
        assert orders_in(tmp_path) == []


async def test_an_order_rules_until_the_files_change_where_they_are_followed(tmp_path: Path, store_url: str) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "klusser.rules").write_text(edited())
    async with station(tmp_path, start=False, store_url=store_url) as one:
        config = str(write_config(tmp_path, one.carrier.port, BEFORE, store_url))
        await one.start()
        assert await one.ask("BEL") == "We bellen."
        deployed = await kwek("deploy", str(tmp_path / "desk"), "--config", config)
        assert deployed.exit_code == Exit.OK, deployed.output
        assert await one.ask("BEL") == "Wat bedoelt u?"
        assert await one.stop() == 0
        await one.start()
        assert await one.ask("BEL") == "Wat bedoelt u?"
        (one.rules / "klusser.rules").write_text(BEFORE.replace("We bellen.", "We bellen zo."))
        await one.until("SELECT count(*) FROM rulings", [(3,)])
        assert await one.ask("BEL") == "We bellen zo."
        again = await kwek("rollback", "--config", config)
        assert again.exit_code == Exit.OK, again.output
        assert await one.ask("BEL") == "Wat bedoelt u?"


async def test_what_was_rolled_back_stays_so_when_the_files_had_come_to_say_it(tmp_path: Path, store_url: str) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "klusser.rules").write_text(edited())
    async with station(tmp_path, start=False, store_url=store_url) as one:
        config = str(write_config(tmp_path, one.carrier.port, BEFORE, store_url))
        await one.start()
        assert (await kwek("deploy", str(tmp_path / "desk"), "--config", config)).exit_code == Exit.OK
        (one.rules / "klusser.rules").write_text(edited())
        await one.until("SELECT count(*) FROM node_rules WHERE files = deployment", [(1,)])
        assert (await kwek("rollback", "--config", config)).exit_code == Exit.OK
        assert await one.ask("BEL") == "We bellen."
        assert await one.stop() == 0
        await one.start()
        assert await one.ask("BEL") == "We bellen."


async def test_an_order_while_nothing_runs_is_heeded_at_the_start(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, start=False, store_url=store_url, reload=False) as one:
        config = str(write_config(tmp_path, one.carrier.port, BEFORE, store_url))
        await one.start()
        assert await one.stop() == 0
        (one.rules / "klusser.rules").write_text(edited())
        deployed = await kwek("deploy", "--config", config)
        assert deployed.exit_code == Exit.OK, deployed.output
        assert deployed.stdout.splitlines()[-1] == "no gateway runs: the next one that starts takes these rules over"
        await one.start()
        assert await one.ask("BEL") == "Wat bedoelt u?"
        same = await kwek("deploy", "--config", config)
        assert same.stdout.endswith(" is in force: there is nothing to do\n")
