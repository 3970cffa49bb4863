"""PostgreSQL's protocol seen from between: a link can be cut when COMMIT has been sent, before or after it was done.

Client messages are a letter, a length and a body; COMMIT comes as a simple Query, or as an Execute of a statement that
was parsed before (https://www.postgresql.org/docs/current/protocol-message-formats.html). The link must not be
encrypted: `sslmode=disable&gssencmode=disable`.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from gateway.torture.proxy import Cut, Proxy, Tcp, Unix, Watch

_LENGTH = struct.Struct(">I")
COMMIT = b"COMMIT"
MOST_STATEMENTS = 4_096
"""Prepared statements that are remembered of a link; kwek prepares some hundreds."""


class At(Enum):
    """When the link is cut: the server never hears of the COMMIT, or has done it and its answer is lost."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(slots=True)
class Plan:
    """What is to befall the next COMMIT of any link. `seen`: is called when one passes, before the server has it."""

    cut: At | None = None
    skip: int = 0
    """So many pass first."""
    seen: Callable[[], None] | None = None
    cuts: int = 0


class _Commits:
    """The watch over one link."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sent = bytearray()
        self._began = False
        self._statements: dict[bytes, bytes] = {}
        self._portal = b""
        self._lost: asyncio.Event | None = None
        """Set while an answer is being waited for that the client will never see."""
        self._answer = bytearray()

    async def up(self, octets: bytes) -> bytes:
        self._sent += octets
        if self._messages() and self._falls_due():
            self._plan.cuts += 1
            if self._plan.cut is At.BEFORE:
                self._plan.cut = None
                raise Cut("before COMMIT")
            self._plan.cut = None
            self._lost = asyncio.Event()
        return octets

    async def down(self, octets: bytes) -> bytes:
        if self._lost is None:
            return octets
        self._answer += octets
        if _is_done(self._answer):
            raise Cut("after COMMIT")
        return b""

    def _falls_due(self) -> bool:
        plan = self._plan
        if plan.seen is not None:
            plan.seen()
        if plan.cut is None:
            return False
        plan.skip -= 1
        return plan.skip < 0

    def _messages(self) -> bool:
        """Read the whole messages that have come; whether one of them has COMMIT done."""
        found, sent = False, self._sent
        if not self._began and len(sent) >= 4:  # the first one has no letter
            (length,) = _LENGTH.unpack_from(sent)
            if len(sent) < length:
                return False
            del sent[:length]
            self._began = True
        while self._began and len(sent) >= 5 and len(sent) > (length := _LENGTH.unpack_from(sent, 1)[0]):
            found |= self._is_commit(bytes(sent[:1]), bytes(sent[5 : length + 1]))
            del sent[: length + 1]
        return found

    def _is_commit(self, letter: bytes, body: bytes) -> bool:
        if letter == b"Q":
            return body.rstrip(b"\0") == COMMIT
        if letter == b"P":
            name, query, _ = body.split(b"\0", 2)
            if len(self._statements) < MOST_STATEMENTS or name in self._statements:
                self._statements[name] = query
        elif letter == b"B":
            _, name, _ = body.split(b"\0", 2)
            self._portal = self._statements.get(name, b"")
        return letter == b"E" and self._portal == COMMIT


def _is_done(answer: bytearray) -> bool:
    """Whether the server has said ReadyForQuery."""
    at = 0
    while at + 5 <= len(answer):
        if answer[at : at + 1] == b"Z":
            return True
        at += 1 + _LENGTH.unpack_from(answer, at + 1)[0]
    return False


class PostgresProxy(Proxy):
    """A proxy before PostgreSQL; `plan` says what is to befall the COMMITs that pass."""

    def __init__(self, server: Tcp | Unix) -> None:
        self.plan = Plan()
        super().__init__(server, self._watching)

    def _watching(self) -> Watch:
        return _Commits(self.plan)
