"""What a simulation found out, as people read it."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from cli.terminal import Lines, pairs
from simulation.results import (
    BUSY_LOAD,
    DurationStats,
    QueueResults,
    SimulationResults,
    duration_text,
    percent,
)


def figures(found: SimulationResults) -> RenderableType:
    """The figures of a simulation, Cases first."""
    cases = found.cases
    head = pairs(
        {
            "Cases": f"{cases.started} in {found.days:g} days, {cases.done} done",
            "Throughput": lengths(cases.throughput),
            "Overdue": percent(cases.overdue),
            "Open at the end": f"{cases.open_at_the_end}",
            "Stuck": Text(f"{cases.stuck} need attention", "red") if cases.stuck else None,
        }
    )
    queues = Lines(
        ("Queue", "Staff", "Actions", "Load", "Waiting", "90 % within", "Overdue"),
        [_queue(name, queue) for name, queue in found.queues.items()],
        flexible=0,
    )
    return Group(Text(found.definition, "bold"), head, "", queues)


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


def lengths(seen: DurationStats) -> str:
    """`mean 2 h 5 min, median 1 h, 90 % within 5 h`."""
    if not seen.count:
        return "none"
    mean, median, p90 = (duration_text(one) for one in (seen.mean, seen.median, seen.p90))
    return f"mean {mean}, median {median}, 90 % within {p90}"
