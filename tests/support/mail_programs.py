"""Mails in the format of Gmail, Outlook and Apple Mail: headers, quotes and forwards."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from html import escape
from itertools import count
from quopri import encodestring
from typing import Final

_WIDTH: Final = 76
_NARROW_SPACE: Final = "\u202f"
"""Narrow no-break space, which Gmail writes before AM and PM."""
_FIRM: Final = "\u00a0"
"""No-break space, which French has before a colon."""


class MailProgram(StrEnum):
    """Mail program."""

    GMAIL = "Gmail"
    OUTLOOK = "Outlook"
    APPLE = "Apple Mail"


class ClientLanguage(StrEnum):
    """Language of a mail program."""

    EN = "English"
    FR = "French"
    DE = "German"


def split_words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


DAYS: Final = {
    ClientLanguage.EN: split_words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    ClientLanguage.FR: split_words("lundi mardi mercredi jeudi vendredi samedi dimanche"),
    ClientLanguage.DE: split_words("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag"),
}
SHORT_DAYS: Final = {
    ClientLanguage.EN: split_words("Mon Tue Wed Thu Fri Sat Sun"),
    ClientLanguage.FR: split_words("lun. mar. mer. jeu. ven. sam. dim."),
    ClientLanguage.DE: split_words("Mo. Di. Mi. Do. Fr. Sa. So."),
}
MONTHS: Final = {
    ClientLanguage.EN: split_words(
        "January February March April May June July August September October November December"
    ),
    ClientLanguage.FR: split_words(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    ),
    ClientLanguage.DE: split_words(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
    ),
}
SHORT_MONTHS: Final = {
    ClientLanguage.EN: split_words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
    ClientLanguage.FR: split_words(
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."
    ),
    ClientLanguage.DE: split_words("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
}
REPLIES: Final = {
    MailProgram.GMAIL: dict.fromkeys(ClientLanguage, "Re: "),
    MailProgram.OUTLOOK: {
        ClientLanguage.EN: "RE: ",
        ClientLanguage.FR: "RE: ",
        ClientLanguage.DE: "AW: ",
    },
    MailProgram.APPLE: {
        ClientLanguage.EN: "Re: ",
        ClientLanguage.FR: "Rép : ",
        ClientLanguage.DE: "Aw: ",
    },
}
FORWARDS: Final = {
    MailProgram.GMAIL: dict.fromkeys(ClientLanguage, "Fwd: "),
    MailProgram.OUTLOOK: {
        ClientLanguage.EN: "FW: ",
        ClientLanguage.FR: "TR: ",
        ClientLanguage.DE: "WG: ",
    },
    MailProgram.APPLE: {
        ClientLanguage.EN: "Fwd: ",
        ClientLanguage.FR: "Tr : ",
        ClientLanguage.DE: "Fwd: ",
    },
}
APPLE_FORWARDS: Final = {
    ClientLanguage.EN: "Begin forwarded message:",
    ClientLanguage.FR: f"Début du message réexpédié{_FIRM}:",
    ClientLanguage.DE: "Anfang der weitergeleiteten Nachricht:",
}
LABELS: Final = {
    MailProgram.GMAIL: {
        ClientLanguage.EN: ("From: ", "Date: ", "Subject: ", "To: "),
        ClientLanguage.FR: ("De : ", "Date: ", "Subject: ", "To: "),
        ClientLanguage.DE: ("Von: ", "Date: ", "Subject: ", "To: "),
    },
    MailProgram.OUTLOOK: {
        ClientLanguage.EN: ("From: ", "Sent: ", "Subject: ", "To: "),
        ClientLanguage.FR: ("De : ", "Envoyé : ", "Objet : ", "À : "),
        ClientLanguage.DE: ("Von: ", "Gesendet: ", "Betreff: ", "An: "),
    },
    MailProgram.APPLE: {
        ClientLanguage.EN: ("From: ", "Date: ", "Subject: ", "To: "),
        ClientLanguage.FR: (f"De{_FIRM}: ", f"Date{_FIRM}: ", f"Objet{_FIRM}: ", f"À{_FIRM}: "),
        ClientLanguage.DE: ("Von: ", "Datum: ", "Betreff: ", "An: "),
    },
}
"""Labels of sender, date, subject and recipients of a quoted mail."""


@dataclass(frozen=True)
class ComposedMail:
    """Mail that a correspondent sends."""

    message_id: str
    subject: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    raw: bytes
    words: str
    """Text that the sender typed, without what the program adds below."""


@dataclass(frozen=True)
class Correspondent:
    """Person who writes with one of the programs."""

    name: str
    address: str
    program: MailProgram
    tongue: ClientLanguage
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def new(self, words: str, *, subject: str, to: str, cc: Sequence[str] = ()) -> ComposedMail:
        """Compose a mail that answers none."""
        return self._compose(words, words, subject, to=(to,), cc=tuple(cc))

    def reply(self, mail: EmailMessage, words: str, *, cc: Sequence[str] = ()) -> ComposedMail:
        """Compose an answer to the Reply-To or From of a mail, and to `cc`."""
        subject = f"{REPLIES[self.program][self.tongue]}{mail['subject']}"
        to = tuple(address.addr_spec for address in (mail["reply-to"] or mail["from"]).addresses)
        body = f"{words}\n\n{self._quote(mail)}"
        return self._compose(words, body, subject, to=to, cc=tuple(cc), thread=_thread(mail))

    def forward(self, mail: EmailMessage, words: str, *, to: str) -> ComposedMail:
        """Compose a mail that forwards another one."""
        subject = f"{FORWARDS[self.program][self.tongue]}{mail['subject']}"
        body = f"{words}\n\n{self._forwarded(mail)}"
        return self._compose(words, body, subject, to=(to,), thread=_thread(mail))

    def _quote(self, mail: EmailMessage) -> str:
        text = _text(mail)
        if self.program is MailProgram.OUTLOOK:
            return self._outlook_block(mail)
        quoted = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
        attribution = self._attribution(mail)
        if self.program is MailProgram.GMAIL:
            return f"{attribution}\n\n{quoted}"
        return f"> {attribution}\n> \n{quoted}"

    def _attribution(self, mail: EmailMessage) -> str:
        at, who = mail["date"].datetime, str(mail["from"])
        day, month = at.weekday(), at.month - 1
        short, known = SHORT_DAYS[self.tongue][day], SHORT_MONTHS[self.tongue][month]
        if self.program is MailProgram.GMAIL:
            clock = f"{at:%I:%M}{_NARROW_SPACE}{at:%p}".lstrip("0")
            line = {
                ClientLanguage.EN: f"On {short}, {known} {at.day}, {at.year} at {clock} "
                f"{who} wrote:",
                ClientLanguage.FR: f"Le {short} {at.day} {known} {at.year} à {at:%H:%M}, {who} a\n"
                f"écrit{_FIRM}:",
                ClientLanguage.DE: f"Am {short}, {at.day}. {known} {at.year} um {at:%H:%M} Uhr "
                f"schrieb {who}:",
            }[self.tongue]
            return line if "\n" in line else _break_line(line)
        whole = MONTHS[self.tongue][month]
        return {
            ClientLanguage.EN: f"On {at.day} {known} {at.year}, at {at:%H:%M}, {who} wrote:",
            ClientLanguage.FR: f"Le {at.day} {whole} {at.year} à {at:%H:%M}, {who} a écrit{_FIRM}:",
            ClientLanguage.DE: f"Am {at:%d.%m.%Y} um {at:%H:%M} schrieb {who}:",
        }[self.tongue]

    def _outlook_block(self, mail: EmailMessage) -> str:
        author, sent, subject, to = LABELS[MailProgram.OUTLOOK][self.tongue]
        return "\n".join(
            [
                "________________________________",
                f"{author}{mail['from']}",
                f"{sent}{self._long_date(mail['date'].datetime)}",
                f"{to}{mail['to']}",
                f"{subject}{mail['subject']}",
                "",
                _text(mail),
            ]
        )

    def _long_date(self, at: datetime) -> str:
        day, month = DAYS[self.tongue][at.weekday()], MONTHS[self.tongue][at.month - 1]
        return {
            ClientLanguage.EN: f"{day}, {month} {at.day}, {at.year} {at:%I:%M %p}",
            ClientLanguage.FR: f"{day} {at.day} {month} {at.year} {at:%H:%M}",
            ClientLanguage.DE: f"{day}, {at.day}. {month} {at.year} {at:%H:%M}",
        }[self.tongue]

    def _forwarded(self, mail: EmailMessage) -> str:
        if self.program is MailProgram.OUTLOOK:
            return self._outlook_block(mail)
        author, sent, subject, to = LABELS[self.program][self.tongue]
        when = self._long_date(mail["date"].datetime)
        if self.program is MailProgram.GMAIL:
            head = [
                "---------- Forwarded message ---------",
                f"{author}{mail['from']}",
                f"{sent}{when}",
                f"{subject}{mail['subject']}",
                f"{to}{mail['to']}",
            ]
            return "\n".join([*head, "", "", _text(mail)])
        head = [
            *(APPLE_FORWARDS[self.tongue], ""),
            f"{author}{mail['from']}",
            f"{subject}{mail['subject']}",
            f"{sent}{when}",
            f"{to}{mail['to']}",
        ]
        lines = [*head, "", *_text(mail).splitlines()]
        return "\n".join(f"> {line}".rstrip() for line in lines)

    def _compose(
        self,
        words: str,
        body: str,
        subject: str,
        *,
        to: tuple[str, ...],
        cc: tuple[str, ...] = (),
        thread: tuple[str, ...] = (),
    ) -> ComposedMail:
        number = next(self._numbers)
        local_part = self.address.partition("@")[0].upper().replace("-", "")
        message_id = {
            MailProgram.GMAIL: f"<CAF+{local_part}{number:04}=Xk9w_Q@mail.gmail.com>",
            MailProgram.OUTLOOK: f"<{local_part}{number:04}A8B0"
            "@DB7PR01MB4321.eurprd01.prod.outlook.com>",
            MailProgram.APPLE: f"<{number:08}-4B1C-4E55-9D9A-{local_part:0>12}@example.org>",
        }[self.program]
        # one second ago: Dovecot sorts by this date, and the desk's answer must be later
        at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
        headers = {
            "From": f"{_encode_header(self.name)} <{self.address}>",
            "To": ", ".join(to),
            "Cc": ", ".join(cc),
            "Subject": _encode_header(subject),
            "Date": format_datetime(at),
            "Message-ID": message_id,
            "References": "\n ".join(thread),
            "In-Reply-To": thread[-1] if thread else "",
        }
        head = "\n".join(_headers(self.program, self.tongue, headers))
        raw = f"{head}\n\n{_parts(self.program, body)}".replace("\n", "\r\n").encode()
        return ComposedMail(message_id, subject, to, cc, raw, words)


def _thread(mail: EmailMessage) -> tuple[str, ...]:
    """Return the References of an answer: the mail, and those before it."""
    return (*str(mail["references"] or "").split(), str(mail["message-id"]))


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).strip().replace("\r\n", "\n")


def _break_line(line: str) -> str:
    """Break a long line like Gmail, also after the bracket of an address."""
    if len(line) <= _WIDTH:
        return line
    before, bracket, address = line.partition("<")
    if len(before) < _WIDTH:
        return f"{before}{bracket}\n{address}"
    return "\n".join(textwrap.wrap(line, _WIDTH, break_long_words=False))


def _encode_header(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=60).encode(linesep="\n")


_HEADER_ORDERS: Final = {
    MailProgram.GMAIL: (
        *("MIME-Version", "References", "In-Reply-To", "From", "Date", "Message-ID", "Subject"),
        *("To", "Cc", "Content-Type"),
    ),
    MailProgram.OUTLOOK: (
        *("From", "To", "Cc", "Subject", "Thread-Topic", "Thread-Index", "Date", "Message-ID"),
        *("References", "In-Reply-To", "Accept-Language", "Content-Language", "X-MS-Has-Attach"),
        *("X-MS-TNEF-Correlator", "Content-Type", "MIME-Version"),
    ),
    MailProgram.APPLE: (
        *("From", "Content-Type", "MIME-Version", "Subject", "Message-ID", "References"),
        *("In-Reply-To", "To", "Cc", "Date", "X-Mailer"),
    ),
}
_BOUNDARIES: Final = {
    MailProgram.GMAIL: "000000000000a1b2c3061234abcd",
    MailProgram.OUTLOOK: "_000_DB7PR01MB4321A8B0DB7PR01MB4321eurp_",
    MailProgram.APPLE: "Apple-Mail=_5F2B1C9A-0D3E-4B1C-8E55-9D9A12345678",
}
_HEADER_SPELLINGS: Final = {
    MailProgram.GMAIL: {},
    MailProgram.OUTLOOK: {"Cc": "CC"},
    MailProgram.APPLE: {"Message-ID": "Message-Id", "MIME-Version": "Mime-Version"},
}
_LANGUAGES: Final = {
    ClientLanguage.EN: "en-US",
    ClientLanguage.FR: "fr-FR",
    ClientLanguage.DE: "de-DE",
}


def _headers(program: MailProgram, tongue: ClientLanguage, own: dict[str, str]) -> list[str]:
    """Return the header lines in the order of the program, with its own headers."""
    boundary = _BOUNDARIES[program]
    language = _LANGUAGES[tongue]
    headers = own | {
        "MIME-Version": (
            "1.0 (Mac OS X Mail 16.0 \\(3826.300.87.4.3\\))"
            if program is MailProgram.APPLE
            else "1.0"
        ),
        "Content-Type": f'multipart/alternative;\n\tboundary="{boundary}"',
        "Thread-Topic": own["Subject"].partition(": ")[2] or own["Subject"],
        "Thread-Index": "AQHbPmK0s3yS7Ue1jUq0mJ4o2m1YkA==",
        "Accept-Language": f"{language}, en-US",
        "Content-Language": language,
        "X-MS-Has-Attach": " ",
        "X-MS-TNEF-Correlator": " ",
        "X-Mailer": "Apple Mail (2.3826.300.87.4.3)",
    }
    spellings = _HEADER_SPELLINGS[program]
    return [
        f"{spellings.get(name, name)}: {headers[name]}"
        for name in _HEADER_ORDERS[program]
        if headers[name]
    ]


def _parts(program: MailProgram, body: str) -> str:
    """Return the body as text and as HTML, as MIME parts."""
    boundary = _BOUNDARIES[program]
    charset = '"UTF-8"' if program is MailProgram.GMAIL else "utf-8"
    page = "<br>\n".join(escape(line) for line in body.splitlines())
    pages = {
        MailProgram.GMAIL: f'<div dir="ltr">{page}</div>',
        MailProgram.OUTLOOK: f'<html><body><div class="elementToProof">{page}</div></body></html>',
        MailProgram.APPLE: f"<html><body>{page}</body></html>",
    }
    parts = []
    for kind, content in (("plain", body), ("html", pages[program])):
        coded = encodestring(content.encode()).decode().rstrip("\n")
        parts.append(
            f"--{boundary}\nContent-Type: text/{kind}; charset={charset}\n"
            f"Content-Transfer-Encoding: quoted-printable\n\n{coded}\n"
        )
    return "\n".join(parts) + f"\n--{boundary}--\n"
