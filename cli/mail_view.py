"""Mails as people read them in the shell."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.phrases import both, clock
from cli.terminal import Lines, pairs
from mailroom.import_files import Fed
from store.mail.inbound_mail import Arrival, KeptAttachment
from store.schema.tables import ArrivalState

_SHORT = 12
_SHOWN = 10


def letters(
    found: Sequence[Arrival], counts: Mapping[ArrivalState, int], now: datetime
) -> RenderableType:
    """The dead letters, a line each."""
    if not found:
        there = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
        return f"No dead letters ({there or 'no mails yet'})."
    return _listed(found, now)


def mails(found: Sequence[Arrival], now: datetime) -> RenderableType:
    """The mails of an item, a line each."""
    return _listed(found, now)


def _listed(found: Sequence[Arrival], now: datetime) -> Lines:
    rows = []
    for one in found:
        what = Text(one.subject or "(no subject)")
        standing = _standing(one)
        if standing:
            what.append(f"\n{standing}", "dim")
        rows.append((one.digest[:_SHORT], clock(one.received_at, now), one.sender or "?", what))
    return Lines(("Name", "Received", "From", "Subject"), rows, flexible=3)


def mail(one: Arrival, attachments: Sequence[KeptAttachment], now: datetime) -> RenderableType:
    """A mail with all of its text."""
    hangs_on = [
        f"{number} {part.name}, {part.type}, {part.size:,} bytes"
        + (f": not kept apart, {part.refused}" if part.refused else "")
        for number, part in enumerate(attachments, 1)
    ]
    facts = pairs(
        {
            "Name": one.digest,
            "Received": f"{both(one.received_at, now)} for {', '.join(one.addresses)}",
            "From": f"{one.sender_name} <{one.sender}>".strip() if one.sender else one.sender_name,
            "To": ", ".join(one.recipients),
            "Item": one.reference,
            "State": _standing(one) or one.state.value,
            "Attached": "\n".join(hangs_on),
        }
    )
    head = Text(one.subject or "(no subject)", "bold", overflow="fold")
    return Group(head, "", facts, "", Text(one.text or one.excerpt or "(no text)"))


def _standing(one: Arrival) -> str:
    """What is to be said of a mail that was not simply given to its item."""
    if one.state is ArrivalState.DEAD:
        return f"dead letter: {one.reason}"
    if one.state is ArrivalState.ACCEPTED:
        return "not with its item yet"
    return f"automatic: {one.automatic}" if one.automatic else ""


def fed(done: Fed, ends: Mapping[str, int]) -> str:
    """What became of the mails that were fed."""
    lines = [f"{done.new} new, {done.known} known before, {len(done.skipped)} not fed."]
    lines += done.skipped[:_SHOWN]
    if len(done.skipped) > _SHOWN:
        lines.append(f"… and {len(done.skipped) - _SHOWN} more")
    there = ", ".join(f"{number} {state}" for state, number in ends.items() if number)
    return "\n".join([*lines, f"Mails of this desk: {there or 'none'}."])
