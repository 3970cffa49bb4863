"""Whatever a phone sends, in whatever order and at whatever time: deciding ends in a plan within its bounds."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.decide import decide, resume
from router.plan import EndRun, OptOut, SendText, Suspend
from router.saying import MOST_TEXTS
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Rulebook
from tests.support.phones import NOON, Phone, book, brand

BRANDS = Path(__file__).parents[2] / "config" / "brands"


def demo() -> Rulebook:
    compiled = compile_sources(
        [Source(path.name, path.read_text(encoding="utf-8")) for path in sorted(BRANDS.glob("*.rules"))], None
    )
    assert compiled.book is not None
    return compiled.book


DEMO = demo()
SAID = """repair KEUKEN bad nps 9 10! 6 elf join usedcars proefrit morgen burgervote kip optie 2 ja graag stop STOPALLES
aan help naam Jan REPIAR {text} 😀"""
WORDS = st.sampled_from(SAID.split())
TEXTS = st.lists(WORDS | st.text(max_size=20), max_size=4).map(" ".join)
TURNS = st.lists(st.tuples(TEXTS, st.integers(0, 200_000)), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TURNS, st.sampled_from(["4411", "3197010281234"]))
def test_any_conversation_stays_within_its_bounds(turns: list[tuple[str, int]], number: str) -> None:
    phone = Phone(DEMO, number)
    for text, seconds in turns:
        before = {run.id for run in phone.runs}
        assert decide(phone.facts(text), phone.books, phone.now) == decide(phone.facts(text), phone.books, phone.now)
        phone.say(text)
        effects = phone.plan.effects
        assert sum(isinstance(effect, SendText) for effect in effects) <= MOST_TEXTS
        ended = [effect.run_id for effect in effects if isinstance(effect, EndRun)]
        assert len(ended) == len(set(ended))
        assert set(ended) <= before
        silenced = {name for effect in effects if isinstance(effect, OptOut) for name in effect.brands}
        assert not any(run.brand in silenced for run in phone.runs)
        assert all(run.due_at is not None and run.due_at > phone.now for run in phone.runs)
        assert phone.plan.brand is None or phone.plan.brand in DEMO.numbers[number].brands
        phone.wait(seconds)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_a_suspended_run_is_found_again_after_any_edit_around_it(text: str) -> None:
    rules = 'keyword VRAAG\n{above}    ask "Wat?"\n        answer <iets text>\n            reply "Dank."\n{below}'
    phone = Phone(book(brand(rules.format(above="", below=""))))
    phone.say("VRAAG")
    quoted = "".join(character for character in text if character.isalnum() or character == " ")
    edited = brand(rules.format(above=f'    reply "{quoted}x"\n', below=f'    reply "{quoted}y"\n'))
    phone.books = type(phone.books)(book(edited))
    run = phone.runs[0]
    found = resume(phone.facts(), run, phone.books, NOON + 90_000_000_000)
    assert found.effects == (EndRun(1, "silent"),)  # type: ignore[union-attr]
    assert phone.say("antwoord")[0] == "Dank."
    assert not any(isinstance(effect, Suspend) for effect in phone.plan.effects)
