"""Where an `opt in` is reached before the contact's next text: where no typing mistake is forgiven, and what no text
of the contact has led to (`check_agreeing`).

LANGUAGE.md section 4: a guess is never a consent, nor does it cost anybody anything. What stands between the text and
the `opt in` does not matter: other chains by `run` and `route`, any wait, any condition. Only a question does, for what
is agreed to then is its answer's; and `start`, for a drip agrees to nothing by itself. Where it is not sure, the way
counts: to forgive less harms nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rules import syntax as s
from rules.declared import BrandFiles
from rules.keywords import mark_in
from rules.patterns import ChoiceWord, Reading, Symbol, begins, compile_pattern, pattern_faults
from rules.texts import template
from rules.walk import actions_of, blocks_of
from rules.words import words_of

Ways = tuple[s.Action, ...]
"""The actions of one rule by which an agreement is reached: it, or a `run` or `route` that leads to it."""

_BEHIND: Final = s.OptOut()
"""Stands for what comes behind a chain in those that run it."""


def agreeing(brand: BrandFiles, reading: Reading) -> frozenset[int]:
    """The keywords, other rules and answers of a brand without errors that lead to an `opt in` or a `charge`: their
    `id`, for two answers may read alike."""
    return frozenset(Agreements(brand, reading).found)


class Agreements:
    """Walks every block backwards: `after` is by what an agreement is reached behind it.

    `confirmed`: whether an `opt in` or a `charge` that asks for a confirmation is one; else it is a question. `found`
    says of rules and answers, by their `id`, by what they lead there. Each way leads to what was found before it, so
    that `path` ends; names that are not given, chains that run themselves and patterns with faults lead nowhere.
    """

    def __init__(self, brand: BrandFiles, reading: Reading, *, confirmed: bool = True) -> None:
        self.found: dict[int, Ways] = {}
        self._brand = brand
        self._reading = reading
        self._confirmed = confirmed
        self._chains = {chain.name: chain for chain in brand.chains}
        self._run: dict[tuple[str, bool], tuple[bool, bool]] = {}
        self._symbols: dict[int, list[list[Symbol]]] = {}
        self._by_first: dict[str, list[s.Keyword]] = {}
        self._routes: dict[str, tuple[s.Declaration, ...]] = {}
        if not any(self._is_one(action) for rule in brand.chained for action in actions_of(rule)):
            return
        before = -1
        while before < len(self.found):  # a `route` may lead to a rule that is looked at later
            before = len(self.found)
            self._once_more()

    def ways(self, node: s.Action | s.Declaration) -> Ways:
        """By what the blocks of a rule lead to an agreement."""
        return self._any(node, ())

    def silent(self, ask: s.Ask) -> Ways:
        """By what nobody's answer does."""
        return self._block(ask.silence or (), ())

    def path(self, way: s.Action) -> list[s.Action]:
        """From an action of `ways` through others to the agreement, both with it."""
        path = [way]
        while not self._is_one(path[-1]):
            onward = {id(rule) for rule in self._onward(path[-1])}
            first_found = next(ways for rule, ways in self.found.items() if rule in onward)
            path.append(first_found[0])
        return path

    def _is_one(self, action: s.Action) -> bool:
        match action:
            case s.OptIn(answer=None):
                return True
            case s.OptIn() | s.Charge():
                return self._confirmed
            case _:
                return False

    def _once_more(self) -> None:
        """Look at every rule, with what was found before."""
        self._run.clear()
        for rule in self._brand.chained:
            self._find(rule, self._any(rule, ()))

    def _find(self, node: s.Node, ways: Ways) -> None:
        if ways:
            self.found.setdefault(id(node), ways)

    def _any(self, node: s.Action | s.Declaration, after: Ways) -> Ways:
        return _merged(*[self._block(block, after) for block in blocks_of(node)])  # all of them: answers stand in each

    def _block(self, block: s.Block, after: Ways) -> Ways:
        for action in reversed(block):
            after = self._action(action, after)
        return after

    def _action(self, action: s.Action, after: Ways) -> Ways:
        match action:
            case s.OptIn() | s.Charge():
                behind = after if isinstance(action, s.OptIn) and action.answer is None else ()
                return _merged((action,), behind) if self._is_one(action) else behind
            case s.Ask():
                return self._ask(action, after)
            case s.Run():
                return self._through(action, after)
            case s.Route():
                return (action,) if any(id(rule) in self.found for rule in self._onward(action)) else ()
            case s.WaitForEvent(then=then, silence=silence):
                return _merged(self._block(then or (), after), self._block(silence or (), ()))
            case s.If() | s.Split():
                return self._any(action, after)
            case _:
                return _merged(self._any(action, after), after)

    def _ask(self, ask: s.Ask, after: Ways) -> Ways:
        for answer in ask.answers:
            self._find(answer, self._block(answer.block, after))
        self._block(ask.otherwise or (), ())
        return self.silent(ask)

    def _through(self, run: s.Run, after: Ways) -> Ways:
        if run.chain not in self._chains:
            return after
        key = (run.chain, bool(after))
        if key not in self._run:
            self._run[key] = False, False  # what a chain that runs itself comes to is an error
            chain = self._chains[run.chain]
            ways = self._any(chain, (_BEHIND,) if after else ())
            own = tuple(way for way in ways if way is not _BEHIND)
            self._find(chain, own)
            self._run[key] = bool(own), len(own) < len(ways)
        leads, comes_back = self._run[key]
        return _merged((run,) if leads else (), after if comes_back else ())

    def _onward(self, action: s.Action) -> Iterator[s.Declaration]:
        """The rules that an action hands on to, as far as that can be known."""
        if isinstance(action, s.Run):
            yield self._chains[action.chain]
        else:
            assert isinstance(action, s.Route), "nothing else hands on"
            text = action.text.value
            if text not in self._routes:
                self._routes[text] = tuple(self._routed(text))
            yield from self._routes[text]

    def _routed(self, text: str) -> Iterator[s.Declaration]:
        """The rules that may take a route: what a place holder will say nobody knows."""
        holes = template(text).holes
        literal = text[: holes[0].start] if holes else text
        words = words_of(literal).words
        if holes and not literal.endswith(" "):
            words = words[:-1]
        fits = [rule for rule in self._near(words) if any(begins(one, words) for one in self._spread(rule))]
        surely = [] if holes else [rule for rule in fits if list(words) in self._spread(rule)]
        if any(not rule.on for rule in surely):  # nothing is more specific than the words themselves
            yield from surely
        else:
            yield from fits
            yield from self._brand.fallbacks

    def _near(self, words: Sequence[str]) -> list[s.Keyword]:
        """The keywords that may begin with the first of these words: of thousands, few do."""
        if not words:
            return self._brand.keywords
        if not self._by_first:
            for rule in self._brand.keywords:
                for first in {_first(path) for path in self._spread(rule)}:
                    self._by_first.setdefault(first, []).append(rule)
        return [*self._by_first.get(words[0], ()), *self._by_first.get("", ())]

    def _spread(self, rule: s.Keyword) -> list[list[Symbol]]:
        """The paths of a keyword's pattern, without signs."""
        if id(rule) not in self._symbols:
            paths = () if pattern_faults(rule.pattern) else compile_pattern(rule.pattern, self._reading).paths
            self._symbols[id(rule)] = [[one for one in path.symbols if mark_in(one) is None] for path in paths]
        return self._symbols[id(rule)]


def _first(path: list[Symbol]) -> str:
    """The word that a path begins with; none where it may be any."""
    match path:
        case [ChoiceWord(word) | str(word), *_]:
            return word
        case _:
            return ""


def _merged(*several: Ways) -> Ways:
    """All of them, each once; the same words at two places are two."""
    return tuple({id(way): way for ways in several for way in ways}.values())
