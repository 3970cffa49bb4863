"""Compiles rule sets beside the gateway: in a process of its own, so that the main way never waits for it.

Why a process: compiling is Python all through, and a thread that runs Python takes turns with the event loop and the
writer for as long as it lasts, seconds where there are many brands. It is started anew each time: a warm one would
save part of a second after an author has saved a file, and keep a second rule set in memory for it.

The book comes back pickled and is unpickled on a thread. Two things would hold up the event loop there, and are
avoided (10,000 keywords: 780 ms at once before, 12 ms after). Unpickling from bytes never lets another thread in; from
a file written in Python it does at each of pickle's frames (64 KiB). And the collector would walk through the half-made
book again and again; it rests meanwhile, and then counts the book among what stays.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import pickle
import sys
from collections.abc import Sequence
from functools import partial

from rules.compiler import Compiled, compile_sources
from rules.diagnostics import Source
from rules.rulebook import Grants

LONGEST_S = 3_600.0
"""A compilation that takes longer, in seconds, will not end: ten thousand keywords take about ten of them."""
NICE = 10
"""The compiler's process stands back behind the gateway's."""
PROGRAM = "from gateway.rules_compile import main; main()"


class CompilerFailedError(Exception):
    """The compiler's process did not do its work; the message is a sentence."""


async def compile_here(sources: Sequence[Source], grants: Grants | None) -> Compiled:
    """Compiles on a thread: for the start, when nothing else is running yet."""
    return await asyncio.to_thread(compile_sources, sources, grants)


async def compile_in_force(sources: Sequence[Source], grants: Grants | None) -> Compiled:
    """The same of a set that was in force before."""
    return await asyncio.to_thread(partial(compile_sources, in_force=True), sources, grants)


async def compile_apart(sources: Sequence[Source], grants: Grants | None) -> Compiled:
    """Compiles in a process of its own. Raises CompilerFailedError when that dies or does not end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", PROGRAM, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the gateway, which ends its compiler itself
    )  # fmt: skip
    try:
        async with asyncio.timeout(LONGEST_S):
            answer, _ = await process.communicate(pickle.dumps((sources, grants)))
    except TimeoutError:
        raise CompilerFailedError(f"compiling took longer than {LONGEST_S:.0f} seconds and was given up") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise CompilerFailedError(f"the compiler's process ended with code {process.returncode}")
    return await asyncio.to_thread(load_yielding, answer)


def load_yielding(pickled: bytes) -> Compiled:
    """What was pickled, read in such a way that other threads get their turn meanwhile."""
    gc.disable()
    try:
        compiled = pickle.Unpickler(_Frames(pickled)).load()
    finally:
        gc.freeze()
        gc.enable()
    assert isinstance(compiled, Compiled)
    return compiled


class _Frames:
    """Bytes as a file whose methods are Python: at each call the interpreter may be given to another thread."""

    def __init__(self, octets: bytes) -> None:
        self._file = io.BytesIO(octets)

    def read(self, size: int = -1) -> bytes:
        """The next octets."""
        return self._file.read(size)

    def readline(self) -> bytes:
        """The next line; pickle asks for the method and has no use for it in its newer protocols."""
        return self._file.readline()


def main() -> None:
    """The compiler's process: sources and grants on standard input, the outcome on standard output."""
    os.nice(NICE)
    gc.disable()  # it lives shortly
    sources, grants = pickle.load(sys.stdin.buffer)
    pickle.dump(compile_sources(sources, grants), sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
