"""Starts of items, one JSON object for each kind (contract, starting)."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from domain.base.base_model import StrictModel
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
from domain.model.definitions import ActionRequirements, ItemSettings, SizedCaseDefinition
from domain.model.due_clock import DueClock

DATA_LIMIT = 24 * 1024
"""Bytes of JSON of a Case's `data`, at most: the Case carries it."""


class Contact(StrictModel):
    """Person outside or inside the desk: a name, a mail address, or both."""

    name: Title | None = None
    email: Address | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.name or "").strip() and self.email is None:
            msg = "needs a name or an email"
            raise ValueError(msg)
        return self


class Link(StrictModel):
    """Link to another item or document."""

    kind: Name
    reference: Name


Links = Annotated[tuple[Link, ...], Field(max_length=100, strict=False)]


def json_size(value: dict[str, Any]) -> int:
    """Return the size of an object in bytes of JSON."""
    return len(_Sized(value=value).model_dump_json().encode())


def _check_data_size(value: dict[str, Any]) -> dict[str, Any]:
    size = json_size(value)
    if size > DATA_LIMIT:
        msg = f"is {size} bytes of JSON; at most {DATA_LIMIT} are carried"
        raise ValueError(msg)
    return value


class _Sized(StrictModel):
    value: dict[str, Any]


Data = Annotated[FreeJson, AfterValidator(_check_data_size)]


class _ItemStart(StrictModel):
    """Base of starts by outsiders."""

    by: Actor
    primary_contact: Contact | None = None
    requester: Contact | None = None
    queue: Name | None = None
    submit: bool | None = None
    started_by: StartedBy | None = None
    links: Links = ()
    settings: ItemSettings | None = None

    @property
    def origin(self) -> StartedBy:
        """Return how the item was started: as given, else by the kind of actor."""
        if self.started_by is not None:
            return self.started_by
        return StartedBy.SERVICE if self.by.startswith("service:") else StartedBy.MANUAL

    @property
    def submits(self) -> bool:
        """Return True if the item is submitted at once (T1, K1)."""
        return self.origin is not StartedBy.MANUAL if self.submit is None else self.submit


class TicketStart(_ItemStart):
    """Start of a Ticket."""

    title: Title | None = None
    description: Text | None = None
    category: Name | None = None


class CaseStart(_ItemStart):
    """Start of a Case; `definition` is a name in the catalog, or the definition itself."""

    short_description: Title | None = None
    definition: Name | SizedCaseDefinition | None = None
    owner: Person | None = None
    data: Data = Field(default_factory=dict)


def kind_of(start: TicketStart | CaseStart) -> Kind:
    """Return the kind of the item that a start makes."""
    return Kind.TICKET if isinstance(start, TicketStart) else Kind.CASE


def title_of(start: TicketStart | CaseStart) -> str | None:
    """Return the title or short description of a start."""
    return start.title if isinstance(start, TicketStart) else start.short_description


class Waiter(StrictModel):
    """Item that waits for this one's end and is notified of it."""

    reference: Name
    run: Name


class Inheritance(StrictModel):
    """Fields that an item takes from the item that starts it; outsiders may not give them."""

    waiter: Waiter | None = None
    communications: Text = ""
    """Notes and mails so far, as one text (T14, T15)."""
    started_at: Instant | None = None
    """Start of the Ticket that this one is a part of (T14)."""
    due: DueClock | None = None
    calendar: WorkingCalendar | None = None


class FirstMail(StrictModel):
    """Mail that starts an item, by its name in the store (M2)."""

    stored_as: Name
    unknown_address: Title | None = None
    """Receiver's address, if it is no mailbox of the desk: the item is then closed at once."""


class PartStart(TicketStart):
    """Start of a Ticket by another one, as its part, or by a mail (T14, M2)."""

    inherited: Inheritance | None = None
    mail: FirstMail | None = None


class LaunchedStart(CaseStart):
    """Start of a Case by a Ticket, an Action or a mail (T15, A8, M2)."""

    inherited: Inheritance | None = None
    mail: FirstMail | None = None


class ActionStart(ActionRequirements):
    """Start of an Action by its Case; nobody else may start one (A1)."""

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
    """Automatic work; None if the Action is done by hand (A8)."""
    data: FreeJson | None = None
    """Copy of the Case's data, where the work needs it."""

    @model_validator(mode="after")
    def _due_calendar_is_the_one_named(self) -> Self:
        named = self.due and self.due.calendar
        if named != (self.due_calendar and self.due_calendar.name):
            msg = f"due_calendar: due names {named or 'no calendar'}; give that one (D1)"
            raise ValueError(msg)
        return self


Start = TicketStart | CaseStart | ActionStart
