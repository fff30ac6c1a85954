"""Charts of a simulation's results: load, waiting, throughput and open work over time."""

import math
from collections.abc import Sequence
from typing import Final

from drawing.canvas import Canvas, DrawingColour, wrap_text
from simulation.results import (
    BUSY_LOAD,
    FULL_LOAD,
    SimulationResults,
    duration_text,
    percent,
)

_WIDTH: Final = 960
_EDGE: Final = 28
_NAMES: Final = 170
"""Width of the column with the queues' names."""
_ROW: Final = 30
_PLOT: Final = 170
"""Height of a plot."""
_GAP: Final = 48
_BINS: Final = 40
_MAX_MARKS: Final = 6
"""Most marks of an axis."""
_HOUR: Final = 3600.0
_STEPS: Final = (
    *(60.0, 300.0, 900.0, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR),
    *(86_400.0 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""Distances in seconds that an axis may have between two marks."""


def draw_charts(results: SimulationResults) -> str:
    """Return the charts as one SVG."""
    cases = results.cases
    canvas = Canvas(f"Simulation of {results.definition}")
    canvas.text(_EDGE, 40, results.definition, size=22, bold=True)
    median, p90 = duration_text(cases.throughput.median), duration_text(cases.throughput.p90)
    summary = (
        f"{cases.started} Cases in {results.days:g} days; half of them done within {median}, "
        f"nine of ten within {p90}; {percent(cases.overdue)} overdue"
    )
    canvas.text(_EDGE, 64, summary, colour=DrawingColour.FAINT)
    middle = _WIDTH / 2
    y = 104.0
    _draw_load(canvas, results, (_EDGE, middle - _EDGE), y)
    _draw_waiting(canvas, results, (middle + _EDGE, _WIDTH - _EDGE), y)
    y += 60 + _ROW * len(results.queues) + _GAP
    _draw_throughput(canvas, results, (_EDGE, middle - _EDGE), y)
    _draw_open_work(canvas, results, (middle + _EDGE, _WIDTH - _EDGE), y)
    return canvas.to_svg(_WIDTH, y + _PLOT + 70)


_Sides = tuple[float, float]


def _load_colour(load: float) -> DrawingColour:
    if load >= FULL_LOAD:
        return DrawingColour.RED
    return DrawingColour.AMBER if load >= BUSY_LOAD else DrawingColour.BLUE


def _draw_load(canvas: Canvas, results: SimulationResults, sides: _Sides, y: float) -> None:
    left, right = sides
    canvas.text(left, y, "Load", bold=True, size=15)
    canvas.text(left + 46, y, "how much of their time people work", colour=DrawingColour.FAINT)
    begin, end = left + _NAMES, right - 48
    top, bottom = y + 18, y + 18 + _ROW * len(results.queues)
    for mark in (0.0, 0.5, 1.0):
        x = begin + mark * (end - begin)
        canvas.line([(x, top), (x, bottom)])
        canvas.text(
            x, bottom + 18, f"{mark:.0%}", size=11, colour=DrawingColour.FAINT, anchor="middle"
        )
    for row, (name, queue) in enumerate(results.queues.items()):
        middle = top + _ROW * (row + 0.5)
        _draw_name(canvas, left, middle, f"{name} ({queue.people})")
        colour = _load_colour(queue.load)
        width = max(1.0, queue.load * (end - begin))
        canvas.box(begin, middle - 9, width, 18, fill=colour, tip=f"{name}: {percent(queue.load)}")
        canvas.text(begin + width + 6, middle + 4, percent(queue.load), size=12)


def _draw_waiting(canvas: Canvas, results: SimulationResults, sides: _Sides, y: float) -> None:
    left, right = sides
    canvas.text(left, y, "Waiting", bold=True, size=15)
    canvas.text(
        left + 66,
        y,
        "for somebody to pick it up; the mark is the median",
        colour=DrawingColour.FAINT,
    )
    begin, end = left + _NAMES, right - 30
    top, bottom = y + 18, y + 18 + _ROW * len(results.queues)
    maximum = max((queue.waiting.p90 for queue in results.queues.values()), default=0.0)
    scale = _draw_time_axis(canvas, (begin, end), top, bottom, maximum)
    for row, (name, queue) in enumerate(results.queues.items()):
        middle = top + _ROW * (row + 0.5)
        waiting = queue.waiting
        _draw_name(canvas, left, middle, name)
        median_text, p90_text = duration_text(waiting.median), duration_text(waiting.p90)
        tip = f"{name}: median {median_text}, 90 % within {p90_text}"
        p90, mean = max(1.0, waiting.p90 * scale), waiting.mean * scale
        canvas.box(begin, middle - 9, p90, 18, fill=DrawingColour.LIGHT, tip=tip)
        canvas.box(begin, middle - 5, min(mean, p90), 10, fill=DrawingColour.BLUE, tip=tip)
        median = begin + waiting.median * scale
        canvas.line(
            [(median, middle - 11), (median, middle + 11)], colour=DrawingColour.TEXT, width=2
        )
    _draw_legend(
        canvas,
        begin,
        bottom + 38,
        [(DrawingColour.BLUE, "mean"), (DrawingColour.LIGHT, "nine of ten within")],
    )


def _draw_throughput(canvas: Canvas, results: SimulationResults, sides: _Sides, y: float) -> None:
    left, right = sides
    canvas.text(left, y, "Throughput", bold=True, size=15)
    canvas.text(left + 94, y, "from submission to the last step's end", colour=DrawingColour.FAINT)
    lengths = sorted(results.throughput)
    top, bottom = y + 18, y + 18 + _PLOT
    maximum = lengths[math.ceil(0.99 * len(lengths)) - 1] if lengths else 0.0
    scale = _draw_time_axis(canvas, (left + 30, right), top, bottom, maximum)
    counts = [0] * _BINS
    for length in lengths:
        place = int(length / maximum * _BINS) if maximum else 0
        if place < _BINS or length <= maximum:
            counts[min(place, _BINS - 1)] += 1
    highest = max(counts)
    wide = maximum * scale / _BINS if maximum else 8.0
    for place, count in enumerate(counts):
        height = (_PLOT - 14) * count / highest if highest else 0.0
        x = left + 30 + place * wide
        tip = f"{count} Cases within {duration_text((place + 1) * maximum / _BINS)}"
        canvas.box(x, bottom - height, max(1.0, wide - 1), height, fill=DrawingColour.BLUE, tip=tip)
    for words, at in (
        ("half", results.cases.throughput.median),
        ("nine of ten", results.cases.throughput.p90),
    ):
        x = left + 30 + at * scale
        canvas.line([(x, top), (x, bottom)], colour=DrawingColour.TEXT, dashed=True)
        canvas.text(x + 4, top + 10, words, size=11)
    if results.cases.done > sum(counts):
        beyond = f"{results.cases.done - sum(counts)} took longer"
        canvas.text(right, bottom + 38, beyond, size=11, colour=DrawingColour.FAINT, anchor="end")


def _draw_open_work(canvas: Canvas, results: SimulationResults, sides: _Sides, y: float) -> None:
    left, right = sides
    canvas.text(left, y, "Day by day", bold=True, size=15)
    canvas.text(left + 92, y, "what was open at midnight", colour=DrawingColour.FAINT)
    bottom = y + 18 + _PLOT
    begin, end = left + 36, right
    days = results.daily
    maximum = max(1, *(day.cases for day in days), *(day.waiting for day in days))
    step = _round_number(maximum / _MAX_MARKS)
    for mark in range(0, maximum + 1, step):
        height = bottom - (_PLOT - 10) * mark / maximum
        canvas.line([(begin, height), (end, height)])
        canvas.text(
            begin - 6, height + 4, f"{mark}", size=11, colour=DrawingColour.FAINT, anchor="end"
        )
    last = max(1, len(days) - 1)
    for counts, colour in (
        ([day.cases for day in days], DrawingColour.BLUE),
        ([day.waiting for day in days], DrawingColour.AMBER),
    ):
        points = [
            (begin + (end - begin) * number / last, bottom - (_PLOT - 10) * count / maximum)
            for number, count in enumerate(counts)
        ]
        canvas.line(points, colour=colour, width=1.5)
    for part, anchor in (
        (0.0, "start"),
        (0.25, "middle"),
        (0.5, "middle"),
        (0.75, "middle"),
        (1.0, "end"),
    ):
        words = f"day {results.days * part:.0f}"
        x = begin + (end - begin) * part
        canvas.text(x, bottom + 18, words, size=11, colour=DrawingColour.FAINT, anchor=anchor)
    _draw_legend(
        canvas,
        begin,
        bottom + 38,
        [(DrawingColour.BLUE, "open Cases"), (DrawingColour.AMBER, "Actions To Do")],
    )


def _draw_time_axis(
    canvas: Canvas, sides: _Sides, top: float, bottom: float, longest: float
) -> float:
    """Draw a time axis up to `longest` seconds; return the pixels for each second."""
    begin, end = sides
    reach = longest * 1.06 or _HOUR
    scale = (end - begin) / reach
    step = next((step for step in _STEPS if reach / step <= _MAX_MARKS), reach / _MAX_MARKS)
    for number in range(int(reach / step) + 1):
        x = begin + number * step * scale
        canvas.line([(x, top), (x, bottom)])
        words = duration_text(number * step) if number else "0"
        canvas.text(x, bottom + 18, words, size=11, colour=DrawingColour.FAINT, anchor="middle")
    return scale


def _draw_name(canvas: Canvas, x: float, middle: float, name: str) -> None:
    canvas.text(x, middle + 4, wrap_text(name, _NAMES - 8, 12, 1)[0], size=12)


def _draw_legend(
    canvas: Canvas, x: float, y: float, entries: Sequence[tuple[DrawingColour, str]]
) -> None:
    for colour, words in entries:
        canvas.box(x, y - 9, 10, 10, fill=colour)
        canvas.text(x + 15, y, words, size=11, colour=DrawingColour.FAINT)
        x += 30 + 7 * len(words)


def _round_number(wanted: float) -> int:
    """Return the next round number: 1, 2 or 5, times a power of ten."""
    size = int(10 ** math.floor(math.log10(max(1.0, wanted))))
    return size * next((step for step in (1, 2, 5) if step * size >= wanted), 10)
