"""What starts an item: one JSON object a kind (contract, starting)."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from domain.base.base_model import Defined
from domain.base.durations import PositiveDuration
from domain.base.values import (
    Actor,
    Address,
    FreeJson,
    Instant,
    Kind,
    Name,
    Person,
    StartedBy,
    Text,
    Title,
)
from domain.model.action_kinds import Work
from domain.model.calendars import WorkingCalendar
from domain.model.definitions import HowDone, Settings, SizedCaseDefinition
from domain.model.due_clock import DueClock

DATA_LIMIT = 24 * 1024
"""Largest `data` of a Case, in bytes of JSON: it is carried by the Case."""


class Contact(Defined):
    """A person outside or inside the desk: a name, a mail address, or both."""

    name: Title | None = None
    email: Address | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.name or "").strip() and self.email is None:
            msg = "needs a name or an email"
            raise ValueError(msg)
        return self


class Link(Defined):
    """A link to another item or document."""

    kind: Name
    reference: Name


Links = Annotated[tuple[Link, ...], Field(max_length=100, strict=False)]


def size_of(value: dict[str, Any]) -> int:
    """How many bytes of JSON it is."""
    return len(_Sized(value=value).model_dump_json().encode())


def _small(value: dict[str, Any]) -> dict[str, Any]:
    size = size_of(value)
    if size > DATA_LIMIT:
        msg = f"is {size} bytes of JSON; at most {DATA_LIMIT} are carried"
        raise ValueError(msg)
    return value


class _Sized(Defined):
    value: dict[str, Any]


Data = Annotated[FreeJson, AfterValidator(_small)]


class _Start(Defined):
    """What every start by an outsider may carry."""

    by: Actor
    primary_contact: Contact | None = None
    requester: Contact | None = None
    queue: Name | None = None
    submit: bool | None = None
    started_by: StartedBy | None = None
    links: Links = ()
    settings: Settings | None = None

    @property
    def origin(self) -> StartedBy:
        """How it was started: as said, else by the kind of actor."""
        if self.started_by is not None:
            return self.started_by
        return StartedBy.SERVICE if self.by.startswith("service:") else StartedBy.MANUAL

    @property
    def submits(self) -> bool:
        """T1, K1: whether it is submitted at once."""
        return self.origin is not StartedBy.MANUAL if self.submit is None else self.submit


class TicketStart(_Start):
    """Starts a Ticket."""

    title: Title | None = None
    description: Text | None = None
    category: Name | None = None


class CaseStart(_Start):
    """Starts a Case; `definition` is a name in the catalog, or the definition itself."""

    short_description: Title | None = None
    definition: Name | SizedCaseDefinition | None = None
    owner: Person | None = None
    data: Data = Field(default_factory=dict)


def kind_of(start: TicketStart | CaseStart) -> Kind:
    """Of the item that a start makes."""
    return Kind.TICKET if isinstance(start, TicketStart) else Kind.CASE


def title_of(start: TicketStart | CaseStart) -> str | None:
    """What that item is about, in a line."""
    return start.title if isinstance(start, TicketStart) else start.short_description


class Waiter(Defined):
    """The item that waits for this one's end, and is told of it."""

    reference: Name
    run: Name


class Inheritance(Defined):
    """What an item takes over from the one that starts it; nobody else may give it."""

    waiter: Waiter | None = None
    communications: Text = ""
    """Notes and mails so far, as one text (T14, T15)."""
    started_at: Instant | None = None
    """When the Ticket was started that this one is a part of (T14)."""
    due: DueClock | None = None
    calendar: WorkingCalendar | None = None


class FirstMail(Defined):
    """M2: the mail that an item is started by; the store has it under this name."""

    stored_as: Name
    unknown_address: Title | None = None
    """Where it was sent to, if that is no mailbox of the desk: then it is closed at once."""


class PartStart(TicketStart):
    """T14, M2: a Ticket that another one starts, as a part of itself, or that a mail starts."""

    inherited: Inheritance | None = None
    mail: FirstMail | None = None


class LaunchedStart(CaseStart):
    """T15, A8, M2: a Case that a Ticket or an Action starts, or a mail."""

    inherited: Inheritance | None = None
    mail: FirstMail | None = None


class ActionStart(HowDone):
    """A1: what a Case starts its Action with; nobody else may."""

    by: Actor
    case: Name
    case_run: Name
    key: Name
    copy_number: Annotated[int, Field(ge=1)]
    title: Title
    queue: Name
    due_calendar: WorkingCalendar | None = None
    lease: PositiveDuration | None = None
    primary_contact: Contact | None = None
    requester: Contact | None = None
    work: Work | None = None
    """What it does by itself (A8); None: it is done by hand."""
    data: FreeJson | None = None
    """The Case's, where its work needs it."""

    @model_validator(mode="after")
    def _due_calendar_is_the_one_named(self) -> Self:
        named = self.due and self.due.calendar
        if named != (self.due_calendar and self.due_calendar.name):
            msg = f"due_calendar: due names {named or 'no calendar'}; give that one (D1)"
            raise ValueError(msg)
        return self


Start = TicketStart | CaseStart | ActionStart
