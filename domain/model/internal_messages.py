"""Messages between items, and from the mailroom and the item's own workflow."""

from functools import cache

from pydantic import JsonValue

from domain.base.values import Address, FreeValue, Kind, Name, Outcome, Text, Title
from domain.model.commands import Command

T, C, A = Kind.TICKET, Kind.CASE, Kind.ACTION


class InternalMessage(Command):
    """Message by signal from another item or the mailroom; not for outsiders."""


class ActionEnded(InternalMessage, name="action_ended", kinds=(C,)):
    """Report of an Action's end to its Case; also for a vanished Action (A4, C21)."""

    case_run: Name
    reference: Name
    outcome: Outcome
    reason: Text | None = None
    keep_as: Name | None = None
    """Field of the Case's data for the answer of a service (A8)."""
    answer: FreeValue = None


class CaseCancelled(InternalMessage, name="case_cancelled", kinds=(A,)):
    """Order of a Case to its Action to end (K10, K12)."""

    case_run: Name
    reason: Text | None = None


class ItemEnded(InternalMessage, name="item_ended", kinds=(T, A)):
    """Report of an item's end to the item that waits for it (T14, T15, K12)."""

    waiter_run: Name
    reference: Name
    how: Name
    """Method or outcome; `vanished` if the item was terminated, or could not be started."""
    reason: Text | None = None


class MergeAsked(InternalMessage, name="merge_asked", kinds=(T, C)):
    """Request of a Ticket to be merged into this item (T16)."""

    asker: Name
    asker_run: Name
    ask: Name
    title: Title
    communications: Text = ""


class MergeAnswered(InternalMessage, name="merge_answered", kinds=(T,)):
    """Answer of the item that a Ticket asked to merge into (T16)."""

    asker_run: Name
    ask: Name
    accepted: bool
    reason: Text | None = None


class MailFailed(InternalMessage, name="mail_failed"):
    """Report that a mail of this item was refused, given up or bounced (M5)."""

    run: Name
    """Run of the item: another item of the same reference is not meant."""
    mail: Name
    """Key of the mail."""
    reason: Text


class Acknowledge(InternalMessage, name="acknowledge", kinds=(T, C)):
    """Order of the mailroom to acknowledge a mail to its sender, if the mailbox does so (M5)."""

    to: Address
    language: Name | None = None


class WorkflowMessage(Command):
    """Message from the item's own workflow; no signal carries it."""


class WorkEnded(WorkflowMessage, name="work_ended", kinds=(A,)):
    """Report that automatic work is done, or failed for good with a reason (A8)."""

    reason: Text | None = None
    answer: JsonValue = None
    """Answer of the service."""


INTERNAL_MESSAGES: tuple[type[InternalMessage], ...] = (
    ActionEnded,
    CaseCancelled,
    ItemEnded,
    MergeAsked,
    MergeAnswered,
    MailFailed,
    Acknowledge,
)
"""Messages that arrive by signal, from items and the mailroom."""


@cache
def internal_messages_of(kind: Kind) -> dict[str, type[InternalMessage]]:
    """Return the internal messages that a kind accepts, by name."""
    return {notice.name: notice for notice in INTERNAL_MESSAGES if kind in notice.kinds}
