"""Working calendars of the catalog: opening hours by day, holidays by country or date."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from domain.base.base_model import StrictModel
from domain.model.calendars import (
    DAYS,
    Opening,
    Openings,
    WorkingCalendar,
    check_zone,
    find_openings_problem,
)

YEARS_BACK: Final = 1
YEARS_AHEAD: Final = 5
"""Years before and after the current one whose holidays are computed."""
CLOSED: Final = "closed"
_OPENING: Final = re.compile(r"([0-2]?\d):([0-5]\d)-([0-2]?\d):([0-5]\d)")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _openings(value: object) -> Openings:
    """Read `09:00-12:30 13:30-18:00` or `closed`."""
    if value == CLOSED:
        return ()
    words = value.replace(",", " ").split() if isinstance(value, str) else []
    matches = [_OPENING.fullmatch(word) for word in words]
    if not matches or not all(matches):
        msg = 'must be hours such as "09:00-12:30 13:30-18:00", or closed'
        raise ValueError(msg)
    numbers = [[int(number) for number in match.groups()] for match in matches if match]
    openings = tuple(Opening(a * 60 + b, c * 60 + d) for a, b, c, d in numbers)
    if problem := find_openings_problem(openings):
        raise ValueError(problem)
    return openings


def _date(value: object) -> date:
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        msg = f"there is no day {value}"
        raise ValueError(msg) from None
    msg = "must be a date such as 2026-12-24"
    raise ValueError(msg)


_TEXT: Final = WithJsonSchema({"type": "string"})
DayHours = Annotated[Openings, BeforeValidator(_openings), Field(strict=False), _TEXT]
"""Openings of a day, written like `09:00-12:30 13:30-18:00`."""


class Hours(StrictModel):
    """Opening hours; a day's own take precedence over `weekdays`, and these over `every_day`.

    A day without hours is closed.
    """

    every_day: DayHours | None = None
    weekdays: DayHours | None = None
    monday: DayHours | None = None
    tuesday: DayHours | None = None
    wednesday: DayHours | None = None
    thursday: DayHours | None = None
    friday: DayHours | None = None
    saturday: DayHours | None = None
    sunday: DayHours | None = None

    @property
    def week(self) -> tuple[Openings, ...]:
        """Openings of each day, Monday to Sunday."""
        groups = {"weekdays": DAYS[:5], "every_day": DAYS}
        by_day: dict[str, Openings] = {}
        for name in (*DAYS, *groups):
            openings = getattr(self, name)
            for day in groups.get(name, (name,)):
                if openings is not None:
                    by_day.setdefault(day, openings)
        return tuple(by_day.get(day, ()) for day in DAYS)


def _check_opens(hours: Hours) -> Hours:
    if not any(hours.week):
        msg = "is never open; give hours for a day, for weekdays or for every_day"
        raise ValueError(msg)
    return hours


class Holidays(StrictModel):
    """Days off: public holidays of a country or a part of it, and further dates."""

    country: str | None = None
    subdivision: str | None = None
    dates: Annotated[
        tuple[Annotated[date, BeforeValidator(_date), _TEXT], ...], Field(strict=False)
    ] = ()

    @field_validator("country")
    @classmethod
    def _country_is_known(cls, country: str) -> str:
        if country not in _country_subdivisions():
            msg = f"no country {country} is known; give its code, such as FR"
            raise ValueError(msg)
        return country

    @field_validator("subdivision")
    @classmethod
    def _subdivision_is_known(cls, subdivision: str, info: ValidationInfo) -> str:
        country = info.data.get("country")
        if country is None:
            msg = "goes with a country"
            raise ValueError(msg)
        known = _country_subdivisions()[country]
        if subdivision not in known:
            parts = ", ".join(known) or "none"
            msg = f"no part {subdivision} of {country} is known; there are {parts}"
            raise ValueError(msg)
        return subdivision

    def days_off(self, years: Iterable[int]) -> frozenset[date]:
        """Return the public holidays of these years, and all further dates."""
        if self.country is None:
            return frozenset(self.dates)
        from holidays import country_holidays

        public = country_holidays(self.country, subdiv=self.subdivision, years=years)
        return frozenset(self.dates) | frozenset(public)


def _country_subdivisions() -> dict[str, list[str]]:
    from holidays import list_supported_countries

    return list_supported_countries()


class Calendar(StrictModel):
    """Calendar of `calendars.yaml`."""

    zone: Annotated[str, AfterValidator(check_zone)]
    hours: Annotated[Hours, AfterValidator(_check_opens)]
    holidays: Holidays = Holidays()

    def to_working_calendar(self, name: str, this_year: int) -> WorkingCalendar:
        """Return the calendar that items store, under this name."""
        years = range(this_year - YEARS_BACK, this_year + YEARS_AHEAD + 1)
        return WorkingCalendar(
            name=name, zone=self.zone, week=self.hours.week, holidays=self.holidays.days_off(years)
        )
