"""`casekeep demo`: its output, its checks, and its failure."""

import asyncio
import json
import os
import signal
import tempfile
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from cli.demo import CASE, TICKET, Demo, run_demo
from cli.demo_narrator import DemoStepFailed, Narrator
from devstack.stack import Stack
from domain.model.starts import CaseStart
from tests.cli.conftest import CASEKEEP, CommandRunner
from tests.support.workers import assert_eventually

pytestmark = pytest.mark.xdist_group("starter-desk")
TOLD = (
    *("service:erp starts the Case", "two Actions side by side", "robot:ocr-1 takes", "ben takes"),
    *("unable to complete", "needs attention", "start_action action=read-scan", "restarts"),
    *("kill -9", "Another worker is started", "Nothing is lost", "exactly once"),
    *("Resolved", "Closed", "submits the Ticket", "no history event", "No answer came"),
    *(
        "nothing differs",
        "no customer response",
        "all are as told",
        "/sign-in/link/",
        "/namespaces/default/workflows",
    ),
)


def assert_in_order(text: str, parts: tuple[str, ...]) -> None:
    flat, at = " ".join(text.split()), 0
    for part in parts:
        found = flat.find(part, at)
        assert found >= 0, f"{part!r} is not told after {flat[max(0, at - 60) : at]!r}"
        at = found


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


async def test_the_demo_tells_its_story_without_a_terminal_is_kept_running_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    telling = asyncio.create_task(run_demo(keep=True, as_json=True))
    told = ""

    async def check() -> None:
        nonlocal told
        told += capsys.readouterr().err
        if telling.done():
            await telling
        assert f"casekeep timeline {CASE}" in told

    await assert_eventually(check, within=100, every=0.5)
    assert_in_order(told, TOLD)
    assert "\x1b" not in told
    story, _, _ = told.partition("all are as told")
    assert max(map(len, story.splitlines())) <= 80
    assert "running until Ctrl-C" in told
    telling.cancel()
    assert await telling == 0
    checked = json.loads(capsys.readouterr().out)["checked"]
    assert "fsck finds nothing" in checked
    assert is_empty(tmp_path)


async def test_the_demo_stops_half_way_in_order(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(CASEKEEP, "demo"),
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readuntil(b"An invoice comes in")
    parts = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    assert process.returncode == 130
    assert "Stopped half-way." in out.decode()
    assert not any(part.is_running() for part in parts)
    assert is_empty(tmp_path)


async def test_a_step_that_goes_otherwise_is_named_with_what_was_seen(
    stack: Stack, shell: CommandRunner
) -> None:
    desk = await stack.desk()
    narrator = Narrator(Console(quiet=True), desk, timeout=2)
    await desk.start(CaseStart(by="service:erp", short_description="Another one"), CASE)
    demo = Demo(stack, narrator)
    with pytest.raises(
        DemoStepFailed, match="two Actions are started side by side; seen instead: "
    ):
        await demo.receive_invoice()
    with pytest.raises(DemoStepFailed, match="amy's inbox has it; seen instead: nothing"):
        narrator.check("amy's inbox has it", holds=False, seen="nothing")
    with pytest.raises(DemoStepFailed, match=f"eve: start {CASE}; seen instead: {CASE} "):
        await narrator.give_command("eve", CASE, "start", lambda state: state.assignee == "amy")
    assert TICKET not in (await shell.run_checked("inbox", "eve")).out
