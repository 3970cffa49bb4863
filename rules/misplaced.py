"""Lines at the wrong place: indentation that fits no block, blocks that are missing or unfinished, files too large."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from rules.diagnostics import Diagnostic
from rules.expected import BELONGS, DECLARATIONS, ONE_LINERS, expectation
from rules.lexer import TAB_WIDTH, Chunk
from rules.mend import Place, first_word, has_block, indent_of, words_in
from rules.spelling import nearest, spoken
from rules.syntax import Span

BLOCKS = {
    "brand": "its settings, such as numbers 4411",
    "contact": "a line for each attribute, such as naam text",
    "drip": "a step such as `at once`, with its actions",
    "test": "what the phone sends (> …) and gets (< …)",
    "ask": "a line such as `answer yes`",
    "split": "a line for each arm, such as 50% a, with its actions",
    "wait": "`then` or `silence`, with its actions",
    "charge": "`confirm` with its text and `answer` with its pattern",
}
"""What comes below a line, by its first word; below any other come actions."""


def belongs_above(lines: list[str], line: str) -> bool:
    """Whether a line at the left edge is more likely part of the declaration above it than a declaration."""
    word = first_word(line)
    head = first_word(lines[0])
    if word in DECLARATIONS or head in ONE_LINERS or head not in DECLARATIONS:
        return False
    if word in BELONGS or line[0] in "<>":
        return word in BELONGS or head == "test"
    return not has_block(lines, 0) and nearest(word, DECLARATIONS) is None


def not_indented(place: Place, head: Chunk) -> Diagnostic:
    """A line of a block stands at the left edge."""
    word = re.match(r"\S+", place.line)
    shown = word[0] if word else ""
    return Diagnostic(
        "R211",
        "error",
        place.span(1, len(shown) + 1),
        f"`{shown}` stands at the left edge, where only declarations begin.",
        f"Indent it by {TAB_WIDTH} spaces to put it into the block of "
        f"`{first_word(head.lines[0])}` (line {head.first}).",
    )


def indented_too_deep(place: Place, above: int) -> Diagnostic:
    """A line is deeper than the one above, which opens no block."""
    level = indent_of(place.lines[above])
    return Diagnostic(
        "R205",
        "error",
        place.span(1, indent_of(place.line) + 1),
        f"This line is indented deeper than line {place.first + above}, which opens no block.",
        f"Indent both alike, by {_spaces(level)}.",
    )


def unknown_level(place: Place, levels: list[int]) -> Diagnostic:
    """A line stands between the levels of the blocks around it."""
    return Diagnostic(
        "R204",
        "error",
        place.span(1, indent_of(place.line) + 1),
        f"This line is indented by {_spaces(indent_of(place.line))}; no block above it is.",
        f"Indent it by {spoken([str(level) for level in levels])} spaces, like the block that it belongs to.",
    )


def missing_block(place: Place) -> Diagnostic:
    """A line that opens a block is followed by none."""
    word = first_word(place.line) or words_in(place.line)[0]
    if word in {"reply", "send", "confirm", "help", "stop"}:
        return Diagnostic(
            "R206", "error", place.span(), f"`{word}` has no text.", 'Write the text behind it in quotes, "…".'
        )
    inner = BLOCKS.get(word, "its actions")
    return Diagnostic(
        "R206",
        "error",
        place.span(),
        f"`{word}` has no block below it.",
        f"Write {inner} below it, indented by {TAB_WIDTH} spaces more.",
    )


def unfinished_block(place: Place, parent: int, accepted: AbstractSet[str]) -> Diagnostic:
    """A block ends before all that it must hold has come."""
    return Diagnostic(
        "R221",
        "error",
        place.span(),
        f"The block of `{' '.join(words_in(place.lines[parent])[:2])}` (line {place.first + parent}) ends too soon.",
        f"After this line comes {expectation(accepted)}.",
    )


def nested_too_deeply(place: Place, depth: int) -> Diagnostic:
    """More blocks in blocks, or brackets in brackets, than can be read."""
    return Diagnostic(
        "R110",
        "error",
        place.span(),
        f"There are more than {depth} blocks or brackets inside each other here.",
        "Move the inner ones into a chain of their own, and `run` it.",
    )


def file_too_large(file: str, bound: str) -> Diagnostic:
    """More than one file may hold."""
    return Diagnostic(
        "R111",
        "error",
        Span(file, 1, 1, 1, 2),
        f"The file holds more than {bound}.",
        "Divide it into several files; they may name the same brand.",
    )


def _spaces(count: int) -> str:
    return f"{count} space" if count == 1 else f"{count} spaces"
