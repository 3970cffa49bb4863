"""Rules that nobody's text starts, and a router that has them in force as a node does."""

from router import timers
from router.outbox import Outcome
from router.store.engine import Store
from rules.rulebook import Rulebook
from tests.support.routing import Phones, book_of

BRAND = """brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

"""
PLAIN = """contact
    geboren  date

segment klant = tag klant
segment koper = happened koop 2 times in 30 days
segment vriend = consent promotional

keyword JOIN
    tag klant
    reply "Welkom"

keyword HOI
    reply "Hoi"

keyword LANG
    reply "{long}"

keyword JARIG <dag date>
    set contact.geboren = dag
    reply "Genoteerd"

keyword AKKOORD
    opt in promotional
    reply "Fijn"

drip nazorg transactional
    step een: after 1 day
        send "Nazorg"

""".replace("{long}", "woord " * 40)
BIRTHDAY = """on birthday of contact.geboren at 10:00
    record wens = "ja"
    send promotional "Gefeliciteerd"

"""
INACTIVE = """on inactive 30 days
    send promotional "We missen je"

"""
DATE = """on 2026-03-01 at 18:00 for segment klant
    send promotional "Maart"

"""
JOIN = """on join koper
    send promotional "Koper"

on join klant
    send promotional "Klant"

on join vriend
    send promotional "Vriend"

"""
UNDELIVERED = """on undelivered
    record mis = "ja"
    start nazorg
    send promotional "Nogmaals"

"""
ALL = PLAIN + BIRTHDAY + INACTIVE + DATE + JOIN + UNDELIVERED


def shop(rules: str) -> Rulebook:
    return book_of(("shop.rules", BRAND + rules))


class Town(Phones):
    """A router whose rules are in force as a node puts them in force; `restart` forgets all that is not stored."""

    def __init__(self, store: Store, rules: str) -> None:
        super().__init__(store, shop(rules))
        self.deploy(rules)

    def deploy(self, rules: str) -> None:
        book = shop(rules)
        with self.store.begin() as tx:
            timers.enlist(tx, book, self.world.now())
        self.ways.adopt(book)

    def restart(self, rules: str) -> None:
        at, ids = self.world.at, self.world.ids
        super().__init__(self.store, shop(rules))
        self.world.at, self.world.ids = at, ids
        self.deploy(rules)

    def look(self, most: int = 64) -> None:
        """Everything that is due, so many at a time; all that is claimed is sent."""
        for _ in range(1_000):
            done = self.commit(due=True, most_due=most, room=1_000)
            self.commit(outcomes=[Outcome(id=one.id, connector=one.connector, state="sent") for one in done.claims])
            if done.next_due is None or done.next_due > self.world.now():
                return
        raise AssertionError("it never comes to an end")

    def occurred(self) -> list[tuple[str, str]]:
        return [(row["source"], row["name"]) for row in self.table("events")]

    def timer_rows(self) -> list[tuple[str, int | None]]:
        return [(row["source"], row["due_at"]) for row in self.table("timers")]


def known(town: Phones, phones: list[str]) -> None:
    """These have texted before; a group for each 64."""
    for start in range(0, len(phones), 64):
        done = town.commit(inbound=[town.text(one, "JOIN") for one in phones[start : start + 64]], room=1_000)
        town.commit(outcomes=[Outcome(id=one.id, connector=one.connector, state="sent") for one in done.claims])


def crowd(size: int) -> list[str]:
    return [f"316500{number:05}" for number in range(size)]
