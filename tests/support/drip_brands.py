"""Two brands that share a number, each with drips for everything that a drip can wait for."""

from collections.abc import Iterable
from functools import cache

from router.consent_import import Import, Order
from router.consent_rows import Consent
from router.instants import SECOND
from router.suppression import Suppressions
from rules.rulebook import Rulebook
from tests.support.routing import Phones, book_of

BRAND = """\
brand "{name}"
    numbers 4411
    language nl
    timezone Europe/Amsterdam
    quiet 21:00..08:00

keyword {join}
    opt in promotional
        confirm "{name}: antwoord JA voor tips. STOP = uit."
        answer yes
    reply "{name}: welkom."
    start tips

keyword {word}
    reply "{name}: {long}"
    start tips
    start reeks

drip tips promotional
    again after 1 minute
    at once
        send "{name}: tip een. {{link tip https://tips.example}} STOP = uit."
        start reeks
    step twee: after 1 minute
        send "{name}: tip twee. STOP = uit."
    step proef: after 2 minutes
        split kop by click sample 30% for 3 minutes
            50% kort
                send "{name}: kort. STOP = uit."
            50% lang
                send "{name}: {long} STOP = uit."

drip vraag promotional
    again after 1 minute
    at once
        ask "{name}: bevalt het? STOP = uit." within 2 minutes
            answer yes
                send "{name}: fijn. STOP = uit."
            silence
                send "{name}: nog daar? STOP = uit."

drip koop promotional
    again after 1 minute
    at once
        wait for event koop within 2 minutes
            then
                send "{name}: dank u. STOP = uit."
            silence
                start reeks

drip reeks promotional
    again after 1 minute
    exit on event koop
    step a: after 1 minute
        send "{name}: reeks a. STOP = uit."
    step b: after 3 minutes
        send "{name}: reeks b. STOP = uit."
        send "{name}: reeks c. STOP = uit."
    step d: after 5 minutes
        wait 1 minute
        send "{name}: reeks d. STOP = uit."

on event mand
    wait 1 minute
    send promotional "{name}: uw mand. STOP = uit."

on event begin
    send promotional "{name}: begin. STOP = uit."
    start tips

on event vraag
    start vraag

on event kijk
    start koop

on event order
    send transactional "{name}: uw bestelling. STOP = uit."

on click tip
    start reeks
    send promotional "{name}: geklikt. STOP = uit."
"""
BRANDS = {"Shop": ("LID", "TIP"), "Bakker": ("ERBIJ", "BROOD")}


@cache
def two_brands() -> Rulebook:
    """Both on 4411."""
    long = "een tip die in geen bericht past, " * 6
    return book_of(
        *(
            (f"{name}.rules", BRAND.format(name=name, join=join, word=word, long=long))
            for name, (join, word) in BRANDS.items()
        )
    )


def agree(router: Phones, brand: str, phones: Iterable[str]) -> None:
    """Bring consents to a brand's texts in."""
    at = router.world.now() - SECOND
    rows = [
        Consent(line, phone, at, "Ja, ik wil tips", "paper", f"scan {line}", "") for line, phone in enumerate(phones)
    ]
    told = Import(router.store, router.world, Suppressions(), Order(brand, "promotional", "", "crm@shop.example")).run(
        rows
    )
    assert {one.outcome for one in told} == {"taken"}
