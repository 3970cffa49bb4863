"""A link of a simulated centre: its witness is safe before octets leave, and it can say what no session would say."""

from smpp.server import Server, ServerLink
from smpp.simulator_witness import Witness


class CentreLink(ServerLink):
    """One connection of an ESME to a simulator."""

    def __init__(self, server: Server, witness: Witness) -> None:
        super().__init__(server)
        self._witness = witness

    def flush(self) -> None:
        """Writes what is pending, once the witness has it."""
        self._witness.sync()
        super().flush()

    def say(self, octets: bytes) -> None:
        """Writes octets as they are, behind what is pending; nothing when the connection is gone."""
        self.flush()
        if self._transport is not None:
            self._transport.write(octets)
