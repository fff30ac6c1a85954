"""What a change asks the world to do: data, carried by the item until it is done."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Discriminator, JsonValue, Tag

from domain.base.values import FreeJson
from domain.model.action_kinds import CallOrder
from domain.model.starts import ActionStart, LaunchedStart, PartStart


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAction:
    """Start an Action as a child of its Case."""

    key: str
    """`reference:revision:n`; whoever performs it does so once for this key."""
    reference: str
    start: ActionStart


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAction:
    """K10, K12: tell an Action that its Case ended it."""

    key: str
    reference: str
    case_run: str
    by: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEnd:
    """A4: tell the Case how its Action ended."""

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
    """M5: send the mail of this key, which the store holds since the change that caused it."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartItem:
    """T14, T15, A8: start a Ticket or a Case, as a child that goes on by itself."""

    key: str
    reference: str
    begin: PartStart | LaunchedStart


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCase:
    """K12: tell a sub-Case to end."""

    key: str
    sub_case: str
    by: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellWaiter:
    """T14, T15, K12: tell the item that waits for this one how it ended."""

    key: str
    waiter: str
    waiter_run: str
    by: str
    how: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskMerge:
    """T16: ask an item whether this one may be merged into it."""

    key: str
    into: str
    run: str
    by: str
    title: str
    communications: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMerge:
    """T16: answer the Ticket that asked."""

    key: str
    asker: str
    asker_run: str
    ask: str
    by: str
    accepted: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallService:
    """A8: call a service; the key goes with it, so that it does the same thing once."""

    key: str
    call: CallOrder
    body: FreeJson


def _which(effect: Any) -> str:  # noqa: ANN401 - a value, or what was read of one
    if not isinstance(effect, dict):
        return type(effect).__name__
    marks = {
        "start": StartAction,
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
        (found.__name__ for mark, found in marks.items() if mark in effect), SendMail.__name__
    )


Effect = Annotated[
    Annotated[StartAction, Tag("StartAction")]
    | Annotated[CancelAction, Tag("CancelAction")]
    | Annotated[ReportEnd, Tag("ReportEnd")]
    | Annotated[SendMail, Tag("SendMail")]
    | Annotated[StartItem, Tag("StartItem")]
    | Annotated[CancelCase, Tag("CancelCase")]
    | Annotated[TellWaiter, Tag("TellWaiter")]
    | Annotated[AskMerge, Tag("AskMerge")]
    | Annotated[AnswerMerge, Tag("AnswerMerge")]
    | Annotated[CallService, Tag("CallService")],
    Discriminator(_which),
]
"""Told apart by their fields, so that nothing but these is carried."""
