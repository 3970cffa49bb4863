"""What each event of consent does; and by properties, that no order of them gives what was not there."""

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as some

from router.standing import (
    NOTHING,
    Action,
    Method,
    Standing,
    after,
    counted_at,
    is_refused,
    key_of,
    revoked,
    standing_at,
)


@dataclass(frozen=True)
class Said:
    """An event, as far as the standing goes."""

    action: Action
    at: int
    message_class: str = ""
    programme: str = ""
    purpose_ref: str = ""
    method: Method = "keyword"
    pending: bool = False


def at_last(*events: Said) -> Standing:
    return standing_at(events, 1_000)


def live(standing: Standing) -> set[str]:
    return {key for key, since in standing.consents.items() if since > 0}


def test_a_consent_holds_from_its_instant_on() -> None:
    joined = Said("grant", 5, "promotional", "TIPS")
    assert standing_at([joined], 4) == NOTHING
    assert standing_at([joined], 5) == Standing(None, {"promotional/TIPS": 5})


def test_one_that_waits_for_its_confirmation_does_not_hold_yet() -> None:
    asked = Said("grant", 5, "promotional", pending=True)
    assert live(at_last(asked)) == set()
    assert at_last(asked, Said("confirm", 6, "promotional")) == Standing(None, {"promotional": 6})


def test_given_again_it_keeps_its_first_instant() -> None:
    assert at_last(Said("grant", 5, "promotional"), Said("grant", 9, "promotional")).consents == {"promotional": 5}


def test_stop_ends_all_of_the_brand_and_start_gives_back_just_that() -> None:
    before = (Said("grant", 1, "promotional"), Said("grant", 2, "transactional", purpose_ref="A7"))
    stopped = at_last(*before, Said("revoke", 5))
    assert stopped == Standing(5, {"promotional": -5, "transactional/A7": -5})
    assert at_last(*before, Said("revoke", 5), Said("restore", 8)) == Standing(
        None, {"promotional": 8, "transactional/A7": 8}
    )


def test_what_was_revoked_by_itself_before_a_stop_stays_so_after_start() -> None:
    events = [Said("grant", 1, "promotional", "A"), Said("grant", 1, "promotional", "B"),
              Said("revoke", 3, "promotional", "A"), Said("revoke", 5), Said("restore", 8)]  # fmt: skip
    assert at_last(*events) == Standing(None, {"promotional/A": -3, "promotional/B": 8})


def test_also_where_that_was_all_there_was() -> None:
    events = [Said("grant", 1, "promotional", "A"), Said("revoke", 3, "promotional", "A"), Said("revoke", 5)]
    assert live(at_last(*events, Said("restore", 8))) == set()


def test_a_stop_said_twice_takes_no_less() -> None:
    events = [Said("grant", 1, "promotional"), Said("revoke", 3), Said("revoke", 5), Said("restore", 8)]
    assert live(at_last(*events)) == {"promotional"}


def test_stop_for_one_programme_leaves_the_others() -> None:
    events = [Said("grant", 1, "promotional", "A"), Said("grant", 1, "promotional", "B"), Said("revoke", 3, "", "A")]
    assert at_last(*events).consents == {"promotional/A": -3, "promotional/B": 1}
    assert live(at_last(*events, Said("restore", 4))) == {"promotional/A", "promotional/B"}
    assert live(at_last(*events, Said("restore", 4, "promotional", "A"))) == {"promotional/A", "promotional/B"}
    assert at_last(*events, Said("restore", 4, "promotional", "C")) == at_last(*events)


def test_a_programme_can_be_left_out_of_a_consent_to_all() -> None:
    left_out = at_last(Said("grant", 1, "promotional"), Said("revoke", 3, "promotional", "A"))
    assert left_out.consents == {"promotional": 1, "promotional/A": -3}
    assert is_refused(left_out, "promotional", "A")
    assert not is_refused(left_out, "promotional", "B")


def test_a_class_that_is_revoked_takes_its_programmes_along() -> None:
    events = [Said("grant", 1, "promotional", "A"), Said("grant", 1, "transactional"), Said("revoke", 3, "promotional")]
    assert live(at_last(*events)) == {"transactional"}


def test_what_was_never_agreed_to_is_not_there_to_be_revoked() -> None:
    assert revoked(NOTHING, "promotional", "A", 3) == NOTHING


def test_an_import_undoes_no_opt_out() -> None:
    imported = Said("import", 6, "promotional", "A", method="import")
    assert live(at_last(imported)) == {"promotional/A"}
    for stop in (Said("revoke", 3), Said("revoke", 3, "promotional"), Said("revoke", 3, "promotional", "A")):
        assert live(at_last(Said("grant", 1, "promotional", "A"), Said("grant", 1, "promotional"), stop, imported)) <= {
            "promotional"
        }


def test_the_person_joining_again_ends_an_opt_out_and_brings_back_nothing_else() -> None:
    stopped = (Said("grant", 1, "promotional", "A"), Said("revoke", 3))
    joined = at_last(*stopped, Said("grant", 5, "promotional", "B"))
    assert joined == Standing(None, {"promotional/A": -3, "promotional/B": 5})
    assert at_last(*stopped, Said("grant", 5, "promotional", "B", method="api")).opted_out_at == 3


def test_after_an_erasure_nothing_is_left_but_the_silence() -> None:
    assert at_last(Said("grant", 1, "promotional"), Said("erase", 5)) == Standing(5)
    assert at_last(Said("grant", 1, "promotional"), Said("revoke", 3), Said("erase", 5)) == Standing(3)


# ---- whatever the order

CLASSES = some.sampled_from([("", ""), ("promotional", ""), ("promotional", "A"), ("promotional", "B"), ("", "A"),
                             ("transactional", "")])  # fmt: skip
METHODS: some.SearchStrategy[Method] = some.sampled_from(["keyword", "web", "agent", "api", "paper"])


@some.composite
def histories(draw: some.DrawFn) -> list[Said]:
    """Events in the order of their instants, some of them at one instant."""
    events: list[Said] = []
    at = 1
    for _ in range(draw(some.integers(0, 14))):
        at += draw(some.integers(0, 2))
        action: Action = draw(some.sampled_from(["grant", "confirm", "revoke", "restore", "import", "erase"]))
        message_class, programme = draw(CLASSES)
        if action in ("grant", "confirm", "import"):
            message_class = message_class or "promotional"
        events.append(Said(action, at, message_class, programme, "", draw(METHODS), draw(some.booleans())))
    return events


def in_scope(event: Said, key: str) -> bool:
    """Told anew: whether an event speaks of that consent."""
    if not event.message_class and not event.programme:
        return True
    wanted_class = event.message_class or "promotional"
    if event.programme:
        return key == f"{wanted_class}/{event.programme}"
    return key.split("/", maxsplit=1)[0] == wanted_class


@given(histories())
def test_stop_ends_all_in_its_scope(history: list[Said]) -> None:
    standing = NOTHING
    for event in history:
        standing = after(standing, event)
        if event.action == "revoke":
            assert not {key for key in live(standing) if in_scope(event, key)}
        if event.action == "erase":
            assert live(standing) == set()
            assert standing.opted_out_at is not None


@given(histories())
def test_start_gives_back_only_what_was_there_when_it_was_last_taken(history: list[Said]) -> None:
    standing = NOTHING
    had = dict[str, bool]()  # of each consent: whether it held, by itself or with its class, when it was last revoked
    for event in history:
        before, standing = standing, after(standing, event)
        if event.action == "revoke":
            whole = event.message_class == event.programme == ""
            for key in {*before.consents, *standing.consents}:
                held = key in live(before) or (not whole and key.split("/")[0] in live(before))
                if in_scope(event, key) and (held or key not in had):
                    had[key] = held
        elif event.action == "erase":
            had = dict.fromkeys(had, False)
        if event.action == "restore":
            new = live(standing) - live(before)
            assert all(had.get(key, False) and in_scope(event, key) for key in new)
        elif event.action in ("grant", "confirm", "import"):
            given_now = {key_of(event.message_class, event.programme)}
            assert live(standing) - live(before) <= given_now
            assert not (event.pending and event.action != "import") or standing == before


@given(histories())
def test_neither_an_import_nor_an_api_ends_an_opt_out(history: list[Said]) -> None:
    standing = NOTHING
    for event in history:
        before, standing = standing, after(standing, event)
        own = event.action in ("grant", "confirm") and event.method in ("keyword", "web", "voice")
        if before.opted_out_at is not None and not own and event.action != "restore":
            assert standing.opted_out_at is not None
            assert live(standing) <= live(before)


@given(histories(), some.integers(0, 30))
def test_the_standing_at_an_instant_is_that_of_what_had_happened_by_then(history: list[Said], at: int) -> None:
    standing = NOTHING
    for event in history:
        if event.at <= at:
            standing = after(standing, event)
    assert standing_at(history, at) == standing


@given(histories(), some.lists(some.integers(0, 9), min_size=30, max_size=30))
def test_a_clock_that_is_set_back_changes_no_order(history: list[Said], back: list[int]) -> None:
    told = [replace(one, at=max(1, one.at - by)) for one, by in zip(history, back, strict=False)]
    own = [one for one in told if one.action != "import"]
    standing = NOTHING
    for event in own:
        standing = after(standing, event)
    assert standing_at(own, max((one.at for one in own), default=0)) == standing
    assert counted_at(own) == sorted(counted_at(own))
    brought = [one for one in told if one.action == "import"]
    assert counted_at(brought) == [one.at for one in brought]
