"""How a setting is declared: once, with its default, its unit and one sentence of meaning.

From these declarations `read` takes names, types and bounds, and `reference` prints the commented kwek.toml, so neither
can drift from what the gateway is given. A setting that this version understands but nothing uses yet is declared with
`waits=True`: who sets it is told so, rather than left to believe that it works.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, dataclass, field
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from config.problems import quoted
from config.values import Refusals

T = TypeVar("T")

HEXADECIMAL = "hexadecimal"
"""The unit of a number that the specification writes in hexadecimal."""
DAY_S = 86_400
"""A day, in seconds: bounds of durations are told in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The least and the most a number may be, or the fewest and the most characters or entries."""

    least: float | None = None
    most: float | None = None


ANY = Bounds()
NAMED = Bounds(least=1)
"""A text that may not be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One declared setting: `key` as it stands in kwek.toml, `attribute` as the code calls it."""

    key: str
    attribute: str
    kind: Any
    meaning: str
    unit: str
    default: Any
    shown: Any
    bounds: Bounds
    waits: bool

    @property
    def required(self) -> bool:
        """Whether kwek.toml must hold it wherever its table stands."""
        return self.default is MISSING

    @property
    def example(self) -> str:
        """The setting as a line of kwek.toml."""
        return f"{self.key} = {written(self.default if self.shown is None else self.shown, self.unit)}"


def setting(  # noqa: PLR0913  # a declaration names all that there is to say
    default: T,
    meaning: str,
    *,
    unit: str = "",
    bounds: Bounds = ANY,
    shown: object = None,
    key: str = "",
    waits: bool = False,
) -> T:
    """Declares a setting that may be left out. `shown` is what the example holds instead of the default."""
    about = {"meaning": meaning, "unit": unit, "bounds": bounds, "shown": shown, "key": key, "waits": waits}
    declared: Any = field(default=default, metadata=about)
    return declared  # type: ignore[no-any-return]  # the dataclass puts the default in its place


def required(meaning: str, *, shown: object, bounds: Bounds = ANY) -> Any:
    """Declares a setting without which its table means nothing; `shown` is what the example holds."""
    return field(metadata={"meaning": meaning, "bounds": bounds, "shown": shown})


def settings_of(table: type[Any]) -> tuple[Setting, ...]:
    """The settings that a table declares, in the order of the declaration."""
    kinds = get_type_hints(table)
    return tuple(
        Setting(
            key=one.metadata.get("key") or one.name,
            attribute=one.name,
            kind=kinds[one.name],
            meaning=one.metadata["meaning"],
            unit=one.metadata.get("unit", ""),
            default=one.default,
            shown=one.metadata["shown"],
            bounds=one.metadata["bounds"],
            waits=one.metadata.get("waits", False),
        )
        for one in dataclasses.fields(table)
    )


def table_class(kind: Any) -> Any:
    """The class of a table or of an optional table; None for another kind."""
    options = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    return next((one for one in options if _is_table(one)), None)


def _is_table(kind: Any) -> bool:
    """Whether a class declares settings; a value such as an address is a dataclass too, but declares none."""
    return dataclasses.is_dataclass(kind) and all("meaning" in one.metadata for one in dataclasses.fields(kind))


def list_entry(kind: Any) -> Any:
    """The kind of a list's entries; None for what is no list."""
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def written(value: object, unit: str = "") -> str:
    """A value as it stands in kwek.toml."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"0x{value:02x}" if unit == HEXADECIMAL else str(value)
        case tuple():
            return "[" + ", ".join(written(one) for one in value) + "]"
        case Refusals():
            return "{ " + ", ".join(f"0x{key:04x} = {written(one)}" for key, one in value.by_status) + " }"
        case _:
            return quoted(str(value))
