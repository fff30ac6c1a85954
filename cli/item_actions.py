"""Use cases of one item: start it, give it a command, wait for its end, load it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from temporalio.client import WorkflowExecutionStatus

from cli.context import DatabaseMissing, open_client, open_store
from cli.field_arguments import InvalidArgument, parse_fields, suggestion
from domain.base.values import Kind, Status
from domain.engine.start_item import check_reference
from domain.model.commands import commands_of
from domain.model.starts import CaseStart, TicketStart
from domain.model.states import ActionItemState, CaseState, State
from domain.model.timeline import TimelineEntry
from domain.model.transition_table import closed_refusal
from starter import item_reader
from starter.client import CasekeepClient, UnknownItem
from starter.item_start import decode_start, start_item
from store.errors import StoreError

_FIRST_REVISION: Final = 1
StartModel = type[TicketStart] | type[CaseStart]


class ItemTerminated(Exception):
    """An item's workflow ended in Temporal before the item was closed."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """State of an item before and after a command."""

    before: State
    after: State


@dataclass(frozen=True, slots=True)
class ItemDetails:
    """State of an item and of its open Actions, with a warning if Temporal does not run it."""

    state: State
    actions: tuple[ActionItemState, ...] = ()
    warning: str = ""


def parse_start(
    model: StartModel, words: Sequence[str], *, by: str, now: datetime
) -> TicketStart | CaseStart:
    """Return the start of `field=value` words.

    Raises InvalidArgument, or InvalidCommand with every problem.
    """
    kind = Kind.TICKET if model is TicketStart else Kind.CASE
    return decode_start(kind, parse_fields(model, words, now), by=by)


async def create_item(start: TicketStart | CaseStart, reference: str | None) -> State:
    """Start an item and return its state; raises what `start_item` raises."""
    if reference is not None:
        check_reference(start, reference)  # before connecting: no server is needed to refuse it
    return await start_item(await open_client(), start, reference)


async def wait_until_closed(state: State, report: Callable[[TimelineEntry], None]) -> State:
    """Wait until the item is closed; call `report` for each entry after its start.

    Raises ItemTerminated.
    """
    client, reference = await open_client(), state.reference
    reported = _FIRST_REVISION
    async for changed in item_reader.watch_item(client, reference):
        state = changed
        async for entry in item_reader.query_timeline(client, reference, reported + 1):
            report(entry)
            reported = max(reported, entry.revision)
    if state.status is not Status.CLOSED:
        raise ItemTerminated(f"{reference} was ended in Temporal before it was closed: see its UI")
    return state


async def read_kind(reference: str) -> Kind:
    """Return the kind of an item."""
    return (await item_reader.read_state(await open_client(), reference)).kind


async def execute_command(
    reference: str, command: str, words: Sequence[str], *, by: str, now: datetime
) -> CommandResult:
    """Give a command and wait for the result; raises the refusal."""
    client = await open_client()
    try:
        before = await item_reader.read_state(client, reference)
    except UnknownItem:
        raise _refusal_of_forgotten(reference, command) from None
    known = commands_of(before.kind)
    if command not in known:
        raise InvalidArgument(
            f"a {before.kind} has no command {command}{suggestion(command, list(known))}; "
            f"there are {', '.join(known)}"
        )
    fields = {"by": by} | parse_fields(known[command], words, now)
    after = item_reader.parse_state(await client.execute(reference, command, fields))
    return CommandResult(before, after)


async def load_details(reference: str) -> ItemDetails:
    """Return an item from its workflow, or from the store if Temporal no longer has it."""
    client = await open_client()
    try:
        state = await item_reader.read_state(client, reference)
    except UnknownItem:
        warning = "Temporal has forgotten it: this is what the store keeps."
        return ItemDetails(_state_in_store(reference), warning=warning)
    warning = ""
    if state.status is not Status.CLOSED:
        warning = await _warning_if_ended(client, reference)
    actions = (
        await item_reader.read_open_actions(client, state) if isinstance(state, CaseState) else ()
    )
    return ItemDetails(state, actions, warning)


async def load_timeline(reference: str) -> list[TimelineEntry]:
    """Return the whole timeline from the store, or else the part that the workflow carries."""
    try:
        entries = await asyncio.to_thread(
            lambda: list(item_reader.load_timeline(open_store(), reference))
        )
    except (DatabaseMissing, StoreError):
        entries = []
    if entries:
        return entries
    client = await open_client()
    return [entry async for entry in item_reader.query_timeline(client, reference)]


async def _warning_if_ended(client: CasekeepClient, reference: str) -> str:
    status = (await client.client.get_workflow_handle(reference).describe()).status
    if status in {None, WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED}:
        return ""
    return f"It was {status.name.lower()} in Temporal: nothing moves it any more."


def _state_in_store(reference: str) -> State:
    try:
        return item_reader.load_state(open_store(), reference)
    except (DatabaseMissing, StoreError):
        raise UnknownItem(f"no item {reference}: check the reference") from None


def _refusal_of_forgotten(reference: str, command: str) -> Exception:
    """Return the refusal for an item that Temporal no longer has: closed, or unknown (C15)."""
    try:
        state = _state_in_store(reference)
    except UnknownItem as unknown:
        return unknown
    return closed_refusal(state.kind, reference, command)
