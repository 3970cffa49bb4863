"""What `kwek plan` says: for people, line by line, and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.commands.output import counted
from gateway.commands.stores import instant
from gateway.logs import masked_number, masked_text
from router.measures import Won
from router.moves import Fate, Move, Place
from router.replay import Difference, Goes, Replayed

if TYPE_CHECKING:
    from router.outlook import Current

SHORT = 12
"""Characters of a rule set's hash that people are shown, and may type."""
MOST_SAME = 50
"""Steps at which nothing changes that people are shown; programs get them all."""
MOST_DIFFERENCES = 50
"""Ways in which texts go elsewhere that people are shown, the most frequent; programs get them all."""
MOST_SHOWN = 60
"""Characters of a text that are shown as an example."""
DAYS = 7
"""Days of texts that are replayed."""

_FATES: Mapping[Fate, str] = {
    "same": "at the same step", "moved": "at the same step elsewhere", "own": "by the rules they began in",
    "lost": "lost",
}  # fmt: skip


class Planned(msgspec.Struct, frozen=True):
    """What a deployment would do. `files`: those that differ, with how; `cut`: not all texts were replayed; `unwon`:
    samples whose winner the new rules have no more."""

    current: Current
    new: str
    files: tuple[tuple[str, str], ...]
    moves: tuple[Move, ...]
    replayed: Replayed
    cut: bool
    unwon: tuple[Won, ...] = ()

    @property
    def runs(self) -> int:
        """How many chains are under way."""
        return sum(one.runs for one in self.moves)


def changed_files(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The files that differ, by name below the set's folder: added, changed, removed."""
    words = {(False, True): "added", (True, False): "removed", (True, True): "changed"}
    names = sorted(old.keys() | new.keys())
    return tuple((name, words[name in old, name in new]) for name in names if old.get(name) != new.get(name))


def as_json(planned: Planned) -> dict[str, Any]:
    """For programs."""
    replayed = planned.replayed
    return {
        "in_force": {"deployment": planned.current.deployment, "since": _since(planned.current)},
        "new": {"deployment": planned.new},
        "files": [{"file": name, "change": change} for name, change in planned.files],
        "under_way": {"runs": planned.runs, "steps": [_move_as_json(one) for one in planned.moves]},
        "samples_without_winner": [one._asdict() for one in planned.unwon],
        "replay": {
            "days": DAYS, "texts": replayed.texts, "cut": planned.cut, "elsewhere": replayed.elsewhere,
            "differences": [_difference_as_json(one) for one in replayed.differences],
        },
    }  # fmt: skip


def _move_as_json(one: Move) -> dict[str, Any]:
    return {
        "brand": one.brand, "rule": one.rule, "step": one.step, "runs": one.runs, "fate": one.fate,
        "is_new": one.is_new, "was": _place_as_json(one.was), "now": _place_as_json(one.now),
        "deployment": one.deployment or None,
    }  # fmt: skip


def _place_as_json(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else msgspec.structs.asdict(place)


def _difference_as_json(one: Difference) -> dict[str, Any]:
    return {
        "texts": one.texts, "to": one.number, "was": msgspec.structs.asdict(one.was),
        "now": msgspec.structs.asdict(one.now),
        "example": {"from": masked_number(one.example.sender), "text": masked_text(one.example.text)},
    }  # fmt: skip


def page(planned: Planned) -> list[str]:
    """For people."""
    since = f"  since {_since(planned.current)}" if planned.current.since else ""
    files = ", ".join(f"{name} {change}" for name, change in planned.files) or "nothing changes"
    lines = [f"In force  {planned.current.deployment[:SHORT]}{since}", f"New       {planned.new[:SHORT]}  {files}", ""]
    lines.append(under_way(planned))
    steady = [one for one in planned.moves if one.fate == "same"]
    moved = [one for one in planned.moves if one.fate != "same"]
    rows = [_row(one) for one in (*moved, *steady[:MOST_SAME])]
    lines += _aligned(rows)
    if len(steady) > MOST_SAME:
        lines.append(f"    and {len(steady) - MOST_SAME} more steps at which nothing changes (--format json has all)")
    lines += unwon_lines(planned)
    lines += ["", replay_line(planned)]
    differences = planned.replayed.differences
    lines += [_difference(one) for one in differences[:MOST_DIFFERENCES]]
    if len(differences) > MOST_DIFFERENCES:
        lines.append(f"    and {len(differences) - MOST_DIFFERENCES} more ways (--format json has all)")
    return lines


def under_way(planned: Planned) -> str:
    """One line: what becomes of the chains under way."""
    if not planned.runs:
        return "Under way: nobody"
    sums: dict[Fate, int] = dict.fromkeys(_FATES, 0)
    for one in planned.moves:
        sums[one.fate] += one.runs
    parts = [f"{runs} {_FATES[fate]}" for fate, runs in sums.items() if runs]
    return f"Under way: {counted(planned.runs, 'chain')}; {', '.join(parts)}"


def unwon_lines(planned: Planned) -> list[str]:
    """A line for each sample whose winner is gone."""
    return [
        f'Sample of split {one.split} ({one.brand}): "{one.winner}" has won, and is none of its arms now: '
        "each contact gets its own arm"
        for one in planned.unwon
    ]


def replay_line(planned: Planned) -> str:
    """One line: how many texts would go elsewhere."""
    replayed = planned.replayed
    newest = "the newest " if planned.cut else ""
    if not replayed.texts:
        return f"Texts of the last {DAYS} days: none"
    return (
        f"Texts of the last {DAYS} days: {newest}{replayed.texts} replayed, "
        f"{replayed.elsewhere or 'none'} would go elsewhere"
    )


def _since(current: Current) -> str | None:
    return instant(current.since, "seconds") if current.since else None


def _row(one: Move) -> Sequence[str]:
    return str(one.runs), one.brand, one.rule, one.step, "; ".join(_onward(one))


def _onward(one: Move) -> Iterator[str]:
    already = "" if one.is_new else ", as already"
    match one.fate:
        case "same":
            yield "the same step"
        case "moved":
            assert one.now is not None, "it is somewhere"
            if one.was is None:
                yield f"back in the rules, at step {one.now.nth} of {one.now.of}"
                return
            if one.was.nth != one.now.nth:
                yield f"the same step, moved: was step {one.was.nth} of {one.was.of}, is {one.now.nth} of {one.now.of}"
            if one.was.words != one.now.words:
                yield f'the same step, now "{one.now.words}": who waits for it keeps his time'
        case "own":
            yield f"the step is gone: goes on by the rules of {one.deployment[:SHORT]}{already}"
        case "lost":
            yield f"neither the new rules nor those of {one.deployment[:SHORT]} have the step: ends as lost{already}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns; the first, a count, to the right; the last as it is."""
    if not rows:
        return []
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    return [
        "    " + "  ".join([row[0].rjust(widths[0]), *map(str.ljust, row[1:-1], widths[1:]), row[-1]]) for row in rows
    ]


def _difference(one: Difference) -> str:
    text = masked_text(one.example.text)
    shown = text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
    example = f"{shown!r} from {masked_number(one.example.sender)}"
    return f"    {one.texts} to {one.number}: {_goes(one.was)} -> {_goes(one.now)}; such as {example}"


def _goes(goes: Goes) -> str:
    words = {
        "keyword": goes.rule, "answer": f"an answer in {goes.rule}", "else": f"the else of {goes.rule}",
        "fallback": goes.rule, "command": f"the command {goes.rule}", "nobody": "nobody",
        "no number": "no rules of any brand", "out of market": "nobody, for its country",
    }[goes.how]  # fmt: skip
    brand = f" ({goes.brand})" if goes.brand else ""
    return f"{words}{brand}{', and a person reads it' if goes.read else ''}"
