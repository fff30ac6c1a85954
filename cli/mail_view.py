"""Mails as people read them in the shell."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.phrases import both, clock, t
from cli.terminal import Lines, pairs
from mailroom.import_files import Fed
from store.mail.inbound_mail import InboundMail
from store.schema.tables import InboundMailState, MailAttachmentRow

_SHORT = 12
_SHOWN = 10


def letters(
    found: Sequence[InboundMail], counts: Mapping[InboundMailState, int], now: datetime
) -> RenderableType:
    """The dead letters, a line each."""
    if not found:
        there = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
        return t("shell.mail.no_dead_letters", counts=there or t("shell.mail.no_mails"))
    return _listed(found, now)


def mails(found: Sequence[InboundMail], now: datetime) -> RenderableType:
    """The mails of an item, a line each."""
    return _listed(found, now)


def _listed(found: Sequence[InboundMail], now: datetime) -> Lines:
    rows = []
    for one in found:
        what = Text(one.subject or t("shell.mail.no_subject"))
        standing = _standing(one)
        if standing:
            what.append(f"\n{standing}", "dim")
        rows.append((one.digest[:_SHORT], clock(one.received_at, now), one.sender or "?", what))
    heads = (
        t("shell.mail.head.name"),
        t("shell.mail.head.received"),
        t("shell.mail.head.from"),
        t("form.subject"),
    )
    return Lines(heads, rows, flexible=3)


def mail(
    one: InboundMail, attachments: Sequence[MailAttachmentRow], now: datetime
) -> RenderableType:
    """A mail with all of its text."""
    received = t(
        "shell.mail.received_for",
        moment=both(one.received_at, now),
        addresses=", ".join(one.addresses),
    )
    facts = pairs(
        {
            t("shell.mail.head.name"): one.digest,
            t("shell.mail.head.received"): received,
            t("shell.mail.head.from"): f"{one.sender_name} <{one.sender}>".strip()
            if one.sender
            else one.sender_name,
            t("shell.mail.head.to"): ", ".join(one.recipients),
            t("shell.mail.head.item"): one.reference,
            t("shell.mail.head.state"): _standing(one) or one.state.value,
            t("shell.mail.head.attached"): "\n".join(
                _attachment(number, part) for number, part in enumerate(attachments, 1)
            ),
        }
    )
    head = Text(one.subject or t("shell.mail.no_subject"), "bold", overflow="fold")
    return Group(head, "", facts, "", Text(one.body or t("mail.no_body")))


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


def _standing(one: InboundMail) -> str:
    """Return what a mail has besides its item: a reason, or nothing."""
    if one.state is InboundMailState.DEAD:
        return t("shell.mail.dead", reason=one.reason)
    if one.state is InboundMailState.ACCEPTED:
        return t("shell.mail.accepted")
    return t("shell.mail.automatic", reason=one.automatic) if one.automatic else ""


def fed(done: Fed, ends: Mapping[str, int]) -> str:
    """What became of the mails that were fed."""
    lines = [t("shell.mail.fed", new=done.new, known=done.known, skipped=len(done.skipped))]
    lines += done.skipped[:_SHOWN]
    if len(done.skipped) > _SHOWN:
        lines.append(t("shell.more", count=len(done.skipped) - _SHOWN))
    there = ", ".join(f"{number} {state}" for state, number in ends.items() if number)
    return "\n".join([*lines, t("shell.mail.of_this_desk", counts=there or t("shell.none"))])
