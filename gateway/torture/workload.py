"""What is texted during a trial, by which rules it is answered, and with which settings the gateway runs.

Unique texts let every row be matched to the one text it stems from; with nothing but `JA` the same is counted, for
unique texts hide the mistakes of whoever merges too much. A quarter of the phones repeat quickly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final
from typing import Literal as OneOf

from gateway.torture.entries import Word

Texts = OneOf["unique", "ja"]

NUMBER: Final = "4411"
PASSWORD: Final = "torture"

RULES: Final = """\
brand "Torture"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword STEM <nr number>
    record stem = nr
    tag gestemd
    reply "Stem {nr} is geteld."

keyword JA
    record ja = 1
    reply "Dank je wel, je stem is geteld."

keyword VERHAAL <verhaal text>
    record verhaal = verhaal
    reply "We hebben je verhaal gelezen en denken er een dag over na. We hebben je verhaal gelezen en denken er een \
dag over na. We hebben je verhaal gelezen en denken er dan nog een dag over na."
"""

CONFIG: Final = """\
[gateway]
node    = "{node}"
store   = "env:KWEK_TORTURE_STORE"
rules   = ["brands/"]
listen  = "127.0.0.1:0"
drain_s = 5.0

[[number]]
number  = "4411"
kind    = "short-code"
country = "NL"
brands  = ["Torture"]
via     = "carrier"

[[connector]]
name      = "carrier"
host      = "127.0.0.1"
port      = {port}
system_id = "kwek"
password  = "env:KWEK_TORTURE_PASSWORD"
window    = {window}
response_s = 2.0
enquire_link_s = 5.0
peer_response_s = {impatience}
reconnect_least_s = 0.05
reconnect_most_s  = 0.2
"""

REPEATING: Final = 0.25
"""How often a phone that texted lately texts again at once."""
LATELY: Final = 20
STOPPING: Final = 0.02
"""How often a phone says STOP, and how often it is one that said so that comes back with START."""
RETURNING: Final = 0.01
LONG: Final = 0.05
"""How often a text takes several parts."""
CHAPTER: Final = "Er was eens een gateway die alles onthield wat men haar had verteld. "


def meaning(text: str) -> tuple[Word, int | None]:
    """What a text of the workload asks for, and how many rows of the outbox it must leave when it is acted upon."""
    if text in ("STOP", "START"):
        return ("stop", None) if text == "STOP" else ("start", None)
    return "", 1


class Workload:
    """Gives one text after another; `chance` from 0 up to 1."""

    def __init__(self, texts: Texts, chance: Callable[[], float]) -> None:
        self._texts = texts
        self._chance = chance
        self._count = 0
        self._lately: deque[str] = deque(maxlen=LATELY)
        self._silent: deque[str] = deque(maxlen=LATELY)

    def next(self) -> tuple[str, str]:
        """A phone, and what it texts."""
        self._count += 1
        if self._silent and self._chance() < RETURNING:
            return self._silent.popleft(), "START"
        if self._lately and self._chance() < STOPPING:
            phone = self._lately.pop()
            self._silent.append(phone)
            return phone, "STOP"
        again = bool(self._lately) and self._chance() < REPEATING
        phone = self._lately[int(self._chance() * len(self._lately))] if again else f"316{self._count:08}"
        if not again:
            self._lately.append(phone)
        if self._texts == "ja":
            return phone, "JA"
        if self._chance() < LONG:
            return phone, f"VERHAAL {self._count} " + CHAPTER * (3 + int(self._chance() * 4))
        return phone, f"STEM {self._count}"

    def half(self) -> tuple[str, str]:
        """A phone that texts something of several parts."""
        self._count += 1
        return f"316{self._count:08}", f"VERHAAL {self._count} " + CHAPTER * 6
