"""What an author most likely meant where the grammar did not allow what stands there.

The parser knows the place and what could have stood there. Each `_…` function below knows one mistake that people make
and gives its message, or None when it is another; `explain` asks them in order, the surest signs first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from rules.diagnostics import Diagnostic
from rules.expected import (
    ACTIONS,
    BELONGS,
    DECLARATIONS,
    EXPRESSION_LINES,
    PATTERN_LINES,
    SETTINGS,
    SYNONYMS,
    TEST_LINES,
    WRONG_SIGN,
    WRONG_SIGNS,
)
from rules.lexer import CURLY, QUOTED
from rules.mend import Place, first_word, indent_of, parent_of, words_in
from rules.mistaken_words import odd_space, phone_word, punctuation, slot
from rules.spelling import spoken, suggest
from rules.stopped import Found


def explain(place: Place, column: int, accepted: AbstractSet[str], kind: str) -> Diagnostic:
    """The message for a place where the grammar allows nothing of what stands there."""
    found = Found(place, column, accepted, at_end=kind == "NL", glued=kind == "glued")
    for look in LOOKS:
        told = look(found)
        if told is not None:
            return told
    return _anything_else(found)


# --- single mistakes -----------------------------------------------------------------------------------------------


def _ask_without_text(found: Found) -> Diagnostic | None:
    parent = parent_of(found.place.lines, found.place.row)
    if found.first not in {"answer", "choice"} or found.accepted != {"STRING"} or parent is None:
        return None
    above = replace(found.place, row=parent)
    return Diagnostic(
        "R206", "error", above.span(), "`ask` has no text.", 'Write the question behind it in quotes, "…".'
    )


def _open_quote(found: Found) -> Diagnostic | None:
    rest = QUOTED.sub(lambda quoted: " " * len(quoted[0]), found.line)
    sign = re.search(rf'["{CURLY}]', rest)
    if sign is not None:
        return found.says(
            "R102",
            "The text that begins here has no closing quote.",
            'Write " where the text ends; a quote inside a text is written \\".',
            sign.start() + 1,
            len(found.line) + 1,
        )
    single = re.search(r"(?<!\w)['‘’`].*['‘’`](?!\w)", rest)
    if single is not None and not found.begins:
        return found.says(
            "R102",
            "A text stands between double quotes.",
            f'Write "{single[0][1:-1]}".',
            single.start() + 1,
            single.end() + 1,
        )
    return None


def _wrong_sign(found: Found) -> Diagnostic | None:
    if found.first not in EXPRESSION_LINES:
        return None
    for sign in WRONG_SIGN.finditer(found.line):
        if sign.start() <= found.column - 1 < sign.end():
            right = WRONG_SIGNS[sign[0]]
            return found.says(
                "R208",
                f"`{sign[0]}` is not a sign of this language.",
                f"Write `{right}`.",
                sign.start() + 1,
                sign.end() + 1,
            )
    return None


def _colon(found: Found) -> Diagnostic | None:
    if found.word != ":":
        return None
    if found.first in PATTERN_LINES and found.line[: found.column - 1].strip() != found.first:
        return punctuation(found)
    return found.says(
        "R207", "There is a colon that does not belong here.", "Delete the colon; indentation alone makes a block."
    )


def _phone_word_in_condition(found: Found) -> Diagnostic | None:
    if found.first not in EXPRESSION_LINES or not {"STRING", "ATTR"} <= found.accepted or not found.word.isupper():
        return None
    return found.says(
        "R222",
        f"`{found.word}` is a word that phones type; a value to compare with is a text.",
        f'Write "{found.word.lower()}" in quotes.',
    )


def _synonym(found: Found) -> Diagnostic | None:
    head = words_in(found.line)[0]
    start = indent_of(found.line) + 1
    meant = SYNONYMS.get(head.lower())
    if meant is None or found.column > start + len(head):
        return None
    return found.says("R203", f"`{head}` is not an action.", f"Write `{meant}`.", start, start + len(head))


def _instead(found: Found) -> Diagnostic | None:
    """Only one thing could stand here, and it is plain from what does."""
    if found.at_end:
        return None
    if found.accepted == {"ATTR"} and found.word.isidentifier():
        return found.says("R225", f"`{found.word}` is not an attribute of the contact.", f"Write contact.{found.word}.")
    if found.accepted == {"ZONE"} and found.word[:1] in set(f'"{CURLY}'):
        return found.says("R225", f"{found.word} is not how a time zone is written.", "Write it without quotes.")
    if found.accepted == {".."}:
        return found.says("R225", f"`{found.word}` cannot stand here.", "Write `..` between the two.")
    return None


def _first_word(found: Found) -> Diagnostic | None:
    """The line begins with something that no line here begins with."""
    if not found.begins:
        return None
    word = found.word
    parent = parent_of(found.place.lines, found.place.row)
    allowed = {one for one in found.accepted if one.isalpha() and one.islower()}
    if word.lower() in allowed:
        return found.says("R203", f"`{word}` is written in small letters.", f"Write `{word.lower()}`.")
    if found.start < found.column:
        # A keyword was read off the word's beginning, so what could come next is of no help.
        above = "" if parent is None else first_word(found.place.lines[parent])
        return _unknown_word(found, {"brand": SETTINGS, "test": TEST_LINES}.get(above, ACTIONS))
    if word in BELONGS:
        if word == "else" and parent is not None and "again" not in found.line:
            return found.says(
                "R209",
                "This `else` has no `if` before it.",
                f"It stands {BELONGS['else']}.",
            )
        return found.says("R210", f"`{word}` cannot stand here.", f"It stands {BELONGS[word]}.")
    if word in DECLARATIONS and parent is not None:
        return found.says(
            "R210", f"`{word}` cannot stand inside a block.", "Begin it at the left edge, below an empty line."
        )
    return _unknown_word(found, allowed)


def _unknown_word(found: Found, allowed: Iterable[str]) -> Diagnostic:
    words = set(allowed)
    if found.place.row == 0:
        code, words, kind = "R202", set(DECLARATIONS), "the beginning of a declaration"
        otherwise = f"A line at the left edge begins with {spoken(DECLARATIONS)}."
    elif "reply" in words:
        code, kind, otherwise = "R203", "an action", f"Actions are {spoken(ACTIONS, 'and')}."
    elif "timezone" in words:
        code, kind, otherwise = "R203", "a setting of a brand", f"Settings are {spoken(SETTINGS, 'and')}."
    elif "nothing" in words:
        code, kind = "R203", "a line of a test"
        otherwise = f"Lines of a test begin with >, <, {spoken(TEST_LINES)}."
    else:
        code, kind, otherwise = "R203", "something that stands here", f"Here comes {found.expected}."
    return found.says(code, f"`{found.word}` is not {kind}.", suggest(found.word, words, otherwise))


def _open_bracket(found: Found) -> Diagnostic | None:
    for closing, opening in (")", "("), ("]", "["), (">", "<"):
        if closing in found.accepted and (found.at_end or opening == "("):
            at = found.line.rfind(opening, 0, found.column)
            if at >= 0 and closing not in found.line[at:] and (opening != "<" or found.first in PATTERN_LINES):
                return found.says(
                    "R216",
                    f"The `{opening}` that opens here is not closed.",
                    f"Write `{closing}` where it ends.",
                    at + 1,
                    at + 2,
                )
    return None


def _stops_too_soon(found: Found) -> Diagnostic | None:
    if not found.at_end:
        return None
    last = re.search(r"\S+$", found.line)
    start = last.start() + 1 if last else 1
    return found.says(
        "R212",
        "This line stops too soon.",
        f"After `{found.line[start - 1 :]}` comes {found.expected}.",
        start,
        len(found.line) + 1,
    )


def _glued(found: Found) -> Diagnostic | None:
    if not found.glued:
        return None
    start, end = found.start, found.column
    rest = re.split(r"\s", found.line[end - 1 :], maxsplit=1)[0]
    word = found.line[start - 1 : end - 1]
    return found.says(
        "R108", f"`{word}{rest}` is two words written as one.", f"Write `{word} {rest}`.", start, end + len(rest)
    )


def _unquoted(found: Found) -> Diagnostic | None:
    bare = re.match(
        r"\s*(?:reply|send|ask|confirm|help|stop|route|else again)(?: (?:promotional|transactional))? +([^\W\d_].*)$",
        found.line,
    )
    if bare is None or "STRING" not in found.accepted or QUOTED.search(found.line):
        return None
    return found.says("R215", "A text stands in quotes.", f'Write "{bare[1]}".', bare.start(1) + 1, bare.end(1) + 1)


def _name(found: Found) -> Diagnostic | None:
    """Where a name was expected: capitals, quotes, a hyphen."""
    column, run = found.run
    if found.first == "language" and run != "language":
        help = "Languages are written as two small letters of ISO 639-1, such as nl, en or fr."
        return found.says("R217", f"`{run}` is not how a language is written.", help, column, column + len(run))
    if "IDENT" in found.accepted and "STRING" not in found.accepted and not found.at_end:
        plain = re.sub(r"[\W_]+", "_", run.lower()).strip("_")
        if plain and not plain[0].isdigit():
            return found.says(
                "R217",
                f"`{run}` is not a name.",
                f"Names are small letters, digits and `_`: write {plain}.",
                column,
                column + len(run),
            )
    hyphen = re.fullmatch(r"[^\W\d]\w*(?:-\w+)+", run)
    if hyphen is not None and found.word == "-":
        return found.says(
            "R217",
            f"`{run}` is not a name.",
            f"Names have no `-`: write {run.lower().replace('-', '_')}.",
            column,
            column + len(run),
        )
    return None


def _time(found: Found) -> Diagnostic | None:
    written = re.search(r"\b(?:until|at|in|quiet) ((\d{1,2})(?:[.hu:](\d\d))? ?(am|pm|u|uur|h)?)(?![\w:])", found.line)
    if written is None or ":" in written[1] or not {"CLOCK", "UNIT"} & found.accepted:
        return None
    hour = int(written[2]) % 12 + 12 if written[4] == "pm" else int(written[2])
    help = f"Write {hour:02}:{written[3] or '00'}." if hour < 24 else "Write it like 10:00."
    return found.says(
        "R218", f"`{written[1]}` is not how a time of day is written.", help, written.start(1) + 1, written.end(1) + 1
    )


def _share(found: Found) -> Diagnostic | None:
    if "PERCENT" not in found.accepted or not found.word.isdigit():
        return None
    return found.says("R219", "The arm of a split begins with its share.", f"Write {found.word}%.")


def _phone_number(found: Found) -> Diagnostic | None:
    before = re.search(r"(?:\bnumbers|\bnumber|\bon|\bto|,) +([^,]*)$", found.line[: found.column - 1])
    if before is None:
        return None
    start = before.start(1) + 1
    written = re.match(r"[\d+(][\d ()./-]*", found.line[start - 1 :])
    shown = written[0].rstrip() if written is not None else ""
    digits = re.sub(r"[^\d+]", "", shown.replace("(0)", ""))
    if digits == shown or len(digits) < 3 or ".." in shown:
        return None
    help = f"Write it without signs or spaces between the digits: {digits}."
    if all(re.fullmatch(r"\+?[1-9]\d{3,}", part) for part in shown.split()):
        help = f"Write a comma between numbers: {', '.join(shown.split())}."
    return found.says("R220", f"`{shown}` is not how a number is written.", help, start, start + len(shown))


def _anything_else(found: Found) -> Diagnostic:
    words = {one for one in found.accepted if one.isalpha() and one.islower()}
    if found.start < found.column:
        return found.says(
            "R201",
            f"`{found.word}` cannot stand here.",
            f"Did you mean `{found.line[found.start - 1 : found.column - 1]}`?",
        )
    if "UNIT" in found.accepted:
        words |= {"minutes", "hours", "days", "weeks", "months", "years"}
    if "CLASS" in found.accepted:
        words |= {"promotional", "transactional", "conversational"}
    otherwise = f"Here comes {found.expected}."
    if found.accepted == {"NL"}:
        return found.says(
            "R214", f"`{found.word}` is too much on this line.", "Delete it, or begin a new line with it."
        )
    missing = [one for one in ("to", "as", "of", "per", "=", "from") if one in found.accepted]
    if ">=" in found.accepted:
        missing.remove("=")
    if len(missing) == 1 and found.word not in missing:
        otherwise = f"Perhaps `{missing[0]}` is missing before it."
    return found.says("R201", f"`{found.word}` cannot stand here.", suggest(found.word, words, otherwise))


LOOKS: tuple[Callable[[Found], Diagnostic | None], ...] = (
    _ask_without_text,
    odd_space,
    _open_quote,
    _wrong_sign,
    _phone_word_in_condition,
    _synonym,
    _colon,
    _share,
    _first_word,
    _instead,
    _glued,
    _phone_number,
    _open_bracket,
    slot,
    phone_word,
    _time,
    _unquoted,
    _stops_too_soon,
    _name,
)
"""The surest signs first."""
