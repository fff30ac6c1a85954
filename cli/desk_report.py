"""What the shell says of the desk as a whole: its parts, its catalog, its check."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from catalog.loader import Catalog
from catalog.schedules import Schedule
from cli import phrases
from cli.phrases import t
from cli.terminal import Lines, pairs
from devstack.stack_info import StackInfo
from domain.model.calendars import DAYS, Openings, WorkingCalendar
from domain.model.definitions import Settings, Terms
from reconciliation.fsck import Difference
from starter.schedules import PlannedChange, ScheduleChange


def ready(line: str) -> RenderableType:
    """A part of the stack that became ready."""
    return Text.assemble((f"{t('shell.desk.ready')}  ", "green"), line)


def welcome(there: StackInfo, database: str, known: Catalog, *, is_default: bool) -> RenderableType:
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
        tries.insert(0, f"export TEMPORAL_ADDRESS={there.temporal}   # {t('shell.desk.ports')}")
    return Group(
        "",
        Text(t("shell.desk.up"), "bold"),
        pairs(
            {
                t("shell.desk.pages"): there.web,
                "Temporal": there.temporal,
                t("shell.desk.ui"): there.ui,
                t("shell.desk.mails"): there.mail and t("shell.desk.mails_at", address=there.mail),
                t("shell.desk.database"): database,
                t("shell.desk.logs"): t("shell.desk.log_files"),
            }
        ),
        "",
        Text(t("shell.desk.try")),
        *(Text(f"  {line}", "bold") for line in tries),
    )


def way_in(link: str) -> RenderableType:
    """The link to the pages, on a line that is not broken, so that it can be clicked or copied."""
    return Text.assemble(
        f"\n{t('shell.desk.sign_in_link')}\n  ",
        (link, "bold"),
        (f"\n  {t('shell.desk.another_link', command='casekeep account link NAME')}", "dim"),
    )


def catalog(found: Catalog, today: date) -> RenderableType:
    """What a catalog holds."""
    if found == Catalog():
        return Text(t("shell.catalog.empty"))
    categories = Lines(
        (
            t("shell.catalog.category"),
            t("field.queue"),
            t("field.due"),
            t("shell.catalog.window"),
        ),
        [_category(name, terms) for name, terms in sorted(found.categories.items())],
    )
    definitions = Lines(
        (t("shell.catalog.definition"), t("shell.catalog.version"), t("shell.catalog.steps")),
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
        (t("shell.catalog.schedule"), t("shell.head.when"), t("shell.catalog.starts")),
        [
            (name, when(schedule), f"{schedule.definition}: {schedule.short_description}")
            for name, schedule in sorted(found.schedules.items())
        ],
    )
    calendars = Lines(
        (
            t("shell.catalog.calendar"),
            t("shell.catalog.zone"),
            t("shell.catalog.hours"),
            t("shell.catalog.next_day_off"),
        ),
        [_calendar(calendar, today) for _, calendar in sorted(found.calendars.items())],
    )
    queues = Lines(
        (t("field.queue"), t("shell.catalog.robots"), t("field.title")),
        [
            (
                name,
                ", ".join(f"{kind}s" for kind in queue.robots) or t("shell.catalog.no_robots"),
                queue.title,
            )
            for name, queue in sorted(found.queues.items())
        ],
    )
    services = Lines(
        (t("shell.catalog.service"), t("shell.catalog.address")),
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
    text = f"{schedule.cron}{zone}"
    if schedule.every:
        text = t("shell.catalog.every", interval=schedule.every)
    return t("shell.catalog.paused", when=text) if schedule.paused else text


def schedules(done: Sequence[PlannedChange], *, dry_run: bool) -> RenderableType:
    """What was done about the desk's schedules, or would be."""
    if not done:
        return Text(t("shell.schedules.none"))
    rows = []
    for one in done:
        step = t.term("shell.schedules", one.step)
        if one.step is ScheduleChange.UNCHANGED:
            rows.append((one.name, Text(step)))
        else:
            told = t("shell.schedules.would_be", step=step) if dry_run else step
            rows.append((one.name, Text(told, "green")))
    return Lines((t("shell.catalog.schedule"), ""), rows, flexible=1)


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
        _amount(window.total, settings.calendar)
        if window and window.total
        else t("shell.catalog.no_window"),
    )


def _amount(span: timedelta, calendar: str | None) -> str:
    """How long, and in whose working time, if in any."""
    return phrases.span(span) + (f" ({calendar})" if calendar else "")


def _calendar(calendar: WorkingCalendar, today: date) -> tuple[str | Text, ...]:
    """A calendar's hours, days that are alike in one line."""
    alike = groupby(enumerate(calendar.week), lambda day: day[1])
    lines = [_hours([DAYS[number] for number, _ in days], hours) for hours, days in alike]
    days_off = sorted(day for day in calendar.holidays if day >= today)
    return (
        calendar.name,
        calendar.zone,
        Text("\n").join(lines),
        f"{days_off[0]}" if days_off else t("shell.catalog.no_day_off"),
    )


def _hours(days: Sequence[str], openings: Openings) -> Text:
    span = t.term("weekday", days[0])
    if len(days) > 1:
        span = t("shell.catalog.days", first=span, last=t.term("weekday", days[-1]))
    clock = [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in openings]
    return Text.assemble((span, "bold"), t("colon"), " ".join(clock) or t("shell.catalog.closed"))
