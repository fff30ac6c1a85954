"""The timeline as the query answers it, a page at a time (contract, reading)."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from domain.base.base_model import Defined
from domain.base.values import Status
from domain.model.items import AnyItem, Entry

PAGE_LIMIT = 200
PAGE_BYTES = 160 * 1024
"""A page ends before it grows beyond this; the server refuses answers over 256 KB."""


class TimelineRequest(Defined):
    """What part of the timeline is asked for."""

    from_revision: int = Field(default=0, ge=0)
    limit: int = Field(default=PAGE_LIMIT, ge=1, le=PAGE_LIMIT)


class TimelineEntry(BaseModel):
    """One line of the timeline."""

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
    """Some lines, and the revision to ask from for more (null: there are no more)."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    entries: tuple[TimelineEntry, ...]
    next_revision: int | None = Field(serialization_alias="next")
    refused_dropped: int
    """Refused entries that were counted and not kept (C16)."""


def line_of(entry: Entry) -> TimelineEntry:
    """The entry as outsiders see it."""
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


def size_of(entry: Entry) -> int:
    """About how many bytes of JSON an entry is."""
    return 250 + len((entry.note or "").encode()) + len((entry.reason or "").encode())


def page(item: AnyItem, from_revision: int = 0, limit: int = PAGE_LIMIT) -> TimelinePage:
    """What the item still carries, oldest first; a page ends only between two revisions."""
    log = item.log
    carried = sorted((*log.timeline, *log.refused), key=lambda entry: entry.serial)
    lines: list[TimelineEntry] = []
    size, following = 0, None
    for entry in carried:
        if entry.revision < from_revision:
            continue
        is_new = not lines or lines[-1].revision != entry.revision
        if is_new and lines and (len(lines) >= limit or size > PAGE_BYTES):
            following = entry.revision
            break
        lines.append(line_of(entry))
        size += size_of(entry)
    return TimelinePage(
        entries=tuple(lines), next_revision=following, refused_dropped=log.refused_dropped
    )
