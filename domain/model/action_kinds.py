"""Kinds of Actions, and the work of each kind (A8)."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domain.base.base_model import StrictModel
from domain.base.durations import PositiveDuration
from domain.base.values import Address, FreeJson, Name, Text, Title

MAX_ANSWER_BYTES: Final = 8 * 1024
"""Bytes of JSON of a service's answer that a Case keeps in its data, at most."""


class ActionKind(StrEnum):
    """Kind of an Action: done by hand, or one of the kinds that run by themselves (A8)."""

    BY_HAND = "by_hand"
    SEND_MAIL = "send_mail"
    SEND_MAIL_AND_WAIT = "send_mail_and_wait"
    WAIT_FOR_SUB_CASES = "wait_for_sub_cases"
    START_CASE = "start_case"
    CALL_SERVICE = "call_service"


def _to_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Party = Literal["primary_contact", "requester"] | Address
MailTo = Annotated[
    tuple[_Party, ...],
    BeforeValidator(_to_list, json_schema_input_type=tuple[_Party, ...] | _Party),
    Field(strict=False, min_length=1, max_length=50),
]


class MailOrder(StrictModel):
    """Mail to write: to addresses, or to the Case's primary contact or requester."""

    to: MailTo
    cc: Annotated[
        tuple[Address, ...],
        BeforeValidator(_to_list, json_schema_input_type=tuple[Address, ...] | Address),
        Field(strict=False, max_length=50),
    ] = ()
    subject: Title = ""
    """Subject; if empty, the Case's short description."""
    body: Text = ""


class CaseOrder(StrictModel):
    """Case to start, by the name of its definition, with a copy of this Case's data."""

    definition: Name
    short_description: Title = ""
    """Short description; if empty, that of this Case."""
    data: FreeJson = Field(default_factory=dict)
    """Fields that replace or extend the copy of this Case's data."""


def _check_relative(path: str) -> str:
    if not path.startswith("/") or "://" in path or ".." in path.split("/"):
        raise ValueError("must begin with / and name a place at the service, such as /v1/payments")
    return path


class CallOrder(StrictModel):
    """Call of a service in the catalog; the worker keeps the service's address and secrets."""

    service: Name
    path: Annotated[str, Field(max_length=500), AfterValidator(_check_relative)] = "/"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    body: FreeJson | None = None
    """Body; by default, an object with the Case's reference, title and data."""
    timeout: PositiveDuration | None = None
    """Timeout of one attempt; by default 30 seconds."""
    retries: Annotated[int, Field(ge=0, le=50)] = 5
    """Attempts after the first, with growing delays; a 4xx response is final."""
    keep_as: Name | None = None
    """Field of `data` for the answer; by default, the Action's key."""


_OWN_FIELDS: Final = {
    ActionKind.SEND_MAIL: "mail",
    ActionKind.SEND_MAIL_AND_WAIT: "mail",
    ActionKind.WAIT_FOR_SUB_CASES: "cases",
    ActionKind.START_CASE: "case",
    ActionKind.CALL_SERVICE: "call",
}


CaseOrders = Annotated[tuple[CaseOrder, ...], Field(strict=False, min_length=1, max_length=20)]


class Work(StrictModel):
    """Work of an Action: its kind, with the one field that belongs to the kind."""

    kind: ActionKind = Field(default=ActionKind.BY_HAND, strict=False)
    mail: MailOrder | None = None
    cases: CaseOrders | None = None
    case: CaseOrder | None = None
    call: CallOrder | None = None

    @model_validator(mode="after")
    def _has_its_own_field(self) -> Self:
        own_field = _OWN_FIELDS.get(self.kind)
        values: dict[str, Any] = {name: getattr(self, name) for name in _OWN_FIELDS.values()}
        if own_field is not None and values[own_field] is None:
            raise ValueError(f"{own_field}: an Action of kind {self.kind} needs it (A8)")
        other_fields = sorted(
            name for name, value in values.items() if value is not None and name != own_field
        )
        if other_fields:
            raise ValueError(f"{other_fields[0]}: does not go with kind {self.kind} (A8)")
        return self

    @property
    def orders(self) -> dict[str, CaseOrder]:
        """Return the Cases that the Action starts, by field."""
        cases = {f"cases.{number}": order for number, order in enumerate(self.cases or ())}
        return cases | ({"case": self.case} if self.case else {})
