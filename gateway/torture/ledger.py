"""The ledger: a journal held against a database, promise by promise (RELIABILITY.md 2.0, L1 to L10).

Pure: `examine` gives a line for each promise, with a sentence for everything that breaks it. What a promise allows is
worked out from the journal too (texts in doubt, re-sends that the centre is to blame for), never assumed.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.torture import checks_in, checks_out, checks_side
from gateway.torture.account import Account
from gateway.torture.entries import Books, Entry
from gateway.torture.line import Bounds, Line

__all__ = ["Bounds", "Line", "Verdict", "examine"]

USUAL = Bounds()
TOLD = 5
"""Findings that the table shows of one promise; all of them are in the lines."""


class Verdict(msgspec.Struct, frozen=True):
    """L1 to L10, in order."""

    lines: tuple[Line, ...]

    @property
    def broken(self) -> tuple[Line, ...]:
        """The promises that were not kept."""
        return tuple(line for line in self.lines if line.findings)

    def line(self, name: str) -> Line:
        """The line of one promise, by its name (`L1`)."""
        return next(line for line in self.lines if line.name == name)

    def table(self) -> str:
        """All of it for people, a promise a line and its first findings below."""
        rows = [f"{'':4}{'promise':22}{'count':>8}{'allowed':>9}  kept  figures"]
        for line in self.lines:
            kept = "no" if line.findings else "yes"
            figures = ", ".join(f"{name} {value}" for name, value in line.figures.items())
            rows.append(f"{line.name:4}{line.promise:22}{line.count:>8}{line.allowed:>9}  {kept:4}  {figures}".rstrip())
            rows += [f"      {finding}" for finding in line.findings[:TOLD]]
            if len(line.findings) > TOLD:
                rows.append(f"      … and {len(line.findings) - TOLD} more")
        return "\n".join(rows)


def examine(entries: Iterable[Entry], books: Books, bounds: Bounds = USUAL) -> Verdict:
    """Hold a journal against the database, after all faults were healed and what waited was drained."""
    account = Account(entries)
    rows = checks_in.kept(account, books)
    return Verdict(
        (
            checks_in.lost(account, rows),
            checks_in.doubled(account, books, rows, bounds),
            checks_in.merged(account, books, rows, bounds),
            checks_out.unsent(account, books, bounds),
            checks_out.sent_twice(account, books, bounds),
            checks_out.after_stop(account, books, bounds),
            checks_out.receipts(account, books, bounds),
            checks_side.conserved(account, books, rows),
            checks_side.within_bounds(account, bounds),
            checks_side.explained(account, books, rows, bounds),
        )
    )
