"""Kills child processes when the process that started them is gone."""

import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from contextlib import suppress
from typing import Final

_GUARD_SCRIPT: Final = """
while read -r groups; do all=$groups; done
for group in $all; do kill -s KILL -- "-$group"; done
"""
"""Its input ends when the parent process ends; a shell, because it needs 1 MB of memory."""


class OrphanGuard:
    """Guard of process groups that must not outlive this process.

    Without a guard, a killed `casekeep up` leaves a server behind, which holds the ports.
    """

    def __init__(self) -> None:
        self._shell: Process | None = None
        self._guarded: list[Process] = []

    async def watch(self, leader: Process) -> None:
        """Have the process group of `leader` killed if this program ends before it."""
        if self._shell is None:
            self._shell = await create_subprocess_exec(
                *("/bin/sh", "-c", _GUARD_SCRIPT),
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=DEVNULL,
                start_new_session=True,
            )
        self._guarded.append(leader)
        await self.forget_ended()

    async def forget_ended(self) -> None:
        """Forget processes that have ended, since another program may get their process id."""
        self._guarded = [leader for leader in self._guarded if leader.returncode is None]
        if self._shell is not None and self._shell.stdin is not None:
            pids = " ".join(str(leader.pid) for leader in self._guarded)
            self._shell.stdin.write(f"{pids}\n".encode())
            await self._shell.stdin.drain()

    async def close(self) -> None:
        """Stop the guard without killing anything."""
        if self._shell is not None:
            self._shell.kill()
            await self._shell.wait()
            self._shell = None


async def kill_process_group(leader: Process) -> None:
    """Kill a process and its group, and wait for its end."""
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)
    await leader.wait()
