"""GET /v1/stats: the figures of the key's own brand and of nobody else's, bounded in every way."""

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.measuring import TooLongError
from gateway.report import BY
from gateway.web import keys as secret
from gateway.web import stats
from gateway.web.entrance import Looks
from gateway.web.problems import problems
from gateway.web.stats import Stats, Terms
from router import keys
from router.instants import DAY, HOUR, MINUTE
from router.store.engine import open_store
from router.store.errors import StoreUnavailable
from tests.support.promotions import PRICES
from tests.support.routing import JAN, KEES, NOW, PIET, ROOS, SHARED, Phones, book_of

NAMES = {"Aannemer": ("BOUW", 5), "Bakker": ("BROOD", 6)}
BOOK = book_of(*((f"{name}.rules", SHARED.format(name=name, word=word)) for name, (word, _) in NAMES.items()))
DAYS = "since=2026-01-05&until=2026-01-05"


@dataclass
class Desk:
    """A client, the store behind it, and the keys of two brands."""

    client: TestClient[Any, Any]
    phones: Phones
    stats: Stats
    keys: dict[str, dict[str, str]]

    async def ask(self, query: str, brand: str = "Bakker") -> tuple[int, Any]:
        async with self.client.get(f"/v1/stats?{query}", headers=self.keys.get(brand, {})) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    phones = Phones(store, BOOK)
    minted = {name: secret.mint() for name in NAMES}
    with store.begin() as tx:
        for name, (_, id) in NAMES.items():
            keys.write(tx, id, name, minted[name].hash, "desk", NOW)
    looks = Looks(store.url)
    asked = Stats(phones.world, looks, store.url, Terms(PRICES, "Europe/Amsterdam", 2.0), lambda: BOOK)
    app = web.Application(middlewares=[problems])
    app.add_routes(asked.routes())
    headers = {name: {"Authorization": f"Bearer {one.text(NAMES[name][1])}"} for name, one in minted.items()}
    async with TestClient(TestServer(app)) as client:
        yield Desk(client, phones, asked, headers)
    await asked.close()
    await looks.close()
    store.close()


def write(phones: Phones) -> None:
    """Two write to the baker, one to the builder, one to nobody; all of it is answered ten minutes later."""
    for sender, word in ((JAN, "BROOD"), (PIET, "BROOD"), (KEES, "BOUW"), (ROOS, "WAT")):
        phones.write(sender, word)
    phones.later(HOUR)
    claims = phones.commit(due=True).claims
    assert len(claims) == 3
    phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in claims])


async def test_a_brand_is_told_its_own_and_nothing_of_others(desk: Desk) -> None:
    write(desk.phones)
    status, told = await desk.ask(DAYS)
    assert (status, told["brand"], told["by"], told["zone"]) == (200, "Bakker", "rule", "Europe/Amsterdam")
    assert (told["total"]["sent"], told["total"]["cost"]) == (2, {"EUR": "0.1450"})
    assert [(row["brand"], row["rule"], row["sent"]) for row in told["rows"]] == [("Bakker", "keyword BROOD", 2)]
    assert (await desk.ask(DAYS, "Aannemer"))[1]["total"]["sent"] == 1
    status, told = await desk.ask(f"{DAYS}&by=keyword")
    assert [(row["brand"], row["keyword"], row["texts_in"], row["new"]) for row in told["rows"]] == [
        ("Bakker", "BROOD", 2, 2)
    ]
    for by in BY:
        status, told = await desk.ask(f"{DAYS}&by={by}", "Aannemer")
        assert status == 200
        assert "Bakker" not in str(told)


async def test_a_stop_for_all_brands_is_credited_to_those_whose_text_it_followed(desk: Desk) -> None:
    write(desk.phones)
    desk.phones.write(JAN, "STOP ALLES")
    desk.phones.write(ROOS, "STOP ALLES")
    for brand, count in (("Bakker", 1), ("Aannemer", 0)):
        total = (await desk.ask(DAYS, brand))[1]["total"]
        assert (total["opted_out"], total["contacts_opted_out"]) == (count, 2)  # both are out of every brand


async def test_without_a_key_nothing_is_told(desk: Desk) -> None:
    status, told = await desk.ask(DAYS, "nobody")
    assert (status, told["title"]) == (401, "No key")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=gisteren", "since='gisteren' is no day: write it as 2026-05-01"),
        ("since=2026-02-01&until=2026-01-01", "since 2026-02-01 is after until 2026-01-01"),
        ("until=1300-01-01", "1300-01-01 is no day of this century"),
        ("since=1300-01-01&until=2000-01-01", "1300-01-01 is no day of this century"),
        ("since=2025-10-01&until=2026-01-01", "a period has at most 92 days; ask for it in parts"),
        ("by=weekday", "by is one of rule, step, arm, keyword, class, link"),
        ("brand=Aannemer", "ask with since, until and by, not 'brand'"),
    ],
)
async def test_what_is_wrong_is_said(desk: Desk, query: str, said: str) -> None:
    status, told = await desk.ask(query)
    assert (status, told["detail"]) == (400, said)


async def test_without_days_it_is_this_week(desk: Desk) -> None:
    status, told = await desk.ask("")
    assert (status, told["since"], told["until"]) == (200, "2025-12-30", "2026-01-05")


async def test_the_same_question_is_counted_once_a_minute(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write(desk.phones)
    first = (await desk.ask(DAYS))[1]
    desk.phones.write(JAN, "BROOD")
    desk.phones.later(30 * 1_000_000)
    assert (await desk.ask(DAYS))[1] == first
    desk.phones.later(MINUTE)
    assert (await desk.ask(f"{DAYS}&by=keyword"))[1]["rows"][0]["texts_in"] == 3
    monkeypatch.setattr(stats, "MOST_KEPT", 0)
    desk.phones.later(DAY)
    assert [(await desk.ask(DAYS))[1]["total"]["sent"] for _ in range(2)] == [2, 2]


async def test_who_asks_too_much_is_told_to_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    going, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(*_: Any, **__: Any) -> Any:
        going.set()
        await goes_on.wait()
        raise TooLongError("enough")

    monkeypatch.setattr(desk.stats._measurer, "measure", slow)
    monkeypatch.setattr(stats, "MOST_WAITING", 0)
    first = asyncio.ensure_future(desk.ask(DAYS))
    await going.wait()
    status, told = await desk.ask("since=2026-01-01")
    assert (status, told["title"]) == (503, "Busy")
    goes_on.set()
    status, told = await first
    assert (status, told["detail"]) == (503, "counting took longer than 20 s: ask for fewer days")
    monkeypatch.undo()
    assert (await desk.ask(DAYS))[1] == told  # it would take as long again
    desk.phones.later(MINUTE)
    assert (await desk.ask(DAYS))[0] == 200


class Slow:
    """A measuring that is held until it is let go; it counts as the real one does."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[Any] = []
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        self._real = desk.stats._measurer.measure
        monkeypatch.setattr(desk.stats._measurer, "measure", self.measure)

    async def measure(self, *about: Any, **more: Any) -> Any:
        self.asked.append(about)
        self.begun.set()
        await self.goes_on.wait()
        return await self._real(*about, **more)


async def test_equal_questions_at_once_are_counted_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write(desk.phones)
    slow, real = Slow(desk, monkeypatch), desk.stats._told
    came = 0

    async def told(*about: Any) -> Any:
        nonlocal came
        came += 1
        if came == 3:
            asyncio.get_running_loop().call_soon(slow.goes_on.set)  # once this one waits, too
        return await real(*about)

    monkeypatch.setattr(desk.stats, "_told", told)
    answers = await asyncio.gather(*(desk.ask(DAYS) for _ in range(3)))
    assert [(status, told["total"]["sent"]) for status, told in answers] == [(200, 2)] * 3
    assert len(slow.asked) == 1


async def test_an_answer_is_kept_from_when_it_is_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(desk, monkeypatch)
    first = asyncio.ensure_future(desk.ask(DAYS))
    await slow.begun.wait()
    desk.phones.later(MINUTE)
    slow.goes_on.set()
    assert (await first)[0] == (await desk.ask(DAYS))[0] == 200
    assert len(slow.asked) == 1


async def test_one_brand_does_not_take_the_places_of_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write(desk.phones)
    slow = Slow(desk, monkeypatch)
    going = []
    for query in (DAYS, f"{DAYS}&by=keyword"):
        slow.begun.clear()
        going.append(asyncio.ensure_future(desk.ask(query)))
        await slow.begun.wait()
    status, told = await desk.ask(f"{DAYS}&by=class")
    assert (status, told["title"]) == (503, "Busy")
    slow.begun.clear()
    other = asyncio.ensure_future(desk.ask(DAYS, "Aannemer"))
    await slow.begun.wait()
    slow.goes_on.set()
    assert [(await one)[0] for one in (*going, other)] == [200, 200, 200]
    assert (await desk.ask(f"{DAYS}&by=class"))[0] == 200


async def test_who_waits_too_long_gets_the_answer_when_he_asks_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(desk, monkeypatch)
    monkeypatch.setattr(stats, "ANSWER_S", 0.0)
    status, told = await desk.ask(DAYS)
    assert (status, told["detail"]) == (503, "these figures are still being counted; ask again in a while")
    slow.goes_on.set()
    await asyncio.gather(*desk.stats._going.values())
    assert (await desk.ask(DAYS))[0] == 200
    assert len(slow.asked) == 1


async def test_a_fault_that_nobody_waits_for_any_more_is_nobody_s(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, faults = asyncio.Event(), list[Any]()

    async def broken(*_: Any, **__: Any) -> Any:
        await goes_on.wait()
        raise StoreUnavailable("away")

    monkeypatch.setattr(desk.stats._measurer, "measure", broken)
    monkeypatch.setattr(stats, "ANSWER_S", 0.0)
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    assert (await desk.ask(DAYS))[0] == 503
    (going,) = desk.stats._going.values()
    goes_on.set()
    await asyncio.wait([going])
    del going
    gc.collect()
    assert (faults, desk.stats._going) == ([], {})


async def test_a_store_that_is_away_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("away")

    monkeypatch.setattr(desk.stats._measurer, "measure", away)
    async with desk.client.get("/v1/stats", headers=desk.keys["Bakker"]) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
