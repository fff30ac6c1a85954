"""Commands, one class each: name, kinds and fields (contract, commands)."""

from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domain.base.base_model import StrictModel
from domain.base.values import (
    Actor,
    Address,
    ChecklistAnswer,
    Instant,
    Kind,
    Method,
    Name,
    Outcome,
    Person,
    Reason,
    StartedBy,
    Text,
    Title,
    Verdict,
    WaitType,
    require_one_line,
)
from domain.model.definitions import ActionRequirements, ItemSettings, SizedCaseDefinition
from domain.model.starts import Contact, Data, Links

MAX_PARTS = 20
"""Parts of a split, at most: all are started in one workflow task."""
T, C, A = Kind.TICKET, Kind.CASE, Kind.ACTION


class Command(StrictModel):
    """Base of commands: the actor, and optionally an id, the revision seen and a lease."""

    name: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]]

    by: Actor
    command_id: Name | None = None
    expected_revision: Annotated[int, Field(ge=0)] | None = None
    lease: Name | None = None

    def __init_subclass__(
        cls, *, name: str = "", kinds: tuple[Kind, ...] = (T, C, A), **_: object
    ) -> None:
        """Register the command's name and the kinds of item that accept it."""
        super().__init_subclass__()
        if name:
            cls.name = name
            cls.kinds = frozenset(kinds)


class TakeOverCommand(Command):
    """Command that may take an item over from its assignee (C8)."""

    take_over: bool = False


def _check_not_blank(value: str) -> str:
    if not value.strip():
        msg = "is blank"
        raise ValueError(msg)
    return value


RequiredReason = Annotated[Reason, AfterValidator(_check_not_blank)]


def _to_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Recipients = Annotated[
    tuple[Address, ...], BeforeValidator(_to_list), Field(strict=False, max_length=50)
]


class Submit(Command, name="submit", kinds=(T, C)):
    """Submit a Draft: it becomes To Do, assigned to nobody."""


class Edit(TakeOverCommand):
    """Change descriptive fields; on a To Do item this picks it up."""

    queue: Name | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """Return the fields that were given, by name."""
        return {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in TakeOverCommand.model_fields and getattr(self, name) is not None
        }

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.changes:
            known = sorted(set(type(self).model_fields) - set(TakeOverCommand.model_fields))
            msg = f"changes nothing; give at least one of: {', '.join(known)}"
            raise ValueError(msg)
        return self


class _EditSubmitted(Edit):
    primary_contact: Contact | None = None
    requester: Contact | None = None
    settings: ItemSettings | None = None
    started_by: StartedBy | None = None
    links: Links | None = None


class EditTicket(_EditSubmitted, name="edit", kinds=(T,)):
    """Change descriptive fields of a Ticket; on a To Do item this picks it up."""

    title: Title | None = None
    description: Text | None = None
    category: Name | None = None


class EditCase(_EditSubmitted, name="edit", kinds=(C,)):
    """Change descriptive fields of a Case; on a To Do item this picks it up."""

    short_description: Title | None = None
    definition: Name | SizedCaseDefinition | None = None
    owner: Person | None = None
    data: Data | None = None


class EditAction(Edit, name="edit", kinds=(A,)):
    """Change descriptive fields of an Action; on a To Do item this picks it up."""

    title: Title | None = None
    primary_contact: Contact | None = None
    requester: Contact | None = None


class Start(TakeOverCommand, name="start"):
    """Begin to work on a To Do item: assigned to the actor, In Progress."""


class Assign(Command, name="assign"):
    """Give the item to somebody; while it waits or is resolved, change its owner."""

    to: Actor


class Unassign(Command, name="unassign"):
    """Give the item back to its queue, or to another one."""

    queue: Name | None = None


class SetToDo(TakeOverCommand, name="set_to_do"):
    """Undo a start by hand: To Do, back in its queue."""


class MarkRead(Command, name="mark_read"):
    """Mark the new information as seen by the holder."""


class Reject(Command, name="reject"):
    """Give back what the robot cannot do; a person has to look at the item first."""

    reason: RequiredReason


ChosenWait = Literal[WaitType.MORE_INFORMATION, WaitType.UNTIL, WaitType.PAUSE]


class Wait(TakeOverCommand, name="wait"):
    """Take the item off active work until an answer, a moment or a person ends the wait."""

    type: ChosenWait
    until: Instant | None = None
    days_to_wait: Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)] | None = None
    close_if_no_response: bool = False
    waiting_for: Name | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _fields_fit_the_type(self) -> Self:
        problems = []
        if self.type is WaitType.UNTIL and self.until is None:
            problems.append("until: a wait until a moment needs the date and time (C10)")
        if self.type is not WaitType.UNTIL and self.until is not None:
            problems.append(f"until: goes with type until, not with {self.type}")
        if self.type is not WaitType.MORE_INFORMATION and self.days_to_wait is not None:
            problems.append(f"days_to_wait: goes with type more_information, not with {self.type}")
        if self.close_if_no_response and self.days_to_wait is None:
            problems.append("close_if_no_response: needs days_to_wait (T5)")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Resume(TakeOverCommand, name="resume"):
    """Choose Wait again: off Wait, In Progress, assigned to the actor."""


class AddNote(Command, name="add_note"):
    """Write a note; it never picks the item up."""

    text: Annotated[Text, AfterValidator(_check_not_blank)]
    resolution: bool = False


class SendEmail(Command, name="send_email"):
    """Send a mail from the item."""

    to: Annotated[Recipients, Field(min_length=1)]
    cc: Recipients = ()
    subject: Title = ""
    body: Text = ""
    resolution: bool = False


class ReceiveEmail(Command, name="receive_email"):
    """Receive a mail for this item; its body is in the store."""

    message_id: Annotated[
        str, Field(min_length=1, max_length=998), AfterValidator(require_one_line)
    ]
    sender: Annotated[Title, Field(min_length=1)]
    recipients: Annotated[
        tuple[Title, ...], BeforeValidator(_to_list), Field(strict=False, max_length=200)
    ] = ()
    subject: Annotated[Text, Field(max_length=998)] = ""
    excerpt: Text = ""
    received_at: Instant | None = None
    automatic: bool = False
    stored_as: Name | None = None


class Feedback(Command, name="feedback", kinds=(T, C)):
    """Record the service recipient's feedback; within the window this reopens."""

    rating: Annotated[int, Field(ge=0, le=100)] | Name | None = None
    comment: Text | None = None
    received_at: Instant | None = None


class Resolve(TakeOverCommand):
    """Resolve the item: the work is done."""

    note: Text | None = None


ChosenMethod = Literal[
    Method.CUSTOMER_RESPONSE,
    Method.NO_CUSTOMER_RESPONSE,
    Method.REJECTED,
    Method.REJECTED_AS_SPAM,
]


class ResolveTicket(Resolve, name="resolve", kinds=(T,)):
    """Resolve a Ticket by a method; spam closes at once."""

    method: ChosenMethod


class ResolveCase(Resolve, name="resolve", kinds=(C,)):
    """Resolve a Case by hand; refused while Actions are open."""


class ResolveAction(Resolve, name="resolve", kinds=(A,)):
    """End an Action: complete, or unable to complete with a reason."""

    outcome: Literal[Outcome.COMPLETE, Outcome.UNABLE_TO_COMPLETE]
    reason: Reason | None = None

    @model_validator(mode="after")
    def _a_failure_has_a_reason(self) -> Self:
        if self.outcome is Outcome.UNABLE_TO_COMPLETE and not (self.reason or "").strip():
            msg = "reason: unable to complete needs a reason (A3)"
            raise ValueError(msg)
        return self


class SendAndResolve(TakeOverCommand, name="send_and_resolve", kinds=(T,)):
    """Send a mail and resolve the Ticket, both or neither."""

    to: Annotated[Recipients, Field(min_length=1)]
    cc: Recipients = ()
    subject: Title = ""
    body: Text = ""
    resolution: bool = True
    method: ChosenMethod


class Reopen(Command, name="reopen", kinds=(T, C)):
    """Take a resolved item up again."""


class Part(StrictModel):
    """Title and description of a Ticket that a split makes (T14)."""

    title: Annotated[Title, AfterValidator(_check_not_blank)]
    description: Annotated[Text, AfterValidator(_check_not_blank)]


class Split(TakeOverCommand, name="split", kinds=(T,)):
    """Split a Ticket into Tickets; it closes when all of them are closed."""

    parts: Annotated[tuple[Part, ...], Field(strict=False, min_length=2, max_length=MAX_PARTS)]


class LaunchCase(TakeOverCommand, name="launch_case", kinds=(T,)):
    """Start a Case for this Ticket, which closes when the Case is closed."""

    definition: Name | SizedCaseDefinition
    short_description: Title = ""


class Merge(TakeOverCommand, name="merge", kinds=(T,)):
    """Close this Ticket into another open Ticket or Case, which gets its communications."""

    into: Name


class Cancel(Command, name="cancel", kinds=(T, C)):
    """Close a Case at once, or discard a Draft."""

    reason: Reason | None = None


class Rework(Command, name="rework", kinds=(C,)):
    """Redo Actions: from an earlier step on, or chosen ended Actions of this step."""

    step: Name | None = None
    actions: (
        Annotated[tuple[Name, ...], Field(strict=False, min_length=1, max_length=200)] | None
    ) = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _step_or_actions(self) -> Self:
        if (self.step is None) == (self.actions is None):
            msg = "step: give either step or actions (K8)"
            raise ValueError(msg)
        return self


class AdHocAction(ActionRequirements):
    """Action without a definition; it belongs to the step that is under way."""

    title: Annotated[Title, Field(min_length=1)]
    queue: Name | None = None


class StartAction(Command, name="start_action", kinds=(C,)):
    """Start or restart one Action by hand: by key, or an ad-hoc one by its title."""

    action: Name | AdHocAction


class ResetInProgress(Command, name="reset_in_progress", kinds=(C,)):
    """Accept the failed Actions as not done and go on."""


class Review(Command, name="review", kinds=(A,)):
    """Pass what a colleague completed, or give it back with a comment."""

    verdict: Verdict
    comment: Reason | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.verdict is not Verdict.PASS and not (self.comment or "").strip():
            msg = f"comment: verdict {self.verdict} needs one (A6)"
            raise ValueError(msg)
        return self


class AnswerChecklist(TakeOverCommand, name="answer_checklist", kinds=(A,)):
    """Answer questions of the checklist: key to yes, no or not_applicable; the last one counts."""

    answers: Annotated[
        dict[Name, Annotated[ChecklistAnswer, Field(strict=False)]],
        Field(min_length=1, max_length=50),
    ]


class Heartbeat(Command, name="heartbeat", kinds=(T, A)):
    """Keep the lease of a robot that still works on the item; it leaves no entry."""


COMMANDS: tuple[type[Command], ...] = (
    Submit,
    EditTicket,
    EditCase,
    EditAction,
    Start,
    Assign,
    Unassign,
    SetToDo,
    MarkRead,
    Reject,
    Wait,
    Resume,
    AddNote,
    SendEmail,
    ReceiveEmail,
    Feedback,
    ResolveTicket,
    ResolveCase,
    ResolveAction,
    SendAndResolve,
    Reopen,
    Split,
    LaunchCase,
    Merge,
    Cancel,
    Rework,
    StartAction,
    ResetInProgress,
    Review,
    AnswerChecklist,
    Heartbeat,
)
"""All commands of the contract."""


@cache
def commands_of(kind: Kind) -> dict[str, type[Command]]:
    """Return the commands that a kind accepts, by name."""
    return {command.name: command for command in COMMANDS if kind in command.kinds}
