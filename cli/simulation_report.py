"""What a simulation found out, as people read it."""

from collections.abc import Sequence
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.text import Text

from cli.phrases import span
from cli.terminal import Lines, pairs
from simulation.results import Figures, Lengths, QueueFigures

BUSY = 0.85
"""A load from which on lines grow long."""
FULL = 0.97
"""A load that is all there is."""


def figures(found: Figures) -> RenderableType:
    """The figures of a simulation, Cases first."""
    cases = found.cases
    head = pairs(
        {
            "Cases": f"{cases.started} in {found.days:g} days, {cases.done} done",
            "Throughput": lengths(cases.throughput),
            "Overdue": share(cases.overdue),
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


def _queue(name: str, queue: QueueFigures) -> Sequence[str | Text]:
    return (
        name,
        f"{queue.people}",
        f"{queue.done}",
        Text(share(queue.load), "red" if queue.load >= BUSY else ""),
        length(queue.waiting.mean),
        length(queue.waiting.p90),
        share(queue.overdue),
    )


def lengths(seen: Lengths) -> str:
    """`mean 2 h 5 min, median 1 h, 90 % within 5 h`."""
    if not seen.count:
        return "none"
    mean, median, p90 = (length(one) for one in (seen.mean, seen.median, seen.p90))
    return f"mean {mean}, median {median}, 90 % within {p90}"


def length(seconds: float) -> str:
    """A length of time in its two largest units."""
    return span(timedelta(seconds=round(seconds)))


def share(part: float) -> str:
    """`12.3 %`."""
    return f"{100 * part:.1f} %"
