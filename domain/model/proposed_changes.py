"""Proposed changes: a rule proposes, `commit` adds revision, entry and lease (C16)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from domain.base.fast_replace import replace
from domain.base.values import Status, Template, excerpt
from domain.model.due_dates import set_clock
from domain.model.effects import Effect, SendMail, TellWaiter
from domain.model.items import AnyItem, Change, Entry, Item, Log, Mail, Note, Ticket
from domain.model.leases import lease_after

I = TypeVar("I", bound=Item)  # noqa: E741 - reads as "item"

MAX_CARRIED_ENTRIES: Final = 200
"""Timeline entries that the item carries; the store has all."""
MAX_THREAD_MAILS: Final = 12
"""Mails that the item remembers, to thread replies."""
MAX_MESSAGE_ID_LENGTH: Final = 250
"""Characters of a Message-ID; a longer one is not remembered, as no mail program writes it."""
INTERNAL_TEMPLATES: Final = frozenset({Template.ATTENTION, Template.ASSIGNMENT, Template.DUE})
"""Templates of mails to the desk's own people; correspondents never see them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedChange:
    """Item as a rule proposes it, with the texts for its entry and the store."""

    item: AnyItem
    reason: str | None = None
    note: str | None = None
    """Text at full length; the entry has an excerpt of a long one."""
    note_kind: str | None = None
    """Kind of the note in the store; None if only the entry has the text."""
    resolution: bool = False
    mails: tuple[Mail, ...] = ()
    mail: str | None = None
    """Name in the store of the mail that caused the change."""
    silent: bool = False
    """True without entry and revision: for a merge request or its refusal (C16)."""


def next_effect_key(item: Item) -> str:
    """Return the key of the change's next effect: `reference:revision:n`."""
    prefix = f"{item.reference}:{item.revision + 1}:"
    return f"{prefix}{sum(effect.key.startswith(prefix) for effect in item.outbox)}"


def add_effect(item: I, effect: Effect) -> I:
    """Return the item with one more effect in its outbox."""
    return replace(item, outbox=(*item.outbox, effect))


def add_mail(proposal: ProposedChange, mail: Mail) -> ProposedChange:
    """Return the proposal with one more mail; the mail's key is that of its effect.

    The mail continues the item's thread; mails to the desk's own people do not join it (M5).
    """
    item = add_effect(proposal.item, SendMail(key=mail.key))
    mail = replace(mail, about=item.title, thread=item.thread)
    if mail.template not in INTERNAL_TEMPLATES:
        item = add_to_thread(item, mail.key)
    return replace(proposal, item=item, mails=(*proposal.mails, mail))


def add_to_thread(item: I, mail: str) -> I:
    """Return the item with one more mail in its thread: the first and the newest stay (M5)."""
    if len(mail) > MAX_MESSAGE_ID_LENGTH:
        return item
    thread = tuple(other for other in item.thread if other != mail)
    if len(thread) >= MAX_THREAD_MAILS:
        thread = (thread[0], *thread[2:])
    return replace(item, thread=(*thread, mail))


def commit(
    before: AnyItem | None, proposal: ProposedChange, *, at: datetime, by: str, command: str
) -> Change:
    """Return the change that a proposal makes: one entry, the next revision (C16)."""
    item = proposal.item
    if proposal.silent:
        return Change(item=item)
    if item.status is Status.CLOSED and (before is None or before.status is not Status.CLOSED):
        item = _notify_waiter(_withdraw_merge(item))
    is_stopped = (
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
        reason=proposal.reason,
        note=None if proposal.note is None else excerpt(proposal.note),
        resolution=proposal.resolution,
        mail=proposal.mail,
    )
    item = replace(
        item,
        revision=entry.revision,
        serial=entry.serial,
        changed_at=at,
        due=set_clock(item.due, stopped=is_stopped, at=at),
        lease=lease_after(before, item, at=at),
        evidence=item.evidence and not became_to_do,
        evidence_mails=() if became_to_do else item.evidence_mails,
        log=_add_entry(item.log, entry),
    )
    notes = (
        (Note(serial=entry.serial, kind=proposal.note_kind, text=proposal.note),)
        if proposal.note is not None and proposal.note_kind is not None
        else ()
    )
    return Change(item=item, entries=(entry,), notes=notes, mails=proposal.mails)


def _withdraw_merge(item: AnyItem) -> AnyItem:
    """Withdraw the merge request of a Ticket that closed otherwise (T16)."""
    return replace(item, merging=None) if isinstance(item, Ticket) and item.merging else item


def _notify_waiter(item: AnyItem) -> AnyItem:
    """Add the report of a closed item's end to the item that waits for it (T14, T15, K12)."""
    end = item.resolution
    if item.waiter is None or end is None:
        return item
    effect = TellWaiter(
        key=next_effect_key(item),
        waiter=item.waiter.reference,
        waiter_run=item.waiter.run,
        by=end.by,
        how=str(end.method or end.outcome),
        reason=end.reason,
    )
    return add_effect(item, effect)


def _add_entry(log: Log, entry: Entry) -> Log:
    return replace(log, timeline=(*log.timeline, entry)[-MAX_CARRIED_ENTRIES:])
