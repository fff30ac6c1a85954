"""What the mailroom makes of a mail when it comes in: which desks it is for, and which item."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine

from catalog.mailboxes import Mailboxes
from domain.base.values import ACTION_PATTERN, Kind, Method, Status, is_address
from mail.classification import MailClassification, classify_mail
from mail.headers import NamedAddress, to_single_line
from mail.item_match import match_item, split_address
from mail.message_ids import is_own_message_id
from mail.parser import ParsedMail, parse_mail
from mail.parts import Attachment
from mail.quotes import sender_text
from starter.references import derive_reference
from store.auth.shared_secrets import MAIL, secret_named
from store.items.queries import item_of
from store.mail.inbound_mail import InboundMail, digest_of
from store.mail.mail_threads import item_of_thread, our_mails, participants
from store.mail.outbound_mail import last_sent_to
from store.schema.tables import InboundMailState, MailAttachmentRow

EXCERPT_LIMIT: Final = 4_000
"""Characters of a mail that its item carries; the store has all of it (M6)."""
ATTACHMENT_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of an attachment that is kept apart; a larger one is in the mail as it was received."""
MAX_ATTACHMENTS: Final = 100
_REFUSED: Final = frozenset(
    {"application/x-msdownload", "application/x-msdos-program", "application/x-dosexec"}
)
_REFUSED_ENDINGS: Final = (
    *(".exe", ".com", ".bat", ".cmd", ".scr", ".pif", ".msi", ".vbs", ".js", ".jse", ".wsf"),
    *(".hta", ".lnk", ".ps1", ".jar"),
)
_MOST_HOPS: Final = 20
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # it tells of each detector's trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail as a mail server hands it over."""

    raw: bytes
    addresses: tuple[str, ...]
    """Those it is to be delivered to, with their plus parts."""
    received_at: datetime | None = None
    """When another mailbox received it; None: as it is kept here."""
    envelope_sender: str | None = None
    """Empty: a bounce says so; None: not known."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads mails for the desks of a catalog; asks the store what items there are."""

    engine: Engine
    mailboxes: Mailboxes
    is_own_message_id: Callable[[str], bool] = lambda _message_id: False
    """Whether a Message-ID is one that we signed."""

    def read(self, letter: Letter) -> list[InboundMail]:
        """Return the mail once for each mailbox that it came to; a dead letter if unreadable."""
        desks: dict[str, list[str]] = {}
        for address in letter.addresses:
            desks.setdefault(split_address(to_single_line(address))[0], []).append(
                to_single_line(address)
            )
        try:
            received = parse_mail(letter.raw)
            loop = classify_mail(
                received,
                envelope_sender=letter.envelope_sender,
                is_ours=self.is_own_message_id(received.message_id),
            )
            excerpt = excerpt_of(received)
        except Exception as error:  # noqa: BLE001 - M7: whatever it is, the mails behind it come first
            return [_unreadable(letter, desk, to, error) for desk, to in desks.items()]
        attachments = [
            (one, one.digest, refusal_of(one)) for one in received.attachments[:MAX_ATTACHMENTS]
        ]
        contents = {digest: one.content for one, digest, refused in attachments if refused is None}
        mails = [self._for(desk, to, letter, received, loop, excerpt) for desk, to in desks.items()]
        return [
            replace(
                mail,
                contents=contents,
                attachments=tuple(
                    MailAttachmentRow(
                        mail=mail.digest,
                        number=number,
                        name=one.name,
                        type=one.type,
                        size=len(one.content),
                        digest=digest if refused is None else None,
                        refused=refused,
                    )
                    for number, (one, digest, refused) in enumerate(attachments)
                ),
            )
            for mail in mails
        ]

    def _for(  # noqa: PLR0917 - what is known of a mail
        self,
        desk: str,
        to: list[str],
        letter: Letter,
        received: ParsedMail,
        loop: MailClassification,
        excerpt: str,
    ) -> InboundMail:
        box = self.mailboxes.get(desk)
        sender = None if letter.envelope_sender is None else to_single_line(letter.envelope_sender)
        found = match_item(
            received,
            addresses=to,
            threads=lambda ids: item_of_thread(self.engine, [*ids, *loop.related_ids], desk=desk),
            parties=lambda reference: participants(self.engine, reference),
        )
        reference = found.reference
        if reference is None and loop.related_ids:
            reference = item_of_thread(self.engine, loop.related_ids, desk=desk)
        if reference is None and loop.is_bounce:
            # it comes to its item's address, and is from no party (M4)
            reference = found.claimed_reference
        bounced = self._brought_back(loop, reference) if loop.is_bounce else None
        if reference is not None:
            reference = self.successor(reference) or reference
        mail = InboundMail(
            digest=digest_of(f"{received.message_id}\n{desk}"),
            message_id=received.message_id,
            desk=desk,
            addresses=tuple(to),
            envelope_sender=sender,
            sender=received.sender.address,
            sender_name=received.sender.name,
            recipients=tuple(shown(one) for one in received.recipients),
            raw=letter.raw,
            subject=received.subject,
            excerpt=excerpt,
            text=received.text,
            html=received.html,
            automatic=loop.automatic_reason,
            bounced=bounced,
            reference=reference,
            named=found.claimed_reference,
            received_at=letter.received_at or datetime.now(UTC),
            is_dated=letter.received_at is not None,
            answered=bool(
                box is not None
                and box.acknowledge
                and not (loop.is_automatic or loop.is_from_list)
                and (reference is None or self._is_closed(reference))
                and is_address(received.sender.address)
            ),
        )
        if reference is not None:
            return mail
        if loop.is_automatic:
            why = f"automatic ({loop.automatic_reason}), and belongs to no item"
            return replace(mail, state=InboundMailState.DEAD, reason=why)
        return replace(mail, reference=reference_for(mail, self.mailboxes))

    def _is_closed(self, reference: str) -> bool:
        kept = item_of(self.engine, reference)
        return kept is not None and kept.state.status is Status.CLOSED

    def _brought_back(self, loop: MailClassification, reference: str | None) -> tuple[str, ...]:
        """M5: the ids of the mails that a bounce brings back.

        Most say only whom they did not reach: then it is the last one that the item sent there.
        """
        if (
            reference is None
            or not loop.failed_recipients
            or our_mails(self.engine, loop.related_ids)
        ):
            return loop.related_ids
        last = last_sent_to(self.engine, reference, loop.failed_recipients)
        return loop.related_ids if last is None else (*loop.related_ids, last[1:-1])

    def successor(self, reference: str) -> str | None:
        """Where mail for an item goes since that was merged; None if it was not (M2)."""
        found = reference
        for _ in range(_MOST_HOPS):
            kept = item_of(self.engine, found)
            if kept is None or kept.state.status is not Status.CLOSED:
                break
            end, links = kept.state.resolution, kept.state.links
            into = [link.reference for link in links if link.kind == "merged_into"]
            if end is None or end.method != Method.MERGED or not into:
                break
            found = into[-1]
        return None if found == reference else found

    def parent(self, mail: InboundMail, reference: str) -> str | None:
        """Return the Case of a closed Action, if the mailbox sends its mail there first (A5)."""
        box = self.mailboxes.get(mail.desk)
        action = ACTION_PATTERN.fullmatch(reference)
        return action["case"] if action and box is not None and box.parent_first else None


def reader_of(engine: Engine, mailboxes: Mailboxes) -> Reader:
    """A reader that knows our own mails by the desk's secret, which the store has."""
    secret = secret_named(engine, MAIL)
    return Reader(
        engine, mailboxes, lambda message_id: is_own_message_id(secret, f"<{message_id}>")
    )


def reference_for(mail: InboundMail, mailboxes: Mailboxes) -> str:
    """Return the reference of the item that this mail would start; always the same."""
    box = mailboxes.get(mail.desk)
    kind = Kind.CASE if box is not None and box.case is not None else Kind.TICKET
    return derive_reference(kind, f"mail {mail.digest}")


def excerpt_of(received: ParsedMail) -> str:
    """What its sender wrote, or the beginning of it."""
    words = sender_text(received)
    if len(words) <= EXCERPT_LIMIT:
        return words
    return f"{words[:EXCERPT_LIMIT]}… ({len(received.text)} characters, kept in the store)"


def shown(one: NamedAddress) -> str:
    """Somebody as a header names him: one line."""
    text = f"{one.name} <{one.address}>" if one.name and one.address else one.name or one.address
    return text[:300]


def desks_in(received: ParsedMail, mailboxes: Iterable[str]) -> tuple[str, ...]:
    """The addresses of ours that a mail says it was sent to; for mails that come without one."""
    known = frozenset(mailboxes)
    named = [
        *(received.headers.get(name, "") for name in ("delivered-to", "x-original-to")),
        *(one.address for one in received.recipients),
    ]
    found = [one.strip().lower() for one in named if split_address(one.strip())[0] in known]
    return tuple(dict.fromkeys(found))


def refusal_of(one: Attachment) -> str | None:
    """Return the reason why an attachment's content is not stored apart from its mail."""
    size = len(one.content)
    if size > ATTACHMENT_LIMIT:
        return f"{size} bytes; at most {ATTACHMENT_LIMIT} are kept apart"
    if one.type in _REFUSED or one.name.lower().endswith(_REFUSED_ENDINGS):
        return "a program"
    return None


def _unreadable(letter: Letter, desk: str, to: list[str], error: Exception) -> InboundMail:
    """Return a dead letter: the source as received, and the error of its parser (M7)."""
    content = digest_of(letter.raw.decode("latin-1"))
    return InboundMail(
        digest=digest_of(f"{content}\n{desk}"),
        message_id=f"{content}@unreadable.invalid",
        desk=desk,
        addresses=tuple(to),
        envelope_sender=letter.envelope_sender,
        sender="",
        sender_name="",
        recipients=(),
        subject="",
        excerpt="",
        text="",
        html=None,
        automatic=None,
        bounced=None,
        reference=None,
        named=None,
        received_at=letter.received_at or datetime.now(UTC),
        is_dated=letter.received_at is not None,
        raw=letter.raw,
        state=InboundMailState.DEAD,
        reason=f"cannot be read: {type(error).__name__}: {error}"[:500],
    )
