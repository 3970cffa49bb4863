"""Mistakes in what phones type: small letters, punctuation, other scripts, slots that do not say what they read."""

from __future__ import annotations

import re

from rules.diagnostics import Diagnostic
from rules.expected import INNER_SIGN, PATTERN_LINES, PATTERN_SIGNS
from rules.stopped import Found


def phone_word(found: Found) -> Diagnostic | None:
    """In a pattern: small letters, punctuation, a script without capitals."""
    word = found.word
    if found.first not in PATTERN_LINES or found.at_end or word in PATTERN_SIGNS:
        return None
    if (not word[0].isalnum() and _after_word(found)) or INNER_SIGN.search(found.run[1]):
        return punctuation(found)
    if "WORD" not in found.accepted:
        return None
    if word.upper() == word.lower():
        shown = found.run[1]
        return found.says(
            "R107", f"`{word}` has no capitals, so it needs quotes as a phone's word.", f'Write "{shown}".'
        )
    return found.says(
        "R105",
        f"`{word}` is not in capitals: a word that a phone types is.",
        f"Write {word.upper()}; a phone may type it in any case.",
    )


def _after_word(found: Found) -> bool:
    """Whether a sign stands right behind a letter."""
    return found.column > 1 and found.line[found.column - 2].isalnum()


def punctuation(found: Found) -> Diagnostic:
    """A phone's word with a sign in it or behind it."""
    column, run = found.run
    if run.endswith(","):
        help = "Write `|` between them: A | B."
        return found.says(
            "R223", "Words to choose from are not parted by commas.", help, column + len(run) - 1, column + len(run)
        )
    words = re.sub(r"[\W_]+", " ", run).strip().upper()
    return found.says(
        "R106",
        f"`{run}` holds a sign that phones' words do without.",
        f"Write {words}; a phone may type {run} all the same.",
        column,
        column + len(run),
    )


def slot(found: Found) -> Diagnostic | None:
    """A slot that does not say what it reads, or has no name."""
    at = found.line.rfind("<", 0, found.column)
    if (
        found.first not in PATTERN_LINES
        or at < 0
        or ">" not in found.line[at:]
        or ">" in found.line[at : found.column - 1]
    ):
        return None
    end = found.line.index(">", at) + 1
    return found.says(
        "R224",
        f"`{found.line[at:end]}` is not how a slot is written.",
        "A slot holds a name and what it reads: <naam text>, <nr number>, <score 0..10>.",
        at + 1,
        end + 1,
    )


def odd_space(found: Found) -> Diagnostic | None:
    """White space of another kind, as word processors leave it."""
    if not found.word.isspace():
        return None
    shown = f"U+{ord(found.word):04X}"
    return found.says(
        "R104", f"There is a space here that is not the ordinary one ({shown}).", "Write an ordinary space."
    )
