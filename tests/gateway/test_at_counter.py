"""What a command says when the gateway's counter cannot be reached."""

import socket
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gateway import cli
from gateway.commands.at_counter import handed_in
from gateway.commands.stores import settings_of
from gateway.counter_orders import Erasing
from gateway.exits import Exit
from router.store.engine import open_store
from tests.support.process import write_config


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        (PermissionError(13, "Permission denied"), "run it as the gateway's account"),
        (ConnectionResetError(104, "Connection reset by peer"), "do it again"),
    ],
)
def test_who_may_not_is_not_told_to_try_again(
    fault: OSError, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Shut(socket.socket):
        """A socket that cannot be connected."""

        def connect(self, address: object) -> None:
            """Say so."""
            raise fault

    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    settings = settings_of(write_config(tmp_path, 2775, "", f"sqlite:///{tmp_path / 'kwek.db'}"))
    monkeypatch.setattr(socket, "socket", Shut)
    with pytest.raises(typer.Exit) as ended:
        handed_in(settings, Erasing("31612345678", ("Klusser",), True, "me"))
    assert ended.value.exit_code == Exit.STORE
    assert f"{fault.strerror}; {remedy}" in " ".join(capsys.readouterr().err.split())


def test_a_store_whose_path_no_socket_can_have_is_written_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    config = write_config(tmp_path, 2775, "", f"sqlite:///{folder / 'kwek.db'}")
    words = ["key", "new", "--brand", "Klusser", "--config", str(config)]
    made = CliRunner().invoke(cli.app, words)
    assert (made.exit_code, made.stdout[:5], made.stderr) == (Exit.OK, "kwek_", "")
    owner = open_store(f"sqlite:///{folder / 'kwek.db'}")
    refused = CliRunner().invoke(cli.app, words)
    owner.close()
    assert (refused.exit_code, "stop that one first" in " ".join(refused.stderr.split())) == (Exit.STORE, True)
