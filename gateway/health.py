"""How the gateway is, in sentences: what /healthz and /readyz answer.

`dead` does not pass: a task that has to run has ended, and only a new process helps. `trouble` may pass or be mended
from outside: rules are broken, the store is away, a carrier refuses our bind. What parts know of themselves (writer,
connectors) is asked when somebody looks; the others note it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol


class Troubled(Protocol):
    """A part that knows what keeps it from working: a sentence, empty when nothing does."""

    @property
    def trouble(self) -> str:
        """What keeps it from working."""


class Connected(Protocol):
    """Whoever has the connectors, by name."""

    @property
    def connectors(self) -> Mapping[str, Troubled]:
        """The ways to and from carriers."""


class Health:
    """What is wrong now, by part; nothing: the gateway is alive and ready."""

    def __init__(self, dead: Mapping[str, str] | None = None) -> None:
        self.dead: Mapping[str, str] = {} if dead is None else dead
        self._noted: dict[str, str] = {}
        self._exchange: Connected | None = None
        self._writer: Troubled | None = None

    def watch(self, exchange: Connected, writer: Troubled) -> None:
        """Ask these, too, from now on."""
        self._exchange = exchange
        self._writer = writer

    def note(self, part: str, sentence: str) -> bool:
        """Sets or, with an empty sentence, clears a part's trouble; True when that says something new."""
        if self._noted.get(part, "") == sentence:
            return False
        if sentence:
            self._noted[part] = sentence
        else:
            del self._noted[part]
        return True

    @property
    def trouble(self) -> dict[str, str]:
        """What keeps texts from coming in or going out as they should, by part."""
        return {part: sentence for part, sentence in self._parts() if sentence}

    def _parts(self) -> Iterator[tuple[str, str]]:
        if self._writer is not None:
            yield "store", self._writer.trouble
        if self._exchange is not None:
            for name, connector in self._exchange.connectors.items():
                yield f"connector {name}", connector.trouble
        yield from self._noted.items()


def told(parts: Mapping[str, str]) -> list[str]:
    """Sentences that name their part."""
    return [f"{part}: {sentence}" for part, sentence in parts.items()]
