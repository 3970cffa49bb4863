"""Files of codes: read when rules come into force, in slices, and told of when they run out."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import pools
from gateway.pools import Pools, in_turn
from router import offers
from router.offers import Pool, Want
from router.store.engine import Store, open_store
from router.world import Virtual
from rules.vouchers import Voucher

NOW = 1_767_614_400_000_000
BRAND = "Shop"


class Place:
    """A folder with a file of codes, and a store."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "codes.csv"
        self.store: Store = open_store(f"sqlite:///{folder / 'kwek.db'}")
        self.world = Virtual(NOW)
        self.pools = Pools(self.store, self.world)
        self.voucher = Voucher("beurs", file="codes.csv", beside=str(folder / "shop.rules"))

    async def deploy(self, *codes: str, **more: Any) -> list[str]:
        if codes:
            self.file.write_text("\n".join(codes))
        self.world.at += 1_000
        declared = Voucher(**{"name": "beurs", "file": "codes.csv", "beside": self.voucher.beside, **more})
        return await self.pools.deploy([(BRAND, declared)], self.world.offload)

    def take(self, *contacts: int) -> list[str | None]:
        wants = [Want(contact, BRAND, self.voucher) for contact in contacts]
        with self.store.begin() as tx:
            found = offers.codes(tx, wants, NOW, lambda: 0.5)
        return [found[want.key] for want in wants]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    one = Place(tmp_path)
    yield one
    one.store.close()


async def test_a_file_is_loaded_in_slices_and_its_oddities_are_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "SLICE", 2)
    with capture_logs() as logs:
        assert await place.deploy("A1", "B2", "C3", "A1", "D4", "E5") == []
    assert place.take(1, 2, 3, 4, 5, 6) == ["A1", "B2", "C3", "D4", "E5", None]
    assert [(one["event"], one.get("what"), one.get("codes")) for one in logs] == [
        ("codes of a voucher", "Line 4 has a code that stands above already; it is used once.", None),
        ("codes are loaded", None, 5),
    ]


async def test_a_file_that_is_as_it_was_is_not_loaded_again(place: Place) -> None:
    await place.deploy("A1", "B2")
    with capture_logs() as logs:
        assert await place.deploy() == []
    assert logs == []


async def test_a_file_that_changed_adds_and_takes_out_and_leaves_what_is_taken(place: Place) -> None:
    await place.deploy("A1", "B2", "C3")
    assert place.take(1) == ["A1"]
    await place.deploy("C3", "D4")
    assert place.take(1, 2, 3, 4) == ["A1", "C3", "D4", None]


async def test_what_hinders_is_told_and_leaves_what_there_is(place: Place) -> None:
    await place.deploy("A1")
    place.file.unlink()
    assert await place.deploy() == [f"voucher beurs of Shop: {place.file} cannot be read: No such file or directory"]
    assert await place.deploy("code") == [
        f"voucher beurs of Shop: {place.file} holds no codes; those that were loaded before stay in use"
    ]
    assert await place.deploy(file="../codes.csv") == [
        "voucher beurs of Shop: '../codes.csv': A file of codes stands next to the rules file, or in a folder there."
    ]
    assert place.take(1) == ["A1"]


async def test_codes_of_another_voucher_stay_with_it(place: Place) -> None:
    await place.deploy("A1", "B2")
    with capture_logs() as logs:
        await place.deploy("B2", "C3", name="najaar")
    assert logs[-1]["event"] == "codes that another voucher of the brand has stay with it"
    assert logs[-1]["codes"] == 1
    with place.store.begin() as tx:
        assert offers.standing(tx) == [Pool(BRAND, "beurs", 2, 2), Pool(BRAND, "najaar", 1, 1)]


async def test_patterns_are_only_declared(place: Place) -> None:
    zomer = Voucher("zomer", pattern="Z-######", until=NOW)
    assert await place.pools.deploy([(BRAND, zomer)], place.world.offload) == []
    with place.store.begin() as tx:
        assert tx.execute("SELECT brand, name, until, total FROM offers") == [(BRAND, "zomer", NOW, 0)]


async def test_running_low_is_warned_of_once(place: Place) -> None:
    await place.deploy(*(f"C{i}" for i in range(10)))
    place.take(*range(1, 9))

    async def look(percent: int, is_warned: bool) -> list[Any]:
        with capture_logs() as logs:
            assert await place.pools.look(percent, place.world.offload) == [Pool(BRAND, "beurs", 2, 10, is_warned)]
        return logs

    (told,) = await look(20, False)
    assert (told["log_level"], told["voucher"], told["left"], told["of"]) == ("warning", "beurs", 2, 10)
    assert await look(20, True) == []
    assert await look(10, True) == []  # the operator changed his mind: it is not low any more
    assert len(await look(20, False)) == 1


async def test_two_nodes_warn_once(place: Place) -> None:
    """Both have looked; the second finds that the first has just written it down."""
    await place.deploy("A1")
    place.take(1)
    with place.store.begin() as tx:
        (pool,) = offers.standing(tx)

    async def late(work: Callable[[], Any]) -> Any:
        with place.store.begin() as tx:
            offers.warn(tx, pool, NOW)
        return work()

    with capture_logs() as logs:
        await place.pools.look(10, late)
    assert logs == []


class Errands:
    """A writer that does its errands when it is told to; the first try of each finds the store away."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def between(self, errand: Callable[[], None]) -> None:
        self.waiting.append(errand)


async def test_in_turn_with_the_texts() -> None:
    writer = Errands()
    write = in_turn(writer)
    given, forgotten = asyncio.ensure_future(write(lambda: 5)), asyncio.ensure_future(write(lambda: 6))
    await asyncio.sleep(0)
    forgotten.cancel()
    await asyncio.wait([forgotten])
    assert not given.done()
    for errand in writer.waiting:
        await asyncio.to_thread(errand)
    assert await asyncio.wait_for(given, 5) == 5
