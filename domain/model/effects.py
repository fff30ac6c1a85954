"""Effects: what a change asks of the world, as data that the item carries until it is done."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Discriminator, JsonValue, Tag

from domain.base.values import FreeJson
from domain.model.action_kinds import CallOrder
from domain.model.starts import ActionStart, LaunchedStart, PartStart


@dataclass(frozen=True, slots=True, kw_only=True)
class StartActionEffect:
    """Start an Action as a child workflow of its Case."""

    key: str
    """`reference:revision:n`; an effect is done once for its key."""
    reference: str
    start: ActionStart


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAction:
    """Tell an Action that its Case ended it (K10, K12)."""

    key: str
    reference: str
    case_run: str
    by: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEnd:
    """Report an Action's end to its Case (A4)."""

    key: str
    case: str
    case_run: str
    by: str
    outcome: str
    reason: str | None
    keep_as: str | None = None
    answer: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMail:
    """Send the mail of this key; the store has it since the change that caused it (M5)."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartItem:
    """Start a Ticket or a Case as an abandoned child workflow (T14, T15, A8)."""

    key: str
    reference: str
    begin: PartStart | LaunchedStart


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCase:
    """Tell a sub-Case to end (K12)."""

    key: str
    sub_case: str
    by: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellWaiter:
    """Report this item's end to the item that waits for it (T14, T15, K12)."""

    key: str
    waiter: str
    waiter_run: str
    by: str
    how: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskMerge:
    """Ask an item to accept the merge of this one (T16)."""

    key: str
    into: str
    run: str
    by: str
    title: str
    communications: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMerge:
    """Answer the Ticket that asked for a merge (T16)."""

    key: str
    asker: str
    asker_run: str
    ask: str
    by: str
    accepted: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallService:
    """Call a service; the key is sent along as idempotency key (A8)."""

    key: str
    call: CallOrder
    body: FreeJson


def _tag_of(effect: Any) -> str:  # noqa: ANN401 - a value, or what was read of one
    if not isinstance(effect, dict):
        return type(effect).__name__
    by_field = {
        "start": StartActionEffect,
        "begin": StartItem,
        "sub_case": CancelCase,
        "waiter": TellWaiter,
        "into": AskMerge,
        "asker": AnswerMerge,
        "call": CallService,
        "reference": CancelAction,
        "case": ReportEnd,
    }
    return next(
        (effect_class.__name__ for field, effect_class in by_field.items() if field in effect),
        SendMail.__name__,
    )


Effect = Annotated[
    Annotated[StartActionEffect, Tag("StartActionEffect")]
    | Annotated[CancelAction, Tag("CancelAction")]
    | Annotated[ReportEnd, Tag("ReportEnd")]
    | Annotated[SendMail, Tag("SendMail")]
    | Annotated[StartItem, Tag("StartItem")]
    | Annotated[CancelCase, Tag("CancelCase")]
    | Annotated[TellWaiter, Tag("TellWaiter")]
    | Annotated[AskMerge, Tag("AskMerge")]
    | Annotated[AnswerMerge, Tag("AnswerMerge")]
    | Annotated[CallService, Tag("CallService")],
    Discriminator(_tag_of),
]
"""Any effect; JSON has no class name, so the fields tell the classes apart."""
