"""Reads a rules file into its syntax tree, or tells everything that keeps it from being read.

Whatever the text is, the answer is a tree and diagnostics, never an exception. Each declaration is parsed on its own;
after a fault the faulty line gives way (mend.py) and the declaration is read again for its other faults. A declaration
with a fault is kept apart (`File.partial`): its names still count, so that nobody is told that a drip does not exist
because a line in it is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lark import Lark, Token
from lark.exceptions import UnexpectedInput, UnexpectedToken

from rules import misplaced, mistakes
from rules import syntax as s
from rules.diagnostics import Diagnostic, Source, in_order
from rules.indent import Blocks, Misplaced
from rules.lexer import TAB_WIDTH, Chunk, Scan, letters, scan
from rules.mend import (
    Place,
    block_of,
    first_word,
    has_block,
    indent_of,
    levels_around,
    mend,
    parent_of,
    same_indent,
    without,
    words_in,
)
from rules.tree import Tree

GRAMMAR = Path(__file__).with_name("grammar.lark")
NAMED = re.compile(r"(drip|chain|desk|service|voucher|segment)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold; a quota for a tenant's files is set below these."""

    characters: int = 8_000_000
    """Of one file: far beyond any author's, and read within a minute."""
    declarations: int = 50_000
    """Of one file."""
    depth: int = 24
    """Blocks in blocks, and brackets in brackets on a line: more than anybody follows, far below Python's own bound."""
    faults_of_declaration: int = 20
    """Faults told of one declaration, each of which has it read once more."""
    faults: int = 200
    """Times a declaration of the file is read once more; after these only its first fault is told."""


LIMITS = Limits()


class Parser:
    """Lark's tables and the tree builder, for one reading at a time."""

    def __init__(self, depth: int) -> None:
        text = GRAMMAR.read_text(encoding="utf-8").replace("{UPPER}", letters(True)).replace("{LOWER}", letters(False))
        self.tree = Tree()
        self.blocks = Blocks(depth)
        self.lark = Lark(
            text,
            parser="lalr",
            lexer="contextual",
            postlex=self.blocks,
            transformer=self.tree,  # any object whose methods bear rules' names will do
            maybe_placeholders=True,
        )
        self.spellings = {
            terminal.name: terminal.pattern.value for terminal in self.lark.terminals if terminal.pattern.type == "str"
        }


_idle: dict[int, list[Parser]] = {}
"""By depth, the parsers that nobody reads with just now: one reads one file at a time, and is slow to build."""


def parse(source: Source, limits: Limits = LIMITS) -> tuple[s.File | None, list[Diagnostic]]:
    """The file's tree and what is wrong with it, in order; None for the tree where the file is too large to read."""
    if len(source.text) > limits.characters:
        return None, [misplaced.file_too_large(source.file, f"{limits.characters:,} characters")]
    found = scan(source.file, source.text)
    if len(found.chunks) > limits.declarations:
        return None, [misplaced.file_too_large(source.file, f"{limits.declarations:,} declarations")]
    idle = _idle.setdefault(limits.depth, [])
    parser = idle.pop() if idle else Parser(limits.depth)
    try:
        return _Reading(parser, source.file, limits).read(found)
    finally:
        idle.append(parser)


class _Reading:
    """One file being read."""

    def __init__(self, parser: Parser, file: str, limits: Limits) -> None:
        self.parser = parser
        self.file = file
        self.limits = limits
        self.again = limits.faults
        self.problems: list[Diagnostic] = []
        self.whole: list[s.Declaration] = []
        self.partial: list[s.Declaration] = []
        self.unread: list[tuple[str, str]] = []

    def read(self, found: Scan) -> tuple[s.File, list[Diagnostic]]:
        """All declarations of the file."""
        self.problems.extend(found.problems)
        for chunk, levels in self._gathered(found.chunks):
            self._declaration(chunk, levels)
        file = s.File(tuple(self.whole), tuple(found.comments), tuple(self.partial), tuple(self.unread))
        return file, in_order(self.problems)

    def _gathered(self, chunks: list[Chunk]) -> list[tuple[Chunk, dict[int, int]]]:
        """The declarations, each with the lines after it that should be indented and stand at the left edge."""
        gathered: list[tuple[Chunk, dict[int, int]]] = []
        for chunk in chunks:
            if not gathered or not misplaced.belongs_above(gathered[-1][0].lines, chunk.lines[0]):
                gathered.append((chunk, {}))
                continue
            head, levels = gathered[-1]
            if not levels:
                self.problems.append(misplaced.not_indented(Place(self.file, chunk.first, chunk.lines, 0), head))
            for offset, line in enumerate(chunk.lines):
                levels[chunk.first - head.first + offset + 1] = indent_of(line) + TAB_WIDTH
            head.lines.extend(chunk.lines)
        return gathered

    def _declaration(self, chunk: Chunk, levels: dict[int, int]) -> None:
        lines = chunk.lines
        faulty = bool(levels)
        node: s.Declaration | None = None
        tree = self.parser.tree
        for _ in range(self.limits.faults_of_declaration):
            tree.begin(self.file, chunk.first - 1)
            self.parser.blocks.levels = levels
            try:
                node = cast(s.Declaration, self.parser.lark.parse("\n".join(lines) + "\n"))
                break
            except (UnexpectedInput, Misplaced) as error:
                faulty = True
                self.again -= 1
                lines, levels = self._after(error, chunk, lines, levels)
                if self.again < 0 or not any(lines):
                    break
        self.problems.extend(tree.problems)
        if node is not None and not faulty and not tree.problems:
            self.whole.append(node)
            return
        if node is not None:
            self.partial.append(node)
        self._note_unread(chunk.lines)

    def _note_unread(self, lines: list[str]) -> None:
        """Names that the faulty declaration would have given."""
        word = first_word(lines[0])
        named = NAMED.match(lines[0])
        if named:
            self.unread.append((named[1], named[2]))
        elif word == "contact":
            self.unread.extend(("contact", words_in(line)[0]) for line in lines[1:] if line)
        elif word == "brand":
            self.unread.append(("brand", ""))

    def _after(
        self, error: UnexpectedInput | Misplaced, chunk: Chunk, lines: list[str], levels: dict[int, int]
    ) -> tuple[list[str], dict[int, int]]:
        """Tells the fault; gives the lines, and the levels that lines are put at, to go on with."""
        token, kind = _refused(error)
        if kind in {"indent", "_INDENT"}:
            place = Place(self.file, chunk.first, lines, _row(cast(Token, token).end_line, lines))
            return lines, self._put_right(kind, place, levels)
        line, column = _stopped(error)
        place = Place(self.file, chunk.first, lines, _row(line, lines))
        if kind == "depth":
            self.problems.append(misplaced.nested_too_deeply(place, self.limits.depth))
            return [], levels
        accepted = self._accepted(error)
        if accepted == {"_INDENT"}:
            return self._without_block(place, kind, chunk), levels
        if kind == "_DEDENT":
            return self._unfinished(place, chunk, accepted), levels
        if place.line != chunk.lines[place.row]:
            # The line was mended before; what surrounds it does not take it even so, which is no fault of the author's.
            return without(lines, place.row), levels
        self.problems.append(mistakes.explain(place, column, accepted, kind))
        return mend(lines, place.row), levels

    def _accepted(self, error: UnexpectedInput | Misplaced) -> set[str]:
        """What could have stood there: keywords as they are written, everything else by its terminal's name."""
        if isinstance(error, Misplaced):
            return set()
        names = error.interactive_parser.accepts()  # type: ignore[no-untyped-call]  # Lark always sets it
        return {self.parser.spellings.get(name, name) for name in names}

    def _put_right(self, kind: str, place: Place, levels: dict[int, int]) -> dict[int, int]:
        """Tells of a line that stands at no block's level, and puts it, and those like it, at the nearest."""
        above = max(row for row in range(place.row) if place.lines[row])
        level = levels.get(above + 1, indent_of(place.lines[above]))
        if kind == "_INDENT":
            self.problems.append(misplaced.indented_too_deep(place, above))
        else:
            indent = indent_of(place.line)
            around = levels_around(place.lines, above, indent) or [level]
            level = min(around, key=lambda one: (abs(one - indent), -one))
            self.problems.append(misplaced.unknown_level(place, around))
        return levels | {row + 1: level for row in same_indent(place.lines, place.row)}

    def _without_block(self, place: Place, kind: str, chunk: Chunk) -> list[str]:
        """Tells of a line that needs a block and has none, unless its block fell out with earlier faults."""
        row = place.row
        if kind not in {"_DEDENT", "$END"}:
            row = max(at for at in range(row) if place.lines[at])
        if not has_block(chunk.lines, row):
            self.problems.append(misplaced.missing_block(Place(self.file, chunk.first, place.lines, row)))
        return without(place.lines, row)

    def _unfinished(self, place: Place, chunk: Chunk, accepted: set[str]) -> list[str]:
        """Tells of a block that ends too soon, unless the rest of it fell out with earlier faults."""
        parent = parent_of(place.lines, place.row) or 0
        if all(place.lines[row] or not chunk.lines[row] for row in block_of(chunk.lines, parent)):
            self.problems.append(misplaced.unfinished_block(place, parent, accepted))
        return without(place.lines, parent)


def _refused(error: UnexpectedInput | Misplaced) -> tuple[Token | None, str]:
    """The token that could not stand where it stood, if it could be read at all, and its kind or the fault's."""
    if isinstance(error, Misplaced):
        return error.token, error.kind
    if isinstance(error, UnexpectedToken):
        return error.token, error.token.type
    return None, ""


def _stopped(error: UnexpectedInput | Misplaced) -> tuple[int, int]:
    """Line and column, from 1 within the declaration, at which reading stopped."""
    if isinstance(error, Misplaced | UnexpectedToken):
        return error.token.line or 1, error.token.column or 1
    return error.line, error.column


def _row(line: int | None, lines: list[str]) -> int:
    """The index of a line that Lark counts from 1; the last line's end lies behind it."""
    return min((line or 1) - 1, len(lines) - 1)
