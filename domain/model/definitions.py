"""Settings, due rules and case definitions that a desk writes (contract, starting)."""

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domain.base.base_model import StrictModel
from domain.base.conditions import Condition, referenced_outcomes
from domain.base.durations import Duration, PositiveDuration
from domain.base.values import Address, Instant, Name, Performer, ReopenTrigger, Title, WaitType
from domain.model.action_kinds import ActionKind, Work
from domain.model.calendars import WorkingCalendar

MAX_ACTIONS = 200
"""Actions, or steps, of a definition at most: a Case may start all in one workflow task."""
MAX_ACTIONS_WITH_DATA = 50
"""Actions of a step with a copy of the Case's data, at most: all start in one workflow task."""
DEFINITION_LIMIT = 48 * 1024
"""Bytes of JSON of a case definition at most: every Case that runs it carries it."""


class DueRule(StrictModel):
    """Time from submission to due date, in working time if a calendar is named (D1, D2)."""

    within: PositiveDuration
    calendar: Name | None = None
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
        """Return True if a wait of this type stops the clock (D2)."""
        return self.add_wait_time and (self.waits is None or wait in self.waits)


class ItemSettings(StrictModel):
    """Settings of an item; those of its start take precedence over the catalog's."""

    feedback_window: Duration | None = None
    resolution_evidence: bool | None = None
    calendar: Name | None = None
    due: DueRule | None = None
    notify: Annotated[tuple[Address, ...], Field(max_length=20, strict=False)] | None = None
    reopen_on: Annotated[tuple[ReopenTrigger, ...], Field(max_length=2, strict=False)] | None = None
    lease: PositiveDuration | None = None
    """Duration of a robot's lease: without a heartbeat, the robot then loses the item (Q3)."""

    def with_defaults(self, other: "ItemSettings | None") -> "ItemSettings":
        """Return these settings, with the fields that are not set taken from `other`."""
        if other is None:
            return self
        own = {
            name: value
            for name in type(self).model_fields
            if (value := getattr(self, name)) is not None
        }
        return other.model_copy(update=own)

    @property
    def calendars(self) -> dict[str, str]:
        """Return the calendars that the settings name, by field."""
        due = self.due.calendar if self.due else None
        named = {"calendar": self.calendar, "due.calendar": due}
        return {field: name for field, name in named.items() if name is not None}


class Question(StrictModel):
    """Question of a checklist; a plain string is key and text at once (A7)."""

    key: Name
    text: Title = ""


def _to_question(value: object) -> object:
    return {"key": value, "text": value} if isinstance(value, str) else value


def _check_unique(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    for key, times in Counter(question.key for question in questions).items():
        if times > 1:
            raise ValueError(f"asks {key} twice; leave one out")
    return questions


Checklist = Annotated[
    tuple[
        Annotated[Question, BeforeValidator(_to_question, json_schema_input_type=Question | str)],
        ...,
    ],
    Field(strict=False, max_length=50),
    AfterValidator(_check_unique),
]


class ActionRequirements(StrictModel):
    """Requirements for an Action: who performs it, by when, with review and checklist or not."""

    performer: Performer = Performer.ANY
    due: DueRule | None = None
    peer_review: bool = False
    """True if another person has to review the result (A6)."""
    checklist: Checklist = ()
    """Questions to answer before the Action is complete (A7)."""


class ActionDefinition(Work, ActionRequirements):
    """Action of a step: done by hand, by a human or a robot, or by itself (A8)."""

    key: Name
    title: Title = ""
    queue: Name | None = None
    when: Condition | None = None
    """Condition that is evaluated when the step starts; if false, the Action is skipped (K4)."""

    @model_validator(mode="after")
    def _runs_by_itself_or_not(self) -> Self:
        by_people = {
            "peer_review": self.peer_review,
            "checklist": self.checklist,
            "performer": self.performer is not Performer.ANY,
        }
        fields = [field for field, value in by_people.items() if value]
        if self.work is not None and fields:
            raise ValueError(f"{fields[0]}: an Action of kind {self.kind} runs by itself (A8)")
        return self

    @property
    def work(self) -> Work | None:
        """Return the Action's automatic work; None if the Action is done by hand."""
        if self.kind is ActionKind.BY_HAND:
            return None
        return Work(**{name: getattr(self, name) for name in Work.model_fields})


class Step(StrictModel):
    """Step of a flow: Actions that run in parallel."""

    key: Name
    title: Title = ""
    actions: Annotated[tuple[ActionDefinition, ...], Field(strict=False)] = ()


def _check_size(definition: "CaseDefinition") -> "CaseDefinition":
    size = len(definition.model_dump_json().encode())
    if size > DEFINITION_LIMIT:
        msg = f"is {size} bytes of JSON; a case definition has at most {DEFINITION_LIMIT}"
        raise ValueError(msg)
    return definition


class CaseDefinition(StrictModel):
    """Case definition: steps in order, each a set of Actions, all with unique keys (K2)."""

    name: Name
    version: int | Name = 1
    queue: Name | None = None
    settings: ItemSettings | None = None
    steps: Annotated[tuple[Step, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _keys_are_few_and_unique(self) -> Self:
        for noun, keys in (
            ("step", [step.key for step in self.steps]),
            ("Action", [action.key for step in self.steps for action in step.actions]),
        ):
            if len(keys) > MAX_ACTIONS:
                msg = f"has {len(keys)} {noun}s, and at most {MAX_ACTIONS}: part it into Cases"
                raise ValueError(msg)
            doubled = sorted(key for key, times in Counter(keys).items() if times > 1)
            if doubled:
                msg = f"{noun} keys must be unique; used more than once: {', '.join(doubled)}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _few_take_data_along(self) -> Self:
        for at, step in enumerate(self.steps):
            count = sum(bool(action.orders or action.call) for action in step.actions)
            if count > MAX_ACTIONS_WITH_DATA:
                problem = f"has {count} Actions that start Cases or call services"
                raise ValueError(
                    f"steps.{at}: {problem}, and at most {MAX_ACTIONS_WITH_DATA}: part it"
                )
        return self

    @model_validator(mode="after")
    def _conditions_look_back(self) -> Self:
        """Refuse conditions on outcomes that no earlier step has (K4)."""
        earlier: set[str] = set()
        for step_index, step in enumerate(self.steps):
            for index, action in enumerate(step.actions):
                for key in referenced_outcomes(action.when or ""):
                    if key not in earlier:
                        path = f"steps.{step_index}.actions.{index}.when"
                        raise ValueError(f"{path}: no Action of an earlier step has the key {key}")
            earlier |= {action.key for action in step.actions}
        return self

    @model_validator(mode="after")
    def _does_not_start_itself(self) -> Self:
        for step_index, step in enumerate(self.steps):
            for index, action in enumerate(step.actions):
                if any(order.definition == self.name for order in action.orders.values()):
                    path = f"steps.{step_index}.actions.{index}"
                    raise ValueError(f"{path}: starts {self.name} itself, and so without end")
        return self

    @property
    def actions(self) -> tuple[ActionDefinition, ...]:
        """Return the Actions of all steps, in order."""
        return tuple(action for step in self.steps for action in step.actions)

    @property
    def calendars(self) -> dict[str, str]:
        """Return the calendars named for the Case and its Actions, by field."""
        own = self.settings.calendars if self.settings else {}
        return {f"settings.{field}": name for field, name in own.items()} | {
            f"steps.{number}.actions.{place}.due.calendar": action.due.calendar
            for number, step in enumerate(self.steps)
            for place, action in enumerate(step.actions)
            if action.due is not None and action.due.calendar is not None
        }

    @property
    def definitions(self) -> dict[str, str]:
        """Return the definitions of the Cases that Actions start, by field."""
        return {
            f"steps.{number}.actions.{index}.{field}.definition": order.definition
            for number, step in enumerate(self.steps)
            for index, action in enumerate(step.actions)
            for field, order in action.orders.items()
        }

    @property
    def services(self) -> dict[str, str]:
        """Return the services that Actions call, by field."""
        return {
            f"steps.{number}.actions.{index}.call.service": action.call.service
            for number, step in enumerate(self.steps)
            for index, action in enumerate(step.actions)
            if action.call is not None
        }


SizedCaseDefinition = Annotated[CaseDefinition, AfterValidator(_check_size)]
"""Case definition that is small enough for a Case to carry."""


class CatalogLookup(StrictModel):
    """Question to the catalog: the terms of a name, and the other names to check."""

    what: Literal["category", "definition"] | None = None
    name: str = ""
    calendars: Annotated[tuple[str, ...], Field(strict=False)] = ()
    definitions: Annotated[tuple[str, ...], Field(strict=False)] = ()
    services: Annotated[tuple[str, ...], Field(strict=False)] = ()

    @property
    def asks(self) -> bool:
        """Return True if there is anything to ask."""
        return self != CatalogLookup()


class ItemTerms(StrictModel):
    """Catalog's terms for an item: settings, queue and definition, recorded at its submission."""

    settings: ItemSettings | None = None
    queue: Name | None = None
    definition: SizedCaseDefinition | None = None
    calendars: Annotated[tuple[WorkingCalendar, ...], Field(strict=False)] = ()
    """Calendars that settings and definition name, and requested ones that exist."""
    unknown: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Definitions and services that were requested and do not exist."""

    def find_calendar(self, name: str | None) -> WorkingCalendar | None:
        """Return the calendar of this name; None if it is not among these."""
        return next((calendar for calendar in self.calendars if calendar.name == name), None)


class CatalogAnswer(StrictModel):
    """Catalog's answer: the terms, None for an unknown name, and the time of the answer.

    The time is recorded with the answer: an item that goes on in the same workflow task uses it,
    because the task's own time may differ on replay.
    """

    terms: ItemTerms | None
    at: Instant
