"""One running stack for the session, and a runner of `casekeep` commands."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from typer.testing import CliRunner

from catalog.loader import SAMPLE_FOLDER
from cli.main import app
from devstack.stack import Stack
from starter.settings import Settings

CASEKEEP = Path(sys.executable).with_name("casekeep")
PERSON = {"name": "Ida Berg", "email": "ida@example.org"}


@dataclass(frozen=True)
class RunResult:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.out)


def run_command(*words: str, **variables: str) -> RunResult:
    """Run `casekeep` with these words, on a terminal of 80 columns."""
    env = {"COLUMNS": "80", "TERM": "dumb", "CASEKEEP_ACTOR": None} | variables
    result = CliRunner().invoke(app, list(words), env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return RunResult(result.exit_code, result.stdout, result.stderr)


class CommandRunner:
    """Runs commands against one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._variables = {
            name: value
            for name, value in stack.environment.items()
            if name.startswith(("TEMPORAL_", "CASEKEEP_"))
        }

    async def __call__(self, *words: str, **variables: str) -> RunResult:
        # in a thread: the command runs an event loop of its own
        return await asyncio.to_thread(run_command, *words, **self._variables | variables)

    async def start_process(self, *words: str) -> asyncio.subprocess.Process:
        """Start the command as a process of its own."""
        return await asyncio.create_subprocess_exec(
            CASEKEEP,
            *words,
            env=os.environ | self._variables | {"COLUMNS": "80"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run_checked(self, *words: str, **variables: str) -> RunResult:
        """Run a command that has to succeed."""
        ran = await self(*words, **variables)
        assert ran.code == 0, ran.err
        return ran


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("desk")
    settings = Settings(database_url=f"sqlite:///{folder / 'casekeep.db'}", catalog=SAMPLE_FOLDER)
    async with Stack(folder, temporal_port=0, ui_port=0, settings=settings) as running:
        yield running


@pytest.fixture
def shell(stack: Stack) -> CommandRunner:
    return CommandRunner(stack)


@pytest.fixture
async def client(stack: Stack) -> Client:
    return await stack.client()
