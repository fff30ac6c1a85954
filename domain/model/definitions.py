"""What a desk defines beforehand: settings, due rules and case definitions (contract, starting)."""

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from domain.base.base_model import Defined
from domain.base.conditions import Condition, outcomes_in
from domain.base.durations import Duration, PositiveDuration
from domain.base.values import Address, Instant, Name, Performer, ReopensOn, Title, WaitType
from domain.model.action_kinds import ActionKind, Work
from domain.model.calendars import WorkingCalendar

MOST_ACTIONS = 200
"""Actions, or steps, of a definition: what a Case may start, and cancel, in one workflow task."""
MOST_WITH_DATA = 50
"""Actions of a step that take the Case's data along, which are started in one workflow task."""
DEFINITION_LIMIT = 48 * 1024
"""Largest case definition, in bytes of JSON: it is carried by every Case that runs it."""


class DueRule(Defined):
    """D1, D2: how long an item has from its submission, in working time if it names a calendar."""

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
        """D2: whether a wait of this type stops the clock."""
        return self.add_wait_time and (self.waits is None or wait in self.waits)


class Settings(Defined):
    """How an item behaves; a start's own settings go before the catalog's."""

    feedback_window: Duration | None = None
    resolution_evidence: bool | None = None
    calendar: Name | None = None
    due: DueRule | None = None
    notify: Annotated[tuple[Address, ...], Field(max_length=20, strict=False)] | None = None
    reopen_on: Annotated[tuple[ReopensOn, ...], Field(max_length=2, strict=False)] | None = None
    lease: PositiveDuration | None = None
    """Q3: how long a robot may say nothing before it loses what it has."""

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

    @property
    def calendars(self) -> dict[str, str]:
        """The calendars that are named, by the field that names each."""
        due = self.due.calendar if self.due else None
        named = {"calendar": self.calendar, "due.calendar": due}
        return {field: name for field, name in named.items() if name is not None}


class Question(Defined):
    """A7: one line of a checklist; a plain string is its own key."""

    key: Name
    text: Title = ""


def _as_question(value: object) -> object:
    return {"key": value, "text": value} if isinstance(value, str) else value


def _asked_once(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    for key, times in Counter(question.key for question in questions).items():
        if times > 1:
            raise ValueError(f"asks {key} twice; leave one out")
    return questions


Checklist = Annotated[
    tuple[
        Annotated[Question, BeforeValidator(_as_question, json_schema_input_type=Question | str)],
        ...,
    ],
    Field(strict=False, max_length=50),
    AfterValidator(_asked_once),
]


class HowDone(Defined):
    """How an Action is done by hand: by whom, checked by whom, and by when."""

    performer: Performer = Performer.ANY
    due: DueRule | None = None
    peer_review: bool = False
    """A6: whether somebody else has to pass it."""
    checklist: Checklist = ()
    """A7: what has to be answered before it is complete."""


class ActionDefinition(Work, HowDone):
    """One Action of a step: done by hand, by a human or a robot, or by itself (A8)."""

    key: Name
    title: Title = ""
    queue: Name | None = None
    when: Condition | None = None
    """K4: evaluated when its step starts; false skips the Action."""

    @model_validator(mode="after")
    def _runs_by_itself_or_not(self) -> Self:
        by_people = {
            "peer_review": self.peer_review,
            "checklist": self.checklist,
            "performer": self.performer is not Performer.ANY,
        }
        given = [field for field, value in by_people.items() if value]
        if self.work is not None and given:
            raise ValueError(f"{given[0]}: an Action of kind {self.kind} runs by itself (A8)")
        return self

    @property
    def work(self) -> Work | None:
        """What it does by itself; None if it is done by hand."""
        if self.kind is ActionKind.BY_HAND:
            return None
        return Work(**{name: getattr(self, name) for name in Work.model_fields})


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

    @model_validator(mode="after")
    def _few_take_data_along(self) -> Self:
        for at, step in enumerate(self.steps):
            taking = sum(bool(action.orders or action.call) for action in step.actions)
            if taking > MOST_WITH_DATA:
                told = f"has {taking} Actions that start Cases or call services"
                raise ValueError(f"steps.{at}: {told}, and at most {MOST_WITH_DATA}: part it")
        return self

    @model_validator(mode="after")
    def _conditions_look_back(self) -> Self:
        """K4: a condition can ask only for outcomes that are there when its step starts."""
        earlier: set[str] = set()
        for at, step in enumerate(self.steps):
            for which, action in enumerate(step.actions):
                for key in outcomes_in(action.when or ""):
                    if key not in earlier:
                        place = f"steps.{at}.actions.{which}.when"
                        raise ValueError(f"{place}: no Action of an earlier step has the key {key}")
            earlier |= {action.key for action in step.actions}
        return self

    @model_validator(mode="after")
    def _does_not_start_itself(self) -> Self:
        for at, step in enumerate(self.steps):
            for which, action in enumerate(step.actions):
                if any(order.definition == self.name for order in action.orders.values()):
                    place = f"steps.{at}.actions.{which}"
                    raise ValueError(f"{place}: starts {self.name} itself, and so without end")
        return self

    @property
    def actions(self) -> tuple[ActionDefinition, ...]:
        """The Actions of all steps, in order."""
        return tuple(action for step in self.steps for action in step.actions)

    @property
    def calendars(self) -> dict[str, str]:
        """The calendars that it names for the Case and its Actions, by field."""
        own = self.settings.calendars if self.settings else {}
        return {f"settings.{field}": name for field, name in own.items()} | {
            f"steps.{number}.actions.{place}.due.calendar": action.due.calendar
            for number, step in enumerate(self.steps)
            for place, action in enumerate(step.actions)
            if action.due is not None and action.due.calendar is not None
        }

    @property
    def definitions(self) -> dict[str, str]:
        """The definitions of the Cases that its Actions start, by field."""
        return {
            f"steps.{number}.actions.{place}.{field}.definition": order.definition
            for number, step in enumerate(self.steps)
            for place, action in enumerate(step.actions)
            for field, order in action.orders.items()
        }

    @property
    def services(self) -> dict[str, str]:
        """The services that its Actions call, by field."""
        return {
            f"steps.{number}.actions.{place}.call.service": action.call.service
            for number, step in enumerate(self.steps)
            for place, action in enumerate(step.actions)
            if action.call is not None
        }


SizedCaseDefinition = Annotated[CaseDefinition, AfterValidator(_not_too_large)]
"""A case definition that is small enough to be carried by a Case."""


class Lookup(Defined):
    """What a decision needs of the catalog: the terms of a name, and what else it names itself."""

    what: Literal["category", "definition"] | None = None
    name: str = ""
    calendars: Annotated[tuple[str, ...], Field(strict=False)] = ()
    definitions: Annotated[tuple[str, ...], Field(strict=False)] = ()
    services: Annotated[tuple[str, ...], Field(strict=False)] = ()

    @property
    def asks(self) -> bool:
        """Whether it asks for anything."""
        return self != Lookup()


class Terms(Defined):
    """What the catalog says of what was asked, recorded when an item is submitted."""

    settings: Settings | None = None
    queue: Name | None = None
    definition: SizedCaseDefinition | None = None
    calendars: Annotated[tuple[WorkingCalendar, ...], Field(strict=False)] = ()
    """Those that settings and definition name, and those that were asked for and are known."""
    unknown: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Definitions and services that were asked for and are not there."""

    def calendar(self, name: str | None) -> WorkingCalendar | None:
        """The calendar of this name; None if it is not among them."""
        return next((known for known in self.calendars if known.name == name), None)


class Answer(Defined):
    """The catalog's answer: its terms, None if it has none of the name, and when it was given.

    The moment is recorded with the answer: an item that goes on in the same workflow task takes it
    for its time, because the task's own may be another when it is replayed.
    """

    terms: Terms | None
    at: Instant
