"""The syntax tree of a rules file: what the author wrote, with places, and nothing of what it means.

`parse` makes it, `format` prints it, `check` and `compiler` read it. Every node carries the `Span` it was read from,
which takes no part in equality: two programs are the same when they differ in places and spelling of white space only.
Names, numbers and texts stand here as written; whether they exist or fit is for `check` to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal as OneOf


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source file; lines and columns count from 1, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


NOWHERE = Span("", 1, 1, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every node has: the place it was read from."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming(Node):
    """A node that names something declared elsewhere; `name_span` is where the name stands."""

    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


# --- atoms ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ident(Node):
    """A lower-case name of the author's: a tag, a drip, an attribute, a captured value."""

    name: str


@dataclass(frozen=True, slots=True)
class String(Node):
    """A quoted text. `value` has its escapes resolved; `raw` is what stood between the quotes (for columns)."""

    value: str
    raw: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Duration(Node):
    """`3 days`. Minutes and hours are elapsed time; days and longer are calendar time."""

    count: int
    unit: OneOf["minute", "hour", "day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Clock(Node):
    """A time of day, `10:00`."""

    hour: int
    minute: int


@dataclass(frozen=True, slots=True)
class Day(Node):
    """A date, `2026-05-01`."""

    year: int
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number an author wrote, `12` or `12.50`."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Money(Node):
    """`EUR 5.00`: an ISO 4217 currency and an amount."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Msisdn(Node):
    """A number texts come to or go to, as written: `4411` or `+3197010281234`."""

    written: str

    @property
    def digits(self) -> str:
        """The form used everywhere else in the product: digits without a plus."""
        return self.written.removeprefix("+")


@dataclass(frozen=True, slots=True)
class TextIn(Node):
    """One text of a language variant; `language` is None where the author wrote one text for all."""

    language: str | None
    string: String


@dataclass(frozen=True, slots=True)
class Text(Node):
    """What is sent: one string, or one per language."""

    variants: tuple[TextIn, ...]


# --- patterns ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word(Node):
    """A word in capitals that a phone user types."""

    text: str


@dataclass(frozen=True, slots=True)
class Quoted(Node):
    """A quoted word or phrase; its punctuation counts and its spelling is kept."""

    text: str


@dataclass(frozen=True, slots=True)
class Affirmation(Node):
    """`yes` or `no`: the words of the number's market and the brand's language."""

    answer: OneOf["yes", "no"]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`(A | B) as name`; at the top of a pattern also `A | B`. Each alternative is a sequence of elements."""

    alternatives: tuple[tuple[Element, ...], ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Maybe(Node):
    """`[OPTIONAL]`."""

    elements: tuple[Element, ...]


SlotKind = OneOf["range", "number", "word", "text", "date", "time", "email", "phone", "regex"]


@dataclass(frozen=True, slots=True)
class Slot(Node):
    """`<name 0..10>`, `<name number>`, `<name /regex/>`: a value read from the sender's own characters."""

    name: str
    kind: SlotKind
    low: int = 0
    high: int = 0
    regex: str = ""


@dataclass(frozen=True, slots=True)
class Anything(Node):
    """`...`: any words."""


Element = Word | Quoted | Affirmation | Choice | Maybe | Slot | Anything


@dataclass(frozen=True, slots=True)
class Pattern(Node):
    """What a text must look like. `A | B` at the top is one `Choice` without a name."""

    elements: tuple[Element, ...]


# --- expressions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A captured name; alone as a condition it is true when set."""

    name: str


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`contact.naam` or `event.total`."""

    owner: OneOf["contact", "event"]
    name: str


@dataclass(frozen=True, slots=True)
class Moment(Node):
    """A date with a time of day, `2026-05-01 21:30`."""

    day: Day
    clock: Clock


@dataclass(frozen=True, slots=True)
class Now(Node):
    """`now`."""


@dataclass(frozen=True, slots=True)
class Ago(Node):
    """`30 days ago`."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class HasTag(Node):
    """`tag klant`."""

    tag: str


@dataclass(frozen=True, slots=True)
class HasConsent(Node):
    """`consent promotional`."""

    message_class: str


@dataclass(frozen=True, slots=True)
class Happened(Node):
    """`happened purchase 2 times in 30 days`."""

    event: str
    times: int | None = None
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Clicked(Node):
    """`clicked`: any link of this run."""


@dataclass(frozen=True, slots=True)
class InSegment(Naming):
    """`in segment slapend`."""

    segment: str


@dataclass(frozen=True, slots=True)
class NewContact(Node):
    """`new contact`: unknown before the message that started the run."""


@dataclass(frozen=True, slots=True)
class TimeIn(Node):
    """`time in 09:00..17:00`."""

    start: Clock
    end: Clock


@dataclass(frozen=True, slots=True)
class DayIn(Node):
    """`day in mon, tue`."""

    days: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`score >= 9`."""

    left: Expression
    operator: OneOf["=", "!=", "<", "<=", ">", ">="]
    right: Expression


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`not …`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And(Node):
    """`a and b and c`."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """`a or b or c`."""

    operands: tuple[Expression, ...]


Expression = (
    String | Number | Day | Moment | Now | Ago | Name | Attribute | HasTag | HasConsent | Happened | Clicked
    | InSegment | NewContact | TimeIn | DayIn | Compare | Not | And | Or
)  # fmt: skip


# --- actions -------------------------------------------------------------------------------------------------------

Block = tuple["Action", ...]


@dataclass(frozen=True, slots=True)
class Reply(Node):
    """`reply "…"`: conversational."""

    text: Text


@dataclass(frozen=True, slots=True)
class Send(Node):
    """`send [CLASS] "…"`."""

    message_class: str | None
    text: Text


@dataclass(frozen=True, slots=True)
class Answer(Node):
    """`answer PATTERN` with its block (may be empty), or `choice PATTERN` (`numbered`)."""

    pattern: Pattern
    block: Block = ()
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class ElseAgain(Node):
    """`else again "…" up to N times`; `times` is None where the author left it out (then 2)."""

    text: Text
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Ask(Node):
    """`ask [CLASS] "…" within D` with its answers. `otherwise` and `silence` are None where they do not stand."""

    message_class: str | None
    text: Text
    answers: tuple[Answer, ...]
    within: Duration | None = None
    until_before: tuple[Duration, str] | None = None
    again: ElseAgain | None = None
    otherwise: Block | None = None
    silence: Block | None = None


@dataclass(frozen=True, slots=True)
class Wait(Node):
    """`wait 3 days at 10:00`."""

    duration: Duration
    at: Clock | None = None


@dataclass(frozen=True, slots=True)
class WaitUntil(Node):
    """`wait until 10:00`."""

    at: Clock


@dataclass(frozen=True, slots=True)
class WaitBefore(Node):
    """`wait until 2 hours before event.start`."""

    duration: Duration
    event_field: str


@dataclass(frozen=True, slots=True)
class WaitForEvent(Node):
    """`wait for event paid within 2 days` with `then` and `silence` blocks."""

    event: str
    within: Duration
    then: Block | None = None
    silence: Block | None = None


@dataclass(frozen=True, slots=True)
class Tag(Node):
    """`tag klant`."""

    tag: str


@dataclass(frozen=True, slots=True)
class Untag(Node):
    """`untag klant`."""

    tag: str


@dataclass(frozen=True, slots=True)
class SetAttribute(Naming):
    """`set contact.naam = rest`."""

    attribute: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Add(Naming):
    """`add 1 to contact.punten`."""

    amount: Expression
    attribute: str


@dataclass(frozen=True, slots=True)
class Record(Node):
    """`record [once] nps = score`."""

    name: str
    value: Expression
    once: bool = False


@dataclass(frozen=True, slots=True)
class OptIn(Node):
    """`opt in CLASS [for PROGRAMME]`, with or without a confirmation."""

    message_class: str
    programme: str | None = None
    confirm: Text | None = None
    answer: Pattern | None = None


@dataclass(frozen=True, slots=True)
class OptOut(Node):
    """`opt out`."""


@dataclass(frozen=True, slots=True)
class Start(Naming):
    """`start DRIP`."""

    drip: str


@dataclass(frozen=True, slots=True)
class Finish(Naming):
    """`finish DRIP`."""

    drip: str


@dataclass(frozen=True, slots=True)
class Run(Naming):
    """`run CHAIN`."""

    chain: str


@dataclass(frozen=True, slots=True)
class Route(Node):
    """`route "REPAIR {unit}"`."""

    text: String


@dataclass(frozen=True, slots=True)
class Arm(Node):
    """`50% korting` with its block."""

    percent: int
    name: str
    block: Block


@dataclass(frozen=True, slots=True)
class Split(Node):
    """`split NAME [by click | by event NAME] [sample P% for D]`."""

    name: str
    arms: tuple[Arm, ...]
    measure: OneOf["click", "event"] | None = None
    event: str | None = None
    sample_percent: int | None = None
    sample_for: Duration | None = None


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """One `if` or `else if` with its condition."""

    condition: Expression
    block: Block


@dataclass(frozen=True, slots=True)
class If(Node):
    """`if … else if … else`."""

    branches: tuple[Branch, ...]
    otherwise: Block | None = None


@dataclass(frozen=True, slots=True)
class Escalate(Naming):
    """`escalate to DESK priority high within 2 hours subject "…"`."""

    desk: str
    priority: str | None = None
    within: Duration | None = None
    subject: String | None = None


@dataclass(frozen=True, slots=True)
class Fetch(Naming):
    """`fetch SERVICE "/path" as NAME` with its `failed` block."""

    service: str
    path: String
    name: str
    failed: Block | None = None


@dataclass(frozen=True, slots=True)
class Notify(Naming):
    """`notify SERVICE "name" with a, b`."""

    service: str
    event: String
    values: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Email(Node):
    """`email [CLASS] "to" subject "…" body "…"`."""

    message_class: str | None
    to: String
    subject: String
    body: String


@dataclass(frozen=True, slots=True)
class Charge(Node):
    """`charge EUR 5.00 "what"` with `confirm`, `answer` and `failed`."""

    price: Money
    what: String
    confirm: Text
    answer: Pattern
    failed: Block | None = None


@dataclass(frozen=True, slots=True)
class Forward(Node):
    """`forward to +31…` or `forward to account NAME`."""

    number: Msisdn | None = None
    account: str | None = None


Action = (
    Reply | Send | Ask | Wait | WaitUntil | WaitBefore | WaitForEvent | Tag | Untag | SetAttribute | Add | Record
    | OptIn | OptOut | Start | Finish | Run | Route | Split | If | Escalate | Fetch | Notify | Email | Charge | Forward
)  # fmt: skip


# --- declarations --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cap(Node):
    """`1 per day`."""

    count: int
    unit: str


@dataclass(frozen=True, slots=True)
class Budget(Node):
    """`budget EUR 100.00 per month`."""

    money: Money
    unit: str


@dataclass(frozen=True, slots=True)
class Quiet(Node):
    """`quiet 21:00..08:00`."""

    start: Clock
    end: Clock


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """One line under `brand`: its keyword and its value, as written."""

    keyword: OneOf["numbers", "language", "timezone", "quiet", "cap", "help", "stop", "typos", "limit", "budget"]
    value: tuple[Msisdn, ...] | Ident | String | Quiet | tuple[Cap, ...] | Text | bool | int | Budget


@dataclass(frozen=True, slots=True)
class Brand(Node):
    """`brand "…"` and its settings, in the author's order."""

    name: String
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class ContactField(Naming):
    """`naam text` under `contact`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Contact(Node):
    """`contact` and its attributes."""

    fields: tuple[ContactField, ...]


@dataclass(frozen=True, slots=True)
class Desk(Node):
    """`desk NAME KIND group "…"`."""

    name: str
    kind: str
    group: String | None = None


@dataclass(frozen=True, slots=True)
class Service(Node):
    """`service NAME "https://…"`."""

    name: str
    url: String


@dataclass(frozen=True, slots=True)
class Voucher(Node):
    """`voucher NAME "PATTERN"` or `from "codes.csv"`, `until DATE TIME`."""

    name: str
    pattern: String | None = None
    file: String | None = None
    until: Day | Moment | None = None


@dataclass(frozen=True, slots=True)
class Segment(Node):
    """`segment NAME = expression`."""

    name: str
    condition: Expression


@dataclass(frozen=True, slots=True)
class Keyword(Node):
    """`keyword PATTERN [on NUMBER…]`."""

    pattern: Pattern
    on: tuple[Msisdn, ...]
    block: Block


@dataclass(frozen=True, slots=True)
class Fallback(Node):
    """`fallback [on NUMBER…]`."""

    on: tuple[Msisdn, ...]
    block: Block


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """`chain NAME`."""

    name: str
    block: Block


@dataclass(frozen=True, slots=True)
class OnEvent(Node):
    """`on event NAME [per event.x]`."""

    event: str
    per: str | None = None


@dataclass(frozen=True, slots=True)
class OnBirthday(Naming):
    """`on birthday of contact.X [at T]`."""

    attribute: str
    at: Clock | None = None


@dataclass(frozen=True, slots=True)
class OnInactive(Node):
    """`on inactive D`."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class OnDate(Naming):
    """`on DATE at T for segment NAME`."""

    day: Day
    at: Clock
    segment: str


@dataclass(frozen=True, slots=True)
class OnClick(Naming):
    """`on click LINK`."""

    link: str


@dataclass(frozen=True, slots=True)
class OnUndelivered(Node):
    """`on undelivered`."""


@dataclass(frozen=True, slots=True)
class OnJoin(Naming):
    """`on join SEGMENT`."""

    segment: str


Trigger = OnEvent | OnBirthday | OnInactive | OnDate | OnClick | OnUndelivered | OnJoin


@dataclass(frozen=True, slots=True)
class ExitCause(Node):
    """`event NAME` or `tag NAME` after `exit on`."""

    kind: OneOf["event", "tag"]
    name: str


@dataclass(frozen=True, slots=True)
class On(Node):
    """`on …`: a chain started by something else than a text."""

    trigger: Trigger
    exits: tuple[ExitCause, ...]
    block: Block


@dataclass(frozen=True, slots=True)
class Goal(Node):
    """`goal event NAME [within D]`."""

    event: str
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class DripStep(Node):
    """One step of a drip: `at once`, `after D [at T]` or `every DAY… at T`, with its lateness policy."""

    block: Block
    label: str | None = None
    after: Duration | None = None
    every: tuple[str, ...] = ()
    at: Clock | None = None
    late: OneOf["late", "next window", "skip"] | None = None


@dataclass(frozen=True, slots=True)
class Drip(Node):
    """`drip NAME CLASS` with its goal, exits and steps."""

    name: str
    message_class: str
    steps: tuple[DripStep, ...]
    goal: Goal | None = None
    exits: tuple[ExitCause, ...] = ()
    again: Duration | None = None


# --- transcripts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given(Naming):
    """What holds before a test begins: `number`, `contact`, `consent`, `tag`, `arm`, `service`."""

    kind: OneOf["number", "contact", "consent", "tag", "arm", "service"]
    name: str
    value: Expression | Msisdn | str | None = None
    path: String | None = None
    answers: tuple[tuple[str, Expression], ...] | None = None
    """For a service: the fields it answers; None when it `fails`."""


@dataclass(frozen=True, slots=True)
class Says(Node):
    """`> text`: what the phone sends."""

    text: str


@dataclass(frozen=True, slots=True)
class Gets(Node):
    """`< text`: what the phone gets; `*` stands for anything, `\\*` for a star, `\\n` for a line break."""

    text: str


@dataclass(frozen=True, slots=True)
class Later(Node):
    """`later 1 day`."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class Occurs(Node):
    """`event NAME with a = value`."""

    event: str
    values: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Clicks(Node):
    """`click`."""


@dataclass(frozen=True, slots=True)
class ReceiptArrives(Node):
    """`receipt delivered|undelivered|expired`."""

    outcome: OneOf["delivered", "undelivered", "expired"]


@dataclass(frozen=True, slots=True)
class AgentSays(Node):
    """`agent "…"`."""

    text: String


@dataclass(frozen=True, slots=True)
class ExpectTicket(Naming):
    """`ticket DESK PRIORITY`."""

    desk: str
    priority: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectWithheld(Node):
    """`withheld REASON`; `*` stands for anything."""

    reason: str


@dataclass(frozen=True, slots=True)
class ExpectCharge(Node):
    """`charge EUR 5.00`."""

    price: Money


@dataclass(frozen=True, slots=True)
class ExpectNotify(Naming):
    """`notify SERVICE "name"`."""

    service: str
    event: String


@dataclass(frozen=True, slots=True)
class ExpectEmail(Node):
    """`email "to"`."""

    to: String


@dataclass(frozen=True, slots=True)
class ExpectCheck(Node):
    """`check expr`."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class ExpectNothing(Node):
    """`nothing`."""


TestLine = (
    Given | Says | Gets | Later | Occurs | Clicks | ReceiptArrives | AgentSays | ExpectTicket | ExpectWithheld
    | ExpectCharge | ExpectNotify | ExpectEmail | ExpectCheck | ExpectNothing
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Transcript(Node):
    """`test "…" [at DATE TIME]` and its lines."""

    title: String
    lines: tuple[TestLine, ...]
    at: Moment | None = None


Declaration = Brand | Contact | Desk | Service | Voucher | Segment | Keyword | Fallback | Chain | On | Drip | Transcript


@dataclass(frozen=True, slots=True)
class Comment(Node):
    """A `#` comment, text after the sign; `format` puts it back where it stood."""

    text: str
    own_line: bool = True


@dataclass(frozen=True, slots=True)
class File(Node):
    """One rules file: its declarations in order, and its comments (which mean nothing and are kept)."""

    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    partial: tuple[Declaration, ...] = ()
    """Declarations with faults, without the faulty lines: never run, they only serve to find further faults."""
    unread: tuple[tuple[str, str], ...] = ()
    """Kind and name of what faulty declarations would have declared: using these is no fault."""
