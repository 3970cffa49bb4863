"""From a TOML file's tables to Settings, by the declarations alone; every problem is noted and the reading goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from config.declare import Setting, list_entry, settings_of, table_class
from config.kinds import Surroundings, anchored, name_of, read_value
from config.locate import Keys, Place, Places
from config.problems import Problem, Unfit, did_you_mean
from config.settings import Settings
from config.values import Store


def table_name(keys: Keys) -> str:
    """How kwek.toml writes the table: [gateway], [[connector]], [connector.addresses]."""
    name = ".".join(key for key in keys if isinstance(key, str))
    return f"[[{name}]]" if keys and isinstance(keys[-1], int) else f"[{name}]"


class Reader:
    """Reads one file. `good` holds, per table, the settings that fit: the checks between tables look there."""

    def __init__(self, file: str, places: Places, around: Surroundings) -> None:
        self.file = file
        self.places = places
        self.around = around
        self.problems: list[Problem] = []
        self.errors = 0
        self.good: dict[Keys, dict[str, Any]] = {}

    def note(self, place: Place, message: str, help: str = "", severity: Literal["error", "warning"] = "error") -> None:
        """Notes a problem."""
        self.problems.append(Problem(self.file, place.line, place.column, severity, message, help))
        self.errors += severity == "error"

    def table(self, kind: type[Any], data: Mapping[str, Any], keys: Keys) -> Any:
        """The table as its class; None when anything in it did not fit."""
        before = self.errors
        known = {setting.key: setting for setting in settings_of(kind)}
        for key in data.keys() - known.keys():
            self.unknown(key, (*keys, key), known)
        good = self.good[keys] = {}
        for setting in known.values():
            here = (*keys, setting.key)
            if setting.key in data:
                good[setting.attribute] = self.setting(setting, data[setting.key], here)
            elif setting.required:
                help = f"add, for example: {setting.example}"
                self.note(self.places.key(keys), f"{table_name(keys)} lacks {setting.key}", help)
            else:
                good[setting.attribute] = self.default(setting, here)
        return None if self.errors > before else kind(**good)

    def default(self, setting: Setting, here: Keys) -> Any:
        """The setting's default, with paths made absolute."""
        match setting.default:
            case Store() as store:
                return anchored(store, self.around.folder)
            case (Path(), *_) as paths:
                return tuple(self.around.folder.absolute() / path for path in paths)
            case default if table_class(type(default)):
                return self.table(type(default), {}, here) if table_class(setting.kind) else default
            case default:
                return default

    def setting(self, setting: Setting, value: Any, here: Keys) -> Any:
        """What the file says for a setting; None when it does not fit."""
        before = len(self.problems)
        entry, table = list_entry(setting.kind), table_class(setting.kind)
        if entry is not None:
            read = self.entries(setting, entry, value, here)
        elif table is not None and not isinstance(value, dict):
            self.note(
                self.places.key(here), f"{setting.key} is one table, not {name_of(value)}", f"write [{setting.key}]"
            )
            read = None
        elif table is not None:
            read = self.table(table, value, here)
        else:
            read = self.value(setting, setting.kind, value, here)
        if setting.waits and read != setting.default and len(self.problems) == before:
            message = f"{self.naming(here, setting)} is understood, but nothing in this version uses it"
            self.note(self.places.key(here), message, severity="warning")
        return read

    def entries(self, setting: Setting, entry: Any, value: Any, here: Keys) -> Any:
        """A list: of tables, or of values."""
        if table_class(entry):
            if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
                help = f"write [[{setting.key}]], with two brackets on each side"
                self.note(self.places.key(here), f"{setting.key} is a list of tables, not {name_of(value)}", help)
                return None
            return tuple(self.table(entry, one, (*here, index)) for index, one in enumerate(value))
        if not isinstance(value, list):
            message = f"{self.naming(here, setting)} must be a list, not {name_of(value)}"
            self.note(self.places.value(here), message, f"for example: {setting.example}")
            return None
        if len(value) < (setting.bounds.least or 0):
            message = f"{self.naming(here, setting)} must hold at least one"
            self.note(self.places.value(here), message, f"for example: {setting.example}")
        return tuple(self.value(setting, entry, one, (*here, index)) for index, one in enumerate(value))

    def value(self, setting: Setting, kind: Any, value: object, here: Keys) -> Any:
        """One value; None when it does not fit."""
        self.around.warnings.clear()
        try:
            return read_value(setting, kind, value, self.around)
        except Unfit as unfit:
            it = self.naming(here, setting)
            self.note(self.places.value(here), unfit.message.replace("{it}", it), unfit.help)
            return None
        finally:
            for warning in self.around.warnings:
                self.note(self.places.value(here), warning, severity="warning")

    def naming(self, here: Keys, setting: Setting) -> str:
        """How a message calls a setting: `window in [[connector]]`."""
        table = here[: len(here) - 1 - here[::-1].index(setting.key)]
        if table:
            return f"{setting.key} in {table_name(table)}"
        return table_name((setting.key, 0) if list_entry(setting.kind) else (setting.key,))

    def unknown(self, key: str, here: Keys, known: Mapping[str, Setting]) -> None:
        """Notes a key that its table does not have, with the best guess of what was meant."""
        table = here[:-1]
        homes = [] if not table else [name for name, keys in _homes() if key in keys]
        help = did_you_mean(key, known) or (f"it belongs to {homes[0]}" if homes else f"known here: {', '.join(known)}")
        where = f"in {table_name(table)}" if table else "at the head of kwek.toml"
        self.note(self.places.key(here), f"there is no setting {key!r} {where}", help)


def _homes() -> list[tuple[str, frozenset[str]]]:
    """Each top table by the name it is written with, and its keys."""
    homes = []
    for setting in settings_of(Settings):
        entry = list_entry(setting.kind)
        keys = frozenset(one.key for one in settings_of(table_class(entry or setting.kind)))
        homes.append((f"[[{setting.key}]]" if entry else f"[{setting.key}]", keys))
    return homes
