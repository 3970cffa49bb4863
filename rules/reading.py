"""Whether a program may look at `{rest}`, worked out once when it is compiled.

`{rest}` needs every word's place in the text, which nothing else asks for when the text is a plain keyword; leaving it
out where nobody reads it saves a fifth of what deciding costs.
"""

from __future__ import annotations

import msgspec

from rules.actions import Call, Pause, Program, Question
from rules.expressions import Variable
from rules.texts import Hole

_REST = "rest"


def reads_rest(program: Program) -> bool:
    """Whether a step names it, or the chain goes on later or elsewhere: a suspended run keeps every name, and a chain
    that is called has its own steps."""
    return any(isinstance(step, Question | Pause | Call) or _names_rest(step) for step in program.steps)


def _names_rest(value: object) -> bool:
    match value:
        case Variable(name=name) if name == _REST:
            return True
        case Hole(kind="name", name=name) if name == _REST:
            return True
        case tuple():
            return any(map(_names_rest, value))
        case msgspec.Struct():
            return any(_names_rest(getattr(value, field)) for field in value.__struct_fields__)
        case _:
            return False
