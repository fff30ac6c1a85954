"""Dates and times for people, in the reader's language and time zone."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from markupsafe import Markup

from i18n.translations import translations

_PAUSED: Final = re.compile(r"Due: paused (?P<amount>.+) (?P<side>before due|after overdue)")
_FRENCH_FIRST_DAY: Final = re.compile(r"\b1\b(?= \w+[. ])", re.UNICODE)
_RELATIVE_WITHIN: Final = timedelta(days=6)
_MINUTE: Final = timedelta(minutes=1)
_PATTERNS: Final[Mapping[str, str]] = {
    "en": "EEE d MMM {year}'at' HH:mm",
    "fr": "EEE d MMM {year}'à' HH:mm",
}


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone of this name; UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class DateFormatter:
    """Formatter of dates for one reader, relative to `now`."""

    language: str
    zone: ZoneInfo
    now: datetime

    @classmethod
    def of(cls, language: str, zone: str, now: datetime | None = None) -> "DateFormatter":
        """Return the formatter for a language and a time zone; `now` is the present by default."""
        time_zone = find_zone(zone)
        return cls(
            translations(language).language,
            time_zone,
            (now or datetime.now(UTC)).astimezone(time_zone),
        )

    def plain(self, moment: datetime) -> str:
        """Return `today at 14:05` or `Thu 26 Nov at 14:05`; with the year if it is another."""
        local = moment.astimezone(self.zone)
        days = (local.date() - self.now.date()).days
        clock = format_time(local, "HH:mm", locale=self.language)
        if days in {-1, 0, 1}:
            return translations(self.language)(f"day.{days}", time=clock)
        year = "" if local.year == self.now.year else "y "
        pattern = _PATTERNS[self.language].format(year=year)
        return self._french_ordinal(format_datetime(local, pattern, locale=self.language))

    def full(self, moment: datetime) -> str:
        """Return the full date and time, with the time zone."""
        local = moment.astimezone(self.zone)
        day = self._french_ordinal(format_date(local, "full", locale=self.language))
        return f"{day}, {format_time(local, 'HH:mm:ss', locale=self.language)} {local:%Z}"

    def _french_ordinal(self, text: str) -> str:
        """Write the first of a month as an ordinal, if the language is French."""
        return _FRENCH_FIRST_DAY.sub("1er", text) if self.language == "fr" else text

    def until(self, moment: datetime) -> Markup:
        """Return `until` and the date as `when` writes it."""
        days = (moment.astimezone(self.zone).date() - self.now.date()).days
        near = "until_near" if days in {-1, 0, 1} else "until"
        before, _, after = translations(self.language)(f"day.{near}", moment="\0").partition("\0")
        return Markup("{}{}{}").format(before, self.when(moment), after)

    def relative(self, moment: datetime) -> str:
        """Return `in 3 hours` or `2 days ago`."""
        ahead = moment - self.now
        if abs(ahead) < _MINUTE:
            return translations(self.language)("day.now" if ahead <= timedelta(0) else "day.soon")
        return format_timedelta(
            ahead, threshold=1.0, add_direction=True, locale=self.language, format="long"
        )

    def duration(self, span: timedelta) -> str:
        """Return a duration: `3 hours`."""
        return format_timedelta(abs(span), threshold=1.0, locale=self.language)

    def near(self, moment: datetime) -> str:
        """Return the relative time within six days, else the date."""
        if abs(moment - self.now) < _RELATIVE_WITHIN:
            return self.relative(moment)
        return self.plain(moment)

    def due(self, moment: datetime, colour: str) -> str:
        """Return `2 hours overdue`, `at risk, in 4 hours` or `in 3 days`, by the colour."""
        translate = translations(self.language)
        if colour == "red":
            return translate("due.overdue", span=self.duration(self.now - moment))
        if colour == "amber":
            return translate("due.at_risk", ahead=self.relative(moment))
        return self.relative(moment)

    def when(self, moment: datetime | None) -> Markup:
        """Return a `<time>` element with the date; its title is the full date."""
        return self._time_element(moment, self.plain)

    def ago(self, moment: datetime | None) -> Markup:
        """Return a `<time>` element with the relative time; its title is the full date."""
        return self._time_element(moment, self.near)

    def _time_element(
        self, moment: datetime | None, format_text: Callable[[datetime], str]
    ) -> Markup:
        if moment is None:
            return Markup("")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            moment.astimezone(UTC).isoformat(), self.full(moment), format_text(moment)
        )

    def paused(self, due_text: str | None) -> str | None:
        """Return the remaining or exceeded time of a paused due date (D5); None if it runs."""
        match = _PAUSED.fullmatch(due_text or "")
        if match is None:
            return None
        amount, side = match["amount"], match["side"]
        if self.language == "fr":
            amount = re.sub(r"\bm\b", "min", re.sub(r"\bd\b", "j", amount))
        return translations(self.language)(
            f"due.{'before' if side == 'before due' else 'after'}", amount=amount
        )
