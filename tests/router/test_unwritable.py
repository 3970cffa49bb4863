"""Whatever an occurrence holds, it is performed or stands on record: nothing that anybody tells can end the writer, on
either store. PostgreSQL takes no NUL in a text, and half a character is no UTF-8."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from router.messages import Occurrence
from router.store.engine import Store
from tests.support.promotions import promoting
from tests.support.routing import JAN, PIET, Phones

HALF = some.characters(categories=["Cs"])
TEXTS = some.text(some.one_of(some.characters(codec="utf-8"), HALF, some.just("\0")), max_size=6)
VALUES = some.one_of(TEXTS, some.integers(-(10**30), 10**30), some.decimals(), some.dates(), some.times())
SOURCES = some.sampled_from(["api", "voucher", "click", "optout"])


@pytest.fixture
def phones(store: Store) -> Iterator[Phones]:
    yield Phones(store, promoting())


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=some.fixed_dictionaries(
    {"source": SOURCES, "values": some.dictionaries(TEXTS, VALUES, max_size=3)},
    optional={"brand": TEXTS, "name": TEXTS, "address": TEXTS, "ref": TEXTS, "key": TEXTS,
              "attributes": some.dictionaries(TEXTS, VALUES, max_size=2)},
))  # fmt: skip
def test_whatever_is_told_is_performed_or_set_aside_and_the_others_are_taken(
    phones: Phones, told: dict[str, Any]
) -> None:
    now = phones.world.now()
    plain: dict[str, Any] = {
        "brand": "Shop",
        "name": "order",
        "source": "api",
        "ref": "o-1",
        "at": now,
        "received_at": now,
    }
    odd = Occurrence(id=phones.world.ids.next(now), **{**plain, "address": JAN, **told})
    other = Occurrence(id=phones.world.ids.next(now), **{**plain, "address": PIET})
    done = phones.commit(occurrences=[odd, other])
    assert {odd.id, other.id} <= done.occurred.keys(), "whoever told it is answered"
    faults = {row["id"]: row["fault"] for row in phones.table("events")}
    assert faults[other.id] == ""
    if odd.id in done.aside:
        assert faults[odd.id] == done.aside[odd.id]
    else:
        assert done.occurred[odd.id] in faults


@pytest.mark.parametrize("part", ["values", "attributes", "ref", "key", "name", "brand", "address"])
@pytest.mark.parametrize("text", ["T\udce9l", "\ud800"])
def test_half_a_character_is_set_aside_with_what_it_befell(phones: Phones, part: str, text: str) -> None:
    now = phones.world.now()
    told: dict[str, Any] = {"brand": "Shop", "address": JAN, "name": "order"} | {
        part: {"agent": text} if part in ("values", "attributes") else text
    }
    odd = Occurrence(id=phones.world.ids.next(now), source="api", at=now, received_at=now, **told)
    done = phones.commit(occurrences=[odd])
    assert done.aside[odd.id].startswith("UnicodeEncodeError: ")
    ((row,)) = phones.table("events")
    assert (row["id"], row["fault"], row["key"]) == (odd.id, done.aside[odd.id], None)
    ((kept,)) = phones.table("quarantine")
    assert str(odd.id) in kept["reason"]
