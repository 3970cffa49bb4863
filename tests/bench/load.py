"""Runs one gateway under the load generator and reads what it measured.

smsc_bench.py plays the message centre; under it run its own echo (the ceiling), the bare durable loop, kwek, or Kannel.
Every run starts a fresh process on a fresh store in a folder of its own, so no run pays for another. All of them talk
over a loopback that acknowledges TCP segments at once where the machine lets us make one (`enter_quick_loopback`);
elsewhere the generator does so for each read (`--quickack`).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Literal

import msgspec

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PASSWORD = "secret"
EXPECTED = "OK"
"""How every gateway's answer begins; another text counts as wrong."""
START_S, END_S = 20.0, 10.0
"""How long a gateway may take to bind, and to end when it is told to, in seconds."""
TICK_S = 0.25
"""Between two looks at a process's memory, in seconds."""
SAID = 600
"""Characters of what a failed process said, from its end, that are shown."""
BOX_FOLDERS = "/usr/sbin:/usr/lib/kannel"
"""Where Debian puts Kannel's boxes, off an ordinary user's PATH."""
ONE_AT_A_TIME_PORTS = (13100, 13101, 13113, 13275)
"""The ports that kannel_peer.sh uses, which the run before may still hold where there is no namespace of its own."""

QUICK_LOOPBACK = """ip link set lo up
for net in 127.0.0.0/8 127.0.0.1; do
    ip route replace table local local $net dev lo proto kernel scope host src 127.0.0.1 quickack 1
done
exec "$@"
"""
INSIDE = "KWEK_BENCH_QUICK_LOOPBACK"

Kannel = Literal["none", "spool"]


class LoadError(Exception):
    """A run that gave no figures: what went wrong, with what the processes said."""


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from the write of a deliver_sm to the read of the submit_sm that answers it."""

    n: int
    p50: float | None
    p99: float | None


class Result(msgspec.Struct, frozen=True):
    """One JSON line of smsc_bench.py, as far as it is used here; meanings in that file's head."""

    how: str
    messages: int
    window: int
    rate: float
    sent: int
    acked: int
    nacked: int
    replied: int
    acked_no_reply: int
    never_acked: int
    duplicates: int
    bad_text: int
    elapsed_s: float
    lat_ms: Latency
    procs: dict[str, dict[str, float] | None]
    loops_per_s_mid80: float | None = None
    lat_sched_ms: Latency | None = None

    @property
    def loops_per_s(self) -> float:
        """Loops a second over the middle 80 %; 0 for a run too short to tell."""
        return self.loops_per_s_mid80 or 0.0

    @property
    def lost(self) -> int:
        """Acknowledged and never answered, or not even acknowledged."""
        return self.acked_no_reply + self.never_acked

    def cpu_us(self, *names: str) -> float:
        """Processor time of these processes in microseconds for each loop."""
        return sum(self._of(name, "cpu_s") for name in names) / max(1, self.replied) * 1e6

    @property
    def disturbed(self) -> float:
        """The share of the machine that went to programs that have nothing to do with this run, 0 to 1."""
        cores = os.cpu_count() or 1
        return max(0.0, self._of("machine", "other_s")) / max(0.01, self._of("machine", "wall_s") * cores)

    def _of(self, name: str, what: str) -> float:
        return (self.procs.get(name) or {}).get(what, 0.0)


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: so many texts with so many loops open at once, or at so many a second when `rate` is not 0."""

    messages: int
    window: int = 50
    rate: float = 0.0
    warmup: int = 0
    quiet_s: float = 5.0

    def options(self, expected: str = EXPECTED) -> list[str]:
        """As options of smsc_bench.py."""
        window = 0 if self.rate else self.window
        # A run lasts seconds; the hard end is for one that hangs.
        return [
            "--messages", str(self.messages), "--warmup", str(self.warmup), "--window", str(window),
            "--rate", str(self.rate), "--text", "JOIN {seq}", "--expect", expected, "--settle", "0.3",
            "--quiet", str(self.quiet_s), "--timeout", "120", "--bind-timeout", str(START_S),
            *(["--quickack"] if not quick_loopback() else []),
        ]  # fmt: skip


@dataclass(slots=True)
class Watched:
    """A run's figures with what was seen beside them."""

    result: Result
    memory_mb: list[float] = field(default_factory=list)
    """Resident memory of the gateway, a figure each TICK_S from the start of the load to its end."""
    metrics: str = ""
    """kwek's /metrics after the load; empty for others."""
    said: str = ""
    """What the gateway wrote to its standard error."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """How a gateway is started under the generator: given a folder and the centre's port, its command."""

    name: str
    command: Callable[[Path, int], list[str]]
    web_port: int = 0
    system_id: str = ""


def echo() -> Gateway:
    """The generator's own trivial peer: the ceiling of everything measured with it."""
    script = str(HERE / "smsc_bench.py")
    return Gateway("echo", lambda folder, port: [sys.executable, script, "echo", "--port", str(port), "--time", "150"])


def bare() -> Gateway:
    """The bare durable loop of bare_loop.py."""

    def command(folder: Path, port: int) -> list[str]:
        return [sys.executable, "-m", "tests.bench.bare_loop", "--port", str(port), "--store", str(folder / "bare.db")]

    return Gateway("bare", command)


def kwek(store: str = "sqlite:///bench.db") -> Gateway:
    """The gateway itself, as an operator starts it; the store is a URL (SQLite: relative to the run's folder)."""
    web_port = free_port()

    def command(folder: Path, port: int) -> list[str]:
        shutil.copy(HERE / "bench.rules", folder)
        settings = (HERE / "bench.toml").read_text()
        config = folder / "kwek.toml"
        config.write_text(settings.format(store=store, port=port, web_port=web_port))
        return [str(Path(sys.executable).with_name("kwek")), "run", "--config", str(config)]

    return Gateway("kwek", command, web_port, "kwek")


# ------------------------------------------------------------------------------------------------------------ running


def measure(gateway: Gateway, load: Load, folder: Path) -> Watched:
    """Run the generator with this gateway under it. Raises LoadError when there are no figures."""
    port, ready, pid_file = free_port(), folder / "ready", folder / "gateway.pid"
    ready.unlink(missing_ok=True)
    centre = [sys.executable, str(HERE / "smsc_bench.py"), "smsc", "--port", str(port), "--ready-file", str(ready),
              "--proc", f"gateway=@{pid_file}", *load.options()]  # fmt: skip
    if gateway.system_id:
        centre += ["--system-id", gateway.system_id, "--password", PASSWORD]
    environment = os.environ | {"BENCH_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
    with (folder / "gateway.log").open("w+") as log, _Process(centre, stdout=subprocess.PIPE) as generator:
        assert generator.stderr is not None
        if "listening" not in generator.stderr.readline():
            raise LoadError(f"the generator did not start: {generator.stderr.read()}")
        command = gateway.command(folder, port)
        with _Process(command, stdout=subprocess.DEVNULL, stderr=log, env=environment) as process:
            pid_file.write_text(f"{process.pid}\n")
            memory = _watch(generator, process.pid, ready)
            metrics = _fetched(gateway.web_port) if gateway.web_port else ""
        log.seek(0)
        said = log.read()
        return Watched(_result(generator, said), memory, metrics, said)


def kannel(store: Kannel, load: Load) -> Result:
    """Kannel with that store, by its own script. Raises LoadError when there are no figures."""
    if shutil.which("bearerbox", path=os.pathsep.join((os.environ.get("PATH", ""), BOX_FOLDERS))) is None:
        raise LoadError("Kannel is not installed here (Debian package kannel)")
    own = can_make_a_loopback()
    environment = dict(os.environ, PYTHON=sys.executable)
    environment.pop("KANNEL_NS", None)
    if not own:
        environment["KANNEL_NS"] = "1"
        _free(ONE_AT_A_TIME_PORTS)
    # Its static answer is the first of kannel_peer.sh's services.
    options = [option for option in load.options() if option != "--quickack"] + ([] if own else ["--quickack"])
    command = ["bash", str(HERE / "kannel_peer.sh"), store, *options]
    with _Process(command, stdout=subprocess.PIPE, env=environment) as script:
        try:
            out, said = script.communicate(timeout=150)
        except subprocess.TimeoutExpired as late:
            raise LoadError("Kannel's run did not end") from late
    return _read(out, said)


class _Process:
    """A child process that is ended, politely at first, when the block ends."""

    def __init__(
        self, command: list[str], *, stdout: int, stderr: int | IO[str] = subprocess.PIPE,
        env: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=env, text=True
        )

    def __enter__(self) -> subprocess.Popen[str]:
        return self._process

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _watch(generator: subprocess.Popen[str], pid: int, ready: Path) -> list[float]:
    """Wait for the generator's end, and look at the gateway's memory while the load runs."""
    memory: list[float] = []
    while True:
        with suppress(subprocess.TimeoutExpired):
            generator.wait(TICK_S)
            return memory
        if ready.exists():
            memory.append(resident_mb(pid))


def _result(generator: subprocess.Popen[str], gateway_said: str) -> Result:
    out, said = generator.communicate()
    return _read(out, said + gateway_said)


def _read(out: str, said: str) -> Result:
    line = next((line for line in out.splitlines() if line.startswith("{")), "")
    try:
        return msgspec.json.decode(line, type=Result)
    except msgspec.DecodeError as error:
        raise LoadError(f"no figures: {out}{said[-SAID:]}") from error


def _fetched(web_port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web_port}/metrics", timeout=5) as page:
            return str(page.read().decode())
    except OSError:
        return ""


def resident_mb(pid: int) -> float:
    """A process's resident memory in MiB; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)


# ------------------------------------------------------------------------------------------------------------ network


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _free(ports: tuple[int, ...]) -> None:
    """Wait until what ended a moment ago has let go of its ports."""
    waiter = subprocess.Popen(["sleep", "10"])
    try:
        while waiter.poll() is None and any(_taken(port) for port in ports):
            with suppress(subprocess.TimeoutExpired):
                waiter.wait(0.1)
    finally:
        waiter.kill()
        waiter.wait()


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def quick_loopback() -> bool:
    """Whether this process runs where the loopback acknowledges TCP segments at once."""
    return os.environ.get(INSIDE) == "1"


@cache
def can_make_a_loopback() -> bool:
    """Whether we may have a network namespace of our own with a loopback to our liking (root, and `ip`)."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    made = subprocess.run(
        ["unshare", "-n", "bash", "-ec", QUICK_LOOPBACK, "quick", "true"], check=False, capture_output=True
    )
    return made.returncode == 0


def enter_quick_loopback(module: str, arguments: list[str]) -> None:
    """Start this program again inside such a namespace, where we may; it does not come back then."""
    if quick_loopback() or not can_make_a_loopback():
        return
    os.environ[INSIDE] = "1"
    again = [sys.executable, "-m", module, *arguments]
    os.execvp("unshare", ["unshare", "-n", "bash", "-ec", QUICK_LOOPBACK, "quick", *again])
