"""A move is what a rule proposes; `commit` makes it a change: revision, entry, lease, log (C16)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from domain.base.fast_replace import replace
from domain.base.values import Status, Template, excerpt
from domain.model.due_dates import turned
from domain.model.effects import Effect, SendMail, TellWaiter
from domain.model.items import AnyItem, Change, Entry, Item, Log, Mail, Note, Ticket
from domain.model.leases import leased

I = TypeVar("I", bound=Item)  # noqa: E741 - reads as "item"

KEPT_ENTRIES: Final = 200
"""Timeline entries that the item itself carries; the store has all."""
KEPT_MAILS: Final = 12
"""Mails that the item knows, for the mails that answer them."""
LONGEST_ID: Final = 250
"""Characters of a Message-ID that is known; no mail program writes longer ones."""
WITHIN_THE_DESK: Final = frozenset({Template.ATTENTION, Template.ASSIGNMENT, Template.DUE})
"""Mails to the desk's own people, which a correspondent does not know of."""


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
    mail: str | None = None
    """The mail that came in and led to it, by its name in the store."""
    silent: bool = False
    """Whether it leaves no entry and no revision: a heartbeat (C16), or what is merely asked."""


def key_for(item: Item) -> str:
    """The key of the next effect of the change under way: `reference:revision:n`."""
    prefix = f"{item.reference}:{item.revision + 1}:"
    return f"{prefix}{sum(effect.key.startswith(prefix) for effect in item.outbox)}"


def with_effect(item: I, effect: Effect) -> I:
    """The item with one more effect in its outbox."""
    return replace(item, outbox=(*item.outbox, effect))


def mailing(move: Move, mail: Mail) -> Move:
    """The move, which also sends this mail; its key is that of its effect.

    M5: it follows the mails before it. What tells the desk's own people is not followed by others.
    """
    item = with_effect(move.item, SendMail(key=mail.key))
    mail = replace(mail, about=item.title, thread=item.thread)
    if mail.template not in WITHIN_THE_DESK:
        item = threaded(item, mail.key)
    return replace(move, item=item, mails=(*move.mails, mail))


def threaded(item: I, mail: str) -> I:
    """M5: the item with one more mail; the first and the newest are kept."""
    if len(mail) > LONGEST_ID:
        return item
    thread = tuple(known for known in item.thread if known != mail)
    if len(thread) >= KEPT_MAILS:
        thread = (thread[0], *thread[2:])
    return replace(item, thread=(*thread, mail))


def commit(before: AnyItem | None, move: Move, *, at: datetime, by: str, command: str) -> Change:
    """The change that a move makes of an item: one entry, the next revision (C16)."""
    item = move.item
    if move.silent:
        return Change(item=item)
    if item.status is Status.CLOSED and (before is None or before.status is not Status.CLOSED):
        item = _telling(_asking_no_more(item))
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
        mail=move.mail,
    )
    item = replace(
        item,
        revision=entry.revision,
        serial=entry.serial,
        changed_at=at,
        due=turned(item.due, stopped=stopped, at=at),
        lease=leased(before, item, at=at),
        evidence=item.evidence and not became_to_do,
        evidence_mails=() if became_to_do else item.evidence_mails,
        log=_logged(item.log, entry),
    )
    notes = (
        (Note(serial=entry.serial, kind=move.kept_as, text=move.note),)
        if move.note is not None and move.kept_as is not None
        else ()
    )
    return Change(item=item, entries=(entry,), notes=notes, mails=move.mails)


def _asking_no_more(item: AnyItem) -> AnyItem:
    """T16: a Ticket closed otherwise gives up what it asked; a late yes finds it closed."""
    return replace(item, merging=None) if isinstance(item, Ticket) and item.merging else item


def _telling(item: AnyItem) -> AnyItem:
    """T14, T15, K12: the closed item, telling whoever waits for it."""
    end = item.resolution
    if item.waiter is None or end is None:
        return item
    tell = TellWaiter(
        key=key_for(item),
        waiter=item.waiter.reference,
        waiter_run=item.waiter.run,
        by=end.by,
        how=str(end.method or end.outcome),
        reason=end.reason,
    )
    return with_effect(item, tell)


def _logged(log: Log, entry: Entry) -> Log:
    return replace(log, timeline=(*log.timeline, entry)[-KEPT_ENTRIES:])
