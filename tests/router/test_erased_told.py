"""After an erasure nothing is left of what a brand told of a person (its references and keys, a till's), and what it
tells again under its key is still the same; on both stores."""

from collections.abc import Iterator
from typing import Literal

import pytest

from router import consent_views as views
from router import redemption
from router.erasure import Erasure
from router.instants import DAY, MINUTE
from router.messages import Occurrence
from router.redemption import Till
from router.store import statements_events as sql
from router.store.engine import Store
from router.suppression import Suppressions
from tests.support.promotions import promoting
from tests.support.routing import JAN, PIET, Phones, everything

KEY, OLD_KEY = b"a key of the settings", b"an older one"
NAMES = {JAN: "zevenboom", PIET: "pietersen"}


@pytest.fixture
def phones(store: Store) -> Iterator[Phones]:
    one = Phones(store, promoting())
    one.ways.outfit("", 0, Suppressions((KEY,)))
    yield one


def order(
    phones: Phones, address: str = JAN, name: str = "order", key: str = "", source: Literal["api", "voucher"] = "api"
) -> Occurrence:
    """An order as a shop tells of it: with who it is in its own words."""
    now = phones.world.now()
    return Occurrence(
        id=phones.world.ids.next(now), brand="Shop", address=address, name=name, source=source, at=now,
        received_at=now, values={"consent": "transactional"}, ref=f"{NAMES[address]}@shop.example/9917",
        key=key or f"order-{address}-9917",
    )  # fmt: skip


def live(phones: Phones, address: str) -> None:
    """An order is told and texted about, and a voucher redeemed under a receipt in a name."""
    (claim,) = phones.commit(occurrences=[order(phones, address)]).claims
    phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}")])
    contact = phones.query(f"SELECT id FROM contacts WHERE address = '{address}'", ["id"])[0]["id"]
    with phones.store.begin() as tx:
        tx.write(
            "INSERT INTO vouchers (code, brand, name, load, contact_id) "
            f"VALUES ('V{address[-4:]}', 'Shop', 'zomer', 1, {contact})"
        )
    phones.commit(occurrences=[order(phones, address, "voucher_redeemed", f"V{address[-4:]}", "voucher")])


def erase(phones: Phones, address: str = JAN, brand: str = "") -> None:
    erasure = Erasure(phones.store, phones.world, phones.ways.suppressions, "privacy@shop.example")
    person, whole = erasure.silence(address, [brand or "Shop"], everything=not brand)
    for _ in erasure.take_away(person, whole, everything=not brand):
        pass


def _is_marker(table: str, _: str) -> bool:
    """Each COMMIT on PostgreSQL leaves one."""
    return table == "batches"


def traces(store: Store, *needles: str) -> dict[str, int]:
    """In how many rows one of them stands, by table."""
    wanted = {form for needle in needles for form in (needle, needle.encode().hex())}
    shown = {
        table: [" ".join(value.hex() if isinstance(value, bytes) else str(value) for value in row) for row in rows]
        for table, rows in everything(store).items()
    }
    found = {table: sum(any(one in row for one in wanted) for row in rows) for table, rows in shown.items()}
    return {table: count for table, count in found.items() if count}


@pytest.mark.parametrize("brand", ["", "Shop"], ids=["everything", "one brand"])
def test_what_a_brand_told_of_a_person_goes_and_what_it_told_of_another_stays(phones: Phones, brand: str) -> None:
    for address in (JAN, PIET):
        live(phones, address)
    held = {"contacts", "events", "ledger_details", "outbox", "profiles", "vouchers"}
    assert set(traces(phones.store, JAN, NAMES[JAN])) == held
    others = traces(phones.store, PIET, NAMES[PIET], f"V{PIET[-4:]}")
    phones.later(DAY)
    erase(phones, brand=brand)
    assert set(traces(phones.store, JAN, NAMES[JAN])) == ({"contacts"} if brand else set())
    assert traces(phones.store, PIET, NAMES[PIET], f"V{PIET[-4:]}") == others
    (spent,) = (row for row in phones.table("vouchers") if row["code"] == f"V{JAN[-4:]}")
    assert (spent["contact_id"], spent["redeemed_by"]) == (0, "")
    till = Till("", f"{NAMES[JAN]}@shop.example/9917")
    with phones.store.begin() as tx:
        told = redemption.look(tx, "Shop", spent["code"], till, phones.world.now())
    assert isinstance(told, redemption.Already), "it stays spent"
    assert {row["key"][:7] for row in phones.table("events") if row["contact_id"] == 0} == {"erased:"}


@pytest.mark.parametrize("brand", ["", "Shop"], ids=["everything", "one brand"])
def test_what_was_told_before_an_erasure_is_the_same_when_it_is_told_again(phones: Phones, brand: str) -> None:
    live(phones, JAN)
    first = phones.table("events")[0]["id"]
    phones.later(DAY)
    erase(phones, brand=brand)
    before = everything(phones.store, _is_marker)
    for secrets in ((KEY,), (b"a newer key", KEY)):
        phones.later(DAY)
        phones.ways.outfit("", 0, Suppressions(secrets))
        again = order(phones)
        assert phones.commit(occurrences=[again]).occurred == {again.id: first}
    assert everything(phones.store, _is_marker) == before
    other = order(phones, key="another order")
    assert phones.commit(occurrences=[other]).occurred == {other.id: other.id}


def test_it_is_so_after_the_phone_has_come_back_and_with_a_key_made_in_the_database(store: Store) -> None:
    phones = Phones(store, promoting())
    live(phones, JAN)
    first = phones.table("events")[0]["id"]
    phones.later(MINUTE)
    erase(phones)
    phones.later(MINUTE)
    phones.write(JAN, "START")
    again = order(phones)
    assert phones.commit(occurrences=[again]).occurred == {again.id: first}


def test_an_event_that_waited_across_an_erasure_leaves_no_key(phones: Phones) -> None:
    phones.write(JAN, "HOI")
    waiting = order(phones)
    phones.later(MINUTE)
    erase(phones)
    phones.commit(occurrences=[waiting])
    assert traces(phones.store, JAN, NAMES[JAN]) == {}
    again = order(phones)
    assert phones.commit(occurrences=[again]).occurred == {again.id: waiting.id}


def test_what_could_not_be_performed_goes_too_and_of_a_stranger_nothing_is_kept(phones: Phones) -> None:
    phones.commit(occurrences=[order(phones)], poison="KeyError: 'zevenboom'")
    (event,) = phones.table("events")
    assert (event["ref"], event["data"], event["fault"]) == ("", "{}", "KeyError: 'zevenboom'")
    assert traces(phones.store, JAN) == {}
    phones.write(JAN, "HOI")
    phones.write(PIET, "HOI")
    for address in (JAN, PIET):
        phones.commit(occurrences=[order(phones, address)], poison=f"KeyError: '{NAMES[address]}@'")
    assert traces(phones.store, "zevenboom@") == {"events": 1, "quarantine": 1}
    shown = [row["reason"] for table, row in views.everything(phones.store, JAN, 0) if table == "quarantine"]
    assert [reason.partition(": ")[2] for reason in shown] == ["KeyError: 'zevenboom@'"]
    erase(phones)
    assert traces(phones.store, "zevenboom@") == {}
    assert traces(phones.store, "pietersen@") == {"events": 1, "quarantine": 1}


def test_parts_in_quarantine_are_found_though_no_number_stands_in_their_octets(phones: Phones) -> None:
    for address in (JAN, PIET):
        phones.commit(inbound=[phones.part(address, NAMES[address].encode(), 1, 2)])
        phones.commit(inbound=[phones.part(address, b"meier", 2, 2)], poison="ZeroDivisionError: division by zero")
    phones.commit(inbound=[phones.part(JAN, b"zevenboomgaard", 1, 2, 11)])
    phones.later(DAY)
    phones.commit(due=True, poison="ZeroDivisionError: division by zero")
    assert traces(phones.store, NAMES[JAN])["quarantine"] == 2
    erase(phones)
    assert traces(phones.store, JAN, NAMES[JAN]) == {}
    assert traces(phones.store, NAMES[PIET])["quarantine"] == 1


def test_keys_are_looked_for_in_their_index(store: Store) -> None:
    """By keys alone a whole index would be read at each event that bears one."""
    text, order, _ = sql.known_keys.compile(store.dialect)
    arguments = {"sqlite": ('["Shop"]', '["api:o-1"]')}.get(store.dialect, (["Shop"], ["api:o-1"]))
    with store.begin() as tx:
        if store.dialect == "postgresql":
            tx.write("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
        plan = str(tx.execute(explain + text, [arguments[place] for place in order]))
    assert "events_keys (brand=? AND key=?)" in plan or ("events_keys" in plan and "brand = ANY" in plan), plan
