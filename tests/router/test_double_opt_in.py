"""Who must confirm an opt-in: the market of the contact's own phone says so, whatever the brand's says."""

import json

from router.instants import DAY, HOUR
from router.store.engine import Store
from tests.support.routing import JAN, Phones, book_of

RULES = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword TIPS
    opt in promotional
    send promotional "Shop: korting! STOP = af"

keyword CLUB
    opt in promotional for club
    tag lid
    send promotional "Shop: welkom in de club! STOP = af"

keyword ORDER
    opt in transactional for order
    send transactional "Shop: uw bestelling is er."
"""
ANNA = "4915123456789"
ASKS = "Shop: antwoord JA als u onze aanbiedingen per sms wilt krijgen. Stuur STOP om u af te melden."
OFFER = "Shop: korting! STOP = af"


def phones_of(store: Store) -> Phones:
    return Phones(store, book_of(("shop.rules", RULES)))


def said(phones: Phones, address: str, text: str) -> list[str]:
    """What a phone gets for a text, all of it sent."""
    claims = phones.write(address, text)
    phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in claims])
    return [claim.text for claim in claims]


def consents(phones: Phones, address: str) -> list[str]:
    """Of which kinds a contact has consents."""
    (contact,) = (row["id"] for row in phones.table("contacts") if row["address"] == address)
    held = [json.loads(row["consents"]) for row in phones.table("profiles") if row["contact_id"] == contact]
    return sorted(name for one in held for name, since in one.items() if since > 0)


def test_a_phone_of_germany_is_asked_and_one_of_the_netherlands_is_not(store: Store) -> None:
    phones = phones_of(store)
    assert said(phones, JAN, "TIPS") == [OFFER]
    assert consents(phones, JAN) == ["promotional"]
    assert said(phones, ANNA, "TIPS") == [ASKS]
    assert consents(phones, ANNA) == []
    assert said(phones, ANNA, "Ja graag!") == [OFFER]
    assert consents(phones, ANNA) == ["promotional"]
    assert said(phones, ANNA, "TIPS") == [OFFER]  # once is enough


def test_what_was_asked_and_answered_stands_in_the_ledger(store: Store) -> None:
    phones = phones_of(store)
    said(phones, ANNA, "TIPS")
    said(phones, ANNA, "JA")
    asked, confirmed = (json.loads(row["details"]) for row in phones.table("ledger_details"))
    assert (asked["action"], asked["pending"], asked["wording"], asked["language"]) == ("grant", True, ASKS, "nl")
    assert (confirmed["action"], confirmed["wording"]) == ("confirm", ASKS)
    assert asked["mt_id"] == confirmed["mt_id"] == next(row["id"] for row in phones.table("outbox"))


def test_who_does_not_confirm_gets_nothing_more(store: Store) -> None:
    phones = phones_of(store)
    assert said(phones, ANNA, "TIPS") == [ASKS]
    assert said(phones, ANNA, "nee") == []
    assert consents(phones, ANNA) == []
    assert said(phones, ANNA, "CLUB") == [ASKS]
    phones.later(DAY + HOUR)
    phones.commit(due=True)
    assert said(phones, ANNA, "JA") == [ASKS]  # too late: asked anew
    assert said(phones, ANNA, "ja") == ["Shop: welkom in de club! STOP = af"]
    assert consents(phones, ANNA) == ["promotional/club"]


def test_what_is_no_promotion_needs_no_second_word(store: Store) -> None:
    phones = phones_of(store)
    assert said(phones, ANNA, "ORDER") == ["Shop: uw bestelling is er."]
    assert consents(phones, ANNA) == ["transactional/order"]


def test_a_german_speaker_is_asked_in_a_language_in_which_yes_is_understood(store: Store) -> None:
    phones = phones_of(store)
    said(phones, ANNA, "ORDER")
    with store.begin() as tx:
        tx.write("UPDATE contacts SET language = 'de'")
    assert said(phones, ANNA, "TIPS") == [ASKS]


def test_stop_instead_of_yes_is_a_stop(store: Store) -> None:
    phones = phones_of(store)
    said(phones, ANNA, "TIPS")
    assert said(phones, ANNA, "STOP") == [
        "Shop: u bent afgemeld en krijgt geen berichten meer. Stuur AAN om dit ongedaan te maken."
    ]
    assert phones.table("runs") == []
