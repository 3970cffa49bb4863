"""Requests read the store on a connection of their own, on both databases, and find it again after it was away."""

import psycopg
import pytest

from gateway.web.entrance import Looks
from router.store.engine import Store
from router.store.errors import StoreUnavailable


async def test_a_look_reads_beside_a_writer_that_holds_the_store(store_url: str, store: Store) -> None:
    looks = Looks(store_url)
    with store.begin() as tx:
        tx.write("INSERT INTO contacts (id, address, created_at) VALUES (1, '31612345678', 0)")
        assert await looks.at(lambda look: look.execute("SELECT count(*) FROM contacts")) == [(0,)]
    assert await looks.at(lambda look: look.execute("SELECT count(*) FROM contacts")) == [(1,)]
    await looks.close()


async def test_a_look_writes_nothing(store_url: str, store: Store) -> None:
    looks = Looks(store_url)
    with pytest.raises((StoreUnavailable, psycopg.Error)):
        await looks.at(lambda look: look.write("DELETE FROM contacts"))
    await looks.close()


async def test_a_connection_that_was_cut_is_made_anew(postgres_url: str) -> None:
    looks = Looks(postgres_url)
    ((pid,),) = await looks.at(lambda look: look.execute("SELECT pg_backend_pid()"))
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    with pytest.raises(StoreUnavailable):
        await looks.at(lambda look: look.execute("SELECT 1"))
    assert await looks.at(lambda look: look.execute("SELECT 1")) == [(1,)]
    await looks.close()
