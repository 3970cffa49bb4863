"""Values of rules in a column: JSON text, tagged so that a number comes back a number and a date a date."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rules.facts import Value, values_from_json, values_to_json

NONE = "{}"


def dumps(values: Mapping[str, Value]) -> str:
    """The column's text."""
    return msgspec.json.encode(values_to_json(values)).decode() if values else NONE


def loads(text: str) -> dict[str, Value]:
    """The values of a column's text."""
    return {} if text == NONE else values_from_json(msgspec.json.decode(text))
