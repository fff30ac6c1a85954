"""A robot's program as a process: an item goes in, an answer comes out."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from starter.orphan_guard import Guard, killed

OUT_LIMIT: Final = 256 * 1024
"""Bytes that are kept of what a program prints: an answer is no longer."""
_TAIL: Final = 4096
_CHUNK: Final = 65_536
STOPPED_WITHIN: Final = 5.0
"""Seconds that a program has to end after SIGTERM."""
_DRAINED_WITHIN: Final = 1.0
"""Seconds in which the last words of an ended program come through; what it leaves running might
hold its output for ever."""
Echo = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: exit code (below 0: the signal), output, and last line of errors."""

    code: int
    out: bytes
    last_words: str


class Program:
    """One run of a program, in a process group of its own."""

    def __init__(self, process: Process, text: bytes, echo: Echo) -> None:
        self._process = process
        self._out = bytearray()
        self._tail = b""
        self._talking = [
            asyncio.create_task(self._feed(text)),
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._overhear(echo)),
        ]

    @classmethod
    async def begin(cls, words: Sequence[str], text: bytes, guard: Guard, echo: Echo) -> Self:
        """Start it with a text on its standard input; `echo` hears what it says on standard error.

        The guard ends it should we be killed. Raises OSError if it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *words, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
        await guard.watch(process)
        return cls(process, text, echo)

    async def ended(self) -> Ended:
        """Wait for its end."""
        code = await self._process.wait()
        await self._heard_out()
        lines = self._tail.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return Ended(code=code, out=bytes(self._out), last_words=last)

    async def stop(self) -> None:
        """End it and whatever it started: SIGTERM, then SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOPPED_WITHIN)
        await killed(self._process)
        await self._heard_out()

    async def _heard_out(self) -> None:
        _, late = await asyncio.wait(self._talking, timeout=_DRAINED_WITHIN)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._talking, return_exceptions=True)

    async def _feed(self, text: bytes) -> None:
        stdin = self._process.stdin
        if stdin is None:
            return
        with suppress(BrokenPipeError, ConnectionResetError):  # it need not read
            stdin.write(text)
            await stdin.drain()
        stdin.close()

    async def _listen(self) -> None:
        stdout = self._process.stdout
        while stdout is not None and (chunk := await stdout.read(_CHUNK)):
            if len(self._out) <= OUT_LIMIT:
                self._out += chunk

    async def _overhear(self, echo: Echo) -> None:
        stderr = self._process.stderr
        while stderr is not None and (chunk := await stderr.read(_CHUNK)):
            echo(chunk)
            self._tail = (self._tail + chunk)[-_TAIL:]
