"""What a simulation assumes: arrivals, how long work takes, what it waits for, who is there."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Annotated, Final, Literal, Protocol, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from domain.base.base_model import Defined
from domain.base.durations import Duration, PositiveDuration, Span
from domain.base.values import Instant, Name, Performer
from domain.model.action_kinds import ActionKind
from domain.model.calendars import known_zone
from domain.model.definitions import ActionDefinition, CaseDefinition, Terms
from domain.model.starts import Data
from domain.rules.submitting import DEFAULT_QUEUE

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEK: Final[tuple[Day, ...]] = (
    *("monday", "tuesday", "wednesday", "thursday", "friday"),
    *("saturday", "sunday"),
)
BEGINNING: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday: where a simulation begins if its plan does not say."""
COMFORTABLE: Final = 0.75
"""The load for which a queue is staffed if the plan does not say by how many."""
_BUCKET: Final = timedelta(days=7)


class Openings(Protocol):
    """When somebody is there: a working calendar of the domain fits, and so do `Hours`."""

    def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """The openings that begin on this day, in order, as instants."""
        ...


class Spread(Defined):
    """How long something takes: exactly one way to say it."""

    fixed: Duration | None = None
    exponential: PositiveDuration | None = None
    """By its mean."""
    uniform: Annotated[tuple[Duration, Duration], Field(strict=False)] | None = None
    """Between the shortest and the longest."""
    triangular: Annotated[tuple[Duration, Duration, Duration], Field(strict=False)] | None = None
    """Between the shortest and the longest, most often in the middle."""
    lognormal: PositiveDuration | None = None
    """By its median; now and then it takes much longer."""
    sigma: Annotated[float, Field(gt=0, le=3, strict=False, allow_inf_nan=False)] | None = None
    """Of lognormal: how much longer; 0.5 by default."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = ("fixed", "exponential", "uniform", "triangular", "lognormal")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            msg = f"give one of {', '.join(ways)}"
            raise ValueError(msg)
        if self.sigma is not None and self.lognormal is None:
            msg = "sigma: goes with lognormal"
            raise ValueError(msg)
        bounds = [_seconds(span) for span in self.uniform or self.triangular or ()]
        if bounds != sorted(bounds):
            msg = "give the shortest first, the longest last"
            raise ValueError(msg)
        return self

    @property
    def mean(self) -> float:
        """In seconds."""
        if self.lognormal is not None:
            return _seconds(self.lognormal) * math.exp(self._sigma**2 / 2)
        spans = self.uniform or self.triangular or (self.fixed or self.exponential,)
        return sum(map(_seconds, spans)) / len(spans)

    def drawn(self, dice: Random) -> float:
        """One length, in seconds."""
        if self.fixed is not None:
            return _seconds(self.fixed)
        if self.exponential is not None:
            return dice.expovariate(1 / _seconds(self.exponential))
        if self.uniform is not None:
            return dice.uniform(*map(_seconds, self.uniform))
        if self.triangular is not None:
            low, middle, high = map(_seconds, self.triangular)
            return dice.triangular(low, high, middle)
        return dice.lognormvariate(math.log(_seconds(self.lognormal)), self._sigma)

    @property
    def _sigma(self) -> float:
        return 0.5 if self.sigma is None else self.sigma


def _seconds(span: Span | None) -> float:
    return 0.0 if span is None else span.total.total_seconds()


class Waiting(Defined):
    """That an Action waits for somebody outside, once, when half of its work is done."""

    chance: Annotated[float, Field(ge=0, le=1, strict=False)]
    lasts: Spread


class Doing(Defined):
    """How an Action is done."""

    takes: Spread
    waits: Waiting | None = None
    """Left out: nothing; an Action that runs by itself waits as it takes."""


def _wall(value: str) -> str:
    try:
        time.fromisoformat(value)
    except ValueError:
        msg = "must be a time of day such as 08:00"
        raise ValueError(msg) from None
    return value


class Hours(Defined):
    """The same hours on some days of the week."""

    days: Annotated[tuple[Day, ...], Field(strict=False, min_length=1)] = WEEK[:5]
    opens: Annotated[str, AfterValidator(_wall)] = "08:00"
    closes: Annotated[str, AfterValidator(_wall)] = "17:00"
    zone: Annotated[str, AfterValidator(known_zone)] = "UTC"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if time.fromisoformat(self.opens) >= time.fromisoformat(self.closes):
            msg = "closes: must be later than opens"
            raise ValueError(msg)
        return self

    def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """The one opening of a day, if it has one."""
        if WEEK[day.weekday()] not in self.days:
            return []
        zone = ZoneInfo(self.zone)
        begins, ends = (
            datetime.combine(day, time.fromisoformat(wall), zone).astimezone(UTC)
            for wall in (self.opens, self.closes)
        )
        return [(begins, ends)]


class AllDay:
    """Always there, as robots are."""

    def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """The whole day."""
        midnight = datetime.combine(day, time(), UTC)
        return [(midnight, midnight + timedelta(days=1))]


class Staff(Defined):
    """Who works on a queue."""

    people: Annotated[int, Field(ge=1, le=10_000)]
    hours: Hours | None = None
    calendar: Name | None = None
    """A working calendar of the catalog. Neither hours nor calendar: always, as robots are."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.hours is not None and self.calendar is not None:
            msg = "calendar: give either hours or calendar"
            raise ValueError(msg)
        return self


class Alternative(Defined):
    """Data that some of the Cases are started with."""

    share: Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)] = 1.0
    values: Data


class Plan(Defined):
    """All that a definition does not say; what is left out is assumed."""

    begins: Instant = BEGINNING
    arrivals: Spread | None = None
    """Between two Cases; left out: at random, so that they spread over the period."""
    data: Annotated[tuple[Alternative, ...], Field(strict=False, max_length=1000)] = ()
    """What Cases are started with, each by its share."""
    human: Doing = Doing(
        takes=Spread(lognormal=Span.parse("PT20M"), sigma=0.6),
        waits=Waiting(chance=0.1, lasts=Spread(exponential=Span.parse("P1D"))),
    )
    """How Actions are done that people may do."""
    robot: Doing = Doing(takes=Spread(lognormal=Span.parse("PT1M")))
    """How Actions are done that are for robots."""
    by_itself: Doing = Doing(takes=Spread(lognormal=Span.parse("PT10S")))
    """How long Actions take that nobody does: a mail, a call, a Case that is started."""
    replied: Doing = Doing(takes=Spread(exponential=Span.parse("P2D")))
    """How long a reply is waited for, or sub-Cases."""
    review: Spread = Spread(lognormal=Span.parse("PT5M"))
    """How long it takes to check what a colleague completed."""
    actions: dict[Name, Doing] = Field(default_factory=dict)
    """How single Actions are done, by their key."""
    staff: dict[Name, Staff] = Field(default_factory=dict)
    """Who works on which queue; left out: as many as have a comfortable load."""

    def doing_of(self, action: ActionDefinition) -> Doing:
        """How an Action is done."""
        if action.kind is ActionKind.BY_HAND:
            of_its_sort = self.robot if action.performer is Performer.ROBOT else self.human
        elif action.kind in {ActionKind.SEND_MAIL_AND_WAIT, ActionKind.WAIT_FOR_SUB_CASES}:
            of_its_sort = self.replied
        else:
            of_its_sort = self.by_itself
        return self.actions.get(action.key, of_its_sort)

    def staff_for(self, definition: CaseDefinition, rate: float) -> dict[str, Staff]:
        """Who works on each queue, where so many Cases a second arrive."""
        hours: dict[str, Hours | None] = {}
        offered: dict[str, float] = {}
        fewest: dict[str, int] = {}
        for action in by_hand(definition):
            queue = queue_of(definition, action)
            fewest[queue] = max(fewest.get(queue, 1), 1 + action.peer_review)
            of_robots = action.performer is Performer.ROBOT and hours.get(queue) is None
            hours[queue] = None if of_robots else Hours()
            takes = self.doing_of(action).takes.mean + action.peer_review * self.review.mean
            offered[queue] = offered.get(queue, 0.0) + rate * takes
        return {
            queue: self.staff.get(queue)
            or Staff(
                people=max(
                    fewest[queue], math.ceil(load / _open_share(hours[queue]) / COMFORTABLE)
                ),
                hours=hours[queue],
            )
            for queue, load in offered.items()
        }

    def _people_in(self, queue: str) -> int | None:
        return self.staff[queue].people if queue in self.staff else None

    def problems_with(self, terms: Terms) -> list[tuple[str, str]]:
        """What it says of Actions and queues that the definition does not have: field, problem."""
        definition = terms.definition
        if definition is None:
            return []
        keys = {action.key for action in definition.actions}
        queues = {queue_of(definition, action) for action in by_hand(definition)}
        alone = {
            queue_of(definition, action)
            for action in by_hand(definition)
            if action.peer_review and self._people_in(queue_of(definition, action)) == 1
        }
        strange = [
            (f"staff.{queue}.calendar", f"the catalog has no calendar {staff.calendar}")
            for queue, staff in self.staff.items()
            if staff.calendar is not None and terms.calendar(staff.calendar) is None
        ]
        return (
            strange
            + [
                (f"staff.{queue}.people", "a review needs two: nobody checks their own work (A6)")
                for queue in sorted(alone)
            ]
            + [
                (
                    f"{field}.{name}",
                    f"{definition.name} has no {what} of this name: {_listed(known)}",
                )
                for field, what, given, known in (
                    ("actions", "Action", self.actions, keys),
                    ("staff", "queue", self.staff, queues),
                )
                for name in given
                if name not in known
            ]
        )


def by_hand(definition: CaseDefinition) -> list[ActionDefinition]:
    """The Actions that people or robots do."""
    return [action for action in definition.actions if action.kind is ActionKind.BY_HAND]


def queue_of(definition: CaseDefinition, action: ActionDefinition) -> str:
    """Where an Action waits to be picked up."""
    return action.queue or definition.queue or DEFAULT_QUEUE


def _open_share(openings: Openings | None) -> float:
    """How much of a week it is open."""
    if openings is None:
        return 1.0
    days = (BEGINNING.date() + timedelta(days=n) for n in range(_BUCKET.days))
    spans = [end - begin for day in days for begin, end in openings.openings_of(day)]
    return sum(spans, timedelta(0)) / _BUCKET


def _listed(known: set[str] | Mapping[str, object]) -> str:
    return f"there are {', '.join(sorted(known))}" if known else "there is none"
