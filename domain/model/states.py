"""States: what outsiders read of an item (contract, reading)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.base.values import ChecklistAnswer, Kind, Outcome, Performer, StartedBy, Status
from domain.model.due_dates import at_risk_at, due_at, due_text, is_clock_stopped
from domain.model.items import Action, AnyItem, Case, Item
from domain.model.starts import Contact, Link


class _StateModel(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class WaitState(_StateModel):
    """Current wait; `until` only for a wait until a moment."""

    type: str
    until: datetime | None
    days_to_wait: float | None
    close_if_no_response: bool
    waiting_for: str | None


class LeaseState(_StateModel):
    """Lease: the token for the robot's commands, and the end without a heartbeat (Q3)."""

    token: str
    until: datetime


class ResolutionState(_StateModel):
    """Resolution: `method` for Tickets, `outcome` for Cases and Actions."""

    method: str | None
    outcome: str | None
    reason: str | None
    by: str
    at: datetime


class FirstResolutionState(_StateModel):
    """First resolution: by whom and when (T12)."""

    by: str
    at: datetime


class AttentionState(_StateModel):
    """Reason for attention: the failed Action's key, or null for a step, and a text (K7)."""

    action: str | None
    reason: str


class ActionState(_StateModel):
    """Copy of an Action as its Case knows it; the Action's own state says more."""

    key: str
    reference: str
    copy_number: int = Field(alias="copy")
    title: str
    status: Status
    outcome: Outcome | None


class State(_StateModel):
    """State of an item: answer of the query `state` and of every update, and the result."""

    reference: str
    kind: Kind
    run: str
    title: str
    description: str
    category: str | None
    queue: str
    primary_contact: Contact | None
    requester: Contact | None
    started_by: StartedBy
    created_by: str
    started_at: datetime
    submitted_at: datetime | None
    changed_at: datetime
    status: Status
    revision: int
    assignee: str | None
    owner: str | None
    wait: WaitState | None
    resolution: ResolutionState | None
    first_resolution: FirstResolutionState | None
    cancelled: bool
    new_information: bool
    robot_rejected: bool
    attention: tuple[AttentionState, ...]
    due_at: datetime | None
    at_risk_at: datetime | None = None
    """Begin of at risk; null without a margin, and while the clock is stopped (D3)."""
    clock: str
    due_text: str | None
    closes_at: datetime | None
    wakes_at: datetime | None
    links: tuple[Link, ...]


class AwaitedState(_StateModel):
    """Item that this one started and waits for; `ended` is null while it is open."""

    reference: str
    title: str
    ended: str | None


class TicketState(State):
    """State of a Ticket: also the parts of its split or the Case it launched."""

    awaited: tuple[AwaitedState, ...] = ()
    lease: LeaseState | None = None


class CaseState(State):
    """State of a Case: also its flow."""

    definition: str | None
    data: dict[str, Any]
    step: str | None
    actions: tuple[ActionState, ...]


class ChecklistLineState(_StateModel):
    """Question of the checklist, with its answer or null (A7)."""

    key: str
    text: str
    answer: ChecklistAnswer | None


class ActionItemState(State):
    """State of an Action: also its Case."""

    case: str
    case_run: str
    key: str
    copy_number: int = Field(alias="copy")
    in_review: bool
    checklist: tuple[ChecklistLineState, ...]
    lease: LeaseState | None
    performer: Performer = Performer.ANY
    awaited: tuple[AwaitedState, ...] = ()
    """Cases that the Action started, or waits for (A8)."""


STATES: Final[Mapping[Kind, type[State]]] = {
    Kind.TICKET: TicketState,
    Kind.CASE: CaseState,
    Kind.ACTION: ActionItemState,
}
"""State class of each kind."""


def _common_fields(item: AnyItem) -> dict[str, Any]:
    wait, end, stopped = item.wait, item.resolution, is_clock_stopped(item)
    return {
        "reference": item.reference,
        "kind": item.kind,
        "run": item.run,
        "title": item.title,
        "description": item.description,
        "category": item.category,
        "queue": item.queue,
        "primary_contact": item.primary_contact,
        "requester": item.requester,
        "started_by": item.started_by,
        "created_by": item.created_by,
        "started_at": item.started_at,
        "submitted_at": item.submitted_at,
        "changed_at": item.changed_at,
        "status": item.status,
        "revision": item.revision,
        "assignee": item.assignee,
        "owner": item.owner,
        "wait": wait
        and WaitState(
            type=wait.type,
            until=wait.wakes_at if wait.days_to_wait is None else None,
            days_to_wait=wait.days_to_wait,
            close_if_no_response=wait.close_if_no_response,
            waiting_for=wait.waiting_for,
        ),
        "resolution": end
        and ResolutionState(
            method=end.method, outcome=end.outcome, reason=end.reason, by=end.by, at=end.at
        ),
        "first_resolution": item.first_resolution
        and FirstResolutionState(by=item.first_resolution.by, at=item.first_resolution.at),
        "cancelled": item.cancelled,
        "new_information": item.new_information,
        "robot_rejected": item.robot_rejected,
        "attention": (),
        "due_at": None if stopped else due_at(item),
        "at_risk_at": None if stopped else at_risk_at(item),
        "clock": "stopped" if stopped else "running",
        "due_text": due_text(item),
        "closes_at": item.closes_at,
        "wakes_at": wait and wait.wakes_at,
        "links": item.links,
    }


def state_of(item: AnyItem) -> State:
    """Return the state of an item (contract, reading)."""
    fields = _common_fields(item)
    if isinstance(item, Case):
        is_running = 0 <= item.position < item.step_count
        fields |= {
            "attention": tuple(
                AttentionState(action=a.action, reason=a.reason) for a in item.attention
            ),
            "definition": item.definition.name if item.definition else item.definition_name,
            "data": item.data,
            "step": item.definition.steps[item.position].key
            if is_running and item.definition
            else None,
            "actions": tuple(
                ActionState(
                    key=copy.key,
                    reference=copy.reference,
                    copy_number=copy.copy_number,
                    title=copy.title,
                    status=copy.status,
                    outcome=copy.outcome,
                )
                for copy in item.actions
            ),
        }
        return CaseState(**fields)
    if isinstance(item, Action):
        fields |= {
            "case": item.case,
            "case_run": item.case_run,
            "key": item.key,
            "copy_number": item.copy_number,
            "in_review": item.in_review,
            "checklist": tuple(
                ChecklistLineState(key=line.key, text=line.text, answer=line.answer)
                for line in item.checklist
            ),
            "lease": _lease_state(item),
            "performer": item.performer,
            "awaited": _awaited_states(item),
        }
        return ActionItemState(**fields)
    return TicketState(**fields, lease=_lease_state(item), awaited=_awaited_states(item))


def without_heartbeats(state: State) -> State:
    """Return the state without the part that heartbeats change, as they publish nothing (C16).

    Two states that differ in nothing else have the same revision.
    """
    if not isinstance(state, TicketState | ActionItemState) or state.lease is None:
        return state
    lease = state.lease.model_copy(update={"until": state.changed_at})
    return state.model_copy(update={"lease": lease})


def _awaited_states(item: Item) -> tuple[AwaitedState, ...]:
    return tuple(
        AwaitedState(reference=awaited.reference, title=awaited.title, ended=awaited.how)
        for awaited in item.awaited
    )


def _lease_state(item: Item) -> LeaseState | None:
    lease = item.lease
    return None if lease is None else LeaseState(token=lease.token, until=lease.until)
