"""`kwek plan`, `kwek deploy` and `kwek rollback` where no gateway answers, and where something is wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.commands import planning_page
from gateway.commands.planning_page import Planned, page
from gateway.connectors.mapping import decode
from gateway.exits import Exit
from router import deployments, rulings
from router.instants import MINUTE
from router.moves import Move, Place
from router.outlook import Current
from router.replay import Difference, Goes, Heard, Replayed
from router.rulings import Order, Taken
from router.store.engine import Store, open_store
from router.ways import Ways
from router.world import System
from tests.support.process import write_config
from tests.support.routing import JAN, Phones, book_of

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword REPAIR
    ask "Wat is er stuk?" within 1 day
        answer (KEUKEN | BAD) as unit
            reply "We bellen u over uw {unit}."

keyword BEL
    reply "We bellen."

fallback
    reply "Wat bedoelt u?"

test "bellen"
    > BEL
    < We bellen.
"""
NEW = RULES.replace("BEL\n", "BELLEN\n")
UNTESTED = RULES.replace("keyword BEL\n", "keyword BELLEN\n")


class Desk:
    """A folder with a kwek.toml, rules, and a store that a router wrote; it has the rules in force."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'kwek.db'}"
        self.config = write_config(folder, 2775, RULES, self.url)
        self.rules = folder / "brands" / "klusser.rules"
        self.store: Store | None = open_store(self.url)
        self.phones = Phones(self.store, book_of((str(self.rules), RULES)))
        world = System()
        self.phones.world.at = world.now() - MINUTE
        world.close()

    def adopt(self, text: str, name: str = "") -> str:
        """Rules come into force at the node; their hash."""
        book = book_of((str(self.rules), text))
        deployment = name or book.deployment
        assert self.store is not None
        now = self.phones.world.now()
        with self.store.begin() as tx:
            deployments.record(tx, deployment, {str(self.rules): text}, now)
            rulings.take(tx, "test", deployment, Taken(files=deployment), now)
        self.phones.ways = Ways(self.phones.world, "test", book, decode, lambda _: None)
        return deployment

    def ordered(self) -> Order:
        """The order that waits for the node's start."""
        self.store = open_store(self.url)
        with self.store.begin() as tx:
            order = rulings.kept(tx, "test").order
        assert order is not None
        return order

    def let_go(self) -> None:
        """The process that had the store is gone."""
        if self.store is not None:
            self.store.close()
            self.store = None

    def kwek(self, *words: str) -> Any:
        return CliRunner().invoke(cli.app, [words[0], "--config", str(self.config), *words[1:]])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    one = Desk(tmp_path)
    yield one
    one.let_go()


def test_a_plan_for_programs_shows_no_number_whole(desk: Desk) -> None:
    old = desk.adopt(RULES)
    desk.phones.write(JAN, "REPAIR")
    desk.phones.write(JAN, "bel")
    desk.phones.write("31699999999", "bel 0612345678\n")
    desk.rules.write_text(NEW + "\nkeyword BEL <nummer phone>\n    tag x\n")
    done = desk.kwek("plan", "--format", "json")
    assert done.exit_code == Exit.OK, done.output
    found = json.loads(done.stdout)
    assert found["in_force"]["deployment"] == old
    assert found["files"] == [{"file": "klusser.rules", "change": "changed"}]
    (step,) = found["under_way"]["steps"]
    place = {
        "words": 'ask "Wat is er stuk?"', "nth": 1, "of": 1, "file": str(desk.rules), "line": 6,
    }  # fmt: skip
    assert step == {
        "brand": "Klusser", "rule": "keyword REPAIR", "step": 'ask "Wat is er stuk?"', "runs": 1, "fate": "same",
        "is_new": False, "was": place, "now": place, "deployment": None,
    }  # fmt: skip
    differences = found["replay"].pop("differences")
    assert found["replay"] == {"days": 7, "texts": 3, "cut": False, "elsewhere": 2}
    assert sorted((one["example"]["from"], one["example"]["text"]) for one in differences) == [
        ("********678", "bel"), ("********999", "bel *******678\n"),
    ]  # fmt: skip
    assert "\\n" in desk.kwek("plan").stdout, "what a phone sent moves no cursor"
    cut = desk.kwek("plan", "--texts", "1")
    assert "Texts of the last 7 days: the newest 1 replayed, 1 would go elsewhere" in cut.stdout


def test_nothing_was_ever_in_force(desk: Desk) -> None:
    done = desk.kwek("plan")
    assert (done.exit_code, done.stderr) == (
        Exit.FAILED, "no rules were ever in force here: there is nothing to compare with\n",
    )  # fmt: skip
    desk.let_go()
    done = desk.kwek("deploy")
    assert (done.exit_code, done.stdout) == (
        Exit.OK, "no gateway runs: the next one that starts takes these rules over\n",
    )  # fmt: skip


def test_nobody_under_way_and_nothing_new(desk: Desk) -> None:
    deployment = desk.adopt(RULES)
    lines = desk.kwek("plan").stdout.splitlines()
    assert lines[1:] == [
        f"New       {deployment[:12]}  nothing changes", "", "Under way: nobody", "",
        "Texts of the last 7 days: none",
    ]  # fmt: skip


def test_rules_that_do_not_compile_stay_out(desk: Desk) -> None:
    desk.adopt(RULES)
    desk.rules.write_text(RULES.replace("reply", "replay", 1))
    for command in ("plan", "deploy"):
        done = desk.kwek(command)
        assert done.exit_code == Exit.FAILED
        assert "R203" in done.stdout
        assert "the rules stay as they are: the new ones do not compile" in done.stderr


def test_rules_whose_tests_fail_stay_out(desk: Desk) -> None:
    desk.adopt(RULES)
    desk.rules.write_text(UNTESTED)
    done = desk.kwek("deploy")
    assert (done.exit_code, done.stderr) == (
        Exit.FAILED, "the rules stay as they are: 1 of the new ones' tests failed: `bellen`\n",
    )  # fmt: skip


def test_rules_in_another_place_stand_in_for_those_of_the_settings(desk: Desk, tmp_path: Path) -> None:
    deployment = desk.adopt(RULES)
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "klusser.rules").write_text(RULES)
    for place in ("desk", "desk/klusser.rules"):
        assert f"{deployment[:12]}  nothing changes" in desk.kwek("plan", str(tmp_path / place)).stdout
    gone = desk.kwek("plan", str(tmp_path / "nowhere"))
    assert gone.exit_code == Exit.FAILED
    assert "There is no such file or folder." in gone.stdout
    many = desk.kwek("plan", "a", "b")
    assert (many.exit_code, many.stderr) == (Exit.USAGE, "kwek.toml names 1 under `rules`: name as many, or none\n")
    desk.config.write_text(desk.config.read_text().replace('["brands/"]', '["brands/klusser.rules"]'))
    assert f"{deployment[:12]}  nothing changes" in desk.kwek("plan", str(tmp_path / "desk/klusser.rules")).stdout


def test_rules_in_force_that_do_not_compile_cannot_be_compared_with(desk: Desk) -> None:
    desk.adopt(RULES)
    desk.config.write_text(desk.config.read_text().replace('"Klusser"', '"Iemand anders"'))
    desk.rules.write_text(RULES.replace('"Klusser"', '"Iemand anders"'))
    done = desk.kwek("plan")
    assert done.exit_code == Exit.RULES
    assert "the rules in force do not compile with this kwek.toml" in done.stderr
    desk.let_go()
    done = desk.kwek("deploy")  # else nobody could ever leave them
    assert (done.exit_code, done.stdout.splitlines()[0]) == (
        Exit.OK, "the rules in force do not compile with this kwek.toml: what changes for whom is not known",
    )  # fmt: skip


def test_a_gateway_that_does_not_answer_is_not_waited_for_without_end(desk: Desk, tmp_path: Path) -> None:
    desk.adopt(RULES)
    desk.rules.write_text(NEW)
    done = desk.kwek("deploy", "--wait", "0")
    assert done.exit_code == Exit.FAILED
    assert done.stdout.splitlines()[-1] == "test has not taken them over yet: it will, if it runs"
    assert (tmp_path / "kwek.db.order").exists()


def test_what_a_gateway_makes_of_an_order_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.adopt(RULES)
    desk.rules.write_text(NEW)

    def refusing(_: Path, order: Order) -> int:
        assert desk.store is not None
        with desk.store.begin() as tx:
            rulings.refuse(tx, "test", order, "brands/a.rules:1:1: no")
        return 0

    monkeypatch.setattr("gateway.orders.write_order", refusing)
    done = desk.kwek("deploy")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (
        Exit.FAILED, "test cannot take them over: brands/a.rules:1:1: no",
    )  # fmt: skip

    def overtaken(_: Path, order: Order) -> int:
        assert desk.store is not None
        with desk.store.begin() as tx:
            rulings.refuse(tx, "test", order, "")
        return 0

    monkeypatch.setattr("gateway.orders.write_order", overtaken)
    done = desk.kwek("deploy")
    assert done.exit_code == Exit.FAILED
    assert done.stdout.splitlines()[-1].endswith("somebody else was faster")

    def misread(path: Path, order: Order) -> int:
        path.with_name("kwek.db.order.unreadable").write_text("")
        return path.with_name("kwek.db.order.unreadable").stat().st_ino

    monkeypatch.setattr("gateway.orders.write_order", misread)
    done = desk.kwek("deploy", "--wait", "0")
    assert done.exit_code == Exit.FAILED
    assert done.stdout.splitlines()[-1].startswith("test cannot read the order: ")

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gateway.orders.write_order", forbidden)
    done = desk.kwek("deploy")
    assert done.exit_code == Exit.STORE
    assert "kwek.db.order: Permission denied; run it as the gateway's account" in done.stderr


def test_a_sample_whose_winner_is_gone_is_told(desk: Desk) -> None:
    arms = "        50% kort\n            tag a\n        50% lang\n            tag b\n"
    rules = f"{RULES}\nkeyword KOP\n    split kop sample 10% for 1 hour\n{arms}"
    desk.adopt(rules)
    assert desk.store is not None
    with desk.store.begin() as tx:
        for brand, name, winner in (
            ("Klusser", "kop", "'kort'"),
            ("Klusser", "weg", "'x'"),
            ("Klusser", "nog", "NULL"),
        ):
            tx.write(f"INSERT INTO samples (brand, split, began_at, winner) VALUES ('{brand}', '{name}', 1, {winner})")
    desk.rules.write_text(rules)
    assert json.loads(desk.kwek("plan", "--format", "json").stdout)["samples_without_winner"] == []
    desk.rules.write_text(rules.replace("kort", "kortst"))
    told = 'Sample of split kop (Klusser): "kort" has won, and is none of its arms now: each contact gets its own arm'
    assert told in desk.kwek("plan").stdout.splitlines()
    assert json.loads(desk.kwek("plan", "--format", "json").stdout)["samples_without_winner"] == [
        {"brand": "Klusser", "split": "kop", "winner": "kort"}
    ]
    desk.let_go()
    assert told in desk.kwek("deploy").stdout.splitlines()


def test_the_way_back(desk: Desk) -> None:
    old = desk.adopt(RULES)
    done = desk.kwek("rollback")
    assert (done.exit_code, done.stderr) == (Exit.FAILED, "no other rules were in force before\n")
    desk.adopt(NEW, "ffffffff1")
    desk.adopt(NEW, "ffffffff2")
    done = desk.kwek("rollback", "ffffffff")
    assert done.exit_code == Exit.USAGE
    assert "begins the hashes of several deployments, ffffffff1 and ffffffff2" in done.stderr
    done = desk.kwek("rollback", "0123")
    assert (done.exit_code, done.stderr) == (Exit.FAILED, "there is no deployment 0123 in the store\n")
    desk.let_go()
    done = desk.kwek("rollback", old[:8])
    assert done.exit_code == Exit.OK, done.output
    assert done.stdout.splitlines()[0] == f"ffffffff2 -> {old[:12]}"
    order = desk.ordered()
    assert (order.ruling.deployment, order.ruling.origin, order.sources) == (old, "rollback", {str(desk.rules): RULES})


def test_an_order_that_waits_can_be_taken_back(desk: Desk) -> None:
    """What is in force is no reason to do nothing while another order waits for the gateway's start."""
    old = desk.adopt(RULES)
    desk.let_go()
    desk.rules.write_text(NEW)
    assert desk.kwek("deploy").exit_code == Exit.OK
    done = desk.kwek("rollback", old[:12])
    assert done.exit_code == Exit.OK
    assert "there is nothing to do" not in done.stdout
    order = desk.ordered()
    assert order.ruling.deployment == old


def test_a_store_that_is_away_is_told(desk: Desk, tmp_path: Path) -> None:
    desk.let_go()
    (tmp_path / "kwek.db").unlink()
    for command in ("plan", "deploy", "rollback"):
        assert desk.kwek(command).exit_code == Exit.STORE


def test_a_long_page_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning_page, "MOST_SAME", 2)
    monkeypatch.setattr(planning_page, "MOST_DIFFERENCES", 1)
    place = Place("wait 1 day", 1, 1, "a.rules", 3)
    moves = [
        Move("Shop", f"keyword A{n}", 10, "same", place, place, "", "wait 1 day", False) for n in range(4)
    ]  # fmt: skip
    moves.insert(0, Move("Shop", "keyword B", 1, "moved", None, place, "", "wait 1 day", True))
    moves.insert(0, Move("Shop", "keyword C", 2, "own", None, None, "a" * 32, "ask-1", False))
    moves.insert(0, Move("Shop", "keyword D", 3, "lost", None, None, "b" * 32, "ask-2", True))
    heard = Heard(JAN, "4411", "x" * 100, 0, "")
    ways = [
        (Goes("answer", "Shop", "keyword A"), Goes("else", "Shop", "keyword A", read=True)),
        (Goes("command", "", "stop"), Goes("no number", "", "")),
        (Goes("keyword", "Shop", "keyword A"), Goes("out of market", "", "")),
    ]
    differences = tuple(Difference(2, was, now, "4411", heard) for was, now in ways)
    told = page(
        Planned(Current("c" * 32, {}, 0), "d" * 32, (), tuple(moves), Replayed(9, differences), False)
    )  # fmt: skip
    assert told == [
        "In force  cccccccccccc", "New       dddddddddddd  nothing changes", "",
        "Under way: 46 chains; 40 at the same step, 1 at the same step elsewhere, 2 by the rules they began in, 3 lost",
        "     3  Shop  keyword D   ask-2       neither the new rules nor those of bbbbbbbbbbbb have the step: "
        "ends as lost",
        "     2  Shop  keyword C   ask-1       the step is gone: goes on by the rules of aaaaaaaaaaaa, as already",
        "     1  Shop  keyword B   wait 1 day  back in the rules, at step 1 of 1",
        "    10  Shop  keyword A0  wait 1 day  the same step", "    10  Shop  keyword A1  wait 1 day  the same step",
        "    and 2 more steps at which nothing changes (--format json has all)", "",
        "Texts of the last 7 days: 9 replayed, 6 would go elsewhere",
        "    2 to 4411: an answer in keyword A (Shop) -> the else of keyword A (Shop), and a person reads it; such as "
        f"'{'x' * 59}…' from ********678",
        "    and 2 more ways (--format json has all)",
    ]  # fmt: skip
    second, third = (
        page(Planned(Current("c" * 32, {}, 0), "d" * 32, (), (), Replayed(9, (one,)), False)) for one in differences[1:]
    )
    assert second[-1].startswith("    2 to 4411: the command stop -> no rules of any brand; such as")
    assert third[-1].startswith("    2 to 4411: keyword A (Shop) -> nobody, for its country; such as")
