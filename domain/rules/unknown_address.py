"""What becomes of a mail to an address that no mailbox of the desk has (M2)."""

from datetime import datetime, timedelta

from domain.base.values import SYSTEM, Method
from domain.model.items import AnyItem, Change, Resolution
from domain.model.proposed_changes import Move, commit
from domain.rules.resolving import at_rest


def nowhere(item: AnyItem, address: str, at: datetime) -> Change:
    """M2: the Ticket that it started, closed at once as rejected: unknown address."""
    end = Resolution(by=SYSTEM, at=at, method=Method.REJECTED_UNKNOWN_ADDRESS)
    closed = at_rest(item, end, window=timedelta(0))
    move = Move(item=closed, reason=f"{address} is no mailbox of this desk")
    return commit(item, move, at=at, by=SYSTEM, command="resolve")
