"""What a command says when the gateway's counter cannot be reached."""

import socket
from pathlib import Path

import pytest
import typer

from gateway.commands.at_counter import handed_in
from gateway.commands.stores import settings_of
from gateway.counter_orders import Erasing
from gateway.exits import Exit
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
