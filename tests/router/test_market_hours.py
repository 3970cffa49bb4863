"""Promotional texts to phones of other countries wait for the morning there, also where no pack tells of hours."""

from datetime import UTC, datetime

import pytest

from router.instants import MINUTE, SECOND
from router.store.engine import Store
from tests.support.promotions import agree, happen, promoting
from tests.support.routing import Phones


@pytest.mark.parametrize(
    ("address", "now", "opens"),
    [
        ("34612345678", "2026-07-14 01:00", "2026-07-14 06:00"),  # Spain, 03:00
        ("436641234567", "2026-07-14 01:00", "2026-07-14 06:00"),  # Austria
        ("5511961234567", "2026-07-14 06:00", "2026-07-14 11:00"),  # Brazil
        ("262692123456", "2026-07-14 23:00", "2026-07-15 04:00"),  # La Réunion, 03:00 on the fifteenth
        ("590690123456", "2026-07-14 16:00", "2026-07-15 12:00"),  # Guadeloupe, noon of France's day
        ("13055550100", "2026-07-15 00:30", "2026-07-15 12:00"),  # Miami, 20:30
        ("12145550100", "2026-07-12 18:00", "2026-07-13 14:00"),  # Dallas, Sunday 13:00
    ],
)
def test_at_night_it_waits_for_the_morning_there(store: Store, address: str, now: str, opens: str) -> None:
    phones = Phones(store, promoting())
    agree(phones, address)
    phones.world.at = at(now)
    assert happen(phones, "offer", address).claims == []
    phones.world.at = at(opens) - MINUTE
    assert phones.commit(due=True, claim=True).claims == []
    phones.world.at = at(opens)
    assert [claim.text for claim in phones.commit(due=True, claim=True).claims] == ["Shop: korting! STOP = uit."]


def test_in_the_evening_of_another_state_it_goes_out(store: Store) -> None:
    phones = Phones(store, promoting())
    agree(phones, "12125550100")
    phones.world.at = at("2026-07-15 00:30")  # New York, 20:30
    assert [claim.message_class for claim in happen(phones, "offer", "12125550100").claims] == ["promotional"]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND
