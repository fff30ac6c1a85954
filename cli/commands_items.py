"""`new`, `do`, `show` and `timeline`: one item at a time."""

import asyncio
import json as json_text
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.options import As, Json, Reference

if TYPE_CHECKING:
    from cli.item_actions import Starting
    from domain.model.states import State

INTERRUPTED: Final = 130

Title = Annotated[
    str | None, typer.Argument(metavar="TITLE", help="What it is about, in one line.")
]
TitleOption = Annotated[
    str | None, typer.Option("--title", metavar="TEXT", help="The same, as an option.")
]
ShortOption = Annotated[
    str | None, typer.Option("--short-description", metavar="TEXT", help="The same, as an option.")
]
Text = Annotated[str | None, typer.Option(metavar="TEXT", help="The request itself.")]
Category = Annotated[
    str | None, typer.Option(metavar="NAME", help="A free name; the catalog may know it.")
]
Contact = Annotated[
    str | None, typer.Option(metavar="NAME <MAIL>", help="Whom it is for; one part is enough.")
]
Requester = Annotated[
    str | None, typer.Option(metavar="NAME <MAIL>", help="Who asked for it; one part is enough.")
]
Queue = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Where it waits; by default as the catalog says."),
]
Submit = Annotated[
    bool | None,
    typer.Option("--submit/--draft", help="Hand it in at once, or not. [default: as its origin]"),
]
StartedBy = Annotated[
    str | None,
    typer.Option(metavar="ORIGIN", help="manual, email, service, schedule, action or split."),
]
Links = Annotated[
    list[str] | None,
    typer.Option("--link", metavar="KIND=REFERENCE", help="A link to another item or document."),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="Such as feedback_window=PT1H or due.within=P2D."),
]
Own = Annotated[
    str | None,
    typer.Option("--reference", metavar="NAME", help="Your own reference: starting twice is once."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is closed, and tell its life.")]
Definition = Annotated[
    str | None,
    typer.Option(metavar="NAME|FILE", help="A name in the catalog, or a .yaml or .json file."),
]
Owner = Annotated[str | None, typer.Option(metavar="PERSON", help="The person who answers for it.")]
Data = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE|JSON", help="Free data of the Case; more than once."),
]


def new_ticket(
    title: Title = None,
    *,
    title_option: TitleOption = None,
    description: Text = None,
    category: Category = None,
    primary_contact: Contact = None,
    requester: Requester = None,
    queue: Queue = None,
    submit: Submit = None,
    started_by: StartedBy = None,
    link: Links = None,
    setting: Setting = None,
    reference: Own = None,
    as_: As = None,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Start a Ticket: a Draft, unless it is submitted or comes from elsewhere."""
    from domain.model.starts import TicketStart

    texts = {
        "description": description,
        "category": category,
        "primary_contact": primary_contact,
        "requester": requester,
        "queue": queue,
        "started_by": started_by,
    }
    words = [*_given(texts, submit), *_listed(link, setting)]
    words += _titled("title", title, title_option)
    _start(TicketStart, words, reference=reference, by=as_, wait=wait, json=json)


def new_case(
    title: Title = None,
    *,
    short_description: ShortOption = None,
    definition: Definition = None,
    data: Data = None,
    owner: Owner = None,
    primary_contact: Contact = None,
    requester: Requester = None,
    queue: Queue = None,
    submit: Submit = None,
    started_by: StartedBy = None,
    link: Links = None,
    setting: Setting = None,
    reference: Own = None,
    as_: As = None,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Start a Case: a Draft, unless it is submitted or comes from elsewhere."""
    from domain.model.starts import CaseStart

    texts = {
        "definition": definition,
        "owner": owner,
        "primary_contact": primary_contact,
        "requester": requester,
        "queue": queue,
        "started_by": started_by,
    }
    words = [*_given(texts, submit), *_listed(link, setting)]
    words += _titled("short_description", title, short_description)
    words += [f"data={word}" if word.startswith("{") else f"data.{word}" for word in data or ()]
    _start(CaseStart, words, reference=reference, by=as_, wait=wait, json=json)


def do(
    reference: Reference,
    command: Annotated[
        str | None,
        typer.Argument(metavar="COMMAND", help="What to do; leave it out to see what there is."),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD=VALUE", help="Such as type=until until=+2h."),
    ] = None,
    as_: As = None,
    json: Json = False,
) -> None:
    """Give an item a command; it answers, or refuses."""
    from cli import item_actions, item_view, terminal
    from cli.context import user

    if command is None:
        kind = asyncio.run(item_actions.kind_of(reference))
        terminal.aside().print(item_view.commands(kind))
        raise typer.Exit(2)
    now = datetime.now().astimezone()
    done = asyncio.run(item_actions.do(reference, command, fields or [], by=as_ or user(), now=now))
    if json:
        terminal.machine(done.after)
    else:
        terminal.people().print(item_view.moved(done.before, done.after, now))


def show(reference: Reference, json: Json = False) -> None:
    """Show an item as it is now, and a Case with its Actions."""
    from cli import item_actions, item_view, terminal
    from devstack.stack_info import item_ui_url

    seen = asyncio.run(item_actions.seen(reference))
    if json:
        terminal.machine(seen.state)
        return
    now = datetime.now().astimezone()
    card = item_view.card(seen.state, now, of_actions=seen.actions, link=item_ui_url(reference))
    terminal.people().print(card)
    if seen.remark:
        terminal.aside().print(seen.remark, style="yellow")


def timeline(reference: Reference, json: Json = False) -> None:
    """Tell all that happened to an item."""
    from cli import item_actions, item_view, terminal

    entries = asyncio.run(item_actions.history(reference))
    if json:
        terminal.machine({"entries": entries})
    else:
        terminal.people().print(item_view.timeline(entries, datetime.now().astimezone()))


def _given(texts: dict[str, str | None], submit: bool | None) -> list[str]:
    words = [f"{name}={text}" for name, text in texts.items() if text is not None]
    return words if submit is None else [*words, f"submit={str(submit).lower()}"]


def _titled(field: str, *given: str | None) -> list[str]:
    return [f"{field}={title}" for title in given if title is not None]


def _listed(links: list[str] | None, settings: list[str] | None) -> list[str]:
    words = [f"settings.{word}" for word in settings or ()]
    for link in links or ():
        kind, equals, target = link.partition("=")
        if not equals:
            raise typer.BadParameter(f"{link!r}: write KIND=REFERENCE", param_hint="--link")
        words.append(f"links={json_text.dumps([{'kind': kind, 'reference': target}])}")
    return words


def _start(
    model: "Starting",
    words: list[str],
    *,
    reference: str | None,
    by: str | None,
    wait: bool,
    json: bool,
) -> None:
    from cli import item_actions, item_view, terminal
    from cli.context import user
    from devstack.stack_info import item_ui_url

    now = datetime.now().astimezone()
    start = item_actions.start_of(model, words, by=by or user(), now=now)
    begun = asyncio.run(item_actions.started(start, reference))
    try:
        if not json:
            terminal.people().print(item_view.begun(begun, now, item_ui_url(begun.reference)))
        if wait:
            begun = _closed(begun, json=json)
    except KeyboardInterrupt:
        way_back = f"{begun.reference} goes on without you: casekeep show {begun.reference}"
        terminal.aside().print(way_back)
        raise typer.Exit(INTERRUPTED) from None
    if json:
        terminal.machine(begun)


def _closed(begun: "State", *, json: bool) -> "State":
    from cli import item_actions, item_view, terminal

    with item_view.waiting(begun.reference) as tell:
        closed = asyncio.run(item_actions.until_closed(begun, tell))
    if not json:
        terminal.people().print(item_view.line(closed, datetime.now().astimezone()))
    return closed
