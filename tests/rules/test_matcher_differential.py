"""The matcher beside two readings of LANGUAGE.md section 4 that share no code with it: a plain scan over all rules, and
Earley derivations of a grammar made from the same patterns. Seeded; KWEK_MATCHER_CASES and KWEK_SEED make other runs.
"""

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

import pytest
from lark import Lark, Token, Tree
from lark.exceptions import LarkError
from lark.visitors import CollapseAmbiguities

from rules.facts import Value
from rules.keywords import Entry, Matcher
from rules.patterns import Reading, compile_pattern
from rules.syntax import Affirmation, Anything, Choice, Element, Maybe, Pattern, Slot, Word
from rules.words import words_of

CASES = int(os.environ.get("KWEK_MATCHER_CASES", "100000"))
SEED = int(os.environ.get("KWEK_SEED", "1"))
PARTS = 10
TEXTS_A_SET = 25
TODAY = date(2026, 1, 5)  # a Monday
DUTCH = Reading("nl", "NL")

KINDS = ("word", "choice", "range", "email", "phone", "date", "time", "number", "regex", "word slot", "text", "nothing")
ORDER = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Typed:
    """Something a phone types between two spaces, and all that is to be known about it, written down by hand.

    `values` has, for each word in it, what slots read from that word to its end.
    """

    written: str
    words: tuple[str, ...]
    values: tuple[dict[str, Value], ...]


def _letters(word: str) -> Typed:
    return Typed(word, (word.lower(),), ({"word": word},))


def _digits(number: str) -> Typed:
    return Typed(number, (number,), ({"word": number, "number": int(number), "range": int(number)},))


TYPED = [
    *map(_letters, ("REPAIR", "repair", "Keuken", "bad", "OVEN", "aub", "nu", "k9", "kapot", "kraan7", "piet")),
    *map(_digits, ("0", "5", "9", "12", "21")),
    Typed("RÉPAIR!", ("repair",), ({"word": "RÉPAIR"},)),
    Typed("(keuken),", ("keuken",), ({"word": "keuken"},)),
    Typed("10!", ("10",), ({"word": "10", "number": 10, "range": 10},)),
    Typed("tien", ("tien",), ({"word": "tien", "number": 10, "range": 10},)),
    Typed("ja", ("ja",), ({"word": "ja"},)),
    Typed("nee", ("nee",), ({"word": "nee"},)),
    Typed(
        "12,50",
        ("12", "50"),
        ({"word": "12,50", "number": Decimal("12.50")}, {"word": "50", "number": 50, "range": 50}),
    ),
    Typed("9:30", ("9", "30"), ({"word": "9:30", "time": time(9, 30)}, {"word": "30", "number": 30, "range": 30})),
    Typed(
        "24-12",
        ("24", "12"),
        ({"word": "24-12", "date": date(2026, 12, 24)}, {"word": "12", "number": 12, "range": 12}),
    ),
    Typed("morgen", ("morgen",), ({"word": "morgen", "date": date(2026, 1, 6)},)),
    Typed("14u", ("14u",), ({"word": "14u", "time": time(14, 0)},)),
    Typed(
        "jan@x.nl", ("jan", "x", "nl"), ({"word": "jan@x.nl", "email": "jan@x.nl"}, {"word": "x.nl"}, {"word": "nl"})
    ),
    Typed(
        "0612345678",
        ("0612345678",),
        ({"word": "0612345678", "phone": "+31612345678", "number": 612345678, "range": 612345678},),
    ),
    Typed("REPAIR-KEUKEN", ("repair", "keuken"), ({"word": "REPAIR-KEUKEN"}, {"word": "KEUKEN"})),
]
TYPED += map(_letters, ("uur", "mei", "EUR"))

WHOLE: dict[str, Value] = {"0": 0, "5": 5, "9": 9, "12": 12, "21": 21, "30": 30, "50": 50, "0612345678": 612345678}
NUMBERS: dict[str, Value] = {**WHOLE, "12,50": Decimal("12.50")}
DAYS = {"5": 5, "9": 9, "12": 12, "21": 21, "30": 30}
YEARS = {"12": 2012, "21": 2021, "10!": 2010}
TOGETHER: dict[tuple[str, ...], dict[str, Value]] = {
    **{(spelled, "EUR"): {"number": value, "range": value} for spelled, value in NUMBERS.items()},
    **{("EUR", spelled): {"number": value, "range": value} for spelled, value in {**NUMBERS, "10!": 10}.items()},
    **{(hour, "uur"): {"time": time(int(hour))} for hour in ("0", "5", "9", "12", "21")},
    ("9:30", "uur"): {"time": time(9, 30)},
    **{(spelled, "mei"): {"date": date(2026, 5, day)} for spelled, day in DAYS.items()},
    **{("mei", spelled): {"date": date(2026, 5, day)} for spelled, day in {**DAYS, "10!": 10}.items()},
    **{(day, "mei", year): {"date": date(YEARS[year], 5, DAYS[day])} for day in DAYS for year in YEARS},
    **{("mei", day, year): {"date": date(YEARS[year], 5, DAYS[day])} for day in DAYS for year in YEARS},
}
"""What things typed one after the other are together, beside what each is alone; the first from some word of it on."""


VOCABULARY = ("REPAIR", "KEUKEN", "BAD", "OVEN", "NU", "K9", "12", "JAN")
RANGES = ((0, 10), (5, 20), (9, 9), (21, 60))
REGEXES = ("[a-z]+[0-9]", "k.*n", "[0-9]+", "r.+")


# --- a plain scan --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A text as what was typed: its words, and for each the thing it stands in."""

    text: str
    words: list[str]
    things: list[tuple[int, int]]  # index of the thing, place of the word in it
    typed: list[Typed]
    spans: list[tuple[int, int]]

    def after(self, thing: int) -> int:
        """The first word of the thing after this one."""
        return sum(len(typed.words) for typed in self.typed[: thing + 1])


def said(typed: list[Typed], chance: random.Random) -> Said:
    words, things, spans, text = [], [], [], chance.choice(("", " "))
    for place, one in enumerate(typed):
        at = len(text)
        for inner, found in enumerate(re.finditer("[0-9A-Za-zÉ]+", one.written)):
            words.append(one.words[inner])
            things.append((place, inner))
            spans.append((at + found.start(), at + found.end()))
        text += one.written + chance.choice((" ", "  ", " \n"))
    return Said(text, words, things, typed, spans)


Way = tuple[int, tuple[int, ...], tuple[tuple[str, Value], ...], str]
"""The word after, the class of each word taken, what was captured, and what a choice would keep of it."""


def ways(elements: tuple[Element, ...], said: Said, at: int, chosen: bool) -> Iterator[Way]:
    if not elements:
        yield at, (), (), ""
        return
    for end, classes, captured, kept in ways_of(elements[0], said, at, chosen):
        for last, more, also, and_kept in ways(elements[1:], said, end, chosen):
            yield last, classes + more, captured + also, f"{kept} {and_kept}".strip()


def ways_of(element: Element, said: Said, at: int, chosen: bool) -> Iterator[Way]:
    match element:
        case Word(text=text):
            if at < len(said.words) and said.words[at] == text.lower():
                yield at + 1, (ORDER["choice" if chosen else "word"],), (), text.lower()
        case Affirmation(answer=answer):
            meant = {"yes": "ja", "no": "nee"}[answer]
            if at < len(said.words) and said.words[at] == meant:
                yield at + 1, (ORDER["choice"],), (), answer
        case Choice(alternatives=alternatives, name=name):
            for alternative in alternatives:
                for end, classes, captured, kept in ways(alternative, said, at, True):
                    named: tuple[tuple[str, Value], ...] = () if name is None else ((name, kept),)
                    yield end, classes, captured + named, kept
        case Maybe(elements=elements):
            yield from ways(elements, said, at, chosen)
            yield at, (), (), ""
        case Anything():
            for end in range(at, len(said.words) + 1):
                yield end, (ORDER["nothing"],) * (end - at), (), ""
        case Slot(name=name):
            for end, value, spelled in slot_ways(element, said, at):
                kind = "word slot" if element.kind == "word" else element.kind
                yield end, (ORDER[kind],) * (end - at), ((name, value),), spelled


def slot_ways(slot: Slot, said: Said, at: int) -> Iterator[tuple[int, Value, str]]:
    if at == len(said.words):
        return
    thing, inner = said.things[at]

    def spelled(end: int) -> str:
        return said.text[said.spans[at][0] : said.spans[end - 1][1]]

    if slot.kind == "regex":
        for end in range(at + 1, len(said.words) + 1):
            if re.fullmatch(slot.regex, spelled(end), re.IGNORECASE | re.DOTALL) and "\n" not in spelled(end):
                yield end, spelled(end), spelled(end)
        return
    if slot.kind == "text":
        for end in range(at + 1, len(said.words) + 1):
            before = said.text[said.spans[at - 1][1] if at else 0 : said.spans[at][0]]
            after = said.text[said.spans[end - 1][1] : said.spans[end][0] if end < len(said.words) else None]
            # A bracket after a space opens what follows; one before a space closes what was.
            before = re.sub(r"^\S*\s", "", before) if at else before
            after = re.sub(r"\s\S*$", "", after) if end < len(said.words) else after
            kept = (before + spelled(end) + after).strip(" \n.,!-:")
            yield end, kept, kept
        return
    first = list(re.finditer("[0-9A-Za-zÉ]+", said.typed[thing].written))[inner].start()
    written = [said.typed[thing].written[first:], *(one.written for one in said.typed[thing + 1 : thing + 3])]
    found = [(thing, said.typed[thing].values[inner])]
    found += [(thing + more, TOGETHER.get(tuple(written[: more + 1]), {})) for more in range(1, len(written))]
    for last, values in found:
        value = values.get(slot.kind)
        if value is not None and (slot.kind != "range" or (isinstance(value, int) and slot.low <= value <= slot.high)):
            yield said.after(last), value, spelled(said.after(last))


Rule = tuple[Pattern, bool]  # the pattern, and whether it stands with `on`


def has_dots(elements: tuple[Element, ...]) -> bool:
    return any(
        isinstance(element, Anything)
        or (isinstance(element, Choice) and any(map(has_dots, element.alternatives)))
        or (isinstance(element, Maybe) and has_dots(element.elements))
        for element in elements
    )


def scan(
    rules: list[Rule], loose_ones: list[bool], said: Said
) -> tuple[int, tuple[int, ...], list[tuple[int, dict[str, Value]]]] | None:
    """The winning rule, its classes, and every way in which it wins: of equally good ones the law names none."""
    for loose in (False, True):
        fits = []
        for place, (pattern, on) in enumerate(rules):
            if loose_ones[place] is loose:
                for end, classes, captured, _ in ways(pattern.elements, said, 0, False):
                    rank = classes + (ORDER["nothing"],) * (len(said.words) - end)
                    fits.append(((rank, not on, place), end, dict(captured)))
        if fits:
            best = min(fit[0] for fit in fits)
            return best[2], best[0], [(end, captured) for order, end, captured in fits if order == best]
    return None


# --- random rules and texts ----------------------------------------------------------------------------------------


def random_slot(chance: random.Random, name: str, kinds: tuple[str, ...]) -> Slot:
    kind = chance.choice(kinds)
    low, high = chance.choice(RANGES)
    if kind == "range":
        return Slot(name, "range", low, high)
    if kind == "regex":
        return Slot(name, "regex", regex=chance.choice(REGEXES))
    return Slot(name, kind)  # type: ignore[arg-type]


ALL_KINDS = ("range", "number", "word", "text", "date", "time", "email", "phone", "regex")


def random_elements(
    chance: random.Random, depth: int, count: int, prefix: str, kinds: tuple[str, ...], dots: float
) -> tuple[Element, ...]:
    elements: list[Element] = []
    for place in range(count):
        name, pick = f"{prefix}{place}", chance.random()
        if pick < dots:
            elements.append(Anything())
        elif pick < 0.5:
            elements.append(Word(chance.choice(VOCABULARY)))
        elif pick < 0.62 and depth:
            many = range(chance.randint(2, 3))
            alternatives = tuple(
                random_elements(chance, depth - 1, chance.choice((1, 1, 2)), f"{name}_{one}_", kinds, 0) for one in many
            )
            elements.append(Choice(alternatives, chance.choice((None, name))))
        elif pick < 0.70 and depth:
            elements.append(Maybe(random_elements(chance, depth - 1, 1, f"{name}_", kinds, 0)))
        elif pick < 0.73:
            elements.append(Affirmation(chance.choice(("yes", "no"))))
        else:
            elements.append(random_slot(chance, name, kinds))
    return tuple(elements)


def always_takes_a_word(elements: tuple[Element, ...]) -> bool:
    return any(
        isinstance(element, Word | Slot | Affirmation)
        or (isinstance(element, Choice) and all(map(always_takes_a_word, element.alternatives)))
        for element in elements
    )


def random_rules(chance: random.Random, kinds: tuple[str, ...]) -> list[Rule]:
    rules: list[Rule] = []
    while len(rules) < chance.randint(3, 8):
        dots = 0.3 if chance.random() < 0.15 else 0.0
        elements = random_elements(chance, 2, chance.choice((1, 2, 2, 3)), "v", kinds, dots)
        if rules and chance.random() < 0.5:  # rules alike in their beginnings are where precedence matters
            elements = (rules[-1][0].elements[0], *elements)
        if always_takes_a_word(elements):
            rules.append((Pattern(elements), chance.random() < 0.2))
    return rules


def likely(elements: tuple[Element, ...], chance: random.Random, typed: dict[str, list[Typed]]) -> Iterator[Typed]:
    for element in elements:
        match element:
            case Word(text=text):
                yield from typed.get(text.lower(), ())[:1]
            case Choice(alternatives=alternatives):
                yield from likely(chance.choice(alternatives), chance, typed)
            case Maybe(elements=inner):
                if chance.random() < 0.5:
                    yield from likely(inner, chance, typed)
            case _:
                yield chance.choice(TYPED)


def random_text(rules: list[Rule], chance: random.Random, typed: dict[str, list[Typed]]) -> list[Typed]:
    things = list(likely(chance.choice(rules)[0].elements, chance, typed)) if chance.random() < 0.85 else []
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        things.insert(chance.randint(0, len(things)), chance.choice(TYPED))
    pair = chance.choice(list(TOGETHER)) if chance.random() < 0.1 else ()
    things += [one for written in pair for one in TYPED if one.written == written]
    # Numbers in a row can be one telephone number: what those would be is not written down above.
    numbers = [one for one in things if re.fullmatch("[-0-9,:!]+", one.written)]
    phones = [one for one in numbers if "phone" in one.values[0]]
    dropped = [one for one in numbers if one is not phones[0]] if phones else numbers[3:]
    return [one for one in things if not any(one is another for another in dropped)]


BY_WORD: dict[str, list[Typed]] = {}
for _one in TYPED:
    BY_WORD.setdefault(_one.words[0], []).append(_one)


@pytest.mark.parametrize("part", range(PARTS))
def test_the_matcher_and_a_plain_scan_agree(part: int) -> None:
    chance = random.Random(f"{SEED}/{part}")
    matched = loose = 0
    for _ in range(max(1, CASES // PARTS // TEXTS_A_SET)):
        rules = random_rules(chance, ALL_KINDS)
        matcher = Matcher(
            Entry(compile_pattern(pattern, DUTCH), place, on=on) for place, (pattern, on) in enumerate(rules)
        )
        loose_ones = [has_dots(pattern.elements) for pattern, _ in rules]
        for _ in range(TEXTS_A_SET):
            text = said(random_text(rules, chance, BY_WORD), chance)
            found, expected = matcher.match(words_of(text.text), TODAY), scan(rules, loose_ones, text)
            if expected is None or found is None:
                assert found is None and expected is None, (rules, text.text, found, expected)
                continue
            matched += 1
            loose += loose_ones[expected[0]]
            assert (found.key, tuple(found.rank)) == expected[:2], (rules, text.text, found, expected)
            assert (found.end, found.captured) in expected[2], (rules, text.text, found, expected)
    assert matched > CASES / PARTS / 5
    assert loose > CASES / PARTS / 200


# --- Earley --------------------------------------------------------------------------------------------------------

PLAIN_KINDS = ("range", "number", "word", "text", "regex")
PLAIN_WORDS = (
    "repair",
    "keuken",
    "bad",
    "oven",
    "nu",
    "k9",
    "12",
    "jan",
    "0",
    "5",
    "9",
    "21",
    "tien",
    "ja",
    "nee",
    "kan",
)
TERMINALS = {
    "NUMBER": r"/([0-9]+|tien) /",
    "WORDSLOT": r"/[^ ]+ /",
    "TEXT": r"/[^ ]+ /",
    "NOTHING": r"/[^ ]+ /",
}
CLASS_OF = {"NUMBER": "number", "WORDSLOT": "word slot", "TEXT": "text", "NOTHING": "nothing"}


class Grammar:
    """The patterns of a rule set as one grammar: terminals are a word with its space, named by their class."""

    def __init__(self, rules: list[Rule]) -> None:
        self.terminals = dict(TERMINALS)
        lines = [f"r{place}: {self.sequence(rule.elements, False)} NOTHING*" for place, (rule, _) in enumerate(rules)]
        lines += [f"{name}: {text}" for name, text in self.terminals.items()]
        starts = [f"r{place}" for place in range(len(rules))]
        self.lark = Lark(
            "\n".join(lines), start=starts, parser="earley", ambiguity="explicit", lexer="dynamic_complete"
        )

    def sequence(self, elements: tuple[Element, ...], chosen: bool) -> str:
        return " ".join(self.expression(element, chosen) for element in elements)

    def expression(self, element: Element, chosen: bool) -> str:
        match element:
            case Word(text=text):
                return self.terminal("CHOICE" if chosen else "WORD", text, f'"{text.lower()} "')
            case Affirmation(answer=answer):
                return self.terminal("CHOICE", answer, '"ja "' if answer == "yes" else '"nee "')
            case Choice(alternatives=alternatives):
                return "(" + " | ".join(self.sequence(one, True) for one in alternatives) + ")"
            case Maybe(elements=elements):
                return f"({self.sequence(elements, chosen)})?"
            case Anything():
                return "NOTHING*"
            case Slot(kind="range", low=low, high=high):
                numbers = "|".join(str(number) for number in range(high, low - 1, -1))
                words = "|tien" if low <= 10 <= high else ""
                return self.terminal("RANGE", f"{low}_{high}", f"/({numbers}{words}) /")
            case Slot(kind="regex", regex=regex):
                return self.terminal("REGEX", str(REGEXES.index(regex)), f"/({regex}) /")
            case Slot(kind=kind):  # the kinds of PLAIN_KINDS that are left
                return {"number": "NUMBER", "word": "WORDSLOT", "text": "TEXT+"}[kind]
        raise AssertionError(element)

    def terminal(self, kind: str, name: str, text: str) -> str:
        self.terminals[f"{kind}_{name.upper()}"] = text
        return f"{kind}_{name.upper()}"

    def ranks(self, place: int, words: list[str]) -> set[tuple[int, ...]]:
        """The classes of all derivations of the words by one rule."""
        try:
            forest = self.lark.parse("".join(f"{word} " for word in words), start=f"r{place}")
        except LarkError:
            return set()
        return {tuple(classes_of(tree)) for tree in CollapseAmbiguities().transform(forest)}


def classes_of(tree: Tree[Token]) -> Iterator[int]:
    for token in tree.scan_values(lambda value: isinstance(value, Token)):
        kind = CLASS_OF.get(token.type) or token.type.split("_")[0].lower()
        yield from [ORDER[kind]] * token.count(" ")


def test_the_matcher_and_earley_derivations_agree() -> None:
    chance = random.Random(f"{SEED}/earley")
    matched = 0
    for _ in range(200):
        rules = random_rules(chance, PLAIN_KINDS)
        matcher = Matcher(
            Entry(compile_pattern(pattern, DUTCH), place, on=on) for place, (pattern, on) in enumerate(rules)
        )
        grammar = Grammar(rules)
        for _ in range(10):
            likely_words = [one.words[0] for one in likely(chance.choice(rules)[0].elements, chance, BY_WORD)]
            words = [word for word in likely_words if word in PLAIN_WORDS][:4]
            words.insert(chance.randint(0, len(words)), chance.choice(PLAIN_WORDS))
            ranked = [
                (has_dots(pattern.elements), rank, not on, place)
                for place, (pattern, on) in enumerate(rules)
                for rank in grammar.ranks(place, words)
            ]
            found = matcher.match(words_of(" ".join(words)), TODAY)
            told = f"{rules}\n{words}\n{found}\n{sorted(ranked)}"
            if found is None or not ranked:
                assert found is None and not ranked, told
                continue
            matched += 1
            _, rank, _, place = min(ranked)
            assert (found.key, tuple(found.rank)) == (place, rank), told
    assert matched > 500
