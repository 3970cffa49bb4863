"""Reads a kwek.toml: Settings, or everything that is wrong with it at once.

Nothing is raised for what an operator wrote; a file that cannot be read is a problem like the others. Warnings come
with the settings, errors instead of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.agree import check_agreement
from config.kinds import Surroundings
from config.locate import Places
from config.problems import Problem
from config.read import Reader
from config.settings import Settings

MOST_OCTETS = 4_194_304  # some thousand brands' numbers; a database named by mistake is not read into memory

ADVICE = {
    "Invalid value": 'a text stands in double quotes: host = "smsc.example"',
    "Expected '=' after a key in a key/value pair": "a setting is a name, an equals sign and a value: port = 2775",
    "Invalid statement": "a line is a setting (port = 2775), a table ([gateway]) or a comment (# …)",
    "Cannot overwrite a value": "this key is there already: keep one of the two",
    "Illegal character": "a text ends on the line where it began: is its closing quote missing?",
    "Unescaped '\\' in a string": "write a backslash as \\\\",
}
"""What to do about the commonest faults of TOML itself, by how tomllib's words begin."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of reading. `settings` is None exactly when a problem is an error."""

    settings: Settings | None
    problems: tuple[Problem, ...]


def load(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Reads the file; paths in it are relative to its folder, secrets are looked up in `environ` and in files."""
    file = str(path)
    try:
        with path.open("rb") as opened:
            octets = opened.read(MOST_OCTETS + 1)
    except FileNotFoundError:
        return _failed(file, "there is no such file", "`kwek config > kwek.toml` makes one")
    except OSError as fault:
        return _failed(file, f"it cannot be read: {fault.strerror}")
    if len(octets) > MOST_OCTETS:
        return _failed(file, f"it has more than {MOST_OCTETS} octets: is this a kwek.toml?")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = octets.count(b"\n", 0, fault.start) + 1
        column = fault.start - octets.rfind(b"\n", 0, fault.start)
        return _failed(file, "this is not UTF-8", "save it as UTF-8 in your editor", line, column)
    return parse(text, environ, file=file, folder=path.parent)


def parse(text: str, environ: Mapping[str, str], *, file: str = "kwek.toml", folder: Path = Path()) -> Loaded:
    """The same for a text that is already here; `file` is how problems call it."""
    try:
        data = tomllib.loads(text)
        places = Places(text)
    except (ValueError, RecursionError) as fault:  # tomllib.TOMLDecodeError is the usual one; others: a number too long
        return _not_toml(file, text, str(fault))
    reader = Reader(file, places, Surroundings(folder, environ))
    settings = reader.table(Settings, data, ())
    check_agreement(reader)
    return Loaded(None if reader.errors else settings, tuple(sorted(set(reader.problems))))


def _failed(file: str, message: str, help: str = "", line: int = 0, column: int = 0) -> Loaded:
    return Loaded(None, (Problem(file, line, column, "error", message, help),))


def _not_toml(file: str, text: str, fault: str) -> Loaded:
    """The one fault that tomllib tells, with its place and advice."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", fault, re.DOTALL)
    words, line, column = (found[1], found[2], found[3]) if found else (fault, None, None)
    if found and not line:
        help = "the file ends inside something: a quote, a bracket or a brace is not closed"
    else:
        help = next((advice for begin, advice in ADVICE.items() if words.startswith(begin)), "")
    last = text.rstrip("\n").count("\n") + 1
    return _failed(file, f"this is not TOML: {words}", help, int(line or last), int(column or 1))
