"""`inbox`, `owned`, `queue` and `search`: lists from the store."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import As, Json

if TYPE_CHECKING:
    from store.items.paging import Page

PersonName = Annotated[
    str | None, typer.Argument(metavar="PERSON", help="Whose; by default yours.")
]
Limit = Annotated[
    int, typer.Option(metavar="NUMBER", min=1, max=1000, help="How many lines at most.")
]
After = Annotated[
    str | None,
    typer.Option("--cursor", metavar="TEXT", help="Go on after a page; --json tells its cursor."),
]


def inbox(
    person: PersonName = None,
    as_: As = None,
    limit: Limit = 50,
    cursor: After = None,
    json: Json = False,
) -> None:
    """List what is assigned to you, and what you own that has news."""
    from cli.context import open_store, user
    from store.items import queries

    who = person or as_ or user()
    page = queries.inbox(open_store(), who, limit=limit, cursor=cursor)
    _show(page, json=json, empty=f"The inbox of {who} is empty.")


def owned(
    person: PersonName = None,
    as_: As = None,
    limit: Limit = 50,
    cursor: After = None,
    json: Json = False,
) -> None:
    """List what you own and others have, or what waits."""
    from cli.context import open_store, user
    from store.items import queries

    who = person or as_ or user()
    page = queries.owned(open_store(), who, limit=limit, cursor=cursor)
    _show(page, json=json, empty=f"{who} owns nothing that others have or that waits.", holder=True)


def queue(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.")],
    limit: Limit = 50,
    cursor: After = None,
    json: Json = False,
) -> None:
    """List what waits to be picked up, the next one first."""
    from cli.context import open_store
    from store.items import queries

    now = datetime.now().astimezone()
    page = queries.queue(open_store(), name, now=now, limit=limit, cursor=cursor)
    _show(page, json=json, empty=f"Nothing waits in the queue {name}.")


def search(
    words: Annotated[
        list[str], typer.Argument(metavar="TEXT", help="Words that an item has to have.")
    ],
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """Find items by reference, title, description and notes."""
    from cli import item_view, terminal
    from cli.context import open_store
    from store.items.search import search as search_in

    found = search_in(open_store(), " ".join(words), limit=limit)
    if json:
        terminal.machine({"found": found})
    elif found:
        terminal.people().print(item_view.findings(found))
    else:
        terminal.people().print(f"Nothing has {' '.join(words)}.")


def _show(page: "Page", *, json: bool, empty: str, holder: bool = False) -> None:
    from cli import item_view, terminal

    if json:
        terminal.machine(page)
        return
    now = datetime.now().astimezone()
    lines = item_view.listing(page.items, now, holder=holder) if page.items else empty
    terminal.people().print(lines)
    if page.cursor is not None:
        terminal.aside().print("There are more: ask for them with --limit.", style="dim")
