"""The ledger of consent: what is appended reads back, and no row can be changed or taken away unseen."""

import random
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import msgspec
import pytest

from router import ledger, ledger_verify
from router.ledger import Entry, Record
from router.ledger_verify import Chain, verify
from router.store import statements_consent as sql
from router.store.engine import Store
from router.store.tables_consent import ledger as ledger_table
from router.world import Ids
from tests.support.consents import WORDING, append, asked, contact, record
from tests.support.routing import JAN, NOW, PIET, Phones


def entries(store: Store, contact_id: int) -> list[Entry]:
    with store.begin() as tx:
        return ledger.entries_of(tx, contact_id)


def chains(store: Store, anchors: dict[str, tuple[int, str]] | None = None) -> dict[str, Chain]:
    return {chain.brand: chain for chain in verify(store, anchors)}


def write(store: Store, statement: str) -> None:
    with store.begin() as tx:
        tx.write(statement)


@pytest.fixture
def kept(store: Store) -> Store:
    """Five rows of Shop about two phones, and one of Bakker."""
    jan, piet = contact(store, JAN, 1), contact(store, PIET, 2)
    append(store, [record(jan, JAN), record(piet, PIET, evidence_url="https://forms.example/7")])
    append(store, [record(jan, JAN, brand="Bakker", programme=""), record(jan, JAN, action="revoke", at=NOW + 5)])
    append(store, [record(piet, PIET, action="restore"), record(jan, JAN, action="restore", at=NOW + 9)], NOW + 60)
    return store


def test_what_is_appended_reads_back(kept: Store) -> None:
    found = entries(kept, 1)
    assert [(one.brand, one.position) for one in found] == [("Bakker", 1), ("Shop", 1), ("Shop", 3), ("Shop", 5)]
    told = found[1].record(JAN)
    assert told == record(1, JAN, wording_sha256=sha256(WORDING.encode()).hexdigest(), recorded_at=NOW)
    with kept.begin() as tx:
        records = ledger.records_of(tx, {1: JAN, 2: PIET})
    assert [one.action for one in records[1, "Shop"]] == ["grant", "revoke", "restore"]
    assert records[1, "Shop"][0] == told
    assert {key: len(some) for key, some in records.items()} == {(1, "Bakker"): 1, (1, "Shop"): 3, (2, "Shop"): 2}


def test_the_number_stands_in_neither_table(kept: Store) -> None:
    with kept.begin() as tx:
        assert not any(JAN in str(row) for row in tx.execute("SELECT details FROM ledger_details"))


def test_the_commitment_is_what_the_page_says_it_is(kept: Store) -> None:
    """Reckoned here by hand, from the description alone."""
    first, second = (one for one in entries(kept, 1) if one.brand == "Shop" and one.position in (1, 3))
    assert first.details is not None and first.salt is not None
    said = msgspec.json.decode(first.details)
    person = '{"contact_id":1,"msisdn":"' + JAN + '",'
    canonical = person + msgspec.json.encode(dict(sorted(said.items()))).decode()[1:]
    assert first.commitment == sha256(first.salt + canonical.encode()).digest()
    before = sha256(b"Shop").digest()
    assert first.hash == sha256(before + first.id.to_bytes(8, "big") + first.commitment).digest()
    (other,) = (one for one in entries(kept, 2) if one.position == 2)
    assert second.hash == sha256(other.hash + second.id.to_bytes(8, "big") + second.commitment).digest()


def test_salts_are_never_alike(kept: Store) -> None:
    salts = [one.salt for contact_id in (1, 2) for one in entries(kept, contact_id)]
    assert len({ledger.new_salt(random.random) for _ in range(100)}) == 100
    assert all(salt is not None and len(salt) == ledger.SALT_OCTETS for salt in salts)


def test_nothing_is_asked_of_the_store_when_there_is_nothing_to_write(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.begin() as tx:
        seen = asked(monkeypatch)
        assert ledger.append(tx, [], Ids(1), NOW, random.random) == []
        assert seen == []


def test_a_batch_costs_a_few_statements_whatever_its_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [contact(store, f"3161000{n:04}", n) for n in range(1, 65)]
    append(store, [record(ids[0], "31610000001")])
    with store.begin() as tx:
        seen = asked(monkeypatch)
        ledger.append(tx, [record(one, f"3161000{one:04}") for one in ids], Ids(2), NOW, random.random)
    monkeypatch.undo()
    assert len(seen) == 4
    assert chains(store)["Shop"].position == 65


def test_a_ledger_that_nobody_touched_is_whole(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_verify, "ROWS_A_LOOK", 2)
    found = chains(kept)
    assert {brand: (chain.position, chain.why) for brand, chain in found.items()} == {
        "Bakker": (1, ""),
        "Shop": (5, ""),
    }
    with kept.begin() as tx:
        heads = {row[0]: row[1].hex() for row in tx.execute("SELECT brand, hash FROM ledger_heads")}
    assert {brand: chain.hash for brand, chain in found.items()} == heads


@pytest.mark.parametrize(
    ("damage", "place", "why"),
    [
        ("UPDATE ledger SET id = id + 1 WHERE position = 3", 3, "does not follow"),
        ("UPDATE ledger SET commitment = hash WHERE position = 2", 2, "does not follow"),
        ("DELETE FROM ledger WHERE position = 2", 2, "the row is gone"),
        ("DELETE FROM ledger WHERE position = 5", 5, "its head says 5"),
        ("DELETE FROM ledger WHERE brand = 'Shop'", 1, "its head says 5"),
        ("DELETE FROM ledger_heads WHERE brand = 'Shop'", 6, "its head says 0"),
        ("DELETE FROM ledger_details WHERE position = 3", 3, "no erasure tells"),
        ("UPDATE ledger_details SET details = replace(details, 'TIPS', 'ALLES') WHERE position = 2", 2, "committed to"),
        ("UPDATE ledger_details SET salt = (SELECT hash FROM ledger_heads WHERE brand = 'Shop') WHERE position = 4", 4,
         "committed to"),
        ("UPDATE ledger_details SET contact_id = 1 WHERE position = 2", 2, "committed to"),
        (f"UPDATE contacts SET address = '31699999999' WHERE address = '{PIET}'", 2, "committed to"),
        ("DELETE FROM contacts WHERE id = 2", 2, "its contact is gone"),
        ("UPDATE ledger_details SET brand = 'Shop', position = 9 WHERE brand = 'Bakker'", 6, "details of rows"),
    ],
)  # fmt: skip
def test_damage_is_told_with_its_place(kept: Store, damage: str, place: int, why: str) -> None:
    write(kept, damage.replace("WHERE position", "WHERE brand = 'Shop' AND position"))
    found = chains(kept)["Shop"]
    assert found.broken_at == place
    assert why in found.why


def test_a_whole_chain_that_somebody_made_anew_differs_from_an_earlier_proof(kept: Store) -> None:
    before = {brand: (chain.position, chain.hash) for brand, chain in chains(kept).items()}
    assert not any(chain.why for chain in chains(kept, before).values())
    write(kept, "DELETE FROM ledger_details WHERE brand = 'Shop'")
    write(kept, "DELETE FROM ledger WHERE brand = 'Shop'")
    write(kept, "DELETE FROM ledger_heads WHERE brand = 'Shop'")
    append(kept, [record(2, PIET, at=NOW + n) for n in range(5)])
    assert chains(kept)["Shop"].why == ""
    assert "had another row" in chains(kept, before)["Shop"].why
    write(kept, "DELETE FROM ledger_details WHERE brand = 'Shop'")
    write(kept, "DELETE FROM ledger WHERE brand = 'Shop'")
    write(kept, "DELETE FROM ledger_heads WHERE brand = 'Shop'")
    assert "went on to row 5" in chains(kept, before)["Shop"].why


def test_details_that_an_erasure_tells_of_may_be_gone(kept: Store) -> None:
    write(kept, "DELETE FROM ledger_details WHERE brand = 'Shop' AND contact_id = 1")
    gone = Record(contact_id=0, msisdn="", brand="Shop", action="erase", method="agent", at=NOW, erased=(1, 3, 5))
    append(kept, [gone])
    whole = chains(kept)["Shop"]
    assert (whole.why, whole.position, whole.erased) == ("", 6, 3)
    write(kept, "DELETE FROM ledger_details WHERE brand = 'Shop' AND position = 2")
    assert chains(kept)["Shop"].broken_at == 2


def test_a_row_moved_to_another_brand_is_told(kept: Store) -> None:
    """With hashes that fit: whoever can write can reckon, but the details still tell whose they are."""
    (alien,) = (one for one in entries(kept, 1) if one.brand == "Bakker")
    with kept.begin() as tx:
        last = tx.execute("SELECT hash FROM ledger_heads WHERE brand = 'Shop'")[0][0]
        now = ledger.chain(last, alien.id, alien.commitment)
        sql.insert_ledger.run(tx, [("Shop", 6, alien.id, alien.commitment, now)])
        sql.upsert_heads.run(tx, [("Shop", 6, now)])
        tx.write("UPDATE ledger_details SET brand = 'Shop', position = 6 WHERE brand = 'Bakker'")
    assert chains(kept)["Shop"].why == "it tells of another brand (Bakker)"


def test_an_erased_row_tells_nothing() -> None:
    with pytest.raises(ValueError, match="erased"):
        Entry("Shop", 1, 2, b"", b"", None, None, None).record(JAN)


def test_the_chain_has_no_column_about_a_person() -> None:
    assert {column.name for column in ledger_table.columns} == {"brand", "position", "id", "commitment", "hash"}


def test_two_nodes_that_append_at_once_make_one_chain(two_nodes: tuple[Phones, Phones]) -> None:
    one, other = (phones.store for phones in two_nodes)
    contact(one, JAN, 1)

    def write_many(store: Store) -> None:
        for n in range(20):
            for brands in (("Shop", "Bakker"), ("Bakker", "Shop")):
                append(store, [record(1, JAN, brand=brand, at=NOW + n) for brand in brands])

    append(one, [record(1, JAN), record(1, JAN, brand="Bakker")])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write_many, (one, other)))
    assert {brand: (chain.position, chain.why) for brand, chain in chains(one).items()} == {
        "Bakker": (81, ""), "Shop": (81, "")
    }  # fmt: skip
