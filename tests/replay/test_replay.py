"""Every recorded history is replayed with the code of today."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.contract.command_table import EVERY
from tests.replay.record import HISTORIES, LIVES
from workflows.runtime.payload_converter import DATA_CONVERTER
from workflows.runtime.payload_interceptor import OnePayloadInterceptor
from workflows.worker_config import SANDBOX, WORKFLOWS

RECORDED: Final = sorted(HISTORIES.glob("*.json"))
WHAT_TO_DO: Final = """
The commands of the workflow came in another order than when this history was recorded: items
that are open somewhere would stand still after the next deployment. If the change is meant, put it
behind `workflow.patched("kebab-id")`, and record a life from after it: python -m
tests.replay.record. The histories that are there stay as they are.
"""


def history_of(path: Path) -> WorkflowHistory:
    """Return the history in a file."""
    content = json.loads(path.read_text())
    return WorkflowHistory.from_json(content["workflow_id"], content["history"])


def replayer() -> Replayer:
    """Return a replayer with the settings of our workers."""
    return Replayer(
        workflows=WORKFLOWS,
        workflow_runner=SANDBOX,
        interceptors=[OnePayloadInterceptor()],
        data_converter=DATA_CONVERTER,
    )


def kind_of(history: WorkflowHistory) -> str:
    """Return the kind of the item whose history this is."""
    return history.events[0].workflow_execution_started_event_attributes.workflow_type.name


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
async def test_a_recorded_history_is_replayed(path: Path) -> None:
    try:
        await replayer().replay_workflow(history_of(path))
    except NondeterminismError as error:
        pytest.fail(f"{path.name}: {error}\n{WHAT_TO_DO}")


def test_every_life_is_recorded() -> None:
    lives = {path.name.split("--")[0] for path in RECORDED}
    known = {life.rsplit("-by-", maxsplit=1)[0] for life in lives}
    assert set(LIVES) <= known


def test_every_command_of_every_kind_is_in_a_history_as_a_signal_and_as_an_update() -> None:
    commands_by_kind: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in RECORDED:
        history = history_of(path)
        for event in history.events:
            signal = event.workflow_execution_signaled_event_attributes.signal_name
            update = (
                event.workflow_execution_update_accepted_event_attributes.accepted_request.input
            )
            commands_by_kind["signal"].add((kind_of(history), signal))
            commands_by_kind["update"].add((kind_of(history), update.name))
    missing = {
        how: [each for each in EVERY if each not in commands_by_kind[how]]
        for how in commands_by_kind
    }
    assert missing == {"signal": [], "update": []}


@pytest.mark.parametrize(
    "event",
    [
        "TIMER_FIRED",
        "TIMER_CANCELED",
        "ACTIVITY_TASK_COMPLETED",
        "CHILD_WORKFLOW_EXECUTION_COMPLETED",
        "CHILD_WORKFLOW_EXECUTION_TERMINATED",
        "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED",
        "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED",
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "MARKER_RECORDED",
        "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
        "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
        "WORKFLOW_EXECUTION_COMPLETED",
        "WORKFLOW_EXECUTION_FAILED",
    ],
)
def test_whatever_a_workflow_writes_or_hears_is_in_a_history(event: str) -> None:
    wanted_type = EventType.Value(f"EVENT_TYPE_{event}")
    assert any(_has(history_of(path).events, wanted_type) for path in RECORDED)


def _has(events: Sequence[HistoryEvent], wanted_type: int) -> bool:
    return any(event.event_type == wanted_type for event in events)


async def test_a_history_of_other_commands_is_not_replayed() -> None:
    """The tests above can fail: the made-up history waits for what this workflow never starts."""
    content = json.loads((HISTORIES / "case-renewed-by-signals--Action.json").read_text())
    changed = json.dumps(content["history"]).replace(
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES", "WORKFLOW_PROPERTIES_MODIFIED", 1
    )
    changed = changed.replace(
        '"upsertWorkflowSearchAttributesEventAttributes"',
        '"workflowPropertiesModifiedEventAttributes"',
        1,
    ).replace('"searchAttributes"', '"upsertedMemo"', 1)
    history = WorkflowHistory.from_json(content["workflow_id"], changed)
    result = await replayer().replay_workflow(history, raise_on_replay_failure=False)
    assert isinstance(result.replay_failure, NondeterminismError)
