"""Durations in ISO 8601 (T5, T11, D1)."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, PlainSerializer, PlainValidator, WithJsonSchema

_NUMBER = r"\d+(?:[.,]\d+)?"
_SPAN = re.compile(
    rf"P(?:(?P<weeks>{_NUMBER})W)?(?:(?P<days>{_NUMBER})D)?"
    rf"(?:T(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?(?:(?P<seconds>{_NUMBER})S)?)?"
)
_MAX_TEXT_LENGTH = 40
_MAX_SPAN = timedelta(days=36525)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_MAX_UNITS = 2
"""Units of a short text, at most."""


@dataclass(frozen=True, slots=True)
class Span:
    """ISO 8601 duration in weeks, days, hours, minutes and seconds, with fractions.

    Months and years are refused (T11), because their length is not fixed. `days` and `clock` stay
    apart: a working calendar counts them differently (T5, T11).
    """

    days: float
    clock: timedelta

    @property
    def total(self) -> timedelta:
        """Return the span in calendar time: a day is 24 hours."""
        return timedelta(days=self.days) + self.clock

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Parse `P3D`, `PT1H30M`, `P1DT12H`, `P2W`; raise ValueError on anything else."""
        match = _SPAN.fullmatch(text) if len(text) <= _MAX_TEXT_LENGTH else None
        parts = (
            {k: float(v.replace(",", ".")) for k, v in match.groupdict().items() if v}
            if match
            else {}
        )
        if not parts or text.endswith("T"):
            msg = "must be an ISO 8601 duration such as P3D or PT1H30M, no months and years (T11)"
            raise ValueError(msg)
        try:
            span = cls(
                days=7 * parts.get("weeks", 0.0) + parts.get("days", 0.0),
                clock=timedelta(
                    hours=parts.get("hours", 0.0),
                    minutes=parts.get("minutes", 0.0),
                    seconds=parts.get("seconds", 0.0),
                ),
            )
            is_too_long = span.total > _MAX_SPAN
        except OverflowError:
            is_too_long = True
        if is_too_long:
            msg = "is longer than 100 years"
            raise ValueError(msg)
        return span

    def __str__(self) -> str:
        """Return the span in ISO 8601, as `parse` reads it."""
        days = f"{_format_number(self.days)}D" if self.days else ""
        seconds = f"T{_format_number(self.clock.total_seconds())}S" if self.clock else ""
        return f"P{days}{seconds}" if days or seconds else "PT0S"


def _format_number(number: float) -> str:
    return f"{number:.9f}".rstrip("0").rstrip(".")


def _to_span(value: Any) -> Span:  # noqa: ANN401 - pydantic passes any input
    if isinstance(value, Span):
        return value
    if not isinstance(value, str):
        msg = "must be an ISO 8601 duration in a string, such as PT72H"
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports only ValueError as a problem
    return Span.parse(value)


Duration = Annotated[
    Span,
    PlainValidator(_to_span),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "duration"}),
]
"""`Span` as an ISO 8601 string in JSON."""


def format_short_duration(length: timedelta) -> str:
    """Return the length without its sign, in its two largest units: `2 d 3 h`, `45 min`."""
    rest = int(abs(length).total_seconds())
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
        if len(parts) == _MAX_UNITS or (parts and not count):
            break
    return " ".join(parts) or "0 s"


def require_positive(span: Span) -> Span:
    """Refuse a span of zero."""
    if span.total <= timedelta(0):
        msg = "must be longer than nothing"
        raise ValueError(msg)
    return span


PositiveDuration = Annotated[Duration, AfterValidator(require_positive)]
"""`Duration` that is longer than zero."""
