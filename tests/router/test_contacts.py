"""Contacts are locked first and loaded with what their brands know, in a few queries for a whole batch."""

import threading

import pytest

from router import contacts
from router.instants import HOUR
from router.messages import Contact, Profile, Thread
from router.store.engine import Row, Tx
from router.store.errors import StoreUnavailable
from tests.support.routing import JAN, KEES, NOW, PIET, Phones


def test_an_unknown_phone_is_made_and_new(phones: Phones) -> None:
    with phones.store.begin() as tx:
        loaded = contacts.by_address(tx, [JAN, PIET], phones.world.ids, NOW)
    assert {contact.address for contact in loaded.contacts.values()} == {JAN, PIET}
    assert all(contact.is_new for contact in loaded.contacts.values())
    rows = phones.table("contacts")
    assert {(row["id"], row["address"], row["created_at"]) for row in rows} == {
        (contact.id, contact.address, NOW) for contact in loaded.contacts.values()
    }
    with phones.store.begin() as tx:
        again = contacts.by_address(tx, [JAN, KEES], phones.world.ids, NOW)
    assert again.contacts[JAN] == Contact(loaded.contacts[JAN].id, JAN)
    assert again.contacts[KEES].is_new


def test_what_is_known_of_a_contact_comes_with_it(phones: Phones) -> None:
    phones.write(JAN, "JOIN", "NAAM Jan", "QUIZ")
    last = phones.table("inbound")[-1]["id"]
    phones.write(PIET, "STOP")
    with phones.store.begin() as tx:
        loaded = contacts.by_address(tx, [JAN, PIET, KEES], phones.world.ids, NOW)
    jan, piet, kees = (loaded.contacts[address] for address in (JAN, PIET, KEES))
    facts = loaded.facts(jan, "4411", None)
    assert facts.profile("Shop") == Profile("Shop", frozenset({"klant"}), {"naam": "Jan"})
    assert facts.thread == Thread("Shop", NOW, NOW, 3, NOW, last)
    assert [(run.kind, run.due_at, run.number) for run in facts.runs] == [("question", NOW + HOUR, "4411")]
    assert loaded.facts(jan, "5511", None).runs == facts.runs
    assert loaded.facts(jan, "5511", None).thread == Thread()
    assert loaded.facts(piet, "4411", None).profile("Shop").opted_out_at == NOW
    assert loaded.facts(kees, "4411", None).profile("Shop") == Profile("Shop")
    assert set(loaded.unsettled) == {(jan.id, "4411"), (piet.id, "4411")}


def test_contacts_by_their_ids(phones: Phones) -> None:
    phones.write(JAN, "JOIN")
    phones.write(PIET, "JOIN")
    ids = [row["id"] for row in phones.table("contacts")]
    with phones.store.begin() as tx:
        loaded = contacts.by_id(tx, [*reversed(ids), ids[0]])
    assert [contact.id for contact in loaded.contacts.values()] == sorted(ids)
    assert not any(contact.is_new for contact in loaded.contacts.values())
    assert loaded.profiles[ids[0]]["Shop"].tags == {"klant"}


def test_a_contact_that_another_node_makes_meanwhile_is_not_new_and_its_stop_is_seen(
    two_nodes: tuple[Phones, Phones],
) -> None:
    """Both look for it and find nothing; the other one writes it down, with a STOP, before we can."""
    phones, theirs = two_nodes
    found = contacts.sql.contacts_by_address  # type: ignore[attr-defined]

    class Slow:
        def rows(self, tx: object, addresses: list[str]) -> list[object]:
            contacts.sql.contacts_by_address = found  # type: ignore[attr-defined]
            rows: list[object] = found.rows(tx, addresses)
            theirs.write(JAN, "STOP")
            return rows

    contacts.sql.contacts_by_address = Slow()  # type: ignore[attr-defined]
    try:
        claims = phones.write(JAN, "LATER")
    finally:
        contacts.sql.contacts_by_address = found  # type: ignore[attr-defined]
    assert claims == []
    assert len(phones.table("contacts")) == 1
    with phones.store.begin() as tx:
        loaded = contacts.by_address(tx, [JAN], phones.world.ids, NOW)
    assert loaded.facts(loaded.contacts[JAN], "4411", None).profile("Shop").opted_out_at == NOW


def test_whoever_holds_a_contact_holds_up_the_other_node(two_nodes: tuple[Phones, Phones]) -> None:
    phones, other = two_nodes
    phones.write(JAN, "JOIN")
    with phones.store.begin() as tx:
        contacts.by_address(tx, [JAN], phones.world.ids, NOW)
        with pytest.raises(StoreUnavailable, match="lock timeout"), other.store.begin() as theirs:
            assert contacts.by_id(theirs, [phones_contact(phones, tx)]).busy, "passed over, not waited for"
            theirs.write("SET LOCAL lock_timeout = '50ms'")
            contacts.lock_senders(theirs, [JAN])


def test_whoever_writes_is_locked_before_anything_else_is(two_nodes: tuple[Phones, Phones]) -> None:
    """Each has claimed what waits for a phone that writes by way of the other: they would wait for each other."""
    phones, other = two_nodes
    for address in (JAN, PIET):
        phones.write(address, "JOIN", room=0)
    with phones.store.begin() as tx:
        contacts.lock_senders(tx, [JAN])
        done = other.commit(claim=True)
    assert ([claim.address for claim in done.claims], done.busy) == ([PIET], True)
    done = other.commit(claim=True)
    assert ([claim.address for claim in done.claims], done.busy) == ([JAN], False)


def phones_contact(phones: Phones, tx: object) -> int:
    rows = contacts.sql.contacts_by_address.rows(tx, [JAN])  # type: ignore[attr-defined]
    return int(rows[0][0])


def test_two_nodes_with_the_same_new_phones_do_not_wait_in_a_ring(two_nodes: tuple[Phones, Phones]) -> None:
    """New ones are made in one order, whatever order they came in."""
    phones, other = two_nodes
    senders = [f"3161{number:07}" for number in range(20)]
    nodes = [(phones, senders), (other, senders[::-1])]
    start, faults = threading.Barrier(2), list[BaseException]()

    def work(node: Phones, order: list[str]) -> None:
        try:
            start.wait(10)
            for text in ("JOIN", "NAAM Jan", "STOP"):
                node.commit(inbound=[node.text(sender, text) for sender in order])
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=node) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(phones.table("contacts")) == len(senders)
    assert len(phones.table("inbound")) == 2 * 3 * len(senders)
    assert all(row["opted_out_at"] for row in phones.table("profiles"))


def test_a_contact_that_is_erased_while_it_is_looked_for_is_looked_for_again(
    two_nodes: tuple[Phones, Phones], monkeypatch: pytest.MonkeyPatch
) -> None:
    phones, theirs = two_nodes
    phones.write(JAN, "JOIN")
    ((old,),) = [(row["id"],) for row in phones.table("contacts")]
    found, looks = contacts.sql.contacts_by_address, list[list[str]]()  # type: ignore[attr-defined]

    class Slow:
        def rows(self, tx: Tx, addresses: list[str]) -> list[Row]:
            looks.append(addresses)
            rows: list[Row] = found.rows(tx, addresses)
            if len(looks) == 1:
                with theirs.store.begin() as other:
                    other.write(f"DELETE FROM contacts WHERE id = {old}")
            return rows

    monkeypatch.setattr(contacts.sql, "contacts_by_address", Slow())  # type: ignore[attr-defined]
    monkeypatch.setattr(contacts, "lock_senders", lambda *_: None)
    done = phones.commit(inbound=[phones.text(JAN, "JOIN")])
    assert (done.quarantined, [claim.address for claim in done.claims]) == ([], [JAN])
    assert [row["address"] for row in phones.table("contacts")] == [JAN]
    assert [row["id"] for row in phones.table("contacts")] != [old]
