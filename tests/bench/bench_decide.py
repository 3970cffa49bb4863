"""What deciding costs: microseconds of processor time for texts as they come in, over rule sets of several sizes.

`python -m tests.bench.bench_decide` prints a line per text. Processor time of this thread, best of several runs, so
that a busy machine shows in the spread and not in the figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from router.decide import Books, decide
from router.messages import Contact, Facts, Inbound
from router.plan import Plan
from rules.compiler import compile_sources
from rules.diagnostics import Source

NOW_AT = 1_767_610_800_000_000  # 2026-01-05 12:00 in Amsterdam
RUNS, ROUNDS = 5_000, 7

BRAND = """brand "Merk {number}"
    numbers  4411
    language  nl
    timezone  Europe/Amsterdam

keyword JOIN{suffix}
    tag lid
    reply "Welkom! STOP = afmelden."

keyword CODE{suffix} <code number>
    tag lid
    reply "Welkom, {{code}}! STOP = afmelden."

keyword NPS{suffix} <score 0..10>
    record nps = score
    if score >= 9
        reply "Dank u wel!"
    else
        reply "Dank u."
"""

TEXTS = ("JOIN 000123", "CODE 000123", "NPS 9", "ik snap er niets van", "STOP")


def books(brands: int) -> Books:
    """A rule set of so many brands on one number, three keywords each; the first has the plain words."""
    sources = [
        Source(f"{number}.rules", BRAND.format(number=number, suffix="" if number == 0 else f"X{number:05}"))
        for number in range(brands)
    ]
    compiled = compile_sources(sources, None)
    assert compiled.book is not None, compiled.diagnostics
    return Books(compiled.book)


def facts(text: str) -> Facts:
    """One contact who texts it for the first time."""
    message = Inbound(id=1, connector="c", session=1, sequence=1, sender="31612345678", recipient="4411", text=text,
                      received_at=NOW_AT)  # fmt: skip
    return Facts(Contact(1, "31612345678"), "4411", message=message)


def microseconds(work: Callable[[], object]) -> float:
    """Processor time of one call, in microseconds: the best of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time_ns()
        for _ in range(RUNS):
            work()
        rounds.append((time.thread_time_ns() - began) / RUNS / 1000)
    return min(rounds)


def measured(brands: int) -> Iterator[tuple[str, float]]:
    """Each text and what deciding it costs."""
    rules = books(brands)
    for text in TEXTS:
        known = facts(text)
        assert isinstance(decide(known, rules, NOW_AT), Plan)
        yield text, microseconds(lambda known=known: decide(known, rules, NOW_AT))  # type: ignore[misc]


def main() -> None:
    """Print the table."""
    for brands in (1, 300):
        for text, cost in measured(brands):
            print(f"{brands * 3:>6} keywords  {text:<24} {cost:6.1f} µs")


if __name__ == "__main__":
    main()
