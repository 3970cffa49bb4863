"""What a text costs when one shared number has a thousand keywords, twenty thousand, a million (as 2,000 brands).

    python -m tests.bench.bench_matcher [--long]

prints a Markdown table: load time, memory and the time of one match for each size, and the ratio to a thousand
keywords. Ends with exit code 1 when a match at any size costs more than `MOST` times that. `--long` adds the million,
and the whole way from 2,000 files to a rulebook. `make test` runs `keywords_of` with twenty thousand and compares
work, not time (tests/rules).
"""

import argparse
import gc
import random
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from statistics import median

from rules.compiler import compile_sources
from rules.conflicts import Claim, Ground, clashes
from rules.diagnostics import Source
from rules.keywords import Entry, Matcher
from rules.patterns import CompiledPattern, Reading, compile_pattern
from rules.syntax import Choice, Pattern, Slot, Span, Word
from rules.words import words_of

KEYWORDS_A_BRAND = 500
SIZES = (1_000, 20_000)
LONG = 1_000_000
TEXTS = 20_000
CHUNK = 500
"""Texts timed together: enough that the clock's own cost does not count, few enough for a median."""
ROUNDS = 7
MOST = 1.5
"""A match may cost so many times what it costs among a thousand keywords, however many there are."""
FILES, KEYWORDS_A_FILE = 2_000, 10
NUMBER = "4411"
TODAY = date(2026, 1, 5)
READING = Reading("nl", "NL")

_UNIT = Choice(((Word("KEUKEN"),), (Word("BAD"),), (Word("OVEN"),)), "unit")
_SCORE = Slot("score", "range", 0, 10)


def word_of(number: int) -> str:
    """A word of six letters that no other number has."""
    letters: list[str] = []
    for _ in range(6):
        number, letter = divmod(number * 7 + 3 if not letters else number, 26)
        letters.append(chr(ord("A") + letter))
    return "".join(letters)


def pattern_of(number: int) -> Pattern:
    """Three kinds of keywords: a word, a word with a choice, a word with a slot."""
    word = Word(word_of(number))
    return Pattern(((word,), (word,), (word,), (word, _UNIT), (word, _SCORE))[number % 5])


def keywords_of(count: int) -> Iterator[Entry]:
    """The keywords of a shared number, one after another: none is kept."""
    for number in range(count):
        yield Entry(compile_pattern(pattern_of(number), READING), number)


def texts_of(count: int, texts: int, seed: int = 1) -> list[str]:
    """What phones send: keywords all over the number, written as phones write, and one in ten that means nothing."""
    chance = random.Random(seed)
    made = []
    for _ in range(texts):
        number = chance.randrange(count)
        tail = {3: chance.choice((" keuken!!", " Bad", "-oven")), 4: f" {chance.randint(0, 10)}"}.get(number % 5, "")
        made.append("zzz nothing here" if chance.random() < 0.1 else word_of(number).capitalize() + tail)
    return made


def claims_of(count: int) -> Iterator[Claim]:
    """The same keywords as claims of brands, for the check before anything runs."""
    for number in range(count):
        brand = f"brand {number // KEYWORDS_A_BRAND}"
        compiled: CompiledPattern = compile_pattern(pattern_of(number), READING)
        yield Claim(brand, "nl", compiled, Span(f"{brand}.rules", number % KEYWORDS_A_BRAND + 1, 9, 1, 20))


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def _microseconds(matcher: Matcher, texts: list[str], *, forgive: bool) -> float:
    """Of one text, in processor time (what others do on the machine counts less): the median of chunks."""
    costs = []
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        began = time.process_time()
        if forgive:
            for text in chunk:
                matcher.forgive(words_of(text), TODAY, first_exact=True)
        else:
            for text in chunk:
                matcher.match(words_of(text), TODAY)
        costs.append((time.process_time() - began) / len(chunk) * 1e6)
    return median(costs)


def _checked(count: int) -> tuple[float, float]:
    """Seconds and megabytes that the check for clashes takes."""
    before = _resident_bytes()
    claims = tuple(claims_of(count))
    compiled = time.process_time()
    found = clashes(Ground(claims, "NL", "4411", shared=True))
    assert not found, found[:3]
    return time.process_time() - compiled, (_resident_bytes() - before) / 1e6


def sources_of(brands: int, keywords: int) -> Iterator[Source]:
    """The rules files of brands that share one number, each with so many keywords of its own."""
    for brand in range(brands):
        head = f'brand "Brand {brand}"\n    numbers   {NUMBER}\n    language  nl\n    timezone  Europe/Amsterdam\n'
        words = (word_of(brand * keywords + number) for number in range(keywords))
        yield Source(
            f"brand-{brand}.rules",
            head + "".join(f'\nkeyword {word}\n    tag x\n    reply "Brand {brand}: dank u wel."\n' for word in words),
        )


def compiled(brands: int, keywords: int) -> tuple[float, float]:
    """Seconds of processor time and megabytes from files to a rulebook: parse, check, clashes, texts, building."""
    sources = list(sources_of(brands, keywords))
    gc.collect()
    before, began = _resident_bytes(), time.process_time()
    book = compile_sources(sources, None).book
    took, held = time.process_time() - began, (_resident_bytes() - before) / 1e6
    assert book is not None
    last = book.numbers[NUMBER].matcher.match(words_of(word_of(brands * keywords - 1)), TODAY)
    assert last is not None
    return took, held


def too_dear(match: Mapping[int, float]) -> list[str]:
    """The sizes at which a match costs more than `MOST` times what it costs at the smallest, in words."""
    least = match[min(match)]
    return [
        f"a match among {size:,} keywords costs {cost:.2f} us, {cost / least:.2f} times that among {min(match):,}; "
        f"{MOST} times is the most"
        for size, cost in match.items()
        if cost > MOST * least
    ]


def main() -> int:
    """Prints a line per size; the sizes take turns, and the quietest of several rounds counts. Gives the exit code."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--long", action="store_true", help="with a million keywords, and 2,000 files, too")
    long = arguments.parse_args().long
    sizes = (*SIZES, LONG) if long else SIZES
    matchers, loads = {}, {}
    for size in sizes:
        before, began = _resident_bytes(), time.process_time()
        matchers[size] = Matcher(keywords_of(size))
        loads[size] = (time.process_time() - began, (_resident_bytes() - before) / 1e6)
    texts = {size: texts_of(size, TEXTS) for size in sizes}
    match, forgive = dict.fromkeys(sizes, float("inf")), dict.fromkeys(sizes, float("inf"))
    for _ in range(ROUNDS):
        for size in sizes:
            match[size] = min(match[size], _microseconds(matchers[size], texts[size], forgive=False))
            forgive[size] = min(forgive[size], _microseconds(matchers[size], texts[size][:2_000], forgive=True))
    matchers.clear()
    gc.collect()
    print(
        "| keywords | load, s | memory, MB | a match, µs | times 1,000's | mistyped, µs | check, s | its memory, MB |"
    )
    print("| ---: " * 8 + "|")
    for size in sizes:
        load, held = loads[size]
        check, peak = _checked(size)
        print(
            f"| {size:,} | {load:.2f} | {held:.1f} | {match[size]:.2f} | {match[size] / match[sizes[0]]:.2f} "
            f"| {forgive[size]:.2f} | {check:.2f} | {peak:.0f} |"
        )
    if long:
        gc.collect()
        took, held = compiled(FILES, KEYWORDS_A_FILE)
        print(
            f"\n{FILES:,} brands with {KEYWORDS_A_FILE} keywords each, files to rulebook: {took:.1f} s, {held:.0f} MB"
        )
    dear = too_dear(match)
    print("\n".join(dear), file=sys.stderr, end="\n" if dear else "")
    return 1 if dear else 0


if __name__ == "__main__":
    sys.exit(main())
