"""Items in any state, and publications of them, made without the domain's rules."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from domain.base.durations import Span
from domain.base.values import StartedBy, Status
from domain.model.definitions import DueRule
from domain.model.due_clock import DueClock
from domain.model.items import Action, AnyItem, Case, Change, Entry, Mail, Note, Ticket
from domain.model.publications import Publication, publication_of

AnyKind = TypeVar("AnyKind", Ticket, Case, Action)
START_TIME = datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """Return the instant this many minutes after `START_TIME`."""
    return START_TIME + timedelta(minutes=minutes)


def item_fields(reference: str, **fields: object) -> dict[str, Any]:
    """Return the fields that every item needs, overridden by `fields`."""
    return {
        "reference": reference,
        "run": f"run-of-{reference}",
        "title": f"About {reference}",
        "queue": "accounts",
        "started_by": StartedBy.SERVICE,
        "created_by": "service:erp",
        "started_at": START_TIME,
        "submitted_at": START_TIME,
        "changed_at": START_TIME,
        "status": Status.TO_DO,
        "serial": 1,
        "revision": 1,
    } | fields


def ticket(reference: str = "T-1", **fields: object) -> Ticket:
    """Return a Ticket, To Do in its queue."""
    return Ticket(**item_fields(reference, **fields))


def case(reference: str = "C-1", **fields: object) -> Case:
    """Return a Case, To Do in its queue."""
    return Case(**item_fields(reference, **fields))


def action(reference: str = "C-1-A1", **fields: object) -> Action:
    """Return an Action of Case C-1, To Do in its queue."""
    belonging = {"case": "C-1", "case_run": "run-of-C-1", "key": "scan", "copy_number": 1}
    return Action(**item_fields(reference, **(belonging | fields)))


def make_due_clock(moment: datetime, at_risk: timedelta | None = None) -> DueClock:
    """Return a clock that is due at this moment, and at risk for the time before."""
    margin = None if at_risk is None else Span(days=0, clock=at_risk)
    rule = DueRule(within=Span(days=1, clock=timedelta(0)), at_risk=margin)
    return DueClock(rule=rule, since=moment - timedelta(days=1))


def entry(item: AnyItem, **fields: object) -> Entry:
    """Return the entry of the item's last change."""
    values: dict[str, Any] = {
        "serial": item.serial,
        "revision": item.revision,
        "at": item.changed_at,
        "by": "amy",
        "command": "edit",
        "before": item.status,
        "after": item.status,
    }
    return Entry(**(values | fields))


def make_publication(
    item: AnyItem,
    *,
    entries: tuple[Entry, ...] | None = None,
    notes: tuple[Note, ...] = (),
    mails: tuple[Mail, ...] = (),
) -> Publication:
    """Return the publication of one change."""
    published = (entry(item),) if entries is None else entries
    return publication_of([Change(item=item, entries=published, notes=notes, mails=mails)])


def next_version(item: AnyKind, minutes: float = 1, **fields: object) -> AnyKind:
    """Return the same item after one more change."""
    values: dict[str, Any] = {
        "serial": item.serial + 1,
        "revision": item.revision + 1,
        "changed_at": item.changed_at + timedelta(minutes=minutes),
    }
    return replace(item, **(values | fields))


def write_all(put: Callable[[Publication], Any], *publications: Publication) -> None:
    """Put publications one after the other, and wait until all are committed."""
    for waiting in [put(publication) for publication in publications]:
        waiting.result(timeout=30)
