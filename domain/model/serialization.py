"""Serialization: the item as bounded JSON, for the run that continues it."""

from typing import Final

from pydantic import TypeAdapter

from domain.base.fast_replace import replace
from domain.base.refusals import InvalidCommand
from domain.base.sentences import say
from domain.base.values import Kind, truncate_bytes
from domain.model.items import Action, AnyItem, Case, Entry, Log, Ticket

CARRIED_LIMIT: Final = 200 * 1024
"""Bytes of JSON carried over, at most; the server refuses 256 KB."""
CORE_LIMIT: Final = 110 * 1024
"""Bytes of JSON of an item without its log; commands that would exceed them are refused."""
_SHORT: Final = 120
_CODECS: Final[dict[Kind, TypeAdapter[AnyItem]]] = {
    Kind.TICKET: TypeAdapter(Ticket),
    Kind.CASE: TypeAdapter(Case),
    Kind.ACTION: TypeAdapter(Action),
}


def check_item_size(item: AnyItem) -> None:
    """Refuse an item that is too large to be carried from run to run."""
    size = len(_to_json(replace(item, log=Log(), outbox=())))
    if size > CORE_LIMIT:
        sentence = say("item.too_large", item=item.noun, size=size, limit=CORE_LIMIT)
        raise InvalidCommand(sentence)


def dump_item(item: AnyItem) -> bytes:
    """Return the item as JSON within the limit: long notes are cut first, then old entries dropped.

    The store has them all; everything that rules need is carried.
    """
    raw = _to_json(item)
    for keep in (50, 10, 0):
        if len(raw) <= CARRIED_LIMIT:
            return raw
        raw = _to_json(replace(item, log=_shorten_notes(item.log, keep)))
    log = _shorten_notes(item.log, 0)
    while len(raw) > CARRIED_LIMIT and (log.timeline or log.refused):
        log = _drop_older_half(log)
        raw = _to_json(replace(item, log=log))
    return raw


def load_item(kind: Kind, raw: bytes) -> AnyItem:
    """Return the item that `dump_item` wrote; raise pydantic's ValidationError on anything else."""
    return _CODECS[kind].validate_json(raw)


def _to_json(item: AnyItem) -> bytes:
    return _CODECS[item.kind].dump_json(item, exclude_defaults=True)


def _shorten_notes(log: Log, keep: int) -> Log:
    """Return the log with long notes cut, except in the last entries; with 0, in all."""
    cut = len(log.timeline) - keep
    timeline = (*(_shorten_entry(entry) for entry in log.timeline[:cut]), *log.timeline[cut:])
    refused = log.refused if keep else tuple(_shorten_entry(entry) for entry in log.refused)
    return replace(log, timeline=timeline, refused=refused)


def _drop_older_half(log: Log) -> Log:
    """Return the log without its older half: of refused entries first, then of others."""
    if log.refused:
        gone = (len(log.refused) + 1) // 2
        dropped = log.refused_dropped + gone
        return replace(log, refused=log.refused[gone:], refused_dropped=dropped)
    return replace(log, timeline=log.timeline[(len(log.timeline) + 1) // 2 :])


def _shorten_entry(entry: Entry) -> Entry:
    note = entry.note and truncate_bytes(entry.note, _SHORT)
    reason = entry.reason and truncate_bytes(entry.reason, _SHORT)
    return replace(entry, note=note, reason=reason)
