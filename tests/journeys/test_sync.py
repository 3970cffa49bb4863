"""A shop's system and the gateway keep in step: capability 76, through the whole gateway."""

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp

from gateway.web.keys import mint
from router.store.engine import open_store
from tests.support.station import Station, station

RULES = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

contact
    stad     text
    punten   number
    geboren  date

segment breda = contact.stad = "Breda"

keyword WIE
    reply "{contact.stad|?}, {contact.punten|0}"

on join breda
    record verhuisd = "ja"

on event bestelling
    add 1 to contact.punten
"""
JAN, PIET = "+31612345678", "+31622222222"


class Shop:
    """The shop's side: a key, and what it has to tell."""

    def __init__(self, where: str, key: str, session: aiohttp.ClientSession) -> None:
        self._where = where
        self._key = key
        self._session = session

    async def tell(self, *events: Mapping[str, Any]) -> list[tuple[int, str]]:
        """Status and id of each."""
        body = "\n".join(json.dumps(event) for event in events)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/x-ndjson"}
        async with self._session.post(f"{self._where}/v1/events", data=body.encode(), headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            told = [json.loads(line) for line in (await answer.text()).splitlines()]
        return [(one["status"], one.get("id", one.get("detail"))) for one in told]


def changed(stad: str, at: str, key: str, contact: str = JAN) -> dict[str, Any]:
    return {"contact": contact, "name": "klant", "attributes": {"stad": stad}, "at": at, "key": key}


async def begun(one: Station) -> str:
    """A key of the brand, before the gateway owns the store; then it starts."""
    key = mint()
    with closing(open_store(one.store_url)) as store, store.begin() as tx:
        tx.write("INSERT INTO api_keys VALUES (5, 'Shop', ?, 'crm', 0, NULL)", (key.hash,))
    await one.start()
    return key.text(5)


async def test_capability_76_a_shop_s_events_are_the_contact_s_profile_once_and_in_order(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, brands=("Shop",), start=False) as one, aiohttp.ClientSession() as session:
        key = await begun(one)
        shop = Shop(one.where, key, session)
        first = changed("Ede", "2026-01-05T10:00:00+01:00", "k-1")
        assert [status for status, _ in await shop.tell(first)] == [202]
        assert await one.ask("WIE") == "Ede, 0"
        # In one body: told again, moved, bought twice under two keys, and one of them told again.
        again, moved, bought = (
            first, changed("Breda", "2026-01-05T12:00:00+01:00", "k-2"), {"contact": JAN, "name": "bestelling"},
        )  # fmt: skip
        told = await shop.tell(
            again, moved, {**bought, "key": "b-1"}, {**bought, "key": "b-2"}, {**bought, "key": "b-1"}
        )
        assert [status for status, _ in told] == [202] * 5
        assert told[2] == told[4] != told[3]
        assert await one.ask("WIE") == "Breda, 2", "the first told again does not move him back"
        # What comes late does not undo what is newer; it stands on record, and why.
        await shop.tell(changed("Utrecht", "2026-01-05T11:00:00+01:00", "k-3"))
        assert await one.ask("WIE") == "Breda, 2"
        late = one.rows("SELECT fault FROM events WHERE key = 'api:k-3'")
        assert late == [("came late, after a newer event of that name that tells it too: stad",)]
        await one.until("SELECT count(*) FROM records WHERE name = 'verhuisd'", [(1,)])  # segments go by it, too
        # What is wrong with one of many is told of that one, and the others are taken.
        wrong = {"contact": JAN, "name": "klant", "attributes": {"geboren": "ooit"}}
        mixed = await shop.tell(changed("Breda", "2026-01-05T12:00:00+01:00", "p-1", PIET), wrong)
        assert [status for status, _ in mixed] == [202, 422]
        assert "contact.geboren is a date" in mixed[1][1]
        await one.until("SELECT count(*) FROM records WHERE name = 'verhuisd'", [(2,)])
        many = [{"contact": PIET, "name": "bestelling", "key": f"m-{number}"} for number in range(500)]
        assert {status for status, _ in await shop.tell(*many)} == {202}
        assert await one.ask("WIE", PIET.removeprefix("+")) == "Breda, 500"


async def test_another_brand_s_key_says_nothing_of_ours(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, brands=("Shop",), start=False) as one, aiohttp.ClientSession() as session:
        key = await begun(one)
        await Shop(one.where, key, session).tell(changed("Ede", "2026-01-05T10:00:00+01:00", "k-1"))
        async with session.post(
            f"{one.where}/v1/events", data=b"{}", headers={"Authorization": f"Bearer {key}x"}
        ) as no:
            assert no.status == 401
        assert one.rows("SELECT DISTINCT brand FROM events") == [("Shop",)]
