"""`mail show`, `mail dead` and `mail replay`: mails that came in, or are fed by hand (M6, M7)."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import Json

if TYPE_CHECKING:
    from mailroom.import_files import Fed, Mails


class UnknownLetter(LookupError):
    """There is no such mail, dead letter or attachment."""


def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A mail, the beginning of its name, or an item."),
    ],
    raw: Annotated[bool, typer.Option("--raw", help="Print the mail as it was received.")] = False,
    attachment: Annotated[
        int | None,
        typer.Option("--attachment", metavar="NUMBER", help="Print what hangs on the mail."),
    ] = None,
    json: Json = False,
) -> None:
    """Show a mail that came in with all of its text, or list those of an item."""
    from cli import mail_view, terminal
    from cli.context import open_store
    from store.mail import attachments, inbound_mail

    store = open_store()
    now = datetime.now().astimezone()
    one, of_item = inbound_mail.mail_of(store, name), inbound_mail.mails_of(store, name)
    if one is None or of_item:
        if not of_item:
            raise UnknownLetter(f"no mail {name}, and none of an item of that name")
        if json:
            terminal.machine({"mails": [_for_machines(each) for each in of_item]})
        else:
            terminal.people().print(mail_view.mails(of_item, now))
        return
    parts = attachments.attachments_of(store, one.digest)
    if raw:
        typer.echo(inbound_mail.source_of(store, one.digest) or b"", nl=False)
    elif attachment is not None:
        kept = parts[attachment - 1] if 0 < attachment <= len(parts) else None
        if kept is None or kept.digest is None:
            raise UnknownLetter(
                f"mail {name} has no attachment {attachment} that is kept apart; --raw has all"
            )
        typer.echo(attachments.content_of(store, kept.digest) or b"", nl=False)
    elif json:
        told = [
            {"name": part.name, "type": part.type, "size": part.size, "refused": part.refused}
            for part in parts
        ]
        terminal.machine(_for_machines(one) | {"text": one.text, "attachments": told})
    else:
        terminal.people().print(mail_view.mail(one, parts, now))


def dead(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One of them, or the beginning of its name."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Have the mailroom try again: NAME, or all.")
    ] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Print NAME as it was received.")] = False,
    json: Json = False,
) -> None:
    """List the mails that could not be given to an item, show one, or have them tried again."""
    from cli import mail_view, terminal
    from cli.context import open_store
    from store.mail import attachments, dead_letters, inbound_mail
    from store.schema.tables import InboundMailState

    if raw and name is None:
        raise typer.BadParameter("which one? give its NAME", param_hint="--raw")
    store = open_store()
    found = (
        dead_letters.dead_letters(store) if name is None else [inbound_mail.mail_of(store, name)]
    )
    letters = [one for one in found if one is not None and one.state is InboundMailState.DEAD]
    if name is not None and not letters:
        raise UnknownLetter(f"no dead letter {name}; `casekeep mail dead` lists them")
    if raw:
        typer.echo(inbound_mail.source_of(store, letters[0].digest) or b"", nl=False)
        return
    if again:
        for one in letters:
            dead_letters.retry(store, one.digest)
    if json:
        counts = {state.value: number for state, number in inbound_mail.counts(store).items()}
        terminal.machine(
            {"counts": counts, "letters": [_for_machines(one) for one in letters], "again": again}
        )
        return
    console, now = terminal.people(), datetime.now().astimezone()
    if again:
        console.print(f"{len(letters)} to be tried again by the mailroom.")
    elif name is not None:
        parts = attachments.attachments_of(store, letters[0].digest)
        console.print(mail_view.mail(letters[0], parts, now))
    else:
        console.print(mail_view.letters(letters, inbound_mail.counts(store), now))


def replay(
    place: Annotated[
        Path, typer.Argument(metavar="FOLDER|MBOX", help="A folder of .eml files, or an mbox.")
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ADDRESS", help="Where they were sent to; else they say so."),
    ] = None,
    json: Json = False,
) -> None:
    """Feed stored mails to the desk, and wait until it has them; twice changes nothing."""
    from cli import mail_view, terminal
    from mailroom.import_files import mails_in

    with mails_in(place) as mails:
        fed, ends = asyncio.run(_replayed(mails, to))
    if json:
        told = {"new": fed.new, "known": fed.known, "skipped": fed.skipped, "mails": ends}
        terminal.machine(told)
    else:
        terminal.people().print(mail_view.fed(fed, ends))


async def _replayed(mails: "Mails", to: str | None) -> "tuple[Fed, dict[str, int]]":
    from rich.progress import Progress

    from catalog.loader import load
    from cli import terminal
    from cli.context import open_desk
    from mailroom.acceptance import Reception
    from mailroom.delivery import Deliverer
    from mailroom.import_files import feed
    from mailroom.routing import reader_of
    from starter.settings import read_settings
    from store.engine import engine_of
    from store.mail.inbound_mail import counts
    from store.schema.versions import upgrade

    environment = read_settings()
    mailboxes = load(environment.catalog).mailboxes
    engine = engine_of(environment.database_url, lasting=True)
    upgrade(engine)
    reader = reader_of(engine, mailboxes)
    deliverer = Deliverer(await open_desk(), engine, reader)
    reception = Reception(engine, reader, budget=environment.mail_answers, hand_over=deliverer.put)
    with Progress(console=terminal.aside(), transient=True) as progress:
        task = progress.add_task("mails", total=len(mails))
        fed = await feed(
            reception,
            mails,
            mailboxes=tuple(mailboxes),
            to=to,
            tell=lambda: progress.advance(task),
        )
        await deliverer.finish()
    reception.close()
    ends = {state.value: number for state, number in counts(engine).items()}
    engine.dispose()
    return fed, ends


def _for_machines(one: Any) -> dict[str, Any]:  # noqa: ANN401 - an InboundMail, imported lazily
    return {
        "name": one.digest,
        "received_at": one.received_at,
        "desk": one.desk,
        "sender": one.sender,
        "subject": one.subject,
        "reference": one.reference,
        "state": one.state.value,
        "automatic": one.automatic,
        "reason": one.reason,
    }
