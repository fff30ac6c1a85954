"""Item: one frozen value with everything that rules need and that outlives a run."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from domain.base.sentences import Sentence, noun_of
from domain.base.values import (
    ChecklistAnswer,
    FreeJson,
    Kind,
    Method,
    Outcome,
    Performer,
    StartedBy,
    Status,
    WaitType,
    is_person,
)
from domain.model.action_kinds import Work
from domain.model.calendars import WorkingCalendar
from domain.model.definitions import ActionDefinition, CaseDefinition, ItemSettings
from domain.model.due_clock import DueClock
from domain.model.effects import Effect
from domain.model.starts import Contact, Link, Waiter

ACTIVE_STATUSES: Final = (Status.TO_DO, Status.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentWait:
    """Current wait of an item, and when it ends by itself."""

    type: WaitType
    wakes_at: datetime | None = None
    days_to_wait: float | None = None
    close_if_no_response: bool = False
    waiting_for: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """End of an item: a Ticket has a method, a Case or an Action an outcome."""

    by: str
    at: datetime
    method: Method | None = None
    outcome: Outcome | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstResolution:
    """First resolution: by whom and when; never overwritten (T12)."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Lease of the robot that has the item, which ends without a heartbeat (Q3)."""

    token: str
    """Token that the robot's commands may carry; unique among all leases of all items."""
    since: datetime
    """Time of the start or the last renewal."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Entry of the timeline; a refused signal's has the current revision (C16)."""

    serial: int
    revision: int
    at: datetime
    by: str
    command: str
    before: Status | None
    after: Status
    reason: str | None = None
    note: str | None = None
    resolution: bool = False
    """True if this entry is the evidence of the resolution (T9)."""
    rule: str | None = None
    refused: bool = False
    mail: str | None = None
    """Name in the store of the mail that came in (M6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Log that the item carries: a bounded part of what the store has."""

    timeline: tuple[Entry, ...] = ()
    refused: tuple[Entry, ...] = ()
    refused_dropped: int = 0
    seen: dict[str, str] = field(default_factory=dict)
    """Digest of a command id to digest of its content and, if refused, the refusal (C17)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """Item that this one started and waits for."""

    reference: str
    title: str
    how: str | None = None
    """Method or outcome of its end; None while it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Fields that the three kinds have in common."""

    kind: ClassVar[Kind]

    reference: str
    run: str
    """Temporal's id of the first run; differs between two items of the same reference."""
    title: str
    description: str = ""
    """Description, or its beginning if it is too long to be carried."""
    description_kept: bool = False
    """True if the store has the whole of a longer description."""
    category: str | None = None
    queue: str
    queue_chosen: bool = False
    """True if somebody named the queue; else the catalog's queue applies at submit."""
    primary_contact: Contact | None = None
    requester: Contact | None = None
    links: tuple[Link, ...] = ()
    settings: ItemSettings = field(default_factory=ItemSettings)
    calendar: WorkingCalendar | None = None
    """Calendar that the settings name, as of submit: for days to wait and the window."""
    started_by: StartedBy
    created_by: str
    started_at: datetime
    submitted_at: datetime | None = None
    changed_at: datetime

    status: Status
    revision: int = 0
    serial: int = 0
    """Number of entries so far, refused ones included."""
    assignee: str | None = None
    owner: str | None = None
    wait: CurrentWait | None = None
    resolution: Resolution | None = None
    first_resolution: FirstResolution | None = None
    closes_at: datetime | None = None
    cancelled: bool = False
    new_information: bool = False
    robot_rejected: bool = False
    evidence: bool = False
    """True if there is a resolution note since submit or the last To Do (T9)."""
    evidence_mails: tuple[str, ...] = ()
    """Keys of resolution mails since then, without failed ones (T9)."""
    thread: tuple[str, ...] = ()
    """Mails in order: keys of sent ones, Message-IDs of received ones (M5)."""
    due: DueClock | None = None
    lease: Lease | None = None
    lost: int = 0
    """Number of leases lost since the item was last marked robot-rejected for that."""

    log: Log = field(default_factory=Log)
    outbox: tuple[Effect, ...] = ()
    waiter: Waiter | None = None
    """Item that waits for this one's end, such as the split Ticket (T14, T15, K12)."""
    awaited: tuple[Awaited, ...] = ()
    """Items that this one waits for: parts of a split, a launched Case, sub-Cases."""

    @property
    def holder(self) -> str | None:
        """Return the holder: the assignee, else the owner (C14)."""
        return self.assignee or self.owner

    @property
    def noun(self) -> Sentence:
        """Return the item's name in sentences: `ticket T-7F3K9Q2D`."""
        return noun_of(self.kind, self.reference)

    @property
    def has_evidence(self) -> bool:
        """Return True with a resolution note, or a resolution mail that did not fail (T9)."""
        return self.evidence or bool(self.evidence_mails)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """Pending merge request of a Ticket (T16)."""

    ask: str
    into: str
    by: str
    command_id: str | None = None
    takes_over: bool = False
    """True if the merge may proceed although somebody else is the assignee (C8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(Item):
    """Request from a service recipient, answered by one person at a time."""

    kind: ClassVar = Kind.TICKET

    merging: Merging | None = None
    asked: int = 0
    """Number of merge requests so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCopy:
    """One start of an Action, as its Case knows it; rework and restart make further copies."""

    key: str
    reference: str
    copy_number: int
    step: int
    title: str
    status: Status = Status.TO_DO
    outcome: Outcome | None = None
    accepted: bool = False
    """True if the Action is not done, and accepted as such (K9)."""
    replaced: bool = False
    """True after a rework: the step ignores this copy (K10)."""
    ad_hoc: ActionDefinition | None = None

    @property
    def is_open(self) -> bool:
        """Return True if the copy has not ended."""
        return self.outcome is None

    @property
    def is_done(self) -> bool:
        """Return True if the copy is complete, or accepted as not done (K4)."""
        return self.outcome is Outcome.COMPLETE or self.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Reason why a Case needs attention; without Action if a step could not start (K7)."""

    action: str | None
    reason: str
    condition: str | None = None
    """Key of the Action whose condition could not be evaluated."""


NOT_STARTED: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Item):
    """Piece of work with a flow."""

    kind: ClassVar = Kind.CASE

    definition: CaseDefinition | None = None
    definition_name: str | None = None
    """Name given at the start; the definition itself is pinned at submit (K2)."""
    calendars: tuple[WorkingCalendar, ...] = ()
    """Calendars of its Actions' due rules, as of when the Case first used them."""
    data: FreeJson = field(default_factory=dict)
    position: int = NOT_STARTED
    """Index of the current step; the number of steps after the end of the flow."""
    actions: tuple[ActionCopy, ...] = ()
    attention: tuple[Attention, ...] = ()
    waived: tuple[str, ...] = ()
    """Keys of Actions accepted as not done if their condition fails again (K9)."""

    @property
    def step_count(self) -> int:
        """Return the number of steps of the flow."""
        return len(self.definition.steps) if self.definition else 0

    @property
    def is_flow_over(self) -> bool:
        """Return True if no step is under way or to come (K4)."""
        return self.position >= self.step_count

    @property
    def open_actions(self) -> tuple[ActionCopy, ...]:
        """Return the copies that have not ended."""
        return tuple(copy for copy in self.actions if copy.is_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistLine:
    """Question of a checklist, with its answer (A7)."""

    key: str
    text: str
    answer: ChecklistAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Item):
    """Task of a Case, done by a human, a robot or by itself."""

    kind: ClassVar = Kind.ACTION

    case: str
    case_run: str
    key: str
    copy_number: int
    performer: Performer = Performer.ANY
    peer_review: bool = False
    in_review: bool = False
    performed_by: str | None = None
    """Actor who completed it; the reviewer is somebody else (A6)."""
    checklist: tuple[ChecklistLine, ...] = ()
    work: Work | None = None
    """Automatic work; None if the Action is done by hand (A8)."""
    work_key: str | None = None
    """Key of the effect whose end ends the work, except when waiting for sub-Cases."""
    replied: bool = False
    """True if a mail came in that may be the awaited reply."""
    data: FreeJson = field(default_factory=dict)
    """Copy of the Case's data, where the work needs it."""


AnyItem = Ticket | Case | Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Text at full length for the store: a submission, note, resolution or comment."""

    serial: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Outgoing mail, for the store; `key` is the key of the effect that sends it.

    `accounts` are people of the desk; the mailroom knows their addresses.
    """

    key: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    resolution: bool = False
    template: str = ""
    """Name of the `Template`; empty for the body as it is."""
    language: str = ""
    """Language of the reader, if known."""
    about: str = ""
    """Title of the item when the mail was written."""
    thread: tuple[str, ...] = ()
    """Earlier mails: keys of sent ones, Message-IDs of received ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Result of a command or a deadline: the item after it, and what the store keeps."""

    item: AnyItem
    entries: tuple[Entry, ...] = ()
    notes: tuple[Note, ...] = ()
    mails: tuple[Mail, ...] = ()

    def then(self, later: "Change") -> "Change":
        """Return this change and the following one as one change."""
        return Change(
            item=later.item,
            entries=self.entries + later.entries,
            notes=self.notes + later.notes,
            mails=self.mails + later.mails,
        )


def owner_after(item: Item, actor: str) -> str | None:
    """Return the owner of an item that goes into Wait or Resolved (C9)."""
    if isinstance(item, Case) and item.owner is not None:
        return item.owner
    if item.assignee is not None:
        return item.assignee if is_person(item.assignee) else None
    return actor if is_person(actor) else item.owner
