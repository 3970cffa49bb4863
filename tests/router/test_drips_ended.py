"""Where drips meet: what ends one while a question closes, what one begins, and who may come again."""

from router.decide import Books
from router.happen import happen
from router.messages import Contact, Facts, Occurrence, Profile, Thread
from router.plan import Plan
from tests.support.conversations import play
from tests.support.phones import NOON, book

TWO = """drip a promotional
    at once
        send "A0. P, STOP = uit"
    after 2 days
        send "A2. P, STOP = uit"
        start b
    after 5 days
        send "A5. P, STOP = uit"

drip b promotional
    at once
        send "B0. P, STOP = uit"
    after 2 days
        send "B2. P, STOP = uit"

on event begin
    start a
"""


def test_a_drip_begun_from_another_counts_from_its_own_beginning() -> None:
    assert (
        play(f"""{TWO}
test "b"
    given consent promotional
    event begin
    < A0. P, STOP = uit
    later 2 days
    < A2. P, STOP = uit
    < B0. P, STOP = uit
    later 1 day
    nothing
    later 1 day
    < B2. P, STOP = uit
    later 1 day
    < A5. P, STOP = uit
""")
        == []
    )


def test_what_ends_a_held_drip_ends_it_though_its_question_closes_with_it() -> None:
    assert (
        play("""drip tips promotional
    exit on  tag klant
    after 1 hour
        send "Tip. P, STOP = uit"

keyword VRAAG
    ask "Klant?" within 1 day
        answer yes
            tag klant
            reply "Dank u."

keyword JOIN
    opt in promotional
        confirm "Antwoord JA."
        answer yes
    start tips

test "held"
    > JOIN
    < Antwoord JA.
    > ja
    > VRAAG
    < Klant?
    later 2 hours
    nothing
    > ja
    < Dank u.
    later 3 days
    nothing
""")
        == []
    )


def test_two_chains_of_one_event_run_to_their_ends() -> None:
    assert (
        play("""drip d promotional
    at once
        wait for event koop within 1 day
            then
                tag gekocht
            silence
                tag stil

on event begin
    start d

on event koop
    tag koper
    send transactional "Dank u voor uw koop."

test "both"
    given consent promotional
    given consent transactional
    event begin
    event koop
    < Dank u voor uw koop.
    check tag gekocht and tag koper
""")
        == []
    )


def test_who_missed_a_drips_question_may_enter_again_when_the_drip_says_so() -> None:
    assert (
        play("""drip d promotional
    again after 1 day
    at once
        ask "Cijfer? P, STOP = uit" within 2 days
            answer <n 0..10>
                tag klaar

keyword BEGIN
    start d

fallback
    reply "Pardon?"

test "again"
    given consent promotional
    > BEGIN
    < Cijfer? P, STOP = uit
    later 3 days
    > BEGIN
    < Cijfer? P, STOP = uit
""")
        == []
    )


def test_an_event_that_moves_a_run_on_does_not_begin_its_rule_anew() -> None:
    assert (
        play("""on event stap
    wait for event stap within 1 day
        then
            send transactional "Tweede stap."

test "once"
    given consent transactional
    event stap
    nothing
    event stap
    < Tweede stap.
""")
        == []
    )


def test_a_consent_for_the_drips_programme_counts_though_the_event_names_a_transaction() -> None:
    assert (
        play("""drip welkom promotional
    at once
        send "Hallo. P, STOP = uit"

keyword JOIN
    opt in promotional for welkom
        confirm "Antwoord JA."
        answer yes
    reply "Dank u."

on event koop
    start welkom

test "programme"
    > JOIN
    < Antwoord JA.
    > ja
    < Dank u.
    event koop with ref = "881"
    < Hallo. P, STOP = uit
""")
        == []
    )


def test_an_event_gives_no_consent_back_that_the_contact_took() -> None:
    rules = book("on event x\n    tag y\n")
    profile = Profile("Merk", consents={"transactional/881": -NOON})
    occurrence = Occurrence(
        id=9, brand="Merk", address="31612345678", name="x", source="api", at=NOON, received_at=NOON, ref="881",
        values={"consent": "transactional"},
    )  # fmt: skip
    facts = Facts(Contact(1, "31612345678"), "4411", Thread(), {"Merk": profile}, occurrence=occurrence)
    plan = happen(facts, Books(rules), NOON)
    assert isinstance(plan, Plan)
    assert [type(effect).__name__ for effect in plan.effects] == ["AddTag"]


def test_a_drip_that_hands_its_contact_on_is_through_and_may_be_entered_again() -> None:
    rules = """drip d promotional
    again after 1 day
    at once
        send "A0. P, STOP = uit"
    after 1 hour
        route "VERDER {event.wat}"
    after 2 hours
        send "A2. P, STOP = uit"

on event begin
    start d

keyword VERDER <wat word>
    {onward}
    send promotional "Verder met {wat}. P, STOP = uit"

test "again"
    given consent promotional
    event begin with wat = "taart"
    < A0. P, STOP = uit
    later 1 hour
    < Verder met taart. P, STOP = uit
    later 1 day
    nothing
    event begin with wat = "koek"
    < A0. P, STOP = uit
"""
    for onward in ("tag x", "finish d"):
        assert play(rules.replace("{onward}", onward)) == []


def test_a_drip_that_hands_its_contact_on_at_once_leaves_what_began_it_going() -> None:
    assert (
        play("""drip d promotional
    again after 1 hour
    at once
        route "HALLO"

keyword HALLO
    reply "Hallo."

keyword BEGIN
    start d
    reply "Begonnen."

test "t"
    given consent promotional
    > BEGIN
    < Hallo.
    < Begonnen.
    later 1 hour
    > BEGIN
    < Hallo.
    < Begonnen.
""")
        == []
    )


def test_a_drip_that_is_cut_for_its_many_steps_is_over_and_may_be_entered_again() -> None:
    chains = "".join(
        f"chain trap_{place}\n    run trap_{place + 1}\n    run trap_{place + 1}\n\n" for place in range(10)
    )
    assert (
        play(f"""drip d promotional
    again after 1 hour
    at once
        send "A0. P, STOP = uit"
        run trap_0
    after 1 day
        send "A1. P, STOP = uit"

on event begin
    start d

{chains}chain trap_10
    tag x

test "again"
    given consent promotional
    event begin
    < A0. P, STOP = uit
    later 2 days
    nothing
    event begin
    < A0. P, STOP = uit
""")
        == []
    )
