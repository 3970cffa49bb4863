"""Programs of what no text starts: drips, waiting for events, opting in, samples."""

from __future__ import annotations

from datetime import date

from rules import syntax as s
from rules.actions import (
    INHERITED,
    Await,
    Call,
    Draw,
    End,
    Enlist,
    Enrol,
    Expel,
    Jump,
    Pause,
    Program,
    PutTag,
    Question,
    Say,
    Stage,
    Turn,
    Withdraw,
)
from rules.declared import brands_of
from rules.diagnostics import Source
from rules.parse import parse
from rules.patterns import Reading
from rules.programs import Voice, compile_block, compile_drip
from rules.timeline import Moment
from rules.words import words_of

VOICE = Voice(Reading("nl", "NL"))
TODAY = date(2026, 1, 5)


def declared(rules: str) -> s.Declaration:
    file, told = parse(Source("a.rules", rules))
    assert file is not None, told
    (found,) = file.declarations
    return found


def program(block: str) -> Program:
    keyword = declared(f"keyword X1\n{block}")
    assert isinstance(keyword, s.Keyword)
    return compile_block(keyword.block, VOICE)


def drip(steps: str) -> Program:
    made = declared(f"drip d promotional\n{steps}")
    assert isinstance(made, s.Drip)
    return compile_drip(made, VOICE)


DRIP = """    at once
        send "Een"
    step twee: after 3 days at 10:00, skip
        tag x
    every mon, fri at 18:00
        tag y
"""


def test_a_drip_looks_for_its_next_step_before_the_first_and_behind_each() -> None:
    made = drip(DRIP)
    assert [type(step) for step in made.steps] == [
        Turn, Stage, Say, Turn, Stage, PutTag, Turn, Stage, PutTag, Turn,
    ]  # fmt: skip
    say = made.steps[2]
    assert isinstance(say, Say)
    assert say.message_class == INHERITED


def test_the_time_line_of_a_drip() -> None:
    once, labelled, recurring = drip(DRIP).timeline
    assert once == Moment(once.identity, 0)
    assert labelled == Moment("step twee", 1, s.Duration(3, "day"), s.Clock(10, 0), late="skip")
    assert recurring == Moment(recurring.identity, 2, at=s.Clock(18, 0), every=(0, 4))


def test_every_step_of_a_drip_can_be_found_again() -> None:
    made = drip(DRIP)
    stages = {identity for identity, place in made.places.items() if isinstance(made.steps[place], Stage)}
    assert {moment.identity for moment in made.timeline} == stages


def test_a_text_of_a_step_may_be_edited_while_contacts_wait_for_it() -> None:
    before, after = drip(DRIP), drip(DRIP.replace("Een", "Twee"))
    assert before.timeline == after.timeline
    assert before.places != after.places


def test_an_unlabelled_step_that_is_due_at_another_time_is_another() -> None:
    first, *_ = drip("    after 1 day\n        tag x\n").timeline
    second, *_ = drip("    after 2 days\n        tag x\n").timeline
    assert first.identity != second.identity


def test_a_label_keeps_a_step_whose_time_is_changed() -> None:
    first, *_ = drip("    step a: after 1 day\n        tag x\n").timeline
    second, *_ = drip("    step a: after 2 days\n        tag x\n").timeline
    assert first.identity == second.identity


def test_equal_steps_of_a_drip_are_told_apart() -> None:
    first, second = drip("    after 1 day\n        tag x\n    after 1 day\n        tag y\n").timeline
    assert second.identity == f"{first.identity}#2"


def question(made: Program) -> Question:
    (found,) = [step for step in made.steps if isinstance(step, Question)]
    return found


def test_a_question_takes_its_drips_class_and_names_one_elsewhere() -> None:
    ask = '        ask "Komt u?"\n            answer yes\n'
    assert question(drip("    at once\n" + ask)).message_class == INHERITED
    assert question(drip("    at once\n" + ask.replace("ask ", "ask transactional "))).message_class == "transactional"
    assert question(program('    ask "Komt u?"\n        answer yes\n')).message_class == "conversational"
    assert question(program('    ask promotional "Komt u?"\n        answer yes\n')).message_class == "promotional"


def test_a_question_may_be_open_until_before_a_field_of_the_event() -> None:
    asked = question(program('    ask "Komt u?" until 2 hours before event.start\n        answer yes\n'))
    assert (asked.before, asked.within) == ("start", s.Duration(2, "hour"))


def test_the_three_ways_to_wait() -> None:
    made = program("    wait 2 days at 10:00\n    wait until 9:30\n    wait until 1 hour before event.start\n")
    found = [step for step in made.steps if isinstance(step, Pause)]
    assert [(one.duration, one.clock, one.before) for one in found] == [
        (s.Duration(2, "day"), s.Clock(10, 0), None),
        (None, s.Clock(9, 30), None),
        (s.Duration(1, "hour"), None, "start"),
    ]


def test_waiting_for_an_event_goes_on_below_when_it_comes_and_ends_when_it_does_not() -> None:
    block = "    wait for event paid within 2 days\n{}    tag z\n"
    made = program(block.format("        then\n            tag x\n        silence\n            tag y\n"))
    first = made.steps[0]
    assert isinstance(first, Await)
    assert (first.event, first.within, first.then) == ("paid", s.Duration(2, "day"), 1)
    assert made.steps[1:3] == (PutTag("x"), Jump(5))
    assert first.silence == 3
    assert made.steps[3:] == (PutTag("y"), End(), PutTag("z"))
    assert made.places == {first.identity: 0}


def test_waiting_for_an_event_with_one_block_of_the_two() -> None:
    head = "    wait for event paid within 2 days\n"
    first, *rest = program(head + "        then\n            tag x\n    tag z\n").steps
    assert isinstance(first, Await)
    assert (first.then, first.silence) == (1, None)
    assert rest == [PutTag("x"), Jump(3), PutTag("z")]
    first, *rest = program(head + "        silence\n            tag y\n    tag z\n").steps
    assert isinstance(first, Await)
    assert (first.then, first.silence) == (1, 2)
    assert rest == [Jump(4), PutTag("y"), End(), PutTag("z")]


OPT_IN = '    opt in promotional{}\n        confirm "Antwoord JA."\n        answer yes\n'


def enlist(block: str) -> Enlist:
    (found,) = program(block).steps
    assert isinstance(found, Enlist)
    return found


def test_opting_in_with_a_confirmation() -> None:
    made = enlist(OPT_IN.format(" for club"))
    assert (made.message_class, made.programme) == ("promotional", "club")
    assert made.texts is not None
    assert made.texts.of()[0].render({}, {}, "nl").text == "Antwoord JA."
    assert made.matcher is not None
    assert made.matcher.match(words_of("ja"), TODAY) is not None


def test_opting_in_without_a_confirmation() -> None:
    made = enlist("    opt in transactional\n")
    assert (made.message_class, made.programme, made.texts, made.matcher) == ("transactional", "", None, None)
    bare = enlist("    opt in promotional\n")  # a market may demand that it is asked for
    assert bare.texts is None and bare.matcher is not None
    assert bare.matcher.match(words_of("ja"), TODAY) is not None
    assert bare.matcher.forgive(words_of("jaa"), TODAY) is None


def test_a_consent_is_never_guessed_whatever_else_forgives_mistakes() -> None:
    block = '    opt in promotional\n        confirm "Antwoord AKKOORD."\n        answer AKKOORD\n'
    matcher = enlist(block).matcher
    assert matcher is not None
    assert matcher.match(words_of("akkoord"), TODAY) is not None
    assert matcher.forgive(words_of("akoord"), TODAY) is None


def test_what_is_done_without_a_word() -> None:
    made = program("    start welkom\n    finish welkom\n    run bedankt\n    opt out\n")
    start, finish, run, out = made.steps
    assert (start, finish, out) == (Enrol("welkom"), Expel("welkom"), Withdraw())
    assert isinstance(run, Call)
    assert run.chain == "bedankt"


def test_a_text_that_is_sent_names_its_class() -> None:
    (made,) = program('    send transactional "Uw pakket komt."\n').steps
    assert isinstance(made, Say)
    assert made.message_class == "transactional"
    assert made.identity.startswith("send-")


SPLIT = "    split aanbod{}\n        40% a\n            tag x\n        60% b\n            tag y\n"


def draw(head: str) -> Draw:
    first = program(SPLIT.format(head)).steps[0]
    assert isinstance(first, Draw)
    return first


def test_a_split_says_where_its_arms_end_and_begin() -> None:
    made = program(SPLIT.format(""))
    first = made.steps[0]
    assert isinstance(first, Draw)
    assert first.arms == (("a", 40, 1), ("b", 100, 3))
    assert made.steps[1:] == (PutTag("x"), Jump(5), PutTag("y"), Jump(5))
    assert made.places == {first.identity: 0}
    assert (first.measure, first.sample, first.sample_for) == ("", 0, None)


def test_a_split_is_measured_by_clicks_or_by_an_event_on_a_sample() -> None:
    assert draw(" by click").measure == "click"
    sampled = draw(" by event purchase sample 20% for 4 hours")
    assert (sampled.measure, sampled.sample, sampled.sample_for) == ("purchase", 20, s.Duration(4, "hour"))


def test_segments_are_part_of_the_voice() -> None:
    file, _ = parse(Source("a.rules", 'brand "M"\n    numbers 4411\n\nsegment s = tag klant\n'))
    assert file is not None
    (brand,) = brands_of([file])
    condition = s.If((s.Branch(s.InSegment("s"), ()),))
    other = s.If((s.Branch(s.HasTag("klant"), ()),))
    known = Voice(Reading("nl", "NL"), segments=brand.segments)
    assert compile_block((condition,), known).steps == compile_block((other,), known).steps
