"""The word lists in both directions on the real way in: every text of `tests/rules/revocation/` as octets of
deliver_sm, in GSM 7-bit and in UCS-2, in one part and in several, with a question open and with none;
KWEK_WORD_LISTS=all plays each in every combination.

What is expected is told by the lists and by who spoke before; the store says what came of it.
"""

import os
import random
from contextlib import closing
from pathlib import Path

import pytest

from router.plan import OPERATOR
from router.store.engine import open_store
from rules.packs import load, reserved
from rules.words import words_of
from smpp.concat import Method
from smpp.text import Encoding
from tests.support.revocation_cases import KEYWORDS, LANGUAGES, Case, cases
from tests.support.station import SHORT_CODE, station
from tests.support.word_lists import (
    ASKING,
    CODE,
    ELSE,
    FREE,
    KEYWORD,
    OWNING,
    STOPPED,
    Came,
    Stage,
    padded,
    plays,
    rules_of,
    some_plays,
)

EVERY = os.environ.get("KWEK_WORD_LISTS") == "all"
SEED = int(os.environ.get("SEED", "1"))

MARKETS = sorted({(case.language, case.market) for language in LANGUAGES for case in cases(language)})


def is_for_all(one: Came) -> bool:
    """Whether an opt-out without a brand's word is for every brand: nobody has spoken, or it is Belgian law."""
    return one.play.standing == "stranger" or one.play.case.market == "BE"


def stopped(one: Came) -> list[str]:
    """Who is silenced by an opt-out of that scope, by who spoke last."""
    case = one.play.case
    if case.scope == "keyword":
        return [OWNING]
    if case.scope == "all" or is_for_all(one):
        return sorted((OPERATOR, OWNING, ASKING))
    return [ASKING]


def confirmations(one: Came) -> set[str]:
    """The texts that may confirm it: a plain STOP by the brand's own, the others by the market's, which say how to undo
    it; for several brands the number's."""
    brands = stopped(one)
    if len(brands) == 1 and one.play.case.level == 1:
        return {f"{brands[0]}: {STOPPED}"}
    name = brands[0] if len(brands) == 1 else CODE
    packs = load()
    return {pack.texts["stopped"].format(brand=name) for pack in packs.spoken(one.play.case.market, "")}


def faults_of_must(one: Came) -> list[str]:
    """What is not as it must be after an opt-out."""
    brands = stopped(one)
    asked = one.play.standing in ("free", "choice")
    still_open = [ASKING] if asked and ASKING not in brands else []
    revoked = sorted(record.brand for record in one.ledger)
    told = [
        (one.state == "opted_out", f"the text is {one.state}"),
        (sorted(one.silenced) == brands, f"silenced: {one.silenced}, not {brands}"),
        (revoked == [brand for brand in brands if brand != OPERATOR], f"the ledger tells of {revoked}"),
        (len(one.said) == 1 and one.said[0][0] == "stop_confirmation", f"answered by {one.said}"),
        (bool(one.said) and one.said[0][1] in confirmations(one), f"confirmed by {one.said}"),
        (one.open == still_open, f"open: {one.open}"),
        (not one.reviews and not one.held_for, f"reviews: {one.reviews}, held for {one.held_for}"),
    ]
    told += [
        (
            (record.action, record.method, record.mo_id, record.number) == ("revoke", "keyword", one.id, CODE),
            f"the ledger says {record}",
        )
        for record in one.ledger
    ]
    return [fault for holds, fault in told if not holds]


def faults_of_must_not(one: Came) -> list[str]:
    """What is not as it must be after a text that opts nobody out."""
    level = one.play.case.level
    state, said, still_open = answer(one)
    doubted = [] if level == 0 else sorted((ASKING, OWNING)) if is_for_all(one) else [ASKING]
    told = [
        (not one.silenced and not one.ledger, f"silenced: {one.silenced}, the ledger tells of {one.ledger}"),
        (one.state == state, f"the text is {one.state}, not {state}"),
        (len(one.said) == 1 and one.said[0] in said, f"answered by {one.said}, not {said}"),
        (one.open == ([ASKING] if still_open else []), f"open: {one.open}"),
        (sorted(one.reviews) == [(brand, one.text) for brand in doubted], f"reviews: {one.reviews}"),
        (sorted(one.held_for) == doubted, f"held for {one.held_for}"),
    ]
    return [fault for holds, fault in told if not holds]


def answer(one: Came) -> tuple[str, set[tuple[str, str]], bool]:
    """The state, answer (class and text; one of these) of a text that opts nobody out, and whether what was asked is
    still open."""
    case, standing = one.play.case, one.play.standing
    words = words_of(case.text)
    asked = standing in ("free", "choice")
    packs = load().spoken(case.market, case.language)
    meant = reserved(words, case.market, case.language)
    if meant is not None and meant.kind == "help":
        name = f"{ASKING}, {OWNING}" if standing == "stranger" else ASKING
        return "helped", {("help", pack.texts["help"].format(brand=name)) for pack in packs}, asked
    if standing == "free":
        return "routed", {("conversational", FREE)}, False
    if words.words and words.words[0].upper() in KEYWORDS:
        return "routed", {("conversational", KEYWORD)}, asked
    if standing == "choice":
        return "routed", {("conversational", ELSE)}, False
    return "unrouted", {("operator", pack.texts["unknown"]) for pack in packs}, False


def faults(one: Came) -> list[str]:
    """All that is wrong with what came of a play."""
    found = (faults_of_must if one.play.case.level in (1, 2, 3) else faults_of_must_not)(one)
    if one.text.strip() != one.play.case.text.strip():
        found.append(f"it was read as {one.text!r}")
    return [f"{one.play}: {fault}" for fault in found]


@pytest.mark.parametrize(("language", "market"), MARKETS)
def test_every_text_of_the_lists_as_a_carrier_delivers_it(language: str, market: str, tmp_path: Path) -> None:
    own = [case for case in cases(language) if case.market == market]
    chance = random.Random(f"{language} {market} {SEED}")
    played = list(plays(own) if EVERY else some_plays(own, chance))
    with closing(open_store(f"sqlite:///{tmp_path / 'kwek.db'}")) as store:
        came = Stage(store, market, language, chance).play(played)
    print(f"\n{language} in {market}: {len(own)} texts, {len(played)} times played")
    assert {one.play.case for one in came} == set(own)
    assert [fault for one in came for fault in faults(one)] == []


def one_of_each_level(chance: random.Random) -> list[Case]:
    """Dutch texts that any encoding carries, one of each level and of none."""
    ordinary = [case for case in cases("nl") if case.market == "NL" and case.scope == "brand" and case.text.isascii()]
    silent = [case for case in ordinary if reserved(words_of(case.text), "NL", "nl") is None or case.level == 1]
    return [chance.choice([case for case in silent if case.level == level]) for level in range(5)]


@pytest.mark.parametrize("encoding", [Encoding.GSM7, Encoding.UCS2], ids=str)
@pytest.mark.parametrize("several", [False, True], ids=["in one part", "in several"])
async def test_texts_of_every_level_over_the_wire_in_an_open_question(
    encoding: Encoding, several: bool, tmp_path: Path
) -> None:
    chance = random.Random(f"{encoding} {several} {SEED}")
    stop = load().languages["nl"].texts["stopped"].format(brand=ASKING)
    said = {0: FREE, 1: f"{ASKING}: {STOPPED}", 2: stop, 3: stop, 4: FREE}
    chosen = one_of_each_level(chance)
    async with station(tmp_path, *rules_of("nl"), brands=(ASKING, OWNING)) as one:
        for case in chosen:
            phone = one.phone(f"3161234567{case.level}")
            assert await one.ask("KWISVRIJ", phone.number) == "Vertel?"
            text = padded(case.text, encoding, chance) if several else case.text
            await phone.text(SHORT_CODE, text, encoding, Method.UDH_8)
            assert (await phone.next()).text == said[case.level], case
            await phone.text(SHORT_CODE, "KWISVRIJ")
        silent = {f"3161234567{case.level}" for case in chosen if case.level in (1, 2, 3)}
        await one.until("SELECT count(*) FROM inbound WHERE text = 'KWISVRIJ'", [(10,)])
        parts = one.rows("SELECT count(*), count(joined_at) FROM parts")
        assert parts == [(10, 10) if several else (0, 0)]
        withheld = one.rows(
            "SELECT address, reason FROM outbox o JOIN contacts c ON c.id = o.contact_id WHERE state = 'withheld'"
        )
        assert sorted(withheld) == [(address, "opted_out") for address in sorted(silent)]
        out = one.rows("SELECT address FROM profiles p JOIN contacts c ON c.id = p.contact_id WHERE opted_out_at > 0")
        assert {address for (address,) in out} == silent
        assert one.rows("SELECT count(*) FROM ledger") == [(3,)]
        assert one.rows("SELECT brand, address, trim(text) FROM reviews r JOIN contacts c ON c.id = r.contact_id") == [
            (ASKING, "31612345674", chosen[4].text.strip())
        ]
