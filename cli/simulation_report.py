"""Renders the results of a simulation for people."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from cli.terminal import FoldingTable, field_grid
from simulation.results import (
    BUSY_LOAD,
    DurationStats,
    QueueResults,
    SimulationResults,
    duration_text,
    percent,
)


def render_results(results: SimulationResults) -> RenderableType:
    """Return the results of a simulation: Cases first, then queues."""
    cases = results.cases
    head = field_grid(
        {
            "Cases": f"{cases.started} in {results.days:g} days, {cases.done} done",
            "Throughput": lengths_text(cases.throughput),
            "Overdue": percent(cases.overdue),
            "Open at the end": f"{cases.open_at_the_end}",
            "Stuck": Text(f"{cases.stuck} need attention", "red") if cases.stuck else None,
        }
    )
    queues = FoldingTable(
        ("Queue", "Staff", "Actions", "Load", "Waiting", "90 % within", "Overdue"),
        [_queue(name, queue) for name, queue in results.queues.items()],
        flexible=0,
    )
    return Group(Text(results.definition, "bold"), head, "", queues)


def _queue(name: str, queue: QueueResults) -> Sequence[str | Text]:
    return (
        name,
        f"{queue.people}",
        f"{queue.done}",
        Text(percent(queue.load), "red" if queue.load >= BUSY_LOAD else ""),
        duration_text(queue.waiting.mean),
        duration_text(queue.waiting.p90),
        percent(queue.overdue),
    )


def lengths_text(lengths: DurationStats) -> str:
    """Return `mean 2 h 5 min, median 1 h, 90 % within 5 h`, or `none`."""
    if not lengths.count:
        return "none"
    mean, median, p90 = map(duration_text, (lengths.mean, lengths.median, lengths.p90))
    return f"mean {mean}, median {median}, 90 % within {p90}"
