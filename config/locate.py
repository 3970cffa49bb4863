"""Where in a kwek.toml each key and each value stands, which tomllib does not tell.

A scan of a text that tomllib has already accepted, so it checks nothing: it only has to know where strings, arrays and
inline tables end. The property test compares its keys with tomllib's on random files.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass

Keys = tuple[str | int, ...]
"""The way to a value: table names, keys, and positions in lists from 0."""

BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
SPACE = re.compile(r"[ \t]*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
BARE_VALUE = re.compile(r"[^,\]}#\n]*")
STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\]|\\.)*"|\'[^\']*\'', re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int


class Places:
    """The places of a file's keys and values. A key's place is also that of its table's header."""

    def __init__(self, text: str) -> None:
        scan = _Scan(text.replace("\r\n", "\n"))
        scan.document()
        self._starts = [0, *(found.end() for found in re.finditer("\n", scan.text))]
        self._keys = scan.keys
        self._values = scan.values

    def key(self, keys: Keys) -> Place:
        """Where the key stands; the nearest table around it when the file does not hold it."""
        while keys not in self._keys and keys:
            keys = keys[:-1]
        return self._place(self._keys.get(keys, 0))

    def value(self, keys: Keys) -> Place:
        """Where the value begins; its key's place when it is a table with a header."""
        return self._place(self._values[keys]) if keys in self._values else self.key(keys)

    def all_keys(self) -> frozenset[Keys]:
        """Every key that was found."""
        return frozenset(self._keys)

    def _place(self, offset: int) -> Place:
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)


class _Scan:
    """One pass over the text; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.keys: dict[Keys, int] = {}
        self.values: dict[Keys, int] = {}
        self.lists: dict[Keys, int] = {}
        """How many entries each list of tables has had so far."""

    def document(self) -> None:
        table: Keys = ()
        self.skip(BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(BLANK)

    def header(self) -> Keys:
        """`[a.b]` or `[[a.b]]`; what it names is looked up in the newest entry of each list on the way."""
        start, is_list = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if is_list else 1
        names = self.dotted()
        self.at += 2 if is_list else 1
        keys: Keys = ()
        for name in names[:-1]:
            keys = self.newest((*keys, name))
            self.keys.setdefault(keys, start)
        keys = (*keys, names[-1])
        if is_list:
            self.keys.setdefault(keys, start)
            self.lists[keys] = self.lists.get(keys, 0) + 1
            keys = self.newest(keys)
        self.keys[keys] = start
        return keys

    def newest(self, keys: Keys) -> Keys:
        return (*keys, self.lists[keys] - 1) if keys in self.lists else keys

    def pair(self, table: Keys) -> None:
        start = self.at
        keys = table
        for name in self.dotted():
            keys = (*keys, name)
            self.keys.setdefault(keys, start)
        self.at += 1  # the equals sign
        self.skip(SPACE)
        self.value(keys)

    def dotted(self) -> list[str]:
        names = []
        while True:
            self.skip(SPACE)
            bare = self.skip(BARE_KEY)
            names.append(bare or tomllib.loads(f"key = {self.skip(STRING)}")["key"])
            self.skip(SPACE)
            if self.text[self.at] != ".":
                return names
            self.at += 1

    def value(self, keys: Keys) -> None:
        self.values[keys] = self.at
        match self.text[self.at]:
            case '"' | "'":
                self.skip(STRING)
            case "[":
                self.entries(keys, "]")
            case "{":
                self.entries(keys, "}")
            case _:
                self.skip(BARE_VALUE)

    def entries(self, keys: Keys, end: str) -> None:
        """What stands in an array (values) or an inline table (pairs)."""
        self.at += 1
        self.skip(BLANK)
        index = 0
        while self.text[self.at] != end:
            if end == "]":
                self.keys[(*keys, index)] = self.at
                self.value((*keys, index))
            else:
                self.pair(keys)
            index += 1
            self.skip(BLANK)
            if self.text[self.at] == ",":
                self.at += 1
                self.skip(BLANK)
        self.at += 1

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Moves behind the pattern and returns what it took; an empty text when it does not stand here."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]
