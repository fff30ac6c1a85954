"""`new`, `do`, `show` and `timeline`: commands about one item."""

import asyncio
import json as json_text
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exit_codes import INTERRUPTED, WRONG_USE
from cli.options import ActorOption, JsonOption, ReferenceArgument

if TYPE_CHECKING:
    from cli.item_actions import StartModel
    from domain.model.states import State

Title = Annotated[str | None, typer.Argument(metavar="TITLE", help="The subject, in one line.")]
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
    str | None, typer.Option(metavar="NAME <MAIL>", help="The recipient; one part is enough.")
]
Requester = Annotated[
    str | None,
    typer.Option(metavar="NAME <MAIL>", help="The person who asked; one part is enough."),
]
Queue = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Its queue; default: as the catalog says."),
]
Submit = Annotated[
    bool | None,
    typer.Option("--submit/--draft", help="Submit it at once, or not. [default: by its origin]"),
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
OwnReference = Annotated[
    str | None,
    typer.Option(
        "--reference", metavar="NAME", help="Your own reference; a second start changes nothing."
    ),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait until it is closed, and print its changes.")
]
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
    reference: OwnReference = None,
    as_: ActorOption = None,
    wait: Wait = False,
    json: JsonOption = False,
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
    words = [*_field_words(texts, submit), *_link_and_setting_words(link, setting)]
    words += _title_words("title", title, title_option)
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
    reference: OwnReference = None,
    as_: ActorOption = None,
    wait: Wait = False,
    json: JsonOption = False,
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
    words = [*_field_words(texts, submit), *_link_and_setting_words(link, setting)]
    words += _title_words("short_description", title, short_description)
    words += [f"data={word}" if word.startswith("{") else f"data.{word}" for word in data or ()]
    _start(CaseStart, words, reference=reference, by=as_, wait=wait, json=json)


def do(
    reference: ReferenceArgument,
    command: Annotated[
        str | None,
        typer.Argument(metavar="COMMAND", help="The command; leave it out to list them all."),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD=VALUE", help="Such as type=until until=+2h."),
    ] = None,
    as_: ActorOption = None,
    json: JsonOption = False,
) -> None:
    """Give an item a command, and print the result or the refusal."""
    from cli import item_actions, item_view, terminal
    from cli.context import user_name

    if command is None:
        kind = asyncio.run(item_actions.read_kind(reference))
        terminal.stderr_console().print(item_view.render_commands(kind))
        raise typer.Exit(WRONG_USE)
    now = datetime.now().astimezone()
    done = asyncio.run(
        item_actions.execute_command(
            reference, command, fields or [], by=as_ or user_name(), now=now
        )
    )
    if json:
        terminal.print_json(done.after)
    else:
        terminal.stdout_console().print(item_view.render_change(done.before, done.after, now))


def show(reference: ReferenceArgument, json: JsonOption = False) -> None:
    """Show an item as it is now, and a Case with its Actions."""
    from cli import item_actions, item_view, terminal
    from devstack.stack_info import item_ui_url

    item = asyncio.run(item_actions.load_details(reference))
    if json:
        terminal.print_json(item.state)
        return
    now = datetime.now().astimezone()
    card = item_view.render_card(
        item.state, now, of_actions=item.actions, link=item_ui_url(reference)
    )
    terminal.stdout_console().print(card)
    if item.warning:
        terminal.stderr_console().print(item.warning, style="yellow")


def timeline(reference: ReferenceArgument, json: JsonOption = False) -> None:
    """Show all that happened to an item."""
    from cli import item_actions, item_view, terminal

    entries = asyncio.run(item_actions.load_timeline(reference))
    if json:
        terminal.print_json({"entries": entries})
    else:
        terminal.stdout_console().print(
            item_view.render_timeline(entries, datetime.now().astimezone())
        )


def _field_words(texts: dict[str, str | None], submit: bool | None) -> list[str]:
    words = [f"{name}={text}" for name, text in texts.items() if text is not None]
    return words if submit is None else [*words, f"submit={str(submit).lower()}"]


def _title_words(field: str, *titles: str | None) -> list[str]:
    return [f"{field}={title}" for title in titles if title is not None]


def _link_and_setting_words(links: list[str] | None, settings: list[str] | None) -> list[str]:
    words = [f"settings.{word}" for word in settings or ()]
    for link in links or ():
        kind, equals, target = link.partition("=")
        if not equals:
            raise typer.BadParameter(f"{link!r}: write KIND=REFERENCE", param_hint="--link")
        words.append(f"links={json_text.dumps([{'kind': kind, 'reference': target}])}")
    return words


def _start(
    model: "StartModel",
    words: list[str],
    *,
    reference: str | None,
    by: str | None,
    wait: bool,
    json: bool,
) -> None:
    from cli import item_actions, item_view, terminal
    from cli.context import user_name
    from devstack.stack_info import item_ui_url

    now = datetime.now().astimezone()
    start = item_actions.parse_start(model, words, by=by or user_name(), now=now)
    state = asyncio.run(item_actions.create_item(start, reference))
    try:
        if not json:
            terminal.stdout_console().print(
                item_view.render_started(state, now, item_ui_url(state.reference))
            )
        if wait:
            state = _wait_until_closed(state, json=json)
    except KeyboardInterrupt:
        hint = f"{state.reference} goes on without you: casekeep show {state.reference}"
        terminal.stderr_console().print(hint)
        raise typer.Exit(INTERRUPTED) from None
    if json:
        terminal.print_json(state)


def _wait_until_closed(state: "State", *, json: bool) -> "State":
    from cli import item_actions, item_view, terminal

    with item_view.show_progress(state.reference) as report:
        closed = asyncio.run(item_actions.wait_until_closed(state, report))
    if not json:
        terminal.stdout_console().print(item_view.render_line(closed, datetime.now().astimezone()))
    return closed
