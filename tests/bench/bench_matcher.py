"""What a text costs when one shared number has a thousand keywords, twenty thousand, a million (as 2,000 brands).

    python -m tests.bench.bench_matcher [--long]

prints load time, memory and the time of one match for each size, and the ratio to a thousand keywords; `--long` adds
the million. `make test` runs `keywords_of` with twenty thousand and compares work, not time (tests/rules).
"""

import argparse
import gc
import random
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from rules.conflicts import Claim, Ground, clashes
from rules.keywords import Entry, Matcher
from rules.patterns import CompiledPattern, Reading, compile_pattern
from rules.syntax import Choice, Pattern, Slot, Span, Word
from rules.words import words_of

KEYWORDS_A_BRAND = 500
SIZES = (1_000, 20_000)
LONG = 1_000_000
TEXTS = 20_000
ROUNDS = 7
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
    """Of one text, in processor time: what others do on the machine counts less."""
    began = time.process_time()
    if forgive:
        for text in texts:
            matcher.forgive(words_of(text), TODAY, first_exact=True)
    else:
        for text in texts:
            matcher.match(words_of(text), TODAY)
    return (time.process_time() - began) / len(texts) * 1e6


def _checked(count: int) -> tuple[float, float]:
    """Seconds and megabytes that the check for clashes takes."""
    before = _resident_bytes()
    claims = tuple(claims_of(count))
    compiled = time.process_time()
    found = clashes(Ground(claims, "NL", "4411", shared=True))
    assert not found, found[:3]
    return time.process_time() - compiled, (_resident_bytes() - before) / 1e6


def main() -> None:
    """Prints a line per size; the sizes take turns, and the quietest of several rounds counts."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--long", action="store_true", help="with a million keywords too")
    sizes = (*SIZES, LONG) if arguments.parse_args().long else SIZES
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
    heads = (
        ("keywords", 10),
        ("load s", 7),
        ("MB", 6),
        ("match us", 9),
        ("ratio", 6),
        ("forgive us", 11),
        ("check s", 8),
    )
    print(" ".join(f"{head:>{width}}" for head, width in heads), "    MB")
    for size in sizes:
        load, held = loads[size]
        check, peak = _checked(size)
        print(
            f"{size:>10,} {load:>7.2f} {held:>6.1f} {match[size]:>9.2f} {match[size] / match[sizes[0]]:>6.2f} "
            f"{forgive[size]:>11.2f} {check:>8.2f} {peak:>6.0f}"
        )


if __name__ == "__main__":
    main()
