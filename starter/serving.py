"""`casekeep up`: the embedded desk in one process tree, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from typing import Final

from starter import announcements, rendering
from starter.catalog import load
from starter.environment import settings
from starter.running import Running, alone
from starter.settings import STATE_FOLDER
from starter.stack import TEMPORAL_PORT, Stack

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def serve(port: int, ui_port: int, *, as_json: bool) -> None:
    """Bring the desk up, say where it is, and keep it up until it is told to stop."""
    environment = settings()
    known = load(environment.catalog)
    console = rendering.aside() if as_json else rendering.people()
    stack = Stack(
        STATE_FOLDER,
        temporal_port=port,
        ui_port=ui_port,
        settings=environment,
        announce=lambda line: console.print(announcements.ready(line)),
    )
    cancel_on_signal()
    with alone(STATE_FOLDER) as note:
        try:
            async with stack:
                there = Running(temporal=stack.address, ui=stack.ui_url)
                note.write_text(there.model_dump_json())
                if as_json:
                    rendering.machine(there.model_dump() | {"database": environment.database_url})
                database, is_default = environment.database_url, port == TEMPORAL_PORT
                console.print(announcements.welcome(there, database, known, is_default=is_default))
                try:
                    await stack.serve()
                except asyncio.CancelledError:
                    console.print("\nStopping: the worker first, then Temporal.")
        except asyncio.CancelledError:
            console.print("\nStopped before it was up.")
        else:
            console.print("Stopped. Open items go on with the next `casekeep up` here.")


def cancel_on_signal() -> None:
    """The first Ctrl-C or SIGTERM cancels the present task; later ones do not disturb its end."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        for sign in _SIGNALS:
            loop.add_signal_handler(sign, lambda: None)
        if task is not None:
            task.cancel()

    for sign in _SIGNALS:
        loop.add_signal_handler(sign, stop)
