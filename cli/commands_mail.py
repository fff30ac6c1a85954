"""`mail show`, `mail dead` and `mail replay`: received mails, dead letters, imports (M6, M7)."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import JsonOption

if TYPE_CHECKING:
    from mailroom.import_files import ImportResult, MailFiles
    from store.mail.inbound_mail import InboundMail


class UnknownMail(LookupError):
    """No mail, dead letter or attachment has this name."""


def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A mail, the beginning of its name, or an item."),
    ],
    raw: Annotated[bool, typer.Option("--raw", help="Print the mail as it was received.")] = False,
    attachment: Annotated[
        int | None,
        typer.Option("--attachment", metavar="NUMBER", help="Print an attachment."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show a received mail with its whole text, or list the mails of an item."""
    from cli import mail_view, terminal
    from cli.context import open_store
    from store.mail import attachments as mail_attachments
    from store.mail import inbound_mail

    store = open_store()
    now = datetime.now().astimezone()
    mail, mails_of_item = (
        inbound_mail.find_mail(store, name),
        inbound_mail.list_mails_of_item(store, name),
    )
    if mail is None or mails_of_item:
        if not mails_of_item:
            raise UnknownMail(f"no mail {name}, and none of an item of that name")
        if json:
            terminal.print_json({"mails": [_mail_json(mail) for mail in mails_of_item]})
        else:
            terminal.stdout_console().print(mail_view.render_mails(mails_of_item, now))
        return
    parts = mail_attachments.list_attachments(store, mail.digest)
    if raw:
        typer.echo(inbound_mail.load_source(store, mail.digest) or b"", nl=False)
    elif attachment is not None:
        part = parts[attachment - 1] if 0 < attachment <= len(parts) else None
        if part is None or part.digest is None:
            raise UnknownMail(f"mail {name} has no stored attachment {attachment}; --raw has all")
        typer.echo(mail_attachments.load_content(store, part.digest) or b"", nl=False)
    elif json:
        attachments = [
            {"name": part.name, "type": part.type, "size": part.size, "refused": part.refused}
            for part in parts
        ]
        terminal.print_json(_mail_json(mail) | {"text": mail.text, "attachments": attachments})
    else:
        terminal.stdout_console().print(mail_view.render_mail(mail, parts, now))


def dead(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A dead letter, or the beginning of its name."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Have the mailroom try again: NAME, or all.")
    ] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Print NAME as it was received.")] = False,
    json: JsonOption = False,
) -> None:
    """List the mails that could not be delivered to an item, show one, or retry them."""
    from cli import mail_view, terminal
    from cli.context import open_store
    from store.mail import attachments as mail_attachments
    from store.mail import dead_letters, inbound_mail
    from store.schema.tables import InboundMailState

    if raw and name is None:
        raise typer.BadParameter("which one? give its NAME", param_hint="--raw")
    store = open_store()
    mails = (
        dead_letters.list_dead_letters(store)
        if name is None
        else [inbound_mail.find_mail(store, name)]
    )
    letters = [mail for mail in mails if mail is not None and mail.state is InboundMailState.DEAD]
    if name is not None and not letters:
        raise UnknownMail(f"no dead letter {name}; `casekeep mail dead` lists them")
    if raw:
        typer.echo(inbound_mail.load_source(store, letters[0].digest) or b"", nl=False)
        return
    if again:
        for letter in letters:
            dead_letters.retry_dead_letter(store, letter.digest)
    if json:
        counts = {
            state.value: number for state, number in inbound_mail.count_by_state(store).items()
        }
        terminal.print_json(
            {"counts": counts, "letters": list(map(_mail_json, letters)), "again": again}
        )
        return
    console, now = terminal.stdout_console(), datetime.now().astimezone()
    if again:
        console.print(f"{len(letters)} to be tried again by the mailroom.")
    elif name is not None:
        parts = mail_attachments.list_attachments(store, letters[0].digest)
        console.print(mail_view.render_mail(letters[0], parts, now))
    else:
        console.print(
            mail_view.render_dead_letters(letters, inbound_mail.count_by_state(store), now)
        )


def replay(
    place: Annotated[
        Path, typer.Argument(metavar="FOLDER|MBOX", help="A folder of .eml files, or an mbox.")
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="ADDRESS", help="Their recipient; default: by their headers."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Import stored mails, and wait until they are delivered; a second import changes nothing."""
    from cli import mail_view, terminal
    from mailroom.import_files import open_mails

    with open_mails(place) as mails:
        fed, counts = asyncio.run(_import_mails(mails, to))
    if json:
        result = {"new": fed.new, "known": fed.known, "skipped": fed.skipped, "mails": counts}
        terminal.print_json(result)
    else:
        terminal.stdout_console().print(mail_view.render_import_result(fed, counts))


async def _import_mails(
    mails: "MailFiles", to: str | None
) -> "tuple[ImportResult, dict[str, int]]":
    from rich.progress import Progress

    from catalog.loader import load_catalog
    from cli import terminal
    from cli.context import open_client
    from mailroom.acceptance import AcceptanceQueue
    from mailroom.delivery import Deliverer
    from mailroom.import_files import import_mails
    from mailroom.routing import create_router
    from starter.settings import read_settings
    from store.engine import open_engine
    from store.mail.inbound_mail import count_by_state as count_mails
    from store.schema.versions import upgrade_schema

    settings = read_settings()
    mailboxes = load_catalog(settings.catalog).mailboxes
    engine = open_engine(settings.database_url, durable=True)
    upgrade_schema(engine)
    reader = create_router(engine, mailboxes)
    deliverer = Deliverer(await open_client(), engine, reader)
    acceptance = AcceptanceQueue(
        engine, reader, budget=settings.mail_answers, on_accepted=deliverer.start_delivery
    )
    with Progress(console=terminal.stderr_console(), transient=True) as progress:
        task = progress.add_task("mails", total=len(mails))
        fed = await import_mails(
            acceptance,
            mails,
            mailboxes=tuple(mailboxes),
            to=to,
            on_progress=lambda: progress.advance(task),
        )
        await deliverer.finish()
    acceptance.close()
    counts = {state.value: number for state, number in count_mails(engine).items()}
    engine.dispose()
    return fed, counts


def _mail_json(mail: "InboundMail") -> dict[str, Any]:
    return {
        "name": mail.digest,
        "received_at": mail.received_at,
        "desk": mail.desk,
        "sender": mail.sender,
        "subject": mail.subject,
        "reference": mail.reference,
        "state": mail.state.value,
        "automatic": mail.automatic,
        "reason": mail.reason,
    }
