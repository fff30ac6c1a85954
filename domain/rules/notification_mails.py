"""Mails that notify the desk's own people (M5)."""

from domain.base.fast_replace import replace
from domain.base.values import Status, Template, is_person
from domain.model.commands import Assign
from domain.model.items import Change, Mail
from domain.model.proposed_changes import ProposedChange, add_mail, next_effect_key


def add_assignment_mail(change: Change) -> Change | None:
    """Return the change with a mail to its new assignee; None if nobody is to be notified.

    No mail goes to a person who assigned the item to themself, to a robot, or to an owner.
    """
    item, last = change.item, change.entries[-1] if change.entries else None
    if last is None or last.command != Assign.name or item.status is not Status.TO_DO:
        return None
    holder = item.assignee
    if holder is None or holder == last.by or not is_person(holder):
        return None
    # a key of the change that is made already: the mail is sent with it
    key = next_effect_key(replace(item, revision=last.revision - 1))
    mail = Mail(
        key=key,
        to=(),
        accounts=(holder,),
        subject=item.title,
        body=last.by,
        template=Template.ASSIGNMENT,
    )
    proposal = add_mail(ProposedChange(item=item), mail)
    return replace(change, item=proposal.item, mails=(*change.mails, *proposal.mails))
