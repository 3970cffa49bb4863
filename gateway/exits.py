"""What a process tells its caller when it ends: one table for all commands.

A supervisor starts again after 3, 4 and 70, which pass or may pass; 2 and 5 want a person.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of `kwek`, whatever the command."""

    OK = 0
    """Done; for `kwek run`: stopped because it was asked to."""
    FAILED = 1
    """Rules with an error, a failed test, a file not formatted, an answer that did not come."""
    USAGE = 2
    """The command line or kwek.toml is wrong; each fault was printed with its place."""
    STORE = 3
    """The store cannot be opened or written, or another process owns it."""
    PORT = 4
    """An address to listen on is taken or not ours."""
    RULES = 5
    """There are no rules to work by: nothing that compiles, and no last good set in the store."""
    INTERNAL = 70
    """A fault of kwek itself, or a store that no longer keeps its promises (EX_SOFTWARE of sysexits.h)."""
