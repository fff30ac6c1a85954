"""Dates in words: in the reader's language and zone, near ones relative to today (D3, D5)."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from web.pages.dates import DateFormatter, find_zone

NOON: Final = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
EN: Final = DateFormatter.of("en", "Europe/Paris", NOON)
FR: Final = DateFormatter.of("fr", "Europe/Paris", NOON)


@pytest.mark.parametrize(
    ("hours", "english", "french"),
    [
        (0, "today at 12:00", "aujourd'hui à 12:00"),
        (-12.5, "yesterday at 23:30", "hier à 23:30"),
        (12, "tomorrow at 00:00", "demain à 00:00"),
        (48, "Thu 26 Nov at 12:00", "jeu. 26 nov. à 12:00"),
        (24 * 60, "Sat 23 Jan 2027 at 12:00", "sam. 23 janv. 2027 à 12:00"),
    ],
)
def test_a_moment_is_said_in_words_on_the_readers_own_clock(
    hours: float, english: str, french: str
) -> None:
    moment = NOON + timedelta(hours=hours)
    assert (EN.plain(moment), FR.plain(moment)) == (english, french)


def test_the_same_moment_is_another_day_in_another_zone() -> None:
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert DateFormatter.of("en", "UTC", NOON).plain(late) == "today at 23:30"
    assert EN.plain(late) == "tomorrow at 00:30"


@pytest.mark.parametrize(
    ("colour", "hours", "english", "french"),
    [
        ("red", -2, "2 hours overdue", "en retard de 2\N{NO-BREAK SPACE}heures"),
        ("red", -30 * 24, "1 month overdue", "en retard de 1\N{NO-BREAK SPACE}mois"),
        ("amber", 4, "at risk, in 4 hours", "à risque, dans 4 heures"),
        ("green", 7, "in 7 hours", "dans 7 heures"),
        ("green", 24 * 9, "in 1 week", "dans 1 semaine"),
    ],
)
def test_a_due_date_says_in_words_what_its_colour_says(  # D3
    colour: str, hours: float, english: str, french: str
) -> None:
    moment = NOON + timedelta(hours=hours)
    assert (EN.due(moment, colour), FR.due(moment, colour)) == (english, french)


@pytest.mark.parametrize(
    ("shown", "english", "french"),
    [
        (
            "Due: paused 3 h 20 m before due",
            "3 h 20 m before due",
            "3 h 20 min avant l'échéance",
        ),
        (
            "Due: paused 2 d 1 h 5 m after overdue",
            "2 d 1 h 5 m after overdue",
            "2 j 1 h 5 min après l'échéance",
        ),
        ("Due: 2026-11-26 12:00 Europe/Paris", None, None),
        (None, None, None),
    ],
)
def test_the_remaining_time_of_a_stopped_clock_is_said_in_either_language(  # D5
    shown: str | None, english: str | None, french: str | None
) -> None:
    assert (EN.paused(shown), FR.paused(shown)) == (english, french)


def test_a_time_says_all_of_it_to_whoever_rests_on_it() -> None:
    words = str(FR.when(NOON))
    assert 'datetime="2026-11-24T11:00:00+00:00"' in words
    assert 'title="mardi 24 novembre 2026, 12:00:00 CET"' in words
    assert str(EN.when(None)) == ""


def test_what_happens_this_minute_is_now() -> None:
    assert ">just now<" in str(EN.ago(NOON - timedelta(seconds=30)))
    assert ">any moment<" in str(EN.ago(NOON + timedelta(seconds=30)))
    assert ">3 days ago<" in str(EN.ago(NOON - timedelta(days=3)))
    assert ">Tue 10 Nov at 12:00<" in str(EN.ago(NOON - timedelta(days=14)))


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../etc/passwd", "Europe\0Paris", "Europe"])
def test_a_zone_that_there_is_none_of_is_utc(name: str) -> None:
    assert find_zone(name).key == "UTC"


@pytest.mark.parametrize(
    ("days", "english", "french"),
    [
        (1, "until tomorrow at 12:00", "jusqu'à demain à 12:00"),
        (7, "until Tue 1 Dec at 12:00", "jusqu'au mar. 1er déc. à 12:00"),
        (8, "until Wed 2 Dec at 12:00", "jusqu'au mer. 2 déc. à 12:00"),
        (18, "until Sat 12 Dec at 12:00", "jusqu'au sam. 12 déc. à 12:00"),
    ],
)
def test_what_lasts_until_a_moment_says_so(days: int, english: str, french: str) -> None:
    words = (moments.until(NOON + timedelta(days=days)) for moments in (EN, FR))
    assert tuple(html.striptags() for html in words) == (english, french)
