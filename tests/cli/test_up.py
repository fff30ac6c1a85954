"""`casekeep up`: the stack in one process tree, from its first line to its last."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from cli.up import run_stack
from devstack.stack_info import AlreadyUp, StackInfo, item_ui_url, lock_folder
from starter.settings import STATE_FOLDER
from tests.cli.conftest import CASEKEEP, run_command
from tests.support.workers import assert_eventually

pytestmark = pytest.mark.xdist_group("starter-desk")


@asynccontextmanager
async def up(folder: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        CASEKEEP,
        *("up", "--port", "0", "--ui-port", "0", *words),
        cwd=folder,
        env=os.environ
        | {"CASEKEEP_MAIL_LISTEN": "127.0.0.1:0", "CASEKEEP_HTTP_LISTEN": "127.0.0.1:0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.communicate()


def shadow_packages(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise ImportError(f'{__name__} of the folder')")


async def wait_until_up(process: asyncio.subprocess.Process) -> StackInfo:
    assert process.stdout is not None
    return StackInfo.model_validate_json(await process.stdout.readuntil(b"}\n"))


async def test_it_keeps_what_was_started_through_a_stop_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with up(tmp_path, "--json") as process:
        there = await wait_until_up(process)
        desk = {"TEMPORAL_ADDRESS": there.temporal}
        begun = await asyncio.to_thread(
            run_command, "new", "ticket", "x", "--reference", "T-1", **desk
        )
        assert f"{there.ui}/namespaces/default/workflows/T-1" in begun.out
        async with up(tmp_path) as again:
            _, err = await again.communicate()
        assert again.returncode == 1
        assert f"Temporal at {there.temporal}: use it, or stop it" in err.decode()
        parts = psutil.Process(process.pid).children(recursive=True)
        assert len(parts) >= 2
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
        assert process.returncode == 0
        assert "Stopping: pages, mailroom and worker first" in err.decode()
        assert "Stopped." in err.decode()
        assert not any(part.is_running() for part in parts)
    async with up(tmp_path, "--json") as process:
        desk = {"TEMPORAL_ADDRESS": (await wait_until_up(process)).temporal}
        shown = await asyncio.to_thread(run_command, "show", "T-1", **desk)
        assert shown.code == 0, shown.err


async def test_packages_of_the_folder_replace_none_of_casekeeps_and_logs_begin_with_the_version(
    tmp_path: Path,
) -> None:
    shadow_packages(tmp_path, "domain", "store", "workflows", "web", "mail")
    async with up(tmp_path, "--json") as process:
        assert (await wait_until_up(process)).web
    for name in ("worker", "mailroom", "web"):
        first, *_ = (tmp_path / STATE_FOLDER / f"{name}.log").read_text().splitlines()
        assert first.endswith(f"] casekeep {version('casekeep')} started")


async def test_people_are_told_what_is_ready_and_what_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASEKEEP_HTTP_LISTEN", "127.0.0.1:0")
    serving = asyncio.create_task(run_stack(0, 0, as_json=False))
    printed = ""

    async def check() -> None:
        nonlocal printed
        printed += capsys.readouterr().out
        assert "casekeep do REFERENCE start" in printed

    await assert_eventually(check, within=60, every=0.2)
    assert "ready  Temporal 127.0.0.1:" in printed
    assert "ready  worker" in printed
    there = StackInfo.model_validate_json((STATE_FOLDER / "up.json").read_text())
    assert f"export TEMPORAL_ADDRESS={there.temporal}" in printed
    monkeypatch.setenv("TEMPORAL_ADDRESS", there.temporal)
    assert item_ui_url("T-1") == f"{there.ui}/namespaces/default/workflows/T-1"
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    assert item_ui_url("T-1") == ""
    serving.cancel()
    await serving
    assert "Stopped." in capsys.readouterr().out


async def test_stopping_it_before_it_is_up_is_in_order_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASEKEEP_HTTP_LISTEN", "127.0.0.1:0")
    serving = asyncio.create_task(run_stack(0, 0, as_json=False))
    log = tmp_path / STATE_FOLDER / "server.log"

    async def begun() -> None:
        assert log.exists()

    await assert_eventually(begun, within=30)
    serving.cancel()
    await serving
    assert "Stopped before it was up." in capsys.readouterr().out


async def test_a_port_that_is_taken_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            *(CASEKEEP, "up", "--port", port),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert f"port {port} is taken: stop what listens there" in err.decode()
    assert "--port" in err.decode()


async def test_a_catalog_with_a_problem_keeps_it_from_starting(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "categories.yaml").write_text("a: 1\n")
    async with up(tmp_path) as process:
        out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert err.decode() == "catalog/categories.yaml:1: a: must be a mapping of fields\n"


def test_a_folder_is_held_by_one_desk_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "localhost:7233")
    assert item_ui_url("T-1") == ""
    with lock_folder(STATE_FOLDER) as note:
        with (
            pytest.raises(AlreadyUp, match=r"a desk runs in \.casekeep already: use it"),
            lock_folder(STATE_FOLDER),
        ):
            pytest.fail("two desks in one folder")
        note.write_text(StackInfo(temporal="127.0.0.1:7233", ui="http://ui").model_dump_json())
        assert item_ui_url("T-1") == "http://ui/namespaces/default/workflows/T-1"
    assert item_ui_url("T-1") == ""
    with lock_folder(STATE_FOLDER):
        pass


def test_a_note_left_by_a_crash_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:7233")
    STATE_FOLDER.mkdir()
    note = {"temporal": "127.0.0.1:7233", "ui": "http://ui"}
    (STATE_FOLDER / "up.json").write_text(json.dumps(note))
    assert item_ui_url("T-1") == ""
