"""`kwek chat`: a phone in the terminal, on the very ways that production runs, with a clock that can be moved on.

What it prints reads like a transcript: a conversation that came out right can be copied into a `test`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.commands.books import PHONE, Config, Sender, To, check_number, load_book
from gateway.commands.output import Paths

if TYPE_CHECKING:
    from router.rehearsal import Output, Stage

HELP = """\
  what you type is texted; what the phone gets is shown after <
  /later 1 day        the clock moves on: minutes, hours, days, weeks, months
  /receipt delivered  the carrier tells of the last text: delivered, undelivered, expired
  /to 4411            text to another number from now on
  /quit               end (so does the end of the input)"""

LONGEST_LATER = 10_000
"""Of one /later, in its unit: what lies further off is a slip of the finger."""


def chat(paths: Paths, to: To, sender: Sender = PHONE, config: Config = None) -> None:
    """Be a phone: text to the rules in some files, and see what it gets."""
    from router.rehearsal import Stage
    from router.world import System

    book = load_book(paths, config)
    check_number(to, book)
    world = System()
    stage = Stage(book, sender, world.now())
    world.close()
    phone = Phone(stage, to)
    is_person = sys.stdin.isatty()
    if is_person:
        print(f"texting as {sender} to {to}; /help tells more")
    try:
        for line in _lines(is_person):
            if line == "/quit":
                return
            for told in phone.do(line):
                print(told, flush=True)
    finally:
        stage.close()


class Phone:
    """The phone: a line in, lines out."""

    def __init__(self, stage: Stage, to: str) -> None:
        self._stage = stage
        self._to = to

    def do(self, line: str) -> Iterator[str]:
        """Texts a line, or does what it says after a slash."""
        if not line.startswith("/"):
            yield from _told(self._stage.text(self._to, line))
            return
        word, _, rest = line.partition(" ")
        if word == "/later" and (found := re.fullmatch(r"([0-9]+) (minute|hour|day|week|month)s?", rest.strip())):
            yield from self._later(int(found[1]), found[2])
        elif word == "/receipt" and rest.strip() in {"delivered", "undelivered", "expired"}:
            yield from _told(self._stage.receipt(rest.strip()))  # type: ignore[arg-type]  # one of the three
        elif word == "/to" and rest.strip().removeprefix("+") in self._stage.book.numbers:
            self._to = rest.strip().removeprefix("+")
        elif word == "/to":
            yield f"  no brand uses that number; there are {', '.join(sorted(self._stage.book.numbers))}"
        else:
            yield HELP

    def _later(self, count: int, unit: str) -> Iterator[str]:
        from rules.syntax import NOWHERE, Duration
        from rules.times import after, instant

        if count > LONGEST_LATER:
            yield f"  at most {LONGEST_LATER} at once"
            return
        zone = self._stage.book.numbers[self._to].zone
        duration = Duration(count, unit, span=NOWHERE)  # type: ignore[arg-type]  # the expression allows its units alone
        yield from _told(self._stage.until(after(self._stage.world.at, duration, zone)))
        yield f"  it is {instant(self._stage.world.at).astimezone(zone):%Y-%m-%d %H:%M}"


def _lines(is_person: bool) -> Iterator[str]:
    """What is typed; input that is no terminal is shown, so that the whole conversation can be read."""
    while True:
        try:
            line = input("> " if is_person else "")
        except (EOFError, KeyboardInterrupt):
            return
        if not line.strip():
            continue
        if not is_person:
            print(line if line.startswith("/") else f"> {line}", flush=True)
        yield line


def _told(outputs: list[Output]) -> Iterator[str]:
    from router.rehearsal import Got, Kept, Mailed

    for output in outputs:
        match output:
            case Got(text=text):
                yield "< " + text.replace("\n", r"\n")
            case Kept(reason=reason):
                yield f"withheld {reason}"
            case Mailed(to=to):
                yield f'email "{to}"'
            case _:
                yield f"a fault: {output.reason}"
