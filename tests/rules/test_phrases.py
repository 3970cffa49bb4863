"""The notation of phrases: what it takes, by which words it is noticed, and faults in it."""

import re

import pytest

from rules.packs import load
from rules.phrases import PhraseError, compile_phrase
from rules.words import words_of

SETS = {"message": "sms | text messages", "list": "list | {message} list"}


def takes(source: str, text: str) -> bool:
    phrase = compile_phrase(source, SETS)
    end = "" if phrase.is_open else "$"
    return re.match(phrase.expression + end, "".join(f"{word} " for word in words_of(text).words)) is not None


@pytest.mark.parametrize(
    ("source", "taken", "not_taken"),
    [
        ("stop it", ["Stop it!"], ["stop", "stop it now", "nonstop it"]),
        ("don't text", ["don’t text", "Don't text"], ["dont text"]),
        ("stop (texting | sending) me", ["stop texting me", "stop sending me"], ["stop me"]),
        ("stop [the] bus", ["stop bus", "stop the bus"], ["stop a bus"]),
        (
            "no [more [of your]] {message}",
            ["no sms", "no more sms", "no more of your text messages"],
            ["no of your sms"],
        ),
        ("off your {list}", ["off your list", "off your sms list", "off your text messages list"], ["off your texts"]),
        ("stop #", ["stop 4411"], ["stop four"]),
        ("stop ...", ["stop", "stop it", "stop this at once and for good, you"], ["do stop"]),
        ("i want ... sms", ["i want sms", "i want one two three four sms"], ["i want one two three four five sms"]),
    ],
)
def test_what_a_phrase_takes(source: str, taken: list[str], not_taken: list[str]) -> None:
    for text in taken:
        assert takes(source, text), text
    for text in not_taken:
        assert not takes(source, text), text


@pytest.mark.parametrize(
    ("source", "anchors"),
    [
        ("stop it", {"stop"}),
        ("stop [texting] it", {"stop"}),
        ("no (sms | texts) to me", {"sms", "texts"}),
        ("stop (sms | texts)", {"stop"}),
        ("stop *(sms | texts)", {"sms", "texts"}),
        ("stop {message}", {"stop"}),
        ("an {message}", {"sms", "messages"}),
        ("an ([odd] | even) one", {"one"}),
        ("thousands of *it", {"thousands"}),
    ],
)
def test_the_words_by_which_it_is_noticed(source: str, anchors: set[str]) -> None:
    assert compile_phrase(source, SETS, frozenset({"it", "me"})).anchors == anchors


@pytest.mark.parametrize(
    "source", ["", "[stop]", "stop (it", "stop [it", "stop it)", "# ...", "{nobody} stop", "a | b"]
)
def test_what_is_no_phrase(source: str) -> None:
    with pytest.raises(PhraseError):
        compile_phrase(source, SETS)


@pytest.mark.parametrize("code", ["nl", "en", "de", "fr"])
def test_no_phrase_of_a_language_waits_for_a_word_that_is_dropped_before(code: str) -> None:
    lists = load().languages[code].revocation
    dropped = {word for word in lists.fillers | load().languages[code].polite if " " not in word}
    for source in (*lists.phrases, *lists.phrases_all, *lists.doubts, *lists.turns):
        anchors = compile_phrase(source, lists.sets, lists.common).anchors
        assert anchors - dropped, source
