"""What starts an item: one JSON object a kind (contract, starting)."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from domain.definitions import Defined, DueRule, Settings, SizedCaseDefinition
from domain.values import (
    Actor,
    Address,
    FreeJson,
    Name,
    Performer,
    Person,
    StartedBy,
    Text,
    Title,
)

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


def _small(value: dict[str, Any]) -> dict[str, Any]:
    size = len(_Sized(value=value).model_dump_json().encode())
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


class ActionStart(Defined):
    """A1: what a Case starts its Action with; nobody else may."""

    by: Actor
    case: Name
    case_run: Name
    key: Name
    copy_number: Annotated[int, Field(ge=1)]
    title: Title
    queue: Name
    performer: Performer = Performer.ANY
    due: DueRule | None = None
    primary_contact: Contact | None = None
    requester: Contact | None = None


Start = TicketStart | CaseStart | ActionStart
