"""Routing of received mails: the mailboxes that a mail came to, and the item it belongs to."""

import logging
from collections.abc import Callable, Iterable, Sequence
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
from store.auth.shared_secrets import MESSAGE_ID_KEY, get_secret
from store.items.queries import find_item
from store.mail.inbound_mail import InboundMail, mail_digest
from store.mail.mail_threads import find_item_of_thread, find_own_mails, load_participants
from store.mail.outbound_mail import last_message_id_sent_to
from store.schema.tables import InboundMailState, MailAttachmentRow

MAX_EXCERPT_LENGTH: Final = 4_000
"""Characters of a mail that its item carries; the store has all of it (M6)."""
MAX_ATTACHMENT_BYTES: Final = 10 * 1024 * 1024
"""Bytes of an attachment that is stored apart; a larger one is in the mail's source only."""
MAX_ATTACHMENTS: Final = 100
_REFUSED_TYPES: Final = frozenset(
    {"application/x-msdownload", "application/x-msdos-program", "application/x-dosexec"}
)
_REFUSED_ENDINGS: Final = (
    *(".exe", ".com", ".bat", ".cmd", ".scr", ".pif", ".msi", ".vbs", ".js", ".jse", ".wsf"),
    *(".hta", ".lnk", ".ps1", ".jar"),
)
_MAX_MERGES: Final = 20
# it would log an error for each of its detectors
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """Mail as a mail server delivers it."""

    raw: bytes
    addresses: tuple[str, ...]
    """Recipients of the delivery, with their plus parts."""
    received_at: datetime | None = None
    """Time of receipt by another mailbox; None: the time of acceptance."""
    envelope_sender: str | None = None
    """Empty for a bounce; None: unknown."""


@dataclass(frozen=True, slots=True)
class _ParsedMessage:
    """Message with its parsed mail and classification."""

    message: ReceivedMessage
    received: ParsedMail
    loop: MailClassification
    excerpt: str

    def mail_to(self, desk: str, addresses: Sequence[str]) -> InboundMail:
        """Return the mail for one mailbox, not yet matched to an item."""
        message, received = self.message, self.received
        sender = message.envelope_sender
        return InboundMail(
            digest=mail_digest(f"{received.message_id}\n{desk}"),
            message_id=received.message_id,
            desk=desk,
            addresses=tuple(addresses),
            envelope_sender=None if sender is None else to_single_line(sender),
            sender=received.sender.address,
            sender_name=received.sender.name,
            recipients=tuple(format_address(each) for each in received.recipients),
            raw=message.raw,
            subject=received.subject,
            excerpt=self.excerpt,
            text=received.text,
            html=received.html,
            automatic=self.loop.automatic_reason,
            bounced=None,
            reference=None,
            named=None,
            received_at=message.received_at or datetime.now(UTC),
            is_dated=message.received_at is not None,
        )


@dataclass(frozen=True, slots=True)
class MailRouter:
    """Router of mails to the mailboxes of a catalog and to items of the store."""

    engine: Engine
    mailboxes: Mailboxes
    is_own_message_id: Callable[[str], bool] = lambda _message_id: False
    """Function that returns True for a Message-ID that we signed."""

    def route(self, message: ReceivedMessage) -> list[InboundMail]:
        """Return the mail once for each mailbox; dead letters if it cannot be parsed (M7)."""
        addresses_by_desk: dict[str, list[str]] = {}
        for each in message.addresses:
            address = to_single_line(each)
            addresses_by_desk.setdefault(split_address(address)[0], []).append(address)
        try:
            parsed = self._parse(message)
        except Exception as error:  # noqa: BLE001 - any error: the next mails must be accepted (M7)
            return [
                _unreadable(message, desk, addresses, error)
                for desk, addresses in addresses_by_desk.items()
            ]
        return [
            _with_attachments(self._mail_for(desk, addresses, parsed), parsed.received.attachments)
            for desk, addresses in addresses_by_desk.items()
        ]

    def _parse(self, message: ReceivedMessage) -> _ParsedMessage:
        received = parse_mail(message.raw)
        loop = classify_mail(
            received,
            envelope_sender=message.envelope_sender,
            is_ours=self.is_own_message_id(received.message_id),
        )
        return _ParsedMessage(message, received, loop, excerpt_of(received))

    def _mail_for(self, desk: str, addresses: Sequence[str], parsed: _ParsedMessage) -> InboundMail:
        """Return the mail for one mailbox, with the item that it belongs to or starts."""
        received, loop = parsed.received, parsed.loop
        found = match_item(
            received,
            addresses=addresses,
            threads=lambda ids: find_item_of_thread(
                self.engine, [*ids, *loop.related_ids], desk=desk
            ),
            parties=lambda reference: load_participants(self.engine, reference),
        )
        reference = found.reference
        if reference is None and loop.related_ids:
            reference = find_item_of_thread(self.engine, loop.related_ids, desk=desk)
        if reference is None and loop.is_bounce:
            # it comes to its item's address, and is from no party (M4)
            reference = found.claimed_reference
        bounced = self._returned_ids(loop, reference) if loop.is_bounce else None
        if reference is not None:
            reference = self.successor(reference) or reference
        mail = replace(
            parsed.mail_to(desk, addresses),
            bounced=bounced,
            reference=reference,
            named=found.claimed_reference,
            answered=self._wants_answer(desk, reference, parsed),
        )
        if reference is not None:
            return mail
        if loop.is_automatic:
            reason = f"automatic ({loop.automatic_reason}), and belongs to no item"
            return replace(mail, state=InboundMailState.DEAD, reason=reason)
        return replace(mail, reference=reference_for(mail, self.mailboxes))

    def _wants_answer(self, desk: str, reference: str | None, parsed: _ParsedMessage) -> bool:
        """Return True if the mail starts an item in a mailbox that acknowledges mails (M4)."""
        box, loop = self.mailboxes.get(desk), parsed.loop
        return (
            box is not None
            and box.acknowledge
            and not (loop.is_automatic or loop.is_from_list)
            and (reference is None or self._is_closed(reference))
            and is_address(parsed.received.sender.address)
        )

    def _is_closed(self, reference: str) -> bool:
        stored = find_item(self.engine, reference)
        return stored is not None and stored.state.status is Status.CLOSED

    def _returned_ids(self, loop: MailClassification, reference: str | None) -> tuple[str, ...]:
        """Return the Message-IDs of the mails that a bounce returns (M5).

        Many bounces name only the address that failed: then it is the item's last mail to it.
        """
        if (
            reference is None
            or not loop.failed_recipients
            or find_own_mails(self.engine, loop.related_ids)
        ):
            return loop.related_ids
        last = last_message_id_sent_to(self.engine, reference, loop.failed_recipients)
        return loop.related_ids if last is None else (*loop.related_ids, last[1:-1])

    def successor(self, reference: str) -> str | None:
        """Return the item that an item was merged into at last; None if it was not merged (M2)."""
        target = reference
        for _ in range(_MAX_MERGES):
            stored = find_item(self.engine, target)
            if stored is None or stored.state.status is not Status.CLOSED:
                break
            end, links = stored.state.resolution, stored.state.links
            into = [link.reference for link in links if link.kind == "merged_into"]
            if end is None or end.method != Method.MERGED or not into:
                break
            target = into[-1]
        return None if target == reference else target

    def parent(self, mail: InboundMail, reference: str) -> str | None:
        """Return the Case of a closed Action, if the mailbox sends its mail there first (A5)."""
        box = self.mailboxes.get(mail.desk)
        action = ACTION_PATTERN.fullmatch(reference)
        return action["case"] if action and box is not None and box.parent_first else None


def create_router(engine: Engine, mailboxes: Mailboxes) -> MailRouter:
    """Return a router that recognises our own mails by the secret of the installation."""
    secret = get_secret(engine, MESSAGE_ID_KEY)
    return MailRouter(
        engine, mailboxes, lambda message_id: is_own_message_id(secret, f"<{message_id}>")
    )


def reference_for(mail: InboundMail, mailboxes: Mailboxes) -> str:
    """Return the reference of the item that this mail would start; always the same."""
    box = mailboxes.get(mail.desk)
    kind = Kind.CASE if box is not None and box.case is not None else Kind.TICKET
    return derive_reference(kind, f"mail {mail.digest}")


def excerpt_of(received: ParsedMail) -> str:
    """Return the text that the sender wrote, cut to `MAX_EXCERPT_LENGTH`."""
    text = sender_text(received)
    if len(text) <= MAX_EXCERPT_LENGTH:
        return text
    return f"{text[:MAX_EXCERPT_LENGTH]}… ({len(received.text)} characters, kept in the store)"


def format_address(person: NamedAddress) -> str:
    """Return a name and address in one line, as in a header."""
    name, address = person.name, person.address
    return (f"{name} <{address}>" if name and address else name or address)[:300]


def find_mailboxes(received: ParsedMail, mailboxes: Iterable[str]) -> tuple[str, ...]:
    """Return the mailboxes of the desk that a mail's headers name, with their plus parts."""
    known = frozenset(mailboxes)
    named = [
        *(received.headers.get(name, "") for name in ("delivered-to", "x-original-to")),
        *(recipient.address for recipient in received.recipients),
    ]
    own = [each.strip().lower() for each in named if split_address(each.strip())[0] in known]
    return tuple(dict.fromkeys(own))


def refusal_reason(attachment: Attachment) -> str | None:
    """Return the reason why an attachment's content is not stored apart from its mail."""
    size = len(attachment.content)
    if size > MAX_ATTACHMENT_BYTES:
        return f"{size} bytes; at most {MAX_ATTACHMENT_BYTES} are stored apart"
    if attachment.type in _REFUSED_TYPES or attachment.name.lower().endswith(_REFUSED_ENDINGS):
        return "a program"
    return None


def _with_attachments(mail: InboundMail, attachments: Sequence[Attachment]) -> InboundMail:
    """Return the mail with its attachments, and the contents that are stored apart (M6)."""
    rows, contents = [], {}
    for number, each in enumerate(attachments[:MAX_ATTACHMENTS]):
        digest, refused = each.digest, refusal_reason(each)
        if refused is None:
            contents[digest] = each.content
        rows.append(
            MailAttachmentRow(
                mail=mail.digest,
                number=number,
                name=each.name,
                type=each.type,
                size=len(each.content),
                digest=digest if refused is None else None,
                refused=refused,
            )
        )
    return replace(mail, contents=contents, attachments=tuple(rows))


def _unreadable(
    message: ReceivedMessage, desk: str, addresses: list[str], error: Exception
) -> InboundMail:
    """Return a dead letter: the source as received, and the error of its parser (M7)."""
    content = mail_digest(message.raw.decode("latin-1"))
    return InboundMail(
        digest=mail_digest(f"{content}\n{desk}"),
        message_id=f"{content}@unreadable.invalid",
        desk=desk,
        addresses=tuple(addresses),
        envelope_sender=message.envelope_sender,
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
        received_at=message.received_at or datetime.now(UTC),
        is_dated=message.received_at is not None,
        raw=message.raw,
        state=InboundMailState.DEAD,
        reason=f"cannot be read: {type(error).__name__}: {error}"[:500],
    )
