"""Who has an item: picking up, giving back, taking over, reading (C2-C8, C14, K3, K8)."""

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
    TakesOver,
    Unassign,
)
from domain.model.items import Action, AnyItem, Case, Item
from domain.model.proposed_changes import Move

I = TypeVar("I", bound=Item)  # noqa: E741 - reads as "item"


def guard(item: Item, actor: str) -> None:
    """C7, A6: who may not work on it: a robot on what a robot rejected, a performer on a review."""
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


def assigned_to(item: I, actor: str) -> I:
    """The item in the hands of somebody who works on it; a Case's first person owns it (K3)."""
    guard(item, actor)
    item = replace(item, assignee=actor)
    if is_person(actor):
        item = replace(item, robot_rejected=False)
        if isinstance(item, Case) and item.owner is None:
            item = replace(item, owner=actor)
    return item


def picked_up(item: I, actor: str) -> I:
    """C3, C12: In Progress, assigned to the actor, waiting for nothing."""
    return replace(assigned_to(item, actor), status=Status.IN_PROGRESS, wait=None)


def taken_over(item: I, command: TakesOver) -> I:
    """C8: the item, for somebody who may act on it; refused while another one has it."""
    if item.assignee == command.by:
        return item
    guard(item, command.by)
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
    return assigned_to(item, command.by)


def only_the_owner(item: AnyItem, command: Command) -> None:
    """K8: refuse a Case's steering to anybody but its owner, while it has one."""
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


def given_back(item: I) -> I:
    """C5: To Do, held by nobody; only a Case keeps its owner."""
    owner = item.owner if isinstance(item, Case) else None
    return replace(item, status=Status.TO_DO, assignee=None, owner=owner)


def come_back(item: I) -> I:
    """C9: an end of Wait or Resolved: To Do for the owner, else in the queue; raised."""
    return replace(
        item,
        status=Status.TO_DO,
        assignee=item.owner,
        wait=None,
        resolution=None,
        closes_at=None,
        new_information=True,
    )


def reopened(item: I, actor: str) -> I:
    """T12: taken up again by hand, for the owner; without one, for the human or robot who did."""
    item = come_back(item)
    works = is_person(actor) or (is_robot(actor) and not item.robot_rejected)
    return replace(item, assignee=actor) if item.assignee is None and works else item


def read_by(item: I, actor: str) -> I:
    """C14: new information stays raised until the holder saw it."""
    return replace(item, new_information=False) if actor == item.holder else item


def start(item: AnyItem, command: Start, _at: datetime) -> Move | None:
    """C3."""
    if item.status is Status.IN_PROGRESS and item.assignee == command.by:
        return None
    item = picked_up(taken_over(item, command), command.by)
    return Move(item=read_by(item, command.by))


def assign(item: AnyItem, command: Assign, _at: datetime) -> Move | None:
    """C5; while it waits or is resolved, the owner changes instead."""
    if item.status in {Status.WAIT, Status.RESOLVED}:
        if command.to == item.owner:
            return None
        if not is_person(command.to):
            sentence = say("assignment.person_only", item=item.noun, actor=command.to)
            raise NotAllowed(sentence, rule=Rule.C9, fields=("to",))
        return Move(item=replace(item, owner=command.to), reason=f"owner is now {command.to}")
    if command.to == item.assignee:
        return None
    guard(item, command.to)
    item = replace(given_back(item), assignee=command.to)
    return Move(item=item, reason=f"assigned to {command.to}")


def unassign(item: AnyItem, command: Unassign, _at: datetime) -> Move:
    """C5; while it waits or is resolved, the owner is cleared instead."""
    item = replace(item, queue=command.queue or item.queue)
    if item.status in {Status.WAIT, Status.RESOLVED}:
        return Move(item=replace(item, owner=None), reason="no owner any more")
    return Move(item=given_back(item), reason=f"back in queue {item.queue}")


def set_to_do(item: AnyItem, command: SetToDo, _at: datetime) -> Move | None:
    """C6."""
    if item.status is Status.TO_DO and item.assignee is None:
        return None
    return Move(item=given_back(taken_over(item, command)))


def reject(item: AnyItem, command: Reject, _at: datetime) -> Move:
    """C7."""
    if not is_robot(command.by) or command.by != item.assignee:
        sentence = say("reject.holder_only", item=item.noun, actor=command.by)
        raise Blocked(sentence, rule=Rule.C7)
    return Move(item=replace(given_back(item), robot_rejected=True), reason=command.reason)


def mark_read(item: AnyItem, command: MarkRead, _at: datetime) -> Move:
    """C14."""
    if item.holder is None:
        sentence = say("mark_read.no_holder", item=item.noun, actor=command.by)
        raise NotAllowed(sentence, rule=Rule.C14)
    if command.by != item.holder:
        sentence = say(
            "mark_read.holder_only", item=item.noun, holder=item.holder, actor=command.by
        )
        raise NotAllowed(sentence, rule=Rule.C14)
    return Move(item=read_by(item, command.by))
