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
