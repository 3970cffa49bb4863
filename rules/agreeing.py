"""Where no typing mistake is forgiven: keywords and answers from which an `opt in` is reached before the next text.

LANGUAGE.md section 4: a guess is never a consent, nor does it cost anybody anything. What stands between the text and
the `opt in` does not matter: other chains by `run`, `route` and `start`, any wait, any condition. Only a question does,
for what is agreed to then is its answer's. Where it is not sure, the way counts: to forgive less harms nobody.
"""

from __future__ import annotations

from rules import syntax as s
from rules.declared import BrandFiles
from rules.keywords import mark_in
from rules.patterns import Reading, begins, compile_pattern
from rules.texts import template
from rules.walk import actions_of, blocks_of
from rules.words import words_of


def agreeing(brand: BrandFiles, reading: Reading) -> frozenset[int]:
    """The keywords, other rules and answers of a brand without errors that lead to an `opt in` or a `charge`: their
    `id`, for two answers may read alike."""
    agreements = (s.OptIn, s.Charge)
    if not any(isinstance(action, agreements) for rule in brand.chained for action in actions_of(rule)):
        return frozenset()
    search = _Search(brand, reading)
    before = -1
    while before < len(search.found):  # a `route` may lead to a rule that is looked at later
        before = len(search.found)
        search.once_more()
    return frozenset(search.found)


class _Search:
    """Walks every block backwards: `after` is whether what comes behind leads to an agreement."""

    def __init__(self, brand: BrandFiles, reading: Reading) -> None:
        self.found: set[int] = set()
        self._brand = brand
        self._reading = reading
        self._chains = {chain.name: chain for chain in brand.chains}
        self._drips = {drip.name: drip for drip in brand.drips}
        self._run: dict[tuple[str, bool], bool] = {}

    def once_more(self) -> None:
        """Look at every rule, with what was found before."""
        self._run.clear()
        for rule in self._brand.chained:
            leads = self._any(rule, after=False)
            if leads and isinstance(rule, s.Drip):
                self._any(rule, after=True)  # whoever answers in one step goes on to the others
            if leads:
                self.found.add(id(rule))

    def _any(self, node: s.Action | s.Declaration, *, after: bool) -> bool:
        leads = [self._block(block, after) for block in blocks_of(node)]  # all of them: answers stand in each
        return any(leads)

    def _block(self, block: s.Block, after: bool) -> bool:
        for action in reversed(block):
            after = self._action(action, after)
        return after

    def _action(self, action: s.Action, after: bool) -> bool:
        match action:
            case s.OptIn() | s.Charge():
                return True
            case s.Ask():
                return self._ask(action, after)
            case s.Run(chain=name):
                key = (name, after)
                if key not in self._run:
                    self._run[key] = self._any(self._chains[name], after=after)
                return self._run[key]
            case s.Route(text=text):
                return self._routed(text.value)
            case s.Start(drip=name):
                return after or id(self._drips[name]) in self.found
            case _:
                return self._any(action, after=after) or after

    def _ask(self, ask: s.Ask, after: bool) -> bool:
        for answer in ask.answers:
            if self._block(answer.block, after):
                self.found.add(id(answer))
        self._block(ask.otherwise or (), False)
        return self._block(ask.silence or (), False)

    def _routed(self, text: str) -> bool:
        """Whether a rule that may take a route leads to an agreement: what a place holder will say nobody knows."""
        holes = template(text).holes
        literal = text[: holes[0].start] if holes else text
        words = words_of(literal).words
        if holes and not literal.endswith(" "):
            words = words[:-1]
        return any(id(fallback) in self.found for fallback in self._brand.fallbacks) or any(
            begins([symbol for symbol in path.symbols if mark_in(symbol) is None], words)
            for keyword in self._brand.keywords
            if id(keyword) in self.found
            for path in compile_pattern(keyword.pattern, self._reading).paths
        )
