"""`casekeep up`: the embedded desk in one process tree, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auth.first_sign_in import sign_in_link
from catalog.loader import load
from cli import desk_report, terminal
from cli.context import user
from devstack.stack import TEMPORAL_PORT, Stack
from devstack.stack_info import StackInfo, lock_folder
from starter.settings import STATE_FOLDER, read_settings
from store.engine import engine_of

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def serve(port: int, ui_port: int, *, as_json: bool) -> None:
    """Bring the desk up, say where it is, and keep it up until it is told to stop."""
    environment = read_settings()
    known = load(environment.catalog)
    console = terminal.aside() if as_json else terminal.people()
    stack = Stack(
        STATE_FOLDER,
        temporal_port=port,
        ui_port=ui_port,
        mailroom=True,
        web=True,
        settings=environment,
        announce=lambda line: console.print(desk_report.ready(line)),
    )
    with cancelled_by_signals(), lock_folder(STATE_FOLDER) as note:
        try:
            async with stack:
                there = StackInfo(
                    temporal=stack.address,
                    ui=stack.ui_url,
                    mail=stack.mail_listen,
                    web=stack.web_url,
                )
                note.write_text(there.model_dump_json())
                if as_json:
                    terminal.machine(there.model_dump() | {"database": environment.database_url})
                link = await asyncio.to_thread(_link, environment.database_url, there)
                database, is_default = environment.database_url, port == TEMPORAL_PORT
                console.print(desk_report.welcome(there, database, known, is_default=is_default))
                if link:
                    console.print(desk_report.way_in(link), soft_wrap=True)
                try:
                    await stack.serve()
                except asyncio.CancelledError:
                    console.print("\nStopping: pages, mailroom and worker first, then Temporal.")
        except asyncio.CancelledError:
            console.print("\nStopped before it was up.")
        else:
            console.print("Stopped. Open items go on with the next `casekeep up` here.")


def _link(database_url: str, there: StackInfo) -> str:
    """What signs in whoever runs the desk; empty where no pages are."""
    if there.web is None:
        return ""
    engine = engine_of(database_url)
    try:
        return sign_in_link(engine, there.web, user())
    finally:
        engine.dispose()


@contextmanager
def cancelled_by_signals() -> Iterator[None]:
    """Meanwhile the first Ctrl-C or SIGTERM cancels this task; later ones let it end in peace."""
    loop, task, told = asyncio.get_running_loop(), asyncio.current_task(), False

    def cancel() -> None:
        nonlocal told
        if task is not None and not told:
            told = task.cancel()

    for sign in _SIGNALS:
        loop.add_signal_handler(sign, cancel)
    try:
        yield
    finally:
        for sign in _SIGNALS:
            loop.remove_signal_handler(sign)
