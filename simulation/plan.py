"""Assumptions of a simulation: arrivals, length of work and waits, and staff."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Annotated, Final, Literal, Protocol, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from domain.base.base_model import StrictModel
from domain.base.durations import Duration, PositiveDuration, Span
from domain.base.values import Instant, Name, Performer
from domain.model.action_kinds import ActionKind
from domain.model.calendars import check_zone
from domain.model.definitions import ActionDefinition, CaseDefinition, ItemTerms
from domain.model.starts import Data
from domain.rules.submitting import DEFAULT_QUEUE

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEK: Final[tuple[Day, ...]] = (
    *("monday", "tuesday", "wednesday", "thursday", "friday"),
    *("saturday", "sunday"),
)
DEFAULT_BEGIN: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""Default beginning of a simulation: a Monday."""
TARGET_LOAD: Final = 0.75
"""Load for which a queue is staffed if the plan gives no number of people."""
_WEEK_LENGTH: Final = timedelta(days=7)


class OpeningCalendar(Protocol):
    """Opening hours: a WorkingCalendar of the domain, or `WeeklyHours`."""

    def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the openings that begin on this day, in order, as instants."""
        ...


class Distribution(StrictModel):
    """Distribution of a length of time; exactly one kind is given."""

    fixed: Duration | None = None
    exponential: PositiveDuration | None = None
    """Exponential, by its mean."""
    uniform: Annotated[tuple[Duration, Duration], Field(strict=False)] | None = None
    """Uniform between the shortest and the longest."""
    triangular: Annotated[tuple[Duration, Duration, Duration], Field(strict=False)] | None = None
    """Triangular: shortest, most frequent and longest."""
    lognormal: PositiveDuration | None = None
    """Lognormal, by its median; a few values are much longer."""
    sigma: Annotated[float, Field(gt=0, le=3, strict=False, allow_inf_nan=False)] | None = None
    """Spread of lognormal; 0.5 by default."""

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        kinds = ("fixed", "exponential", "uniform", "triangular", "lognormal")
        if sum(getattr(self, kind) is not None for kind in kinds) != 1:
            msg = f"give one of {', '.join(kinds)}"
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
        """Mean in seconds."""
        if self.lognormal is not None:
            return _seconds(self.lognormal) * math.exp(self._sigma**2 / 2)
        spans = self.uniform or self.triangular or (self.fixed or self.exponential,)
        return sum(map(_seconds, spans)) / len(spans)

    def sample(self, random: Random) -> float:
        """Return one random length in seconds."""
        if self.fixed is not None:
            return _seconds(self.fixed)
        if self.exponential is not None:
            return random.expovariate(1 / _seconds(self.exponential))
        if self.uniform is not None:
            return random.uniform(*map(_seconds, self.uniform))
        if self.triangular is not None:
            low, middle, high = map(_seconds, self.triangular)
            return random.triangular(low, high, middle)
        return random.lognormvariate(math.log(_seconds(self.lognormal)), self._sigma)

    @property
    def _sigma(self) -> float:
        return 0.5 if self.sigma is None else self.sigma


def _seconds(span: Span | None) -> float:
    return 0.0 if span is None else span.total.total_seconds()


class OutsideWait(StrictModel):
    """Wait of an Action for somebody outside, once, when half of its work is done."""

    chance: Annotated[float, Field(ge=0, le=1, strict=False)]
    lasts: Distribution


class WorkPattern(StrictModel):
    """Length of an Action's work, and its wait for somebody outside."""

    takes: Distribution
    waits: OutsideWait | None = None
    """Wait during the work; none if left out. An automatic Action waits for its whole work."""


def _check_time_of_day(value: str) -> str:
    try:
        time.fromisoformat(value)
    except ValueError:
        msg = "must be a time of day such as 08:00"
        raise ValueError(msg) from None
    return value


class WeeklyHours(StrictModel):
    """Same opening hours on some days of the week."""

    days: Annotated[tuple[Day, ...], Field(strict=False, min_length=1)] = WEEK[:5]
    opens: Annotated[str, AfterValidator(_check_time_of_day)] = "08:00"
    closes: Annotated[str, AfterValidator(_check_time_of_day)] = "17:00"
    zone: Annotated[str, AfterValidator(check_zone)] = "UTC"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if time.fromisoformat(self.opens) >= time.fromisoformat(self.closes):
            msg = "closes: must be later than opens"
            raise ValueError(msg)
        return self

    def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the opening of a day, if it has one."""
        if WEEK[day.weekday()] not in self.days:
            return []
        zone = ZoneInfo(self.zone)
        begins, ends = (
            datetime.combine(day, time.fromisoformat(wall), zone).astimezone(UTC)
            for wall in (self.opens, self.closes)
        )
        return [(begins, ends)]


class AlwaysOpen:
    """Opening hours around the clock, as robots have."""

    def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the whole day as one opening."""
        midnight = datetime.combine(day, time(), UTC)
        return [(midnight, midnight + timedelta(days=1))]


class Staff(StrictModel):
    """People who work on a queue, and their hours."""

    people: Annotated[int, Field(ge=1, le=10_000)]
    hours: WeeklyHours | None = None
    calendar: Name | None = None
    """A working calendar of the catalog. Neither hours nor calendar: around the clock."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.hours is not None and self.calendar is not None:
            msg = "calendar: give either hours or calendar"
            raise ValueError(msg)
        return self


class StartData(StrictModel):
    """Data that a share of the Cases is started with."""

    share: Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)] = 1.0
    values: Data


class SimulationPlan(StrictModel):
    """Assumptions that a case definition does not hold; each has a default."""

    begins: Instant = DEFAULT_BEGIN
    arrivals: Distribution | None = None
    """Time between two Cases; by default, random arrivals over the period."""
    data: Annotated[tuple[StartData, ...], Field(strict=False, max_length=1000)] = ()
    """Data that Cases are started with, each by its share."""
    human: WorkPattern = WorkPattern(
        takes=Distribution(lognormal=Span.parse("PT20M"), sigma=0.6),
        waits=OutsideWait(chance=0.1, lasts=Distribution(exponential=Span.parse("P1D"))),
    )
    """Work on Actions that people may do."""
    robot: WorkPattern = WorkPattern(takes=Distribution(lognormal=Span.parse("PT1M")))
    """Work on Actions for robots."""
    by_itself: WorkPattern = WorkPattern(takes=Distribution(lognormal=Span.parse("PT10S")))
    """Length of automatic Actions: a mail, a call, the start of a Case."""
    replied: WorkPattern = WorkPattern(takes=Distribution(exponential=Span.parse("P2D")))
    """Time until a reply comes or sub-Cases end."""
    review: Distribution = Distribution(lognormal=Span.parse("PT5M"))
    """Length of a peer review."""
    actions: dict[Name, WorkPattern] = Field(default_factory=dict)
    """Work on single Actions, by their key."""
    staff: dict[Name, Staff] = Field(default_factory=dict)
    """People by queue; by default, enough for a load of TARGET_LOAD."""

    def pattern_of(self, action: ActionDefinition) -> WorkPattern:
        """Return the work pattern of an Action."""
        if action.kind is ActionKind.BY_HAND:
            default = self.robot if action.performer is Performer.ROBOT else self.human
        elif action.kind in {ActionKind.SEND_MAIL_AND_WAIT, ActionKind.WAIT_FOR_SUB_CASES}:
            default = self.replied
        else:
            default = self.by_itself
        return self.actions.get(action.key, default)

    def staff_for(self, definition: CaseDefinition, rate: float) -> dict[str, Staff]:
        """Return the staff of each queue for `rate` Cases a second."""
        hours: dict[str, WeeklyHours | None] = {}
        offered: dict[str, float] = {}
        minimum: dict[str, int] = {}
        for action in manual_actions(definition):
            queue = queue_of(definition, action)
            minimum[queue] = max(minimum.get(queue, 1), 1 + action.peer_review)
            of_robots = action.performer is Performer.ROBOT and hours.get(queue) is None
            hours[queue] = None if of_robots else WeeklyHours()
            takes = self.pattern_of(action).takes.mean + action.peer_review * self.review.mean
            offered[queue] = offered.get(queue, 0.0) + rate * takes
        return {
            queue: self.staff.get(queue)
            or Staff(
                people=max(
                    minimum[queue], math.ceil(load / _open_share(hours[queue]) / TARGET_LOAD)
                ),
                hours=hours[queue],
            )
            for queue, load in offered.items()
        }

    def _people_in(self, queue: str) -> int | None:
        return self.staff[queue].people if queue in self.staff else None

    def validate_against(self, terms: ItemTerms) -> list[tuple[str, str]]:
        """Return pairs (field, problem) for names that definition and catalog do not have."""
        definition = terms.definition
        if definition is None:
            return []
        keys = {action.key for action in definition.actions}
        queues = {queue_of(definition, action) for action in manual_actions(definition)}
        alone = {
            queue_of(definition, action)
            for action in manual_actions(definition)
            if action.peer_review and self._people_in(queue_of(definition, action)) == 1
        }
        unknown_calendars = [
            (f"staff.{queue}.calendar", f"the catalog has no calendar {staff.calendar}")
            for queue, staff in self.staff.items()
            if staff.calendar is not None and terms.find_calendar(staff.calendar) is None
        ]
        return (
            unknown_calendars
            + [
                (f"staff.{queue}.people", "a review needs two: nobody checks their own work (A6)")
                for queue in sorted(alone)
            ]
            + [
                (
                    f"{field}.{name}",
                    f"{definition.name} has no {what} of this name: {_known_names(known)}",
                )
                for field, what, given, known in (
                    ("actions", "Action", self.actions, keys),
                    ("staff", "queue", self.staff, queues),
                )
                for name in given
                if name not in known
            ]
        )


def manual_actions(definition: CaseDefinition) -> list[ActionDefinition]:
    """Return the Actions that people or robots do."""
    return [action for action in definition.actions if action.kind is ActionKind.BY_HAND]


def queue_of(definition: CaseDefinition, action: ActionDefinition) -> str:
    """Return the queue of an Action."""
    return action.queue or definition.queue or DEFAULT_QUEUE


def _open_share(openings: OpeningCalendar | None) -> float:
    """Return the share of a week that is open."""
    if openings is None:
        return 1.0
    days = (DEFAULT_BEGIN.date() + timedelta(days=n) for n in range(_WEEK_LENGTH.days))
    spans = [end - begin for day in days for begin, end in openings.openings_of(day)]
    return sum(spans, timedelta(0)) / _WEEK_LENGTH


def _known_names(known: set[str] | Mapping[str, object]) -> str:
    return f"there are {', '.join(sorted(known))}" if known else "there is none"
