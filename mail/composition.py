"""A queued mail with the desk's settings as bytes for a mail server (M5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import Final

from domain.base.values import Template
from domain.model.items import Mail
from mail.address_book import Language, SenderIdentity
from mail.message_ids import add_reference_to_subject, item_address, sign_message_id
from mail.message_templates import RenderedMail, TemplateValues, render_mail

_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,248}>")
"""Message-ID that a header can name: ASCII, no spaces, in angle brackets."""
_AUTO_SUBMITTED: Final = {
    Template.ACKNOWLEDGEMENT: "auto-replied",
    Template.ATTENTION: "auto-generated",
    Template.ASSIGNMENT: "auto-generated",
    Template.DUE: "auto-generated",
}
"""Value of Auto-Submitted (RFC 3834) for mails that no person wrote, so that no program answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """Queued mail with the facts of its item, its sender and its recipients."""

    mail: Mail
    run: str
    reference: str
    kind: str
    to: tuple[str, ...]
    """Addresses of the mail itself, and those of its accounts."""
    cc: tuple[str, ...]
    sender: SenderIdentity
    language: Language
    queued_at: datetime
    ids: Mapping[str, str] = field(default_factory=dict)
    """Message-IDs under which mails were tried before, by mail key."""

    @property
    def envelope_sender(self) -> str:
        """Address of the item, which bounces and answers come to (M1)."""
        return item_address(self.sender.address, self.reference)


def message_id_of(secret: bytes, outgoing: OutgoingMessage) -> str:
    """Return the Message-ID of a mail, the same for each try."""
    return _desk_message_id(secret, outgoing, outgoing.mail.key)


def compose(outgoing: OutgoingMessage, secret: bytes) -> bytes:
    """Return the mail as it is sent, the same bytes each time."""
    rendered = _render(outgoing)
    sender, envelope_sender = outgoing.sender, outgoing.envelope_sender
    addresses = (sender.address, envelope_sender, *outgoing.to, *outgoing.cc)
    message = EmailMessage(policy=SMTP if all(map(str.isascii, addresses)) else SMTPUTF8)
    message["From"] = _address(sender.address, sender.name)
    message["To"] = [_address(address) for address in outgoing.to]
    if outgoing.cc:
        message["Cc"] = [_address(address) for address in outgoing.cc]
    if envelope_sender != sender.address:
        message["Reply-To"] = _address(envelope_sender, sender.name)
    message["Subject"] = add_reference_to_subject(outgoing.reference, rendered.subject)
    message["Date"] = outgoing.queued_at
    auto_submitted = _AUTO_SUBMITTED.get(_template(outgoing))
    if auto_submitted is not None:
        message["Auto-Submitted"] = auto_submitted
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    # the library's boundary is random; nobody can write this one into a body
    message.set_boundary(f"=_{message_id_of(secret, outgoing)[1:26]}")
    return _threading_headers(outgoing, secret) + message.as_bytes()


def _address(address: str, name: str = "") -> Address:
    # by its parts, which are quoted where necessary: the parser of addresses accepts only ASCII
    local, _, domain = address.rpartition("@")
    return Address(name, username=local, domain=domain)


def _render(outgoing: OutgoingMessage) -> RenderedMail:
    mail = outgoing.mail
    values = TemplateValues(
        reference=outgoing.reference,
        kind=outgoing.kind,
        about=mail.about,
        subject=mail.subject,
        body=mail.body.strip(),
        desk=outgoing.sender.name or outgoing.sender.address,
    )
    return render_mail(_template(outgoing), outgoing.language, values)


def _template(outgoing: OutgoingMessage) -> Template:
    return Template(outgoing.mail.template or Template.MESSAGE)


def _threading_headers(outgoing: OutgoingMessage, secret: bytes) -> bytes:
    """Return Message-ID, In-Reply-To and References; the library would encode long ids."""
    own_keys = f"{outgoing.reference}:"
    thread = [
        _desk_message_id(secret, outgoing, mail) if mail.startswith(own_keys) else _bracketed(mail)
        for mail in outgoing.mail.thread
    ]
    valid = [mail for mail in thread if _MESSAGE_ID.fullmatch(mail)]
    lines = [f"Message-ID: {message_id_of(secret, outgoing)}"]
    if valid:
        lines += [f"In-Reply-To: {valid[-1]}", "References: " + "\r\n ".join(valid)]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _bracketed(message_id: str) -> str:
    return message_id if message_id.startswith("<") else f"<{message_id}>"


def _desk_message_id(secret: bytes, outgoing: OutgoingMessage, key: str) -> str:
    if key in outgoing.ids:
        return outgoing.ids[key]
    domain = outgoing.sender.address.rpartition("@")[2]
    ascii_domain = "".join(character if character.isascii() else "-" for character in domain)
    return sign_message_id(secret, run=outgoing.run, key=key, domain=ascii_domain)
