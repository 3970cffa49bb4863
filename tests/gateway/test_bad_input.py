"""What stands in the way at the start is told in one sentence (what, where, what to do) and by the exit code."""

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.values import Address
from gateway.exits import Exit
from router.store.engine import open_store
from tests.support.process import TOML, Gateway, run_gateway, write_config
from tests.support.station import Station, station

RULES = """\
brand "Klusser"
    numbers   4411, +3197010281234
    language  nl
    timezone  Europe/Amsterdam

keyword JA
    reply "Fijn!"
"""
BROKEN = RULES.replace("keyword JA", "keyword ja")


async def refused(one: Station) -> list[str]:
    """Starts what cannot start; gives the errors that it logs, without the folder."""
    with capture_logs() as lines:
        await one.start(bound=False)
    said = [line["event"] for line in lines if line["log_level"] in ("error", "critical")]
    return [text.replace(str(one.folder), "…") for text in said]


# ------------------------------------------------------------------------------------------------------- the rules


def emptied(one: Station) -> None:
    (one.rules / "0.rules").unlink()


def missing(one: Station) -> None:
    emptied(one)
    one.rules.rmdir()


def broken(one: Station) -> None:
    (one.rules / "0.rules").write_text(BROKEN)


SPOILT = [
    (emptied, "…/brands:1:1: No file below this folder is named *.rules"),
    (missing, "…/brands:1:1: There is no such file or folder"),
    (broken, "…/brands/0.rules:6:9: `ja` is not in capitals: a word that a phone types is"),
]


@pytest.mark.parametrize(("spoil", "fault"), SPOILT)
async def test_without_rules_and_without_a_last_good_set_it_does_not_start(
    tmp_path: Path, spoil: Callable[[Station], None], fault: str
) -> None:
    async with station(tmp_path, RULES, start=False) as one:
        spoil(one)
        *_, last = await refused(one)
        assert one.exit_code == Exit.RULES
        assert last == f"no rules to start with: {fault}"


@pytest.mark.parametrize(("spoil", "fault"), SPOILT)
async def test_with_a_last_good_set_it_starts_and_says_so(
    tmp_path: Path, spoil: Callable[[Station], None], fault: str
) -> None:
    async with station(tmp_path, RULES) as one:
        await one.stop()
        spoil(one)
        await one.start()
        assert await one.ask("ja") == "Fijn!"
        rules = f"rules: {fault}; the rules that were last in force are used"
        await one.until_ready(rules.replace("…", str(tmp_path)))
        assert (await one.readiness())[0] == 503


# ------------------------------------------------------------------------------------------------------- the store


def below_a_file(one: Station) -> None:
    (one.folder / "file").write_text("")
    one.store_url = f"sqlite:///{one.folder}/file/kwek.db"


def below_nothing(one: Station) -> None:
    one.store_url = f"sqlite:///{one.folder}/nowhere/kwek.db"


def a_folder(one: Station) -> None:
    (one.folder / "kwek.db").mkdir()


def no_database(one: Station) -> None:
    (one.folder / "kwek.db").write_bytes(b"dear diary" * 1_000)


def nobody_there(one: Station) -> None:
    one.store_url = f"postgresql://kwek@127.0.0.1:{free_port()}/kwek"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            below_a_file,
            "store …/file/kwek.db: its folder cannot be written (Not a directory); name another, or mend it",
        ),
        (
            below_nothing,
            "store …/nowhere/kwek.db: its folder cannot be written (No such file or directory); "
            "name another, or mend it",
        ),
        (
            a_folder,
            "store sqlite:///…/kwek.db: the database does not take writes now: unable to open database file; "
            "mend it, or name another as `store` in [gateway]",
        ),
        (
            no_database,
            "store sqlite:///…/kwek.db: the database file is damaged or cannot be read or written: "
            "file is not a database; restore a backup, or name another as `store` in [gateway]",
        ),
        (
            nobody_there,
            "store postgresql://kwek@127.0.0.1:PORT/kwek: PostgreSQL is away: connection failed: connection to server "
            'at "127.0.0.1", port PORT failed: Connection refused Is the server running on that host and accepting '
            "TCP/IP connections?; mend it, or name another as `store` in [gateway]",
        ),
    ],
)
async def test_a_store_that_cannot_be_opened(tmp_path: Path, spoil: Callable[[Station], None], sentence: str) -> None:
    async with station(tmp_path, RULES, start=False) as one:
        spoil(one)
        said = await refused(one)
        port = one.store_url.rpartition(":")[2].partition("/")[0]
        assert one.exit_code == Exit.STORE
        assert [text.replace(port, "PORT") if port else text for text in said] == [sentence]


async def test_a_store_in_use_by_another_kwek(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, start=False) as one:
        other = open_store(one.store_url)
        said = await refused(one)
        other.close()
        assert one.exit_code == Exit.STORE
        assert said == ["store …/kwek.db is in use by another kwek; stop that one first, or name another file"]
        await one.start()
        assert await one.ask("ja") == "Fijn!"


# --------------------------------------------------------------------------------------------------------- the web


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, start=False) as one:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            one.listen = Address("127.0.0.1", taken.getsockname()[1])
            said = await refused(one)
        assert one.exit_code == Exit.PORT
        assert said == [
            f"cannot listen on {one.listen}: another process does; stop it, or set another `listen` in [gateway]"
        ]
        await one.start()
        assert await one.ask("ja") == "Fijn!", "nothing was left behind"


# ------------------------------------------------------------------------------------- the process and its kwek.toml


async def ended(gateway: Gateway) -> tuple[int, str]:
    """The exit code of a process that ends by itself, and all it said."""
    code = await asyncio.wait_for(gateway.process.wait(), 30)
    return code, gateway.log.read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "listen =",
            "lisden =",
            """\
…:5:1: error: there is no setting 'lisden' in [gateway]
    did you mean "listen"?
""",
        ),
        (
            '"env:KWEK_TEST_PASSWORD"',
            '"geheim"',
            """\
…:20:13: error: password in [[connector]] holds the secret itself, which may not stand in this file
    put it into the environment and write password = "env:KWEK_PASSWORD", or into a file: "file:PATH"
""",
        ),
        (
            "env:KWEK_TEST_PASSWORD",
            "env:KWEK_NOT_SET",
            """\
…:20:13: error: password in [[connector]] names the variable KWEK_NOT_SET, which is not set
    set it where kwek starts: export KWEK_NOT_SET=…
""",
        ),
    ],
)
async def test_a_wrong_kwek_toml_is_told_with_its_lines(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TOML
    config = write_config(tmp_path, 2775, RULES, **{old: new})
    code, log = await ended(await run_gateway(config))
    assert (code, log.replace(str(config), "…")) == (Exit.USAGE, said)


async def test_no_kwek_toml(tmp_path: Path) -> None:
    config = tmp_path / "kwek.toml"
    code, log = await ended(await run_gateway(config))
    assert code == Exit.USAGE
    assert log.replace(str(config), "…") == (
        "…: error: there is no such file\n    `kwek config > kwek.toml` makes one\n"
    )


async def test_the_exit_code_is_the_processs_own_and_its_log_one_json_line(tmp_path: Path) -> None:
    config = write_config(tmp_path, 2775, BROKEN.replace(", +3197010281234", ""))
    code, log = await ended(await run_gateway(config))
    first, second = (json.loads(line) for line in log.splitlines())
    assert code == Exit.RULES
    assert (first["event"], first["line"], first["column"], first["help"], first["level"]) == (
        "`ja` is not in capitals: a word that a phone types is.", 6, 9, "Write JA; a phone may type it in any case.",
        "error",
    )  # fmt: skip
    assert second["event"].startswith("no rules to start with: ")
