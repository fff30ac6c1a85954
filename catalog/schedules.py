"""Schedules of the catalog: Cases that start by cron or at an interval (K1, ADR 0010)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

from domain.base.base_model import StrictModel
from domain.base.durations import PositiveDuration, Span
from domain.base.values import ACTION_PATTERN, Name, Person, StartedBy, Title, require_one_line
from domain.model.calendars import check_zone
from domain.model.starts import CaseStart, Contact, Data

SCHEDULE_ACTOR: Final = "service:schedule"
"""Actor of the Cases that a schedule starts."""
MIN_INTERVAL: Final = timedelta(minutes=1)
_CRON_FIELDS: Final = 5
_CRON_CHARACTERS: Final = re.compile(r"[0-9A-Za-z*,/ -]+")
"""Characters of Temporal's cron, which has neither `L`, `W`, `#` nor `?` of other crons."""
_UNSUPPORTED: Final = re.compile(r"(?<![A-Za-z])[LW](?![A-Za-z])|[0-9][A-Za-z]", re.IGNORECASE)


def _cron(value: str) -> str:
    if (
        len(value.split()) != _CRON_FIELDS
        or not _CRON_CHARACTERS.fullmatch(value)
        or _UNSUPPORTED.search(value)
    ):
        msg = "must have five fields: minute hour day month weekday, such as 0 7 1 * *"
        raise ValueError(msg)
    every_weekday = " ".join([*value.split()[:-1], "*"])
    try:
        for expression in (value, every_weekday):
            next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        msg = f"is no moment of any year ({error})" if str(error) else "is no moment of any year"
        raise ValueError(msg) from None
    return value


def _every(value: Span) -> Span:
    if value.total < MIN_INTERVAL:
        msg = "must be a minute or longer"
        raise ValueError(msg)
    return value


class Schedule(StrictModel):
    """Schedule: starts Cases of a definition, by cron in a time zone or at an interval."""

    definition: Name
    short_description: Annotated[Title, AfterValidator(require_one_line)]
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    """Minute, hour, day, month and weekday; in Temporal day and weekday must both match."""
    every: Annotated[PositiveDuration, AfterValidator(_every)] | None = None
    zone: Annotated[str, AfterValidator(check_zone)] | None = None
    owner: Person | None = None
    queue: Name | None = None
    primary_contact: Contact | None = None
    requester: Contact | None = None
    data: Data = Field(default_factory=dict)
    paused: bool | None = None
    """True if the schedule starts nothing; left out, the state that was set in Temporal stays."""

    @model_validator(mode="after")
    def _check_cron_or_every(self) -> Self:
        if (self.cron is None) == (self.every is None):
            msg = "cron: give either cron or every"
            raise ValueError(msg)
        if self.zone is not None and self.cron is None:
            msg = "zone: goes with cron; every counts from 1970 in UTC"
            raise ValueError(msg)
        return self

    @property
    def start(self) -> CaseStart:
        """Start message of the schedule's Cases."""
        return CaseStart(
            by=SCHEDULE_ACTOR,
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
"""Name of a schedule; the references of its Cases begin with it."""
