"""Draws the results of a simulation: load, waiting, throughput and open items day by day."""

import math
from collections.abc import Sequence
from typing import Final

from drawing.canvas import Ink, Sheet, wrapped
from simulation.results import BUSY_LOAD, FULL_LOAD, Figures, duration_text, percent

_WIDTH: Final = 960
_EDGE: Final = 28
_NAMES: Final = 170
"""Width of the queues' names."""
_ROW: Final = 30
_PLOT: Final = 170
"""Height of a plot."""
_GAP: Final = 48
_BINS: Final = 40
_MARKS: Final = 6
"""The most marks of an axis."""
_HOUR: Final = 3600.0
_STEPS: Final = (
    *(60.0, 300.0, 900.0, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR),
    *(86_400.0 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""Lengths that an axis may go by."""


def of(figures: Figures) -> str:
    """Return the picture as SVG."""
    cases = figures.cases
    sheet = Sheet(f"Simulation of {figures.definition}")
    sheet.text(_EDGE, 40, figures.definition, size=22, bold=True)
    median, p90 = duration_text(cases.throughput.median), duration_text(cases.throughput.p90)
    summary = (
        f"{cases.started} Cases in {figures.days:g} days; half of them done within {median}, "
        f"nine of ten within {p90}; {percent(cases.overdue)} overdue"
    )
    sheet.text(_EDGE, 64, summary, ink=Ink.FAINT)
    middle = _WIDTH / 2
    y = 104.0
    _load(sheet, figures, (_EDGE, middle - _EDGE), y)
    _waiting(sheet, figures, (middle + _EDGE, _WIDTH - _EDGE), y)
    y += 60 + _ROW * len(figures.queues) + _GAP
    _throughput(sheet, figures, (_EDGE, middle - _EDGE), y)
    _over_time(sheet, figures, (middle + _EDGE, _WIDTH - _EDGE), y)
    return sheet.written(_WIDTH, y + _PLOT + 70)


_Sides = tuple[float, float]


def _load_ink(load: float) -> Ink:
    if load >= FULL_LOAD:
        return Ink.RED
    return Ink.AMBER if load >= BUSY_LOAD else Ink.BLUE


def _load(sheet: Sheet, figures: Figures, sides: _Sides, y: float) -> None:
    left, right = sides
    sheet.text(left, y, "Load", bold=True, size=15)
    sheet.text(left + 46, y, "how much of their time people work", ink=Ink.FAINT)
    begin, end = left + _NAMES, right - 48
    top, bottom = y + 18, y + 18 + _ROW * len(figures.queues)
    for mark in (0.0, 0.5, 1.0):
        x = begin + mark * (end - begin)
        sheet.line([(x, top), (x, bottom)])
        sheet.text(x, bottom + 18, f"{mark:.0%}", size=11, ink=Ink.FAINT, anchor="middle")
    for row, (name, queue) in enumerate(figures.queues.items()):
        middle = top + _ROW * (row + 0.5)
        _name(sheet, left, middle, f"{name} ({queue.people})")
        ink = _load_ink(queue.load)
        width = max(1.0, queue.load * (end - begin))
        sheet.box(begin, middle - 9, width, 18, fill=ink, tip=f"{name}: {percent(queue.load)}")
        sheet.text(begin + width + 6, middle + 4, percent(queue.load), size=12)


def _waiting(sheet: Sheet, figures: Figures, sides: _Sides, y: float) -> None:
    left, right = sides
    sheet.text(left, y, "Waiting", bold=True, size=15)
    sheet.text(left + 66, y, "for somebody to pick it up; the mark is the median", ink=Ink.FAINT)
    begin, end = left + _NAMES, right - 30
    top, bottom = y + 18, y + 18 + _ROW * len(figures.queues)
    most = max((queue.waiting.p90 for queue in figures.queues.values()), default=0.0)
    scale = _ruled(sheet, (begin, end), top, bottom, most)
    for row, (name, queue) in enumerate(figures.queues.items()):
        middle = top + _ROW * (row + 0.5)
        seen = queue.waiting
        _name(sheet, left, middle, name)
        tip = f"{name}: median {duration_text(seen.median)}, 90 % within {duration_text(seen.p90)}"
        p90, mean = max(1.0, seen.p90 * scale), seen.mean * scale
        sheet.box(begin, middle - 9, p90, 18, fill=Ink.LIGHT, tip=tip)
        sheet.box(begin, middle - 5, min(mean, p90), 10, fill=Ink.BLUE, tip=tip)
        median = begin + seen.median * scale
        sheet.line([(median, middle - 11), (median, middle + 11)], ink=Ink.TEXT, width=2)
    _legend(sheet, begin, bottom + 38, [(Ink.BLUE, "mean"), (Ink.LIGHT, "nine of ten within")])


def _throughput(sheet: Sheet, figures: Figures, sides: _Sides, y: float) -> None:
    left, right = sides
    sheet.text(left, y, "Throughput", bold=True, size=15)
    sheet.text(left + 94, y, "from submission to the last step's end", ink=Ink.FAINT)
    seen = sorted(figures.throughput)
    top, bottom = y + 18, y + 18 + _PLOT
    most = seen[math.ceil(0.99 * len(seen)) - 1] if seen else 0.0
    scale = _ruled(sheet, (left + 30, right), top, bottom, most)
    counts = [0] * _BINS
    for one in seen:
        place = int(one / most * _BINS) if most else 0
        if place < _BINS or one <= most:
            counts[min(place, _BINS - 1)] += 1
    highest = max(counts)
    wide = most * scale / _BINS if most else 8.0
    for place, count in enumerate(counts):
        height = (_PLOT - 14) * count / highest if highest else 0.0
        x = left + 30 + place * wide
        tip = f"{count} Cases within {duration_text((place + 1) * most / _BINS)}"
        sheet.box(x, bottom - height, max(1.0, wide - 1), height, fill=Ink.BLUE, tip=tip)
    for words, at in (
        ("half", figures.cases.throughput.median),
        ("nine of ten", figures.cases.throughput.p90),
    ):
        x = left + 30 + at * scale
        sheet.line([(x, top), (x, bottom)], ink=Ink.TEXT, dashed=True)
        sheet.text(x + 4, top + 10, words, size=11)
    if figures.cases.done > sum(counts):
        beyond = f"{figures.cases.done - sum(counts)} took longer"
        sheet.text(right, bottom + 38, beyond, size=11, ink=Ink.FAINT, anchor="end")


def _over_time(sheet: Sheet, figures: Figures, sides: _Sides, y: float) -> None:
    left, right = sides
    sheet.text(left, y, "Day by day", bold=True, size=15)
    sheet.text(left + 92, y, "what was open at midnight", ink=Ink.FAINT)
    bottom = y + 18 + _PLOT
    begin, end = left + 36, right
    days = figures.daily
    most = max(1, *(day.cases for day in days), *(day.waiting for day in days))
    step = _round_number(most / _MARKS)
    for mark in range(0, most + 1, step):
        height = bottom - (_PLOT - 10) * mark / most
        sheet.line([(begin, height), (end, height)])
        sheet.text(begin - 6, height + 4, f"{mark}", size=11, ink=Ink.FAINT, anchor="end")
    last = max(1, len(days) - 1)
    for counts, ink in (
        ([day.cases for day in days], Ink.BLUE),
        ([day.waiting for day in days], Ink.AMBER),
    ):
        points = [
            (begin + (end - begin) * number / last, bottom - (_PLOT - 10) * count / most)
            for number, count in enumerate(counts)
        ]
        sheet.line(points, ink=ink, width=1.5)
    for part, anchor in (
        (0.0, "start"),
        (0.25, "middle"),
        (0.5, "middle"),
        (0.75, "middle"),
        (1.0, "end"),
    ):
        words = f"day {figures.days * part:.0f}"
        x = begin + (end - begin) * part
        sheet.text(x, bottom + 18, words, size=11, ink=Ink.FAINT, anchor=anchor)
    _legend(sheet, begin, bottom + 38, [(Ink.BLUE, "open Cases"), (Ink.AMBER, "Actions To Do")])


def _ruled(sheet: Sheet, sides: _Sides, top: float, bottom: float, most: float) -> float:
    """Draw an axis of lengths of time up to the longest; pixels for each second."""
    begin, end = sides
    reach = most * 1.06 or _HOUR
    scale = (end - begin) / reach
    step = next((step for step in _STEPS if reach / step <= _MARKS), reach / _MARKS)
    for number in range(int(reach / step) + 1):
        x = begin + number * step * scale
        sheet.line([(x, top), (x, bottom)])
        words = duration_text(number * step) if number else "0"
        sheet.text(x, bottom + 18, words, size=11, ink=Ink.FAINT, anchor="middle")
    return scale


def _name(sheet: Sheet, x: float, middle: float, name: str) -> None:
    sheet.text(x, middle + 4, wrapped(name, _NAMES - 8, 12, 1)[0], size=12)


def _legend(sheet: Sheet, x: float, y: float, entries: Sequence[tuple[Ink, str]]) -> None:
    for ink, words in entries:
        sheet.box(x, y - 9, 10, 10, fill=ink)
        sheet.text(x + 15, y, words, size=11, ink=Ink.FAINT)
        x += 30 + 7 * len(words)


def _round_number(wanted: float) -> int:
    """Return the step of an axis: 1, 2 or 5 times a power of ten, not below the wanted one."""
    size = int(10 ** math.floor(math.log10(max(1.0, wanted))))
    return size * next((step for step in (1, 2, 5) if step * size >= wanted), 10)
