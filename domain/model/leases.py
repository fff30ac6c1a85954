"""Leases: how long a robot may keep an item without a word, and what it costs to be silent (Q3)."""

from datetime import datetime
from hashlib import sha256
from typing import Final

from domain.base.fast_replace import replace
from domain.base.refusals import NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import is_robot
from domain.model.commands import Heartbeat
from domain.model.items import OPEN_TO_WORK, AnyItem, Case, Lease

MOST_LOST: Final = 3
"""The lost lease that marks the item robot-rejected."""
KEPT_IN_A_LEASE: Final = 3
"""At most so many heartbeats in the length of a lease are kept."""


def leased(before: AnyItem | None, item: AnyItem, *, at: datetime) -> Lease | None:
    """The lease of an item as a change leaves it, whose next revision is being written.

    A robot that comes to have it is given a new one, one that goes on having it keeps its own, and
    nobody else has any. A Case has none: its Actions are what robots do, and it takes no heartbeat.
    """
    span, robot = item.settings.lease, item.assignee
    if span is None or robot is None or not is_robot(robot):
        return None
    if item.status not in OPEN_TO_WORK or isinstance(item, Case):
        return None
    if before is not None and before.lease is not None and before.assignee == robot:
        return before.lease
    revision = item.revision + 1
    digest = sha256(f"{item.run} {revision}".encode()).hexdigest()[:12]
    return Lease(token=f"L{revision}-{digest}", since=at, until=at + span.total)


def heartbeat(item: AnyItem, command: Heartbeat, at: datetime) -> AnyItem:
    """The item with its lease renewed; one renewed less than a third of it ago stays as it is."""
    lease = item.lease
    if lease is None:
        sentence = say("lease.none", item=item.noun, actor=command.by)
        raise NotAllowed(sentence, rule=Rule.Q3)
    if command.by != item.assignee:
        sentence = say(
            "lease.of_another", item=item.noun, assignee=str(item.assignee), actor=command.by
        )
        raise NotAllowed(sentence, rule=Rule.Q3, fields=("by",))
    length = lease.until - lease.since
    if at - lease.since < length / KEPT_IN_A_LEASE:
        return item
    return replace(item, lease=replace(lease, since=at, until=at + length))


def lost(item: AnyItem) -> AnyItem:
    """The item after one more lost lease; the third marks it robot-rejected."""
    count = item.lost + 1
    if count < MOST_LOST:
        return replace(item, lost=count)
    return replace(item, lost=0, robot_rejected=True)
