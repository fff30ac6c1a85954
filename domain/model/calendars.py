"""Working time: when a desk is open, on the clock of its zone (D1, T5, T11)."""

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
REACH: Final = timedelta(days=36525)
"""How far a calendar reckons from a moment; what would be later, or earlier, is put there."""
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_ZONES: Final = resources.files("tzdata").joinpath("zoneinfo")
"""Always the pinned package: a machine's own zones, if it has any, may say otherwise."""
_NAMES: Final = frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def known_zone(name: str) -> str:
    """The name itself; raises ValueError if there is no such time zone."""
    if name not in _NAMES:
        msg = f"no time zone {name}; give one such as Europe/Paris"
        raise ValueError(msg)
    return name


class Opening(NamedTuple):
    """A stretch of a day, in minutes after midnight on the wall; 1440 is the end of the day."""

    begins: int
    ends: int


Openings = tuple[Opening, ...]


def wrong_with(openings: Openings) -> str | None:
    """What is wrong with the openings of a day, if anything."""
    for begins, ends in openings:
        if begins >= ends:
            return "ends before it begins; a night is two openings, before and after midnight"
        if not 0 <= begins < ends <= MINUTES_A_DAY:
            return "is not within the day"
    if any(later.begins < earlier.ends for earlier, later in pairwise(openings)):
        return "openings overlap or are not in order"
    return None


class WorkingCalendar(BaseModel):
    """When a desk is open, as an item keeps it from its submission on.

    It is open when the clock on the wall says so: an hour that summer time skips has no length, and
    one that comes twice counts twice.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    name: Name
    zone: Annotated[str, AfterValidator(known_zone)]
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
            if problem := wrong_with(openings):
                msg = f"{day}: {problem}"
                raise ValueError(msg)
        return self

    def openings_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """The day's openings as instants in UTC, in order."""
        openings = () if day in self.holidays else self.week[day.weekday()]
        midnight = datetime.combine(day, time(), UTC)
        found = []
        for since, until, offset in _stretches(self.zone, day) if openings else ():
            for begins, ends in openings:
                first = max(since, midnight + begins * _MINUTE - offset)
                last = min(until, midnight + ends * _MINUTE - offset)
                if first < last:
                    found.append((first, last))
        return found

    def opening_time_of(self, day: date) -> timedelta:
        """How long it is open on a day."""
        return sum((ends - begins for begins, ends in self.openings_of(day)), timedelta(0))

    def on_the_wall(self, moment: datetime) -> datetime:
        """The moment on the desk's clock."""
        return moment.astimezone(_zone(self.zone))

    def at(self, day: date, wall: time) -> datetime:
        """When the desk's clock shows this time; if it does so twice, the first time."""
        return datetime.combine(day, wall, _zone(self.zone)).astimezone(UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    with _ZONES.joinpath(*name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@lru_cache(maxsize=4096)
def _stretches(zone: str, day: date) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """A day's parts between changes of its clock: since, until, and what the clock is ahead of UTC.

    One that has no change is open at both ends: openings do not leave it anyway.
    """
    first = datetime.combine(day, time(), _zone(zone))
    last = datetime.combine(day + _DAY, time(fold=1), _zone(zone))
    before, after = _offset(first), _offset(last)
    beginning, end = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    if before == after:
        return ((beginning, end, before),)
    change = _change(zone, first.replace(tzinfo=UTC), before, after)
    return ((beginning, change, before), (change, end, after))


def _change(zone: str, midnight: datetime, before: timedelta, after: timedelta) -> datetime:
    """The instant at which the clock changes, on the day that begins with this midnight."""
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
