"""The other nodes of a store (PostgreSQL): which of them have ended, and what they left behind.

A dead node's claimed texts hold back the later ones of their contacts, and texts that came over its open sessions hold
back equal ones elsewhere. It settles both itself when it starts again; until then, or where it never does, another node
does it in its place. Who lives is the database's to say: a process holds a lock of its name as long as it is connected
(`Store.own`). A node that has lost its connection for a moment is not dead, so one must have been missing for a while.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from router import evidence, outbox
from router.store import statements as sql
from router.store.engine import Tx

MISSING_S = 30.0
"""A node that is not connected for so long is dead: one that lives connects again within seconds. Seconds."""
LOOKED_LATELY_S = 120.0
"""When nobody has looked for longer the database was away, and every node with it: who is missing counts anew."""


class Others:
    """What the node `own` knows of the others. Times are monotonic seconds; used on the writer's thread."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._missing: dict[str, float] = {}
        self._looked_s = -math.inf

    def dead(self, tx: Tx, at_s: float) -> list[str]:
        """The nodes that have ended. None of them starts before the transaction is over."""
        free = [row[0] for row in sql.lock_absent_nodes.rows(tx, self._own)]
        before = self._missing if at_s - self._looked_s <= LOOKED_LATELY_S else {}
        self._missing, self._looked_s = {name: before.get(name, at_s) for name in free}, at_s
        return [name for name, since in self._missing.items() if at_s - since >= MISSING_S]

    def recover(self, tx: Tx, now: int, at_s: float, horizons: Mapping[str, int]) -> tuple[int, int]:
        """Settle for the dead ones what they would settle at their start (`evidence.recover`, `outbox.recover`).

        Gives the texts in doubt and the outcomes unknown.
        """
        doubtful = unknown = 0
        for name in self.dead(tx, at_s):
            doubtful += evidence.recover(tx, name, now, horizons)
            unknown += outbox.recover(tx, name, now)
        return doubtful, unknown
