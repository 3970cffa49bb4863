from __future__ import annotations
from functools import cache
from pathlib import Path
from dataclasses import dataclass
from lark import Lark
from lark.exceptions import UnexpectedInput
from rules import syntax as s
from rules.diagnostics import Diagnostic, Source, in_order
from rules.indent import Blocks, Misplaced
from rules.lexer import letters, scan
from rules.tree import Tree

GRAMMAR = Path(__file__).with_name("grammar.lark")

@dataclass(frozen=True, slots=True)
class Limits:
    depth: int = 24

class Parser:
    def __init__(self, limits: Limits) -> None:
        text = GRAMMAR.read_text(encoding="utf-8").replace("{UPPER}", letters(True)).replace("{LOWER}", letters(False))
        self.tree = Tree()
        self.lark = Lark(text, parser="lalr", lexer="contextual", postlex=Blocks(limits.depth), transformer=self.tree, maybe_placeholders=True)

@cache
def parser(limits):
    return Parser(limits)

def parse(source: Source, limits: Limits = Limits()) -> tuple[s.File | None, list[Diagnostic]]:
    p = parser(limits)
    found = scan(source.file, source.text)
    problems = list(found.problems)
    decls = []
    for chunk in found.chunks:
        p.tree.begin(source.file, chunk.first - 1)
        try:
            decls.append(p.lark.parse("\n".join(chunk.lines) + "\n"))
        except Misplaced as e:
            problems.append(Diagnostic("R204", "error", p.tree.span(e.token), e.kind, "?"))
        except UnexpectedInput as e:
            problems.append(Diagnostic("R201", "error", s.Span(source.file, e.line+chunk.first-1, e.column, e.line+chunk.first-1, e.column+1), str(e), "?"))
        problems.extend(p.tree.problems)
    return s.File(tuple(decls), tuple(found.comments)), in_order(problems)
