"""Renders the running stack, the catalog, schedule changes and the results of `fsck`."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from catalog.loader import Catalog
from catalog.schedules import Schedule
from cli import phrases
from cli.phrases import t
from cli.terminal import FoldingTable, field_grid
from devstack.stack_info import StackInfo
from domain.model.calendars import DAYS, Openings, WorkingCalendar
from domain.model.definitions import ItemSettings, ItemTerms
from reconciliation.fsck import Difference
from starter.schedules import PlannedChange, ScheduleChange


def render_ready_part(line: str) -> RenderableType:
    """Return the line that announces a ready part of the stack."""
    return Text.assemble((f"{t('shell.desk.ready')}  ", "green"), line)


def render_welcome(
    running: StackInfo, database: str, catalog: Catalog, *, is_default: bool
) -> RenderableType:
    """Return the addresses of the running stack, and commands to try."""
    definition, terms = next(iter(sorted(catalog.definitions.items())), ("", ItemTerms()))
    queue = (terms.definition and terms.definition.queue) or "default"
    examples = [
        'casekeep new case "My first Case" --submit'
        + (f" --definition {definition}" if definition else ""),
        f"casekeep queue {queue}",
        "casekeep show REFERENCE",
        "casekeep do REFERENCE start",
    ]
    if not is_default:
        examples.insert(
            0, f"export TEMPORAL_ADDRESS={running.temporal}   # {t('shell.desk.ports')}"
        )
    return Group(
        "",
        Text(t("shell.desk.up"), "bold"),
        field_grid(
            {
                t("shell.desk.pages"): running.web,
                "Temporal": running.temporal,
                t("shell.desk.ui"): running.ui,
                t("shell.desk.mails"): running.mail
                and t("shell.desk.mails_at", address=running.mail),
                t("shell.desk.database"): database,
                t("shell.desk.logs"): t("shell.desk.log_files"),
            }
        ),
        "",
        Text(t("shell.desk.try")),
        *(Text(f"  {line}", "bold") for line in examples),
    )


def render_sign_in_link(link: str) -> RenderableType:
    """Return the link to the pages on a line of its own, for clicking and copying."""
    return Text.assemble(
        f"\n{t('shell.desk.sign_in_link')}\n  ",
        (link, "bold"),
        (f"\n  {t('shell.desk.another_link', command='casekeep account link NAME')}", "dim"),
    )


def render_catalog(catalog: Catalog, today: date) -> RenderableType:
    """Return tables of a catalog's content; `today` is for the next days off."""
    if catalog == Catalog():
        return Text(t("shell.catalog.empty"))
    categories = FoldingTable(
        (
            t("shell.catalog.category"),
            t("field.queue"),
            t("field.due"),
            t("shell.catalog.window"),
        ),
        [_category_row(name, terms) for name, terms in sorted(catalog.categories.items())],
    )
    definitions = FoldingTable(
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
            for name, terms in sorted(catalog.definitions.items())
            if terms.definition is not None
        ],
    )
    schedules = FoldingTable(
        (t("shell.catalog.schedule"), t("shell.head.when"), t("shell.catalog.starts")),
        [
            (name, schedule_text(schedule), f"{schedule.definition}: {schedule.short_description}")
            for name, schedule in sorted(catalog.schedules.items())
        ],
    )
    calendars = FoldingTable(
        (
            t("shell.catalog.calendar"),
            t("shell.catalog.zone"),
            t("shell.catalog.hours"),
            t("shell.catalog.next_day_off"),
        ),
        [_calendar_row(calendar, today) for _, calendar in sorted(catalog.calendars.items())],
    )
    queues = FoldingTable(
        (t("field.queue"), t("shell.catalog.robots"), t("field.title")),
        [
            (
                name,
                ", ".join(f"{kind}s" for kind in queue.robots) or t("shell.catalog.no_robots"),
                queue.title,
            )
            for name, queue in sorted(catalog.queues.items())
        ],
    )
    services = FoldingTable(
        (t("shell.catalog.service"), t("shell.catalog.address")),
        [(name, service.url) for name, service in sorted(catalog.services.items())],
    )
    more: list[RenderableType] = []
    for table, entries in (
        (queues, catalog.queues),
        (calendars, catalog.calendars),
        (schedules, catalog.schedules),
        (services, catalog.services),
    ):
        if entries:
            more += ["", table]
    return Group(categories, "", definitions, *more)


def schedule_text(schedule: Schedule) -> str:
    """Return the times of a schedule: its cron line or interval, and whether it is paused."""
    zone = f" ({schedule.zone})" if schedule.zone else ""
    text = f"{schedule.cron}{zone}"
    if schedule.every:
        text = t("shell.catalog.every", interval=schedule.every)
    return t("shell.catalog.paused", when=text) if schedule.paused else text


def render_schedule_changes(changes: Sequence[PlannedChange], *, dry_run: bool) -> RenderableType:
    """Return a table of the changes to Temporal's Schedules, made or planned."""
    if not changes:
        return Text(t("shell.schedules.none"))
    rows = []
    for change in changes:
        step = t.term("shell.schedules", change.step)
        if change.step is ScheduleChange.UNCHANGED:
            rows.append((change.name, Text(step)))
        else:
            text = t("shell.schedules.would_be", step=step) if dry_run else step
            rows.append((change.name, Text(text, "green")))
    return FoldingTable((t("shell.catalog.schedule"), ""), rows, flexible=1)


def render_difference(difference: Difference) -> RenderableType:
    """Return one difference that `fsck` catalog, and its repair."""
    return Text.assemble(
        (difference.reference, "bold"), f"  {difference.found}: ", (difference.done, "green")
    )


def _category_row(name: str, terms: ItemTerms) -> tuple[str, ...]:
    settings = terms.settings or ItemSettings()
    due, window = settings.due, settings.feedback_window
    return (
        name,
        terms.queue or "default",
        _duration_text(due.within.total, due.calendar) if due else "",
        _duration_text(window.total, settings.calendar)
        if window and window.total
        else t("shell.catalog.no_window"),
    )


def _duration_text(span: timedelta, calendar: str | None) -> str:
    """Return a duration, with its calendar if it counts working time."""
    return phrases.duration(span) + (f" ({calendar})" if calendar else "")


def _calendar_row(calendar: WorkingCalendar, today: date) -> tuple[str | Text, ...]:
    """Return a calendar's row; days of the same hours share a line."""
    alike = groupby(enumerate(calendar.week), lambda day: day[1])
    lines = [_hours_text([DAYS[number] for number, _ in days], hours) for hours, days in alike]
    days_off = sorted(day for day in calendar.holidays if day >= today)
    return (
        calendar.name,
        calendar.zone,
        Text("\n").join(lines),
        f"{days_off[0]}" if days_off else t("shell.catalog.no_day_off"),
    )


def _hours_text(days: Sequence[str], openings: Openings) -> Text:
    span = t.term("weekday", days[0])
    if len(days) > 1:
        span = t("shell.catalog.days", first=span, last=t.term("weekday", days[-1]))
    clock = [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in openings]
    return Text.assemble((span, "bold"), t("colon"), " ".join(clock) or t("shell.catalog.closed"))
