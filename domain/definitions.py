"""What a desk defines beforehand: settings, due rules and case definitions (contract, starting)."""

from collections import Counter
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.spans import Duration, PositiveDuration
from domain.values import (
    Address,
    Instant,
    Name,
    Performer,
    ReopensOn,
    Title,
    WaitType,
)

MOST_ACTIONS = 200
"""Actions, or steps, of a definition: what a Case may start, and cancel, in one workflow task."""
DEFINITION_LIMIT = 48 * 1024
"""Largest case definition, in bytes of JSON: it is carried by every Case that runs it."""


class Defined(BaseModel):
    """Base of all that outsiders write: unknown fields refused, values frozen, no coercion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DueRule(Defined):
    """D1, D2: how long an item has from its submission, in calendar time."""

    within: PositiveDuration
    add_wait_time: bool = False
    waits: Annotated[tuple[WaitType, ...], Field(min_length=1, strict=False)] | None = None
    at_risk: PositiveDuration | None = None

    @model_validator(mode="after")
    def _waits_need_add_wait_time(self) -> Self:
        if self.waits is not None and not self.add_wait_time:
            msg = "waits names wait types, which needs add_wait_time: true (D2)"
            raise ValueError(msg)
        return self

    def stops_for(self, wait: WaitType) -> bool:
        """D2: whether a wait of this type stops the clock."""
        return self.add_wait_time and (self.waits is None or wait in self.waits)


class Settings(Defined):
    """How an item behaves; a start's own settings go before the catalog's."""

    feedback_window: Duration | None = None
    resolution_evidence: bool | None = None
    due: DueRule | None = None
    notify: Annotated[tuple[Address, ...], Field(max_length=20, strict=False)] | None = None
    reopen_on: Annotated[tuple[ReopensOn, ...], Field(max_length=2, strict=False)] | None = None

    def over(self, other: "Settings | None") -> "Settings":
        """These settings, with what they leave open taken from `other`."""
        if other is None:
            return self
        mine = {
            name: value
            for name in type(self).model_fields
            if (value := getattr(self, name)) is not None
        }
        return other.model_copy(update=mine)


class ActionDefinition(Defined):
    """One Action of a step: done by hand, by a human or a robot."""

    key: Name
    title: Title = ""
    kind: Annotated[str, Field(pattern="^by_hand$")] = "by_hand"
    queue: Name | None = None
    performer: Performer = Performer.ANY
    due: DueRule | None = None


class Step(Defined):
    """Actions that run side by side."""

    key: Name
    title: Title = ""
    actions: Annotated[tuple[ActionDefinition, ...], Field(strict=False)] = ()


def _not_too_large(definition: "CaseDefinition") -> "CaseDefinition":
    size = len(definition.model_dump_json().encode())
    if size > DEFINITION_LIMIT:
        msg = f"is {size} bytes of JSON; a case definition has at most {DEFINITION_LIMIT}"
        raise ValueError(msg)
    return definition


class CaseDefinition(Defined):
    """K2: steps in order, each a set of Actions; every step and every Action has its own key."""

    name: Name
    version: int | Name = 1
    queue: Name | None = None
    settings: Settings | None = None
    steps: Annotated[tuple[Step, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _keys_are_few_and_unique(self) -> Self:
        for what, keys in (
            ("step", [step.key for step in self.steps]),
            ("Action", [action.key for step in self.steps for action in step.actions]),
        ):
            if len(keys) > MOST_ACTIONS:
                msg = f"has {len(keys)} {what}s, and at most {MOST_ACTIONS}: part it into Cases"
                raise ValueError(msg)
            doubled = sorted(key for key, times in Counter(keys).items() if times > 1)
            if doubled:
                msg = f"{what} keys must be unique; used more than once: {', '.join(doubled)}"
                raise ValueError(msg)
        return self

    @property
    def actions(self) -> tuple[ActionDefinition, ...]:
        """The Actions of all steps, in order."""
        return tuple(action for step in self.steps for action in step.actions)


SizedCaseDefinition = Annotated[CaseDefinition, AfterValidator(_not_too_large)]
"""A case definition that is small enough to be carried by a Case."""


class Terms(Defined):
    """What the catalog says of a category or a definition, recorded when an item is submitted."""

    settings: Settings | None = None
    queue: Name | None = None
    definition: SizedCaseDefinition | None = None


class Answer(Defined):
    """The catalog's answer: its terms, None if it has none of the name, and when it was given.

    The moment is recorded with the answer: an item that goes on in the same workflow task takes it
    for its time, because the task's own may be another when it is replayed.
    """

    terms: Terms | None
    at: Instant
