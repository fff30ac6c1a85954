"""Starts Tickets and Cases: the one way of the API, the pages, the mailroom and the shell."""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from domain.base.refusals import Conflict
from domain.base.values import Kind
from domain.engine.decide import decode_as
from domain.engine.start_item import check_reference
from domain.model.starts import CaseStart, TicketStart, kind_of
from domain.model.states import State
from starter.client import Desk
from starter.item_reader import parse_state, read_state
from starter.references import new_reference

START_MODELS: Final[Mapping[Kind, type[TicketStart | CaseStart]]] = {
    Kind.TICKET: TicketStart,
    Kind.CASE: CaseStart,
}
FirstCommand = tuple[str, Mapping[str, JsonValue]]
"""A command's name and its fields."""


def decode_start(
    kind: Kind, fields: Mapping[str, JsonValue], *, by: str
) -> TicketStart | CaseStart:
    """Return the start that these fields describe; raises InvalidCommand with every problem."""
    return decode_as(START_MODELS[kind], json.dumps({**fields, "by": by}).encode())


async def start_item(
    desk: Desk,
    start: TicketStart | CaseStart,
    reference: str | None = None,
    *,
    first: FirstCommand | None = None,
) -> State:
    """Start an item, give it its first command where one is named, and return its state.

    Idempotent with a reference: an item that the same actor started under it counts as started.

    Raises:
        InvalidCommand: the reference is none, or the item cannot begin like this.
        NotAllowed: the reference is a closed item's (C15).
        Conflict: the reference is an item of another actor, or of another kind.
        NoAnswer: no worker answered.
    """
    reference = reference or new_reference(kind_of(start))
    check_reference(start, reference)
    if first is None:
        await desk.start(start, reference)
        state = await read_state(desk, reference)
    else:
        command, fields = first
        state = parse_state(await desk.start_with(start, reference, command, fields))
    check_is_of(start, state)
    return state


def check_is_of(start: TicketStart | CaseStart, state: State) -> None:
    """Raise Conflict unless this start made the item, or one like it by the same actor."""
    if state.created_by != start.by or state.kind is not kind_of(start):
        sentence = f"reference {state.reference} is another item's: give one that is not used"
        raise Conflict(sentence, fields=("reference",))
