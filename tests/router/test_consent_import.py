"""Consents from elsewhere: each row has an outcome, what the person refused stays refused, twice changes nothing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from router import consent_import, contacts
from router.consent_import import Import, Order, Told
from router.consent_rows import Consent, Refused
from router.erasure import Erasure
from router.ledger import records_of
from router.ledger_verify import verify
from router.plan import OPERATOR
from router.standing import standing_at
from router.store.engine import Store, Tx
from router.store.errors import StoreConflict
from router.suppression import Suppressions
from tests.support.consents import append, record
from tests.support.routing import JAN, KEES, NOW, PIET, ROOS, Phones

ORDER = Order("Shop", "promotional", "", "crm@shop.example", "Europe/Amsterdam", "NL", "d1")
YEAR_AGO = NOW - 365 * 86_400_000_000


def row(line: int, address: str, **more: Any) -> Consent:
    return Consent(line, address, YEAR_AGO, "Ja, ik wil tips", "web", f"https://forms.example/{line}", **more)


def bring(phones: Phones, rows: Sequence[Consent | Refused], order: Order = ORDER) -> list[Told]:
    return list(Import(phones.store, phones.world, Suppressions(), order).run(rows))


def outcomes(told: Sequence[Told]) -> list[str]:
    return [one.outcome for one in told]


def held(store: Store, address: str) -> dict[str, int]:
    """What Shop's ledger comes to."""
    with store.begin() as tx:
        ids = {row[0]: row[1] for row in tx.execute(f"SELECT id, address FROM contacts WHERE address = '{address}'")}
        records = records_of(tx, ids) if ids else {}
    return dict(standing_at([one for some in records.values() for one in some], NOW).consents)


def test_a_row_becomes_a_contact_with_a_consent_and_its_proof(phones: Phones) -> None:
    phones.write(PIET, "NAAM Piet")
    told = bring(phones, [row(2, JAN, attributes={"naam": "Jan"}, programme="TIPS"), row(3, PIET, language="nl")])
    assert outcomes(told) == ["taken", "taken"]
    assert held(phones.store, JAN) == {"promotional/TIPS": YEAR_AGO}
    assert held(phones.store, PIET) == {"promotional": YEAR_AGO}
    profiles = {row["contact_id"]: row["attributes"] for row in phones.table("profiles")}
    assert sorted(profiles.values()) == ['{"naam":"Jan"}', '{"naam":"Piet"}']
    with phones.store.begin() as tx:
        ((jan,),) = tx.execute(f"SELECT id FROM contacts WHERE address = '{JAN}'")
        (proof,) = records_of(tx, {jan: JAN})[jan, "Shop"]
    assert (proof.action, proof.method, proof.actor, proof.evidence_url, proof.wording, proof.pack) == (
        "import", "web", "crm@shop.example", "https://forms.example/2", "Ja, ik wil tips", "NL"
    )  # fmt: skip
    assert (proof.at, proof.recorded_at) == (YEAR_AGO, NOW)


def test_the_same_file_again_changes_nothing(phones: Phones) -> None:
    rows = [row(2, JAN), row(3, PIET), row(4, JAN)]
    assert outcomes(bring(phones, rows)) == ["taken", "taken", "already"]
    before = {name: phones.table(name) for name in ("contacts", "profiles", "ledger")}
    assert outcomes(bring(phones, rows)) == ["already"] * 3
    assert {name: phones.table(name) for name in ("contacts", "profiles", "ledger")} == before


def test_what_the_person_refused_stays_refused(phones: Phones) -> None:
    phones.write(JAN, "STOP")
    phones.write(PIET, "JOIN")
    with phones.store.begin() as tx:
        ((piet,),) = tx.execute(f"SELECT id FROM contacts WHERE address = '{PIET}'")
    programme: dict[str, Any] = {"message_class": "promotional", "programme": "TIPS"}
    append(
        phones.store, [record(piet, PIET, at=1, **programme), record(piet, PIET, action="revoke", at=2, **programme)]
    )
    told = bring(phones, [row(2, JAN), row(3, PIET, programme="TIPS"), row(4, PIET, programme="NIEUWS")])
    assert outcomes(told) == ["suppressed", "suppressed", "taken"]
    assert held(phones.store, JAN) == {}


def test_who_was_erased_is_not_written_down_again(phones: Phones) -> None:
    phones.write(JAN, "JOIN")
    erasure = Erasure(phones.store, phones.world, Suppressions(), "me")
    person, brands = erasure.silence(JAN, ["Shop"], everything=True)
    list(erasure.take_away(person, brands, everything=True))
    assert outcomes(bring(phones, [row(2, JAN), row(3, KEES)])) == ["suppressed", "taken"]
    assert outcomes(bring(phones, [row(2, JAN)])) == ["suppressed"]
    assert [row["address"] for row in phones.table("contacts")] == [KEES]
    other = Order("Bakker", "promotional", "", "me")
    assert outcomes(bring(phones, [row(2, JAN)], other)) == ["taken"]  # Bakker has not forgotten anybody
    silent = {one["brand"] for one in phones.table("profiles") if one["opted_out_at"] is not None}
    assert silent == {"Shop", OPERATOR}, "known to one brand again is not known to all"


def test_of_transactional_ones_the_programme_is_the_purpose(phones: Phones) -> None:
    assert outcomes(bring(phones, [row(2, JAN)], Order("Shop", "transactional", "A7", "me"))) == ["taken"]
    assert held(phones.store, JAN) == {"transactional/A7": YEAR_AGO}


def test_rows_that_could_not_be_read_keep_their_place(phones: Phones) -> None:
    bad = Refused(3, "not a number", "no phone can have that number")
    told = bring(phones, [row(2, JAN), bad, row(4, PIET)])
    assert [(one.line, one.outcome) for one in told] == [(2, "taken"), (3, "not a number"), (4, "taken")]
    assert bring(phones, [bad]) == [Told(3, "not a number", "no phone can have that number")]


def test_many_rows_go_in_by_slices_and_all_are_told(phones: Phones) -> None:
    rows = [row(2 + n, f"316{10_000_000 + n}") for n in range(300)]
    assert Counter(outcomes(bring(phones, rows))) == {"taken": 300}
    assert [chain.position for chain in verify(phones.store)] == [300]
    assert not any(chain.why for chain in verify(phones.store))


def test_slices_shrink_where_they_take_long_and_grow_where_they_do_not(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    original = Import._take

    def noted(self: Import, tx: Tx, consents: Sequence[Consent]) -> dict[int, Told]:
        sizes.append(len(consents))
        phones.later(60 * len(consents) if len(sizes) < 6 else 600 * len(consents))  # microseconds for each
        return original(self, tx, consents)

    monkeypatch.setattr(Import, "_take", noted)
    bring(phones, [row(2 + n, f"316{10_000_000 + n}") for n in range(500)])
    assert sizes[:9] == [16, 32, 64, 64, 64, 64, 32, 16, 16]
    assert sum(sizes) == 500


def test_who_is_at_work_on_the_same_contact_is_waited_for(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    original = contacts.by_address

    def busy(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) < consent_import.MOST_TRIES:
            raise StoreConflict("a deadlock")
        return original(*arguments)

    def always(*_: Any) -> Any:
        raise StoreConflict("a contact is being erased")

    monkeypatch.setattr("router.contacts.by_address", busy)
    assert outcomes(bring(phones, [row(2, ROOS)])) == ["taken"]
    tries.clear()
    monkeypatch.setattr(consent_import, "MOST_TRIES", 1)
    monkeypatch.setattr("router.contacts.by_address", always)
    with pytest.raises(StoreConflict):
        bring(phones, [row(2, JAN)])
