"""The five packages have names that others use too: each must be the one of this tree, and none acts when imported."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["gateway", "router", "rules", "smpp", "config"]


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_loaded_from_this_tree(package: str) -> None:
    loaded = importlib.import_module(package)
    assert loaded.__file__ is not None
    assert Path(loaded.__file__).resolve() == ROOT / package / "__init__.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_opens_with_its_sentence_and_imports_nothing(package: str) -> None:
    for path in sorted((ROOT / package).rglob("__init__.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert len(tree.body) == 1, f"{path.relative_to(ROOT)} holds more than its docstring"
        assert (ast.get_docstring(tree) or "").endswith("."), f"{path.relative_to(ROOT)} has no sentence"


def test_wheel_carries_exactly_these_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == PACKAGES
    assert all((ROOT / package / "py.typed").exists() for package in PACKAGES)


def test_what_is_proven_pure_is_covered_whole_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [pure] = [c["source_modules"] for c in project["tool"]["importlinter"]["contracts"] if "decides" in c["name"]]
    covered = (ROOT / "tools/covered.txt").read_text(encoding="utf-8").split("\n")
    assert sorted(pure) == [
        line.removesuffix(".py").replace("/", ".") for line in covered if line.startswith("router/")
    ]


@pytest.mark.parametrize("lock", ["run.lock", "dev.lock"])
def test_locks_hold_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "-url" not in text
    pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert pinned
    assert all("==" in line and line.endswith("\\") for line in pinned)
