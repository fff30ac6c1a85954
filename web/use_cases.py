"""Use cases of pages and API: start an item, or take the next one, as the signed-in caller."""

import asyncio
import hashlib
import json
from collections.abc import Mapping

from pydantic import JsonValue

from auth.audit import audited, note_done
from auth.callers import Caller
from auth.permissions import Duty, check_duty
from catalog.queues import robot_kinds
from domain.base.refusals import CommandIdReused, InvalidCommand, NotAllowed
from domain.base.rules import Rule
from domain.base.values import Kind
from domain.engine.start_item import check_reference
from domain.model.starts import CaseStart, TicketStart
from domain.model.states import State
from starter.item_start import check_is_of, decode_start, start_item
from starter.next_item import QueueEmpty, take_next
from starter.references import derive_reference, new_reference
from store.items.start_keys import StartKeyReused, remember_start
from store.schema.auth_tables import AuditKind
from web.commands import find_state
from web.context import AppContext


async def start_item_as(
    context: AppContext,
    caller: Caller,
    kind: Kind,
    fields: Mapping[str, JsonValue],
    *,
    key: str | None = None,
) -> State:
    """Start an item as the caller, who is its `by`, and return its state.

    `fields` are those of the contract, and `reference` if the caller chose one. `key` is the
    caller's idempotency key: repeated starts with it return one item, even after it is closed.

    Raises, in this order:
        Forbidden: the caller may not start items.
        InvalidCommand: fields or reference are invalid, or the key was used for another start.
        NotAllowed: the reference belongs to a closed item (C15).
        Conflict: the reference belongs to another actor's item, or to another kind.
        NoAnswer: no worker answered.
    """
    async with audited(context.engine, caller, AuditKind.START, kind.lower()) as audit:
        check_duty(caller, Duty.START)
        start, reference = _decode(caller, kind, fields)
        if key is not None:
            derived = reference or derive_reference(kind, key)
            reference = await asyncio.to_thread(
                _reference_of_key, context, kind, fields, key, derived
            )
        reference = reference or new_reference(kind)
        audit.item = reference
        try:
            return await start_item(context.client, start, reference)
        except NotAllowed:
            if key is None:
                raise
        state = await find_state(context, reference)
        check_is_of(start, state)
        return state


def _decode(
    caller: Caller, kind: Kind, fields: Mapping[str, JsonValue]
) -> tuple[TicketStart | CaseStart, str | None]:
    """Return the start and the reference that the caller chose for it."""
    if "by" in fields:
        raise InvalidCommand("by: is the signed-in caller; leave it out", fields=("by",))
    own = {name: value for name, value in fields.items() if name != "reference"}
    start = decode_start(kind, own, by=caller.actor)
    reference = fields.get("reference")
    if reference is None:
        return start, None
    if not isinstance(reference, str):
        raise InvalidCommand("reference: must be a string", fields=("reference",))
    check_reference(start, reference)
    return start, reference


def _reference_of_key(
    context: AppContext, kind: Kind, fields: Mapping[str, JsonValue], key: str, reference: str
) -> str:
    """Return the reference of this key's first use."""
    body = hashlib.sha256(json.dumps([kind, fields], sort_keys=True).encode()).hexdigest()
    try:
        return remember_start(context.engine, key, body=body, reference=reference)
    except StartKeyReused as other:
        raise CommandIdReused(str(other), rule=Rule.C17, fields=("Idempotency-Key",)) from None


async def take_next_as(context: AppContext, caller: Caller, *queues: str) -> State | None:
    """Start the next item for the caller, from the first of these queues that has one (Q1).

    Return its state; None if no queue has an item for the caller.

    Raises:
        Forbidden: the caller may not take items from one of the queues.
        NoAnswer: no worker answered.
    """
    for queue in queues:
        check_duty(caller, Duty.TAKE, queue=queue)
    for queue in queues:
        robots = robot_kinds(context.catalog.queues, queue)
        try:
            state = await take_next(
                context.client, context.engine, queue, by=caller.actor, robots=robots
            )
        except QueueEmpty:
            continue
        await asyncio.to_thread(
            note_done,
            context.engine,
            caller,
            AuditKind.COMMAND,
            "start",
            item=state.reference,
            about=queue,
        )
        return state
    return None
