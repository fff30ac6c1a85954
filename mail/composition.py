"""A queued mail and the desk's settings, as bytes for a mail server (M5)."""

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
from mail.address_book import Language, Letterhead
from mail.message_ids import in_brackets, item_address, message_id
from mail.message_templates import Facts, Written, written

_ID: Final = re.compile(r"<[!-;=?-~]{1,248}>")
"""A Message-ID that can be named in a header: ASCII, no spaces, between angle brackets."""
_AUTOMATIC: Final = {
    Template.ACKNOWLEDGEMENT: "auto-replied",
    Template.ATTENTION: "auto-generated",
    Template.ASSIGNMENT: "auto-generated",
    Template.DUE: "auto-generated",
}
"""What we write by ourselves (RFC 3834), so that no machine answers it (M4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail, and all that is known of the item and of its readers."""

    mail: Mail
    run: str
    reference: str
    kind: str
    to: tuple[str, ...]
    """The mail's own, and the addresses of its accounts."""
    cc: tuple[str, ...]
    head: Letterhead
    language: Language
    queued_at: datetime
    ids: Mapping[str, str] = field(default_factory=dict)
    """The Message-IDs under which mails of these keys were tried already, this one among them."""

    @property
    def sender(self) -> str:
        """Where a bounce goes: the item's own address, by which it is known again (M1)."""
        return item_address(self.head.address, self.reference)


def id_of(secret: bytes, letter: Letter) -> str:
    """The mail's one Message-ID."""
    return _own_id(secret, letter, letter.mail.key)


def compose(letter: Letter, secret: bytes) -> bytes:
    """The mail as it is sent, the same each time."""
    words = _words(letter)
    everybody = (letter.head.address, letter.sender, *letter.to, *letter.cc)
    message = EmailMessage(policy=SMTP if all(map(str.isascii, everybody)) else SMTPUTF8)
    message["From"] = _address(letter.head.address, letter.head.name)
    message["To"] = [_address(address) for address in letter.to]
    if letter.cc:
        message["Cc"] = [_address(address) for address in letter.cc]
    if letter.sender != letter.head.address:
        message["Reply-To"] = _address(letter.sender, letter.head.name)
    message["Subject"] = in_brackets(letter.reference, words.subject)
    message["Date"] = letter.queued_at
    automatic = _AUTOMATIC.get(_template(letter))
    if automatic is not None:
        message["Auto-Submitted"] = automatic
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(words.text, cte="quoted-printable")
    message.add_alternative(words.html, subtype="html", cte="quoted-printable")
    # the library's own boundary is drawn by chance; nobody can write this one into a body
    message.set_boundary(f"=_{id_of(secret, letter)[1:26]}")
    return _identity(letter, secret) + message.as_bytes()


def _address(address: str, name: str = "") -> Address:
    """Of its parts, which are quoted where need be; the parser of whole ones takes no umlauts."""
    local, _, domain = address.rpartition("@")
    return Address(name, username=local, domain=domain)


def _words(letter: Letter) -> Written:
    mail = letter.mail
    facts = Facts(
        reference=letter.reference,
        kind=letter.kind,
        about=mail.about,
        subject=mail.subject,
        body=mail.body.strip(),
        desk=letter.head.name or letter.head.address,
    )
    return written(_template(letter), letter.language, facts)


def _template(letter: Letter) -> Template:
    return Template(letter.mail.template or Template.MESSAGE)


def _identity(letter: Letter, secret: bytes) -> bytes:
    """Message-ID, In-Reply-To and References; written here, for the library encodes long ones."""
    own = f"{letter.reference}:"
    before = [
        _own_id(secret, letter, mail) if mail.startswith(own) else _bracketed(mail)
        for mail in letter.mail.thread
    ]
    known = [mail for mail in before if _ID.fullmatch(mail)]
    lines = [f"Message-ID: {id_of(secret, letter)}"]
    if known:
        lines += [f"In-Reply-To: {known[-1]}", "References: " + "\r\n ".join(known)]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _bracketed(mail: str) -> str:
    return mail if mail.startswith("<") else f"<{mail}>"


def _own_id(secret: bytes, letter: Letter, key: str) -> str:
    if key in letter.ids:
        return letter.ids[key]
    domain = letter.head.address.rpartition("@")[2]
    plain = "".join(sign if sign.isascii() else "-" for sign in domain)
    return message_id(secret, run=letter.run, key=key, domain=plain)
