"""How messages name what could stand at a place: the parser's terminals in an author's words."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from rules.spelling import spoken

DECLARATIONS = (
    "brand", "contact", "desk", "service", "voucher", "segment", "keyword", "fallback", "chain", "on", "drip", "test",
)  # fmt: skip
ACTIONS = (
    "reply", "send", "ask", "wait", "tag", "untag", "set", "add", "record", "start", "finish", "run", "route", "split",
    "if", "opt", "escalate", "fetch", "notify", "email", "charge", "forward",
)  # fmt: skip
SETTINGS = ("numbers", "language", "timezone", "quiet", "cap", "help", "stop", "typos", "limit", "budget")
TEST_LINES = (
    "given", "later", "receipt", "agent", "ticket", "withheld", "check", "nothing", "event", "click", "charge",
    "notify", "email",
)  # fmt: skip
ONE_LINERS = frozenset({"desk", "service", "voucher", "segment"})

_IN_ASK = "in the block of an `ask`"
_IN_DRIP = "in the block of a `drip`"
BELONGS = {
    **dict.fromkeys(TEST_LINES, "in the block of a `test`"),
    **dict.fromkeys(ACTIONS, "in a block of actions, such as that of a keyword"),
    **dict.fromkeys(SETTINGS, "in the block of `brand`"),
    "answer": f"{_IN_ASK}, `opt in` or `charge`",
    "choice": _IN_ASK,
    "silence": f"{_IN_ASK} or `wait for event`",
    "then": "in the block of a `wait for event`",
    "confirm": "in the block of an `opt in` or a `charge`",
    "failed": "in the block of a `fetch` or a `charge`",
    "else": "right after the block of an `if`, indented like it, or in the block of an `ask`",
    "goal": _IN_DRIP,
    "exit": "in the first lines of a `drip` or an `on`",
    "again": f"{_IN_DRIP} (`again after 30 days`)",
    "at": f"{_IN_DRIP} (`at once`)",
    "after": f"{_IN_DRIP} (`after 3 days at 10:00`)",
    "every": f"{_IN_DRIP} (`every mon at 10:00`)",
    "step": f"{_IN_DRIP} (`step name: after 3 days`)",
}
"""Where a line that begins with the word stands."""

PATTERN_SIGNS = frozenset("()[]<>|")
INNER_SIGN = re.compile(r'[^\W_](?:[^\w\s|()\[\]<>"]|_)+[^\W_]')
"""Punctuation between letters."""
PATTERN_LINES = frozenset({"keyword", "answer", "choice"})
WRONG_SIGNS = {"==": "=", "=>": ">=", "=<": "<=", "<>": "!=", "&&": "and", "||": "or", "!": "not"}
WRONG_SIGN = re.compile(r"==|=>|=<|<>|&&|\|\||!(?!=)")
EXPRESSION_LINES = frozenset({"if", "else", "segment", "set", "record", "check"})

SYNONYMS = {
    "elif": "else if",
    "elseif": "else if",
    "optin": "opt in",
    "opt-in": "opt in",
    "optout": "opt out",
    "opt-out": "opt out",
    "say": "reply",
    "message": "reply",
    "sleep": "wait",
    "goto": "route",
    "call": "run",
}
"""What other languages and habits call an action."""

NAMES = {
    "IDENT": "a name in small letters",
    "STRING": "a text in quotes",
    "WORD": "a word in capitals",
    "NUMBER": "a number",
    "CLOCK": "a time such as 10:00",
    "DATE": "a date such as 2026-05-01",
    "UNIT": "minutes, hours, days, weeks, months or years",
    "PERCENT": "a share such as 50%",
    "MSISDN": "a number such as 4411 or +3197010281234",
    "CLASS": "promotional or transactional",
    "CURRENCY": "a currency such as EUR",
    "ZONE": "a time zone such as Europe/Amsterdam",
    "ATTR": "contact.name or event.name",
    "REASON": "a reason such as quiet_hours, or *",
    "REGEX": "a /regex/",
    "SAYS": "> and a text",
    "GETS": "< and a text",
    "NL": "the end of the line",
}
_GROUPS: tuple[tuple[str, str, str], ...] = (
    (
        "tag happened clicked",
        "tag happened clicked consent in new time day not now ( IDENT STRING NUMBER DATE ATTR",
        'a condition such as score >= 9, tag klant or contact.naam = "Jan"',
    ),
    (
        "IDENT STRING NUMBER ATTR",
        "IDENT STRING NUMBER ATTR DATE now",
        "a value: a name, contact.name, a text in quotes, a number or a date",
    ),
    (
        "WORD yes ...",
        "WORD NUMBER STRING yes no ( [ < ...",
        'a word in capitals, a "quoted" one, yes, no, (A | B), [OPTIONAL], a <slot> or ...',
    ),
    ("!= >=", "= != < <= > >=", "a comparison (= != < <= > >=)"),
    ("reply route", " ".join(ACTIONS), "an action"),
    ("brand keyword", " ".join(DECLARATIONS), "a declaration"),
    ("language timezone", " ".join(SETTINGS), "a setting"),
    ("given nothing", " ".join((*TEST_LINES, "SAYS", "GETS")), "a line of a test"),
)
"""What shows the group, what all belongs to it, and its name."""


def expectation(accepted: AbstractSet[str]) -> str:
    """All that could stand at a place, as a sentence says it."""
    left = set(accepted) - {"_INDENT", "_DEDENT", "$END"}
    parts: list[str] = []
    for shown, members, name in _GROUPS:
        if left.issuperset(shown.split()):
            parts.append(name)
            left.difference_update(members.split())
    parts.extend(NAMES[name] for name in NAMES if name in left and name != "NL")
    parts.extend(f"`{word}`" for word in sorted(left - NAMES.keys()))
    if "NL" in left:
        parts.append(NAMES["NL"])
    return spoken(parts) if parts else "nothing more"
