"""Renders received mails for people."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from cli.phrases import local_and_relative_time, local_time, t
from cli.terminal import FoldingTable, field_grid
from mailroom.import_files import ImportResult
from store.mail.inbound_mail import InboundMail
from store.schema.tables import InboundMailState, MailAttachmentRow

_NAME_LENGTH: Final = 12
"""Characters of a mail's digest that lists show; its beginning is enough to name it."""
_MAX_SKIPPED: Final = 10


def render_dead_letters(
    mails: Sequence[InboundMail], counts: Mapping[InboundMailState, int], now: datetime
) -> RenderableType:
    """Return a table of dead letters; without any, the number of mails in each state."""
    if not mails:
        summary = _counts_text((state.value, number) for state, number in counts.items())
        return t("shell.mail.no_dead_letters", counts=summary or t("shell.mail.no_mails"))
    return render_mails(mails, now)


def render_mails(mails: Sequence[InboundMail], now: datetime) -> FoldingTable:
    """Return a table of mails."""
    rows = []
    for mail in mails:
        subject = Text(mail.subject or t("shell.mail.no_subject"))
        status = _status_text(mail)
        if status:
            subject.append(f"\n{status}", "dim")
        name, received = mail.digest[:_NAME_LENGTH], local_time(mail.received_at, now)
        rows.append((name, received, mail.sender or "?", subject))
    headers = (
        t("shell.mail.head.name"),
        t("shell.mail.head.received"),
        t("shell.mail.head.from"),
        t("form.subject"),
    )
    return FoldingTable(headers, rows, flexible=3)


def render_mail(
    mail: InboundMail, attachments: Sequence[MailAttachmentRow], now: datetime
) -> RenderableType:
    """Return a mail with its headers, its attachments and its whole text."""
    received = t(
        "shell.mail.received_for",
        moment=local_and_relative_time(mail.received_at, now),
        addresses=", ".join(mail.addresses),
    )
    facts = field_grid(
        {
            t("shell.mail.head.name"): mail.digest,
            t("shell.mail.head.received"): received,
            t("shell.mail.head.from"): f"{mail.sender_name} <{mail.sender}>".strip()
            if mail.sender
            else mail.sender_name,
            t("shell.mail.head.to"): ", ".join(mail.recipients),
            t("shell.mail.head.item"): mail.reference,
            t("shell.mail.head.state"): _status_text(mail) or mail.state.value,
            t("shell.mail.head.attached"): "\n".join(
                _attachment(number, part) for number, part in enumerate(attachments, 1)
            ),
        }
    )
    head = Text(mail.subject or t("shell.mail.no_subject"), "bold", overflow="fold")
    return Group(head, "", facts, "", Text(mail.body or t("mail.no_body")))


def _attachment(number: int, part: MailAttachmentRow) -> str:
    line = t(
        "shell.mail.attachment",
        number=number,
        name=part.name,
        type=part.type,
        size=f"{part.size:,}",
    )
    if not part.refused:
        return line
    return f"{line}{t('colon')}{t('shell.mail.not_kept', reason=part.refused)}"


def _status_text(mail: InboundMail) -> str:
    """Return why a mail is dead, automatic or not delivered yet; else an empty text."""
    if mail.state is InboundMailState.DEAD:
        return t("shell.mail.dead", reason=mail.reason)
    if mail.state is InboundMailState.ACCEPTED:
        return t("shell.mail.accepted")
    return t("shell.mail.automatic", reason=mail.automatic) if mail.automatic else ""


def render_import_result(result: ImportResult, counts: Mapping[str, int]) -> str:
    """Return the result of an import; `counts` are all mails of the store by state."""
    lines = [t("shell.mail.fed", new=result.new, known=result.known, skipped=len(result.skipped))]
    lines += result.skipped[:_MAX_SKIPPED]
    if len(result.skipped) > _MAX_SKIPPED:
        lines.append(t("shell.more", count=len(result.skipped) - _MAX_SKIPPED))
    summary = _counts_text(counts.items())
    return "\n".join([*lines, t("shell.mail.of_this_desk", counts=summary or t("shell.none"))])


def _counts_text(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts if number)
