"""Keys of the API, made and revoked beside a gateway that runs on SQLite: by the gateway, which never has a secret."""

import asyncio
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from gateway import counter, counter_clerk
from gateway.counter_orders import check_key, read_order
from gateway.exits import Exit
from gateway.web.keys import presented
from router import keys
from router.consent_rows import rows_of
from router.store.errors import StoreBroken, StoreUnavailable
from tests.support.rules_files import GREETING
from tests.support.shell import Shell, answered
from tests.support.station import PATIENCE_S, Station, station

NEW = ("key", "new", "--brand", "Klusser")
AN_ORDER = {"do": "new key", "brand": "Klusser", "label": "", "hash": b64encode(bytes(32)).decode()}


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the gateway logs: in a test it has its standard output together with the command."""
    with capture_logs() as lines:
        yield lines


@asynccontextmanager
async def beside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Station, Shell]]:
    """A gateway, and a shell on its machine."""
    async with station(folder, GREETING) as one:
        yield one, Shell(one, monkeypatch, GREETING)


async def asks(one: Station, key: str) -> int:
    """The status of a request with that key."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"contact": "+31612345678", "name": "visited"}
    async with aiohttp.ClientSession(headers=headers) as web, web.post(f"{one.where}/v1/events", json=body) as answer:
        return answer.status


@contextmanager
def writing(monkeypatch: pytest.MonkeyPatch, what: str) -> Iterator[asyncio.Event]:
    """What the writer does stands still from when it is all but on disk until the gateway takes orders back that have
    not begun; gives when it does."""
    loop, stands, goes_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    does, take_back = getattr(keys, what), counter_clerk._Turn.take_back

    def slow(*given: Any) -> Any:
        came_to = does(*given)
        loop.call_soon_threadsafe(stands.set)
        assert goes_on.wait(PATIENCE_S)
        return came_to

    def noted(turn: Any) -> bool:
        is_back = bool(take_back(turn))
        goes_on.set()
        return is_back

    monkeypatch.setattr(keys, what, slow)
    monkeypatch.setattr(counter_clerk._Turn, "take_back", noted)
    yield stands
    goes_on.set()


async def test_a_key_opens_from_when_it_is_made_until_it_is_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with beside(tmp_path, monkeypatch) as (one, shell):
        made = await shell.kwek(*NEW, "--label", "till 1")
        assert made.exit_code == Exit.OK, made.stderr
        key = made.stdout.strip()
        shown = presented(f"Bearer {key}")
        assert shown is not None
        assert await asks(one, key) == 202
        assert (await shell.kwek("key", "list")).stdout.endswith("  Klusser  till 1\n")
        assert (await shell.kwek("key", "revoke", str(shown.id))).stdout == f"{shown.id} is revoked\n"
        assert await asks(one, key) == 401
        again = await shell.kwek("key", "revoke", str(shown.id))
        assert (again.exit_code, again.stderr) == (Exit.FAILED, f"{shown.id} is no key, or was revoked before\n")
    without = await shell.kwek("key", "revoke", str(shown.id))
    assert (without.exit_code, without.stderr) == (again.exit_code, again.stderr), "the same without a gateway"
    assert (await shell.kwek(*NEW)).exit_code == Exit.OK


async def test_a_secret_is_printed_and_is_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[MutableMapping[str, Any]]
) -> None:
    lines: list[bytes] = []

    def heard(line: bytes) -> Any:
        lines.append(line)
        return read_order(line)

    monkeypatch.setattr(counter, "read_order", heard)
    async with beside(tmp_path, monkeypatch) as (_, shell):
        made = await shell.kwek(*NEW)
        shown = presented(f"Bearer {made.stdout.strip()}")
        assert shown is not None
        secret, octets = made.stdout.strip().split("_", 2)[2], shown.secret
        files = [(tmp_path / name).read_bytes() for name in ("kwek.db", "kwek.db-wal")]
        assert len(lines) == 1
        assert [line["brand"] for line in logged if line["event"] == "a key was made"] == ["Klusser"]
        for kept in (*lines, *files, made.stderr.encode(), repr(logged).encode()):
            for said in (secret.encode(), octets, b64encode(octets), octets.hex().encode()):
                assert said not in kept


async def test_what_the_gateway_has_no_brand_for_and_what_is_no_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with beside(tmp_path, monkeypatch) as (one, shell):
        place = tmp_path / "kwek.db.sock"
        assert (
            "is for a brand 'Else'; it names Klusser"
            in (await answered(place, AN_ORDER | {"brand": "Else"}))["refused"]
        )
        assert "on one line" in (await answered(place, AN_ORDER | {"label": "a\nb"}))["refused"]
        wrong: list[Any] = [
            AN_ORDER | {"hash": "AAAA"}, {"do": "revoke key", "id": -1}, {"do": "revoke key", "id": 1 << 63},
        ]  # fmt: skip
        for order in wrong:
            assert "no order of its version" in (await answered(place, order))["refused"]
        assert (await shell.kwek("key", "new", "--brand", "Else")).exit_code == Exit.USAGE
        assert (await shell.kwek("key", "revoke", str(1 << 63))).exit_code == Exit.USAGE
        text = shell.config.read_text()
        shell.config.write_text(text.replace('["Klusser"]', '["Klusser", "Else"]'))  # the gateway does not know yet
        late = await shell.kwek("key", "new", "--brand", "Else")
        assert (late.exit_code, late.stdout) == (Exit.USAGE, "")
        assert "that the gateway was started with is for a brand 'Else'; it names Klusser" in late.stderr
        assert one.rows("SELECT count(*) FROM api_keys") == [(0,)]


async def test_a_store_that_is_away_is_told_and_texts_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    async with beside(tmp_path, monkeypatch) as (one, shell):
        with monkeypatch.context() as for_now:
            for_now.setattr(keys, "write", away)
            done = await shell.kwek(*NEW)
        assert (done.exit_code, done.stdout, done.stderr) == (Exit.STORE, "", "the disk is full\n")
        assert await one.ask("HOI") == "Dag!"
        assert one.rows("SELECT count(*) FROM api_keys") == [(0,)]


async def test_a_gateway_that_stops_in_the_midst_of_it_leaves_no_key_whose_secret_nobody_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(monkeypatch, "add") as stands:
        async with beside(tmp_path, monkeypatch) as (one, shell):
            asked = asyncio.create_task(shell.kwek(*NEW))
            await asyncio.wait_for(stands.wait(), PATIENCE_S)
        made = await asked
    assert (one.exit_code, made.exit_code, made.stderr) == (Exit.OK, Exit.OK, "")
    monkeypatch.undo()
    shown = presented(f"Bearer {made.stdout.strip()}")
    assert shown is not None
    assert one.rows("SELECT id FROM api_keys") == [(shown.id,)]
    await one.start(bound=False)  # its carrier is gone with it
    assert await asks(one, made.stdout.strip()) == 202
    await one.stop()


async def test_a_revocation_that_was_written_while_the_gateway_stopped_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(monkeypatch, "revoke") as stands:
        async with beside(tmp_path, monkeypatch) as (one, shell):
            made = presented(f"Bearer {(await shell.kwek(*NEW)).stdout.strip()}")
            assert made is not None
            asked = asyncio.create_task(shell.kwek("key", "revoke", str(made.id)))
            await asyncio.wait_for(stands.wait(), PATIENCE_S)
        done = await asked
    assert (done.exit_code, done.stdout) == (Exit.OK, f"{made.id} is revoked\n")
    assert one.rows("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL") == [(0,)]


async def test_what_has_not_begun_when_the_gateway_stops_is_never_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comes = asyncio.Event()

    def noted(*given: Any) -> None:
        check_key(*given)
        comes.set()

    monkeypatch.setattr(counter_clerk, "check_key", noted)
    with writing(monkeypatch, "revoke") as stands:
        async with beside(tmp_path, monkeypatch) as (one, shell):
            before = asyncio.create_task(answered(tmp_path / "kwek.db.sock", {"do": "revoke key", "id": 5}))
            await asyncio.wait_for(stands.wait(), PATIENCE_S)
            asked = asyncio.create_task(shell.kwek(*NEW))
            await asyncio.wait_for(comes.wait(), PATIENCE_S)
        refused = await asked
        assert await before == {}
    assert (one.exit_code, refused.exit_code, refused.stdout) == (Exit.OK, Exit.STORE, "")
    assert refused.stderr == "the gateway ended meanwhile; do it again\n"
    assert one.rows("SELECT count(*) FROM api_keys") == [(0,)]
    revoked = await shell.kwek("key", "revoke", "5")
    assert (revoked.exit_code, revoked.stderr) == (Exit.FAILED, "5 is no key, or was revoked before\n")


async def test_a_disk_that_fails_under_it_ends_the_gateway_and_no_key_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreBroken("disk I/O error")

    async with beside(tmp_path, monkeypatch) as (one, shell):
        monkeypatch.setattr(keys, "add", broken)
        done = await shell.kwek(*NEW)
        assert (done.exit_code, done.stdout) == (Exit.STORE, "")
        assert await one.stop() == Exit.INTERNAL


async def test_a_key_waits_for_no_list_that_is_being_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, comes = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def long(*given: Any) -> Any:
        loop.call_soon_threadsafe(comes.set)
        assert goes_on.wait(PATIENCE_S)
        return rows_of(*given)

    monkeypatch.setattr(counter_clerk, "rows_of", long)
    async with beside(tmp_path, monkeypatch) as (_, shell):
        order = {"do": "opt-out", "brand": "Klusser", "by": "me", "octets": 19}
        taking = asyncio.create_task(answered(tmp_path / "kwek.db.sock", order, b"msisdn\n31612345678\n"))
        await asyncio.wait_for(comes.wait(), PATIENCE_S)
        made = await shell.kwek(*NEW)
        assert (made.exit_code, taking.done()) == (Exit.OK, False)
        goes_on.set()
        assert (await taking)["done"]["told"][0]["outcome"] == "taken"
