"""`casekeep up`: run all of Casekeep in one process tree, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auth.first_sign_in import sign_in_link
from catalog.loader import load_catalog
from cli import desk_report, terminal
from cli.context import user_name
from devstack.stack import TEMPORAL_PORT, Stack
from devstack.stack_info import StackInfo, lock_folder
from starter.settings import STATE_FOLDER, read_settings
from store.engine import open_engine

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


async def run_stack(port: int, ui_port: int, *, as_json: bool) -> None:
    """Start the stack, print its addresses, and keep it running until a signal stops it."""
    settings = read_settings()
    catalog = load_catalog(settings.catalog)
    console = terminal.stderr_console() if as_json else terminal.stdout_console()
    stack = Stack(
        STATE_FOLDER,
        temporal_port=port,
        ui_port=ui_port,
        mailroom=True,
        web=True,
        settings=settings,
        announce=lambda line: console.print(desk_report.render_ready_part(line)),
    )
    with cancel_on_signals(), lock_folder(STATE_FOLDER) as note:
        try:
            async with stack:
                running = StackInfo(
                    temporal=stack.address,
                    ui=stack.ui_url,
                    mail=stack.mail_listen,
                    web=stack.web_url,
                )
                note.write_text(running.model_dump_json())
                if as_json:
                    terminal.print_json(running.model_dump() | {"database": settings.database_url})
                link = await asyncio.to_thread(_sign_in_link, settings.database_url, running)
                database, is_default = settings.database_url, port == TEMPORAL_PORT
                console.print(
                    desk_report.render_welcome(running, database, catalog, is_default=is_default)
                )
                if link:
                    console.print(desk_report.render_sign_in_link(link), soft_wrap=True)
                try:
                    await stack.serve()
                except asyncio.CancelledError:
                    console.print("\nStopping: pages, mailroom and worker first, then Temporal.")
        except asyncio.CancelledError:
            console.print("\nStopped before it was up.")
        else:
            console.print("Stopped. Open items go on with the next `casekeep up` here.")


def _sign_in_link(database_url: str, running: StackInfo) -> str:
    """Return a link that signs in the current user; empty if no pages are served."""
    if running.web is None:
        return ""
    engine = open_engine(database_url)
    try:
        return sign_in_link(engine, running.web, user_name())
    finally:
        engine.dispose()


@contextmanager
def cancel_on_signals() -> Iterator[None]:
    """Cancel the current task at the first Ctrl-C or SIGTERM inside; ignore later ones."""
    loop, task, is_cancelled = asyncio.get_running_loop(), asyncio.current_task(), False

    def cancel() -> None:
        nonlocal is_cancelled
        if task is not None and not is_cancelled:
            is_cancelled = task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, cancel)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
