"""Ways through a syntax tree: the blocks, conditions and texts that stand directly in an action, and all of them.

What asks the same of many kinds of node goes through here, so that a new kind of action is told once where its parts
are.
"""

from __future__ import annotations

from collections.abc import Iterator

from rules import syntax as s


def blocks_of(node: s.Action | s.Declaration) -> Iterator[s.Block]:
    """The blocks directly below an action or a declaration."""
    match node:
        case s.Keyword(block=block) | s.Fallback(block=block) | s.Chain(block=block) | s.On(block=block):
            yield block
        case s.Drip(steps=steps):
            yield from (step.block for step in steps)
        case s.If(branches=branches, otherwise=otherwise):
            yield from (branch.block for branch in branches)
            yield otherwise or ()
        case s.Split(arms=arms):
            yield from (arm.block for arm in arms)
        case s.Ask(answers=answers, otherwise=otherwise, silence=silence):
            yield from (answer.block for answer in answers)
            yield from (otherwise or (), silence or ())
        case s.WaitForEvent(then=then, silence=silence):
            yield from (then or (), silence or ())
        case s.Fetch(failed=failed) | s.Charge(failed=failed):
            yield failed or ()


def actions_of(node: s.Action | s.Declaration) -> Iterator[s.Action]:
    """Every action below a node, at any depth, in the order of the file."""
    for block in blocks_of(node):
        for action in block:
            yield action
            yield from actions_of(action)


def patterns_of(node: s.Action | s.Declaration) -> Iterator[s.Pattern]:
    """The patterns that stand directly in a node."""
    match node:
        case s.Keyword(pattern=pattern):
            yield pattern
        case s.Ask(answers=answers):
            yield from (answer.pattern for answer in answers)
        case s.OptIn(answer=s.Pattern() as pattern) | s.Charge(answer=pattern):
            yield pattern


def elements_of(elements: tuple[s.Element, ...]) -> Iterator[s.Element]:
    """Every element of a pattern, those inside others too."""
    for element in elements:
        yield element
        match element:
            case s.Maybe(elements=inner):
                yield from elements_of(inner)
            case s.Choice(alternatives=alternatives):
                for inner in alternatives:
                    yield from elements_of(inner)


def conditions_of(node: s.Action | s.Declaration | s.TestLine) -> Iterator[s.Expression]:
    """The conditions and values that stand directly in a node."""
    match node:
        case s.Segment(condition=condition) | s.ExpectCheck(condition=condition):
            yield condition
        case s.SetAttribute(value=value) | s.Record(value=value) | s.Add(amount=value):
            yield value
        case s.If(branches=branches):
            yield from (branch.condition for branch in branches)
        case s.Notify(values=values):
            yield from values
        case s.Occurs(values=pairs):
            yield from (value for _, value in pairs)
        case s.Given(value=value, answers=answers):
            if not isinstance(value, s.Msisdn | str | None):
                yield value
            yield from (answer for _, answer in answers or ())


def parts_of(expression: s.Expression) -> Iterator[s.Expression]:
    """An expression and everything inside it."""
    yield expression
    match expression:
        case s.Not(operand=operand):
            yield from parts_of(operand)
        case s.And(operands=operands) | s.Or(operands=operands):
            for operand in operands:
                yield from parts_of(operand)
        case s.Compare(left=left, right=right):
            yield from (left, right)


def strings_of(node: s.Action | s.Declaration) -> Iterator[s.String]:
    """The texts with placeholders that stand directly in a node, one for each language."""
    for text in texts_of(node):
        yield from (variant.string for variant in text.variants)
    match node:
        case s.Route(text=route):
            yield route
        case s.Escalate(subject=s.String() as subject):
            yield subject
        case s.Fetch(path=path):
            yield path
        case s.Email(to=to, subject=subject, body=body):
            yield from (to, subject, body)


def texts_of(node: s.Action | s.Declaration) -> Iterator[s.Text]:
    """The texts, with all their languages, that stand directly in a node."""
    match node:
        case s.Brand(settings=settings):
            yield from (setting.value for setting in settings if isinstance(setting.value, s.Text))
        case s.Reply(text=text) | s.Send(text=text):
            yield text
        case s.Ask(text=text, again=again):
            yield text
            if again is not None:
                yield again.text
        case s.OptIn(confirm=s.Text() as confirm) | s.Charge(confirm=confirm):
            yield confirm
