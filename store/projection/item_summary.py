"""Summary of an item: the columns of `item` that lists, change feeds and searches show."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Row

from domain.base.values import Kind, Status
from domain.model.states import ActionItemState, State
from store.schema.tables import item


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSummary:
    """An item as a line of a list shows it; its fields are columns of `item`."""

    reference: str
    kind: Kind
    title: str
    status: Status
    revision: int
    category: str | None
    queue: str
    assignee: str | None
    owner: str | None
    wait: str | None
    """Type of the present wait."""
    resolution: str | None
    """Method or outcome."""
    case_reference: str | None
    """Case of an Action."""
    new_information: bool
    robot_rejected: bool
    attention: bool
    due_at: datetime | None
    due_text: str | None
    wakes_at: datetime | None
    closes_at: datetime | None
    started_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    at_risk_at: datetime | None = None

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return the summary of a state."""
        return cls(**summary_values(state))

    @classmethod
    def from_row(cls, row: Row[Any], skipped: int = 0) -> Self:
        """Return the summary of a row that has `COLUMNS` after some others."""
        return cls.from_mapping(dict(zip(NAMES, row[skipped:], strict=True)))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Return the summary of columns by name, with kind and status as the store has them."""
        typed = {"kind": Kind(values["kind"]), "status": Status(values["status"])}
        return cls(**{**values, **typed})


NAMES: Final = tuple(field.name for field in fields(ItemSummary))
COLUMNS: Final = tuple(item.c[name] for name in NAMES)


def summary_values(state: State) -> dict[str, Any]:
    """Return the fields of a state's summary by name."""
    end = state.resolution
    return {
        "reference": state.reference,
        "kind": state.kind,
        "title": state.title,
        "status": state.status,
        "revision": state.revision,
        "category": state.category,
        "queue": state.queue,
        "assignee": state.assignee,
        "owner": state.owner,
        "wait": state.wait and state.wait.type,
        "resolution": end and (end.method or end.outcome),
        "case_reference": state.case if isinstance(state, ActionItemState) else None,
        "new_information": state.new_information,
        "robot_rejected": state.robot_rejected,
        "attention": bool(state.attention),
        "due_at": state.due_at,
        "due_text": state.due_text,
        "wakes_at": state.wakes_at,
        "closes_at": state.closes_at,
        "started_at": state.started_at,
        "changed_at": state.changed_at,
        # C15: nothing changes it after it was closed
        "closed_at": state.changed_at if state.status is Status.CLOSED else None,
        "at_risk_at": state.at_risk_at,
    }
