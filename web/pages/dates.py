"""Dates and times in words: in the reader's language and zone, near ones by their nearness."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from markupsafe import Markup

from i18n.translations import translations

_PAUSED: Final = re.compile(r"Due: paused (?P<amount>.+) (?P<side>before due|after overdue)")
_FIRST: Final = re.compile(r"\b1\b(?= \w+[. ])", re.UNICODE)
_NEAR: Final = timedelta(days=6)
_MINUTE: Final = timedelta(minutes=1)
_PATTERNS: Final[Mapping[str, str]] = {
    "en": "EEE d MMM {year}'at' HH:mm",
    "fr": "EEE d MMM {year}'à' HH:mm",
}


def zone_of(name: str) -> ZoneInfo:
    """The zone of this name; UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Moments:
    """How one reader is told times, at one moment."""

    language: str
    zone: ZoneInfo
    now: datetime

    @classmethod
    def of(cls, language: str, zone: str, now: datetime | None = None) -> "Moments":
        """Times for somebody who reads this language in this zone."""
        there = zone_of(zone)
        return cls(
            translations(language).language, there, (now or datetime.now(UTC)).astimezone(there)
        )

    def plain(self, moment: datetime) -> str:
        """`today at 14:05`, `Thu 26 Nov at 14:05`; the year if it is another."""
        there = moment.astimezone(self.zone)
        days = (there.date() - self.now.date()).days
        clock = format_time(there, "HH:mm", locale=self.language)
        if days in {-1, 0, 1}:
            return translations(self.language)(f"day.{days}", time=clock)
        year = "" if there.year == self.now.year else "y "
        pattern = _PATTERNS[self.language].format(year=year)
        return self._first(format_datetime(there, pattern, locale=self.language))

    def whole(self, moment: datetime) -> str:
        """The full date and time, with its zone."""
        there = moment.astimezone(self.zone)
        day = self._first(format_date(there, "full", locale=self.language))
        return f"{day}, {format_time(there, 'HH:mm:ss', locale=self.language)} {there:%Z}"

    def _first(self, told: str) -> str:
        """The date as French has it, whose first of a month is an ordinal."""
        return _FIRST.sub("1er", told) if self.language == "fr" else told

    def until(self, moment: datetime) -> Markup:
        """`until` that moment, as `when` says it."""
        days = (moment.astimezone(self.zone).date() - self.now.date()).days
        near = "until_near" if days in {-1, 0, 1} else "until"
        told = translations(self.language)(f"day.{near}", moment="\0").partition("\0")
        return Markup("{}{}{}").format(told[0], self.when(moment), told[2])

    def away(self, moment: datetime) -> str:
        """`in 3 hours`, `2 days ago`."""
        ahead = moment - self.now
        if abs(ahead) < _MINUTE:
            return translations(self.language)("day.now" if ahead <= timedelta(0) else "day.soon")
        return format_timedelta(
            ahead, threshold=1.0, add_direction=True, locale=self.language, format="long"
        )

    def length(self, span: timedelta) -> str:
        """A length of time in words: `3 hours`."""
        return format_timedelta(abs(span), threshold=1.0, locale=self.language)

    def near(self, moment: datetime) -> str:
        """By its nearness where that says more, else by its date."""
        if abs(moment - self.now) < _NEAR:
            return self.away(moment)
        return self.plain(moment)

    def due(self, moment: datetime, colour: str) -> str:
        """How far away a due date is: `2 hours overdue`, `at risk, in 4 hours`, `in 3 days`."""
        translate = translations(self.language)
        if colour == "red":
            return translate("due.overdue", span=self.length(self.now - moment))
        if colour == "amber":
            return translate("due.at_risk", ahead=self.away(moment))
        return self.away(moment)

    def when(self, moment: datetime | None) -> Markup:
        """A `<time>` that says the date in words, and all of it to a pointer that rests on it."""
        return self._time(moment, self.plain)

    def ago(self, moment: datetime | None) -> Markup:
        """A `<time>` that says how far away it is."""
        return self._time(moment, self.near)

    def _time(self, moment: datetime | None, said: object) -> Markup:
        if moment is None:
            return Markup("")
        text = self.plain(moment) if said == self.plain else self.near(moment)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            moment.astimezone(UTC).isoformat(), self.whole(moment), text
        )

    def paused(self, due_text: str | None) -> str | None:
        """D5 in the reader's language: the remaining time while the clock stands still.

        None if it does not: then the due date itself says more.
        """
        found = _PAUSED.fullmatch(due_text or "")
        if found is None:
            return None
        amount, side = found["amount"], found["side"]
        if self.language == "fr":
            amount = re.sub(r"\bm\b", "min", re.sub(r"\bd\b", "j", amount))
        return translations(self.language)(
            f"due.{'before' if side == 'before due' else 'after'}", amount=amount
        )
