"""What the keywords' benchmark holds to be too dear, and that its files are a set that compiles; never time."""

from rules.compiler import compile_sources
from rules.rulebook import Rule
from rules.words import words_of
from tests.bench.bench_matcher import NUMBER, TODAY, sources_of, too_dear, word_of


def test_only_a_size_beyond_the_bound_is_too_dear() -> None:
    assert too_dear({1_000: 8.0, 20_000: 12.0, 1_000_000: 4.0}) == []
    assert too_dear({1_000: 8.0, 20_000: 12.0, 1_000_000: 13.0}) == [
        "a match among 1,000,000 keywords costs 13.00 us, 1.62 times that among 1,000; 1.5 times is the most"
    ]


def test_the_brands_share_one_number_without_a_clash() -> None:
    compiled = compile_sources(list(sources_of(brands=4, keywords=3)), None)

    assert [one for one in compiled.diagnostics if one.severity != "note"] == []
    assert compiled.book is not None
    matcher = compiled.book.numbers[NUMBER].matcher
    matches = [matcher.match(words_of(word_of(number)), TODAY) for number in range(13)]
    keys = [match.key for match in matches if match is not None]
    assert [key.brand for key in keys if isinstance(key, Rule)] == [f"Brand {number // 3}" for number in range(12)]
    assert matches[12] is None
