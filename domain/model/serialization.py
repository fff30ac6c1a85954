"""The item as JSON, for the run that continues it: nothing lost that a rule needs, and bounded."""

from typing import Final

from pydantic import TypeAdapter

from domain.base.fast_replace import replace
from domain.base.refusals import InvalidCommand
from domain.base.sentences import say
from domain.base.values import Kind, clipped
from domain.model.items import Action, AnyItem, Case, Entry, Log, Ticket

CARRIED_LIMIT: Final = 200 * 1024
"""Bytes of JSON carried over; the server refuses 256 KB, with room for what Temporal adds."""
CORE_LIMIT: Final = 110 * 1024
"""Bytes of JSON of an item without its log; what would make it larger is refused."""
_SHORT: Final = 120
_CODECS: Final[dict[Kind, TypeAdapter[AnyItem]]] = {
    Kind.TICKET: TypeAdapter(Ticket),
    Kind.CASE: TypeAdapter(Case),
    Kind.ACTION: TypeAdapter(Action),
}


def check_size(item: AnyItem) -> None:
    """Refuse an item that has grown too large to be carried from run to run."""
    size = len(_written(replace(item, log=Log(), outbox=())))
    if size > CORE_LIMIT:
        sentence = say("item.too_large", item=item.noun, size=size, limit=CORE_LIMIT)
        raise InvalidCommand(sentence)


def carried(item: AnyItem) -> bytes:
    """The item as JSON; what is too large loses long notes first, then old entries, oldest first.

    The store has them whole; everything that rules need is kept.
    """
    raw = _written(item)
    for keep in (50, 10, 0):
        if len(raw) <= CARRIED_LIMIT:
            return raw
        raw = _written(replace(item, log=_shortened(item.log, keep)))
    log = _shortened(item.log, 0)
    while len(raw) > CARRIED_LIMIT and (log.timeline or log.refused):
        log = _halved(log)
        raw = _written(replace(item, log=log))
    return raw


def read(kind: Kind, raw: bytes) -> AnyItem:
    """The item that `carried` wrote; raises pydantic's ValidationError on anything else."""
    return _CODECS[kind].validate_json(raw)


def _written(item: AnyItem) -> bytes:
    return _CODECS[item.kind].dump_json(item, exclude_defaults=True)


def _shortened(log: Log, keep: int) -> Log:
    """The log with short notes in all but the last entries; with none to keep, refused ones too."""
    cut = len(log.timeline) - keep
    timeline = (*(_short(entry) for entry in log.timeline[:cut]), *log.timeline[cut:])
    refused = log.refused if keep else tuple(_short(entry) for entry in log.refused)
    return replace(log, timeline=timeline, refused=refused)


def _halved(log: Log) -> Log:
    """The log without the older half of its refused entries or, if they are gone, of the others."""
    if log.refused:
        gone = (len(log.refused) + 1) // 2
        dropped = log.refused_dropped + gone
        return replace(log, refused=log.refused[gone:], refused_dropped=dropped)
    return replace(log, timeline=log.timeline[(len(log.timeline) + 1) // 2 :])


def _short(entry: Entry) -> Entry:
    note = entry.note and clipped(entry.note, _SHORT)
    reason = entry.reason and clipped(entry.reason, _SHORT)
    return replace(entry, note=note, reason=reason)
