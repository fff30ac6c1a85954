"""Renders items for people: cards, lists and timelines, for terminals of 80 columns and more."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli import phrases
from cli.field_arguments import field_usage
from cli.phrases import t
from cli.terminal import FoldingTable, field_grid, stderr_console
from domain.base.values import SYSTEM, Kind, Status, is_person, is_robot
from domain.model.commands import Command, commands_of
from domain.model.states import (
    ActionItemState,
    ActionState,
    AwaitedState,
    CaseState,
    ChecklistLineState,
    State,
    TicketState,
)
from domain.model.timeline import TimelineEntry

if TYPE_CHECKING:
    from robots.runner import JobResult
    from store.items.search import SearchResult
    from store.projection.item_summary import ItemSummary

STATUS_STYLES: Final = {
    Status.DRAFT: "dim",
    Status.TO_DO: "cyan",
    Status.IN_PROGRESS: "blue",
    Status.WAIT: "magenta",
    Status.RESOLVED: "green",
    Status.CLOSED: "green dim",
}
_MAX_TEXT_LINES: Final = 12
_MARKS: Final = (
    ("attention", "bold red"),
    ("new_information", "yellow"),
    ("robot_rejected", "yellow"),
)


def render_actor(name: str) -> Text:
    """Return an actor's name, coloured by whether it is a person, robot, service or the system."""
    if is_person(name):
        return Text(name, "bold green")
    return Text(
        name, "dim" if name == SYSTEM else "bold magenta" if is_robot(name) else "bold cyan"
    )


def render_status(value: Status) -> Text:
    """Return a status in its colour."""
    return Text(t.term("status", value), STATUS_STYLES[value])


def render_due(
    value: Status, due_at: datetime | None, due_text: str | None, now: datetime
) -> Text | None:
    """Return a due date: red when overdue, green before, grey while the clock is stopped (D3)."""
    if due_at is None:
        return Text(due_text.removeprefix("Due: "), "dim") if due_text else None
    if value in {Status.DRAFT, Status.RESOLVED, Status.CLOSED}:
        return Text(f"{due_at.astimezone(now.tzinfo):%Y-%m-%d %H:%M}", "dim")
    if due_at <= now:
        return Text(t("shell.time.overdue", span=phrases.duration(now - due_at)), "bold red")
    return Text(phrases.relative_time(due_at, now), "green")


def render_card(
    state: State,
    now: datetime,
    *,
    of_actions: Sequence[ActionItemState] = (),
    link: str = "",
    whole: bool = True,
) -> RenderableType:
    """Return an item's card; without facts and description if not `whole`.

    `of_actions`: the states of a Case's open Actions.
    """
    head = Text.assemble(
        (state.reference, "bold"),
        "  ",
        (state.title or t("list.untitled"), "bold"),
        overflow="fold",
    )
    parts: list[RenderableType] = [head, _status_text(state, now)]
    if state.cancelled and state.resolution is not None:
        kind, reason = t.term("kind", state.kind), state.resolution.reason
        parts.append(
            Text(
                t("shell.aborted_because", kind=kind, reason=reason)
                if reason
                else t("shell.aborted", kind=kind),
                "red",
            )
        )
    if state.attention:
        parts += ["", _attention_block(state)]
    if whole:
        parts += ["", _facts_grid(state, now, link)]
    if isinstance(state, CaseState) and state.actions:
        parts += [
            "",
            _actions_table(state.actions, {action.reference: action for action in of_actions}),
        ]
    if isinstance(state, TicketState | ActionItemState) and state.awaited:
        parts += ["", _awaited_table(state.awaited)]
    if isinstance(state, ActionItemState) and state.checklist:
        parts += ["", _checklist_table(state.checklist)]
    if whole and state.description:
        parts += ["", *_excerpt(state.description)]
    return Group(*parts)


def render_line(state: State, now: datetime) -> Text:
    """Return an item's reference, status and details in one line."""
    return Text.assemble((state.reference, "bold"), "  ", _status_text(state, now))


def render_started(state: State, now: datetime, link: str) -> RenderableType:
    """Return an item that was just started, with the next command to give."""
    parts: list[RenderableType] = [render_line(state, now)]
    if link:
        parts.append(Text(f"  {link}", "dim"))
    next_command = "submit" if state.status is Status.DRAFT else "start"
    if state.status in {Status.DRAFT, Status.TO_DO}:
        command = f"casekeep do {state.reference} {next_command}"
        parts.append(Text(f"  {t('shell.next', command=command)}", "dim"))
    return Group(*parts)


def render_change(before: State, after: State, now: datetime) -> RenderableType:
    """Return the effect of a command in one line."""
    if after.revision == before.revision:
        return Text.assemble(render_line(after, now), (f" · {t('shell.unchanged')}", "dim"))
    text = Text.assemble((after.reference, "bold"), "  ")
    if after.status is not before.status:
        text.append_text(render_status(before.status)).append(" → ", "dim")
    return Text.assemble(text, _status_text(after, now))


def render_robot_result(result: "JobResult", now: datetime) -> Text:
    """Return the result of a robot's work on an item in one line."""
    style = {"complete": "green", "lost": "yellow"}.get(result.did, "")
    text = Text.assemble(
        (f"{phrases.local_time(now, now)}  ", "dim"), (result.reference, "bold"), "  "
    )
    text.append(phrases.spaced(result.did), style)
    return text.append(f": {_shorten(result.reason)}") if result.reason else text


@contextmanager
def show_progress(reference: str) -> Iterator[Callable[[TimelineEntry], None]]:
    """Show progress on standard error: a spinner on a terminal, and a line for each entry.

    Yields the function that prints an entry.
    """
    console = stderr_console()

    def report(entry: TimelineEntry) -> None:
        when = phrases.local_time(entry.at, datetime.now().astimezone())
        console.print(
            Text.assemble((f"{when}  ", "dim"), render_actor(entry.by), "  ", _entry_text(entry))
        )

    with console.status(Text(t("shell.waiting", reference=reference))):
        yield report


def render_commands(kind: Kind) -> RenderableType:
    """Return a table of the commands of a kind of item, with their fields."""
    rows = [
        (
            Text(name, "bold"),
            Text.assemble(
                model.__doc__ or "",
                "\n",
                (field_usage(model, without=tuple(Command.model_fields)), "dim"),
            ),
        )
        for name, model in commands_of(kind).items()
    ]
    headers = (
        t("shell.head.commands", kind=t.term("kind", kind)),
        t("shell.head.command_fields"),
    )
    return FoldingTable(headers, rows, flexible=1)


def render_search_results(results: Iterable["SearchResult"]) -> RenderableType:
    """Return a table of search results with the matching excerpts."""
    rows = []
    for result in results:
        match = Text(result.item.title)
        if result.excerpt:
            match.append(f"\n{result.excerpt}", "dim")
        rows.append((Text(result.item.reference), render_status(result.item.status), match))
    return FoldingTable((t("shell.head.reference"), t("field.status"), t("shell.head.match")), rows)


def render_closed_items(states: Iterable[State]) -> RenderableType:
    """Return a table of closed items and their resolutions."""
    rows = []
    for state in states:
        resolution, end, by = state.resolution, "", Text()
        if resolution:
            end = phrases.lowercase_term("resolution", resolution.method or resolution.outcome)
            by = render_actor(resolution.by)
        rows.append((state.reference, end, state.title, by))
    headers = (
        t("shell.head.reference"),
        t("shell.head.end"),
        t("field.title"),
        t("shell.head.by"),
    )
    return FoldingTable(headers, rows)


def render_items(
    items: Iterable["ItemSummary"], now: datetime, *, holder: bool = False
) -> RenderableType:
    """Return a table of items; with a column for the assignee if `holder`."""
    rows = []
    for item in items:
        marks = [
            Text(phrases.lowercase_term("mark", name), style)
            for name, style in _MARKS
            if getattr(item, name)
        ]
        status_text = render_status(item.status)
        for group, word in (("wait", item.wait), ("resolution", item.resolution)):
            if word:
                status_text.append(f"\n{phrases.lowercase_term(group, word)}", "dim")
        holder_text = (
            render_actor(item.assignee)
            if item.assignee
            else Text(t("shell.queue", queue=item.queue), "dim")
        )
        rows.append(
            (
                item.reference,
                status_text,
                Text("\n").join([Text(item.title or t("list.untitled")), *marks]),
                *([holder_text] if holder else []),
                render_due(item.status, item.due_at, item.due_text, now) or "",
            )
        )
    headers = (
        t("shell.head.reference"),
        t("field.status"),
        t("field.title"),
        *([t("shell.head.held_by")] if holder else []),
        t("field.due"),
    )
    return FoldingTable(headers, rows)


def render_timeline(entries: Iterable[TimelineEntry], now: datetime) -> RenderableType:
    """Return a table of timeline entries."""
    rows = []
    for entry in entries:
        text = _entry_text(entry)
        if entry.resolution:
            text.append(f"\n{t('shell.resolution')}", "green")
        number = "" if entry.refused else str(entry.revision)
        rows.append((number, phrases.local_time(entry.at, now), render_actor(entry.by), text))
    headers = ("", t("shell.head.when"), t("shell.head.who"), t("shell.head.what"))
    return FoldingTable(headers, rows, flexible=3)


def _status_text(state: State, now: datetime) -> Text:
    status_text = Text.assemble(
        render_status(state.status), t("colon"), phrases.status_details(state, now)
    )
    for name, style in _MARKS:
        if getattr(state, name):
            status_text.append(" · ").append(phrases.lowercase_term("mark", name), style)
    return status_text


def _facts_grid(state: State, now: datetime, link: str) -> RenderableType:
    case = state.case if isinstance(state, ActionItemState) else None
    step = phrases.current_step(state) if isinstance(state, CaseState) else ""
    facts: dict[str, RenderableType | None] = {
        t("shell.fact.kind"): _kind_text(state),
        t("fact.case"): case,
        t("shell.fact.step"): step,
        t("field.queue"): state.queue,
        t("shell.fact.assignee"): state.assignee and render_actor(state.assignee),
        t("field.owner"): state.owner and render_actor(state.owner),
        t("shell.fact.contact"): _contact_text(state.primary_contact),
        t("fact.requester"): _contact_text(state.requester),
        t("field.due"): render_due(state.status, state.due_at, state.due_text, now),
        t("shell.fact.started"): t(
            "shell.started",
            moment=phrases.local_and_relative_time(state.started_at, now),
            person=state.created_by,
        ),
        t("field.changed"): t(
            "shell.changed",
            moment=phrases.local_and_relative_time(state.changed_at, now),
            revision=state.revision,
        ),
        t("shell.fact.lease"): _lease_text(state, now),
        t("shell.fact.wakes"): phrases.local_and_relative_time(state.wakes_at, now)
        if state.wakes_at
        else None,
        t("shell.fact.closes"): phrases.local_and_relative_time(state.closes_at, now)
        if state.closes_at
        else None,
        t("form.reason"): state.resolution.reason if state.resolution else None,
        t("part.links"): ", ".join(f"{link.kind} {link.reference}" for link in state.links),
        t("shell.fact.link"): link,
    }
    if isinstance(state, CaseState) and state.data:
        facts[t("fact.data")] = json.dumps(state.data, ensure_ascii=False)
    return field_grid(facts)


def _awaited_table(items: Iterable[AwaitedState]) -> RenderableType:
    rows = [
        (
            item.reference,
            phrases.lowercase_term("resolution", item.ended) if item.ended else t("shell.open"),
            item.title,
        )
        for item in items
    ]
    headers = (t("shell.head.waits_for"), t("shell.head.end"), t("field.title"))
    return FoldingTable(headers, rows)


def _checklist_table(lines: Iterable[ChecklistLineState]) -> RenderableType:
    rows = [
        (
            line.key,
            Text(t("shell.open"), "yellow")
            if line.answer is None
            else phrases.lowercase_term("ticked", line.answer),
            line.text,
        )
        for line in lines
    ]
    headers = (t("part.checklist"), t("shell.head.answer"), t("shell.head.question"))
    return FoldingTable(headers, rows)


def _lease_text(state: State, now: datetime) -> str | None:
    lease = state.lease if isinstance(state, TicketState | ActionItemState) else None
    return (
        None
        if lease is None
        else t("shell.time.until", moment=phrases.local_and_relative_time(lease.until, now))
    )


def _kind_text(state: State) -> str:
    name = state.definition if isinstance(state, CaseState) else state.category
    return ", ".join(filter(None, (t.term("kind", state.kind), name)))


def _contact_text(contact: object) -> str | None:
    name, email = getattr(contact, "name", None), getattr(contact, "email", None)
    return f"{name} <{email}>" if name and email else name or email


def _attention_block(state: State) -> RenderableType:
    parts: list[RenderableType] = [Text(t("mark.attention"), "bold red")]
    parts += [
        Text(f"  {cause.action or t('shell.the_flow')}: {cause.reason}")
        for cause in state.attention
    ]
    failed = next((cause.action for cause in state.attention if cause.action), None)
    commands = [f"start_action action={failed}"] if failed else []
    commands += ["rework step=STEP", "reset_in_progress", "cancel"]
    parts.append(Text(t("shell.ways_out"), "bold"))
    parts += [Text(f"  casekeep do {state.reference} {command}") for command in commands]
    return Group(*parts)


def _actions_table(
    copies: Sequence[ActionState], states: Mapping[str, ActionItemState]
) -> RenderableType:
    """Return a table of a Case's Actions; `states`, by reference, are of those still open."""
    rows = []
    for copy in copies:
        state = states.get(copy.reference)
        status_text = render_status(state.status if state else copy.status)
        if copy.outcome is not None:
            is_bad = copy.outcome != "complete"
            status_text = Text(
                phrases.lowercase_term("resolution", copy.outcome), "red" if is_bad else "green"
            )
        holder = state.assignee or state.owner if state else None
        queue = Text(t("shell.queue", queue=state.queue), "dim") if state else ""
        key = Text.assemble(copy.key, "\n", (copy.reference, "dim"))
        rows.append((key, status_text, copy.title, render_actor(holder) if holder else queue))
    headers = (
        t("shell.head.action"),
        t("field.status"),
        t("field.title"),
        t("shell.head.held_by"),
    )
    return FoldingTable(headers, rows)


def _entry_text(entry: TimelineEntry) -> Text:
    text = Text(phrases.spaced(entry.command), "bold")
    if entry.refused:
        text.append(f" {t('timeline.refused')}", "red")
    elif entry.before is None:
        text.append("  ").append_text(render_status(entry.after))
    elif entry.before is not entry.after:
        text.append("  ").append_text(render_status(entry.before))
        text.append(" → ", "dim").append_text(render_status(entry.after))
    for words, style in ((entry.reason, ""), (entry.note, "italic")):
        if words:
            text.append("\n").append(_shorten(words), style)
    return text


def _excerpt(text: str) -> list[RenderableType]:
    return [Padding(Text(_shorten(text)), (0, 0, 0, 2))]


def _shorten(text: str) -> str:
    lines = text.strip().splitlines()
    more = len(lines) - _MAX_TEXT_LINES
    if more <= 0:
        return "\n".join(lines)
    return "\n".join([*lines[:_MAX_TEXT_LINES], t.plural("shell.more_lines", more)])
