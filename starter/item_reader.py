"""Where an item is read: from itself, which is the truth, or from the store, which keeps all."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError
from temporalio.api.enums.v1 import EventType

from domain.base.values import ACTION_PATTERN, Kind, Status
from domain.model.states import STATES, ActionItemState, CaseState, State
from domain.model.timeline import TimelineEntry, line_of
from starter.client import Answer, Desk, UnknownItem

if TYPE_CHECKING:
    from sqlalchemy import Engine


def state_of_answer(answer: Answer) -> State:
    """The state that an item answered, typed."""
    return STATES[Kind(answer["kind"])].model_validate(answer)


async def state_now(desk: Desk, reference: str) -> State:
    """What the item says of itself; an Action that its Case is starting is waited for.

    Raises UnknownItem, NoAnswer, or InvalidCommand for a bad start.
    """
    try:
        answer = await desk.state(reference)
    except UnknownItem:
        if not await action_begun(desk, reference):
            raise
        answer = await desk.state(reference)
    return state_of_answer(answer)


async def actions_now(desk: Desk, case: CaseState) -> tuple[ActionItemState, ...]:
    """What the Case's open Actions say of themselves; one that is being started says nothing."""
    references = [copy.reference for copy in case.actions if copy.outcome is None]
    answers = await asyncio.gather(
        *(desk.state(reference) for reference in references), return_exceptions=True
    )
    seen = []
    for answer in answers:
        if isinstance(answer, UnknownItem):
            continue
        if isinstance(answer, BaseException):
            raise answer
        seen.append(ActionItemState.model_validate(answer))
    return tuple(seen)


def state_in_store(engine: "Engine", reference: str) -> State:
    """The item as the store has it; raises UnknownItem."""
    from store.items.queries import item_of

    kept = item_of(engine, reference)
    if kept is None:
        raise UnknownItem(f"no item {reference}: check the reference")
    return kept.state


def timeline_in_store(engine: "Engine", reference: str) -> Iterator[TimelineEntry]:
    """Every entry that the store has, oldest first."""
    from store.items.queries import timeline

    page = timeline(engine, reference)
    yield from map(line_of, page.entries)
    while page.next is not None:
        page = timeline(engine, reference, after=page.next)
        yield from map(line_of, page.entries)


async def timeline_carried(
    desk: Desk, reference: str, from_revision: int = 0
) -> AsyncIterator[TimelineEntry]:
    """Every entry from a revision on that the item still carries, oldest first."""
    revision: int | None = from_revision
    while revision is not None:
        page = await desk.timeline(reference, revision)
        for entry in page["entries"]:
            yield TimelineEntry.model_validate(entry)
        revision = page["next"]


async def follow(desk: Desk, reference: str) -> AsyncGenerator[State, None]:
    """The item's state, now and after each change, until it is closed.

    Waits for the item's own history to grow; asks nothing meanwhile.
    """
    revision = -1
    going_on = True
    while going_on:
        going_on = False
        events = desk.client.get_workflow_handle(reference).fetch_history_events(
            wait_new_event=True
        )
        while True:
            await events.fetch_next_page()
            kinds = {event.event_type for event in events.current_page or ()}
            going_on |= EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW in kinds
            if EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED in kinds:
                state = state_of_answer(await desk.state(reference))
                if state.revision > revision:
                    revision = state.revision
                    yield state
                if state.status is Status.CLOSED:
                    return
            if events.next_page_token is None:
                break


async def action_begun(desk: Desk, reference: str) -> bool:
    """Wait until an Action that its Case is starting can be asked; False if none starts it."""
    named = ACTION_PATTERN.fullmatch(reference)
    if named is None:
        return False
    try:
        case = CaseState.model_validate(await desk.state(named["case"]))
    except (UnknownItem, ValidationError):
        return False
    if reference not in {copy.reference for copy in case.actions if copy.outcome is None}:
        return False
    handle = desk.client.get_workflow_handle(case.reference)
    async for event in handle.fetch_history_events(wait_new_event=True):
        begun = event.child_workflow_execution_started_event_attributes
        if begun.workflow_execution.workflow_id == reference:
            return True
    return False


async def effects_done(desk: Desk, reference: str, count: int) -> None:
    """Wait until the item has done, and noted, so many effects such as mails."""
    events = desk.client.get_workflow_handle(reference).fetch_history_events(wait_new_event=True)
    done = 0
    async for event in events:
        done += event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED and done >= count:
            return
