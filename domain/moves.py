"""A move is what a rule proposes; `commit` makes it a change: revision, entry, clock, log (C16)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from domain.due import turned
from domain.effects import Effect, SendMail
from domain.items import AnyItem, Change, Entry, Item, Log, Mail, Note
from domain.values import Status, excerpt

I = TypeVar("I", bound=Item)  # noqa: E741 - reads as "item"

KEPT_ENTRIES: Final = 200
"""Timeline entries that the item itself carries; the store has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The item as a rule would have it, and what to write about it."""

    item: AnyItem
    reason: str | None = None
    note: str | None = None
    """A text at full length; the entry carries an excerpt of a long one."""
    kept_as: str | None = None
    """The kind of note that the store keeps the text as; None: the entry alone has it."""
    resolution: bool = False
    mails: tuple[Mail, ...] = ()


def key_for(item: Item) -> str:
    """The key of the next effect of the change under way: `reference:revision:n`."""
    prefix = f"{item.reference}:{item.revision + 1}:"
    return f"{prefix}{sum(effect.key.startswith(prefix) for effect in item.outbox)}"


def with_effect(item: I, effect: Effect) -> I:
    """The item with one more effect in its outbox."""
    return replace(item, outbox=(*item.outbox, effect))


def mailing(move: Move, mail: Mail) -> Move:
    """The move, which also sends this mail; its key is that of its effect."""
    item = with_effect(move.item, SendMail(key=mail.key))
    return replace(move, item=item, mails=(*move.mails, mail))


def commit(before: AnyItem | None, move: Move, *, at: datetime, by: str, command: str) -> Change:
    """The change that a move makes of an item: one entry, the next revision (C16)."""
    item = move.item
    stopped = (
        item.status is Status.WAIT
        and item.wait is not None
        and item.due is not None
        and item.due.rule.stops_for(item.wait.type)
    )
    became_to_do = item.status is Status.TO_DO and (
        before is None or before.status is not Status.TO_DO
    )
    entry = Entry(
        serial=item.serial + 1,
        revision=item.revision + 1,
        at=at,
        by=by,
        command=command,
        before=None if before is None else before.status,
        after=item.status,
        reason=move.reason,
        note=None if move.note is None else excerpt(move.note),
        resolution=move.resolution,
    )
    item = replace(
        item,
        revision=entry.revision,
        serial=entry.serial,
        changed_at=at,
        due=turned(item.due, stopped=stopped, at=at),
        evidence=item.evidence and not became_to_do,
        log=_logged(item.log, entry),
    )
    notes = (
        (Note(serial=entry.serial, kind=move.kept_as, text=move.note),)
        if move.note is not None and move.kept_as is not None
        else ()
    )
    return Change(item=item, entries=(entry,), notes=notes, mails=move.mails)


def _logged(log: Log, entry: Entry) -> Log:
    return replace(log, timeline=(*log.timeline, entry)[-KEPT_ENTRIES:])
