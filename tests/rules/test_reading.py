"""Which programs may look at `{rest}`."""

import pytest

from rules.compiler import compile_sources
from rules.diagnostics import Source

BRAND = """brand "Merk"
    numbers  4411
    language  nl
    timezone  Europe/Amsterdam

contact
    wens  text
    rest  text

chain later
    wait 1 day
    reply "Tot ziens."

"""


def reads_rest(keyword: str) -> bool:
    """Whether the rule of that keyword is compiled as one that may look at it."""
    compiled = compile_sources([Source("merk.rules", BRAND + keyword)], None)
    assert compiled.book is not None, compiled.diagnostics
    rules = compiled.book.brands["Merk"].rules
    return next(rule.reads_rest for rule in rules.values())


@pytest.mark.parametrize(
    "body",
    [
        'reply "U schreef {rest}"',
        'reply "U schreef {rest|niets}"',
        "set contact.wens = rest",
        'if rest = "ja"\n        reply "Mooi."',
        "wait 1 day\n    reply \"Daar zijn we.\"",
        'ask "Aap of noot?"\n        answer AAP\n            reply "Mooi."',
        "run later",
    ],
)  # fmt: skip
def test_a_rule_that_names_it_or_goes_on_later_or_elsewhere(body: str) -> None:
    assert reads_rest(f"keyword JOIN\n    {body}\n")


@pytest.mark.parametrize(
    "body",
    [
        'reply "Welkom!"',
        'tag lid\n    reply "Dag {text}, {contact.rest|klant}"',
        'if tag lid and not new contact\n        reply "Hallo."\n    else\n        reply "Welkom."',
    ],
)
def test_a_rule_that_does_not(body: str) -> None:
    assert not reads_rest(f"keyword JOIN\n    {body}\n")
