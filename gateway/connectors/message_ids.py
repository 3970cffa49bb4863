"""How a message centre writes the id of one message in its answer and in its receipt (SMPP.md quirks 1 to 5).

Some write it in hexadecimal here and in decimal there, with leading zeros or without. The `message_ids` setting says
which; "learn" finds out: an id that was given lately, for that very phone, and that only one way of reading the
receipt's id leads to, is a vote. Until all of many votes agree, every form counts, the literal one first, and where the
centre's receipts name the phone, none counts that is another phone's.
"""

from __future__ import annotations

from collections import OrderedDict

from config.settings import MessageIds
from smpp.receipt import id_forms, stored_form

RECENT = 4_096
"""Ids that learning remembers: receipts come seconds after their messages, or teach nothing."""
VOTES = 16
"""Receipts that have to agree: ids that are short numbers look like each other's conversions now and then."""

_WAYS: tuple[MessageIds, ...] = ("same", "hex-answer", "hex-receipt")


def converted(message_id: str, way: MessageIds) -> str:
    """A receipt's id as the answer wrote it, by one way of writing; itself where it is no number, or too long a one."""
    form = stored_form(message_id)
    if len(id_forms(message_id)) == 1:
        return form
    if way == "hex-answer":
        return f"{int(form):x}" if form.isdigit() else form
    return str(int(form, 16)) if way == "hex-receipt" else form


class IdForms:
    """The forms of one connector's message ids."""

    def __init__(self, way: MessageIds) -> None:
        self._way = way
        self._recent: OrderedDict[str, str] = OrderedDict()
        self._votes: dict[MessageIds, int] = dict.fromkeys(_WAYS, 0)
        self._names_phones = False

    @property
    def learnt(self) -> MessageIds | None:
        """The way on which every vote agrees; None while they are few or differ."""
        cast = [way for way in _WAYS if self._votes[way]]
        return cast[0] if len(cast) == 1 and self._votes[cast[0]] >= VOTES else None

    def answered(self, message_id: str, phone: str) -> str:
        """An answer gave this id to a message to that phone. Gives the form in which it is stored."""
        form = stored_form(message_id)
        if self._way == "learn":
            self._recent[form] = phone
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        return form

    def of_receipt(self, message_id: str, phones: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
        """The forms in which a receipt's id may be stored, the likeliest first, and whether that one is sure enough to
        count for a receipt that names another phone. `phones`: the addresses that this one names."""
        if self._way != "learn":
            return (converted(message_id, self._way),), True
        forms = id_forms(message_id)
        if len(forms) == 1:
            return forms, True
        self._learn(message_id, phones)
        learnt = self.learnt
        if learnt is not None:
            return tuple(dict.fromkeys((converted(message_id, learnt), *forms))), True
        return forms, not self._names_phones

    def _learn(self, message_id: str, phones: tuple[str, ...]) -> None:
        # A receipt with a letter in its number is not one of a centre that writes them in decimal there.
        ways = [way for way in _WAYS if way != "hex-answer" or message_id.strip(" \0").isdigit()]
        form_of = {way: converted(message_id, way) for way in ways}
        meant = {form for form in form_of.values() if self._recent.get(form, "?") in phones}
        if len(meant) == 1:
            self._names_phones = True
            ways = [way for way in ways if form_of[way] in meant]
            if len(ways) == 1:  # a number below ten is written alike in every way
                self._votes[ways[0]] += 1
