"""Indentation as tokens: `_INDENT` and `_DEDENT` around each block, in the manner of lark.indenter.

Lark's own Indenter keeps its levels on itself and knows two faults only; this one keeps nothing between two readings
and says where a line stands that belongs to no block. It also refuses two words written as one (`3days`), which the
contextual lexer would read as two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lark import Token
from lark.lark import PostLex


@dataclass
class Misplaced(Exception):
    """A token that no grammar rule can refuse: `kind` is `indent`, `depth` or `glued`."""

    kind: str
    token: Token


class Blocks(PostLex):
    """Makes `_INDENT` and `_DEDENT` of the white space after each NL; `depth` bounds blocks and brackets."""

    always_accept = ("NL",)

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.levels: dict[int, int] = {}
        """Lines (from 1) that are read as if indented so: how reading goes on after a fault of indentation."""

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The same tokens with those of the blocks between them; raises Misplaced."""
        levels = [0]
        nested = 0
        end = -1
        wordlike = False
        for token in stream:
            kind = token.type
            if kind == "NL":
                yield token
                indent = len(token) - token.rfind("\n") - 1
                if self.levels:
                    indent = self.levels.get(token.end_line or 0, indent)
                if indent > levels[-1]:
                    levels.append(indent)
                    if len(levels) > self.depth:
                        raise Misplaced("depth", token)
                    yield Token.new_borrow_pos("_INDENT", "", token)
                while indent < levels[-1]:
                    levels.pop()
                    yield Token.new_borrow_pos("_DEDENT", "", token)
                if indent > levels[-1]:
                    raise Misplaced("indent", token)
                nested = 0
                wordlike = False
                continue
            if wordlike and token.start_pos == end and (token[0].isalnum() or token[0] == "_"):
                raise Misplaced("glued", token)
            if kind in OPENING:
                nested += 1
                if nested > self.depth:
                    raise Misplaced("depth", token)
            yield token
            end = token.end_pos or 0
            wordlike = token[-1].isalnum() or token[-1] == "_"


OPENING = frozenset({"LPAR", "LSQB", "NOT"})
