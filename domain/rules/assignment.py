"""Assignment: picking up, giving back, taking over, reading (C2-C8, C14, K3, K8)."""

from datetime import datetime
from typing import TypeVar

from domain.base.fast_replace import replace
from domain.base.refusals import Blocked, HeldByAnother, NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import SYSTEM, Performer, Status, is_person, is_robot
from domain.model.commands import (
    Assign,
    Command,
    MarkRead,
    Reject,
    SetToDo,
    Start,
    TakeOverCommand,
    Unassign,
)
from domain.model.items import Action, AnyItem, Case, Item
from domain.model.proposed_changes import ProposedChange

I = TypeVar("I", bound=Item)  # noqa: E741 - reads as "item"


def check_may_work(item: Item, actor: str) -> None:
    """Refuse a robot after a robot's rejection, and the performer during a review (C7, A6)."""
    performer = item.performed_by if isinstance(item, Action) and item.in_review else None
    if performer is not None and (actor == performer or is_robot(actor)):
        sentence = say("assignment.in_review", item=item.noun, actor=actor)
        raise Blocked(sentence, rule=Rule.A6)
    if not is_robot(actor):
        return
    if item.robot_rejected:
        sentence = say("assignment.robot_rejected", item=item.noun, actor=actor)
        raise Blocked(sentence, rule=Rule.C7)
    if isinstance(item, Action) and item.performer is Performer.HUMAN:
        sentence = say("assignment.human_only", item=item.noun, actor=actor)
        raise NotAllowed(sentence, rule=Rule.C2)


def assign_to(item: I, actor: str) -> I:
    """Assign the item to an actor who may work on it; a Case's first person owns it (K3)."""
    check_may_work(item, actor)
    item = replace(item, assignee=actor)
    if is_person(actor):
        item = replace(item, robot_rejected=False)
        if isinstance(item, Case) and item.owner is None:
            item = replace(item, owner=actor)
    return item


def pick_up(item: I, actor: str) -> I:
    """Assign the item to the actor, In Progress and without a wait (C3, C12)."""
    return replace(assign_to(item, actor), status=Status.IN_PROGRESS, wait=None)


def take_over(item: I, command: TakeOverCommand) -> I:
    """Assign the item to the actor with `take_over`; refuse if it is somebody else's (C8)."""
    if item.assignee == command.by:
        return item
    check_may_work(item, command.by)
    if item.assignee is None:
        return item
    if not command.take_over:
        sentence = say(
            "assignment.held_by_another",
            item=item.noun,
            assignee=item.assignee,
            actor=command.by,
            command=command.name,
        )
        raise HeldByAnother(sentence, rule=Rule.C8)
    return assign_to(item, command.by)


def check_owner(item: AnyItem, command: Command) -> None:
    """Refuse everybody but a Case's owner, if it has one (K8)."""
    if not isinstance(item, Case):
        return
    if item.owner is not None and command.by not in {item.owner, SYSTEM}:
        sentence = say(
            "assignment.owner_only",
            item=item.noun,
            owner=item.owner,
            command=command.name,
            actor=command.by,
        )
        raise Blocked(sentence, rule=Rule.K8)


def give_back(item: I) -> I:
    """Return the item as To Do, assigned to nobody; only a Case keeps its owner (C5)."""
    owner = item.owner if isinstance(item, Case) else None
    return replace(item, status=Status.TO_DO, assignee=None, owner=owner)


def return_to_owner(item: I) -> I:
    """End Wait or Resolved: To Do for the owner, or in the queue, with new information (C9)."""
    return replace(
        item,
        status=Status.TO_DO,
        assignee=item.owner,
        wait=None,
        resolution=None,
        closes_at=None,
        new_information=True,
    )


def reopen_for(item: I, actor: str) -> I:
    """Reopen by hand: for the owner; without one, for the person or robot who reopens (T12)."""
    item = return_to_owner(item)
    may_work = is_person(actor) or (is_robot(actor) and not item.robot_rejected)
    return replace(item, assignee=actor) if item.assignee is None and may_work else item


def mark_read_by(item: I, actor: str) -> I:
    """Clear new information if the actor is the holder (C14)."""
    return replace(item, new_information=False) if actor == item.holder else item


def start(item: AnyItem, command: Start, _at: datetime) -> ProposedChange | None:
    """Start work: assign to the actor, In Progress (C3)."""
    if item.status is Status.IN_PROGRESS and item.assignee == command.by:
        return None
    item = pick_up(take_over(item, command), command.by)
    return ProposedChange(item=mark_read_by(item, command.by))


def assign(item: AnyItem, command: Assign, _at: datetime) -> ProposedChange | None:
    """Assign to somebody; in Wait and Resolved, change the owner (C5)."""
    if item.status in {Status.WAIT, Status.RESOLVED}:
        if command.to == item.owner:
            return None
        if not is_person(command.to):
            sentence = say("assignment.person_only", item=item.noun, actor=command.to)
            raise NotAllowed(sentence, rule=Rule.C9, fields=("to",))
        return ProposedChange(
            item=replace(item, owner=command.to), reason=f"owner is now {command.to}"
        )
    if command.to == item.assignee:
        return None
    check_may_work(item, command.to)
    item = replace(give_back(item), assignee=command.to)
    return ProposedChange(item=item, reason=f"assigned to {command.to}")


def unassign(item: AnyItem, command: Unassign, _at: datetime) -> ProposedChange:
    """Give back to a queue; in Wait and Resolved, clear the owner (C5)."""
    item = replace(item, queue=command.queue or item.queue)
    if item.status in {Status.WAIT, Status.RESOLVED}:
        return ProposedChange(item=replace(item, owner=None), reason="no owner any more")
    return ProposedChange(item=give_back(item), reason=f"back in queue {item.queue}")


def set_to_do(item: AnyItem, command: SetToDo, _at: datetime) -> ProposedChange | None:
    """Undo a start: To Do, assigned to nobody (C6)."""
    if item.status is Status.TO_DO and item.assignee is None:
        return None
    return ProposedChange(item=give_back(take_over(item, command)))


def reject(item: AnyItem, command: Reject, _at: datetime) -> ProposedChange:
    """Give back what a robot cannot do, marked robot-rejected (C7)."""
    if not is_robot(command.by) or command.by != item.assignee:
        sentence = say("reject.holder_only", item=item.noun, actor=command.by)
        raise Blocked(sentence, rule=Rule.C7)
    return ProposedChange(item=replace(give_back(item), robot_rejected=True), reason=command.reason)


def mark_read(item: AnyItem, command: MarkRead, _at: datetime) -> ProposedChange:
    """Mark the item read; only the holder may (C14)."""
    if item.holder is None:
        sentence = say("mark_read.no_holder", item=item.noun, actor=command.by)
        raise NotAllowed(sentence, rule=Rule.C14)
    if command.by != item.holder:
        sentence = say(
            "mark_read.holder_only", item=item.noun, holder=item.holder, actor=command.by
        )
        raise NotAllowed(sentence, rule=Rule.C14)
    return ProposedChange(item=mark_read_by(item, command.by))
