"""What the shell says of the desk as a whole: its parts, its catalog, its check."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from catalog.loader import Catalog
from catalog.schedules import Schedule
from cli.terminal import Lines, pairs
from devstack.stack_info import Running
from domain.base.durations import short_text
from domain.model.calendars import DAYS, Openings, WorkingCalendar
from domain.model.definitions import Settings, Terms
from reconciliation.fsck import Difference
from starter.schedules import Planned, Step


def ready(line: str) -> RenderableType:
    """A part of the stack that became ready."""
    return Text.assemble(("ready  ", "green"), line)


def welcome(there: Running, database: str, known: Catalog, *, is_default: bool) -> RenderableType:
    """Where everything is, and what to try next."""
    definition, terms = next(iter(sorted(known.definitions.items())), ("", Terms()))
    queue = (terms.definition and terms.definition.queue) or "default"
    tries = [
        'casekeep new case "My first Case" --submit'
        + (f" --definition {definition}" if definition else ""),
        f"casekeep queue {queue}",
        "casekeep show REFERENCE",
        "casekeep do REFERENCE start",
    ]
    if not is_default:
        tries.insert(0, f"export TEMPORAL_ADDRESS={there.temporal}   # the ports are not the usual")
    return Group(
        "",
        Text("The desk is up. Ctrl-C stops it.", "bold"),
        pairs(
            {
                **({} if there.web is None else {"Work pages": there.web}),
                "Temporal": there.temporal,
                "Its UI": there.ui,
                **({} if there.mail is None else {"Mails": f"taken in at {there.mail}"}),
                "Database": database,
                "Logs": "server.log, worker.log, mailroom.log and web.log in .casekeep/",
            }
        ),
        "",
        Text("Try in another terminal, in this folder:"),
        *(Text(f"  {line}", "bold") for line in tries),
    )


def way_in(link: str) -> RenderableType:
    """The link to the pages, on a line that is not broken, so that it can be clicked or copied."""
    return Text.assemble(
        "\nOr open the work pages; this link signs you in once, within 15 minutes:\n  ",
        (link, "bold"),
        ("\n  (another one: casekeep account link NAME)", "dim"),
    )


def catalog(found: Catalog, today: date) -> RenderableType:
    """What a catalog holds."""
    if found == Catalog():
        return Text("The catalog is empty: items need none, but nothing is preset.")
    categories = Lines(
        ("Ticket category", "Queue", "Due", "Feedback window"),
        [_category(name, terms) for name, terms in sorted(found.categories.items())],
    )
    definitions = Lines(
        ("Case definition", "Version", "Steps and their Actions"),
        [
            (
                name,
                str(terms.definition.version),
                Text("\n").join(
                    Text.assemble(
                        (step.title or step.key, "bold"),
                        ": ",
                        ", ".join(action.key for action in step.actions),
                    )
                    for step in terms.definition.steps
                ),
            )
            for name, terms in sorted(found.definitions.items())
            if terms.definition is not None
        ],
    )
    schedules = Lines(
        ("Schedule", "When", "Starts"),
        [
            (name, when(schedule), f"{schedule.definition}: {schedule.short_description}")
            for name, schedule in sorted(found.schedules.items())
        ],
    )
    calendars = Lines(
        ("Calendar", "Zone", "Hours", "Next day off"),
        [_calendar(calendar, today) for _, calendar in sorted(found.calendars.items())],
    )
    queues = Lines(
        ("Queue", "Robots are offered", "Title"),
        [
            (name, ", ".join(f"{kind}s" for kind in queue.robots) or "nothing", queue.title)
            for name, queue in sorted(found.queues.items())
        ],
    )
    services = Lines(
        ("Service", "Address"),
        [(name, service.url) for name, service in sorted(found.services.items())],
    )
    more = [
        ("", lines)
        for lines, there in (
            (queues, found.queues),
            (calendars, found.calendars),
            (schedules, found.schedules),
            (services, found.services),
        )
        if there
    ]
    return Group(categories, "", definitions, *(part for pair in more for part in pair))


def when(schedule: Schedule) -> str:
    """When a schedule starts something."""
    zone = f" ({schedule.zone})" if schedule.zone else ""
    text = f"every {schedule.every}" if schedule.every else f"{schedule.cron}{zone}"
    return f"{text}, paused" if schedule.paused else text


def schedules(done: Sequence[Planned], *, dry_run: bool) -> RenderableType:
    """What was done about the desk's schedules, or would be."""
    if not done:
        return Text("The catalog has no schedules, and Temporal has none of this desk.")
    would = "would be " if dry_run else ""
    return Lines(
        ("Schedule", ""),
        [
            (one.name, one.step if one.step is Step.UNCHANGED else Text(would + one.step, "green"))
            for one in done
        ],
        flexible=1,
    )


def difference(one: Difference) -> RenderableType:
    """Something that was not as it should be, and what was done about it."""
    return Text.assemble((one.reference, "bold"), f"  {one.found}: ", (one.done, "green"))


def _category(name: str, terms: Terms) -> tuple[str, ...]:
    settings = terms.settings or Settings()
    due, window = settings.due, settings.feedback_window
    return (
        name,
        terms.queue or "default",
        _amount(due.within.total, due.calendar) if due else "",
        _amount(window.total, settings.calendar) if window and window.total else "none",
    )


def _amount(span: timedelta, calendar: str | None) -> str:
    """How long, and in whose working time, if in any."""
    return short_text(span) + (f" ({calendar})" if calendar else "")


def _calendar(calendar: WorkingCalendar, today: date) -> tuple[str | Text, ...]:
    """A calendar's hours, days that are alike in one line."""
    alike = groupby(enumerate(calendar.week), lambda day: day[1])
    lines = [_hours([DAYS[number] for number, _ in days], hours) for hours, days in alike]
    days_off = sorted(day for day in calendar.holidays if day >= today)
    return (
        calendar.name,
        calendar.zone,
        Text("\n").join(lines),
        f"{days_off[0]}" if days_off else "none",
    )


def _hours(days: Sequence[str], openings: Openings) -> Text:
    span = days[0].capitalize() + (f" to {days[-1].capitalize()}" if len(days) > 1 else "")
    clock = [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in openings]
    return Text.assemble((span, "bold"), ": ", " ".join(clock) or "closed")
