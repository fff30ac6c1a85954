"""`inbox`, `owned`, `queue` and `search`: lists of items from the store."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import ActorOption, JsonOption

if TYPE_CHECKING:
    from store.items.paging import Page

PersonName = Annotated[
    str | None, typer.Argument(metavar="PERSON", help="The person; default: you.")
]
Limit = Annotated[
    int, typer.Option(metavar="NUMBER", min=1, max=1000, help="Maximum number of lines.")
]
Cursor = Annotated[
    str | None,
    typer.Option(
        "--cursor", metavar="TEXT", help="Continue after a page; --json prints its cursor."
    ),
]


def inbox(
    person: PersonName = None,
    as_: ActorOption = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    json: JsonOption = False,
) -> None:
    """List the items assigned to you, and those you own that have new information."""
    from cli.context import open_store, user_name
    from store.items import queries

    who = person or as_ or user_name()
    page = queries.list_inbox(open_store(), who, limit=limit, cursor=cursor)
    _print_page(page, json=json, empty=f"The inbox of {who} is empty.")


def owned(
    person: PersonName = None,
    as_: ActorOption = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    json: JsonOption = False,
) -> None:
    """List the items you own that wait or are assigned to others."""
    from cli.context import open_store, user_name
    from store.items import queries

    who = person or as_ or user_name()
    page = queries.list_owned(open_store(), who, limit=limit, cursor=cursor)
    _print_page(
        page, json=json, empty=f"{who} owns nothing that others have or that waits.", holder=True
    )


def queue(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.")],
    limit: Limit = 50,
    cursor: Cursor = None,
    json: JsonOption = False,
) -> None:
    """List the items of a queue that nobody has picked up, the next one first."""
    from cli.context import open_store
    from store.items import queries

    now = datetime.now().astimezone()
    page = queries.list_waiting(open_store(), name, now=now, limit=limit, cursor=cursor)
    _print_page(page, json=json, empty=f"Nothing waits in the queue {name}.")


def search(
    words: Annotated[
        list[str], typer.Argument(metavar="TEXT", help="Words that the item contains.")
    ],
    limit: Limit = 20,
    json: JsonOption = False,
) -> None:
    """Find items by reference, title, description and notes."""
    from cli import item_view, terminal
    from cli.context import open_store
    from store.items.search import search as search_in

    results = search_in(open_store(), " ".join(words), limit=limit)
    if json:
        terminal.print_json({"found": results})
    elif results:
        terminal.stdout_console().print(item_view.render_search_results(results))
    else:
        terminal.stdout_console().print(f"Nothing has {' '.join(words)}.")


def _print_page(page: "Page", *, json: bool, empty: str, holder: bool = False) -> None:
    from cli import item_view, terminal

    if json:
        terminal.print_json(page)
        return
    now = datetime.now().astimezone()
    table = item_view.render_items(page.items, now, holder=holder) if page.items else empty
    terminal.stdout_console().print(table)
    if page.cursor is not None:
        terminal.stderr_console().print("There are more: ask for them with --limit.", style="dim")
