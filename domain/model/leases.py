"""Leases: how long a robot keeps an item without a heartbeat (Q3)."""

from datetime import datetime
from hashlib import sha256
from typing import Final

from domain.base.fast_replace import replace
from domain.base.refusals import NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import is_robot
from domain.model.commands import Heartbeat
from domain.model.items import ACTIVE_STATUSES, AnyItem, Case, Lease

MAX_LOST_LEASES: Final = 3
"""Number of lost leases after which the item is robot-rejected."""
MAX_HEARTBEATS_PER_LEASE: Final = 3
"""Heartbeats that renew a lease within its length, at most."""


def lease_after(before: AnyItem | None, item: AnyItem, *, at: datetime) -> Lease | None:
    """Return the lease of an item after a change, before the change is numbered.

    A robot that gets the item has a new lease, a robot that keeps it has the old one, and nobody
    else has any. A Case has none: robots do its Actions, and it takes no heartbeat.
    """
    duration, robot = item.settings.lease, item.assignee
    if duration is None or robot is None or not is_robot(robot):
        return None
    if item.status not in ACTIVE_STATUSES or isinstance(item, Case):
        return None
    if before is not None and before.lease is not None and before.assignee == robot:
        return before.lease
    revision = item.revision + 1
    digest = sha256(f"{item.run} {revision}".encode()).hexdigest()[:12]
    return Lease(token=f"L{revision}-{digest}", since=at, until=at + duration.total)


def renew_lease(item: AnyItem, command: Heartbeat, at: datetime) -> AnyItem:
    """Renew the item's lease, unless less than a third of it has passed."""
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
    if at - lease.since < length / MAX_HEARTBEATS_PER_LEASE:
        return item
    return replace(item, lease=replace(lease, since=at, until=at + length))


def count_lost_lease(item: AnyItem) -> AnyItem:
    """Count one more lost lease; the third one marks the item robot-rejected."""
    count = item.lost + 1
    if count < MAX_LOST_LEASES:
        return replace(item, lost=count)
    return replace(item, lost=0, robot_rejected=True)
