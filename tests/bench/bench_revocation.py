"""What graded revocation costs for one text: `python -m tests.bench.bench_revocation` prints microseconds.

A text without any word to listen for (nearly every one) costs a look-up for each of its words; the lists of
`tests/rules/revocation/` say what the others cost, by level.
"""

import time
from statistics import median

from rules.revocation import ears_of, revocation
from rules.words import Words, words_of
from tests.support.revocation_cases import LANGUAGES, cases

MARKETS = {"nl": "NL", "en": "US", "de": "DE", "fr": "FR"}
QUIET = ("JOIN 000123", "Repair keuken", "ja graag", "Wanneer komt de monteur dan langs op maandag", "10", "burger 3")
ROUNDS = 9


def nothing(words: Words) -> None:
    """No keyword and no question."""


def cost_us(texts: list[Words], language: str, times: int) -> float:
    """Microseconds for one text, the median of some rounds."""
    market, spent = MARKETS[language], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            for words in texts:
                revocation(words, market, (language,), nothing)
        spent.append((time.perf_counter() - began) / times / len(texts) * 1e6)
    return median(spent)


def main() -> None:
    """Print the table."""
    print(f"quiet  {cost_us([words_of(text) for text in QUIET], 'nl', 2_000):.2f}")
    for language in LANGUAGES:
        alarm = ears_of(MARKETS[language], (language,)).alarm
        for level in range(5):
            words = [
                words_of(case.text)
                for case in cases(language)
                if (case.market, case.level) == (MARKETS[language], level)
            ]
            rung = [one for one in words if not alarm.isdisjoint(one.words)]
            print(f"{language} level {level}  {cost_us(rung, language, 3):.1f}  ({len(rung)} of {len(words)})")


if __name__ == "__main__":
    main()
