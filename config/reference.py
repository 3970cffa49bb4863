"""Prints the commented kwek.toml from the declarations: the reference page and the example are one and cannot go stale.

Settings that an operator has to look at stand ready to be edited; the others stand as comments with their default. A
table that nothing uses yet is a comment as a whole and says so.
"""

from __future__ import annotations

import textwrap
from typing import Any, Literal, get_args, get_origin

from config.declare import HEXADECIMAL, Setting, list_entry, settings_of, table_class, written
from config.settings import Settings
from config.values import Refusals

WIDTH = 118

NOTHING = ((), Refusals())
"""Defaults that would show nothing: the line below them is an example."""

HEAD = """\
# kwek.toml: everything that can be set, with its default. Printed by kwek from its own declarations.
# Paths are relative to this file. A secret never stands here: it is named as "env:NAME" or "file:PATH".
"""


def text() -> str:
    """The whole commented file."""
    return HEAD + "".join(_table(setting) for setting in settings_of(Settings))


def _table(setting: Setting) -> str:
    """One table with its settings; its own tables follow it."""
    entry = list_entry(setting.kind)
    title = f"[[{setting.key}]]" if entry else f"[{setting.key}]"
    lines = ["", *_comment(setting.meaning)]
    if setting.waits:
        lines += ["# Understood, but nothing in this version uses it yet."]
    body = [title, *_settings(table_class(entry or setting.kind), setting.key)]
    lines += [f"# {line}".rstrip() if setting.waits and not line.startswith("#") else line for line in body]
    return "\n".join(lines) + "\n"


def _settings(table: type[Any], name: str) -> list[str]:
    """The lines of a table's settings."""
    lines, inner = [], []
    for setting in settings_of(table):
        if (own := table_class(setting.kind)) is not None:
            inner += [
                "",
                *_comment(setting.meaning),
                f"[{name}.{setting.key}]",
                *_settings(own, f"{name}.{setting.key}"),
            ]
        else:
            line = setting.example
            lines += [*_comment(_explained(setting)), line if _ready(setting) else f"# {line}"]
    return lines + inner


def _ready(setting: Setting) -> bool:
    """Whether the setting stands ready to be edited, rather than as a comment."""
    return setting.required or (setting.shown is not None and setting.default not in NOTHING)


def _explained(setting: Setting) -> str:
    """The meaning with choices, unit and default, as far as the line below does not show them."""
    words = [setting.meaning]
    if get_origin(setting.kind) is Literal and len(get_args(setting.kind)) > 1:
        words += [f"One of {', '.join(written(one, setting.unit) for one in get_args(setting.kind))}."]
    if setting.unit not in {"", HEXADECIMAL}:
        words += [f"In {setting.unit}."]
    if setting.required:
        words += ["Must be set."]
    elif setting.default in NOTHING:
        words += ["Default: none. For example:"]
    elif setting.shown is not None:
        words += [f"Default: {written(setting.default, setting.unit)}."]
    if setting.waits:
        words += ["Nothing in this version uses it yet."]
    return " ".join(words)


def _comment(words: str) -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
