"""Who runs the numbers in the simulation, and what phones text to them.

Two brands, each on a number of its own, so that a STOP silences all that may come from there. Everything that waits,
asks, repeats, counts, or takes several segments is in them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from gateway.torture.entries import Word

CLUB, QUIZ, VOTE = "4411", "3197010281234", "4422"
NUMBERS = {CLUB: "Klub", QUIZ: "Quiz", VOTE: "Stem"}
WORDS = ("JA", "NEE", "ROOD", "BLAUW")
"""All that is ever said to VOTE."""

CLUB_RULES = """\
brand "Klub"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam
    help      "Klub: JOIN om mee te doen, STEM ROOD of STEM BLAUW. STOP = afmelden."

contact
    naam text

keyword JOIN
    if tag lid
        reply "U bent al lid van de klub."
    else
        tag lid
        reply "Welkom bij de klub!"
        wait 3 minutes
        reply "Drie minuten lid: bevalt het?"
        wait 2 hours
        reply "Twee uur later: nog steeds welkom."

keyword STEM (ROOD | BLAUW) as kleur
    record stem = kleur
    reply "Uw stem op {kleur} telt."

keyword NAAM <naam word>
    set contact.naam = naam
    reply "Dag {naam}."

keyword TWEE
    reply "Een."
    reply "Twee."

keyword STRAKS
    wait 1 minute
    reply "Een minuut later."

keyword LANG
    reply "LONG"

fallback
    reply "Dat begrijpen we niet. JOIN, STEM of NAAM?"
""".replace("LONG", "Een lang verhaal. " * 14)

QUIZ_RULES = """\
brand "Quiz"
    numbers   +3197010281234
    language  nl
    timezone  Europe/Amsterdam

keyword QUIZ
    ask "Is de aarde rond?" within 5 minutes
        answer yes
            record antwoord = "ja"
            reply "Dat klopt."
        answer no
            record antwoord = "nee"
            reply "Jawel."
        silence
            reply "Nog daar? De quiz is voorbij."

keyword NPS <score 0..10>
    record once nps = score
    reply "Dank u."

keyword LATER
    wait 1 minute
    reply "Een minuut later."
    wait 1 minute
    reply "Nog een minuut later."

fallback
    reply "Stuur QUIZ, LATER of NPS en een cijfer."
"""

VOTE_RULES = """\
brand "Stem"
    numbers   4422
    language  nl
    timezone  Europe/Amsterdam

keyword STEM
    record stem = "stem"

fallback
    record stem = "anders"
"""

SOURCES = {"klub.rules": CLUB_RULES, "quiz.rules": QUIZ_RULES, "stem.rules": VOTE_RULES}

SAYINGS = {
    CLUB: ("JOIN", "JOIN", "STEM ROOD", "STEM BLAUW", "TWEE", "STRAKS", "LANG", "JA", "JA", "STOP", "START", "HELP"),
    QUIZ: ("QUIZ", "QUIZ", "JA", "JA", "nee", "NPS 7", "LATER", "wat?", "STOP", "START"),
}
UNIQUE = 0.35
"""Share of texts that nobody else says: they are matched exactly, equal ones are counted."""
LONG = 0.06
"""Share of texts that come in several parts."""
FOREIGN = 0.3
"""Share of long texts in another alphabet."""


def meaning(text: str) -> tuple[Word, int | None]:
    """What a text asks for, for the ledger."""
    words: dict[str, Word] = {"STOP": "stop", "START": "start"}
    return words.get(text, ""), None


def saying(random: Random, number: str, nth: int, unique: bool) -> str:
    """What a phone texts to a number; `nth` makes it unlike all others where it is to be, or always if `unique`."""
    if random.random() < LONG:
        said = "Привет " if random.random() < FOREIGN else "Nog een lang verhaal, "
        return f"verhaal {nth}: " + said * random.randint(12, 25)
    if unique or random.random() < UNIQUE:
        return f"NAAM x{nth}" if number == CLUB else f"vraag {nth}"
    return random.choice(SAYINGS[number])


def phones(random: Random, count: int) -> Callable[[], tuple[str, str]]:
    """Who texts, and to which number: a few phones text much, so that their texts meet."""
    known = [f"316{10_000_000 + place}" for place in range(count)]

    def pick() -> tuple[str, str]:
        phone = known[min(int(random.expovariate(4.0 / count)), count - 1)]
        return phone, CLUB if random.random() < 0.6 else QUIZ

    return pick
