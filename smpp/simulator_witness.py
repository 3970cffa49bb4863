"""Who watches a simulated centre: told of everything that decides afterwards who was right, before it takes effect.

The centre calls `sync` before octets leave, so that a witness that writes to disk has never seen less than the ESME was
told. Links and texts bear numbers that only the centre knows.
"""

from typing import Protocol

import msgspec

from smpp.simulator_conduct import Submit


class TextPart(msgspec.Struct, frozen=True, gc=False):
    """A deliver_sm carries part `part` (from 1) of the text with this number."""

    id: int
    part: int


class ReceiptOf(msgspec.Struct, frozen=True, gc=False):
    """A deliver_sm carries a receipt: of the message with the centre's number `number`, written as `told`.

    `state` is the receipt's word; `reference` the user_message_reference that comes back with it, None if none does.
    """

    number: int
    told: str
    state: str
    reference: int | None = None


Load = TextPart | ReceiptOf


class Witness(Protocol):
    """What a witness is told; `Unwitnessed` is one that does not care."""

    def texted(self, id: int, sender: str, recipient: str, text: str, parts: int) -> None:
        """A phone has texted; the text waits for a receiver."""
        ...

    def attempted(self, load: Load, link: int, sequence: int) -> None:
        """A text's part or a receipt is about to leave on a link."""
        ...

    def answered(self, link: int, sequence: int, status: int) -> None:
        """It was answered there."""
        ...

    def ended(self, link: int) -> None:
        """A link is gone."""
        ...

    def submitted(self, link: int, submit: Submit, status: int, number: int) -> None:
        """A message has come; its answer is to have this status. `number` is the centre's own, 0 when refused."""
        ...

    def responded(self, link: int, sequence: int) -> None:
        """Its answer is about to leave."""
        ...

    def injected(self, kind: str, frame: bytes, told: str) -> None:
        """Something is about to leave that no honest centre sends: these octets, or a receipt for the id `told`."""
        ...

    def sync(self) -> None:
        """Octets are about to leave: what was told until now must be safe."""
        ...


class Unwitnessed:
    """Nobody watches."""

    def texted(self, id: int, sender: str, recipient: str, text: str, parts: int) -> None:
        """Nobody cares."""

    def attempted(self, load: Load, link: int, sequence: int) -> None:
        """Nobody cares."""

    def answered(self, link: int, sequence: int, status: int) -> None:
        """Nobody cares."""

    def ended(self, link: int) -> None:
        """Nobody cares."""

    def submitted(self, link: int, submit: Submit, status: int, number: int) -> None:
        """Nobody cares."""

    def responded(self, link: int, sequence: int) -> None:
        """Nobody cares."""

    def injected(self, kind: str, frame: bytes, told: str) -> None:
        """Nobody cares."""

    def sync(self) -> None:
        """Nothing is to be kept."""
