"""What the shell shows to people: cards, lists and timelines, on 80 columns as on more."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli import phrases
from cli.field_arguments import usage
from cli.phrases import t
from cli.terminal import Lines, aside, pairs
from domain.base.values import SYSTEM, Kind, Status, is_person, is_robot
from domain.model.commands import Command, commands_of
from domain.model.states import (
    ActionItemState,
    ActionState,
    AwaitedState,
    CaseState,
    LineState,
    State,
    TicketState,
)
from domain.model.timeline import TimelineEntry

if TYPE_CHECKING:
    from robots.runner import JobResult
    from store.items.search import Found
    from store.projection.item_summary import ItemSummary

STATUS_STYLES: Final = {
    Status.DRAFT: "dim",
    Status.TO_DO: "cyan",
    Status.IN_PROGRESS: "blue",
    Status.WAIT: "magenta",
    Status.RESOLVED: "green",
    Status.CLOSED: "green dim",
}
_TEXT_LINES: Final = 12
_MARKS: Final = (
    ("attention", "bold red"),
    ("new_information", "yellow"),
    ("robot_rejected", "yellow"),
)


def actor(name: str) -> Text:
    """Who: people, robots, services and the system look different."""
    if is_person(name):
        return Text(name, "bold green")
    return Text(
        name, "dim" if name == SYSTEM else "bold magenta" if is_robot(name) else "bold cyan"
    )


def status(value: Status) -> Text:
    """A status in its colour."""
    return Text(t.term("status", value), STATUS_STYLES[value])


def due(value: Status, due_at: datetime | None, due_text: str | None, now: datetime) -> Text | None:
    """D3: red when overdue, green before, grey while nothing can be late."""
    if due_at is None:
        return Text(due_text.removeprefix("Due: "), "dim") if due_text else None
    if value in {Status.DRAFT, Status.RESOLVED, Status.CLOSED}:
        return Text(f"{due_at.astimezone(now.tzinfo):%Y-%m-%d %H:%M}", "dim")
    if due_at <= now:
        return Text(t("shell.time.overdue", span=phrases.span(now - due_at)), "bold red")
    return Text(phrases.relative(due_at, now), "green")


def card(
    state: State,
    now: datetime,
    *,
    of_actions: Sequence[ActionItemState] = (),
    link: str = "",
    whole: bool = True,
) -> RenderableType:
    """The item as a person wants to see it first; without its facts if not `whole`."""
    head = Text.assemble(
        (state.reference, "bold"),
        "  ",
        (state.title or t("list.untitled"), "bold"),
        overflow="fold",
    )
    parts: list[RenderableType] = [head, _standing(state, now)]
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
        parts += ["", _attention(state)]
    if whole:
        parts += ["", _facts(state, now, link)]
    if isinstance(state, CaseState) and state.actions:
        parts += ["", _actions(state.actions, {one.reference: one for one in of_actions})]
    if isinstance(state, TicketState | ActionItemState) and state.awaited:
        parts += ["", _awaited(state.awaited)]
    if isinstance(state, ActionItemState) and state.checklist:
        parts += ["", _checklist(state.checklist)]
    if whole and state.description:
        parts += ["", *_excerpt(state.description)]
    return Group(*parts)


def line(state: State, now: datetime) -> Text:
    """Where an item stands, in a line."""
    return Text.assemble((state.reference, "bold"), "  ", _standing(state, now))


def begun(state: State, now: datetime, link: str) -> RenderableType:
    """An item that was just started, and what may come next."""
    parts: list[RenderableType] = [line(state, now)]
    if link:
        parts.append(Text(f"  {link}", "dim"))
    following = "submit" if state.status is Status.DRAFT else "start"
    if state.status in {Status.DRAFT, Status.TO_DO}:
        command = f"casekeep do {state.reference} {following}"
        parts.append(Text(f"  {t('shell.next', command=command)}", "dim"))
    return Group(*parts)


def moved(before: State, after: State, now: datetime) -> RenderableType:
    """What a command led to, in a line."""
    if after.revision == before.revision:
        return Text.assemble(line(after, now), (f" · {t('shell.unchanged')}", "dim"))
    passed = Text.assemble((after.reference, "bold"), "  ")
    if after.status is not before.status:
        passed.append_text(status(before.status)).append(" → ", "dim")
    return Text.assemble(passed, _standing(after, now))


def did(one: "JobResult", now: datetime) -> Text:
    """What became of an item in a robot's hands."""
    style = {"complete": "green", "lost": "yellow"}.get(one.did, "")
    done = Text.assemble((f"{phrases.clock(now, now)}  ", "dim"), (one.reference, "bold"), "  ")
    done.append(phrases.plain(one.did), style)
    return done.append(f": {_shortened(one.reason)}") if one.reason else done


@contextmanager
def waiting(reference: str) -> Iterator[Callable[[TimelineEntry], None]]:
    """Progress of an item, a line a change, beside the results; a terminal sees it is alive."""
    console = aside()

    def tell(entry: TimelineEntry) -> None:
        when = phrases.clock(entry.at, datetime.now().astimezone())
        console.print(Text.assemble((f"{when}  ", "dim"), actor(entry.by), "  ", _happened(entry)))

    with console.status(Text(t("shell.waiting", reference=reference))):
        yield tell


def commands(kind: Kind) -> RenderableType:
    """What may be said to an item of this kind, with its fields."""
    rows = [
        (
            Text(name, "bold"),
            Text.assemble(
                model.__doc__ or "",
                "\n",
                (usage(model, without=tuple(Command.model_fields)), "dim"),
            ),
        )
        for name, model in commands_of(kind).items()
    ]
    heads = (
        t("shell.head.commands", kind=t.term("kind", kind)),
        t("shell.head.command_fields"),
    )
    return Lines(heads, rows, flexible=1)


def findings(found: Iterable["Found"]) -> RenderableType:
    """What a search found, and where the words are."""
    rows = []
    for one in found:
        what = Text(one.item.title)
        if one.excerpt:
            what.append(f"\n{one.excerpt}", "dim")
        rows.append((Text(one.item.reference), status(one.item.status), what))
    return Lines((t("shell.head.reference"), t("field.status"), t("shell.head.match")), rows)


def endings(states: Iterable[State]) -> RenderableType:
    """Closed items, and how they ended."""
    rows = []
    for state in states:
        end = state.resolution
        how = phrases.term("resolution", end.method or end.outcome) if end else ""
        rows.append((state.reference, how, state.title, actor(end.by) if end else ""))
    heads = (
        t("shell.head.reference"),
        t("shell.head.end"),
        t("field.title"),
        t("shell.head.by"),
    )
    return Lines(heads, rows)


def listing(
    items: Iterable["ItemSummary"], now: datetime, *, holder: bool = False
) -> RenderableType:
    """Lines of a list."""
    rows = []
    for one in items:
        marks = [
            Text(phrases.term("mark", name), style) for name, style in _MARKS if getattr(one, name)
        ]
        standing = status(one.status)
        for group, word in (("wait", one.wait), ("resolution", one.resolution)):
            if word:
                standing.append(f"\n{phrases.term(group, word)}", "dim")
        has_it = (
            actor(one.assignee) if one.assignee else Text(t("shell.queue", queue=one.queue), "dim")
        )
        rows.append(
            (
                one.reference,
                standing,
                Text("\n").join([Text(one.title or t("list.untitled")), *marks]),
                *([has_it] if holder else []),
                due(one.status, one.due_at, one.due_text, now) or "",
            )
        )
    heads = (
        t("shell.head.reference"),
        t("field.status"),
        t("field.title"),
        *([t("shell.head.held_by")] if holder else []),
        t("field.due"),
    )
    return Lines(heads, rows)


def timeline(entries: Iterable[TimelineEntry], now: datetime) -> RenderableType:
    """What happened, one entry a paragraph."""
    rows = []
    for entry in entries:
        what = _happened(entry)
        if entry.resolution:
            what.append(f"\n{t('shell.resolution')}", "green")
        number = "" if entry.refused else str(entry.revision)
        rows.append((number, phrases.clock(entry.at, now), actor(entry.by), what))
    heads = ("", t("shell.head.when"), t("shell.head.who"), t("shell.head.what"))
    return Lines(heads, rows, flexible=3)


def _standing(state: State, now: datetime) -> Text:
    standing = Text.assemble(status(state.status), t("colon"), phrases.standing(state, now))
    for name, style in _MARKS:
        if getattr(state, name):
            standing.append(" · ").append(phrases.term("mark", name), style)
    return standing


def _facts(state: State, now: datetime, link: str) -> RenderableType:
    case = state.case if isinstance(state, ActionItemState) else None
    step = phrases.step_of(state) if isinstance(state, CaseState) else ""
    facts: dict[str, RenderableType | None] = {
        t("shell.fact.kind"): _kind(state),
        t("fact.case"): case,
        t("shell.fact.step"): step,
        t("field.queue"): state.queue,
        t("shell.fact.assignee"): state.assignee and actor(state.assignee),
        t("field.owner"): state.owner and actor(state.owner),
        t("shell.fact.contact"): _contact(state.primary_contact),
        t("fact.requester"): _contact(state.requester),
        t("field.due"): due(state.status, state.due_at, state.due_text, now),
        t("shell.fact.started"): t(
            "shell.started", moment=phrases.both(state.started_at, now), person=state.created_by
        ),
        t("field.changed"): t(
            "shell.changed", moment=phrases.both(state.changed_at, now), revision=state.revision
        ),
        t("shell.fact.lease"): _lease(state, now),
        t("shell.fact.wakes"): phrases.both(state.wakes_at, now) if state.wakes_at else None,
        t("shell.fact.closes"): phrases.both(state.closes_at, now) if state.closes_at else None,
        t("form.reason"): state.resolution.reason if state.resolution else None,
        t("part.links"): ", ".join(f"{link.kind} {link.reference}" for link in state.links),
        t("shell.fact.link"): link,
    }
    if isinstance(state, CaseState) and state.data:
        facts[t("fact.data")] = json.dumps(state.data, ensure_ascii=False)
    return pairs(facts)


def _awaited(items: Iterable[AwaitedState]) -> RenderableType:
    rows = [
        (
            one.reference,
            phrases.term("resolution", one.ended) if one.ended else t("shell.open"),
            one.title,
        )
        for one in items
    ]
    heads = (t("shell.head.waits_for"), t("shell.head.end"), t("field.title"))
    return Lines(heads, rows)


def _checklist(lines: Iterable[LineState]) -> RenderableType:
    rows = [
        (
            line.key,
            Text(t("shell.open"), "yellow")
            if line.answer is None
            else phrases.term("ticked", line.answer),
            line.text,
        )
        for line in lines
    ]
    heads = (t("part.checklist"), t("shell.head.answer"), t("shell.head.question"))
    return Lines(heads, rows)


def _lease(state: State, now: datetime) -> str | None:
    lease = state.lease if isinstance(state, TicketState | ActionItemState) else None
    return None if lease is None else t("shell.time.until", moment=phrases.both(lease.until, now))


def _kind(state: State) -> str:
    what = state.definition if isinstance(state, CaseState) else state.category
    return ", ".join(filter(None, (t.term("kind", state.kind), what)))


def _contact(contact: object) -> str | None:
    name, email = getattr(contact, "name", None), getattr(contact, "email", None)
    return f"{name} <{email}>" if name and email else name or email


def _attention(state: State) -> RenderableType:
    parts: list[RenderableType] = [Text(t("mark.attention"), "bold red")]
    parts += [
        Text(f"  {why.action or t('shell.the_flow')}: {why.reason}") for why in state.attention
    ]
    failed = next((why.action for why in state.attention if why.action), None)
    ways = [f"start_action action={failed}"] if failed else []
    ways += ["rework step=STEP", "reset_in_progress", "cancel"]
    parts.append(Text(t("shell.ways_out"), "bold"))
    parts += [Text(f"  casekeep do {state.reference} {way}") for way in ways]
    return Group(*parts)


def _actions(copies: Sequence[ActionState], now: Mapping[str, ActionItemState]) -> RenderableType:
    rows = []
    for copy in copies:
        itself = now.get(copy.reference)
        standing = status(itself.status if itself else copy.status)
        if copy.outcome is not None:
            is_bad = copy.outcome != "complete"
            standing = Text(phrases.term("resolution", copy.outcome), "red" if is_bad else "green")
        held = itself.assignee or itself.owner if itself else None
        queue = Text(t("shell.queue", queue=itself.queue), "dim") if itself else ""
        key = Text.assemble(copy.key, "\n", (copy.reference, "dim"))
        rows.append((key, standing, copy.title, actor(held) if held else queue))
    heads = (
        t("shell.head.action"),
        t("field.status"),
        t("field.title"),
        t("shell.head.held_by"),
    )
    return Lines(heads, rows)


def _happened(entry: TimelineEntry) -> Text:
    what = Text(phrases.plain(entry.command), "bold")
    if entry.refused:
        what.append(f" {t('timeline.refused')}", "red")
    elif entry.before is None:
        what.append("  ").append_text(status(entry.after))
    elif entry.before is not entry.after:
        what.append("  ").append_text(status(entry.before))
        what.append(" → ", "dim").append_text(status(entry.after))
    for text, style in ((entry.reason, ""), (entry.note, "italic")):
        if text:
            what.append("\n").append(_shortened(text), style)
    return what


def _excerpt(text: str) -> list[RenderableType]:
    return [Padding(Text(_shortened(text)), (0, 0, 0, 2))]


def _shortened(text: str) -> str:
    lines = text.strip().splitlines()
    more = len(lines) - _TEXT_LINES
    if more <= 0:
        return "\n".join(lines)
    return "\n".join([*lines[:_TEXT_LINES], t.plural("shell.more_lines", more)])
