"""Working calendars: opening hours of a desk in its time zone (D1, T5, T11)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from typing import Annotated, Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from domain.base.values import Name

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_A_DAY: Final = 24 * 60
MAX_REACH: Final = timedelta(days=36525)
"""Longest distance that a calendar counts; a moment farther away is set to this distance."""
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_ZONES: Final = resources.files("tzdata").joinpath("zoneinfo")
"""Time zones of the pinned package: the machine's own zones may differ."""
_NAMES: Final = frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def check_zone(name: str) -> str:
    """Return the name of a time zone; raise ValueError if there is no such zone."""
    if name not in _NAMES:
        msg = f"no time zone {name}; give one such as Europe/Paris"
        raise ValueError(msg)
    return name


class Opening(NamedTuple):
    """Opening of a day, in local minutes after midnight; 1440 is the end of the day."""

    begins: int
    ends: int


Openings = tuple[Opening, ...]


def find_openings_problem(openings: Openings) -> str | None:
    """Return the problem of a day's openings; None if they are in order."""
    for begins, ends in openings:
        if begins >= ends:
            return "ends before it begins; a night is two openings, before and after midnight"
        if not 0 <= begins < ends <= MINUTES_A_DAY:
            return "is not within the day"
    if any(later.begins < earlier.ends for earlier, later in pairwise(openings)):
        return "openings overlap or are not in order"
    return None


class WorkingCalendar(BaseModel):
    """Opening hours of a desk, pinned by an item at its submission.

    The desk is open when its local clock says so: an hour that summer time skips has no length, and
    an hour that comes twice counts twice.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    name: Name
    zone: Annotated[str, AfterValidator(check_zone)]
    week: Annotated[tuple[Openings, ...], Field(min_length=7, max_length=7, strict=False)]
    """Openings of Monday to Sunday, in order."""
    holidays: Annotated[
        frozenset[date], Field(strict=False), PlainSerializer(sorted, return_type=list[date])
    ] = frozenset()

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not any(self.week):
            msg = "is never open"
            raise ValueError(msg)
        for day, openings in zip(DAYS, self.week, strict=True):
            if problem := find_openings_problem(openings):
                msg = f"{day}: {problem}"
                raise ValueError(msg)
        return self

    def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return a day's openings as instants in UTC, in order."""
        openings = () if day in self.holidays else self.week[day.weekday()]
        midnight = datetime.combine(day, time(), UTC)
        openings_utc = []
        for since, until, offset in _offsets_of_day(self.zone, day) if openings else ():
            for begins, ends in openings:
                first = max(since, midnight + begins * _MINUTE - offset)
                last = min(until, midnight + ends * _MINUTE - offset)
                if first < last:
                    openings_utc.append((first, last))
        return openings_utc

    def opening_time_of(self, day: date) -> timedelta:
        """Return the total opening time of a day."""
        return sum((ends - begins for begins, ends in self.openings_of(day)), timedelta(0))

    def local_time(self, moment: datetime) -> datetime:
        """Return the moment in the desk's time zone."""
        return moment.astimezone(_zone(self.zone))

    def instant_of(self, day: date, local_time: time) -> datetime:
        """Return the instant of a local time; the first one if the clock shows it twice."""
        return datetime.combine(day, local_time, _zone(self.zone)).astimezone(UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    with _ZONES.joinpath(*name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@lru_cache(maxsize=4096)
def _offsets_of_day(zone: str, day: date) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """Return the parts of a day between clock changes: since, until, and the offset from UTC.

    A day without a change is unbounded at both ends, because openings stay within the day.
    """
    first = datetime.combine(day, time(), _zone(zone))
    last = datetime.combine(day + _DAY, time(fold=1), _zone(zone))
    before, after = _offset(first), _offset(last)
    earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    if before == after:
        return ((earliest, latest, before),)
    change = _clock_change(zone, first.replace(tzinfo=UTC), before, after)
    return ((earliest, change, before), (change, latest, after))


def _clock_change(zone: str, midnight: datetime, before: timedelta, after: timedelta) -> datetime:
    """Return the instant at which the clock changes, on the day that begins at this midnight."""
    low = midnight - max(before, after) - _MINUTE
    high = midnight + _DAY - min(before, after)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if _offset(middle.astimezone(_zone(zone))) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(wall: datetime) -> timedelta:
    return wall.utcoffset() or timedelta(0)
