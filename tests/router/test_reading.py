"""A reader takes no lock, sees one instant, writes nothing, and says what is wrong with a store that it cannot read."""

import sqlite3
from pathlib import Path

import pytest

from router.store.engine import Store
from router.store.errors import StoreError, StoreUnavailable
from router.store.reading import open_reader
from tests.support.routing import JAN, PIET, Phones


def test_it_reads_beside_the_owner_and_sees_one_instant(phones: Phones, store: Store) -> None:
    phones.write(JAN, "JOIN")
    reader = open_reader(store.url)
    assert reader.dialect == store.dialect
    with reader.begin() as tx:
        before = tx.execute("SELECT address FROM contacts")
        phones.write(PIET, "JOIN")
        assert tx.execute("SELECT address FROM contacts") == before == [(JAN,)]
    with reader.begin() as tx:
        assert len(tx.execute("SELECT address FROM contacts")) == 2
    reader.close()


def test_it_cannot_write_and_goes_on_after_the_fault(phones: Phones, store: Store) -> None:
    phones.write(JAN, "JOIN")
    reader = open_reader(store.url)
    with pytest.raises(Exception, match=r"read.?only"), reader.begin() as tx:
        tx.write("DELETE FROM contacts")
    with pytest.raises(RuntimeError, match="not of the driver"), reader.begin():
        raise RuntimeError("not of the driver")
    with reader.begin() as tx:
        assert tx.execute("SELECT address FROM contacts") == [(JAN,)]
    reader.close()


def test_a_store_of_another_version_is_not_read(store: Store) -> None:
    with store.begin() as tx:
        tx.write("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreError, match="another version"):
        open_reader(store.url)


def test_what_is_no_store_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="is not there"):
        open_reader(f"sqlite:///{tmp_path / 'none.db'}")
    connection = sqlite3.connect(tmp_path / "empty.db")
    connection.execute("CREATE TABLE other (id INTEGER)")
    connection.close()
    with pytest.raises(StoreError, match="no tables of kwek"):
        open_reader(f"sqlite:///{tmp_path / 'empty.db'}")
    (tmp_path / "noise.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError):
        open_reader(f"sqlite:///{tmp_path / 'noise.db'}")
    with pytest.raises(StoreUnavailable, match="PostgreSQL is away"):
        open_reader("postgresql://kwek:secret@127.0.0.1:1/none")
    with pytest.raises(StoreError, match="neither"):
        open_reader("mysql://somewhere/else")


def test_a_look_that_has_ended_by_itself_is_over(store: Store) -> None:
    reader = open_reader(store.url)
    with reader.begin() as tx:
        tx.write("ROLLBACK")
    with reader.begin() as tx:
        assert tx.execute("SELECT count(*) FROM contacts") == [(0,)]
    reader.close()
