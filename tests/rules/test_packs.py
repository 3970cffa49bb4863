"""The packs' data and what they make of a text: reserved words in both directions, markets, languages."""

from zoneinfo import available_timezones

import pytest

from rules.packs import TEXT_NAMES, Language, Reserved, load, market_of, reserved, without_politeness
from rules.words import words_of

MARKETS = {"NL", "BE", "DE", "FR", "GB", "US", "CA"}
LANGUAGES = {"nl", "en", "de", "fr"}
STOP, START, HELP = ("stop", "brand"), ("start", "brand"), ("help", "brand")
ALL = ("stop", "all")


def found(text: str, market: str | None, language: str | None) -> tuple[str, str] | None:
    word = reserved(words_of(text), market, language)
    return None if word is None else (word.kind, word.scope)


@pytest.mark.parametrize(
    ("market", "language", "kind", "texts"),
    [
        ("US", "en", STOP, "STOP UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT"),
        ("US", "en", START, "START UNSTOP YES"),
        ("US", "en", HELP, "HELP INFO"),
        ("CA", "en", STOP, "STOP ARRET ARRÊT ARRETE ARRÊTER"),
        ("CA", "fr", HELP, "HELP AIDE INFO"),
        ("NL", "nl", STOP, "STOP UIT OFF stop! «Stop» S̈top ＳＴＯＰ"),
        ("NL", "nl", START, "START AAN"),
        ("NL", "nl", HELP, "HELP INFO"),
        ("NL", "de", STOP, "UIT ABMELDEN"),
        ("BE", "nl", STOP, "STOP UIT ARRET ENDE"),
        ("DE", "de", STOP, "STOP STOPP ABMELDEN ENDE"),
        ("DE", "de", START, "START ANMELDEN"),
        ("DE", "de", HELP, "HILFE INFO"),
        ("FR", "fr", STOP, "STOP ARRET"),
        ("GB", "en", STOP, "STOP"),
        ("ES", "es", STOP, "STOP UNSUBSCRIBE"),
        (None, None, STOP, "STOP"),
        (None, None, HELP, "HELP"),
    ],
)
def test_words_that_are_reserved(market: str | None, language: str | None, kind: tuple[str, str], texts: str) -> None:
    for text in texts.split():
        assert found(text, market, language) == kind, text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Stop. Thank you", STOP),
        ("please stop", STOP),
        ("stop a.u.b. 👍", STOP),
        ("Stop, dank u wel!", STOP),
        ("opt out", STOP),
        ("STOP ALLES", ALL),
        ("alles stop", ALL),
        ("Stop all!", ALL),
        ("STOPALL", ALL),
        ("stop alles graag", ALL),
        ("stop texting me", None),
        ("we have got to STOP this bill", None),
        ("bus stop", None),
        ("STPO", None),
        ("stop keuken", None),
        ("graag", None),
        ("👍", None),
        ("", None),
    ],
)
def test_whole_texts_are_reserved_and_longer_ones_are_not(text: str, kind: tuple[str, str] | None) -> None:
    assert found(text, "NL", "en") == kind


def test_yes_starts_only_where_the_market_says_so() -> None:
    assert found("YES", "US", "en") == START
    assert found("YES", "GB", "en") is None
    assert found("JA", "NL", "nl") is None


def test_canada_answers_stop_in_english_and_arret_in_french_whatever_the_brand_speaks() -> None:
    for language in ("en", "fr"):
        assert reserved(words_of("STOP"), "CA", language) == Reserved("stop", "brand", "en")
        assert reserved(words_of("ARRÊT"), "CA", language) == Reserved("stop", "brand", "fr")


def test_elsewhere_a_word_of_the_brands_language_is_answered_in_it() -> None:
    assert reserved(words_of("STOP"), "BE", "fr") == Reserved("stop", "brand", "fr")
    assert reserved(words_of("UIT"), "BE", "fr") == Reserved("stop", "brand", "nl")


def test_politeness_is_set_aside_but_not_a_text_of_nothing_else() -> None:
    def left(text: str) -> list[str]:
        return without_politeness(words_of(text), "NL", "nl").words

    assert left("Ja graag hoor, dank je wel!") == ["ja"]
    assert left("ja maar niet nu") == ["ja", "maar", "niet", "nu"]
    assert left("graag, dank u") == ["graag", "dank", "u"]
    assert left("s'il vous plaît") == ["s", "il", "vous", "plait"]


def test_packs_that_come_with_the_product() -> None:
    packs = load()
    assert {market.code for market in packs.markets.values()} == MARKETS
    assert packs.market("re") is packs.market("FR") and packs.market("PR") is packs.market("US")
    assert (packs.market("xx").code, packs.market(None).code) == ("XX", "")
    assert set(packs.languages) == LANGUAGES
    for market in packs.markets.values():
        assert set(market.languages) <= LANGUAGES
    assert packs.language("nl-BE").code == "nl"
    assert packs.language("xx").code == packs.language(None).code == "en"
    assert packs.market("xx").languages == packs.market(None).languages == ("en",)
    assert [pack.code for pack in packs.spoken("BE", "fr")] == ["fr", "nl", "de"]
    assert packs.month_first("US", "en")
    assert not packs.month_first("US", "fr")
    assert not packs.month_first("GB", "en")
    assert {"ja", "oui"} <= packs.affirmation("yes", "BE", "nl")
    assert {"nee", "nein"} <= packs.affirmation("no", "BE", "nl")


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_a_language_is_whole(code: str) -> None:
    pack: Language = load().languages[code]
    assert sorted(set(pack.weekdays.values())) == list(range(7))
    assert sorted(set(pack.months.values())) == list(range(1, 13))
    assert sorted(set(pack.numbers.values())) == list(range(21))
    assert sorted(set(pack.days.values())) == [0, 1, 2]
    assert not pack.yes & pack.no
    assert not (pack.stop | pack.stop_all) & (pack.start | pack.help | pack.yes | pack.no | pack.polite)
    assert {"stop"} <= pack.stop
    for kind in TEXT_NAMES:
        said = pack.texts[kind].replace("{brand}", "A brand with a long name")
        assert "{" not in said
        assert len(said) <= 160, said
        assert all(character in sms_alphabet() for character in said), said
    assert any(" ".join(words_of(word).words) in pack.yes for word in pack.texts["confirm"].split())
    assert all("{brand}" in pack.texts[kind] for kind in TEXT_NAMES if kind != "unknown")


def sms_alphabet() -> str:
    """GSM 03.38 without its extension table: one septet a character."""
    return (
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
        "¿abcdefghijklmnopqrstuvwxyzäöñüà"
    )


def test_the_market_of_a_zone() -> None:
    assert market_of("Europe/Amsterdam") == "NL"
    assert market_of("America/Chicago") == market_of("US/Central") == "US"
    assert market_of("America/Toronto") == market_of("Canada/Eastern") == "CA"
    assert market_of("UTC") is None
    assert market_of("Nowhere/At_All") is None
    assert sum(market_of(zone) is not None for zone in available_timezones()) > 400
