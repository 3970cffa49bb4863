"""What a process tells its caller when it ends: one table for all commands.

A supervisor starts again after 3, 4 and 70, which pass or may pass; 2 and 5 want a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class Exit(IntEnum):
    """The exit codes of `kwek`, whatever the command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    STORE = 3
    PORT = 4
    RULES = 5
    INTERNAL = 70  # EX_SOFTWARE of sysexits.h


MEANINGS: Mapping[Exit, str] = MappingProxyType(
    {
        Exit.OK: "done; `kwek run`: stopped because it was asked to",
        Exit.FAILED: "rules with an error, a failed test, a file not in the layout, an answer that did not come, "
        "a row that was refused, a ledger that does not hold, a gateway that has not taken rules over",
        Exit.USAGE: "the command line or kwek.toml is wrong; each fault is printed with its place",
        Exit.STORE: "the store cannot be opened or written, or another process owns it",
        Exit.PORT: "an address to listen on is taken or not ours",
        Exit.RULES: "no rules to work by: nothing that compiles, and no last good set in the store, or, with "
        "`reload = false`, only files that nobody deployed",
        Exit.INTERNAL: "a fault of kwek itself, or a store that no longer keeps its promises",
    }
)
"""What each says; `kwek --help` prints it."""
