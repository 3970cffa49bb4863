"""`kwek plan`, `kwek deploy` and `kwek rollback`: what a change of the rules does to contacts under way and to last
week's texts; then do it; then take it back. Looking happens beside a gateway that runs; it takes the rules over itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from gateway.commands.output import Form, Format, fail, print_diagnostics, print_json
from gateway.commands.stores import reading, settings_of
from gateway.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.settings import Settings
    from gateway.commands.planning_page import Planned
    from router.rulings import Origin
    from router.store.reading import Reader
    from rules.diagnostics import Source
    from rules.rulebook import Grants, Rulebook

TEXTS = 20_000
"""Texts that are replayed unless more are asked for: a few seconds."""
WAIT_S = 30.0
"""How long a gateway that runs is waited for, in seconds: it compiles large sets for some."""

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH…]",
        help="The new rules, where they are not in the place of those that kwek.toml names: as many paths as `rules`, "
        "in the same order.",
    ),
]
Config = Annotated[Path, typer.Option("--config", help="The settings: they say which store, rules and numbers.")]
Texts = Annotated[int, typer.Option("--texts", min=0, max=1_000_000, help="How many texts are replayed at most.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who does it: written down. Without: your user's name.")]
Wait = Annotated[
    float, typer.Option("--wait", min=0.0, max=3600.0, help="How long gateways that run are waited for, in seconds.")
]
Named = Annotated[
    str | None,
    typer.Argument(metavar="[DEPLOYMENT]", help="The beginning of its hash; without: the one that was before."),
]


class NothingToCompareError(Exception):
    """The rules in force do not compile with this kwek.toml; the message says so."""


class Candidate(NamedTuple):
    """A rule set that may come into force, with its sources by the names that the gateway gives them."""

    book: Rulebook
    sources: Mapping[str, str]


def plan(
    paths: Paths = None, config: Config = Path("kwek.toml"), texts: Texts = TEXTS, form: Format = Form.TEXT
) -> None:
    """Tell what new rules would do: to contacts under way, and to the texts of the last seven days. Changes nothing."""
    from gateway.commands.planning_page import as_json, page

    settings = settings_of(config)
    candidate = _candidate(settings, paths)
    with reading(settings) as reader:
        try:
            planned = _planned(reader, settings.gateway.node, candidate, _grants(settings), texts)
        except NothingToCompareError as fault:
            fail(Exit.RULES, f"{fault}: `kwek plan` cannot compare with them")
    if planned is None:
        fail(Exit.FAILED, "no rules were ever in force here: there is nothing to compare with")
    if form is Form.JSON:
        print_json(as_json(planned))
    else:
        print("\n".join(page(planned)))


def deploy(
    paths: Paths = None, config: Config = Path("kwek.toml"), texts: Texts = TEXTS, by: By = "", wait: Wait = WAIT_S
) -> None:
    """Check new rules, play their tests, tell in short what they do, and let them rule at every gateway that runs."""
    from router.transcript import run_tests

    settings = settings_of(config)
    candidate = _candidate(settings, paths)
    failed = [one for one in run_tests(_as_sources(candidate.sources), _grants(settings)) if one.failure is not None]
    if failed:
        titles = ", ".join(f"`{one.title}`" for one in failed)
        fail(Exit.FAILED, f"the rules stay as they are: {len(failed)} of the new ones' tests failed: {titles}")
    _enact(settings, candidate, "deploy", texts, (by, wait))


def rollback(
    deployment: Named = None, config: Config = Path("kwek.toml"), texts: Texts = TEXTS, by: By = "",
    wait: Wait = WAIT_S,
) -> None:  # fmt: skip
    """Let the rules that were in force before rule again, or those of a deployment that you name."""
    settings = settings_of(config)
    with reading(settings) as reader:
        sources = _earlier(reader, settings.gateway.node, deployment)
    candidate = _compiled(_as_sources(sources), _grants(settings))
    _enact(settings, candidate, "rollback", texts, (by, wait))


def _enact(settings: Settings, candidate: Candidate, origin: Origin, texts: int, how: tuple[str, float]) -> None:
    """Tell what it does, then hand it over."""
    from getpass import getuser

    from gateway.commands.ordering import hand_over
    from gateway.commands.planning_page import SHORT, replay_line, under_way, unwon_lines

    planned = None
    with reading(settings) as reader:
        try:
            planned = _planned(reader, settings.gateway.node, candidate, _grants(settings), texts)
        except NothingToCompareError as fault:
            print(f"{fault}: what changes for whom is not known")
        settled = _is_settled(reader, settings.gateway.node, candidate.book.deployment)
    if planned is not None:
        if planned.current.deployment == candidate.book.deployment and settled:
            print(f"{candidate.book.deployment[:SHORT]} is in force: there is nothing to do")
            return
        print(f"{planned.current.deployment[:SHORT]} -> {candidate.book.deployment[:SHORT]}")
        print("\n".join((under_way(planned), *unwon_lines(planned))))
        print(replay_line(planned))
    by, wait_s = how
    sentences, is_done = hand_over(settings, candidate.sources, origin, by or getuser(), wait_s)
    print("\n".join(sentences))
    if not is_done:
        raise typer.Exit(Exit.FAILED)


def _is_settled(reader: Reader, node: str, deployment: str) -> bool:
    """Whether every gateway that runs works by these rules, and no order for others waits for one to start."""
    from gateway.commands.ordering import present
    from router import rulings

    with reader.begin() as tx:
        standings = rulings.standings(tx)
        heeded = min((one.ruling_id for one in standings.values()), default=0) if node in standings else 0
        order = rulings.newest(tx, heeded)
        running = present(tx) or [node]
    is_waiting = order is not None and order.ruling.deployment != deployment
    return not is_waiting and all(one in standings and standings[one].deployment == deployment for one in running)


def _planned(reader: Reader, node: str, candidate: Candidate, grants: Grants, most: int) -> Planned | None:
    """What the candidate changes; None where no rules were ever in force. Raises NothingToCompareError."""
    from gateway.commands.planning_page import DAYS, Planned, changed_files
    from router import outlook
    from router.instants import DAY
    from router.measures import without_winner
    from router.moves import moves, needed
    from router.replay import replay
    from router.world import System
    from rules.compiler import compile_sources

    current = outlook.current(reader, node)
    if current is None:
        return None

    def revived(sources: Mapping[str, str]) -> Rulebook | None:
        return compile_sources(_as_sources(sources), grants, in_force=True).book

    in_force = revived(current.sources)
    if in_force is None:
        raise NothingToCompareError("the rules in force do not compile with this kwek.toml")
    standings = outlook.standings(reader)
    missing = needed(standings, (in_force, candidate.book)) - {in_force.deployment}
    kept = outlook.sources_by_deployment(reader, missing)
    older = {name: revived(kept[name]) if name in kept else None for name in missing}
    moved = moves(standings, in_force, candidate.book, older)
    world = System()
    since = world.now() - DAYS * DAY
    world.close()
    heard = list(outlook.heard(reader, since, most + 1))
    replayed = replay(heard[:most], in_force, candidate.book)
    files = changed_files(_by_name(current.sources), _by_name(candidate.sources))
    unwon = without_winner(outlook.winners(reader), candidate.book)
    return Planned(current, candidate.book.deployment, files, tuple(moved), replayed, len(heard) > most, unwon)


def _by_name(sources: Mapping[str, str]) -> dict[str, str]:
    from rules.rulebook import names_below

    return dict(zip(names_below(list(sources)), sources.values(), strict=True))


def _candidate(settings: Settings, paths: Sequence[Path] | None) -> Candidate:
    """The rules that stand at those paths, as if they stood where kwek.toml has them. Ends the command when they do
    not compile."""
    import msgspec

    from gateway.rules_loader import load_sources
    from rules.rulebook import deployment_of

    rules = settings.gateway.rules
    at = paths or rules
    if len(at) != len(rules):
        fail(Exit.USAGE, f"kwek.toml names {len(rules)} under `rules`: name as many, or none")
    sources: list[Source] = []
    homes: list[str] = []
    for path, home in zip(at, rules, strict=True):
        loaded = load_sources([path])
        if loaded.diagnostics:
            print_diagnostics(loaded.diagnostics, loaded.sources, Form.TEXT)
            raise typer.Exit(Exit.FAILED)
        sources += loaded.sources
        homes += [_home(Path(one.file), path, home.absolute()) for one in loaded.sources]
    compiled = _compiled(sources, _grants(settings))
    at_home = {home: source.text for home, source in zip(homes, sources, strict=True)}
    book = msgspec.structs.replace(compiled.book, deployment=deployment_of(_as_sources(at_home)))
    return Candidate(book, at_home)


def _home(file: Path, below: Path, home: Path) -> str:
    """What a file is called once it stands where the gateway looks; pools of codes lie beside it."""
    if below.is_dir():
        return str(home / file.relative_to(below))
    return str(home / file.name if home.is_dir() else home)


def _compiled(sources: Sequence[Source], grants: Grants) -> Candidate:
    from rules.compiler import compile_sources
    from rules.diagnostics import in_order

    compiled = compile_sources(sources, grants)
    if compiled.book is None:
        errors = [one for one in in_order(compiled.diagnostics) if one.severity == "error"]
        print_diagnostics(errors, sources, Form.TEXT)
        fail(Exit.FAILED, "the rules stay as they are: the new ones do not compile")
    return Candidate(compiled.book, {source.file: source.text for source in sources})


def _earlier(reader: Reader, node: str, start: str | None) -> Mapping[str, str]:
    """The sources of the rule set that was in force before, or of the one whose hash begins like that."""
    from gateway.commands.planning_page import SHORT
    from router import outlook, rulings

    current = outlook.current(reader, node)
    with reader.begin() as tx:
        if start is None and current is not None:
            start = rulings.before(rulings.history(tx, node), current.deployment)
        if not start:
            fail(Exit.FAILED, "no other rules were in force before")
        found = rulings.named(tx, start)
    if len(found) > 1:
        fail(Exit.USAGE, f"{start} begins the hashes of several deployments, {' and '.join(one for one, _ in found)}")
    if not found:
        fail(Exit.FAILED, f"there is no deployment {start[:SHORT]} in the store")
    return found[0][1]


def _grants(settings: Settings) -> Grants:
    from gateway.binding import grants_of

    return grants_of(settings)


def _as_sources(sources: Mapping[str, str]) -> list[Source]:
    from rules.diagnostics import Source

    return [Source(file, text) for file, text in sources.items()]
