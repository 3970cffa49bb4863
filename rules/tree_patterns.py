"""From the parser's rules to nodes: what is sent (texts, one or one per language) and what a text must look like."""

from __future__ import annotations

from typing import Any, cast

from lark import Token

from rules import syntax as s
from rules.spelling import spoken, suggest
from rules.tree_atoms import Atoms, Children, between

SLOT_KINDS = ("number", "word", "text", "date", "time", "email", "phone")


class TextsAndPatterns(Atoms):
    """The nodes of texts and patterns."""

    # --- texts

    def text(self, c: Children) -> s.Text:
        first = c[0]
        if isinstance(first, s.String):
            return s.Text((s.TextIn(None, first, span=first.span),), span=first.span)
        return s.Text(tuple(c), span=between(first.span, c[-1].span))

    def variants(self, c: Children) -> s.Text:
        return s.Text(tuple(c), span=between(c[0].span, c[-1].span))

    def variant(self, c: Children) -> s.TextIn:
        language, string = c
        return s.TextIn(str(language), string, span=between(self.span(language), string.span))

    def variant_line(self, c: Children) -> s.TextIn:
        return cast(s.TextIn, c[0])

    def textline(self, c: Children) -> tuple[s.Text, Token]:
        return c[0], c[1]

    def textline_below(self, c: Children) -> tuple[s.Text, Token]:
        return c[1], c[0]

    # --- patterns

    def pattern(self, c: Children) -> s.Pattern:
        span = between(c[0][0].span, c[-1][-1].span)
        if len(c) == 1:
            return s.Pattern(c[0], span=span)
        return s.Pattern((s.Choice(tuple(c), span=span),), span=span)

    def sequence(self, c: Children) -> tuple[s.Element, ...]:
        return tuple(c)

    def word(self, c: Children) -> s.Word:
        token: Token = c[0]
        if token.upper() != token:
            self.problem(
                "R105",
                self.span(token),
                f"`{token}` is neither a phone's word (capitals) nor a name (small letters).",
                f"Write {token.upper()}; a phone may type it in any case.",
            )
        return s.Word(str(token), span=self.span(token))

    def number_word(self, c: Children) -> s.Word:
        token: Token = c[0]
        if not token.isdigit():
            self.problem(
                "R106",
                self.span(token),
                f"`{token}` holds a sign that phones' words do without.",
                f'Quote it: "{token}".',
            )
        return s.Word(str(token), span=self.span(token))

    def quoted(self, c: Children) -> s.Quoted:
        string = self.string(c)
        return s.Quoted(string.value, span=string.span)

    def affirmation(self, c: Children) -> s.Affirmation:
        return s.Affirmation(cast(Any, str(c[0])), span=self.span(c[0]))

    def choice(self, c: Children) -> s.Choice:
        opening, *alternatives, closing, name = c
        return s.Choice(
            tuple(alternatives),
            None if name is None else str(name),
            span=self.span(opening, closing if name is None else name),
        )

    def maybe(self, c: Children) -> s.Maybe:
        opening, *alternatives, closing = c
        span = self.span(opening, closing)
        elements = alternatives[0] if len(alternatives) == 1 else (s.Choice(tuple(alternatives), span=span),)
        return s.Maybe(elements, span=span)

    def range_slot(self, c: Children) -> s.Slot:
        opening, name, low, high, closing = c
        span = self.span(opening, closing)
        least, most = self.whole(low, 0, "A range"), self.whole(high, 0, "A range")
        if least >= most:
            self.problem(
                "R410",
                self.span(low, high),
                f"The range {low}..{high} holds {'one number only' if least == most else 'no number'}.",
                f"Write the smaller number first: <{name} {most}..{least}>."
                if least > most
                else "Write the word itself instead of a range.",
            )
        return s.Slot(str(name), "range", low=least, high=most, span=span)

    def slot(self, c: Children) -> s.Slot:
        opening, name, kind, closing = c
        return s.Slot(str(name), self.slot_kind(kind), span=self.span(opening, closing))

    def regex_slot(self, c: Children) -> s.Slot:
        opening, name, regex, closing = c
        return s.Slot(str(name), "regex", regex=regex[1:-1].replace("\\/", "/"), span=self.span(opening, closing))

    def slot_kind(self, token: Token) -> s.SlotKind:
        """The kind a slot names; an unknown one is noted and read as a word."""
        if token in SLOT_KINDS:
            return cast(s.SlotKind, str(token))
        self.problem(
            "R411",
            self.span(token),
            f"`{token}` is not something a slot can read.",
            suggest(token, SLOT_KINDS, f"A slot reads {spoken(SLOT_KINDS)}, a range such as 0..10, or a /regex/."),
        )
        return "word"

    def anything(self, c: Children) -> s.Anything:
        return s.Anything(span=self.span(c[0]))
