"""docs/smpp-states.md, drawn from the tables of smpp.states. Run as a program it writes the page anew:

python -m tests.support.states_page
"""

from __future__ import annotations

from pathlib import Path

from smpp.pdu import BY_COMMAND_ID
from smpp.states import REFUSED, TRANSITIONS, Role, State

PAGE = Path(__file__).parents[2] / "docs" / "smpp-states.md"

HEAD = """# The states of an SMPP session

Drawn from `TRANSITIONS` and `REFUSED` in `smpp/states.py` by `python -m tests.support.states_page`; a test fails when
this page is stale. What has no arrow and no row is a fault.

```mermaid
stateDiagram-v2
    [*] --> OPEN"""


def page() -> str:
    """The page as it should be."""
    lines = [HEAD]
    moves: dict[tuple[State, State], list[str]] = {}
    for (before, who, command), after in TRANSITIONS.items():
        if before is not after:
            moves.setdefault((before, after), []).append(f"{who.value} {BY_COMMAND_ID[command].command}")
    for (before, who, command), after in REFUSED.items():
        moves.setdefault((before, after), []).append(f"{who.value} {BY_COMMAND_ID[command].command} (error)")
    for before, after in sorted(moves, key=lambda move: (list(State).index(move[0]), list(State).index(move[1]))):
        said = ", ".join(sorted(moves[before, after]))
        lines.append(f"    {before.value} --> {after.value}: {said}")
    lines += ["    CLOSED --> [*]", "```", "", "## What may be said without moving", ""]
    lines += ["| state | " + " | ".join(who.value for who in Role) + " |", "| --- | --- | --- |"]
    for state in State:
        cells = [
            ", ".join(
                sorted(
                    BY_COMMAND_ID[command].command
                    for (before, speaker, command), after in TRANSITIONS.items()
                    if (before, speaker, after) == (state, who, state)
                )
            )
            for who in Role
        ]
        lines.append(f"| {state.value} | {' | '.join(cell or 'nothing' for cell in cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
