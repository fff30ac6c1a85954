"""Due dates in calendar time: the clock as a ledger, colours and words (D1-D5)."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.items import DueClock, Item, Stop
from domain.values import Status

KEPT_STOPS: Final = 50
"""Stops listed in the ledger; older ones are folded into one amount, so that it stays bounded."""


class Colour(StrEnum):
    """D3: how urgent an item looks."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    GREY = "grey"


def clock_is_stopped(item: Item) -> bool:
    """D2: whether the present wait stops the item's due clock."""
    return item.due is not None and bool(item.due.stops) and item.due.stops[-1].until is None


def _stopped(clock: DueClock) -> timedelta:
    return clock.folded + sum(
        (stop.until - stop.since for stop in clock.stops if stop.until is not None), timedelta(0)
    )


def due_at(item: Item) -> datetime | None:
    """When the item is due, counting the stops that are over; None without a rule."""
    if item.due is None:
        return None
    return item.due.since + item.due.rule.within.total + _stopped(item.due)


def at_risk_at(item: Item) -> datetime | None:
    """When the item begins to be at risk; None without a margin."""
    due = due_at(item)
    if due is None or item.due is None or item.due.rule.at_risk is None:
        return None
    return due - item.due.rule.at_risk.total


def turned(clock: DueClock | None, *, stopped: bool, at: datetime) -> DueClock | None:
    """The ledger once the clock stands still or runs from `at` on (D2, C11)."""
    if clock is None:
        return None
    is_stopped = bool(clock.stops) and clock.stops[-1].until is None
    if stopped == is_stopped:
        return clock
    if stopped:
        return _folded(replace(clock, stops=(*clock.stops, Stop(since=at))))
    return replace(clock, stops=(*clock.stops[:-1], replace(clock.stops[-1], until=at)))


def _folded(clock: DueClock) -> DueClock:
    over, kept = clock.stops[:-KEPT_STOPS], clock.stops[-KEPT_STOPS:]
    return (
        replace(clock, folded=_stopped(replace(clock, stops=over)), stops=kept) if over else clock
    )


def is_grey(item: Item) -> bool:
    """D3: no colour and no alarm in Draft, Resolved and Closed, or while the clock stands still."""
    return (
        item.due is None
        or item.status in {Status.DRAFT, Status.RESOLVED, Status.CLOSED}
        or clock_is_stopped(item)
    )


def colour(item: Item, now: datetime) -> Colour:
    """D3: the item's colour at `now`."""
    due = due_at(item)
    if due is None or is_grey(item):
        return Colour.GREY
    if now >= due:
        return Colour.RED
    risk = at_risk_at(item)
    return Colour.AMBER if risk is not None and now >= risk else Colour.GREEN


def due_text(item: Item, *, french: bool = False) -> str | None:
    """D5: the due date in words, or the remaining time while the clock stands still."""
    due = due_at(item)
    if due is None:
        return None
    label = "Échéance : " if french else "Due: "
    if not clock_is_stopped(item) or item.due is None:
        return f"{label}{due:%Y-%m-%d %H:%M} UTC"
    remaining = due - item.due.stops[-1].since
    amount = _amount(abs(remaining), minutes="min" if french else "m", days="j" if french else "d")
    if french:
        side = "après" if remaining < timedelta(0) else "avant"
        return f"{label}en pause {amount} {side} l'échéance"
    side = "after overdue" if remaining < timedelta(0) else "before due"
    return f"{label}paused {amount} {side}"


def _amount(span: timedelta, *, minutes: str, days: str) -> str:
    whole = int(span.total_seconds()) // 60
    parts = (
        (whole // 1440, days),
        (whole // 60 % 24, "h"),
        (whole % 60, minutes),
    )
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or f"0 {minutes}"
