"""From paths to rule sources, and from sources to a rulebook in a process of its own.

What cannot be read is told like any other fault of the author: a diagnostic with a code, a place and what to do. Files
in a folder are those named `*.rules`, in the order of their names, at any depth; names that begin with a dot are
left out (editors keep half-written copies there, and a mounted volume its older versions).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rules.diagnostics import Diagnostic, Source
from rules.syntax import Span

SUFFIX = ".rules"
MOST_OCTETS = 4_194_304  # a thousand long rules fit a hundred times; a log file named by mistake does not fill memory
MOST_FILES = 20_000  # brands on one gateway; a folder named by mistake (a home folder) is told instead of read

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Name, inode, size and time of change (ctime: permissions too) of every file: two that are equal hold the same."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read. Sources are complete only when nothing is wrong."""

    sources: tuple[Source, ...]
    diagnostics: tuple[Diagnostic, ...]


class Unlisted(Exception):
    """A path that gives no rules files; holds the diagnostic that says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def load_sources(paths: Sequence[Path]) -> Loaded:
    """Reads every rules file that the paths name or hold, each once, as the author wrote it."""
    sources: list[Source] = []
    diagnostics: list[Diagnostic] = []
    seen: set[Path] = set()
    for path in paths:
        try:
            files = list_files(path)
        except Unlisted as unlisted:
            diagnostics.append(unlisted.diagnostic)
            continue
        for file in files:
            real = file.resolve()
            if real in seen:
                continue
            seen.add(real)
            read = _read(file)
            if isinstance(read, Source):
                sources.append(read)
            else:
                diagnostics.append(read)
    return Loaded(tuple(sources), tuple(diagnostics))


def list_files(path: Path) -> list[Path]:
    """The rules files that a path stands for; raises Unlisted when it stands for none."""
    if path.is_file():
        return [path]
    if not path.exists():
        raise Unlisted(_fault("R001", path, "There is no such file or folder.", "Is the path right?"))
    if not path.is_dir():
        raise Unlisted(_fault("R001", path, "This is neither a file nor a folder.", "Is the path right?"))
    files: list[Path] = []
    for file in _below(path):
        files.append(file)
        if len(files) > MOST_FILES:
            message = f"There are more than {MOST_FILES} rules files below this folder."
            raise Unlisted(_fault("R003", path, message, "Name the folder that holds your brands."))
    if not files:
        message = f"No file below this folder is named *{SUFFIX}."
        raise Unlisted(_fault("R005", path, message, f"Write one, for example {path / 'my-brand.rules'}."))
    return sorted(files)


def write_source(file: str, text: str) -> Diagnostic | None:
    """Puts a text in the place of a rules file, all at once, keeping its permissions; a diagnostic when it cannot."""
    path = Path(file).resolve()  # a link stays a link
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text, encoding="utf-8", newline="")
        new.chmod(path.stat().st_mode)
        new.replace(path)
    except OSError as fault:
        new.unlink(missing_ok=True)
        return _fault("R004", Path(file), f"This file cannot be written: {fault.strerror}.", "Look at its permissions.")
    return None


def fingerprint(paths: Iterable[Path]) -> Fingerprint:
    """What the files look like from outside; a path or file that is not there adds nothing."""
    marks: list[tuple[str, int, int, int]] = []
    for path in paths:
        try:
            files = list_files(path)
        except (Unlisted, OSError):
            continue
        for file in files:
            try:
                found = file.stat()
            except OSError:
                continue
            marks.append((str(file), found.st_ino, found.st_size, found.st_ctime_ns))
    return tuple(marks)


def _below(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(at, name) for name in names if name.endswith(SUFFIX) and not name.startswith("."))


def _read(file: Path) -> Source | Diagnostic:
    try:
        with file.open("rb") as opened:
            octets = opened.read(MOST_OCTETS + 1)
    except OSError as fault:
        return _fault("R004", file, f"This file cannot be read: {fault.strerror}.", "Look at its permissions.")
    if len(octets) > MOST_OCTETS:
        return _fault("R003", file, f"This file has more than {MOST_OCTETS} octets.", "Is it a rules file?")
    try:
        return Source(str(file), octets.decode("utf-8"))
    except UnicodeDecodeError as fault:
        line = octets.count(b"\n", 0, fault.start) + 1
        column = len(octets[octets.rfind(b"\n", 0, fault.start) + 1 : fault.start].decode("utf-8")) + 1
        return _fault("R002", file, "This is not UTF-8.", "Save the file as UTF-8 in your editor.", (line, column))


def _fault(code: str, path: Path, message: str, help: str, at: tuple[int, int] = (1, 1)) -> Diagnostic:
    line, column = at
    return Diagnostic(code, "error", Span(str(path), line, column, line, column + 1), message, help)
