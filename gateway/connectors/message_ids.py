"""How a message centre writes the id of one message in its answer and in its receipt (SMPP.md quirks 1 to 5).

Some write it in hexadecimal here and in decimal there, with leading zeros or without. The `message_ids` setting says
which; "learn" finds out: an id that was given lately, for that very phone, and that only one way of reading the
receipt's id leads to, is a vote. Until enough votes agree, every form counts, the literal one first, and where the
centre's receipts name the phone, none counts that is another phone's.
"""

from __future__ import annotations

from collections import OrderedDict

from config.connectors import MessageIds
from smpp.receipt import id_forms, stored_form

RECENT = 4_096
"""Ids that learning remembers: receipts come seconds after their messages, or teach nothing."""
VOTES = 16
"""Receipts that have to agree: ids that are short numbers look like each other's conversions now and then."""

MOST_VOTES = 256
"""Beyond it old votes count half: a centre that begins to write otherwise is found out within a dozen receipts."""
AGREE = 0.95
"""Of the votes: once in a while two messages to one phone have numbers that are each other's conversions."""

_WAYS: tuple[MessageIds, ...] = ("same", "hex-answer", "hex-receipt")


def converted(message_id: str, way: MessageIds) -> str:
    """A receipt's id as the answer wrote it, by one way of writing; itself where it is no number, or too long a one."""
    forms = id_forms(message_id)
    return _by_way(forms).get(way, forms[0])


def _by_way(forms: tuple[str, ...]) -> dict[MessageIds, str]:
    """Of the forms that `id_forms` gives, by which way of writing each is meant. A receipt with a letter in its number
    is not one of a centre that writes decimal there; below ten a number is written alike in every way."""
    if len(forms) == 1:
        return {}
    if len(forms) == 2:
        return {"same": forms[0], "hex-receipt": forms[1]}
    return {"same": forms[0], "hex-answer": forms[1], "hex-receipt": forms[2]}


class IdForms:
    """The forms of one connector's message ids."""

    def __init__(self, way: MessageIds) -> None:
        self._way = way
        self._recent: OrderedDict[str, str] = OrderedDict()
        self._votes: dict[MessageIds, int] = dict.fromkeys(_WAYS, 0)
        self._names_phones = False
        self.learnt: MessageIds | None = None
        """The way on which the votes agree; None while they are few or differ."""

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
        by_way = _by_way(forms)
        if not by_way:
            self._names_phones |= self._recent.get(forms[0], "?") in phones
            return forms, True
        if self.learnt is None or self._recent.get(by_way.get(self.learnt, forms[0]), "?") not in phones:
            self._vote(by_way, phones)
        if self.learnt is None:
            return forms, not self._names_phones
        # The others stay possible: a centre of several machines may write ids now this way, now that.
        first = by_way.get(self.learnt, forms[0])
        return (first, *(form for form in forms if form != first)), True

    def _vote(self, by_way: dict[MessageIds, str], phones: tuple[str, ...]) -> None:
        recent = self._recent
        meant = [way for way, form in by_way.items() if recent.get(form, "?") in phones]
        if len(meant) == 1:
            self._names_phones = True
            self._votes[meant[0]] += 1
            if sum(self._votes.values()) > MOST_VOTES:
                self._votes = {way: votes // 2 for way, votes in self._votes.items()}
            best = max(_WAYS, key=self._votes.__getitem__)
            agree, cast = self._votes[best], sum(self._votes.values())
            self.learnt = best if agree >= VOTES and agree >= AGREE * cast else None
