"""Programs: jumps where blocks were nested, and identities of steps that survive editing."""

import pickle
from decimal import Decimal

import pytest

from rules import syntax as s
from rules.actions import AddValue, Call, End, Note, Program, PutTag, Question, Reroute, Say, SetValue, TakeTag
from rules.conditions import CannotRunError
from rules.diagnostics import Source
from rules.expressions import Constant
from rules.parse import parse
from rules.patterns import Reading
from rules.programs import OPEN_FOR, REPEATS, Voice, compile_block

VOICE = Voice(Reading("nl", "NL"))


def program(block: str) -> Program:
    file, told = parse(Source("a.rules", f"keyword X1\n{block}"))
    assert file is not None, told
    (keyword,) = file.declarations
    assert isinstance(keyword, s.Keyword)
    return compile_block(keyword.block, VOICE)


ASK = '    ask "{text}" within 2 days\n        answer AAP\n            reply "{reply}"\n'
WAIT = "    wait 1 day at 10:00\n"


def only(made: Program) -> str:
    (identity,) = made.places
    return identity


def test_an_identity_survives_what_is_put_around_its_step() -> None:
    before = only(program(ASK.format(text="Wat?", reply="Dag.")))
    assert (
        only(program('    tag x\n    reply "Hoi"\n' + ASK.format(text="Wat?", reply="Dag.") + "    tag y\n")) == before
    )
    assert only(program(ASK.format(text="Wat?", reply="Doei."))) == before


@pytest.mark.parametrize(
    "changed",
    [
        ASK.format(text="Wie?", reply="Dag."),
        ASK.format(text="Wat?", reply="Dag.").replace("AAP", "BEER"),
        "    if rest\n" + ASK.format(text="Wat?", reply="Dag.").replace("    ", "        "),
    ],
    ids=["its text", "its answers", "where it stands"],
)
def test_another_step_has_another_identity(changed: str) -> None:
    assert only(program(changed)) != only(program(ASK.format(text="Wat?", reply="Dag.")))


def test_equal_steps_are_told_apart_by_their_order() -> None:
    made = program(WAIT + WAIT + "    run a\n" + WAIT + "    run a\n    wait until 10:00\n")
    first, second, run, third, again, until = made.places
    assert (second, third, again) == (f"{first}#2", f"{first}#3", f"{run}#2")
    assert [identity.split("-")[0] for identity in (first, run, until)] == ["wait", "run", "wait"]
    assert isinstance(made.steps[made.places[run]], Call)


def test_the_same_step_in_two_blocks_has_two_identities() -> None:
    block = "    if tag a\n        wait 1 day\n    else if tag b\n        wait 1 day\n    else\n        wait 1 day\n"
    arms = "    split s\n        50% x\n            wait 1 day\n        50% y\n            wait 1 day\n"
    waits = [identity for identity in program(block + arms).places if identity.startswith("wait")]
    assert len({identity.partition("#")[0] for identity in waits}) == len(waits) == 5


def test_a_question_as_its_author_left_it() -> None:
    question = program('    ask "Wat?"\n        answer AAP\n').steps[0]
    assert isinstance(question, Question)
    assert (question.within, question.again, question.times, question.otherwise, question.silence) == (
        OPEN_FOR, None, 0, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(("up_to", "times"), [("", REPEATS), (" up to 1 time", 1), (" up to 5 times", 5)])
def test_how_often_a_question_is_repeated(up_to: str, times: int) -> None:
    question = program(f'    ask "Wat?"\n        answer AAP\n        else again "Wat dan?"{up_to}\n').steps[0]
    assert isinstance(question, Question)
    assert question.times == times


def test_what_is_noted_of_a_contact() -> None:
    made = program("    tag a\n    untag b\n    set contact.x = 1\n    add 2 to contact.y\n    record once z = 3\n")
    one, two, three = Constant(1), Constant(2), Constant(3)
    assert made.steps == (
        PutTag("a"), TakeTag("b"), SetValue("x", one), AddValue("y", two), Note("z", three, once=True),
    )  # fmt: skip


def test_a_route_leads_to_a_text() -> None:
    (made,) = program('    route "REPAIR {rest}"\n').steps
    assert isinstance(made, Reroute)
    assert made.template.text({"rest": "BAD"}, {}, "nl") == "REPAIR BAD"


def test_else_and_silence_end_the_chain_and_answers_go_on_below() -> None:
    endings = "        else\n            tag x\n        silence\n            tag y\n"
    made = program(f'    ask "Wat?"\n        answer AAP\n{endings}    reply "Z"\n')
    question = made.steps[0]
    assert isinstance(question, Question)
    assert question.otherwise is not None
    assert question.silence is not None
    assert isinstance(made.steps[question.otherwise + 1], End)
    assert isinstance(made.steps[question.silence + 1], End)
    assert isinstance(made.steps[-1], Say)


TEXT = s.Text((s.TextIn(None, s.String("x")),))
ANSWER = s.Pattern((s.Affirmation("yes"),))


@pytest.mark.parametrize(
    "action",
    [
        s.Escalate("storing"),
        s.Fetch("shop", s.String("/x"), "bestelling"),
        s.Notify("shop", s.String("x")),
        s.Charge(s.Money("EUR", Decimal(5)), s.String("x"), TEXT, ANSWER),
        s.Forward(account="b"),
    ],
    ids=lambda action: type(action).__name__,
)
def test_an_action_without_an_engine_is_refused(action: s.Action) -> None:
    with pytest.raises(CannotRunError, match=type(action).__name__):
        compile_block((action,), VOICE)


def test_programs_travel_between_processes() -> None:
    made = program(ASK.format(text="Wat {rest}?", reply="Dag.") + WAIT + "    if tag x\n        set contact.a = 1\n")
    again = pickle.loads(pickle.dumps(made))
    assert again.places == made.places
    assert [type(step) for step in again.steps] == [type(step) for step in made.steps]
