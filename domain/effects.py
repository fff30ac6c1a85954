"""What a change asks the world to do: data, carried by the item until it is done."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from domain.starts import ActionStart


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMail:
    """M5: send the mail of this key, which the store holds since the change that caused it."""

    key: str


def _which(effect: Any) -> str:  # noqa: ANN401 - a value, or what was read of one
    if not isinstance(effect, dict):
        return type(effect).__name__
    marks = {"start": StartAction, "reference": CancelAction, "case": ReportEnd}
    return next(
        (found.__name__ for mark, found in marks.items() if mark in effect), SendMail.__name__
    )


Effect = Annotated[
    Annotated[StartAction, Tag("StartAction")]
    | Annotated[CancelAction, Tag("CancelAction")]
    | Annotated[ReportEnd, Tag("ReportEnd")]
    | Annotated[SendMail, Tag("SendMail")],
    Discriminator(_which),
]
"""Told apart by their fields, so that nothing but these is carried."""
