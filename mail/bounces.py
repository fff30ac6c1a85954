"""Recognition of bounces: the recipients that were not reached, and the returned mails (M4, M5)."""

import copy
import re
from dataclasses import dataclass
from email.message import Message
from typing import Final

from flufl.bounce import all_failures

from mail.auto_reply_detection import NO_REPLY_PRECEDENCES, automatic_header, precedence_of
from mail.headers import parse_message_ids, to_single_line
from mail.parser import ParsedMail
from mail.parts import read_payload

MAX_RECIPIENTS: Final = 20
MAX_RETURNED_IDS: Final = 20
_MAX_TEXT_LINES: Final = 2_000
"""Lines of a bounce's text that are searched for a quoted Message-ID."""
_MAX_HEADER_LINES: Final = 500
"""Lines of returned headers that are searched for a Message-ID."""
_DAEMON: Final = re.compile(
    r"(?:mailer-?daemon|postmaster|mail-?delivery|mdaemon|bounces?|nobody|smtp|ndr)\b.*@"
    r"|mailer-daemon|postmaster",
    re.IGNORECASE,
)
_NO_REPLY: Final = re.compile(r"(?:no-?reply|do-?not-?reply)[^@]*@", re.IGNORECASE)
_FAILURE_SUBJECT: Final = re.compile(
    r"undeliver|returned mail|delivery (?:status|failure|notification|problem|has failed)"
    r"|(?:could not|cannot) be delivered|mail (?:delivery|error)|failure notice|non ?remis"
    r"|unzustellbar|nicht zugestellt",
    re.IGNORECASE,
)
_REPLY_SUBJECT: Final = re.compile(r"\s*(?:re|aw|sv|antw)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_RETURNED_TYPES: Final = frozenset(
    {"message/rfc822", "message/rfc822-headers", "message/global", "text/rfc822-headers"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """Report that a mail did not reach some of its recipients."""

    is_permanent: bool
    failed_recipients: tuple[str, ...]
    returned_ids: tuple[str, ...]
    """Message-IDs of the mails that the bounce returns, without brackets."""


def detect_bounce(mail: ParsedMail, envelope_sender: str | None) -> Bounce | None:
    """Return the content of a bounce; None if the mail is none.

    `envelope_sender`: empty for the null sender, None if it is not known.
    """
    is_report = mail.beginning.get_content_type() == "multipart/report" or bool(
        mail.headers.get("x-failed-recipients")
    )
    is_from_daemon = _is_from_daemon(mail, envelope_sender)
    has_failure_subject = bool(_FAILURE_SUBJECT.search(mail.subject)) and not _is_shown(mail)
    temporary, permanent = _scan_failures(mail)
    has_failures = bool(temporary or permanent)
    if has_failures and not (
        is_report or is_from_daemon or has_failure_subject or _is_without_author(mail)
    ):
        # words that look like a bounce, in a mail that a person wrote or forwarded
        has_failures = automatic_header(mail.headers) is not None
    if not (is_report or has_failures or (is_from_daemon and has_failure_subject)):
        return None
    failed = sorted(
        to_single_line(address.decode("ascii", "replace")) for address in permanent or temporary
    )
    return Bounce(
        is_permanent=bool(permanent),
        failed_recipients=tuple(failed)[:MAX_RECIPIENTS],
        returned_ids=_returned_ids(mail),
    )


def _is_from_daemon(mail: ParsedMail, envelope_sender: str | None) -> bool:
    return (
        bool(_DAEMON.match(mail.sender.address or mail.sender.name))
        or envelope_sender == ""
        or precedence_of(mail.headers) in NO_REPLY_PRECEDENCES
        or mail.headers.get("from", "").strip().endswith("<>")
    )


def _is_shown(mail: ParsedMail) -> bool:
    """Return True if a person forwards a bounce, or answers a mail about one."""
    is_reply = mail.is_reply and bool(_REPLY_SUBJECT.match(mail.subject))
    return mail.is_forward or is_reply


def _is_without_author(mail: ParsedMail) -> bool:
    return not mail.sender.address or bool(_NO_REPLY.match(mail.sender.address))


def _scan_failures(mail: ParsedMail) -> tuple[set[bytes], set[bytes]]:
    """Return the addresses of temporary and of permanent failures."""
    message = mail.beginning
    if not mail.sender.address:  # some detectors fail without one
        message = copy.copy(message)
        del message["From"]
        message["From"] = "nobody@no-sender.invalid"
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001 - forty detectors by as many authors: an error is no bounce
        return set(), set()
    return set(temporary), set(permanent)


def _returned_ids(mail: ParsedMail) -> tuple[str, ...]:
    """Return the ids of the mails that a bounce returns: whole, as headers, or quoted as text."""
    found: list[str] = []
    for part in mail.beginning.walk():
        if part.get_content_type() in _RETURNED_TYPES:
            found += _ids_in_part(part)
    found += [*mail.in_reply_to, *mail.references]
    for line in mail.text.splitlines()[:_MAX_TEXT_LINES]:
        if line[:40].lstrip("> ").lower().startswith("message-id:"):
            found += parse_message_ids(line)
    own_id = mail.message_id
    return tuple(dict.fromkeys(each for each in found if each != own_id))[:MAX_RETURNED_IDS]


def _ids_in_part(part: Message) -> list[str]:
    payload = read_payload(part)
    if isinstance(payload, list):
        headers = [
            str(inner.get("Message-ID", "")) for inner in payload if isinstance(inner, Message)
        ]
    else:
        lines = str(payload).splitlines()[:_MAX_HEADER_LINES]
        headers = [line for line in lines if line.lower().startswith("message-id:")]
    return [message_id for header in headers for message_id in parse_message_ids(header)]
