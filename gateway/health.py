"""How the gateway is, in sentences: what /healthz and /readyz answer.

`dead` does not pass: a task that has to run has ended, and only a new process helps. `trouble` may pass or be mended
from outside: rules are broken, the store is away, a carrier refuses our bind. Parts are named as the operator knows
them, and a part without trouble does not stand here.
"""

from __future__ import annotations

from collections.abc import Mapping


class Health:
    """What is wrong now, by part; nothing: the gateway is alive and ready."""

    def __init__(self, dead: Mapping[str, str] | None = None) -> None:
        self.dead: Mapping[str, str] = {} if dead is None else dead
        self.trouble: dict[str, str] = {}

    def note(self, part: str, sentence: str) -> bool:
        """Sets or, with an empty sentence, clears a part's trouble; True when that says something new."""
        if self.trouble.get(part, "") == sentence:
            return False
        if sentence:
            self.trouble[part] = sentence
        else:
            del self.trouble[part]
        return True


def told(parts: Mapping[str, str]) -> list[str]:
    """Sentences that name their part."""
    return [f"{part}: {sentence}" for part, sentence in parts.items()]
