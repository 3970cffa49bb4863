"""Sources to a rulebook: everything that is wrong at once, and a book only of a set without errors."""

import pickle
from datetime import date

from rules.compiler import Compiled, compile_sources
from rules.diagnostics import Source
from rules.expressions import Tagged
from rules.hours import ALWAYS, quiet_hours
from rules.periods import Cap
from rules.rulebook import Budget, Grants, NumberGrant, Rule
from rules.syntax import Clock
from rules.texts import Texts
from rules.words import words_of
from tests.support.phones import book, brand

TWO = "keyword AA1\n    tag x\n"


def codes(compiled: Compiled) -> list[str]:
    return [one.code for one in compiled.diagnostics if one.severity == "error"]


def text_of(texts: Texts, *languages: str) -> str:
    return texts.of(*languages)[0].render({}, {}, "nl").text


def test_all_files_are_told_of_at_once_and_nothing_is_built() -> None:
    broken = Source("kapot.rules", 'brand "Kapot"\n    numbers 4411\n\nkeyword AA1\n    tga x\n')
    wrong = brand("keyword BB1\n    set contact.naam = 1\n", "Mis")
    clash = brand("keyword CC1\n    tag x\n", "Een"), brand("keyword CC1\n    tag x\n", "Twee")
    compiled = compile_sources([broken, wrong, *clash], None)
    assert compiled.book is None
    assert {one.span.file for one in compiled.diagnostics if one.severity == "error"} >= {"kapot.rules", "Mis.rules"}
    assert any("Een" in one.message and "Twee" in one.message for one in compiled.diagnostics)
    assert len(codes(compiled)) >= 3


def test_a_brand_may_stand_in_several_files() -> None:
    first = brand(
        TWO, settings='    help  "Bel ons."\n    limit  3 segments\n    typos  off\n\ncontact\n    naam  text\n'
    )
    more = 'keyword BB1\n    reply "{contact.naam|u}"\n    run ook\n\nchain ook\n    tag y\n'
    second = Source("meer.rules", f'brand "Merk"\n\n{more}')
    made = book(first, second)
    merk = made.brands["Merk"]
    assert sorted(merk.rules) == ["Merk/keyword AA1", "Merk/keyword BB1"]
    assert (merk.language, merk.limit, merk.typos, merk.attributes, merk.numbers) == (
        "nl", 3, False, {"naam": "text"}, ("4411",),
    )  # fmt: skip
    assert list(merk.chains) == ["ook"]
    assert text_of(merk.help) == "Bel ons."
    assert text_of(merk.stop).startswith("Merk: u bent afgemeld")
    assert (merk.rules["Merk/keyword BB1"].file, merk.rules["Merk/keyword BB1"].line) == ("meer.rules", 3)


def test_without_grants_every_number_named_is_granted_in_the_market_of_the_time_zone() -> None:
    made = book(brand(TWO, "Een", "4411, +3197010281234"), brand(TWO.replace("AA1", "BB1"), "Twee", "4411"))
    code, long_number = made.numbers["4411"], made.numbers["3197010281234"]
    assert (code.kind, code.market, code.brands, code.shared, code.via) == (
        "short-code",
        "NL",
        ("Een", "Twee"),
        True,
        "",
    )
    assert (long_number.kind, long_number.brands, long_number.shared) == ("long-number", ("Een",), False)


def test_a_brand_has_the_numbers_it_is_granted_and_names() -> None:
    grants = Grants(
        (
            NumberGrant("4411", "short-code", "NL", ("Een", "Twee", "Weg"), "carrier-a"),
            NumberGrant("5566", "short-code", "BE", ("Een",), "carrier-b"),
        ),
        "Onbekend woord.",
    )
    made = book(brand(TWO, "Een", "4411"), brand(TWO.replace("AA1", "BB1"), "Twee", "4411"), grants=grants)
    assert (made.numbers["4411"].brands, made.numbers["4411"].via) == (("Een", "Twee"), "carrier-a")
    assert (made.numbers["5566"].brands, made.numbers["5566"].languages) == ((), ("nl",))
    assert text_of(made.numbers["4411"].neutral) == "Onbekend woord."


def test_rules_count_on_the_numbers_they_are_written_for() -> None:
    rules = """keyword AA1
    tag overal

keyword AA1 on 5566
    tag hier

keyword BB1 on 4411
    tag x

fallback
    tag x

fallback on 5566
    tag y
"""
    made = book(brand(rules, numbers="4411, 5566"))

    def taken(number: str, text: str) -> str:
        match = made.numbers[number].matcher.match(words_of(text), date(2026, 1, 5))
        return match.key.head if match is not None and isinstance(match.key, Rule) else ""

    assert [taken(*asked) for asked in (("4411", "aa1"), ("5566", "aa1"), ("4411", "bb1"), ("5566", "bb1"))] == [
        "keyword AA1", "keyword AA1 on 5566", "keyword BB1 on 4411", "",
    ]  # fmt: skip
    assert {number: made.numbers[number].fallbacks["Merk"].head for number in ("4411", "5566")} == {
        "4411": "fallback", "5566": "fallback on 5566",
    }  # fmt: skip


def test_a_deployment_is_the_hash_of_all_files_in_any_order() -> None:
    one, two = brand(TWO, "Een"), brand(TWO.replace("AA1", "BB1"), "Twee")
    same = book(one, two).deployment
    assert book(two, one).deployment == same
    assert book(one, brand(TWO.replace("AA1", "BB1") + "# anders\n", "Twee")).deployment != same
    assert len(same) == 32


def test_a_book_travels_between_processes() -> None:
    made = book(brand(TWO + '\nkeyword BB1\n    ask "Wat?"\n        answer <x 0..10>\n'))
    again = pickle.loads(pickle.dumps(made))
    assert (again.deployment, list(again.brands)) == (made.deployment, ["Merk"])


def test_a_file_too_large_to_read_is_told_of() -> None:
    compiled = compile_sources([Source("groot.rules", "#" * 20_000_000)], None)
    assert compiled.book is None
    assert [one.span.file for one in compiled.diagnostics] == ["groot.rules"]


def test_an_empty_set_is_an_empty_book() -> None:
    compiled = compile_sources([], None)
    assert compiled.book is not None
    assert (compiled.book.brands, compiled.book.numbers, compiled.diagnostics) == ({}, {}, [])


def test_what_holds_for_promotional_texts() -> None:
    promised = "    quiet   21:00..08:00\n    cap     1 per day, 4 per week\n    budget  EUR 12.50 per month\n"
    merk = book(brand(TWO, settings=promised)).brands["Merk"]
    assert merk.hours == quiet_hours(Clock(21, 0), Clock(8, 0))
    assert merk.caps == (Cap(1, "day"), Cap(4, "week"))
    assert merk.budget == Budget(12_500_000, "EUR", "month")
    bare = book(brand(TWO)).brands["Merk"]
    assert (bare.hours, bare.caps, bare.budget) == (ALWAYS, (), None)


def test_segments_and_vouchers_by_name() -> None:
    merk = book(brand('segment klant = tag klant\n\nvoucher zomer "ZOMER-####-####"\n\n' + TWO)).brands["Merk"]
    assert merk.segments == {"klant": Tagged("klant")}
    assert merk.offers["zomer"].pattern == "ZOMER-####-####"


def test_a_number_knows_the_reserved_words_of_all_its_languages() -> None:
    number = book(brand(TWO, settings="")).numbers["4411"]
    found = [number.reserved_in(words_of(text)) for text in ("Stop!", "help", "aa1")]
    assert [None if one is None else one.kind for one in found] == ["stop", "help", None]


def test_brands_whose_names_fill_a_text_are_counted() -> None:
    names = ["Koninklijke Nederlandse Brouwerij", "Eerste Amsterdamse Stoomwasserij", "Verenigde Fietsenmakers"]
    made = book(*(brand(f"keyword {word}1\n    tag x\n", name) for word, name in zip("ABC", names, strict=True)))
    assert f"{names[0]}, {names[1]}, +1" in text_of(made.numbers["4411"].help, "nl")


def test_what_confirms_an_opt_in_is_no_reserved_word_and_can_be_read() -> None:
    asked = 'keyword AA1\n    opt in promotional\n        confirm "Wilt u tips?"\n        answer {}\n'
    answers: dict[str, set[str]] = {"yes": set(), "STOP": {"R606"}, "AAN": {"R606"}, "<x /(/>": {"R443", "R614"}}
    for answer, expected in answers.items():
        assert set(codes(compile_sources([brand(asked.format(answer))], None))) == expected
