"""Gives commands as the signed-in caller: the one way of the pages and the API."""

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
from store.items.queries import item_of
from store.schema.auth_tables import Audited
from web.context import AppContext

_MERGES: Final = "merge"
_BEATS: Final = "heartbeat"
"""Not audited: it changes nothing, and comes often."""


async def give(
    context: AppContext,
    caller: Caller,
    reference: str,
    command: str,
    fields: Mapping[str, JsonValue],
) -> State:
    """Give the item a command as the caller, who is always its `by`; return the state after it.

    Raises:
        Forbidden: the caller may not give it, to this item.
        UnknownItem: neither the store nor Temporal knows the item.
        Refused: it is malformed, a conflict, or a rule of the status model forbids it.
        NoAnswer: no worker answered.
    """
    if command == _BEATS:
        return await _given(context, caller, reference, command, fields)
    async with audited(context.engine, caller, Audited.COMMAND, command, item=reference):
        return await _given(context, caller, reference, command, fields)


async def _given(
    context: AppContext,
    caller: Caller,
    reference: str,
    command: str,
    fields: Mapping[str, JsonValue],
) -> State:
    state = await known(context, reference)
    if "by" in fields:
        raise InvalidCommand("by: is whoever is signed in; leave it out", fields=("by",))
    if command in COMMANDS:
        # before all that would tell somebody what kind of item it is
        check_command(caller, command, state, fields)
    if command not in commands_of(state.kind):
        raise InvalidCommand(f"{command} is no command of a {state.kind.lower()}")
    into = fields.get("into")
    if command == _MERGES and isinstance(into, str):
        # what this item has is added to the other one; where there is none, the item says so
        with contextlib.suppress(UnknownItem):
            check_command(caller, command, await known(context, into))
    try:
        answer = await context.client.do(reference, command, {**fields, "by": caller.actor})
    except UnknownItem:
        if state.status is not Status.CLOSED:
            raise
        # Temporal forgets what is closed after its retention; the store does not
        raise closed_refusal(state.kind, reference, command) from None
    return parse_state(answer)


async def known(context: AppContext, reference: str) -> State:
    """Return the stored state, else the item's own answer; raises UnknownItem or NoAnswer."""
    kept = await asyncio.to_thread(item_of, context.engine, reference)
    return kept.state if kept is not None else await read_state(context.client, reference)
