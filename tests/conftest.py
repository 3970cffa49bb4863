"""What every test may use, the hour at which it runs, and what becomes of a peer that is missing.

A test of somebody else's program asks for it through `peer`: without it the test is skipped under the program's name,
and in CI (CI=true) it fails, so that nothing is left out unseen."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.world import CLOCK
from tests.support.clock import ahead_s

SYSTEM_FOLDERS = "/usr/sbin:/usr/lib/kannel"  # Debian puts Kannel's boxes there, off an ordinary user's PATH
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def clock_of_the_run() -> Iterator[None]:
    """Gateways, commands and whatever they start go by a clock that begins at noon on a working day.

    One for the session: what outlives a test (a nursery, a database) stays in step with what the next one starts.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLOCK, f"{ahead_s():.6f}")
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


def find_peer(program: str) -> str:
    """The path of a program that tests talk to; skips the test where it is missing, fails it in CI."""
    found = shutil.which(program, path=os.pathsep.join((os.environ.get("PATH", ""), SYSTEM_FOLDERS)))
    if found is None:
        absent(program)
    return str(found)


def absent(what: str) -> None:
    """Skips the running test because of a missing peer, or fails it in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and in CI no peer may be")
    pytest.skip(f"{what} is not installed here")


@pytest.fixture(scope="session")
def peer() -> Callable[[str], str]:
    """`peer("node")` is the program's path; see `find_peer`."""
    return find_peer
