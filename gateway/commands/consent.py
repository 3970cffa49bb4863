"""`kwek consent`: what stands on record about a number, its proof, its export, its erasure; and bringing consents in.

Readers take no lock, write nothing, and may run beside the gateway. `erase`, `import` and `opt-out` write: on SQLite
one process owns the file, so a gateway that runs does it for them (gateway.counter); on PostgreSQL they run beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gateway.commands.at_counter import handed_in
from gateway.commands.books import digits
from gateway.commands.output import Form, Format, counted, fail, print_json
from gateway.commands.stores import reading, settings_of, under_way_as_line, written_or_over
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.counter_orders import AnyList, Erasing
    from router.consent_import import Told
    from router.store.engine import Store
    from router.suppression import Suppressions
    from router.world import System

Config = Annotated[Path, typer.Option("--config", help="The settings: they say which store.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", parser=digits, help="The phone, with its country's digits.")]
Brand = Annotated[str | None, typer.Option("--brand", help="One brand; without: every brand.")]
At = Annotated[str, typer.Option("--at", metavar="TIME", help="ISO 8601; UTC where it names no zone.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who orders it: written down in the ledger.")]
All = Annotated[bool, typer.Option("--all", help="Every brand forgets the person.")]
NO_TRACE = "Write the database anew afterwards, so no page holds a trace. On SQLite only while no gateway runs."
Vacuum = Annotated[bool, typer.Option("--vacuum", help=NO_TRACE)]
Anchors = Annotated[
    Path | None, typer.Option("--anchors", exists=True, dir_okay=False, help="What `verify --format json` said before.")
]
File = Annotated[
    Path,
    typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, help="msisdn, at, wording, method, evidence."),
]
OptOuts = Annotated[
    Path,
    typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, help="msisdn; at, wording, method, evidence."),
]
ForBrand = Annotated[str, typer.Option("--brand", help="Whose consents they are.")]
MessageClass = Annotated[
    Literal["promotional", "transactional"], typer.Option("--class", help="What they are consents to.")
]
Programme = Annotated[
    str, typer.Option("--programme", help="Where a row names none; of transactional ones: the purpose.")
]

consent = typer.Typer(no_args_is_help=True, help="Consents: show, prove, export, erase, verify, import, opt-out.")


@consent.command("show")
def show(number: Number, brand: Brand = None, config: Config = Path("kwek.toml"), form: Format = Form.TEXT) -> None:
    """Show where a number stands with each brand, and by which events."""
    _views(number, brand, None, config, form)


@consent.command("prove")
def prove(
    number: Number, at: At, brand: Brand = None, config: Config = Path("kwek.toml"), form: Format = Form.TEXT
) -> None:
    """Prove where a number stood at an instant: who, what, when, by which text or page, the wording and the hashes."""
    _views(number, brand, _instant_of(at), config, form)


def _views(number: str, brand: str | None, at: int | None, config: Path, form: Form) -> None:
    from gateway.commands.consent_pages import tampered, view_as_json, view_as_page
    from router.consent_views import views_of
    from router.world import System

    settings, world = settings_of(config), System()
    then = world.now() if at is None else at
    with reading(settings) as reader, reader.begin() as tx:
        found = views_of(tx, _suppressions(settings), number, then)
    chosen = [view for view in found if brand in (None, view.brand)]
    if form is Form.JSON:
        print_json([view_as_json(view, number, then) for view in chosen])
    elif chosen:
        print("\n\n".join("\n".join(view_as_page(view, number, then)) for view in chosen))
    if not chosen:
        fail(Exit.FAILED, f"nothing is known of {number}" + (f" and {brand}" if brand else ""))
    if changed := tampered(chosen):
        fail(Exit.FAILED, *changed)


@consent.command("export")
def export(number: Number, config: Config = Path("kwek.toml")) -> None:
    """Print everything that is known of a number, as JSON (GDPR 15 and 20)."""
    from gateway.commands.consent_pages import instant, row_as_json, view_as_json
    from router.consent_views import everything, views_of
    from router.world import System

    settings, now = settings_of(config), System().now()
    told: dict[str, list[dict[str, Any]]] = {}
    with reading(settings) as reader:
        for table, row in everything(reader, number, now):
            told.setdefault(table, []).append(row_as_json(row))
        with reader.begin() as tx:
            views = views_of(tx, _suppressions(settings), number, now)
    print_json(
        {"number": number, "exported_at": instant(now), "consents": [view_as_json(one, number, now) for one in views]}
        | told
    )
    if not told and not views:
        fail(Exit.FAILED, f"nothing is known of {number}")


@consent.command("erase")
def erase(
    number: Number, by: By, brand: Brand = None, everybody: All = False, vacuum: Vacuum = False,
    config: Config = Path("kwek.toml"),
) -> None:  # fmt: skip
    """Forget a person (GDPR 17); what stays is a keyed digest by which the brands do not write to the number again."""
    from sqlalchemy.engine import make_url

    from gateway.counter_orders import Erasing

    settings = settings_of(config)
    if (brand is None) != everybody:
        fail(Exit.USAGE, "either --brand NAME or --all says who forgets")
    brands = _brands(settings) if everybody else [brand or ""]
    if brand is not None and brand not in _brands(settings):
        fail(Exit.USAGE, f"no number in kwek.toml is of brand {brand!r}; there are {', '.join(_brands(settings))}")
    order = Erasing(number, tuple(brands), everybody, by)
    done = None if vacuum else handed_in(settings, order)  # the file is written anew by whoever has it to himself
    if done is None:
        done = _erased(settings, order, vacuum=vacuum)
    gone = ", ".join(f"{counted(rows, 'row')} of {table}" for table, rows in done["rows"].items())
    print(f"{number}: {gone or 'nothing was held'}; it is suppressed for {', '.join(filter(None, done['brands']))}")
    for hint in _hints(make_url(settings.gateway.store.url).get_backend_name(), vacuum=vacuum, is_cut=done["is_cut"]):
        print(hint)


def _erased(settings: Settings, order: Erasing, *, vacuum: bool) -> dict[str, Any]:
    """The same, done here."""
    from gateway.counter_clerk import within_of
    from router.erasure import Erasure
    from router.store.shrink import empty_log, write_anew

    with _store(settings) as (store, world):
        erasure = Erasure(store, world, _suppressions(settings), order.by)
        person, whole = erasure.silence(order.number, order.brands, everything=order.everything)
        _let_the_others_look(store)
        within = within_of(settings)
        for _ in erasure.take_away(person, whole, everything=order.everything, redelivered_within=within):
            pass
        is_cut = write_anew(store) if vacuum else empty_log(store)
    return {"rows": erasure.rows, "brands": whole, "is_cut": is_cut}


def _hints(dialect: str, *, vacuum: bool, is_cut: bool) -> Iterator[str]:
    if not is_cut:
        yield "the database is being read, or its disk is full: its log still holds what was erased until it is cut off"
    if not vacuum:
        alone = ", while no gateway runs" if dialect == "sqlite" else ""
        yield f"free space of the database may hold what was deleted before: the same with --vacuum clears it{alone}"
    if dialect == "postgresql":
        yield "PostgreSQL's own log (pg_wal), its archive and its stand-bys hold it until they are recycled"
    yield "backups and log files are not kwek's to erase"


@consent.command("verify")
def verify(anchors: Anchors = None, config: Config = Path("kwek.toml"), form: Format = Form.TEXT) -> None:
    """Prove that no row of the ledger was changed or taken away; ends with 1 and the first break where one was."""
    from gateway.commands.consent_pages import chain_as_json, chain_as_line
    from router import ledger_verify

    settings = settings_of(config)
    with reading(settings) as reader:
        chains = list(ledger_verify.verify(reader, None if anchors is None else _anchors_of(anchors)))
        with reader.begin() as tx:
            unreadable = _suppressions(settings).unreadable(tx)
    if form is Form.JSON:
        print_json([chain_as_json(chain) for chain in chains])
    else:
        print("\n".join(map(chain_as_line, chains)) or "the ledger is empty")
    faults = ["the ledger is broken"] if any(chain.broken_at is not None for chain in chains) else []
    if unreadable:
        faults.append(f"{counted(unreadable, 'suppression')} under a key that [consent] does not give: nobody is held")
    if faults:
        fail(Exit.FAILED, *faults)


@consent.command("import")
def import_(  # noqa: PLR0913, PLR0917  (a command has as many as it has options)
    file: File, brand: ForBrand, message_class: MessageClass, by: By, programme: Programme = "",
    config: Config = Path("kwek.toml"), form: Format = Form.TEXT,
) -> None:  # fmt: skip
    """Bring in consents that were given elsewhere, each row with its proof; ends with 1 when a row was refused."""
    from gateway.counter_orders import ConsentList

    octets = file.read_bytes()
    _take_in(octets, ConsentList(brand, message_class, programme, by, len(octets)), file, config, form)


@consent.command("opt-out")
def opt_out(
    file: OptOuts, brand: ForBrand, by: By, config: Config = Path("kwek.toml"), form: Format = Form.TEXT
) -> None:  # fmt: skip
    """Take in opt-outs that were said elsewhere: by voice, by mail, at a counter. Each ends all that a STOP ends, and
    the command ends when no node writes anything more to these phones."""
    from gateway.counter_orders import OptOutList

    octets = file.read_bytes()
    _take_in(octets, OptOutList(brand, by, len(octets)), file, config, form)


def _take_in(octets: bytes, order: AnyList, file: Path, config: Path, form: Form) -> None:
    """Bring a list in, and say what became of its rows; ends the command with 1 when one was refused.

    A gateway that runs does it by the rules that it has in force, whatever their files say by now.
    """
    import msgspec

    from router.consent_import import Told

    settings, began = settings_of(config), time.monotonic()
    done = handed_in(settings, order, octets)
    if done is None:
        told, under_way = _taken_in(settings, order, octets, file, config)
    else:
        told, under_way = msgspec.convert(done["told"], list[Told]), done["under_way"]
    _report(told, form, time.monotonic() - began, under_way)


def _taken_in(settings: Settings, order: AnyList, octets: bytes, file: Path, config: Path) -> tuple[list[Told], int]:
    """The same, done here; gives the rows' outcomes, and how many texts were on their way by then."""
    from gateway.commands.books import load_book
    from gateway.counter_orders import BadOrderError, OptOutList, terms_of
    from router.consent_import import Import
    from router.consent_rows import Unusable, rows_of
    from router.optouts import OptOuts as Going
    from router.world import System

    book = load_book(settings.gateway.rules, config)
    try:
        reading, under = terms_of(book, settings, order, System().now())
        rows = rows_of(octets, reading)
    except BadOrderError as fault:
        fail(Exit.USAGE, fault)
    except Unusable as fault:
        fail(Exit.USAGE, f"{file}: {fault}")
    with _store(settings) as (store, world):
        taking = Going if isinstance(order, OptOutList) else Import
        told = list(taking(store, world, _suppressions(settings), under).run(rows))
        return told, written_or_over(store, world, {id for one in told for id in one.claimed})


def _report(told: Sequence[Told], form: Form, seconds: float, under_way: int) -> None:
    from gateway.commands.consent_pages import report_as_page
    from router.consent_rows import GOOD, OUTCOMES

    outcomes: dict[str, int] = {outcome: sum(one.outcome == outcome for one in told) for outcome in OUTCOMES}
    refused = [one for one in told if one.outcome not in GOOD]
    if form is Form.JSON:
        listed = [{"line": one.line, "outcome": one.outcome, "why": one.why} for one in refused]
        taken = {"rows": len(told), "seconds": round(seconds, 3), "outcomes": outcomes, "refused": listed}
        print_json(taken | {"under_way": under_way})
    else:
        print("\n".join(report_as_page(outcomes, refused, seconds)))
        if under_way:
            print(under_way_as_line(under_way))
    if refused:
        raise typer.Exit(Exit.FAILED)


def _let_the_others_look(store: Store) -> None:
    """Another node may believe for so long that nobody is suppressed; on SQLite there is none."""
    from router.suppression import REFRESH_AFTER

    if store.dialect != "sqlite":
        time.sleep(1.5 * REFRESH_AFTER / 1_000_000)


def _anchors_of(file: Path) -> dict[str, tuple[int, str]]:
    import json

    try:
        return {one["brand"]: (int(one["position"]), str(one["hash"])) for one in json.loads(file.read_bytes())}
    except (ValueError, KeyError, TypeError):
        fail(Exit.USAGE, f"{file} is not what `kwek consent verify --format json` prints")


def _instant_of(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no date or time in ISO 8601", param_hint="--at") from None


def _brands(settings: Settings) -> list[str]:
    return sorted({brand for number in settings.numbers for brand in number.brands})


def _suppressions(settings: Settings) -> Suppressions:
    from gateway.binding import consent_secrets
    from router.suppression import Suppressions

    return Suppressions(consent_secrets(settings))


@contextmanager
def _store(settings: Settings) -> Iterator[tuple[Store, System]]:
    """The store for writing, and a world whose ids nobody else gives."""
    from router import nodes, outbox
    from router.store.engine import open_store
    from router.store.errors import StoreError
    from router.world import System

    try:
        store = open_store(settings.gateway.store.url, unsafe=True)
    except StoreError as fault:
        fail(Exit.STORE, fault)
    world = System()
    try:
        with store.begin() as tx:
            world.ids.be(nodes.number_of(tx, f"{settings.gateway.node} (kwek consent)", world.now()))
            world.ids.go_on_after(outbox.highest_id(tx))
        yield store, world
    except StoreError as fault:
        fail(Exit.STORE, fault)
    finally:
        store.close()
        world.close()
