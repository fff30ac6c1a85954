"""Schedules of a catalog: which Case starts by itself, and when (K1, ADR 0010)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

from domain.base.base_model import Defined
from domain.base.durations import PositiveDuration, Span
from domain.base.values import ACTION_PATTERN, Name, Person, StartedBy, Title, one_line
from domain.model.calendars import known_zone
from domain.model.starts import CaseStart, Contact, Data

STARTER: Final = "service:schedule"
"""Who starts what a schedule starts."""
SHORTEST: Final = timedelta(minutes=1)
_FIELDS: Final = 5
_SIGNS: Final = re.compile(r"[0-9A-Za-z*,/ -]+")
"""What Temporal's cron knows; neither `L`, `W`, `#` nor `?` of other crons."""
_FOREIGN: Final = re.compile(r"(?<![A-Za-z])[LW](?![A-Za-z])|[0-9][A-Za-z]", re.IGNORECASE)


def _cron(value: str) -> str:
    if len(value.split()) != _FIELDS or not _SIGNS.fullmatch(value) or _FOREIGN.search(value):
        msg = "must have five fields: minute hour day month weekday, such as 0 7 1 * *"
        raise ValueError(msg)
    every_weekday = " ".join([*value.split()[:-1], "*"])
    try:
        for moments in (value, every_weekday):
            next(CronSim(moments, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        msg = f"is no moment of any year ({error})" if str(error) else "is no moment of any year"
        raise ValueError(msg) from None
    return value


def _every(value: Span) -> Span:
    if value.total < SHORTEST:
        msg = "must be a minute or longer"
        raise ValueError(msg)
    return value


class Schedule(Defined):
    """One schedule: a Case of a definition, by cron in a time zone or at an interval."""

    definition: Name
    short_description: Annotated[Title, AfterValidator(one_line)]
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    """Minute, hour, day, month and weekday; a day and a weekday have to hold both, for Temporal."""
    every: Annotated[PositiveDuration, AfterValidator(_every)] | None = None
    zone: Annotated[str, AfterValidator(known_zone)] | None = None
    owner: Person | None = None
    queue: Name | None = None
    primary_contact: Contact | None = None
    requester: Contact | None = None
    data: Data = Field(default_factory=dict)
    paused: bool | None = None
    """Whether it stands still; left out, it stays as somebody set it in Temporal."""

    @model_validator(mode="after")
    def _when(self) -> Self:
        if (self.cron is None) == (self.every is None):
            msg = "cron: give either cron or every"
            raise ValueError(msg)
        if self.zone is not None and self.cron is None:
            msg = "zone: goes with cron; every counts from 1970 in UTC"
            raise ValueError(msg)
        return self

    @property
    def start(self) -> CaseStart:
        """What it starts a Case with."""
        return CaseStart(
            by=STARTER,
            started_by=StartedBy.SCHEDULE,
            submit=True,
            definition=self.definition,
            short_description=self.short_description,
            owner=self.owner,
            queue=self.queue,
            primary_contact=self.primary_contact,
            requester=self.requester,
            data=self.data,
        )


def _schedule_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", value) or ACTION_PATTERN.fullmatch(
        value
    ):
        msg = (
            "begins its Cases' references: 1 to 64 letters, digits, - and _, "
            "not ending in -A and digits"
        )
        raise ValueError(msg)
    return value


ScheduleName = Annotated[str, AfterValidator(_schedule_name)]
"""A schedule's name, with which the references of its Cases begin."""
