"""What can go wrong with the store, in the three ways that its caller has to act differently upon."""

from __future__ import annotations


class StoreError(Exception):
    """Anything the store could not do; the message is a sentence for the operator."""


class StoreUnavailable(StoreError):
    """The store is away, locked or full: nothing was written, try again later, acknowledge nothing meanwhile."""


class StoreInUse(StoreUnavailable):
    """Another process owns the SQLite file."""


class StoreConflict(StoreError):
    """A deadlock or serialisation failure: nothing was written, the same work may be done again at once."""


class CommitUnknown(StoreError):
    """The connection broke at COMMIT: whether it held is known only after asking for its `marker`."""

    def __init__(self, marker: int) -> None:
        super().__init__(f"the connection broke at COMMIT of batch {marker}; its outcome must be asked for")
        self.marker = marker


class StoreBroken(StoreError):
    """An I/O error or a damaged file: the process must stop, loudly, with nothing more acknowledged."""


class StoreUnsafe(StoreError):
    """The store's settings could lose acknowledged messages: the gateway refuses to start on it."""
