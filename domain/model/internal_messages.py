"""What items and the mailroom tell items, and an item's workflow tells it; not for outsiders."""

from functools import cache

from pydantic import JsonValue

from domain.base.values import Address, FreeValue, Kind, Name, Outcome, Text, Title
from domain.model.commands import Command

T, C, A = Kind.TICKET, Kind.CASE, Kind.ACTION


class Notice(Command):
    """What one item, or the mailroom, tells another, by signal only; not for outsiders."""


class ActionEnded(Notice, name="action_ended", kinds=(C,)):
    """A4: an Action tells its Case how it ended; also said of an Action that vanished (C21)."""

    case_run: Name
    reference: Name
    outcome: Outcome
    reason: Text | None = None
    keep_as: Name | None = None
    """A8: the field of the Case's data that keeps the answer of a service."""
    answer: FreeValue = None


class CaseCancelled(Notice, name="case_cancelled", kinds=(A,)):
    """K10, K12: a Case tells its Action to end."""

    case_run: Name
    reason: Text | None = None


class ItemEnded(Notice, name="item_ended", kinds=(T, A)):
    """T14, T15, K12: an item tells the one that waits for it how it ended."""

    waiter_run: Name
    reference: Name
    how: Name
    """Its method or outcome; `vanished` if it was terminated, or could not be started."""
    reason: Text | None = None


class MergeAsked(Notice, name="merge_asked", kinds=(T, C)):
    """T16: a Ticket asks whether it may be merged into this item."""

    asker: Name
    asker_run: Name
    ask: Name
    title: Title
    communications: Text = ""


class MergeAnswered(Notice, name="merge_answered", kinds=(T,)):
    """T16: the item that a Ticket asked answers."""

    asker_run: Name
    ask: Name
    accepted: bool
    reason: Text | None = None


class MailFailed(Notice, name="mail_failed"):
    """M5: a mail of this item was not delivered: it was refused, given up, or has bounced."""

    run: Name
    """The item's, so that a stranger under the same reference is not meant."""
    mail: Name
    """The key of the mail."""
    reason: Text


class Acknowledge(Notice, name="acknowledge", kinds=(T, C)):
    """M5: the mailroom has the sender of a mail told that it arrived, where its mailbox does so."""

    to: Address
    language: Name | None = None


class Event(Command):
    """What an item's own workflow tells it; it comes by no signal."""


class WorkEnded(Event, name="work_ended", kinds=(A,)):
    """A8: what an Action does by itself is done, or failed for good with a reason."""

    reason: Text | None = None
    answer: JsonValue = None
    """What a service answered."""


NOTICES: tuple[type[Notice], ...] = (
    ActionEnded,
    CaseCancelled,
    ItemEnded,
    MergeAsked,
    MergeAnswered,
    MailFailed,
    Acknowledge,
)
"""What items, and the mailroom, tell each other."""


@cache
def notices_of(kind: Kind) -> dict[str, type[Notice]]:
    """The notices that a kind accepts, by name."""
    return {notice.name: notice for notice in NOTICES if kind in notice.kinds}
