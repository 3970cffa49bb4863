"""Texts that a path fits: what a diagnostic shows, and what tells whether a rule can ever win.

A sample is only a guess; whoever uses one proves it by matching it. Slots are filled with values of their kind that no
rule is likely to name, ranges with their numbers, regular expressions with texts made from the expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, product
from re import _constants, _parser  # the only reader of the syntax that Python has
from typing import Any, assert_never

import phonenumbers

from rules.patterns import AnyWords, ChoiceWord, Path, Symbol
from rules.slots import Reader, RegexFault, compile_regex
from rules.syntax import SlotKind

MAX_SAMPLES = 64
"""Texts tried for one path."""

MAX_RANGE_SAMPLES = 32
"""Numbers tried of one range: rules that name each number of a longer range do not occur."""

MAX_REGEX_SAMPLES = 12
"""Texts made from one expression."""

_SAMPLES: dict[SlotKind, tuple[str, ...]] = {
    "number": ("7919,31", "7919"),
    "date": ("2031-07-19",),
    "time": ("3:47",),
    "email": ("qzxwv@example.com",),
    "word": ("xyz", "qzxwv", "7q9", "жщ-7", "q@z"),
    "text": ("xyz", "7q9 qzxwv", "жщ-7 + q@z", "qzxwv qzxwy"),
}
_INTERNATIONAL = phonenumbers.PhoneNumberFormat.E164
_FILLERS = ("", "qzxwv")
_CATEGORIES = {"CATEGORY_DIGIT": "7", "CATEGORY_WORD": "q", "CATEGORY_SPACE": " ", "CATEGORY_NOT_SPACE": "q"}
_OTHERS = "q7 -.Q"


def texts_of(path: Path) -> Iterator[str]:
    """Texts that this path may fit, the plainest first; none when an expression cannot be made up."""
    ways = [samples_of(symbol) for symbol in path.symbols]
    return (" ".join(filter(None, parts)) for parts in islice(product(*ways), MAX_SAMPLES))


def samples_of(symbol: Symbol) -> Sequence[str]:
    """What may stand for one symbol of a path."""
    match symbol:
        case str():
            return (symbol,)
        case ChoiceWord(word=word):
            return (word,)
        case AnyWords():
            return _FILLERS
        case Reader(kind="range", low=low, high=high):
            step = max(1, (high - low) // MAX_RANGE_SAMPLES)
            return [str(number) for number in range(low, high + 1, step)]
        case Reader(kind="phone", market=market):
            numbers = filter(None, map(phonenumbers.example_number, (market or "NL", "NL")))
            return tuple(phonenumbers.format_number(number, _INTERNATIONAL) for number in islice(numbers, 1))
        case Reader(kind="regex", regex=regex):
            return regex_samples(regex)
        case Reader():
            return _SAMPLES[symbol.kind]
        case _:
            assert_never(symbol)


def regex_samples(regex: str) -> list[str]:
    """Texts that the whole expression matches; empty when none can be made up from it."""
    try:
        parsed = _parser.parse(regex, re.IGNORECASE)
        compiled = compile_regex(regex)
    except (re.error, RegexFault):
        return []
    made = dict.fromkeys(islice(_sequences(list(parsed)), MAX_REGEX_SAMPLES * 4))
    return [text for text in made if text.strip() and compiled.fullmatch(text)][:MAX_REGEX_SAMPLES]


def _sequences(parsed: list[tuple[Any, Any]]) -> Iterator[str]:
    ways = [list(islice(_texts(operation, argument), MAX_REGEX_SAMPLES)) for operation, argument in parsed]
    return ("".join(parts) for parts in product(*ways))


def _texts(operation: Any, argument: Any) -> Iterator[str]:
    if operation is _constants.LITERAL:
        yield chr(argument)
    elif operation is _constants.IN:
        yield from _members(argument)
    elif operation is _constants.ANY:
        yield from _OTHERS
    elif operation is _constants.NOT_LITERAL:
        yield from (other for other in _OTHERS if ord(other) != argument)
    elif operation is _constants.BRANCH:
        for branch in argument[1]:
            yield from _sequences(list(branch))
    elif operation is _constants.SUBPATTERN:
        yield from _sequences(list(argument[3]))
    elif operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
        least, most, repeated = argument
        for count in dict.fromkeys((max(least, min(1, most)), least, min(most, least + 2))):
            yield from (text * count for text in islice(_sequences(list(repeated)), MAX_REGEX_SAMPLES))
    else:
        yield ""  # anchors take no room; what else there is, the proof by matching finds out


def _members(members: list[tuple[Any, Any]]) -> Iterator[str]:
    for operation, argument in members:
        if operation is _constants.NEGATE:
            yield from _OTHERS
        elif operation is _constants.LITERAL:
            yield chr(argument)
        elif operation is _constants.RANGE:
            yield chr(argument[0])
            yield chr(argument[1])
        else:
            yield _CATEGORIES.get(str(argument), "-")
