"""The page of `kwek stats` for people: what went out, what came of it, what it cost, and what to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

Row = dict[str, Any]

MOST_TEXT: Final = 44
"""Characters of a step's text that are shown: enough to know it by."""
MOST_LABEL: Final = 60
"""Characters of a rule's head."""
NONE: Final = "–"
_LABELS: Final = {
    "rule": ("brand", "rule"), "step": ("brand", "rule", "arm", "text"), "arm": ("brand", "rule", "arm"),
    "keyword": ("brand", "keyword"), "class": ("brand", "class"), "link": ("brand", "rule", "text", "link"),
}  # fmt: skip
_SPARE: Final = frozenset(
    {"failed", "withheld", "clicked", "answered", "converted", "opted out", "drop-off", "joined", "new"}
)
"""Columns that are left out where no row has anything in them."""
_MEASURES: Final = {"converted": "reached the goal", "clicked": "clicked", "answered": "answered"}


def page(told: Row) -> list[str]:
    """The lines of a report."""
    whose = f"of {told['brand']}" if told["brand"] else "of all brands"
    days = told["since"] if told["since"] == told["until"] else f"{told['since']} to {told['until']}"
    lines = [f"Statistics {whose}, {days} (days of {told['zone']})", ""]
    if is_empty(told):
        return [*lines, "Nothing went out and nothing came in."]
    lines += [*_total(told["total"]), ""]
    lines += _table(told)
    for split in told["splits"]:
        lines += ["", *_split(split)]
    for score in told["nps"]:
        lines += ["", *_score(score)]
    for vote in told["votes"]:
        lines += ["", *_vote(vote)]
    if told["warnings"]:
        lines += ["", *(_warning(one) for one in told["warnings"])]
    return lines


def is_empty(told: Row) -> bool:
    """Whether nothing happened in the period."""
    return not (told["total"]["texts"] or told["rows"] or told["nps"] or told["votes"])


def number(value: float) -> str:
    """12,345."""
    return f"{value:,}"


def many(value: int, one: str) -> str:
    """1 text, 12,345 texts."""
    return f"{number(value)} {one}{'' if value == 1 else 's'}"


def percent(part: float, whole: float) -> str:
    """12.3 %; a dash where there is nothing to take a part of."""
    return f"{100 * part / whole:.1f} %" if whole else NONE


def _total(total: Row) -> Iterator[str]:
    sent = total["sent"]
    states = [f"{number(total['delivered'])} delivered ({percent(total['delivered'], sent)})"]
    states += [
        f"{number(total[name])} {said}"
        for name, said in (("undelivered", "not delivered"), ("unknown", "of unknown outcome"))
        if total[name]
    ]
    yield f"Sent        {many(sent, 'text')}: {', '.join(states)}"
    others = [
        f"{number(total[name])} {said}"
        for name, said in (("failed", "refused by the carrier"), ("waiting", "waiting"), ("cancelled", "cancelled"))
        if total[name]
    ]
    if others:
        yield f"Not sent    {', '.join(others)}"
    if total["withheld"]:
        yield f"Withheld    {', '.join(f'{number(count)} {reason}' for reason, count in total['withheld'].items())}"
    for title, name in (("Answered", "answered"), ("Clicked", "clicked"), ("Opted out", "opted_out")):
        who = total["contacts_opted_out"] if name == "opted_out" else 0
        in_all = f", {many(who, 'contact')} in all" if who else ""
        yield f"{title:<12}{many(total[name], 'text')} ({percent(total[name], sent)}){in_all}"
    if total["converted"]:
        yield f"Converted   {many(total['converted'], 'goal')} reached"
    yield f"Cost        {many(total['segments'], 'segment')}: {_cost(total)}"


def _cost(row: Row) -> str:
    said = ", ".join(f"{currency} {amount}" for currency, amount in row["cost"].items())
    if not row["unpriced_segments"]:
        return said or NONE
    without = f"{number(row['unpriced_segments'])} without a price"
    return f"{said} and {without}" if said else without


def _table(told: Row) -> list[str]:
    """The rows in columns: names to the left, numbers to the right."""
    by, rows = told["by"], told["rows"]
    if not rows:
        return [f"No text belongs to any {by}."]
    names = [name for name in _LABELS[by] if name != "brand" or not told["brand"]]
    if by == "step" and not any(row["arm"] for row in rows):
        names.remove("arm")
    columns = [list(_numbers(row)) for row in rows]
    shown = [i for i, (head, *_) in enumerate(columns[0]) if head not in _SPARE or any(row[i][2] for row in columns)]
    heads = [*names, *(columns[0][i][0] for i in shown)]
    body = [
        [*(_label(row, name) for name in names), *(numbers[i][1] for i in shown)]
        for row, numbers in zip(rows, columns, strict=True)
    ]
    widths = [max(len(line[i]) for line in (heads, *body)) for i in range(len(heads))]
    return [_columns(line, widths, len(names)) for line in (heads, *body)]


def _columns(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    sized = zip(range(len(cells)), cells, widths, strict=True)
    return "  ".join(cell.ljust(width) if i < left else cell.rjust(width) for i, cell, width in sized).rstrip()


def _label(row: Row, name: str) -> str:
    if name == "text":
        return _shown(row["text"])
    value = row[name]
    if value is None:
        return "(no keyword)"
    if name == "brand" and not value:
        return "(the operator)"
    if name == "rule" and not value:
        return "(no rule)"
    return _cut(str(value), MOST_LABEL) if value else NONE


def _numbers(row: Row) -> Iterator[tuple[str, str, object]]:
    """The columns of numbers that a row has: their heads, what is shown, and what is nothing where there is none."""
    sent = row["sent"]
    if "link" in row:
        yield "sent", number(sent), 1
        yield "clicked", percent(row["clicked"], sent), 1
        yield "contacts", number(row["clicked"]), 1
        yield "times", number(row["times"]), 1
        return
    if "texts_in" in row:
        for head, name in (("came in", "texts_in"), ("contacts", "contacts"), ("new", "new"), ("joined", "joined")):
            yield head, number(row[name]), row[name]
    if "days_after" in row:
        yield "after days", f"{row['days_after']:.1f}", 1
    yield "sent", number(sent), 1
    yield "delivered", percent(row["delivered"], sent), 1
    failed, withheld = row["failed"] + row["undelivered"], sum(row["withheld"].values())
    yield "failed", number(failed), failed
    yield "withheld", number(withheld), withheld
    yield "clicked", percent(row["clicked"], sent), row["clicked"]
    yield "answered", percent(row["answered"], sent), row["answered"]
    if "converted" in row:
        yield "converted", number(row["converted"]), row["converted"]
    yield "opted out", percent(row["opted_out"], sent), row["opted_out"]
    if "drop_off" in row:
        yield "drop-off", NONE if row["drop_off"] is None else percent(row["drop_off"], 1), row["drop_off"] is not None
    yield "segments", number(row["segments"]), 1
    yield "cost", _cost(row), 1


def _split(split: Row) -> Iterator[str]:
    did = _MEASURES.get(split["measure"]) or f"met with {split['event']}"
    yield f"Split {split['split']} ({split['rule']}, {split['brand']}): who {did}"
    for arm in split["arms"]:
        low, high = arm["interval"]
        share = percent(arm["hits"], arm["contacts"])
        yield (
            f"    {arm['arm']}: {number(arm['hits'])} of {number(arm['contacts'])} contacts, {share} "
            f"(likely {100 * low:.1f} to {100 * high:.1f} %)"
        )
    if not split["other"]:
        yield "    one arm only, so far: nothing to compare"
        return
    low, high = (100 * one for one in split["difference"])
    apart = f"{split['leader']} against {split['other']}: {low:+.1f} to {high:+.1f} points"
    if split["winner"]:
        yield f"    winner: {split['winner']} ({apart})"
    elif split["contacts_needed"] is None:
        yield f"    no winner yet, and none to be expected: the arms are too much alike ({apart})"
    else:
        yield (
            f"    no winner yet ({apart}); if the difference stays as it is, about "
            f"{number(split['contacts_needed'])} more contacts will tell"
        )


def _score(score: Row) -> Iterator[str]:
    low, high = score["interval"]
    yield (
        f"NPS {score['name']} of {score['brand']}: {score['score']:+.1f} from {number(score['count'])} scores "
        f"(likely {low:+.1f} to {high:+.1f})"
    )
    for name in ("promoters", "passives", "detractors"):
        yield f"    {name}: {number(score[name])} ({percent(score[name], score['count'])})"


def _vote(vote: Row) -> Iterator[str]:
    yield f"Votes {vote['name']} of {vote['brand']}: {number(vote['contacts'])} numbers, one vote each"
    for choice in vote["choices"]:
        yield f"    {_cut(choice['value'], MOST_LABEL)}: {number(choice['votes'])} ({100 * choice['share']:.1f} %)"
    rest = vote["values"] - len(vote["choices"])
    if rest:
        yield f"    and {number(rest)} more"


def _warning(one: Row) -> str:
    low, high = (100 * part for part in one["interval"])
    after = f"after {_shown(one['text'])} ({one['rule']}, {one['brand']})"
    return (
        f"warning: {100 * one['rate']:.1f} % opted out {after}: {number(one['opted_out'])} of {number(one['sent'])} "
        f"texts, likely {low:.1f} to {high:.1f} %; the limit is {100 * one['limit']:g} %"
    )


def _shown(text: str) -> str:
    """A text on one line, in quotes, not too long."""
    return f'"{_cut(" ".join(text.split()), MOST_TEXT)}"'


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
