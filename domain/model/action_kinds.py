"""The kinds of Actions, and what each of them is to do (A8)."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domain.base.base_model import Defined
from domain.base.durations import PositiveDuration
from domain.base.values import Address, FreeJson, Name, Text, Title

ANSWER_LIMIT: Final = 8 * 1024
"""Largest answer of a service, in bytes of JSON, that a Case keeps in its data."""


class ActionKind(StrEnum):
    """A8: who or what does an Action; all but the first run by themselves."""

    BY_HAND = "by_hand"
    SEND_MAIL = "send_mail"
    SEND_MAIL_AND_WAIT = "send_mail_and_wait"
    WAIT_FOR_SUB_CASES = "wait_for_sub_cases"
    START_CASE = "start_case"
    CALL_SERVICE = "call_service"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Party = Literal["primary_contact", "requester"] | Address
MailTo = Annotated[
    tuple[_Party, ...],
    BeforeValidator(_as_list, json_schema_input_type=tuple[_Party, ...] | _Party),
    Field(strict=False, min_length=1, max_length=50),
]


class MailOrder(Defined):
    """A mail to write: to addresses, or to the Case's primary contact or requester."""

    to: MailTo
    cc: Annotated[
        tuple[Address, ...],
        BeforeValidator(_as_list, json_schema_input_type=tuple[Address, ...] | Address),
        Field(strict=False, max_length=50),
    ] = ()
    subject: Title = ""
    """Empty: the Case's short description."""
    body: Text = ""


class CaseOrder(Defined):
    """A Case to start: by name of its definition; it begins with a copy of this Case's data."""

    definition: Name
    short_description: Title = ""
    """Empty: that of this Case."""
    data: FreeJson = Field(default_factory=dict)
    """Laid over the copy of this Case's data."""


def _relative(path: str) -> str:
    if not path.startswith("/") or "://" in path or ".." in path.split("/"):
        raise ValueError("must begin with / and name a place at the service, such as /v1/payments")
    return path


class CallOrder(Defined):
    """A call of a service that the catalog names; its address and secrets stay with the worker."""

    service: Name
    path: Annotated[str, Field(max_length=500), AfterValidator(_relative)] = "/"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    body: FreeJson | None = None
    """None: an object of the Case's reference, title and data."""
    timeout: PositiveDuration | None = None
    """How long one try may take; by default 30 seconds."""
    retries: Annotated[int, Field(ge=0, le=50)] = 5
    """Tries after the first, with growing pauses; an answer 4xx is final."""
    keep_as: Name | None = None
    """The field of `data` that keeps the answer; by default the Action's key."""


_OWN_FIELDS: Final = {
    ActionKind.SEND_MAIL: "mail",
    ActionKind.SEND_MAIL_AND_WAIT: "mail",
    ActionKind.WAIT_FOR_SUB_CASES: "cases",
    ActionKind.START_CASE: "case",
    ActionKind.CALL_SERVICE: "call",
}


CaseOrders = Annotated[tuple[CaseOrder, ...], Field(strict=False, min_length=1, max_length=20)]


class Work(Defined):
    """What an Action is to do: its kind, with the one field that belongs to that."""

    kind: ActionKind = Field(default=ActionKind.BY_HAND, strict=False)
    mail: MailOrder | None = None
    cases: CaseOrders | None = None
    case: CaseOrder | None = None
    call: CallOrder | None = None

    @model_validator(mode="after")
    def _has_its_own_field(self) -> Self:
        own = _OWN_FIELDS.get(self.kind)
        given: dict[str, Any] = {name: getattr(self, name) for name in _OWN_FIELDS.values()}
        if own is not None and given[own] is None:
            raise ValueError(f"{own}: an Action of kind {self.kind} needs it (A8)")
        foreign = sorted(name for name, value in given.items() if value is not None and name != own)
        if foreign:
            raise ValueError(f"{foreign[0]}: does not go with kind {self.kind} (A8)")
        return self

    @property
    def orders(self) -> dict[str, CaseOrder]:
        """The Cases it starts, by field."""
        many = {f"cases.{number}": order for number, order in enumerate(self.cases or ())}
        return many | ({"case": self.case} if self.case else {})
