"""What a decision makes is gone when it is made: nothing of it points back at itself.

A ring per text is garbage that only the collector finds, tens of thousands of them at a time; every other text waits
for it (measured: 25 to 60 ms, once a second at half load).
"""

import gc

from tests.support.phones import Phone, book

RULES = """contact
    bezoeken number

keyword BEZOEK
    opt in transactional
    add 1 to contact.bezoeken
    if contact.bezoeken >= 2
        tag trouw
        reply "Alweer!"
    else
        reply "Welkom."

keyword TIJD
    if time in 08:00..20:00
        reply "Overdag."

keyword VRAAG
    ask "Zeg JA."
        answer yes
            reply "Mooi."
        else again "JA graag." up to 1 time

fallback
    reply "Wat zegt u?"
"""


def test_a_decision_leaves_nothing_to_the_collector() -> None:
    phone = Phone(book(RULES))
    said = ["BEZOEK", "bezoek", "TIJD", "VRAAG", "nee", "ja", "hallo", "STOP", "AAN"]
    for text in said:  # what is kept for good is there after the first time
        phone.say(text)
    gc.collect()
    gc.disable()
    try:
        for text in said:
            phone.now += 1_000_000
            phone.say(text)
            assert gc.collect() == 0, text
    finally:
        gc.enable()
