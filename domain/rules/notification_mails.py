"""Mails that tell the desk's own people what somebody else did (M5)."""

from domain.base.fast_replace import replace
from domain.base.values import Status, Template, is_person
from domain.model.commands import Assign
from domain.model.items import Change, Mail
from domain.model.proposed_changes import Move, key_for, mailing


def with_assignment_mail(change: Change) -> Change | None:
    """The change, which also tells whom it assigned the item to; None if nobody is to be told.

    Who took it, robots, and owners of what nobody works on are not told.
    """
    item, last = change.item, change.entries[-1] if change.entries else None
    if last is None or last.command != Assign.name or item.status is not Status.TO_DO:
        return None
    holder = item.assignee
    if holder is None or holder == last.by or not is_person(holder):
        return None
    # of the change that is made already, so that it is sent with that
    key = key_for(replace(item, revision=last.revision - 1))
    mail = Mail(
        key=key,
        to=(),
        accounts=(holder,),
        subject=item.title,
        body=last.by,
        template=Template.ASSIGNMENT,
    )
    move = mailing(Move(item=item), mail)
    return replace(change, item=move.item, mails=(*change.mails, *move.mails))
