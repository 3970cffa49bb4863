"""How much a chain may look up before it waits, counted on its longest way."""

import pytest

from rules.check_lookups import MOST_DEEP, MOST_LOOKUPS
from rules.compiler import compile_sources
from rules.diagnostics import Source

BRAND = """brand "De Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam
    budget    EUR 10.00 per month

voucher zomer "ZOMER-######"
segment klant = happened aankoop_0 and not happened aankoop_1
segment rond = in segment rond or clicked
contact
    punten  number

"""
FEW = MOST_LOOKUPS - 1


def asked(count: int, indent: int, of: str = "x") -> str:
    return "".join(f"{' ' * indent}if happened {of}_{n}\n{' ' * indent}    tag a\n" for n in range(count))


def told(text: str) -> list[tuple[int, str]]:
    """Line and message of each R518."""
    compiled = compile_sources([Source("klusser.rules", BRAND + text)], None)
    return [(one.span.line - BRAND.count("\n"), one.message) for one in compiled.diagnostics if one.code == "R518"]


def most(text: str) -> int:
    """How many look-ups are told for the first line."""
    found = told(text)
    return int(found[0][1].split("look up ")[1].split(" ")[0]) if found else 0


def test_as_many_as_there_are_rounds_will_do() -> None:
    assert most("keyword A\n" + asked(MOST_LOOKUPS, 4)) == 0
    assert most("keyword A\n" + asked(MOST_LOOKUPS + 1, 4)) == MOST_LOOKUPS + 1


@pytest.mark.parametrize(
    ("more", "come_to"),
    [
        ("    if happened x_1\n        tag b\n", 0),  # known already
        ("    if clicked and tag b\n        tag b\n    if clicked\n        tag c\n", 0),
        ("    if in segment klant\n        tag b\n", FEW + 2),
        ("    if in segment rond or in segment nergens\n        tag b\n", 0),
        ('    reply "{voucher zomer} {link https://a.example}"\n    reply "{link https://b.example}"\n', FEW + 2),
        ('    send promotional "{voucher zomer} De Klusser STOP"\n', FEW + 2),
        ('    send promotional "De Klusser STOP"\n    send promotional "De Klusser: STOP"\n', 0),
        ('    send transactional "De Klusser"\n', 0),
        ("    set contact.punten = 1\n    add 1 to contact.punten\n    record a = 1\n", 0),
        ("    start welkom\n", FEW + 3),
        ("    start nergens\n    run nergens\n", 0),
        ("    run lang\n", FEW + 2),
        ("    run rondje\n", 0),
        ("    split a by click sample 20% for 1 day\n        50% x\n            tag a\n        50% y\n"
         "            if clicked\n                tag b\n", FEW + 2),
        ("    split a\n        50% x\n            tag a\n        50% y\n            tag b\n", 0),
        ("    wait 1 minute\n    if happened y_1 and happened y_2\n        tag b\n", 0),
        ("    wait until 10:00\n    if happened y_1 and happened y_2\n        tag b\n", 0),
        ('    ask "Ja?"\n        answer yes\n            if happened y_1 and happened y_2\n                tag b\n', 0),
        ("    wait for event y within 1 day\n        then\n            if happened y_1 and happened y_2\n"
         "                tag b\n", 0),
        ("    opt out\n    if happened y_1 and happened y_2\n        tag b\n", FEW + 2),
    ],
)  # fmt: skip
def test_what_counts(more: str, come_to: int) -> None:
    drip = 'drip welkom promotional\n    at once\n        send "De Klusser STOP"\n    at once\n        if clicked\n'
    drip += "            tag b\n    after 1 day\n" + asked(3, 8)
    chains = "chain lang\n    if happened y_1 and happened y_2\n        tag b\n\nchain rondje\n    run rondje\n\n"
    assert most("keyword A\n" + asked(FEW, 4) + more + "\n" + chains + drip) == come_to


def test_the_blocks_behind_a_wait_are_looked_at_too() -> None:
    question = 'keyword A\n    ask "Ja?"\n        answer yes\n'
    assert most(question + asked(MOST_LOOKUPS + 1, 12)) == MOST_LOOKUPS + 1
    for block in ("else", "silence"):
        text = f"{question}            tag a\n        {block}\n{asked(MOST_LOOKUPS + 1, 12)}"
        assert most(text) == MOST_LOOKUPS + 1
    drip = "drip welkom transactional\n    after 1 day\n" + asked(MOST_LOOKUPS + 1, 8)
    assert most(drip) == MOST_LOOKUPS + 1
    assert most("fallback\n" + asked(MOST_LOOKUPS + 1, 4)) == MOST_LOOKUPS + 1
    assert most("on event x\n" + asked(MOST_LOOKUPS + 1, 4)) == MOST_LOOKUPS + 1
    assert most("chain x\n" + asked(MOST_LOOKUPS + 1, 4)) == MOST_LOOKUPS + 1


def test_what_stands_very_deep_is_counted_for_itself() -> None:
    drips = "".join(f"drip d{one} promotional\n    at once\n        start d{one + 1}\n\n" for one in range(400))
    assert (
        most(f"on event x\n    start d0\n\n{drips}drip d400 promotional\n    at once\n        tag x\n") == MOST_DEEP + 1
    )
    chains = "".join(f"chain c{one}\n    run c{one + 1}\n\n" for one in range(400))
    assert most(f"keyword A\n    run c0\n\n{chains}chain c400\n" + asked(MOST_LOOKUPS + 1, 4)) == MOST_LOOKUPS + 1


HALF = MOST_LOOKUPS // 2
TOGETHER = "All that {} begins or moves on may have to look up {} things at once; 24 are the most."


def both(first: str, second: str, more: int, cause: str) -> None:
    """Two blocks of one cause, each with half of what may be looked up, and one of them with so much more."""
    assert told(f"{first}{asked(HALF, 4)}\n{second}{asked(HALF, 4, 'y')}") == []
    (found,) = told(f"{first}{asked(HALF, 4)}\n{second}{asked(HALF + more, 4, 'y')}")
    assert found == (3 + 2 * HALF, TOGETHER.format(cause, MOST_LOOKUPS + more))


def test_what_one_cause_begins_is_counted_together() -> None:
    both("on event koop\n", "on event koop\n", 2, "event koop")
    both("on click actie\n", "on click actie\n", 1, "a click on actie")
    both("on undelivered\n", "on undelivered\n", 1, "an undelivered text")
    first, second = (f"on event {name}\n{asked(HALF + 2, 4, name)}\n" for name in ("koop", "retour"))
    assert told(first + second) == [], "they are two causes"
    same = f"on event koop\n{asked(MOST_LOOKUPS, 4)}\n"
    assert told(same + same) == [], "what is known is known for both"


def test_those_who_join_a_segment_are_counted_together() -> None:
    segment = "segment rood = tag rood\n\n"
    assert told(f"{segment}on join rood\n{asked(HALF, 4)}\non join rood\n{asked(HALF, 4, 'y')}") == []
    (found,) = told(f"{segment}on join rood\n{asked(HALF, 4)}\non join rood\n{asked(HALF + 1, 4, 'y')}")
    assert found[1] == TOGETHER.format("joining rood", MOST_LOOKUPS + 1)


def test_what_an_event_moves_on_counts_with_what_it_begins() -> None:
    begun = f"on event koop\n{asked(HALF + 2, 4)}\n"
    waits = "    wait for event koop within 1 day\n        then\n"
    waiting = f"on event bezoek\n{waits}{asked(HALF + 1, 12, 'y')}\n"
    assert [message for _, message in told(begun + waiting)] == [TOGETHER.format("event koop", MOST_LOOKUPS + 3)]
    assert told(begun + waiting.replace("event koop", "event retour")) == []
    spends = "drip d promotional\n    after 1 day\n        wait for event koop within 1 day\n            then\n"
    spends += '                send "De Klusser STOP"\n' + asked(MOST_LOOKUPS - HALF - 2, 16, "y")
    assert [message for _, message in told(begun + spends)] == [TOGETHER.format("event koop", MOST_LOOKUPS + 1)]


def test_what_comes_behind_a_wait_is_not_looked_up_at_once_and_one_that_has_not_waited_goes_on() -> None:
    begun = f"on event koop\n{asked(HALF + 2, 4)}\n"
    assert told(f"{begun}on event koop\n    wait 1 minute\n{asked(HALF, 4, 'y')}") == []
    either = f"on event koop\n    if tag a\n        wait 1 minute\n{asked(HALF, 8, 'z')}{asked(HALF - 1, 4, 'y')}"
    assert [message for _, message in told(begun + either)] == [TOGETHER.format("event koop", MOST_LOOKUPS + 1)]


def test_what_is_too_much_by_itself_is_told_once() -> None:
    alone = f"on event koop\n{asked(MOST_LOOKUPS + 1, 4)}\n"
    assert len(told(alone)) == 1
    assert len(told(f"on event koop\n    tag a\n\n{alone}")) == 1
