"""Between publications and rows: what is written of an item, and what is read back."""

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
    """Which writing of an item's row was read: none other has the same three."""

    run: str
    serial: int
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An item as the store has it, and which writing of its row that is."""

    version: RowVersion
    state: State


def kept_of(row: Row) -> Kept:
    """What a row of `item` with kind, run, serial, written_at and state says."""
    version = RowVersion(run=row["run"], serial=row["serial"], written_at=row["written_at"])
    return Kept(version=version, state=STATES[Kind(row["kind"])].model_validate(row["state"]))


def item_row(publication: Publication, *, writer: str, at: datetime) -> Row:
    """Return the row of `item`: the summary, and the columns that no list shows."""
    state = publication.state
    of_case = state if isinstance(state, ActionItemState) else None
    return summary_values(state) | {
        "kind": state.kind.value,
        "status": state.status.value,
        "run": state.run,
        "serial": publication.serial,
        "case_run": of_case and of_case.case_run,
        "for_robots": not state.robot_rejected and not (of_case and _is_for_people(of_case)),
        "due_order": state.due_at or END_OF_TIME,
        "state": state,
        "writer": writer,
        "written_at": at,
    }


def _is_for_people(action: ActionItemState) -> bool:
    """C7, A6: whether no robot may work on this Action as it is now."""
    return action.performer is Performer.HUMAN or action.in_review


def version_row(publication: Publication) -> Row:
    """What tells whether this publication is the one that the item's row holds."""
    state = publication.state
    return {"reference": state.reference, "run": state.run, "serial": publication.serial}


def heading_row(publication: Publication) -> Row:
    """The note by which an item is found: its reference, title and description."""
    state = publication.state
    text = f"{state.reference}\n{state.title}\n{state.description}"
    return version_row(publication) | {"kind": HEADING, "text": text}


def link_rows(publication: Publication) -> list[Row]:
    """The rows of `link`."""
    version = version_row(publication)
    return [
        version | {"kind": link.kind, "target": link.reference} for link in publication.state.links
    ]


def entry_rows(publication: Publication) -> list[Row]:
    """The rows of `entry`."""
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
    """The rows of `note`."""
    state = publication.state
    return [
        {"reference": state.reference, "run": state.run, **_fields(note)}
        for note in publication.notes
    ]


def mail_rows(publication: Publication, *, at: datetime) -> list[Row]:
    """The rows of `mail_out`."""
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
