"""Durations as people read them."""

from datetime import timedelta

import pytest

from domain.base.durations import format_short_duration


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
        (timedelta(days=1, minutes=4), "1 d"),
        (timedelta(minutes=45), "45 min"),
        (timedelta(seconds=12.9), "12 s"),
        (timedelta(0), "0 s"),
        (timedelta(hours=-1), "1 h"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(length: timedelta, text: str) -> None:
    assert format_short_duration(length) == text
