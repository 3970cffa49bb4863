"""`kwek fmt`: a rules file in the one layout, with its comments where they stood.

Rule 1: the program stays the same. Rule 2: what is formatted already stays as it is. Rule 3: a file that cannot be
read is not touched. A comment of its own line keeps to what follows it, or to the block it ends; one behind a
statement stays behind it. Single blank lines stay, more become one, and declarations with blocks stand apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rules import syntax as s
from rules.diagnostics import Diagnostic, Source, has_errors
from rules.parse import parse
from rules.print_declarations import declaration
from rules.printer import GAP, Line

INDENT = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """A printed line and the source line it comes from; `declares` where a declaration (or its comment) begins."""

    line: Line
    source_line: int
    source_column: int
    declares: bool = False
    comment: bool = False
    behind: str = ""
    """The comment behind it, with its sign."""


def format_file(source: Source) -> tuple[str | None, list[Diagnostic]]:
    """The file's text in the one layout, or None and what keeps it from being read."""
    file, diagnostics = parse(source)
    if file is None or has_errors(diagnostics):
        return None, diagnostics
    return print_file(file, source.text), diagnostics


def print_file(file: s.File, text: str = "") -> str:
    """The text of a tree; `text` is the source it was read from, for the places of comments and blank lines."""
    rows = [row.rstrip() for row in text.removeprefix("\ufeff").split("\n")]
    placed = _place(file.declarations, rows)
    merged = list(_with_comments(placed, list(file.comments)))
    return "".join(_written(merged, rows))


def _place(declarations: Iterable[s.Declaration], rows: Sequence[str]) -> list[Placed]:
    """Every printed line with the source line it comes from."""
    placed: list[Placed] = []
    for one in declarations:
        for number, line in enumerate(declaration(one)):
            if line.span is not None:
                place = line.span.line, line.span.column
            else:
                place = _find(line.text.split(" ")[0], placed[-1].source_line, rows)
            placed.append(Placed(line, *place, declares=number == 0))
    return placed


def _find(word: str, after: int, rows: Sequence[str]) -> tuple[int, int]:
    """Where the bare word (`else`, `silence`) of a block stands: no node remembers it."""
    for number in range(after, len(rows)):
        row = rows[number]
        if row.lstrip().startswith(word):
            return number + 1, len(row) - len(row.lstrip()) + 1
    return after, 1


def _with_comments(placed: Sequence[Placed], comments: list[s.Comment]) -> Iterator[Placed]:
    """The lines with the comments between and behind them."""
    waiting = iter([*comments, None])
    comment = next(waiting)
    above: list[tuple[int, int]] = []  # source columns and levels of the blocks around the line before
    for item in placed:
        while comment is not None and comment.span.line < item.source_line:
            yield _own_line(comment, above, item.line.level)
            comment = next(waiting)
        if comment is not None and comment.span.line == item.source_line:
            item = replace(item, behind=_sign(comment))
            comment = next(waiting)
        level = item.line.level
        above = [*(pair for pair in above if pair[1] < level), (item.source_column, level)]
        yield item
    while comment is not None:
        yield _own_line(comment, above, 0)
        comment = next(waiting)


def _own_line(comment: s.Comment, above: Sequence[tuple[int, int]], below: int) -> Placed:
    """A comment between two lines: in the block that its column says, never deeper than what is open there."""
    level = below
    for column, open_level in above:
        if column <= comment.span.column and open_level > level:
            level = open_level
    span = comment.span
    line = Line(level, _sign(comment), span)
    return Placed(line, span.line, span.column, declares=level == 0, comment=True)


def _sign(comment: s.Comment) -> str:
    return "#" + comment.text


def _written(items: Sequence[Placed], rows: Sequence[str]) -> Iterator[str]:
    previous: Placed | None = None
    group: list[Placed] = []
    for item in items:
        apart = previous is not None and _apart(previous, item, rows)
        if group and (apart or not item.line.cells):
            yield from _columns(group)
            group = []
        if apart:
            yield "\n"
        if item.line.cells:
            group.append(item)
        else:
            yield _row(item.line.level, item.line.text, item.behind)
        previous = item
    yield from _columns(group)


def _apart(previous: Placed, item: Placed, rows: Sequence[str]) -> bool:
    """Whether a blank line stands between two lines."""
    if item.line.level > previous.line.level:
        return False
    headed = previous.comment and previous.declares
    if item.declares and not headed and not (item.line.cells and previous.line.cells):
        return True
    return 2 <= item.source_line <= len(rows) and not rows[item.source_line - 2]


def _columns(group: Sequence[Placed]) -> Iterator[str]:
    """Declarations of one line below each other: keyword and name in columns."""
    width = max((len(item.line.cells[0]) for item in group), default=0)
    names = max((len(item.line.cells[1]) for item in group if len(item.line.cells) > 2), default=0)
    for item in group:
        keyword, name, *rest = item.line.cells
        cells = [keyword.ljust(width), name.ljust(names) if rest else name, *rest]
        yield _row(0, GAP.join(cells), item.behind)


def _row(level: int, text: str, behind: str) -> str:
    return " " * (INDENT * level) + text + (GAP + behind if behind else "") + "\n"
