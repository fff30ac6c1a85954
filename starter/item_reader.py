"""Reads items: from their workflows, which are authoritative, or from the store."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.api.enums.v1 import EventType

from domain.base.values import ACTION_PATTERN, Kind, Status
from domain.model.states import STATES, ActionItemState, CaseState, State
from domain.model.timeline import TimelineEntry, timeline_entry
from starter.client import CasekeepClient, JsonAnswer, UnknownItem

if TYPE_CHECKING:
    from sqlalchemy import Engine


def parse_state(answer: JsonAnswer) -> State:
    """Return the state in an item's answer, as its model."""
    return STATES[Kind(answer["kind"])].model_validate(answer)


async def read_state(desk: CasekeepClient, reference: str) -> State:
    """Return the item's state from its workflow; wait for an Action that its Case is starting.

    Raises UnknownItem, NoAnswer, or InvalidCommand for a bad start.
    """
    try:
        answer = await desk.state(reference)
    except UnknownItem:
        if not await wait_for_action_start(desk, reference):
            raise
        answer = await desk.state(reference)
    return parse_state(answer)


async def read_open_actions(desk: CasekeepClient, case: CaseState) -> tuple[ActionItemState, ...]:
    """Return the states of the Case's open Actions, except those that are being started."""
    references = [copy.reference for copy in case.actions if copy.outcome is None]
    answers = await asyncio.gather(
        *(desk.state(reference) for reference in references), return_exceptions=True
    )
    states = []
    for answer in answers:
        if isinstance(answer, UnknownItem):
            continue
        if isinstance(answer, BaseException):
            raise answer
        states.append(ActionItemState.model_validate(answer))
    return tuple(states)


def load_state(engine: "Engine", reference: str) -> State:
    """Return the item's state from the store; raises UnknownItem."""
    from store.items.queries import find_item

    row = find_item(engine, reference)
    if row is None:
        raise UnknownItem(f"no item {reference}: check the reference")
    return row.state


def load_timeline(engine: "Engine", reference: str) -> Iterator[TimelineEntry]:
    """Yield the item's whole timeline from the store, oldest entry first."""
    from store.items.queries import load_entries

    page = load_entries(engine, reference)
    yield from map(timeline_entry, page.entries)
    while page.next is not None:
        page = load_entries(engine, reference, after=page.next)
        yield from map(timeline_entry, page.entries)


async def query_timeline(
    desk: CasekeepClient, reference: str, from_revision: int = 0
) -> AsyncIterator[TimelineEntry]:
    """Yield the entries from a revision on that the workflow still carries, oldest first."""
    revision: int | None = from_revision
    while revision is not None:
        page = await desk.timeline(reference, revision)
        for entry in page["entries"]:
            yield TimelineEntry.model_validate(entry)
        revision = page["next"]


async def watch_item(desk: CasekeepClient, reference: str) -> AsyncGenerator[State, None]:
    """Yield the item's state now and after each change, until it is closed.

    Waits for new events in the item's history, without polling.
    """
    revision = -1
    has_next_run = True
    while has_next_run:
        has_next_run = False
        events = desk.client.get_workflow_handle(reference).fetch_history_events(
            wait_new_event=True
        )
        while True:
            await events.fetch_next_page()
            kinds = {event.event_type for event in events.current_page or ()}
            has_next_run |= EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW in kinds
            if EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED in kinds:
                state = parse_state(await desk.state(reference))
                if state.revision > revision:
                    revision = state.revision
                    yield state
                if state.status is Status.CLOSED:
                    return
            if events.next_page_token is None:
                break


async def wait_for_action_start(desk: CasekeepClient, reference: str) -> bool:
    """Wait until an Action that its Case is starting can be queried; False if none starts it."""
    match = ACTION_PATTERN.fullmatch(reference)
    if match is None:
        return False
    try:
        case = CaseState.model_validate(await desk.state(match["case"]))
    except (UnknownItem, ValidationError):
        return False
    if reference not in {copy.reference for copy in case.actions if copy.outcome is None}:
        return False
    handle = desk.client.get_workflow_handle(case.reference)
    async for event in handle.fetch_history_events(wait_new_event=True):
        started = event.child_workflow_execution_started_event_attributes
        if started.workflow_execution.workflow_id == reference:
            return True
    return False


async def wait_for_effects(desk: CasekeepClient, reference: str, count: int) -> None:
    """Wait until the item has performed `count` effects such as mails."""
    events = desk.client.get_workflow_handle(reference).fetch_history_events(wait_new_event=True)
    done = 0
    async for event in events:
        done += event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED and done >= count:
            return
