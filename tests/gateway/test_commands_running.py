"""`kwek run`, `demo` and `config`: what they start, and what they say when they cannot."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from config import reference
from config.settings import Settings
from gateway import app as gateway_app
from gateway import demo as gateway_demo
from gateway import logs
from gateway.cli import app
from gateway.exits import Exit


@pytest.fixture(autouse=True)
def unlogged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging stays as other tests expect it."""
    monkeypatch.setattr(logs, "set_up", lambda *_: None)


def test_config_prints_every_setting_explained() -> None:
    shown = CliRunner().invoke(app, ["config"])
    assert (shown.exit_code, shown.stdout) == (Exit.OK, reference.text())


def test_run_hands_the_settings_to_the_gateway_and_ends_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Settings] = []

    async def serve(settings: Settings, *, unsafe: bool) -> int:
        assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
        assert not unsafe
        served.append(settings)
        return Exit.PORT

    monkeypatch.setattr(gateway_app, "serve", serve)
    (tmp_path / "kwek.toml").write_text('[gateway]\nnode = "ams-1"\n', encoding="utf-8")
    shown = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "kwek.toml")])
    assert (shown.exit_code, shown.stderr) == (Exit.PORT, "")
    assert [settings.gateway.node for settings in served] == ["ams-1"]


def test_run_takes_an_unsafe_store_only_when_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []

    async def serve(settings: Settings, *, unsafe: bool) -> int:
        told.append(unsafe)
        return Exit.OK

    monkeypatch.setattr(gateway_app, "serve", serve)
    (tmp_path / "kwek.toml").write_text('[gateway]\nnode = "ams-1"\n', encoding="utf-8")
    called = ["run", "--config", str(tmp_path / "kwek.toml")]
    assert CliRunner().invoke(app, [*called, "--unsafe"]).exit_code == Exit.OK
    assert CliRunner().invoke(app, called).exit_code == Exit.OK
    assert told == [True, False]


def test_run_without_its_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["run"])
    assert shown.exit_code == Exit.USAGE
    assert shown.stderr.splitlines()[0] == "kwek.toml: error: there is no such file"


def test_every_fault_of_the_configuration_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kwek.toml").write_text('[gateway]\nnod = "ams-1"\ndrain_s = "long"\n', encoding="utf-8")
    shown = CliRunner().invoke(app, ["run"])
    assert shown.exit_code == Exit.USAGE
    places = [line.partition(": ")[0] for line in shown.stderr.splitlines() if not line.startswith(" ")]
    assert places == ["kwek.toml:2:1", "kwek.toml:3:11"]
    assert 'did you mean "node"?' in shown.stderr


def test_a_warning_is_told_and_hinders_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(settings: Settings, *, unsafe: bool) -> int:
        return Exit.OK

    monkeypatch.setattr(gateway_app, "serve", serve)
    monkeypatch.chdir(tmp_path)
    Path("kwek.toml").write_text('[gateway]\nredis = "redis://127.0.0.1"\n', encoding="utf-8")
    shown = CliRunner().invoke(app, ["run"])
    assert shown.exit_code == Exit.OK
    assert shown.stderr.startswith("kwek.toml:2:")
    assert ": warning: " in shown.stderr


def test_demo_hands_over_its_ports_and_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[Any, ...]] = []

    async def demo(ports: gateway_demo.Ports, say: Any, *, command: str, rules: Path | None) -> int:
        say("kwek demo: here")
        called.append((ports, rules))
        return Exit.OK

    monkeypatch.setattr(gateway_demo, "demo", demo)
    shown = CliRunner().invoke(app, ["demo", "--web-port", "1", "--smpp-port", "2", "--control-port", "3"])
    assert (shown.exit_code, shown.stdout) == (Exit.OK, "kwek demo: here\n")
    assert CliRunner().invoke(app, ["demo", "--rules", str(tmp_path)]).exit_code == Exit.OK
    assert called == [(gateway_demo.Ports(1, 2, 3), None), (gateway_demo.Ports(), tmp_path)]


@pytest.mark.parametrize(
    ("called", "shown"),
    [(".venv/bin/kwek", ".venv/bin/kwek"), ("{here}/bin/kwek", "bin/kwek"), ("/usr/bin/kwek", "kwek")],
)
def test_the_demo_shows_kwek_as_it_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: str, shown: str
) -> None:
    given: list[str] = []

    async def demo(ports: gateway_demo.Ports, say: Any, *, command: str, rules: Path | None) -> int:
        given.append(command)
        return Exit.OK

    monkeypatch.setattr(gateway_demo, "demo", demo)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [called.format(here=tmp_path)])
    CliRunner().invoke(app, ["demo"])
    assert given == [shown]
