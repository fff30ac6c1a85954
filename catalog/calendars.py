"""Working calendars as a desk writes them: opening hours by day, holidays by country or date."""

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

from domain.base.base_model import Defined
from domain.model.calendars import DAYS, Opening, Openings, WorkingCalendar, known_zone, wrong_with

YEARS_BACK: Final = 1
YEARS_AHEAD: Final = 5
"""Years whose holidays are known: of the one before the catalog is read, to five after it."""
CLOSED: Final = "closed"
_OPENING: Final = re.compile(r"([0-2]?\d):([0-5]\d)-([0-2]?\d):([0-5]\d)")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _openings(value: object) -> Openings:
    """Read `09:00-12:30 13:30-18:00` or `closed`."""
    if value == CLOSED:
        return ()
    words = value.replace(",", " ").split() if isinstance(value, str) else []
    found = [_OPENING.fullmatch(word) for word in words]
    if not found or not all(found):
        msg = 'must be hours such as "09:00-12:30 13:30-18:00", or closed'
        raise ValueError(msg)
    numbers = [[int(number) for number in one.groups()] for one in found if one]
    openings = tuple(Opening(a * 60 + b, c * 60 + d) for a, b, c, d in numbers)
    if problem := wrong_with(openings):
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
Day = Annotated[Openings, BeforeValidator(_openings), Field(strict=False), _TEXT]
"""The openings of a day, written as hours of the clock."""


class Hours(Defined):
    """When it is open; a day's own hours go before those of weekdays, and these before every day's.

    A day of which nothing is said is closed.
    """

    every_day: Day | None = None
    weekdays: Day | None = None
    monday: Day | None = None
    tuesday: Day | None = None
    wednesday: Day | None = None
    thursday: Day | None = None
    friday: Day | None = None
    saturday: Day | None = None
    sunday: Day | None = None

    @property
    def week(self) -> tuple[Openings, ...]:
        """Monday to Sunday."""
        wide = {"weekdays": DAYS[:5], "every_day": DAYS}
        by_day: dict[str, Openings] = {}
        for name in (*DAYS, *wide):
            openings = getattr(self, name)
            for day in wide.get(name, (name,)):
                if openings is not None:
                    by_day.setdefault(day, openings)
        return tuple(by_day.get(day, ()) for day in DAYS)


def _opens(hours: Hours) -> Hours:
    if not any(hours.week):
        msg = "is never open; give hours for a day, for weekdays or for every_day"
        raise ValueError(msg)
    return hours


class Holidays(Defined):
    """Days off: the public ones of a country, or of a part of it, and dates of the desk's own."""

    country: str | None = None
    subdivision: str | None = None
    dates: Annotated[
        tuple[Annotated[date, BeforeValidator(_date), _TEXT], ...], Field(strict=False)
    ] = ()

    @field_validator("country")
    @classmethod
    def _country_is_known(cls, country: str) -> str:
        if country not in _parts_of_countries():
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
        known = _parts_of_countries()[country]
        if subdivision not in known:
            parts = ", ".join(known) or "none"
            msg = f"no part {subdivision} of {country} is known; there are {parts}"
            raise ValueError(msg)
        return subdivision

    def of(self, years: Iterable[int]) -> frozenset[date]:
        """The days off of these years, and all dates of the desk's own."""
        if self.country is None:
            return frozenset(self.dates)
        from holidays import country_holidays

        public = country_holidays(self.country, subdiv=self.subdivision, years=years)
        return frozenset(self.dates) | frozenset(public)


def _parts_of_countries() -> dict[str, list[str]]:
    from holidays import list_supported_countries

    return list_supported_countries()


class Calendar(Defined):
    """One calendar of `calendars.yaml`."""

    zone: Annotated[str, AfterValidator(known_zone)]
    hours: Annotated[Hours, AfterValidator(_opens)]
    holidays: Holidays = Holidays()

    def named(self, name: str, this_year: int) -> WorkingCalendar:
        """The calendar as items keep it."""
        years = range(this_year - YEARS_BACK, this_year + YEARS_AHEAD + 1)
        return WorkingCalendar(
            name=name, zone=self.zone, week=self.hours.week, holidays=self.holidays.of(years)
        )
