"""What outsiders see of an item: the state of the contract, as a typed value."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from domain.base.values import Kind, Outcome, Performer, StartedBy, Status, Ticked
from domain.model.due_dates import at_risk_at, clock_is_stopped, due_at, due_text
from domain.model.items import Action, AnyItem, Case, Item
from domain.model.starts import Contact, Link


class _Seen(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class WaitState(_Seen):
    """What the item waits for; `until` only for a wait until a moment."""

    type: str
    until: datetime | None
    days_to_wait: float | None
    close_if_no_response: bool
    waiting_for: str | None


class LeaseState(_Seen):
    """Q3: the token for the robot's commands, and until when it may say nothing."""

    token: str
    until: datetime


class ResolutionState(_Seen):
    """How it ended: `method` for Tickets, `outcome` for Cases and Actions."""

    method: str | None
    outcome: str | None
    reason: str | None
    by: str
    at: datetime


class FirstResolutionState(_Seen):
    """T12: who resolved it first, and when."""

    by: str
    at: datetime


class AttentionState(_Seen):
    """K7: the key of the Action that failed (null: a step could not be started), and why."""

    action: str | None
    reason: str


class ActionState(_Seen):
    """One copy of an Action, as far as its Case was told; its own state says more."""

    key: str
    reference: str
    copy_number: int = Field(alias="copy")
    title: str
    status: Status
    outcome: Outcome | None


class State(_Seen):
    """The state of an item: answered by the query `state`, by every update, and as its result."""

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
    """D3: from when on it is amber; null without a margin, and while the clock stands still."""
    clock: str
    due_text: str | None
    closes_at: datetime | None
    wakes_at: datetime | None
    links: tuple[Link, ...]


class AwaitedState(_Seen):
    """An item that this one started and waits for; `ended` is null while it is open."""

    reference: str
    title: str
    ended: str | None


class TicketState(State):
    """The state of a Ticket: also the parts of its split or the Case it launched."""

    awaited: tuple[AwaitedState, ...] = ()

    lease: LeaseState | None = None


class CaseState(State):
    """The state of a Case: also its flow."""

    definition: str | None
    data: dict[str, Any]
    step: str | None
    actions: tuple[ActionState, ...]


class LineState(_Seen):
    """A7: a question of the checklist and its answer, null while there is none."""

    key: str
    text: str
    answer: Ticked | None


class ActionItemState(State):
    """The state of an Action: also its Case."""

    case: str
    case_run: str
    key: str
    copy_number: int = Field(alias="copy")
    in_review: bool
    checklist: tuple[LineState, ...]
    lease: LeaseState | None
    performer: Performer = Performer.ANY
    awaited: tuple[AwaitedState, ...] = ()
    """A8: the Cases that it started, or waits for."""


STATES: Final[Mapping[Kind, type[State]]] = {
    Kind.TICKET: TicketState,
    Kind.CASE: CaseState,
    Kind.ACTION: ActionItemState,
}
"""The state of each kind."""


def _common(item: AnyItem) -> dict[str, Any]:
    wait, end, stopped = item.wait, item.resolution, clock_is_stopped(item)
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
    """The item as outsiders see it (contract, reading)."""
    seen = _common(item)
    if isinstance(item, Case):
        running = 0 <= item.position < item.steps
        seen |= {
            "attention": tuple(
                AttentionState(action=a.action, reason=a.reason) for a in item.attention
            ),
            "definition": item.definition.name if item.definition else item.definition_name,
            "data": item.data,
            "step": item.definition.steps[item.position].key
            if running and item.definition
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
        return CaseState(**seen)
    if isinstance(item, Action):
        seen |= {
            "case": item.case,
            "case_run": item.case_run,
            "key": item.key,
            "copy_number": item.copy_number,
            "in_review": item.in_review,
            "checklist": tuple(
                LineState(key=line.key, text=line.text, answer=line.answer)
                for line in item.checklist
            ),
            "lease": _lease(item),
            "performer": item.performer,
            "awaited": _awaited(item),
        }
        return ActionItemState(**seen)
    return TicketState(**seen, lease=_lease(item), awaited=_awaited(item))


def beatless(state: State) -> State:
    """The state but for what heartbeats move: they leave no entry, so none is published (C16).

    Two states that differ in nothing else are of the same revision, and nothing is wrong.
    """
    if not isinstance(state, TicketState | ActionItemState) or state.lease is None:
        return state
    lease = state.lease.model_copy(update={"until": state.changed_at})
    return state.model_copy(update={"lease": lease})


def _awaited(item: Item) -> tuple[AwaitedState, ...]:
    return tuple(
        AwaitedState(reference=one.reference, title=one.title, ended=one.how)
        for one in item.awaited
    )


def _lease(item: Item) -> LeaseState | None:
    lease = item.lease
    return None if lease is None else LeaseState(token=lease.token, until=lease.until)
