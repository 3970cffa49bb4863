"""Figures by rule on /metrics: bounded labels, the last day, and looks that neither hinder nor outlive the gateway."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import measuring
from gateway.measuring import Measurer, TooLongError
from gateway.metrics import Metrics
from gateway.recent import MOST_REASONS, MOST_RULES, Lookout, recent
from router.counted import Key
from router.instants import DAY, HOUR
from router.measure import Period
from router.prices import Prices
from router.store import reading
from router.store.engine import Store, open_store
from router.store.errors import StoreUnavailable
from router.totals import Figures
from router.world import Virtual
from tests.support.promotions import agree, happen, promoting
from tests.support.routing import JAN, KEES, NOW, PIET, ROOS, Phones

PATIENCE_S = 10.0
DAY_BEFORE = Period(NOW - DAY, NOW + DAY)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    yield opened
    opened.close()


def key(rule: str, message_class: str = "promotional", step: str = "reply-1") -> Key:
    return Key("Shop", f"Shop/{rule}", step, "", message_class)


def numbers(metrics: Metrics, name: str) -> dict[str, float]:
    """The samples of a series on the page, by all that stands before the number."""
    lines = [line for line in metrics.page().decode().splitlines() if line.startswith(f"kwek_{name}")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_the_rules_with_most_texts_have_names_and_the_rest_is_other() -> None:
    rules = {key(f"keyword A{place}"): Figures(sent=1000 - place, delivered=1, opted_out=1) for place in range(100)}
    found = recent(rules.items())
    named = {labels[1] for labels in found["recent_texts"]}
    assert named == {f"keyword A{place}" for place in range(MOST_RULES)} | {"other"}
    rest = sum(1000 - place for place in range(MOST_RULES, 100))
    assert found["recent_texts"]["other", "other", "promotional", "sent"] == rest
    assert found["recent_reactions"]["other", "other", "promotional", "opted_out"] == 100 - MOST_RULES
    assert len(found["recent_texts"]) == 5 * (MOST_RULES + 1)


def test_steps_are_added_up_classes_are_not_and_reasons_are_bounded() -> None:
    often = {f"reason_{place}": 10 - place for place in range(8)}
    found = recent(
        [
            (key("drip"), Figures(sent=2, answered=1, withheld=often)),
            (key("drip", step="reply-2"), Figures(sent=3, clicked=1, waiting=4, undelivered=1, failed=2)),
            (key("drip", "transactional"), Figures(sent=7)),
        ]
    )
    assert {labels[2:]: count for labels, count in found["recent_texts"].items() if count} == {
        ("promotional", "sent"): 5, ("promotional", "undelivered"): 1, ("promotional", "failed"): 2,
        ("promotional", "waiting"): 4, ("transactional", "sent"): 7,
    }  # fmt: skip
    assert {labels[2:]: count for labels, count in found["recent_reactions"].items() if count} == {
        ("promotional", "answered"): 1, ("promotional", "clicked"): 1,
    }  # fmt: skip
    reasons = {labels[3]: count for labels, count in found["recent_withheld"].items()}
    assert reasons == {f"reason_{place}": 10 - place for place in range(MOST_REASONS)} | {"other": 5 + 4 + 3}


def promote(phones: Phones) -> None:
    """Three are written to, one of whom has had it delivered and one says STOP; a fourth never agreed."""
    agree(phones, JAN, PIET, KEES)
    claims = happen(phones, "offer", JAN, PIET, KEES, ROOS).claims
    phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in claims])
    phones.commit(receipts=[phones.receipt(f"m{claims[0].id}")])
    phones.later(HOUR)
    phones.write(PIET, "STOP")


async def test_a_look_tells_what_the_tables_say_and_the_next_one_replaces_it(store: Store) -> None:
    phones, metrics = Phones(store, promoting()), Metrics()
    promote(phones)
    lookout = Lookout(phones.world, store.url, metrics)
    try:
        await lookout.look()
        offer = 'brand="Shop",class="promotional",{}="{}",rule="on event offer"'
        texts = numbers(metrics, "recent_texts")
        assert texts["kwek_recent_texts{" + offer.format("outcome", "sent") + "}"] == 3
        assert texts["kwek_recent_texts{" + offer.format("outcome", "delivered") + "}"] == 1
        assert numbers(metrics, "recent_withheld") == {
            "kwek_recent_withheld{" + offer.format("reason", "no_consent(promotional)") + "}": 1
        }
        reacted = numbers(metrics, "recent_reactions")
        (opted_out,) = [count for name, count in reacted.items() if "opted_out" in name and "on event offer" in name]
        assert opted_out == 1
        assert numbers(metrics, "recent_looked_at")["kwek_recent_looked_at"] == phones.world.now() / 1_000_000
        phones.later(2 * DAY)
        await lookout.look()
        assert numbers(metrics, "recent_texts") == {}
    finally:
        await lookout.close()


async def test_what_hinders_a_look_leaves_the_figures_and_their_age(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones, metrics = Phones(store, promoting()), Metrics()
    promote(phones)
    lookout = Lookout(phones.world, store.url, metrics)
    await lookout.look()
    before = metrics.page()
    phones.later(HOUR)
    monkeypatch.setattr(reading, "open_reader", away)
    other = Lookout(phones.world, "sqlite:///nowhere/kwek.db", metrics)
    await other.look()
    monkeypatch.setattr(reading, "open_reader", broken)
    with capture_logs() as logged:
        await other.look()
    assert [(line["event"], line["log_level"]) for line in logged] == [("figures by rule cannot be counted", "error")]
    await other.close()
    await lookout.close()
    assert numbers_of(before) == numbers_of(metrics.page())


def numbers_of(page: bytes) -> list[str]:
    return [line for line in page.decode().splitlines() if line.startswith("kwek_recent")]


def broken(*_: Any) -> Any:
    raise ZeroDivisionError


def away(*_: Any) -> Any:
    raise StoreUnavailable("away")


async def test_a_measuring_rests_as_long_as_it_is_told_to_and_ends_when_its_time_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = Phones(store, promoting())
    promote(phones)
    world = phones.world
    rests: list[float] = []

    class Closed:
        """Nobody ends it; each rest takes its time, and each page a tenth of a second."""

        def wait(self, seconds: float) -> bool:
            rests.append(seconds)
            world.at += 100_000
            return False

    measurer = Measurer(world, store.url, "test", 3.0, 0.75)
    monkeypatch.setattr(measurer, "_closed", Closed())
    with pytest.raises(TooLongError, match=r"longer than 0\.75 s"):
        await measurer.measure(DAY_BEFORE, Prices())
    assert rests[0] == 0.0
    assert len(rests) == 8
    monkeypatch.undo()
    await measurer.close()
    with pytest.raises(RuntimeError, match="has ended"):
        await measurer.measure(DAY_BEFORE, Prices())


async def test_a_gateway_that_stops_does_not_wait_for_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    phones = Phones(store, promoting())
    promote(phones)
    monkeypatch.setattr(measuring, "LONGEST_REST_S", 60.0)
    measurer = Measurer(phones.world, store.url, "test", 1e9, 60.0)
    begun = asyncio.ensure_future(measurer.measure(DAY_BEFORE, Prices()))
    await asyncio.sleep(0)
    await measurer.close()
    with pytest.raises(StoreUnavailable, match="is stopping"):
        await begun


async def test_the_loop_goes_on_while_the_page_under_way_is_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> str:
        begun.set()
        return "counted" if goes_on.wait(PATIENCE_S) else "the loop stood still"

    monkeypatch.setattr(measuring, "measure", slow)
    measurer = Measurer(Virtual(NOW), store.url, "test", 1.0, 60.0)
    counting = asyncio.ensure_future(measurer.measure(DAY_BEFORE, Prices()))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    closing = asyncio.ensure_future(measurer.close())
    asyncio.get_running_loop().call_soon(goes_on.set)
    await closing
    told: Any = await counting
    assert told == "counted"


@pytest.mark.parametrize(("within_s", "longest_ms"), [(20.0, 10_000), (600.0, reading.LONGEST_LOOK_MS)])
async def test_a_page_may_not_take_all_the_time(
    within_s: float, longest_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    def opened(*about: Any) -> Any:
        told.append(about)
        raise StoreUnavailable("away")

    monkeypatch.setattr(reading, "open_reader", opened)
    measurer = Measurer(Virtual(NOW), "postgresql://somewhere/kwek", "test", 1.0, within_s)
    with pytest.raises(StoreUnavailable, match="away"):
        await measurer.measure(DAY_BEFORE, Prices())
    await measurer.close()
    assert told == [("postgresql://somewhere/kwek", longest_ms)]
