"""Random syntax trees over the whole grammar, and rules files made from them and then spoilt."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from rules import syntax as s
from rules.tree_atoms import WEEKDAYS

# Names spelled like keywords of other places are allowed: the contextual lexer must tell them apart. Names that stand
# where a keyword could (a condition, a language, a test's reason) take the plain ones.
PLAIN = st.sampled_from(["naam", "x", "score_2", "größe", "_a", "имя", "unit"])
NAMES = PLAIN | st.sampled_from(["reply", "event", "tag", "at", "within", "once_more", "keyword", "yes", "up"])
WORDS = st.sampled_from(["REPAIR", "ARRÊT", "ŁÓDŹ", "OFFER99", "2FOR1", "ÄÖÜ", "РЕМОНТ", "X", "Ü", "1", "007"])
LANGUAGES = st.sampled_from(["nl", "en", "is", "no", "to", "as"])
CLASSES = st.sampled_from(["promotional", "transactional", "conversational"])
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\ufeff")
    | st.sampled_from('\n"\\#{}“”„/*'),
    max_size=25,
)
STRINGS = TEXTS.map(s.String)
COUNTS = st.integers(1, 99)


def durations(units: tuple[str, ...] = ("minute", "hour", "day", "week", "month", "year")) -> Any:
    return st.builds(s.Duration, COUNTS, st.sampled_from(units))


DURATIONS = durations()
CLOCKS = st.builds(s.Clock, st.integers(0, 23), st.integers(0, 59))
DAYS = st.dates().map(lambda day: s.Day(day.year, day.month, day.day))
MOMENTS = st.builds(s.Moment, DAYS, CLOCKS)
NUMBERS = st.decimals(-9999, 9999, places=2).map(s.Number) | st.integers(-(10**14), 10**14).map(Decimal).map(s.Number)
MONEY = st.builds(s.Money, st.sampled_from(["EUR", "USD"]), st.decimals("0.01", "999", places=2))
MSISDNS = st.sampled_from(["4411", "+3197010281234", "112"]).map(s.Msisdn)


def some(strategy: Any, least: int = 1, most: int = 3) -> Any:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


def maybe(strategy: Any) -> Any:
    return st.none() | strategy


VARIANTS = some(st.builds(s.TextIn, LANGUAGES, STRINGS))
TEXT = st.builds(s.Text, STRINGS.map(lambda one: (s.TextIn(None, one),)) | VARIANTS)

# --- patterns
SLOTS = (
    st.builds(s.Slot, NAMES, st.sampled_from(["number", "word", "text", "date", "time", "email", "phone"]))
    | st.builds(lambda name, low, more: s.Slot(name, "range", low, low + more), NAMES, st.integers(0, 50), COUNTS)
    | st.builds(
        lambda name, regex: s.Slot(name, "regex", regex=regex),
        NAMES,
        st.sampled_from(["[a-z]+", "a/b", "\\d{4} ?x", "#"]),
    )
)
LEAVES = (
    WORDS.map(s.Word)
    | TEXTS.map(s.Quoted)
    | st.builds(s.Affirmation, st.sampled_from(["yes", "no"]))
    | st.just(s.Anything())
    | SLOTS
)


def _nested(inner: Any) -> Any:
    sequences = some(inner)
    return st.builds(s.Choice, some(sequences), maybe(NAMES)) | sequences.map(s.Maybe)


ELEMENTS = st.recursive(LEAVES, _nested, max_leaves=6)
PATTERNS = some(ELEMENTS).map(s.Pattern)

# --- expressions
OPERANDS = (
    STRINGS
    | NUMBERS
    | DAYS
    | MOMENTS
    | st.just(s.Now())
    | DURATIONS.map(s.Ago)
    | PLAIN.map(s.Name)
    | st.builds(s.Attribute, st.sampled_from(["contact", "event"]), NAMES)
)
ATOMS = (
    OPERANDS
    | st.builds(s.Compare, OPERANDS, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), OPERANDS)
    | NAMES.map(s.HasTag)
    | CLASSES.map(s.HasConsent)
    | st.builds(s.Happened, NAMES, maybe(COUNTS), maybe(DURATIONS))
    | st.just(s.Clicked())
    | NAMES.map(s.InSegment)
    | st.just(s.NewContact())
    | st.builds(s.TimeIn, CLOCKS, CLOCKS)
    | some(st.sampled_from(WEEKDAYS)).map(s.DayIn)
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.builds(s.Not, inner) | some(inner, 2).map(s.And) | some(inner, 2).map(s.Or),
    max_leaves=6,
)

# --- actions
LINES = (
    TEXT.map(s.Reply)
    | st.builds(s.Send, maybe(CLASSES), TEXT)
    | st.builds(s.Wait, DURATIONS, maybe(CLOCKS))
    | CLOCKS.map(s.WaitUntil)
    | st.builds(s.WaitBefore, DURATIONS, NAMES)
    | NAMES.map(s.Tag)
    | NAMES.map(s.Untag)
    | st.builds(s.SetAttribute, NAMES, EXPRESSIONS)
    | st.builds(s.Add, EXPRESSIONS, NAMES)
    | st.builds(s.Record, NAMES.filter(lambda name: name != "once"), EXPRESSIONS, st.booleans())
    | st.builds(s.OptIn, CLASSES, maybe(NAMES))
    | st.builds(s.OptIn, CLASSES, maybe(NAMES), TEXT, PATTERNS)
    | st.just(s.OptOut())
    | NAMES.map(s.Start)
    | NAMES.map(s.Finish)
    | NAMES.map(s.Run)
    | STRINGS.map(s.Route)
    | st.builds(
        s.Escalate, NAMES, maybe(st.sampled_from(["low", "normal", "high", "urgent"])), maybe(DURATIONS), maybe(STRINGS)
    )
    | st.builds(s.Notify, NAMES, STRINGS, some(OPERANDS, 0))
    | st.builds(s.Email, maybe(CLASSES), STRINGS, STRINGS, STRINGS)
    | MSISDNS.map(lambda number: s.Forward(number=number))
    | (NAMES | st.just("aggregator-b")).map(lambda name: s.Forward(account=name))
)


def _blocks(inner: Any) -> Any:
    block = some(inner)
    optional = maybe(block)
    answers = some(st.builds(s.Answer, PATTERNS, st.just(()) | block, st.booleans()))
    limits = st.sampled_from(["none", "within", "before"])
    again = maybe(st.builds(s.ElseAgain, TEXT, maybe(COUNTS)))
    parts = st.tuples(answers, again, optional, optional).filter(any)

    def ask(message_class: Any, text: Any, said: Any, limit: str, duration: Any) -> s.Ask:
        answers, again, otherwise, silence = said
        within = duration if limit == "within" else None
        before = (duration, "start") if limit == "before" else None
        return s.Ask(message_class, text, answers, within, before, again, otherwise, silence)

    return (
        st.builds(ask, maybe(CLASSES), TEXT, parts, limits, DURATIONS)
        | st.builds(s.If, some(st.builds(s.Branch, EXPRESSIONS, block)), optional)
        | st.builds(_split, NAMES, some(st.builds(s.Arm, COUNTS, NAMES, block)), st.integers(0, 5), NAMES, DURATIONS)
        | st.builds(s.WaitForEvent, NAMES, DURATIONS, block, optional)
        | st.builds(s.WaitForEvent, NAMES, DURATIONS, st.none(), block)
        | st.builds(s.Fetch, NAMES, STRINGS, NAMES, optional)
        | st.builds(s.Charge, MONEY, STRINGS, TEXT, PATTERNS, optional)
    )


def _split(name: str, arms: Any, form: int, event: str, duration: Any) -> s.Split:
    measure: Any = (None, "click", "event")[form % 3]
    sample = (20, duration) if form > 2 else (None, None)
    return s.Split(name, arms, measure, event if measure == "event" else None, *sample)


ACTIONS = st.recursive(LINES, _blocks, max_leaves=5)
BLOCKS = some(ACTIONS)

# --- declarations
CAPS = some(st.builds(s.Cap, COUNTS, st.sampled_from(["day", "week", "month"])))
SETTINGS = (
    some(MSISDNS).map(lambda value: s.Setting("numbers", value))
    | LANGUAGES.map(lambda name: s.Setting("language", s.Ident(name)))
    | st.sampled_from(["Europe/Amsterdam", "UTC", "Etc/GMT+5"]).map(lambda name: s.Setting("timezone", s.Ident(name)))
    | st.builds(s.Quiet, CLOCKS, CLOCKS).map(lambda value: s.Setting("quiet", value))
    | CAPS.map(lambda value: s.Setting("cap", value))
    | TEXT.map(lambda value: s.Setting("help", value))
    | TEXT.map(lambda value: s.Setting("stop", value))
    | st.booleans().map(lambda value: s.Setting("typos", value))
    | COUNTS.map(lambda value: s.Setting("limit", value))
    | MONEY.map(lambda money: s.Setting("budget", s.Budget(money, "month")))
)
NUMBERED = some(MSISDNS, 0)
TRIGGERS = (
    st.builds(s.OnEvent, NAMES, maybe(NAMES))
    | st.builds(s.OnBirthday, NAMES, maybe(CLOCKS))
    | DURATIONS.map(s.OnInactive)
    | st.builds(s.OnDate, DAYS, CLOCKS, NAMES)
    | NAMES.map(s.OnClick)
    | st.just(s.OnUndelivered())
    | NAMES.map(s.OnJoin)
)
EXITS = some(st.builds(s.ExitCause, st.sampled_from(["event", "tag"]), NAMES), 0)
LATE = maybe(st.sampled_from(["late", "next window", "skip"]))
STEPS = (
    st.builds(s.DripStep, BLOCKS, maybe(NAMES), late=LATE)
    | st.builds(s.DripStep, BLOCKS, maybe(NAMES), after=DURATIONS, at=maybe(CLOCKS), late=LATE)
    | st.builds(s.DripStep, BLOCKS, maybe(NAMES), every=some(st.sampled_from(WEEKDAYS)), at=CLOCKS, late=LATE)
    | st.builds(s.DripStep, BLOCKS, maybe(NAMES), every=st.just(WEEKDAYS), at=CLOCKS, late=LATE)
)
SHOWN = TEXTS.map(lambda text: text.replace("\n", "").replace("\t", "").rstrip(" \u00a0"))
PAIRS = some(st.tuples(NAMES, OPERANDS))
TEST_LINES = (
    MSISDNS.map(lambda number: s.Given("number", number.written, number))
    | st.builds(lambda name, value: s.Given("contact", name, value), NAMES, OPERANDS)
    | CLASSES.map(lambda name: s.Given("consent", name))
    | NAMES.map(lambda name: s.Given("tag", name))
    | st.builds(lambda split, arm: s.Given("arm", split, arm), NAMES, NAMES)
    | st.builds(
        lambda name, path, pairs: s.Given("service", name, path=path, answers=pairs), NAMES, STRINGS, maybe(PAIRS)
    )
    | SHOWN.map(s.Says)
    | SHOWN.map(s.Gets)
    | DURATIONS.map(s.Later)
    | st.builds(s.Occurs, NAMES, st.just(()) | PAIRS)
    | st.just(s.Clicks())
    | st.builds(s.ReceiptArrives, st.sampled_from(["delivered", "undelivered", "expired"]))
    | STRINGS.map(s.AgentSays)
    | st.builds(s.ExpectTicket, NAMES, maybe(st.sampled_from(["low", "urgent"])))
    | st.sampled_from(["quiet_hours", "voucher_*", "*"]).map(s.ExpectWithheld)
    | MONEY.map(s.ExpectCharge)
    | st.builds(s.ExpectNotify, NAMES, STRINGS)
    | STRINGS.map(s.ExpectEmail)
    | EXPRESSIONS.map(s.ExpectCheck)
    | st.just(s.ExpectNothing())
)
DECLARATIONS = (
    st.builds(s.Brand, STRINGS, some(SETTINGS, 0, 6))
    | some(st.builds(s.ContactField, NAMES, st.sampled_from(["text", "date", "number"]))).map(s.Contact)
    | st.builds(s.Desk, NAMES, NAMES, maybe(STRINGS))
    | st.builds(s.Service, NAMES, STRINGS)
    | st.builds(s.Voucher, NAMES, STRINGS, until=st.none() | DAYS | MOMENTS)
    | st.builds(s.Voucher, NAMES, file=STRINGS, until=st.none() | DAYS | MOMENTS)
    | st.builds(s.Segment, NAMES, EXPRESSIONS)
    | st.builds(s.Keyword, PATTERNS, NUMBERED, BLOCKS)
    | st.builds(s.Fallback, NUMBERED, BLOCKS)
    | st.builds(s.Chain, NAMES, BLOCKS)
    | st.builds(s.On, TRIGGERS, EXITS, BLOCKS)
    | st.builds(
        s.Drip,
        NAMES,
        CLASSES,
        some(STEPS),
        maybe(st.builds(s.Goal, NAMES, maybe(DURATIONS))),
        EXITS,
        maybe(DURATIONS),
    )
    | st.builds(s.Transcript, STRINGS, some(TEST_LINES, 1, 5), maybe(MOMENTS))
)
FILES = some(DECLARATIONS, 0, 3).map(s.File)
"""Whole files, of every construct there is."""


@st.composite
def spoilt(draw: Any, text: str) -> str:
    """A rules file with a few characters or lines taken out, put in, doubled or moved."""
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
            case 2:
                lines[at] = " " * draw(st.integers(0, 12)) + lines[at].lstrip()
            case _:
                column = draw(st.integers(0, len(lines[at])))
                noise = draw(
                    st.sampled_from(
                        ['"', ":", "\t", "(", ")", "<", "#", "=", "x", "9", "é", "🎉", ".", "\r", "“", "%", ""]
                    )
                )
                lines[at] = lines[at][:column] + noise + lines[at][column + draw(st.integers(0, 3)) :]
        text = "\n".join(lines)
        if not text:
            break
    return text
