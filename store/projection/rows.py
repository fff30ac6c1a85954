"""Conversion of publications to rows, and of rows back to items."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from domain.base.values import Kind, Performer
from domain.model.items import Entry, Mail, Note
from domain.model.publications import Publication
from domain.model.states import STATES, ActionItemState, State
from store.projection.item_summary import summary_values
from store.schema.tables import HEADING, MailStatus

END_OF_TIME: Final = datetime(9999, 12, 31, tzinfo=UTC)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVersion:
    """Version of an item's row: the combination of run, serial and time is unique."""

    run: str
    serial: int
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredItem:
    """State of an item in the store, with the version of its row."""

    version: RowVersion
    state: State


def stored_item_of(row: Row) -> StoredItem:
    """Return the item of a row with the columns kind, run, serial, written_at and state."""
    version = RowVersion(run=row["run"], serial=row["serial"], written_at=row["written_at"])
    return StoredItem(version=version, state=STATES[Kind(row["kind"])].model_validate(row["state"]))


def item_row(publication: Publication, *, writer: str, at: datetime) -> Row:
    """Return the row of `item`: the summary, and the columns that no list shows."""
    state = publication.state
    action = state if isinstance(state, ActionItemState) else None
    return summary_values(state) | {
        "kind": state.kind.value,
        "status": state.status.value,
        "run": state.run,
        "serial": publication.serial,
        "case_run": action and action.case_run,
        "for_robots": not state.robot_rejected and not (action and _is_for_people(action)),
        "due_order": state.due_at or END_OF_TIME,
        "state": state,
        "writer": writer,
        "written_at": at,
    }


def _is_for_people(action: ActionItemState) -> bool:
    """Return True if no robot may work on the Action now (C7, A6)."""
    return action.performer is Performer.HUMAN or action.in_review


def version_row(publication: Publication) -> Row:
    """Return the columns that identify a publication of an item."""
    state = publication.state
    return {"reference": state.reference, "run": state.run, "serial": publication.serial}


def heading_row(publication: Publication) -> Row:
    """Return the note that search reads for an item: its reference, title and description."""
    state = publication.state
    text = f"{state.reference}\n{state.title}\n{state.description}"
    return version_row(publication) | {"kind": HEADING, "text": text}


def link_rows(publication: Publication) -> list[Row]:
    """Return the rows of `link`."""
    version = version_row(publication)
    return [
        version | {"kind": link.kind, "target": link.reference} for link in publication.state.links
    ]


def entry_rows(publication: Publication) -> list[Row]:
    """Return the rows of `entry`."""
    state = publication.state
    return [
        {
            **_fields(entry),
            "reference": state.reference,
            "run": state.run,
            "before": entry.before and entry.before.value,
            "after": entry.after.value,
        }
        for entry in publication.entries
    ]


def note_rows(publication: Publication) -> list[Row]:
    """Return the rows of `note`."""
    state = publication.state
    return [
        {"reference": state.reference, "run": state.run, **_fields(note)}
        for note in publication.notes
    ]


def mail_rows(publication: Publication, *, at: datetime) -> list[Row]:
    """Return the rows of `mail_out`."""
    return [
        {
            **version_row(publication),
            **_fields(mail),
            "status": MailStatus.QUEUED.value,
            "queued_at": at,
        }
        for mail in publication.mails
    ]


def _fields(value: Entry | Note | Mail) -> Row:
    # asdict copies deeply: with it, writing a publication took 1.7 times the CPU
    return {field.name: getattr(value, field.name) for field in fields(value)}
