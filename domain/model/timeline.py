"""Timeline pages, as the query answers them (contract, reading)."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from domain.base.base_model import StrictModel
from domain.base.values import Status
from domain.model.items import AnyItem, Entry

PAGE_LIMIT = 200
PAGE_BYTES = 160 * 1024
"""Bytes after which a page ends; the server refuses answers over 256 KB."""


class TimelineRequest(StrictModel):
    """Request for entries of the timeline from a revision on."""

    from_revision: int = Field(default=0, ge=0)
    limit: int = Field(default=PAGE_LIMIT, ge=1, le=PAGE_LIMIT)


class TimelineEntry(BaseModel):
    """Entry of the timeline."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    revision: int
    at: datetime
    by: str
    command: str
    before: Status | None = Field(alias="from")
    after: Status = Field(alias="to")
    reason: str | None
    note: str | None
    resolution: bool
    refused: bool
    rule: str | None


class TimelinePage(BaseModel):
    """Page of entries, and the revision to ask for next (null: there are no more)."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    entries: tuple[TimelineEntry, ...]
    next_revision: int | None = Field(serialization_alias="next")
    refused_dropped: int
    """Number of refused entries that were not kept (C16)."""


def timeline_entry(entry: Entry) -> TimelineEntry:
    """Return the entry as outsiders see it."""
    return TimelineEntry(
        revision=entry.revision,
        at=entry.at,
        by=entry.by,
        command=entry.command,
        before=entry.before,
        after=entry.after,
        reason=entry.reason,
        note=entry.note,
        resolution=entry.resolution,
        refused=entry.refused,
        rule=entry.rule,
    )


def entry_size(entry: Entry) -> int:
    """Return the approximate size of an entry in bytes of JSON."""
    return 250 + len((entry.note or "").encode()) + len((entry.reason or "").encode())


def timeline_page(item: AnyItem, from_revision: int = 0, limit: int = PAGE_LIMIT) -> TimelinePage:
    """Return the entries the item carries, oldest first; no revision is split over pages."""
    log = item.log
    carried = sorted((*log.timeline, *log.refused), key=lambda entry: entry.serial)
    lines: list[TimelineEntry] = []
    size, next_revision = 0, None
    for entry in carried:
        if entry.revision < from_revision:
            continue
        is_new = not lines or lines[-1].revision != entry.revision
        if is_new and lines and (len(lines) >= limit or size > PAGE_BYTES):
            next_revision = entry.revision
            break
        lines.append(timeline_entry(entry))
        size += entry_size(entry)
    return TimelinePage(
        entries=tuple(lines), next_revision=next_revision, refused_dropped=log.refused_dropped
    )
