"""A Case ends the same, also if its worker is killed between any two of its steps."""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from temporalio.api.enums.v1 import EventType

from domain.model.internal_messages import ActionEnded
from store.items import queries
from tests.support.process_stack import Fields, RunningStack


@dataclass(frozen=True)
class Step:
    """A command to the Case or one of its Actions, and the Case's revision after all effects."""

    at: str
    command: str
    settles_at: int
    by: str = "amy"
    fields: Fields = field(default_factory=dict)


COMPLETE: Final = {"outcome": "complete"}
UNABLE: Final = {"outcome": "unable_to_complete", "reason": "no such order"}
LIFE: Final = (
    Step("", "start", 2),
    Step("-A1", "start", 2, by="bob"),
    Step("-A1", "resolve", 3, by="bob", fields=COMPLETE),
    Step("-A2", "resolve", 4, by="bob", fields=UNABLE),
    Step("", "start_action", 5, fields={"action": "match"}),
    Step("", "wait", 6, fields={"type": "more_information", "waiting_for": "the buyer"}),
    Step("-A3", "resolve", 7, by="bob", fields=COMPLETE),
    Step("", "resume", 8),
    Step("", "rework", 9, fields={"step": "check", "reason": "wrong invoice"}),
    Step("-A5", "resolve", 10, by="bob", fields=COMPLETE),
    Step("-A6", "resolve", 11, by="bob", fields=COMPLETE),
    Step("-A7", "resolve", 12, by="bob", fields=COMPLETE),
    Step("", "feedback", 13, by="service:portal", fields={"rating": 20}),
    Step("", "resolve", 14),
    Step("", "cancel", 15),
)
ACTIONS: Final = 7
TREE_FIELDS: Final = ("revision", "by", "command", "before", "after", "reason", "note", "refused")
VOLATILE_FIELDS: Final = {"reference", "case", "run", "case_run"}
"""Fields in which two runs differ, besides their instants."""


async def send_step(desk: RunningStack, case: str, step: Step) -> None:
    await desk.do(case + step.at, step.command, by=step.by, **step.fields)


async def play(desk: RunningStack, case: str, steps: tuple[Step, ...]) -> None:
    """Send each step when all effects of the one before have arrived."""
    for step in steps:
        await send_step(desk, case, step)
        await desk.eventually(case, revision=step.settles_at)


async def start_case_on(desk: RunningStack) -> str:
    case = await desk.case(settings={"feedback_window": "PT1H"})
    await desk.eventually(case, revision=1)
    return case


def stored_tree(desk: RunningStack, case: str) -> Fields:
    """Return a Case and its Actions from the store, without the fields that differ between runs."""
    tree = {}
    for reference in family(case):
        row = queries.find_item(desk.engine, reference)
        assert row is not None, reference
        tree[reference.removeprefix(case)] = {
            "state": without_volatile(row.state.model_dump(mode="json"), case),
            "timeline": [
                without_volatile({name: getattr(entry, name) for name in TREE_FIELDS}, case)
                for entry in queries.load_entries(desk.engine, reference).entries
            ],
        }
    return tree


def without_volatile(value: Any, case: str) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {
                name: without_volatile(inner, case)
                for name, inner in value.items()
                if not (name in VOLATILE_FIELDS or name == "at" or name.endswith("_at"))
            }
        case list():
            return [without_volatile(inner, case) for inner in value]
        case str():
            return value.replace(case, "CASE")
        case _:
            return value


async def reports(desk: RunningStack, case: str) -> Counter[str]:
    """Count the reports of each Action's end in the Case's own history."""
    history = await desk.desk.client.get_workflow_handle(case).fetch_history()
    return Counter(
        re.findall(r'"reference":"[^"]*(-A\d+)"', signal.input.payloads[0].data.decode())[0]
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        and (signal := event.workflow_execution_signaled_event_attributes).signal_name
        == ActionEnded.name
    )


def family(case: str) -> list[str]:
    return [case, *(f"{case}-A{number}" for number in range(1, ACTIONS + 1))]


async def wait_until_settled(
    desk: RunningStack, cases: Sequence[str], steps: Sequence[Step]
) -> None:
    """Wait until all effects of each Case's step have arrived."""
    for case, step in zip(cases, steps, strict=True):
        await desk.eventually(case, revision=step.settles_at)


@pytest.mark.soak
@pytest.mark.timeout(400, func_only=True)  # fifteen Cases, and ten seconds for tasks of the dead
async def test_a_case_lives_the_same_life_if_its_worker_is_killed_between_any_two_steps(
    desk: RunningStack,
) -> None:
    """Each Case is at another step; its worker is killed during the step and after its answer."""
    undisturbed, *cases = await asyncio.gather(*(start_case_on(desk) for _ in range(len(LIFE) + 1)))
    lived = [play(desk, case, LIFE[:at]) for at, case in enumerate(cases)]
    await asyncio.gather(play(desk, undisturbed, LIFE), *lived)

    steps = [asyncio.create_task(send_step(desk, *pair)) for pair in zip(cases, LIFE, strict=True)]
    await asyncio.wait(steps, return_when=asyncio.FIRST_COMPLETED)
    await desk.stack.kill_worker()
    await desk.stack.start_worker()
    await asyncio.gather(*steps)
    await wait_until_settled(desk, cases, LIFE)
    await desk.recovers(cases)

    await asyncio.gather(
        *(send_step(desk, *pair) for pair in zip(cases[:-1], LIFE[1:], strict=True))
    )
    await desk.stack.kill_worker()
    await desk.stack.start_worker()
    await wait_until_settled(desk, cases[:-1], LIFE[1:])
    await desk.recovers(cases)

    await asyncio.gather(*(play(desk, case, LIFE[at + 2 :]) for at, case in enumerate(cases)))
    expected = stored_tree(desk, undisturbed)
    for case, step in zip(cases, LIFE, strict=True):
        assert stored_tree(desk, case) == expected, f"killed at {step}"
        assert await reports(desk, case) == {f"-A{number}": 1 for number in range(1, ACTIONS + 1)}
