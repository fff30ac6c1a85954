"""What a robot's program says of an item, and the commands that this means."""

from typing import Final, Literal, Self

from pydantic import JsonValue, model_validator

from domain.base.base_model import Defined
from domain.base.refusals import InvalidCommand
from domain.base.values import Kind, Reason, Text, printable
from domain.engine.decide import decode_as
from domain.model.commands import ChosenMethod
from robots.program import Ended

_REASON_LENGTH: Final = 1000
Fields = dict[str, JsonValue]


class RobotAnswer(Defined):
    """The one JSON object that a robot's program prints."""

    outcome: Literal["complete", "unable_to_complete", "reject"]
    reason: Reason | None = None
    note: Text | None = None
    method: ChosenMethod | None = None
    """How a Ticket is resolved; only with outcome complete."""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.outcome != "complete" and not (self.reason or "").strip():
            msg = f"reason: outcome {self.outcome} needs one"
            raise ValueError(msg)
        return self


def answer_of(kind: Kind, ended: Ended) -> RobotAnswer:
    """What the program says; that it failed, or said nothing that can be read, is a reject."""
    if ended.code != 0:
        how = f"exit code {ended.code}" if ended.code > 0 else f"signal {-ended.code}"
        return rejection(f"the robot's program failed ({how}): {ended.last_words or 'no word'}")
    try:
        answer = decode_as(RobotAnswer, ended.out)
    except InvalidCommand as refusal:
        return rejection(f"the robot's program gave no answer: {refusal.sentence}")
    if kind is Kind.TICKET and answer.outcome == "complete" and answer.method is None:
        return rejection("the robot's program gave no answer: method: a complete Ticket needs one")
    return answer


def rejection(reason: str) -> RobotAnswer:
    """The answer that a person has to look at it, for this reason."""
    return RobotAnswer(outcome="reject", reason=printable(reason)[:_REASON_LENGTH])


def commands_for(kind: Kind, answer: RobotAnswer) -> list[tuple[str, Fields]]:
    """The commands that the answer means, in order, each with its own fields.

    A Ticket or a Case knows no unable to complete: a person has to look at it, as after a reject.
    """
    note: Fields = {} if answer.note is None else {"note": answer.note}
    if answer.outcome == "complete" and kind is Kind.TICKET:
        return [("resolve", {"method": answer.method, **note})]
    if answer.outcome == "complete" and kind is Kind.CASE:
        return [("resolve", note)]
    if answer.outcome == "complete":
        return [("resolve", {"outcome": "complete", **note})]
    if answer.outcome == "unable_to_complete" and kind is Kind.ACTION:
        failure: Fields = {"outcome": answer.outcome, "reason": answer.reason}
        return [("resolve", failure | note)]
    written: list[tuple[str, Fields]] = (
        [("add_note", {"text": answer.note})] if (answer.note or "").strip() else []
    )
    return [*written, ("reject", {"reason": answer.reason})]
