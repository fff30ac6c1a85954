"""Items and their news, made by hand: any state, however it came about."""

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
MORNING = datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """So many minutes after the morning."""
    return MORNING + timedelta(minutes=minutes)


def common(reference: str, **fields: object) -> dict[str, Any]:
    """What every item needs, and what this one has instead."""
    return {
        "reference": reference,
        "run": f"run-of-{reference}",
        "title": f"About {reference}",
        "queue": "accounts",
        "started_by": StartedBy.SERVICE,
        "created_by": "service:erp",
        "started_at": MORNING,
        "submitted_at": MORNING,
        "changed_at": MORNING,
        "status": Status.TO_DO,
        "serial": 1,
        "revision": 1,
    } | fields


def ticket(reference: str = "T-1", **fields: object) -> Ticket:
    """A Ticket, To Do in its queue."""
    return Ticket(**common(reference, **fields))


def case(reference: str = "C-1", **fields: object) -> Case:
    """A Case, To Do in its queue."""
    return Case(**common(reference, **fields))


def action(reference: str = "C-1-A1", **fields: object) -> Action:
    """An Action of Case C-1, To Do in its queue."""
    belonging = {"case": "C-1", "case_run": "run-of-C-1", "key": "scan", "copy_number": 1}
    return Action(**common(reference, **(belonging | fields)))


def due(moment: datetime, at_risk: timedelta | None = None) -> DueClock:
    """A clock that is due then, and at risk so long before."""
    margin = None if at_risk is None else Span(days=0, clock=at_risk)
    rule = DueRule(within=Span(days=1, clock=timedelta(0)), at_risk=margin)
    return DueClock(rule=rule, since=moment - timedelta(days=1))


def entry(item: AnyItem, **fields: object) -> Entry:
    """The entry that brought the item where it is."""
    told: dict[str, Any] = {
        "serial": item.serial,
        "revision": item.revision,
        "at": item.changed_at,
        "by": "amy",
        "command": "edit",
        "before": item.status,
        "after": item.status,
    }
    return Entry(**(told | fields))


def news(
    item: AnyItem,
    *,
    entries: tuple[Entry, ...] | None = None,
    notes: tuple[Note, ...] = (),
    mails: tuple[Mail, ...] = (),
) -> Publication:
    """The publication of one change."""
    told = (entry(item),) if entries is None else entries
    return publication_of([Change(item=item, entries=told, notes=notes, mails=mails)])


def later(item: AnyKind, minutes: float = 1, **fields: object) -> AnyKind:
    """The same item after one more change."""
    moved: dict[str, Any] = {
        "serial": item.serial + 1,
        "revision": item.revision + 1,
        "changed_at": item.changed_at + timedelta(minutes=minutes),
    }
    return replace(item, **(moved | fields))


def written(put: Callable[[Publication], Any], *publications: Publication) -> None:
    """Put them one after the other and wait until all are committed."""
    for waiting in [put(publication) for publication in publications]:
        waiting.result(timeout=30)
