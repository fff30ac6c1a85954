"""Behaviour that worker, mailroom and web server share as processes."""

import asyncio
import logging
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from starter import version
from starter.process import run_forever
from tests.support.workers import assert_eventually

LOG = logging.getLogger("casekeep.tests")


async def test_what_breaks_is_told_and_begun_anew(caplog: pytest.LogCaptureFixture) -> None:
    starts: list[int] = []

    async def fragile() -> None:
        starts.append(len(starts))
        if len(starts) == 1:
            problem = "no such thing"
            raise LookupError(problem)
        await asyncio.Event().wait()

    async def check() -> None:
        assert starts == [0, 1]

    running = asyncio.create_task(run_forever(LOG, fragile))
    await assert_eventually(check)
    assert "LookupError: no such thing" in caplog.text
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("name", ["web", "mailroom"])
def test_an_old_name_says_the_new_one_and_runs_it(name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", f"starter.{name}"],
        env=os.environ | {"CASEKEEP_TASK_QUEUE": ""},
        check=False,
        capture_output=True,
        text=True,
    )
    first, started, refused = ran.stderr.splitlines()
    assert first == f"python -m starter.{name} is now python -m {name}"
    assert started.endswith(f"casekeep {version.casekeep_version()} started")
    assert "CASEKEEP_TASK_QUEUE: " in refused
    assert ran.returncode == 2


def test_the_version_of_a_source_tree_that_is_not_installed_is_that_of_its_project_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = version.casekeep_version()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("casekeep")
    assert version.casekeep_version() == installed
