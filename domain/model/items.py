"""The item: one frozen value that holds all that a rule needs and all that outlives a run."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from domain.base.sentences import Sentence, noun_of
from domain.base.values import (
    FreeJson,
    Kind,
    Method,
    Outcome,
    Performer,
    StartedBy,
    Status,
    Ticked,
    WaitType,
    is_person,
)
from domain.model.action_kinds import Work
from domain.model.calendars import WorkingCalendar
from domain.model.definitions import ActionDefinition, CaseDefinition, Settings
from domain.model.due_clock import DueClock
from domain.model.effects import Effect
from domain.model.starts import Contact, Link, Waiter

OPEN_TO_WORK: Final = (Status.TO_DO, Status.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What the item waits for, and when the wait is over by itself."""

    type: WaitType
    wakes_at: datetime | None = None
    days_to_wait: float | None = None
    close_if_no_response: bool = False
    waiting_for: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How it ended: a Ticket by method, a Case or an Action by outcome."""

    by: str
    at: datetime
    method: Method | None = None
    outcome: Outcome | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstResolution:
    """T12: who resolved it first, and when; never overwritten."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Q3: until when the robot that has the item may keep it without a word."""

    token: str
    """What the robot's commands may carry; no lease of any item had it before."""
    since: datetime
    """When it was given, or last renewed."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """C16: one line of the timeline; a refused signal's has the revision it found."""

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
    """Whether this entry is the evidence of the resolution (T9)."""
    rule: str | None = None
    refused: bool = False
    mail: str | None = None
    """The mail that came in, by its name in the store (M6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What the item remembers of what it was told; the store has all of it."""

    timeline: tuple[Entry, ...] = ()
    refused: tuple[Entry, ...] = ()
    refused_dropped: int = 0
    seen: dict[str, str] = field(default_factory=dict)
    """Digest of a command id to digest of its content, and what refused it, if anything (C17)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """An item that this one started and waits for."""

    reference: str
    title: str
    how: str | None = None
    """How it ended; None while it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What the three kinds have in common."""

    kind: ClassVar[Kind]

    reference: str
    run: str
    """Temporal's id of the first run; tells an item from a stranger of the same reference."""
    title: str
    description: str = ""
    """Its own text, or the beginning of one that is too long to be carried."""
    description_kept: bool = False
    """Whether the store has the whole of a longer description."""
    category: str | None = None
    queue: str
    queue_chosen: bool = False
    """Whether somebody named the queue; else the catalog's applies at submit."""
    primary_contact: Contact | None = None
    requester: Contact | None = None
    links: tuple[Link, ...] = ()
    settings: Settings = field(default_factory=Settings)
    calendar: WorkingCalendar | None = None
    """The one that the settings name, as it was at submit: for days to wait and the window."""
    started_by: StartedBy
    created_by: str
    started_at: datetime
    submitted_at: datetime | None = None
    changed_at: datetime

    status: Status
    revision: int = 0
    serial: int = 0
    """Entries written so far, refused ones included."""
    assignee: str | None = None
    owner: str | None = None
    wait: Wait | None = None
    resolution: Resolution | None = None
    first_resolution: FirstResolution | None = None
    closes_at: datetime | None = None
    cancelled: bool = False
    new_information: bool = False
    robot_rejected: bool = False
    evidence: bool = False
    """T9: a resolution note since it was submitted or last became To Do."""
    evidence_mails: tuple[str, ...] = ()
    """T9: the keys of resolution mails since then, but for those that failed."""
    thread: tuple[str, ...] = ()
    """M5: the mails of the item, in order: keys of those sent, Message-IDs of those received."""
    due: DueClock | None = None
    lease: Lease | None = None
    lost: int = 0
    """Leases that robots lost since one was last marked robot-rejected for it."""

    log: Log = field(default_factory=Log)
    outbox: tuple[Effect, ...] = ()
    waiter: Waiter | None = None
    """Who is told of the end of this item: a Ticket it is a part of, say (T14, T15, K12)."""
    awaited: tuple[Awaited, ...] = ()
    """What this one waits for: parts of its split, the Case it launched, sub-Cases."""

    @property
    def holder(self) -> str | None:
        """C14: the assignee, else the owner."""
        return self.assignee or self.owner

    @property
    def noun(self) -> Sentence:
        """How a sentence names it: `ticket T-7F3K9Q2D`."""
        return noun_of(self.kind, self.reference)

    @property
    def has_evidence(self) -> bool:
        """T9: a resolution note, or a resolution mail that did not fail."""
        return self.evidence or bool(self.evidence_mails)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """T16: what a Ticket has asked, until it is answered."""

    ask: str
    into: str
    by: str
    command_id: str | None = None
    takes_over: bool = False
    """C8: whether it is in the hands of who asked, whoever has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(Item):
    """A request from a service recipient, answered by one person at a time."""

    kind: ClassVar = Kind.TICKET

    merging: Merging | None = None
    asked: int = 0
    """How often it asked to be merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCopy:
    """One start of an Action, as its Case knows it; a rework or restart makes another copy."""

    key: str
    reference: str
    copy_number: int
    step: int
    title: str
    status: Status = Status.TO_DO
    outcome: Outcome | None = None
    accepted: bool = False
    """K9: ended without being done, and accepted as such."""
    replaced: bool = False
    """K10: a rework left it behind; its step does not look at it any more."""
    ad_hoc: ActionDefinition | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.outcome is None

    @property
    def is_done(self) -> bool:
        """K4: ended complete, or accepted as not done."""
        return self.outcome is Outcome.COMPLETE or self.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """K7: why a Case needs attention; no Action where a step could not be started."""

    action: str | None
    reason: str
    condition: str | None = None
    """The key of the Action whose condition could not be evaluated."""


NOT_BEGUN: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Item):
    """A piece of work with a flow."""

    kind: ClassVar = Kind.CASE

    definition: CaseDefinition | None = None
    definition_name: str | None = None
    """The name given at the start; the definition itself is pinned at submit (K2)."""
    calendars: tuple[WorkingCalendar, ...] = ()
    """Those that the due rules of its Actions name, as they were when the Case heard of them."""
    data: FreeJson = field(default_factory=dict)
    position: int = NOT_BEGUN
    """Index of the step under way; the number of steps once the flow has ended."""
    actions: tuple[ActionCopy, ...] = ()
    attention: tuple[Attention, ...] = ()
    waived: tuple[str, ...] = ()
    """K9: keys of Actions that are not done if their condition still fails, accepted as such."""

    @property
    def steps(self) -> int:
        """How many steps its flow has."""
        return len(self.definition.steps) if self.definition else 0

    @property
    def flow_ended(self) -> bool:
        """K4: whether no step is under way or to come."""
        return self.position >= self.steps

    @property
    def open_actions(self) -> tuple[ActionCopy, ...]:
        """The copies that have not ended."""
        return tuple(copy for copy in self.actions if copy.is_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A7: a question of a checklist, and its answer so far."""

    key: str
    text: str
    answer: Ticked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Item):
    """One task of a Case, done by a human or a robot."""

    kind: ClassVar = Kind.ACTION

    case: str
    case_run: str
    key: str
    copy_number: int
    performer: Performer = Performer.ANY
    peer_review: bool = False
    in_review: bool = False
    performed_by: str | None = None
    """A6: who completed it, so that somebody else reviews it."""
    checklist: tuple[Line, ...] = ()
    work: Work | None = None
    """A8: what it does by itself; None: it is done by hand."""
    work_key: str | None = None
    """The effect whose end is the end of its work, unless it waits for sub-Cases."""
    replied: bool = False
    """Whether a mail came in that may be the reply it waits for."""
    data: FreeJson = field(default_factory=dict)
    """The Case's, where its work needs it."""


AnyItem = Ticket | Case | Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text at full length, for the store: a submission, a note, a resolution or a comment."""

    serial: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to be sent, for the store; `key` is that of the effect that sends it.

    `accounts` are people of the desk, whose addresses the mailroom knows.
    """

    key: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    resolution: bool = False
    template: str = ""
    """What it is written by (`Template`); empty: as it is."""
    language: str = ""
    """Of its reader, where that is known."""
    about: str = ""
    """The item's title when it was written."""
    thread: tuple[str, ...] = ()
    """The mails before it: keys of those sent, Message-IDs of those received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a command or a deadline led to: the item after it, and what the store has to keep."""

    item: AnyItem
    entries: tuple[Entry, ...] = ()
    notes: tuple[Note, ...] = ()
    mails: tuple[Mail, ...] = ()

    def then(self, later: "Change") -> "Change":
        """This change and the one after it, as one."""
        return Change(
            item=later.item,
            entries=self.entries + later.entries,
            notes=self.notes + later.notes,
            mails=self.mails + later.mails,
        )


def owner_after(item: Item, actor: str) -> str | None:
    """C9: who owns an item that goes into Wait or Resolved."""
    if isinstance(item, Case) and item.owner is not None:
        return item.owner
    if item.assignee is not None:
        return item.assignee if is_person(item.assignee) else None
    return actor if is_person(actor) else item.owner
