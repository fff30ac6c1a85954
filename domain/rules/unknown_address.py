"""Tickets from mail to an address that no mailbox of the desk has (M2)."""

from datetime import datetime, timedelta

from domain.base.values import SYSTEM, Method
from domain.model.items import AnyItem, Change, Resolution
from domain.model.proposed_changes import ProposedChange, commit
from domain.rules.resolving import resolve_or_close


def close_as_unknown_address(item: AnyItem, address: str, at: datetime) -> Change:
    """Close the Ticket at once, as rejected: unknown address (M2)."""
    end = Resolution(by=SYSTEM, at=at, method=Method.REJECTED_UNKNOWN_ADDRESS)
    closed = resolve_or_close(item, end, window=timedelta(0))
    proposal = ProposedChange(item=closed, reason=f"{address} is no mailbox of this desk")
    return commit(item, proposal, at=at, by=SYSTEM, command="resolve")
