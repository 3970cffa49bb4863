"""Starts gateways quickly: a process that has loaded all of kwek, and forks for each one that is asked for.

A fork is a `kwek run` of its own like any other, but for the second that Python takes to import it. JSON lines on
standard input: {"config", "log", "environment"}; on standard output {"started": pid}, and {"ended": pid, "status"}
(below 0: the signal that killed it). When its input ends it kills what still runs.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from gateway.torture.workload import RULES
from router.store.engine import IN_MEMORY, open_store
from rules.compiler import compile_sources
from rules.diagnostics import Source


def main() -> None:
    """The nursery's life."""
    _warm()
    wake_at, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _noticed)
    children: set[int] = set()
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    selector.register(wake_at, selectors.EVENT_READ)
    held = b""
    while True:
        for key, _ in selector.select():
            octets = os.read(key.fd, 65_536)
            if key.fd == wake_at:
                _reap(children)
                continue
            if not octets:
                _end(children)
                return
            *lines, held = (held + octets).split(b"\n")
            for line in lines:
                children.add(_bear(json.loads(line)))


def _warm() -> None:
    """Load, once for every gateway that is forked, what each would load and build anew when it starts."""
    from gateway import app, logs  # noqa: F401, PLC0415 - not before it is wanted
    from gateway.commands.running import under_uvloop  # noqa: F401, PLC0415

    compile_sources([Source("torture.rules", RULES)], None)
    open_store(IN_MEMORY).close()
    for module in ("uvloop", "psycopg", "aiohttp.web", "config.load"):
        import_module(module)
    gc.freeze()


def _noticed(number: int, frame: object) -> None:
    """A child ended: the wake-up descriptor tells the loop."""


def _bear(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _be(order)
    _say({"started": pid})
    return pid


def _be(order: dict[str, Any]) -> NoReturn:
    """In the child: become `kwek run`."""
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, number)
        os.environ.update(order["environment"])
        from gateway.commands.running import run  # noqa: PLC0415 - loaded by the parent already

        run(Path(order["config"]))
        status = 0
    except BaseException as end:
        status = getattr(end, "exit_code", status)
        if not hasattr(end, "exit_code"):
            traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _reap(children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)
        _say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _end(children: set[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _say(what: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
