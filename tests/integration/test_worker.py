"""`python worker.py` by itself, and the stack that keeps it: they start, wait and clean up."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil
import pytest
from temporalio.client import Client

from devstack.ports import PortTaken
from devstack.stack import Stack, StackFailed
from starter.client import CasekeepClient
from store.schema.webhook_tables import WebhookRow
from store.webhooks.subscriptions import add_webhook
from tests.support.process_stack import RunningStack, assert_eventually, running_stack
from tests.support.webhook_receiver import webhook_receiver
from tests.support.workers import TICKET

WORKER: Final = Path(__file__).parents[2] / "worker.py"
TEMPORAL: Final = Path(sys.executable).with_name("temporal")
NO_SERVER: Final = "no Temporal server at 127.0.0.1:1: `casekeep up` runs one"
STACK: Final = """
import asyncio, sys
from pathlib import Path
from devstack.stack import Stack

async def main() -> None:
    async with Stack(Path(sys.argv[1]), temporal_port=0, ui_port=0) as stack:
        print(stack.server_pid, stack.worker_pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def environment(**ours: str) -> Mapping[str, str]:
    others = {k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "CASEKEEP_"))}
    return others | {"TEMPORAL_ADDRESS": "127.0.0.1:1"} | ours


@contextmanager
def running(folder: Path, *command: str, **ours: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes to `log` in the folder, killed at the end."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(**ours), stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def owner_of_a_stack(folder: Path) -> subprocess.Popen[str]:
    """A process that runs a stack, and tells the processes of its parts."""
    return subprocess.Popen(
        [sys.executable, "-c", STACK, str(folder)],
        cwd=WORKER.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


async def says(folder: Path, *sentences: str) -> None:
    """Wait until the log has all of these."""

    async def check() -> None:
        log = (folder / "log").read_text(errors="replace")
        missing = [sentence for sentence in sentences if sentence not in log]
        assert not missing, f"{missing} not in {log}"

    await assert_eventually(check)


async def ends(process: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(process.wait, 30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CASEKEEP_CATALOG", "nowhere", "nowhere: is no folder; set CASEKEEP_CATALOG"),
        ("CASEKEEP_DATABASE_URL", "mysql://db/x", "database mysql: is not supported"),
        ("CASEKEEP_TASK_QUEUE", "", "CASEKEEP_TASK_QUEUE: must have at least 1 char"),
        ("TEMPORAL_PROFILE", "nobody", "Temporal's configuration (TEMPORAL_…, its file): Profile"),
    ],
)
def test_a_worker_that_cannot_be_meant_ends_with_a_sentence(
    tmp_path: Path, variable: str, value: str, sentence: str
) -> None:
    ended = subprocess.run(
        [sys.executable, str(WORKER)],
        cwd=tmp_path,
        env=environment(**{variable: value}),
        capture_output=True,
        check=False,
        text=True,
    )
    assert ended.returncode == 2, ended.stderr
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_worker_that_waits_for_a_server_says_so_and_stops_on_sigterm(
    tmp_path: Path,
) -> None:
    with running(tmp_path, sys.executable, str(WORKER)) as worker:
        await says(tmp_path, NO_SERVER, "retry in")
        worker.send_signal(signal.SIGTERM)
        assert await ends(worker) == 0


async def test_a_worker_prepares_a_bare_server_and_an_empty_database(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with running(tmp_path, sys.executable, str(WORKER), TEMPORAL_ADDRESS=address) as worker:
        await says(tmp_path, f"no Temporal server at {address}")
        server = [str(TEMPORAL), "server", "start-dev", "--headless", "--port", address[10:]]
        with running(tmp_path, *server):
            await says(tmp_path, f"[{worker.pid}] polling casekeep, namespace default")
            desk = CasekeepClient(await Client.connect(address), "casekeep")
            handle = await desk.client.start_workflow(
                "Ticket", TICKET, id="T-1", task_queue="casekeep"
            )
            assert (await handle.execute_update("start", {"by": "amy"}))["status"] == "IN_PROGRESS"
            assert (tmp_path / ".casekeep" / "casekeep.db").exists()
            worker.send_signal(signal.SIGTERM)
            assert await ends(worker) == 0
            await says(tmp_path, "draining")


async def test_a_worker_without_any_web_process_delivers_webhooks(desk: RunningStack) -> None:
    queue = uuid.uuid4().hex
    async with webhook_receiver() as receiver:
        webhook = WebhookRow(
            id=queue[:16],
            url=receiver.url,
            secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",  # noqa: S106 - a test's own
            kinds=[],
            queues=[queue],
            statuses=[],
            made_by="service:erp",
            made_at=datetime.now(UTC),
        )
        await asyncio.to_thread(add_webhook, desk.engine, webhook)
        reference = await desk.ticket(queue=queue, submit=True)
        await desk.do(reference, "add_note", text="told by the worker alone")

        async def delivered() -> None:
            assert [each["entry"]["serial"] for each in receiver.accepted_of(reference)] == [1, 2]

        await assert_eventually(delivered, within=30)


async def test_a_killed_stack_leaves_no_process(tmp_path: Path) -> None:
    with owner_of_a_stack(tmp_path) as owner:
        assert owner.stdout is not None
        line = await asyncio.to_thread(owner.stdout.readline)
        parts = [int(pid) for pid in line.split()]
        assert all(psutil.pid_exists(pid) for pid in parts)
        owner.kill()

        async def check() -> None:
            assert not [pid for pid in parts if psutil.pid_exists(pid)]

        await assert_eventually(check)


async def test_a_port_that_is_taken_is_told_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stack = Stack(tmp_path, temporal_port=port, ui_port=0)
        with pytest.raises(PortTaken, match=f"port {port} is taken: .* another with --port"):
            await stack.start_server()


async def test_a_stack_replaces_its_worker_and_ends_with_its_server(tmp_path: Path) -> None:
    told: list[str] = []
    async with running_stack(tmp_path / "a desk", _sqlite(tmp_path), announce=told.append) as desk:
        serving = asyncio.create_task(desk.stack.serve())
        first = await desk.stack.kill_worker()
        case = await desk.case()
        await desk.eventually(case, revision=1)
        assert desk.stack.worker_pid not in {first, None}
        assert "the worker ended (exit code -9): restarting it" in told
        await desk.stack.kill_server()
        with pytest.raises(StackFailed, match="Temporal's server ended: see"):
            await serving


async def test_two_stacks_live_side_by_side_and_know_nothing_of_each_other(
    tmp_path: Path,
) -> None:
    async def lived(folder: Path) -> RunningStack:
        async with running_stack(folder, _sqlite(folder)) as desk:
            ticket = await desk.ticket("T-1")
            await desk.do(ticket, "add_note", text=folder.name)
            told = [entry["note"] for entry in await desk.timeline(ticket)]
            assert told[1:] == [folder.name]
            assert await desk.differences() == []
            return desk

    one, other = await asyncio.gather(lived(tmp_path / "one desk"), lived(tmp_path / "other"))
    assert one.stack.address != other.stack.address


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'casekeep.db'}"
