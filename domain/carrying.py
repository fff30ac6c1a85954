"""The item as JSON, for the run that continues it: nothing lost that a rule needs, and bounded."""

from dataclasses import replace
from typing import Final

from pydantic import TypeAdapter

from domain.items import Action, AnyItem, Case, Entry, Ticket
from domain.values import Kind

CARRIED_LIMIT: Final = 200 * 1024
"""Bytes of JSON carried over; the server refuses 256 KB, with room for what Temporal adds."""
_SHORT_NOTE: Final = 120
_CODECS: Final[dict[Kind, TypeAdapter[AnyItem]]] = {
    Kind.TICKET: TypeAdapter(Ticket),
    Kind.CASE: TypeAdapter(Case),
    Kind.ACTION: TypeAdapter(Action),
}


def carried(item: AnyItem) -> bytes:
    """The item as JSON; where it is too large, older entries' notes are shortened, then left out.

    The store has them whole; everything that rules need is kept.
    """
    raw = _written(item)
    for keep in (50, 10, 0):
        if len(raw) <= CARRIED_LIMIT:
            break
        entries = item.log.timeline
        cut = len(entries) - keep
        shorter = (*(_short(entry) for entry in entries[:cut]), *entries[cut:])
        raw = _written(replace(item, log=replace(item.log, timeline=shorter)))
    return raw


def read(kind: Kind, raw: bytes) -> AnyItem:
    """The item that `carried` wrote; raises pydantic's ValidationError on anything else."""
    return _CODECS[kind].validate_json(raw)


def _written(item: AnyItem) -> bytes:
    return _CODECS[item.kind].dump_json(item, exclude_defaults=True)


def _short(entry: Entry) -> Entry:
    note, reason = entry.note, entry.reason
    return replace(
        entry,
        note=note
        if note is None or len(note) <= _SHORT_NOTE
        else f"{note[:_SHORT_NOTE]}… (whole in the store)",
        reason=reason
        if reason is None or len(reason) <= _SHORT_NOTE
        else f"{reason[:_SHORT_NOTE]}…",
    )
