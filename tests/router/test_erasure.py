"""Forgetting a person: every table, the files themselves, and what has to outlive it."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from router.contacts import by_address
from router.erasure import Erasure, Person, forms_of, holds
from router.instants import DAY, HOUR
from router.ledger_verify import verify
from router.plan import OPERATOR
from router.store import shrink
from router.store.engine import Store, file_of, open_store
from router.store.errors import StoreBroken
from router.store.holdings import HOLDINGS, NOTHING_OF_A_PERSON, OCTETS
from router.store.tables import metadata
from router.suppression import REFRESH_AFTER, Suppressions
from tests.support.consents import append, record
from tests.support.postgres import PostgresDatabases
from tests.support.routing import JAN, NOW, PIET, RULES, Phones, book_of, everything, shared

NAME = "Zevenboompje"
"""What only this person wrote, in several texts."""
KEY = b"a key of the settings"
OPT_IN = """
keyword TIPS
    opt in promotional
    reply "U krijgt weer tips."
"""


def live(phones: Phones) -> None:
    """Jan uses everything there is, and Piet does, too."""
    for phone, name in ((JAN, NAME), (PIET, "Pietje")):
        phones.write(phone, f"NAAM {name}", "STRAKS", "LATER", f"STEM {name}", f"nergens voor {name}")
        phones.write(phone, "TWEE", room=0)
        asked = phones.write(phone, "QUIZ")
        phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in asked])
        receipts = [phones.receipt(f"m{claim.id}", phones=(phone, "4411")) for claim in asked]
        receipts.append(phones.receipt(f"stray {name[0]}", phones=(phone, "4411"), reference=77))
        phones.commit(receipts=[replace(one, text=f"{one.text} text:hallo {name} van {phone}") for one in receipts])
        phones.commit(inbound=[phones.part(phone, f"half van {name}".encode(), 1, 2)])
        frame = b"\x00\x01" + phone.encode() + b"\x00\x014411\x00" + name.encode()
        phones.commit(inbound=[phones.text(phone, "", unreadable="no such charset", frame=frame)])
    unanswered = phones.write(JAN, f"NAAM {NAME}")
    phones.commit(outcomes=[phones.unknown(claim) for claim in unanswered])
    ids = contact_ids(phones.store)
    for phone in (JAN, PIET):
        append(phones.store, [record(ids[phone], phone, at=NOW + n, wording=f"tekst van {NAME}") for n in range(3)])
    with phones.store.begin() as tx:
        for at, phone in enumerate((JAN, PIET)):
            tx.write(
                "INSERT INTO links (code, contact_id, brand, cause_id, rule, step, name, target, kind, created_at) "
                "VALUES "
                f"('c{at}', {ids[phone]}, 'Shop', 1, 'r', 's', 'n', 'https://shop.example/{phone}', 'link', {NOW})"
            )  # fmt: skip
            tx.write(
                "INSERT INTO vouchers (code, brand, name, load, contact_id) VALUES "
                f"('v{at}', 'Shop', 'korting', 1, {ids[phone]})"
            )


def contact_ids(store: Store) -> dict[str, int]:
    with store.begin() as tx:
        return {row[0]: row[1] for row in tx.execute("SELECT address, id FROM contacts")}


def erase(phones: Phones, address: str = JAN, *brands: str) -> Erasure:
    """By the brands, or by all."""
    erasure = Erasure(phones.store, phones.world, Suppressions((KEY,)), "privacy@shop.example")
    person, whole = erasure.silence(address, brands or ("Shop", "Bakker"), everything=not brands)
    for _ in erasure.take_away(person, whole, everything=not brands):
        pass
    return erasure


def traces(store: Store, *needles: str) -> dict[str, list[Any]]:
    """Rows in which one of them stands, by table."""
    wanted = [form for needle in needles for form in (needle, needle.encode().hex())]
    found: dict[str, list[Any]] = {}
    for table, rows in everything(store).items():
        for row in rows:
            shown = " ".join(value.hex() if isinstance(value, bytes) else str(value) for value in row)
            if any(needle in shown for needle in wanted):
                found.setdefault(table, []).append(row)
    return found


def test_no_table_is_forgotten() -> None:
    listed = [*(one.table.name for one in HOLDINGS), *NOTHING_OF_A_PERSON, *OCTETS]
    assert sorted(listed) == sorted(metadata.tables), "say in router/store/holdings.py what the table holds of a person"


def test_everything_of_a_person_goes_and_nothing_of_another(phones: Phones) -> None:
    live(phones)
    before = traces(phones.store, JAN, NAME)
    assert {"contacts", "inbound", "outbox", "records", "receipts", "stray_receipts", "parts", "quarantine", "links",
            "ledger_details", "profiles"} <= set(before)  # fmt: skip
    others = traces(phones.store, PIET, "Pietje")
    held = contact_ids(phones.store)[JAN]
    phones.later(2 * HOUR)
    erasure = erase(phones)
    assert {table: rows for table, rows in traces(phones.store, JAN).items() if rows} == {}
    assert set(traces(phones.store, NAME)) == {"ledger_details"}  # Piet was shown it
    for table, rows in everything(phones.store).items():
        named = [column.name for column in metadata.tables[table].columns]
        if "contact_id" in named:
            assert held not in [row[named.index("contact_id")] for row in rows], table
    assert {table: len(rows) for table, rows in traces(phones.store, PIET, "Pietje").items()} == {
        table: len(rows) for table, rows in others.items()
    }
    assert erasure.rows["inbound"] == 8
    assert set(erasure.rows) >= {"contacts", "outbox", "parts", "records", "threads", "quarantine", "vouchers"}


def test_rows_that_are_counted_stay_as_nobodys(phones: Phones) -> None:
    live(phones)
    before = {name: len(phones.table(name)) for name in ("inbound", "outbox", "vouchers", "ledger")}
    phones.later(2 * HOUR)
    erase(phones)
    after = {name: len(phones.table(name)) for name in ("inbound", "outbox", "vouchers", "ledger")}
    assert after == before | {"ledger": before["ledger"] + 3}
    mine = [row for row in phones.table("outbox") if row["contact_id"] == 0]
    assert {row["text"] for row in mine} == {""}
    assert {row["state"] for row in mine} <= {"sent", "delivered", "cancelled", "expired", "withheld"}
    assert {row["reason"] for row in mine if row["state"] in ("cancelled", "expired")} == {"erased"}
    assert all(row["settled_at"] is not None for row in mine)


def test_what_may_still_be_delivered_again_can_be_known(phones: Phones) -> None:
    phones.commit(inbound=[phones.text(JAN, "NAAM Oud", fingerprint=41)])
    phones.later(2 * HOUR)
    phones.commit(inbound=[phones.text(JAN, "NAAM Nieuw", fingerprint=42)])
    erase(phones)
    assert [row["fingerprint"] for row in phones.table("inbound")] == [None, 42]


def test_the_chain_is_proved_after_it_and_tells_of_it(phones: Phones) -> None:
    live(phones)
    erase(phones)
    assert [(chain.brand, chain.why) for chain in verify(phones.store)] == [("", ""), ("Bakker", ""), ("Shop", "")]
    with phones.store.begin() as tx:
        (told,) = tx.execute("SELECT details FROM ledger_details WHERE contact_id = 0 AND brand = 'Shop'")
        assert '"erased":[1,2,3]' in told[0]
        assert '"actor":"privacy@shop.example"' in told[0]
        tx.write("DELETE FROM ledger_details WHERE brand = 'Shop' AND position = 5")
    assert "no erasure tells" in next(chain for chain in verify(phones.store) if chain.brand == "Shop").why


def test_a_contact_made_anew_is_born_opted_out(phones: Phones) -> None:
    live(phones)
    phones.write(JAN, "STOP")
    stopped = phones.world.now()
    phones.later(DAY)
    erase(phones)
    with phones.store.begin() as tx:
        loaded = by_address(tx, [JAN], phones.world.ids, phones.world.now())
        (contact,) = loaded.contacts.values()
        born = Suppressions((KEY,)).of_new(tx, {contact.id: JAN}, phones.world.now())
    assert born == {contact.id: {"Shop": stopped, "Bakker": phones.world.now(), OPERATOR: phones.world.now()}}


@pytest.mark.parametrize("text", ["START", "TIPS"])
def test_who_asks_to_be_written_to_again_is_not_born_opted_out_the_next_time(store: Store, text: str) -> None:
    phones = Phones(store, book_of(("shop.rules", RULES + OPT_IN)))
    phones.ways.suppressions = Suppressions((KEY,))
    phones.write(JAN, "JOIN")
    erase(phones, JAN, "Shop")
    erase(phones, PIET, "Shop")
    phones.later(REFRESH_AFTER)
    assert [claim.message_class for claim in phones.write(JAN, "JOIN")] == []
    answers = phones.write(JAN, text)
    assert answers, "the person is answered again"
    assert [row["opted_out_at"] for row in phones.table("profiles")] == [None]
    with store.begin() as tx:
        held = Suppressions((KEY,)).of(tx, [JAN, PIET])
    assert {address: list(brands) for address, brands in held.items()} == {PIET: ["Shop"]}


def test_one_brand_forgets_and_the_others_do_not(store: Store) -> None:
    phones = Phones(store, shared())
    phones.write(JAN, "BOUW", "BROOD", "BOUW")
    held = contact_ids(store)[JAN]
    append(store, [record(held, JAN, brand="Aannemer"), record(held, JAN, brand="Bakker")])
    before = [row for row in phones.table("inbound") if row["brand"] == "Bakker"]
    erase(phones, JAN, "Aannemer")
    rows = {row["brand"]: row for row in phones.table("profiles")}
    assert rows["Aannemer"]["opted_out_at"] == phones.world.now()
    assert {row["contact_id"] for row in phones.table("inbound") if row["brand"] == "Aannemer"} == {0}
    assert [row for row in phones.table("inbound") if row["brand"] == "Bakker"] == before
    assert [row["last_brand"] for row in phones.table("threads")] == [None]
    assert {row["brand"] for row in phones.table("runs")} == {"Bakker"}
    assert contact_ids(store) == {JAN: held}
    assert {chain.brand: (chain.erased, chain.why) for chain in verify(store)} == {
        "Aannemer": (1, ""),
        "Bakker": (0, ""),
    }
    with store.begin() as tx:
        assert set(Suppressions((KEY,)).of(tx, [JAN])[JAN]) == {"Aannemer"}


def test_done_again_it_finds_nothing_and_a_stranger_is_silenced_all_the_same(phones: Phones) -> None:
    live(phones)
    erase(phones)
    assert erase(phones).rows == {}
    with phones.store.begin() as tx:
        assert "Shop" in Suppressions((KEY,)).of(tx, [JAN])[JAN]
    phones.commit(inbound=[phones.text("31655555555", "", unreadable="no such charset", frame=b"\x0031655555555\x00")])
    assert erase(phones, "31655555555").rows == {"quarantine": 1}


def test_a_text_that_comes_in_the_middle_goes_too(phones: Phones) -> None:
    live(phones)
    erasure = Erasure(phones.store, phones.world, Suppressions((KEY,)), "me")
    person, brands = erasure.silence(JAN, ["Shop"], everything=True)
    for _ in erasure.take_away(person, brands, everything=True):
        phones.write(JAN, f"nog iets van {NAME}")
    assert {"ledger_details"} >= set(traces(phones.store, NAME))
    assert traces(phones.store, JAN) == {}


def test_many_rows_go_in_slices(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.erasure.ROWS_A_SLICE", 2)
    monkeypatch.setattr("router.erasure.DETAILS_A_SLICE", 2)
    monkeypatch.setattr("router.erasure.FRAMES_A_SLICE", 1)
    live(phones)
    erase(phones)
    assert traces(phones.store, JAN) == {}
    assert not any(chain.why for chain in verify(phones.store))


# ---- the files themselves


def needles() -> list[bytes]:
    texts = [
        form for word in (JAN, NAME) for form in (word.encode(), word.encode("utf-16-be"), word.encode("utf-16-le"))
    ]
    return [*texts, *forms_of(JAN)]


def found_in(files: list[Path]) -> set[str]:
    return {path.name for path in files if any(needle in path.read_bytes() for needle in needles())}


def settle(phones: Phones) -> None:
    """A life with much coming and going behind it, so that pages hold what was there once."""
    live(phones)
    for n in range(60):
        phones.write(JAN, f"NAAM {NAME}{n}", "JOIN")
    ids = contact_ids(phones.store)
    frame = b"\x00" + forms_of(JAN)[5] + b"\x00" + JAN.encode("utf-16-be") + JAN.encode()
    phones.commit(inbound=[phones.text(JAN, "", unreadable="no such charset", frame=frame)])
    append(phones.store, [record(ids[JAN], JAN, wording=f"{NAME} {n}") for n in range(40)])


def test_the_files_of_sqlite_hold_no_trace(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    store = open_store(url)
    phones = Phones(store)
    settle(phones)
    piet = contact_ids(store)[PIET]
    with store.begin() as tx:  # Piet was shown the same words
        tx.write(f"DELETE FROM ledger_details WHERE contact_id = {piet}")
    files = [tmp_path / name for name in ("kwek.db", "kwek.db-wal")]
    assert shrink.empty_log(store)
    phones.write(JAN, f"NAAM {NAME}")
    assert found_in(files) == {"kwek.db", "kwek.db-wal"}
    phones.later(2 * HOUR)
    erase(phones)
    assert shrink.empty_log(store)
    assert files[1].stat().st_size == 0
    assert shrink.write_anew(store)
    assert found_in([path for path in tmp_path.iterdir() if path.is_file()]) == set()
    store.close()
    assert found_in([path for path in tmp_path.iterdir() if path.is_file()]) == set()


def test_a_reader_that_stays_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from router.store.reading import open_reader

    monkeypatch.setattr("router.store.shrink.BUSY_TIMEOUT_MS", 50)
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    Phones(store).write(JAN, "JOIN")
    reader = open_reader(store.url)
    with reader.begin() as tx:
        tx.execute("SELECT * FROM contacts")
        Phones(store, node="ams-2").write(PIET, "JOIN")
        assert not shrink.empty_log(store)
    reader.close()
    assert shrink.empty_log(store)
    store.close()


def test_a_log_that_cannot_be_cut_off_is_told_and_a_disk_that_fails_is_a_broken_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    fault = sqlite3.OperationalError("database or disk is full")
    fault.sqlite_errorcode = sqlite3.SQLITE_FULL

    def failing(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("router.store.shrink.sqlite3.connect", failing)
    assert not shrink.empty_log(store)
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    with pytest.raises(StoreBroken):
        shrink.empty_log(store)
    store.close()


@pytest.fixture
def own_database(postgres: PostgresDatabases) -> Iterator[tuple[Store, Path]]:
    """A database of its own, and the folder of its files."""
    with postgres.database() as url:
        store = open_store(url)
        with store.begin() as tx:
            ((number,),) = tx.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        ((folder,),) = postgres.admin.execute("SHOW data_directory").fetchall()
        yield store, Path(folder) / "base" / str(number)
        store.close()


def test_the_files_of_postgresql_hold_no_trace(own_database: tuple[Store, Path]) -> None:
    """Heap, indexes and statistics, once they are written anew; the log keeps it until it is recycled (docs)."""
    store, folder = own_database
    if not os.access(folder, os.R_OK):
        pytest.skip("the server's files cannot be read by this user")
    phones = Phones(store)
    settle(phones)
    piet = contact_ids(store)[PIET]
    with store.begin() as tx:
        tx.write(f"DELETE FROM ledger_details WHERE contact_id = {piet}")
        tx.write("ANALYZE")
    with store.engine.connect() as connection:
        connection.exec_driver_sql("CHECKPOINT")
    assert len(found_in(list(folder.iterdir()))) > 5
    phones.later(2 * HOUR)
    erase(phones)
    assert shrink.empty_log(store)
    assert shrink.write_anew(store)
    assert found_in(list(folder.iterdir())) == set()


def test_forms_of_a_number_are_found_wherever_the_octet_begins() -> None:
    for shift in range(8):
        bits = sum(septet << (7 * place) for place, septet in enumerate(b"x" * shift + JAN.encode() + b" belt"))
        octets = bits.to_bytes(20 + shift, "little")
        assert holds(octets, "", forms_of(JAN)), shift
        assert not holds(octets, "", forms_of(PIET))
    assert holds(b"", f"a text of {JAN}", forms_of(JAN))
    assert holds("bel 31612345678".encode("utf-16-be"), "", forms_of(JAN))


def test_the_file_of_a_store_in_memory_is_none() -> None:
    assert file_of("sqlite://") is None
    assert not Person(JAN).is_known


def test_what_is_heard_later_of_a_text_under_way_moves_nothing(phones: Phones) -> None:
    (unknown,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.unknown(unknown)])
    (claimed,) = phones.write(JAN, "NAAM Jan")
    assert phones.write(JAN, "TWEE") == []
    erase(phones)
    before = phones.states()
    assert before == ["expired", "expired", "cancelled", "cancelled"]
    later = phones.world.now() + HOUR
    phones.commit(
        outcomes=[phones.refused(claimed, later), phones.sent(unknown, "m1")], receipts=[phones.receipt("m1")]
    )
    phones.later(4 * DAY)
    assert phones.commit(due=True, claim=True).claims == []
    assert phones.states() == before
    assert traces(phones.store, JAN) == {}


def test_the_phone_may_write_again_and_is_a_stranger(phones: Phones) -> None:
    live(phones)
    held = contact_ids(phones.store)[JAN]
    erase(phones)
    phones.write(JAN, "JOIN")
    assert contact_ids(phones.store)[JAN] != held
    with phones.store.begin() as tx:
        Suppressions((KEY,)).lift(tx, JAN, ["Shop"], phones.world.now())
        assert "Shop" not in Suppressions((KEY,)).of(tx, [JAN])[JAN]
