"""What the shell does with one item: starts it, moves it, waits for it, looks at it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from temporalio.client import WorkflowExecutionStatus

from cli.context import NoStoreYet, open_desk, open_store
from cli.field_arguments import WrongWords, alike, read_fields
from domain.base.values import Kind, Status
from domain.model.commands import commands_of
from domain.model.starts import CaseStart, TicketStart
from domain.model.states import ActionItemState, CaseState, State
from domain.model.timeline import TimelineEntry
from domain.model.transition_table import item_closed
from starter import item_reader
from starter.client import Desk, UnknownItem
from starter.item_start import decode_start, start_item
from store.errors import StoreFault

_STARTED: Final = 1
"""The revision of an item that was just started."""
Starting = type[TicketStart] | type[CaseStart]


class Ended(Exception):
    """An item ended in Temporal without being closed."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An item before and after a command."""

    before: State
    after: State


@dataclass(frozen=True, slots=True)
class Seen:
    """An item, what its open Actions say, and what is odd about it."""

    state: State
    actions: tuple[ActionItemState, ...] = ()
    remark: str = ""


def start_of(
    model: Starting, words: Sequence[str], *, by: str, now: datetime
) -> TicketStart | CaseStart:
    """The start that words describe; raises WrongWords, or InvalidCommand with every problem."""
    kind = Kind.TICKET if model is TicketStart else Kind.CASE
    return decode_start(kind, read_fields(model, words, now), by=by)


async def started(start: TicketStart | CaseStart, reference: str | None) -> State:
    """Start an item; raises what `start_item` raises."""
    return await start_item(await open_desk(), start, reference)


async def until_closed(begun: State, tell: Callable[[TimelineEntry], None]) -> State:
    """Wait until the item is closed; `tell` hears of each change since its start. Raises Ended."""
    desk, reference = await open_desk(), begun.reference
    state, told = begun, _STARTED
    async for changed in item_reader.watch_item(desk, reference):
        state = changed
        async for entry in item_reader.query_timeline(desk, reference, told + 1):
            tell(entry)
            told = max(told, entry.revision)
    if state.status is not Status.CLOSED:
        raise Ended(f"{reference} was ended in Temporal before it was closed: see its UI")
    return state


async def kind_of(reference: str) -> Kind:
    """Which kind of item it is."""
    return (await item_reader.read_state(await open_desk(), reference)).kind


async def do(
    reference: str, command: str, words: Sequence[str], *, by: str, now: datetime
) -> Moved:
    """Give a command and wait for the answer; raises what refused it."""
    desk = await open_desk()
    try:
        before = await item_reader.read_state(desk, reference)
    except UnknownItem:
        raise _closed_long_ago(reference, command) from None
    known = commands_of(before.kind)
    if command not in known:
        raise WrongWords(
            f"a {before.kind} has no command {command}{alike(command, list(known))}; "
            f"there are {', '.join(known)}"
        )
    fields = {"by": by} | read_fields(known[command], words, now)
    after = item_reader.parse_state(await desk.do(reference, command, fields))
    return Moved(before, after)


async def seen(reference: str) -> Seen:
    """The item as it is; as the store keeps it, if Temporal has forgotten it."""
    desk = await open_desk()
    try:
        state = await item_reader.read_state(desk, reference)
    except UnknownItem:
        remark = "Temporal has forgotten it: this is what the store keeps."
        return Seen(_in_store(reference), remark=remark)
    remark = "" if state.status is Status.CLOSED else await _ended(desk, reference)
    actions = (
        await item_reader.read_open_actions(desk, state) if isinstance(state, CaseState) else ()
    )
    return Seen(state, actions, remark)


async def history(reference: str) -> list[TimelineEntry]:
    """All that happened: the whole of it from the store, else what the item still carries."""
    try:
        entries = await asyncio.to_thread(
            lambda: list(item_reader.load_timeline(open_store(), reference))
        )
    except (NoStoreYet, StoreFault):
        entries = []
    if entries:
        return entries
    desk = await open_desk()
    return [entry async for entry in item_reader.query_timeline(desk, reference)]


async def _ended(desk: Desk, reference: str) -> str:
    status = (await desk.client.get_workflow_handle(reference).describe()).status
    if status in {None, WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED}:
        return ""
    return f"It was {status.name.lower()} in Temporal: nothing moves it any more."


def _in_store(reference: str) -> State:
    try:
        return item_reader.load_state(open_store(), reference)
    except (NoStoreYet, StoreFault):
        raise UnknownItem(f"no item {reference}: check the reference") from None


def _closed_long_ago(reference: str, command: str) -> Exception:
    try:
        state = _in_store(reference)
    except UnknownItem as unknown:
        return unknown
    return item_closed(state.kind, reference, command)
