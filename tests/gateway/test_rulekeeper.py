"""Which rules are in force: the files', the store's, or none; and what is said meanwhile."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from gateway import rulekeeper as module
from gateway.health import Health
from gateway.metrics import Metrics
from gateway.rulekeeper import NoRulesError, RuleKeeper
from gateway.rules_compile import CompilerFailedError, compile_here
from router.rulings import Kept, Order, Ruling, Standing, Taken
from rules.compiler import Compiled
from rules.diagnostics import Source
from rules.rulebook import Grants, NumberGrant, Rulebook, deployment_of
from tests.support.rules_files import BROKEN, KLUSSER, write

GRANTS = Grants((NumberGrant("4411", "short-code", "NL", ("De Klusser",), "carrier-a"),))
CHANGED = KLUSSER.replace("Dank u.", "Dank u zeer.")
SILENT_CONSENT = (
    KLUSSER
    + """
keyword CLUB
    ask "Wil je meedoen? JA." within 1 day
        answer JA
            reply "ok"
        silence
            opt in transactional
"""
)
SENTENCE = "brands/klusser.rules:18:5: `replay` is not an action"


class Around:
    """A keeper with what stands around it: health, metrics, what was adopted, and what changes between looks."""

    def __init__(self) -> None:
        self.health = Health()
        self.metrics = Metrics()
        self.keeper = RuleKeeper([Path("brands")], GRANTS, self.health, self.metrics, compile_here)
        self.adopted: list[tuple[str, Mapping[str, str]]] = []
        self.refused: list[str] = []
        self.stored: Mapping[str, str] | None = None

    async def last_good(self) -> Mapping[str, str] | None:
        return self.stored

    async def adopt(self, book: Rulebook, sources: Mapping[str, str], taken: Taken) -> None:
        self.taken = taken
        self.adopted.append((book.deployment, sources))

    def refuse(self, order: Order, fault: str) -> None:
        self.refused.append(fault)

    async def first(self, kept: Kept | None = None) -> tuple[Rulebook, Mapping[str, str]]:
        return await self.keeper.first(self.last_good, kept or Kept())

    async def watch(self, *doings: Callable[[], object]) -> None:
        """Watches while these things happen, each followed by enough looks to notice it; then ends."""
        todo = [step for doing in doings for step in (doing, lambda: None, lambda: None)]

        async def tick(_: float) -> None:
            if not todo:
                raise asyncio.CancelledError
            todo.pop(0)()

        with pytest.raises(asyncio.CancelledError):
            await self.keeper.watch(self.adopt, tick)

    def counted(self, name: str) -> list[str]:
        return [line for line in self.metrics.page().decode().splitlines() if line.startswith(name)]


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Around:
    """The keeper of the folder `brands`, which holds one brand."""
    monkeypatch.chdir(tmp_path)
    structlog.reset_defaults()
    write(Path("brands"), klusser=KLUSSER)
    return Around()


def remove() -> None:
    """The brand's file goes."""
    Path("brands/klusser.rules").unlink()


def deployment(text: str) -> str:
    return deployment_of([Source("brands/klusser.rules", text)])


async def test_the_files_are_in_force_from_the_start(around: Around) -> None:
    book, sources = await around.first()
    assert book.deployment == deployment(KLUSSER)
    assert sources == {"brands/klusser.rules": KLUSSER}
    assert around.health.trouble == {}
    assert around.counted("kwek_rules_info") == [f'kwek_rules_info{{deployment="{book.deployment}"}} 1.0']


async def test_broken_files_at_the_start_leave_the_last_good_set(around: Around) -> None:
    around.stored = {"brands/klusser.rules": KLUSSER}
    write(Path("brands"), klusser=BROKEN)
    with capture_logs() as logged:
        book, sources = await around.first()
    assert (book.deployment, sources) == (deployment(KLUSSER), around.stored)
    assert around.health.trouble == {"rules": f"{SENTENCE}; the rules that were last in force are used"}
    assert logged == [
        {
            "event": "`replay` is not an action.",
            "log_level": "error",
            "code": "R203",
            "file": "brands/klusser.rules",
            "line": 18,
            "column": 5,
            "help": "Did you mean `reply`?",
        }
    ]


async def test_no_files_at_the_start_leave_the_last_good_set(around: Around) -> None:
    around.stored = {"brands/klusser.rules": KLUSSER}
    remove()
    book, _ = await around.first()
    assert book.deployment == deployment(KLUSSER)
    assert around.health.trouble == {
        "rules": "brands:1:1: No file below this folder is named *.rules; the rules that were last in force are used"
    }


async def test_what_an_earlier_version_took_stays_in_force_and_its_runs_go_on(around: Around) -> None:
    """Files are told what is wrong with them today; brands do not fall silent for it, nor do contacts under way."""
    around.stored = {"brands/klusser.rules": SILENT_CONSENT}
    write(Path("brands"), klusser=SILENT_CONSENT)
    book, _ = await around.first()
    assert book.deployment == deployment(SILENT_CONSENT)
    assert around.health.trouble["rules"].startswith("brands/klusser.rules:")
    assert around.health.trouble["rules"].endswith("; the rules that were last in force are used")
    revived = around.keeper.revive(msgspec.json.encode(around.stored).decode())
    assert revived is not None
    write(Path("brands"), klusser=KLUSSER)
    ordered, _ = await around.first(kept(SILENT_CONSENT, files=KLUSSER))
    assert ordered.deployment == revived.deployment == book.deployment


async def test_nothing_at_all_is_told(around: Around) -> None:
    remove()
    with pytest.raises(NoRulesError) as fault:
        await around.first()
    assert str(fault.value) == "no rules to start with: brands:1:1: No file below this folder is named *.rules"


async def test_a_last_good_set_that_fits_this_configuration_no_longer_is_told(around: Around) -> None:
    around.stored = {"brands/klusser.rules": BROKEN}
    write(Path("brands"), klusser=BROKEN)
    with pytest.raises(NoRulesError) as fault:
        await around.first()
    assert str(fault.value) == (
        f"no rules to start with: {SENTENCE}; those last in force do not compile with this kwek.toml "
        "and this version of kwek either"
    )


async def test_a_changed_file_is_adopted(around: Around) -> None:
    await around.first()
    await around.watch(lambda: write(Path("brands"), klusser=CHANGED))
    assert around.adopted == [(deployment(CHANGED), {"brands/klusser.rules": CHANGED})]
    assert around.counted("kwek_reloads_total") == ['kwek_reloads_total{result="ok"} 1.0']
    assert around.counted("kwek_rules_info") == [f'kwek_rules_info{{deployment="{deployment(CHANGED)}"}} 1.0']


async def test_a_broken_file_leaves_the_rules_in_force_until_it_is_mended(around: Around) -> None:
    await around.first()
    troubles: list[dict[str, str]] = []

    def mend() -> None:
        troubles.append(dict(around.health.trouble))
        write(Path("brands"), klusser=KLUSSER)

    await around.watch(lambda: write(Path("brands"), klusser=BROKEN), mend)
    assert [name for name, _ in around.adopted] == [deployment(KLUSSER)]
    assert troubles == [{"rules": f"{SENTENCE}; the rules read before stay in force"}]
    assert around.health.trouble == {}
    assert around.counted("kwek_reloads_total") == [
        'kwek_reloads_total{result="failed"} 1.0',
        'kwek_reloads_total{result="ok"} 1.0',
    ]


async def test_several_faults_are_counted_in_the_sentence_and_logged_up_to_a_bound(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    await around.first()
    monkeypatch.setattr(module, "MOST_TOLD", 1)
    twice = BROKEN + '\nkeyword X\n    replay "Dank u."\n'
    with capture_logs() as logged:
        await around.watch(lambda: write(Path("brands"), klusser=twice))
    assert around.health.trouble == {"rules": f"{SENTENCE} (and 1 more); the rules read before stay in force"}
    assert [line["event"] for line in logged] == [
        "`replay` is not an action.",
        "more is wrong with the rules: `kwek check` tells all",
    ]


async def test_a_compiler_that_fails_leaves_the_rules_in_force(around: Around) -> None:
    async def failing(sources: Sequence[Source], grants: Grants | None) -> Compiled:
        raise CompilerFailedError("the compiler's process ended with code -9")

    await around.first()
    around.keeper = RuleKeeper([Path("brands")], GRANTS, around.health, around.metrics, failing)
    await around.first()
    await around.watch(lambda: write(Path("brands"), klusser=CHANGED))
    assert around.adopted == []
    assert around.health.trouble == {
        "rules": "the compiler's process ended with code -9; the rules read before stay in force"
    }


async def test_rules_against_the_configuration_are_told(around: Around) -> None:
    write(Path("brands"), klusser=KLUSSER.replace("De Klusser", "Iemand anders"))
    with pytest.raises(NoRulesError) as fault:
        await around.first()
    assert str(fault.value).startswith("no rules to start with: brands/klusser.rules:")


async def test_an_earlier_deployment_is_compiled_again_or_given_up(around: Around) -> None:
    def stored(text: str) -> str:
        return msgspec.json.encode({"brands/klusser.rules": text}).decode()

    revived = around.keeper.revive(stored(CHANGED))
    assert revived is not None
    assert revived.deployment == deployment(CHANGED)
    assert around.keeper.revive(stored(BROKEN)) is None


# ---- orders


def an_order(text: str, id: int = 100) -> Order:
    return Order(Ruling(id, deployment(text), "deploy", "jan"), {"brands/klusser.rules": text})


def kept(text: str, files: str = "", order: Order | None = None) -> Kept:
    """What the store says of a node that worked by that text while its files were those."""
    standing = Standing(deployment(text), deployment(files or text), 1, "", 1)
    return Kept(order, standing, {"brands/klusser.rules": text})


async def test_an_order_rules_whatever_the_files_say(around: Around) -> None:
    await around.first()
    around.health.note("rules", "the files are broken")
    ordered = an_order(CHANGED)
    with capture_logs() as logged:
        await around.keeper.heed(ordered, around.adopt, around.refuse)
    assert [name for name, _ in around.adopted] == [deployment(CHANGED)]
    assert around.taken == Taken(order=ordered)
    assert around.refused == []
    assert around.health.trouble == {}
    assert around.counted("kwek_rules_info") == [f'kwek_rules_info{{deployment="{deployment(CHANGED)}"}} 1.0']
    assert logged == [
        {
            "event": "rules taken over", "log_level": "info", "deployment": deployment(CHANGED), "origin": "deploy",
            "actor": "jan",
        }
    ]  # fmt: skip


async def test_an_order_that_does_not_compile_is_refused(around: Around) -> None:
    await around.first()
    await around.keeper.heed(an_order(BROKEN), around.adopt, around.refuse)
    assert around.adopted == []
    assert around.refused == [SENTENCE]
    assert around.counted("kwek_rules_info") == [f'kwek_rules_info{{deployment="{deployment(KLUSSER)}"}} 1.0']


async def test_files_that_are_edited_after_an_order_rule(around: Around) -> None:
    await around.first()
    await around.keeper.heed(an_order(CHANGED), around.adopt, around.refuse)
    again = KLUSSER.replace("Dank u.", "Bedankt.")
    await around.watch(lambda: write(Path("brands"), klusser=again))
    assert [name for name, _ in around.adopted] == [deployment(CHANGED), deployment(again)]
    assert around.taken == Taken(files=deployment(again))


async def test_files_that_come_to_say_what_was_ordered_are_known_to_say_so(around: Around) -> None:
    """Else they would have changed since the order, and win over a rollback at the next start."""
    await around.first()
    await around.keeper.heed(an_order(CHANGED), around.adopt, around.refuse)
    with capture_logs() as logged:
        await around.watch(lambda: write(Path("brands"), klusser=CHANGED))
    assert around.taken == Taken(files=deployment(CHANGED))
    assert [one["event"] for one in logged] == ["rules are as they were"]


async def test_what_was_ordered_outlives_a_restart_until_the_files_change(around: Around) -> None:
    book, sources = await around.first(kept(CHANGED, files=KLUSSER))
    assert (book.deployment, sources) == (deployment(CHANGED), {"brands/klusser.rules": CHANGED})
    assert around.keeper.taken == Taken(files=deployment(KLUSSER))
    write(Path("brands"), klusser=KLUSSER.replace("Dank u.", "Bedankt."))
    book, _ = await around.first(kept(CHANGED, files=KLUSSER))
    assert book.deployment == deployment(KLUSSER.replace("Dank u.", "Bedankt."))
    assert around.keeper.taken == Taken(files=book.deployment)


async def test_files_that_are_not_followed_do_not_rule_at_a_restart_either(around: Around) -> None:
    around.keeper = RuleKeeper([Path("brands")], GRANTS, around.health, around.metrics, compile_here, follow=False)
    book, _ = await around.first(kept(CHANGED))
    assert book.deployment == deployment(CHANGED)
    remove()
    book, _ = await around.first(kept(CHANGED))
    assert book.deployment == deployment(CHANGED)
    write(Path("brands"), klusser=CHANGED)
    book, _ = await around.first(kept(CHANGED))
    assert book.deployment == deployment(CHANGED)


async def test_an_order_that_was_given_while_nothing_ran(around: Around) -> None:
    ordered = an_order(CHANGED)
    book, _ = await around.first(kept(KLUSSER, order=ordered))
    assert book.deployment == deployment(CHANGED)
    assert around.keeper.taken == Taken(deployment(KLUSSER), ordered)


async def test_an_order_at_the_start_that_does_not_compile_leaves_the_files(around: Around) -> None:
    ordered = an_order(BROKEN)
    book, _ = await around.first(kept(KLUSSER, order=ordered))
    assert book.deployment == deployment(KLUSSER)
    assert around.keeper.taken == Taken(deployment(KLUSSER), ordered, SENTENCE)


async def test_an_order_at_the_start_that_does_not_compile_undoes_no_earlier_one(around: Around) -> None:
    ordered = an_order(BROKEN)
    book, _ = await around.first(kept(CHANGED, files=KLUSSER, order=ordered))
    assert book.deployment == deployment(CHANGED)
    assert around.keeper.taken == Taken(deployment(KLUSSER), ordered, SENTENCE)


USELESS = [
    (None, "they are gone from the store"),
    ({"brands/klusser.rules": BROKEN}, SENTENCE),
]


@pytest.mark.parametrize(("sources", "why"), USELESS)
async def test_ordered_rules_that_cannot_be_used_leave_the_files_and_it_is_told(
    around: Around, sources: Mapping[str, str] | None, why: str
) -> None:
    gone = msgspec.structs.replace(kept(CHANGED, files=KLUSSER), sources=sources)
    book, _ = await around.first(gone)
    assert book.deployment == deployment(KLUSSER)
    assert around.health.trouble == {
        "rules": f"the rules that were in force by order cannot be used: {why}; those in the files are used"
    }


@pytest.mark.parametrize(("sources", "why"), USELESS)
async def test_files_that_are_not_followed_do_not_stand_in_for_what_was_ordered(
    around: Around, sources: Mapping[str, str] | None, why: str
) -> None:
    around.keeper = RuleKeeper([Path("brands")], GRANTS, around.health, around.metrics, compile_here, follow=False)
    gone = msgspec.structs.replace(kept(CHANGED, files=KLUSSER), sources=sources)
    with pytest.raises(NoRulesError, match="by order cannot be used") as fault:
        await around.first(gone)
    assert f"used: {why}; with `reload = false`" in str(fault.value)
