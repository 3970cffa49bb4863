"""What falls due and cannot be performed is tried a few times and fails then; what is cut short is told."""

import pytest

import router.decide
from router import due
from router.claims import Allowance
from router.due import MOST_TRIES, PUT_OFF, NotPerformed
from router.group import ELSEWHERE
from router.instants import DAY, HOUR, MINUTE
from router.messages import Facts
from router.plan import Needs, Plan
from router.saying import MOST_TEXTS
from router.store import statements as sql
from router.store.engine import Store
from router.store.errors import StoreUnavailable
from tests.support.routing import JAN, PIET, Phones, book_of

RULES = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword MEE
    opt in transactional
    start nazorg

keyword STRAKS
    wait 10 minutes
    reply "Straks."

keyword VEEL
    wait 10 minutes
{many}
drip nazorg transactional
    step eerst: after 10 minutes
        send "Nazorg."
    step later: after 1 day
        send "Nog iets."
""".format(many='    reply "Weer."\n' * (MOST_TEXTS + 1))


@pytest.fixture
def phones(store: Store) -> Phones:
    return Phones(store, book_of(("shop.rules", RULES)))


class Poison:
    """Runs of one contact cannot be resumed."""

    def __init__(self, patch: pytest.MonkeyPatch, address: str) -> None:
        self.tried = 0
        resume = router.decide.resume

        def resuming(facts: Facts, *more: object, **named: object) -> Plan | Needs:
            if facts.contact.address == address:
                self.tried += 1
                raise ZeroDivisionError("nothing to divide")
            return resume(facts, *more, **named)  # type: ignore[arg-type]

        patch.setattr(due, "resume", resuming)


def looked(phones: Phones) -> list[str]:
    """All that is due is done, or put off; what an operator is told."""
    told: list[str] = []
    while True:
        done = phones.commit(due=True)
        told += done.faults
        if done.next_due is None or done.next_due > phones.world.now():
            return told


def test_a_run_that_cannot_be_resumed_fails_after_a_few_tries_and_its_contact_has_left_the_drip(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones.write(JAN, "MEE")
    phones.write(PIET, "MEE")
    poison = Poison(monkeypatch, JAN)
    (run,) = (row["id"] for row in phones.table("runs") if row["contact_id"] == phones.table("contacts")[0]["id"])
    phones.later(10 * MINUTE)
    for tries in range(MOST_TRIES - 1):
        assert looked(phones) == [f"run {run} of Shop/drip nazorg: ZeroDivisionError: nothing to divide"]
        left = {row["id"]: row for row in phones.table("runs")}
        assert left[run]["due_at"] == phones.world.now() + PUT_OFF * 4**tries
        assert left[run]["tries"] == tries + 1
        assert looked(phones) == [], "it waits"
        phones.later(PUT_OFF * 4**tries)
    (last,) = looked(phones)
    assert last == (
        f"run {run} of Shop/drip nazorg has failed, after {MOST_TRIES} tries: ZeroDivisionError: nothing to divide"
    )
    phones.later(10 * DAY)
    tried = poison.tried
    assert looked(phones) == []
    assert poison.tried == tried
    assert [row["reason"] for row in phones.table("quarantine")][-1] == last
    assert len(phones.table("quarantine")) == MOST_TRIES
    assert sorted((row["outcome"], row["ended_at"] is None) for row in phones.table("enrolments")) == [
        ("failed", False), ("finished", False),
    ]  # fmt: skip
    assert phones.table("runs") == []
    assert [row["text"] for row in phones.table("outbox")] == ["Nazorg.", "Nog iets."], "the other's"


def test_what_is_mended_in_time_goes_on(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.write(JAN, "MEE")
    phones.later(10 * MINUTE)
    with pytest.MonkeyPatch.context() as meanwhile:
        Poison(meanwhile, JAN)
        assert len(looked(phones)) == 1
    phones.later(PUT_OFF)
    assert looked(phones) == []
    phones.later(DAY)
    assert looked(phones) == []
    assert [row["text"] for row in phones.table("outbox")] == ["Nazorg.", "Nog iets."]
    assert [row["tries"] for row in phones.table("runs")] == []


def test_a_chain_that_is_no_drip_fails_too(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.write(JAN, "STRAKS")
    Poison(monkeypatch, JAN)
    monkeypatch.setattr(due, "MOST_TRIES", 1)
    phones.later(HOUR)
    assert len(looked(phones)) == 1
    assert phones.table("runs") == []


def test_what_another_node_put_off_meanwhile_is_left_alone_and_so_is_the_next(phones: Phones) -> None:
    phones.write(JAN, "STRAKS")
    phones.later(1)
    phones.write(PIET, "STRAKS")
    first, second = (row["id"] for row in phones.table("runs"))
    phones.later(HOUR)
    with phones.store.begin() as tx:
        assert due.set_aside(tx, phones.ways, "no", first)
        assert due.set_aside(tx, phones.ways, "no", first) == "", "it is not due any more"
        assert due.set_aside(tx, phones.ways, "no", 1) == "", "it is gone"
    assert [row["tries"] for row in phones.table("runs")] == [1, 0]
    assert phones.table("runs")[1]["id"] == second


def test_what_another_node_is_at_work_on_is_left_to_it(two_nodes: tuple[Phones, Phones]) -> None:
    phones, other = two_nodes
    phones.write(JAN, "STRAKS")
    (row,) = phones.table("runs")
    phones.later(HOUR)
    with other.store.begin() as tx:
        sql.lock_contacts.rows(tx, [row["contact_id"]])
        with phones.store.begin() as mine:
            assert due.set_aside(mine, phones.ways, "no", row["id"]) == ""
    assert phones.table("runs") == [row]
    assert phones.table("quarantine") == []


def test_while_all_that_is_due_is_with_another_node_nobody_spins(two_nodes: tuple[Phones, Phones]) -> None:
    phones, other = two_nodes
    phones.write(JAN, "STRAKS")
    phones.write(PIET, "STRAKS")
    held, free = (row["contact_id"] for row in phones.table("runs"))
    phones.later(HOUR)
    with other.store.begin() as tx:
        sql.lock_contacts.rows(tx, [held])
        done = phones.commit(due=True)
        assert [claim.address for claim in done.claims] == [PIET], "who is free has his"
        assert done.next_due is not None
        assert done.next_due <= phones.world.now(), "and more may be done at once"
        assert phones.commit(due=True).next_due == phones.world.now() + ELSEWHERE
    assert [claim.address for claim in phones.commit(due=True).claims] == [JAN]
    assert free != held


def test_a_store_that_is_away_is_no_fault_of_the_run(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.write(JAN, "STRAKS")
    phones.later(HOUR)

    def resuming(*_: object, **__: object) -> Plan:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(due, "resume", resuming)
    with pytest.raises(StoreUnavailable):
        phones.commit(due=True)
    assert [row["tries"] for row in phones.table("runs")] == [0]


def test_one_run_is_named_and_of_several_none_is(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.write(JAN, "STRAKS")
    phones.write(PIET, "STRAKS")
    Poison(monkeypatch, JAN)
    phones.later(HOUR)
    ways, allowance = phones.ways, Allowance({})
    with pytest.raises(ZeroDivisionError), phones.store.begin() as tx:
        due.run(tx, ways, allowance)
    with pytest.raises(NotPerformed, match="nothing to divide") as told, phones.store.begin() as tx:
        due.run(tx, ways, allowance, 1)
    assert told.value.cause == phones.table("runs")[0]["id"]


def test_what_cuts_a_run_short_is_told_with_its_rule_and_its_step(phones: Phones) -> None:
    phones.write(JAN, "VEEL")
    phones.write(PIET, "STRAKS")
    (frames,) = (row["frames"] for row in phones.table("runs") if row["rule"] == "Shop/keyword VEEL")
    phones.later(10 * MINUTE)
    step = frames.strip('[]"')
    assert looked(phones) == [f"Shop/keyword VEEL, at {step}: more than {MOST_TEXTS} texts for one message"]
    states = [row["state"] for row in phones.table("outbox")]
    assert states.count("withheld") == 1, "and what is cut stands on record"
