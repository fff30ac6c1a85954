"""Start of Tickets and Cases, for the API, the pages, the mailroom and the shell."""

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
from starter.client import CasekeepClient
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
    """Return the start of these fields; raises InvalidCommand with all problems."""
    return decode_as(START_MODELS[kind], json.dumps({**fields, "by": by}).encode())


async def start_item(
    client: CasekeepClient,
    start: TicketStart | CaseStart,
    reference: str | None = None,
    *,
    first: FirstCommand | None = None,
) -> State:
    """Start an item, execute its first command if there is one, and return its state.

    Idempotent with a reference: an item that the same actor started under it counts as started.

    Raises:
        InvalidCommand: the reference or the start is invalid.
        NotAllowed: the reference belongs to a closed item (C15).
        Conflict: the reference belongs to another actor's item, or to another kind.
        NoAnswer: no worker answered.
    """
    reference = reference or new_reference(kind_of(start))
    check_reference(start, reference)
    if first is None:
        await client.start(start, reference)
        state = await read_state(client, reference)
    else:
        command, fields = first
        state = parse_state(await client.start_with(start, reference, command, fields))
    check_is_of(start, state)
    return state


def check_is_of(start: TicketStart | CaseStart, state: State) -> None:
    """Raise Conflict unless the item is of the start's actor and kind."""
    if state.created_by != start.by or state.kind is not kind_of(start):
        sentence = f"reference {state.reference} is another item's: give one that is not used"
        raise Conflict(sentence, fields=("reference",))
