"""Ends processes when the one that started them is gone, however it went."""

import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from contextlib import suppress
from typing import Final

_WATCH: Final = """
while read -r groups; do all=$groups; done
for group in $all; do kill -s KILL -- "-$group"; done
"""
"""The end of its input is the end of whoever wrote it; a shell, because it takes 1 MB."""


class Guard:
    """Knows the process groups that must not outlive this process.

    Without it, a `casekeep up` that is killed leaves a server behind, which holds the ports.
    """

    def __init__(self) -> None:
        self._shell: Process | None = None
        self._guarded: list[Process] = []

    async def watch(self, leader: Process) -> None:
        """Kill this process and its group, should this program end without having done so."""
        if self._shell is None:
            self._shell = await create_subprocess_exec(
                *("/bin/sh", "-c", _WATCH),
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=DEVNULL,
                start_new_session=True,
            )
        self._guarded.append(leader)
        await self.forget_ended()

    async def forget_ended(self) -> None:
        """Watch no more what has ended: another program may have its number one day."""
        self._guarded = [one for one in self._guarded if one.returncode is None]
        if self._shell is not None and self._shell.stdin is not None:
            self._shell.stdin.write(f"{' '.join(str(one.pid) for one in self._guarded)}\n".encode())
            await self._shell.stdin.drain()

    async def close(self) -> None:
        """Watch no more."""
        if self._shell is not None:
            self._shell.kill()
            await self._shell.wait()
            self._shell = None


async def killed(leader: Process) -> None:
    """Kill a process and its group, and wait for its end."""
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)
    await leader.wait()
