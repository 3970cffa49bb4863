"""Secrets: named in kwek.toml, looked up at once, never printed."""

from pathlib import Path

import pytest

from config.load import Loaded, parse
from config.values import Secret

CONNECTOR = '[[connector]]\nname = "a"\nhost = "h"\nsystem_id = "k"\npassword = "{}"\n'
IT = "password in [[connector]]"


def loaded(reference: str, folder: Path, environ: dict[str, str] | None = None) -> Loaded:
    return parse(CONNECTOR.format(reference), environ or {}, folder=folder)


def told(reference: str, folder: Path, environ: dict[str, str] | None = None) -> list[str]:
    problems = loaded(reference, folder, environ).problems
    return [str(problem).removeprefix("kwek.toml:5:12: error: ") for problem in problems]


def secret_of(found: Loaded) -> Secret:
    assert found.settings is not None
    return found.settings.connectors[0].password


def secret_file(folder: Path, octets: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(octets)
    path.chmod(mode)
    return path


def test_from_the_environment(tmp_path: Path) -> None:
    found = loaded("env:PW", tmp_path, {"PW": "hush"})
    assert found.problems == ()
    secret = secret_of(found)
    assert secret.reveal() == "hush"
    assert str(secret) == "env:PW"
    assert repr(secret) == "Secret(source='env:PW')"
    assert "hush" not in repr(found)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_from_a_file_beside_kwek_toml(tmp_path: Path, end: bytes) -> None:
    secret_file(tmp_path, b" hush " + end)
    found = loaded("file:secret", tmp_path)
    assert found.problems == ()
    assert secret_of(found).reveal() == " hush "


def test_none_is_wanted(tmp_path: Path) -> None:
    assert secret_of(loaded("", tmp_path)).reveal() == ""


def test_a_file_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    path = secret_file(tmp_path, b"hush", 0o640)
    found = loaded(f"file:{path}", tmp_path)
    assert secret_of(found).reveal() == "hush"
    assert [str(problem) for problem in found.problems] == [
        f"kwek.toml:5:12: warning: the file {path} holds a secret, and others may read it: chmod 600 {path}"
    ]


def test_the_secret_itself_is_refused_and_not_repeated(tmp_path: Path) -> None:
    assert told("hush", tmp_path) == [
        f"{IT} holds the secret itself, which may not stand in this file\n"
        '    put it into the environment and write password = "env:KWEK_PASSWORD", or into a file: "file:PATH"'
    ]


def test_what_cannot_be_looked_up(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    assert told("env:PW", tmp_path) == [
        f"{IT} names the variable PW, which is not set\n    set it where kwek starts: export PW=…"
    ]
    assert told("env:", tmp_path) == [
        f'{IT} must name a variable of the environment after env:\n    for example "env:CARRIER_PASSWORD"'
    ]
    assert told("env:PW", tmp_path, {"PW": ""}) == [f"{IT} names env:PW, which is empty"]
    assert told("file:nothing", tmp_path) == [
        f"{IT} names the file {missing}, which cannot be read: No such file or directory"
    ]
    assert told("file:", tmp_path) == [f"{IT} names the file {tmp_path}, which cannot be read: Is a directory"]


def test_files_that_hold_no_secret(tmp_path: Path) -> None:
    path = secret_file(tmp_path, b"\xff\xfe")
    assert told("file:secret", tmp_path) == [f"{IT} names the file {path}, which is not a text in UTF-8"]
    secret_file(tmp_path, b"x" * 65_537)
    assert told("file:secret", tmp_path) == [f"{IT} names the file {path}, which is too long for a secret"]
    secret_file(tmp_path, b"\n")
    assert told("file:secret", tmp_path) == [f"{IT} names file:secret, which is empty"]


class TestUrls:
    """The store's and Redis's address may hold a password only when it comes from a secret."""

    @pytest.mark.parametrize(
        "line",
        [
            'store = "postgresql://kwek:hush@db/kwek"',
            'store = "postgresql://db/kwek?user=kwek&password=hush"',
            'store = "postgresql://kwek:hush@[db/kwek"',
            'redis = "redis://:hush@db"',
        ],
    )
    def test_in_clear(self, line: str) -> None:
        key = line.split(" ", maxsplit=1)[0]
        assert [str(problem) for problem in parse(f"[gateway]\n{line}\n", {}).problems] == [
            f"kwek.toml:2:9: error: {key} in [gateway] holds the secret itself, which may not stand in this file\n"
            f"    put it into the environment and write {key} "
            f'= "env:KWEK_{key.upper()}", or into a file: "file:PATH"'
        ]

    def test_from_the_environment(self) -> None:
        environ = {"DB": "postgresql://kwek:hush@db/kwek", "RE": "redis://:hush@db"}
        found = parse('[gateway]\nstore = "env:DB"\nredis = "env:RE"\n', environ)
        assert found.settings is not None
        store = found.settings.gateway.store
        assert (store.kind, store.url, str(store)) == ("postgresql", environ["DB"], "env:DB")
        assert "hush" not in repr(store)
        assert found.settings.gateway.redis == environ["RE"]

    def test_a_fault_in_it_does_not_show_it(self) -> None:
        problems = parse('[gateway]\nstore = "env:DB"\n', {"DB": "kwek:hush@db"}).problems
        assert [problem.message for problem in problems] == [
            'store in [gateway] must be the address of a database, not "env:DB"'
        ]
