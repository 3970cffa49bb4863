"""Whether a person follows a link, or a program that looks ahead; what programs say of themselves is data.

A mistake either way is cheap: who is taken for a program is served all the same and only not counted.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Signs(NamedTuple):
    """What gives a program away: its name, or a header and how its value begins."""

    agent: re.Pattern[str]
    headers: tuple[tuple[str, str], ...]


@cache
def signs() -> Signs:
    """The signs of previews.toml."""
    told = tomllib.loads(files("gateway.web").joinpath("previews.toml").read_text("utf-8"))
    words = [re.escape(word) for group in told["agents"] for word in group["words"]]
    agent = re.compile("|".join([*words, told["bot"]["pattern"]]), re.IGNORECASE)
    return Signs(agent, tuple((one["name"], one["begins"]) for one in told["headers"]))


def is_person(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is taken for that of a person: who says nothing of itself is none."""
    agent = headers.get("User-Agent", "")
    if method != "GET" or not agent or signs().agent.search(agent):
        return False
    return not any(headers.get(name, "").lower().startswith(begins) for name, begins in signs().headers)
