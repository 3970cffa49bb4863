"""What texts about getting no more must come to, read from `tests/rules/revocation/*.txt`: one list for the rules and
for whoever plays the same texts through a gateway."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "rules" / "revocation"
LANGUAGES = ("nl", "en", "de", "fr")
KEYWORDS = ("REPAIR", "BURGER", "ORDER", "STOMP", "CLUB")
"""Keywords that the lists take for granted on the number."""


@dataclass(frozen=True, slots=True)
class Case:
    """One text to a number of a market, by a brand that speaks `language`. `level` 0: no revocation at all.

    `scope` is brand, all or keyword; it means nothing for levels 0 and 4. `place` is file and line.
    """

    market: str
    language: str
    level: int
    scope: str
    text: str
    place: str


@cache
def cases(language: str) -> tuple[Case, ...]:
    """All cases of a language, one for each text and market."""
    return tuple(_read(language))


def _read(language: str) -> Iterator[Case]:
    path = FOLDER / f"{language}.txt"
    markets: list[str] = []
    level, scope = 0, "brand"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("## "):
            *markets, stage, scope = line[3:].split()
            level = 0 if stage == "none" else int(stage.removeprefix("L"))
        elif line and not line.startswith("# "):
            text = line.replace("\\n", "\n").replace("\\u0301", "\u0301")
            for market in markets:
                yield Case(market, language, level, scope, text, f"{path.name}:{number}")
