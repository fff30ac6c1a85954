"""Robot's program as a child process: reads an item, prints an answer."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from starter.orphan_guard import OrphanGuard, kill_process_group

MAX_OUTPUT_BYTES: Final = 256 * 1024
"""Bytes of a program's output that are kept: an answer is no longer."""
_MAX_TAIL_BYTES: Final = 4096
_CHUNK_BYTES: Final = 65_536
STOP_TIMEOUT: Final = 5.0
"""Seconds that a program has to end after SIGTERM."""
_DRAIN_TIMEOUT: Final = 1.0
"""Seconds to read the rest of an ended program's output: a child of it may keep the pipe open."""
OnStderr = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class ProgramExit:
    """Result of a program: exit code (below 0: the signal), output, last line of standard error."""

    code: int
    output: bytes
    last_error_line: str


class RobotProgram:
    """Run of a program in a process group of its own."""

    def __init__(self, process: Process, text: bytes, on_stderr: OnStderr) -> None:
        self._process = process
        self._output = bytearray()
        self._tail = b""
        self._pipe_tasks = [
            asyncio.create_task(self._write_stdin(text)),
            asyncio.create_task(self._read_stdout()),
            asyncio.create_task(self._read_stderr(on_stderr)),
        ]

    @classmethod
    async def start(
        cls, command: Sequence[str], text: bytes, guard: OrphanGuard, on_stderr: OnStderr
    ) -> Self:
        """Start a program with a text on standard input; `on_stderr` gets its standard error.

        The guard kills the program if this process is killed. Raises OSError if the program cannot
        be started.
        """
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
        await guard.watch(process)
        return cls(process, text, on_stderr)

    async def wait(self) -> ProgramExit:
        """Wait for the program's end and return its result."""
        code = await self._process.wait()
        await self._drain_pipes()
        lines = self._tail.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ProgramExit(code=code, output=bytes(self._output), last_error_line=last)

    async def stop(self) -> None:
        """Stop the program and its child processes: SIGTERM, then SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
        await kill_process_group(self._process)
        await self._drain_pipes()

    async def _drain_pipes(self) -> None:
        _, unfinished = await asyncio.wait(self._pipe_tasks, timeout=_DRAIN_TIMEOUT)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*self._pipe_tasks, return_exceptions=True)

    async def _write_stdin(self, text: bytes) -> None:
        stdin = self._process.stdin
        if stdin is None:
            return
        with suppress(BrokenPipeError, ConnectionResetError):  # the program need not read
            stdin.write(text)
            await stdin.drain()
        stdin.close()

    async def _read_stdout(self) -> None:
        stdout = self._process.stdout
        while stdout is not None and (chunk := await stdout.read(_CHUNK_BYTES)):
            if len(self._output) <= MAX_OUTPUT_BYTES:
                self._output += chunk

    async def _read_stderr(self, on_stderr: OnStderr) -> None:
        stderr = self._process.stderr
        while stderr is not None and (chunk := await stderr.read(_CHUNK_BYTES)):
            on_stderr(chunk)
            self._tail = (self._tail + chunk)[-_MAX_TAIL_BYTES:]
