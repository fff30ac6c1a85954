"""Answer of a robot's program about an item, and the commands that the answer stands for."""

from typing import Final, Literal, Self

from pydantic import JsonValue, model_validator

from domain.base.base_model import StrictModel
from domain.base.refusals import InvalidCommand
from domain.base.values import Kind, Reason, Text, replace_control_characters
from domain.engine.decide import decode_as
from domain.model.commands import ChosenMethod
from robots.program import ProgramExit

_MAX_REASON_LENGTH: Final = 1000
Fields = dict[str, JsonValue]


class RobotAnswer(StrictModel):
    """JSON object that a robot's program prints."""

    outcome: Literal["complete", "unable_to_complete", "reject"]
    reason: Reason | None = None
    note: Text | None = None
    method: ChosenMethod | None = None
    """Resolution method of a Ticket; only with outcome complete."""

    @model_validator(mode="after")
    def _has_reason(self) -> Self:
        if self.outcome != "complete" and not (self.reason or "").strip():
            msg = f"reason: outcome {self.outcome} needs one"
            raise ValueError(msg)
        return self


def parse_answer(kind: Kind, result: ProgramExit) -> RobotAnswer:
    """Parse a program's output; a failed program or unreadable output becomes a reject."""
    if result.code != 0:
        how = f"exit code {result.code}" if result.code > 0 else f"signal {-result.code}"
        line = result.last_error_line or "no word"
        return rejection(f"the robot's program failed ({how}): {line}")
    try:
        answer = decode_as(RobotAnswer, result.output)
    except InvalidCommand as refusal:
        return rejection(f"the robot's program gave no answer: {refusal.sentence}")
    if kind is Kind.TICKET and answer.outcome == "complete" and answer.method is None:
        return rejection("the robot's program gave no answer: method: a complete Ticket needs one")
    return answer


def rejection(reason: str) -> RobotAnswer:
    """Return the answer that passes the item to a person, with the reason."""
    return RobotAnswer(
        outcome="reject", reason=replace_control_characters(reason)[:_MAX_REASON_LENGTH]
    )


def commands_for(kind: Kind, answer: RobotAnswer) -> list[tuple[str, Fields]]:
    """Return the commands for an answer, in order, each with its fields.

    Tickets and Cases have no outcome "unable to complete": it becomes a reject.
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
