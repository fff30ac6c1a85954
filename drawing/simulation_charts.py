"""Charts of a simulation's results: load, waiting, throughput, and open items by day."""

import math
from collections.abc import Sequence
from typing import Final

from drawing.canvas import DrawingColour, SvgCanvas, wrap_text
from simulation.results import BUSY_LOAD, FULL_LOAD, SimulationResults, duration_text, percent

_WIDTH: Final = 960
_EDGE: Final = 28
_NAME_WIDTH: Final = 170
"""Width of the queues' names."""
_ROW_HEIGHT: Final = 30
_PLOT_HEIGHT: Final = 170
"""Height of a plot."""
_GAP: Final = 48
_BINS: Final = 40
_MAX_MARKS: Final = 6
"""Maximum number of marks of an axis."""
_HOUR: Final = 3600.0
_TIME_STEPS: Final = (
    *(60.0, 300.0, 900.0, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR),
    *(86_400.0 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
"""Distances between the marks of a time axis, in seconds."""


def draw_charts(results: SimulationResults) -> str:
    """Return the charts as one SVG image."""
    cases = results.cases
    canvas = SvgCanvas(f"Simulation of {results.definition}")
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
    y += 60 + _ROW_HEIGHT * len(results.queues) + _GAP
    _draw_throughput(canvas, results, (_EDGE, middle - _EDGE), y)
    _draw_open_items(canvas, results, (middle + _EDGE, _WIDTH - _EDGE), y)
    return canvas.to_svg(_WIDTH, y + _PLOT_HEIGHT + 70)


_Sides = tuple[float, float]


def _load_colour(load: float) -> DrawingColour:
    if load >= FULL_LOAD:
        return DrawingColour.RED
    return DrawingColour.AMBER if load >= BUSY_LOAD else DrawingColour.BLUE


def _draw_load(canvas: SvgCanvas, results: SimulationResults, sides: _Sides, y: float) -> None:
    left, right = sides
    canvas.text(left, y, "Load", bold=True, size=15)
    canvas.text(left + 46, y, "how much of their time people work", colour=DrawingColour.FAINT)
    begin, end = left + _NAME_WIDTH, right - 48
    top, bottom = y + 18, y + 18 + _ROW_HEIGHT * len(results.queues)
    for mark in (0.0, 0.5, 1.0):
        x = begin + mark * (end - begin)
        canvas.line([(x, top), (x, bottom)])
        canvas.text(
            x, bottom + 18, f"{mark:.0%}", size=11, colour=DrawingColour.FAINT, anchor="middle"
        )
    for row, (name, queue) in enumerate(results.queues.items()):
        middle = top + _ROW_HEIGHT * (row + 0.5)
        _draw_queue_name(canvas, left, middle, f"{name} ({queue.people})")
        colour = _load_colour(queue.load)
        width = max(1.0, queue.load * (end - begin))
        canvas.box(begin, middle - 9, width, 18, fill=colour, tip=f"{name}: {percent(queue.load)}")
        canvas.text(begin + width + 6, middle + 4, percent(queue.load), size=12)


def _draw_waiting(canvas: SvgCanvas, results: SimulationResults, sides: _Sides, y: float) -> None:
    left, right = sides
    canvas.text(left, y, "Waiting", bold=True, size=15)
    canvas.text(
        left + 66,
        y,
        "for somebody to pick it up; the mark is the median",
        colour=DrawingColour.FAINT,
    )
    begin, end = left + _NAME_WIDTH, right - 30
    top, bottom = y + 18, y + 18 + _ROW_HEIGHT * len(results.queues)
    longest = max((queue.waiting.p90 for queue in results.queues.values()), default=0.0)
    scale = _draw_time_axis(canvas, (begin, end), top, bottom, longest)
    for row, (name, queue) in enumerate(results.queues.items()):
        middle = top + _ROW_HEIGHT * (row + 0.5)
        seen = queue.waiting
        _draw_queue_name(canvas, left, middle, name)
        tip = f"{name}: median {duration_text(seen.median)}, 90 % within {duration_text(seen.p90)}"
        p90, mean = max(1.0, seen.p90 * scale), seen.mean * scale
        canvas.box(begin, middle - 9, p90, 18, fill=DrawingColour.LIGHT, tip=tip)
        canvas.box(begin, middle - 5, min(mean, p90), 10, fill=DrawingColour.BLUE, tip=tip)
        median = begin + seen.median * scale
        canvas.line(
            [(median, middle - 11), (median, middle + 11)], colour=DrawingColour.TEXT, width=2
        )
    _draw_legend(
        canvas,
        begin,
        bottom + 38,
        [(DrawingColour.BLUE, "mean"), (DrawingColour.LIGHT, "nine of ten within")],
    )


def _draw_throughput(
    canvas: SvgCanvas, results: SimulationResults, sides: _Sides, y: float
) -> None:
    left, right = sides
    canvas.text(left, y, "Throughput", bold=True, size=15)
    canvas.text(left + 94, y, "from submission to the last step's end", colour=DrawingColour.FAINT)
    seen = sorted(results.throughput)
    top, bottom = y + 18, y + 18 + _PLOT_HEIGHT
    longest = seen[math.ceil(0.99 * len(seen)) - 1] if seen else 0.0
    scale = _draw_time_axis(canvas, (left + 30, right), top, bottom, longest)
    counts = [0] * _BINS
    for duration in seen:
        index = int(duration / longest * _BINS) if longest else 0
        if index < _BINS or duration <= longest:
            counts[min(index, _BINS - 1)] += 1
    highest = max(counts)
    bar_width = longest * scale / _BINS if longest else 8.0
    for index, count in enumerate(counts):
        height = (_PLOT_HEIGHT - 14) * count / highest if highest else 0.0
        x = left + 30 + index * bar_width
        tip = f"{count} Cases within {duration_text((index + 1) * longest / _BINS)}"
        canvas.box(
            x, bottom - height, max(1.0, bar_width - 1), height, fill=DrawingColour.BLUE, tip=tip
        )
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


def _draw_open_items(
    canvas: SvgCanvas, results: SimulationResults, sides: _Sides, y: float
) -> None:
    left, right = sides
    canvas.text(left, y, "Day by day", bold=True, size=15)
    canvas.text(left + 92, y, "what was open at midnight", colour=DrawingColour.FAINT)
    bottom = y + 18 + _PLOT_HEIGHT
    begin, end = left + 36, right
    days = results.daily
    highest = max(1, *(day.cases for day in days), *(day.waiting for day in days))
    step = _axis_step(highest / _MAX_MARKS)
    for mark in range(0, highest + 1, step):
        height = bottom - (_PLOT_HEIGHT - 10) * mark / highest
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
            (begin + (end - begin) * number / last, bottom - (_PLOT_HEIGHT - 10) * count / highest)
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
    canvas: SvgCanvas, sides: _Sides, top: float, bottom: float, longest: float
) -> float:
    """Draw a time axis up to the longest duration; return its scale in pixels per second."""
    begin, end = sides
    reach = longest * 1.06 or _HOUR
    scale = (end - begin) / reach
    step = next((step for step in _TIME_STEPS if reach / step <= _MAX_MARKS), reach / _MAX_MARKS)
    for number in range(int(reach / step) + 1):
        x = begin + number * step * scale
        canvas.line([(x, top), (x, bottom)])
        words = duration_text(number * step) if number else "0"
        canvas.text(x, bottom + 18, words, size=11, colour=DrawingColour.FAINT, anchor="middle")
    return scale


def _draw_queue_name(canvas: SvgCanvas, x: float, middle: float, name: str) -> None:
    canvas.text(x, middle + 4, wrap_text(name, _NAME_WIDTH - 8, 12, 1)[0], size=12)


def _draw_legend(
    canvas: SvgCanvas, x: float, y: float, entries: Sequence[tuple[DrawingColour, str]]
) -> None:
    for colour, words in entries:
        canvas.box(x, y - 9, 10, 10, fill=colour)
        canvas.text(x + 15, y, words, size=11, colour=DrawingColour.FAINT)
        x += 30 + 7 * len(words)


def _axis_step(wanted: float) -> int:
    """Return the step of an axis near the one wanted: 1, 2 or 5, times a power of ten."""
    size = int(10 ** math.floor(math.log10(max(1.0, wanted))))
    return size * next((step for step in (1, 2, 5) if step * size >= wanted), 10)
