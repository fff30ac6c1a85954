"""Execution of commands as the signed-in caller, for the pages and the API."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from auth.audit import audited
from auth.callers import Caller
from auth.permissions import COMMANDS, check_command
from domain.base.refusals import InvalidCommand
from domain.base.values import Status
from domain.model.commands import commands_of
from domain.model.states import State
from domain.model.transition_table import closed_refusal
from starter.client import UnknownItem
from starter.item_reader import parse_state, read_state
from store.items.queries import find_item
from store.schema.auth_tables import AuditKind
from web.context import AppContext

_MERGE: Final = "merge"
_HEARTBEAT: Final = "heartbeat"
"""Command that is not audited: it changes nothing, and is frequent."""


async def execute_command(
    context: AppContext,
    caller: Caller,
    reference: str,
    command: str,
    fields: Mapping[str, JsonValue],
) -> State:
    """Execute a command as the caller, who is its `by`; return the state after it.

    Raises:
        Forbidden: the caller may not give this command to this item.
        UnknownItem: neither the store nor Temporal knows the item.
        Refused: the command is invalid, a conflict, or forbidden by a rule of the status model.
        NoAnswer: no worker answered.
    """
    if command == _HEARTBEAT:
        return await _execute(context, caller, reference, command, fields)
    async with audited(context.engine, caller, AuditKind.COMMAND, command, item=reference):
        return await _execute(context, caller, reference, command, fields)


async def _execute(
    context: AppContext,
    caller: Caller,
    reference: str,
    command: str,
    fields: Mapping[str, JsonValue],
) -> State:
    state = await find_state(context, reference)
    if "by" in fields:
        raise InvalidCommand("by: is the signed-in caller; leave it out", fields=("by",))
    if command in COMMANDS:
        # first of all: later refusals reveal the kind of the item
        check_command(caller, command, state, fields)
    if command not in commands_of(state.kind):
        raise InvalidCommand(f"{command} is no command of a {state.kind.lower()}")
    into = fields.get("into")
    if command == _MERGE and isinstance(into, str):
        # the merge changes the other item, too; if it is unknown, the item itself refuses
        with contextlib.suppress(UnknownItem):
            check_command(caller, command, await find_state(context, into))
    try:
        answer = await context.client.execute(reference, command, {**fields, "by": caller.actor})
    except UnknownItem:
        if state.status is not Status.CLOSED:
            raise
        # Temporal deletes closed items after its retention time; the store does not
        raise closed_refusal(state.kind, reference, command) from None
    return parse_state(answer)


async def find_state(context: AppContext, reference: str) -> State:
    """Return the stored state, else the item's own answer; raises UnknownItem or NoAnswer."""
    stored = await asyncio.to_thread(find_item, context.engine, reference)
    return stored.state if stored is not None else await read_state(context.client, reference)
