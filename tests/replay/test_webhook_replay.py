"""Recorded histories of webhooks are replayed with the code of today."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.webhook import WebhookWorkflow
from workflows.worker_config import SANDBOX

RECORDED: Final = sorted(Path(__file__).with_name("webhook_histories").glob("*.json"))


def _content(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_there_is_a_recorded_history() -> None:
    assert RECORDED


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
async def test_a_recorded_history_of_a_webhook_is_replayed(path: Path) -> None:
    content = _content(path)
    replayer = Replayer(
        workflows=[WebhookWorkflow], workflow_runner=SANDBOX, data_converter=DATA_CONVERTER
    )
    await replayer.replay_workflow(
        WorkflowHistory.from_json(content["workflow_id"], content["history"])
    )
