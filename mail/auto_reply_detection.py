"""Mails that nobody wrote: automatic answers, bounces, and our own coming back (M4)."""

import copy
import re
from dataclasses import dataclass
from email.message import Message
from typing import Final

from flufl.bounce import all_failures

from mail.headers import ids_in, one_line
from mail.parser import Received
from mail.parts import payload_of

_DAEMONS: Final = re.compile(
    r"(?:mailer-?daemon|postmaster|mail-?delivery|mdaemon|bounces?|nobody|smtp|ndr)\b.*@"
    r"|mailer-daemon|postmaster",
    re.IGNORECASE,
)
_NO_REPLY: Final = re.compile(r"(?:no-?reply|do-?not-?reply)[^@]*@", re.IGNORECASE)
_FAILED: Final = re.compile(
    r"undeliver|returned mail|delivery (?:status|failure|notification|problem|has failed)"
    r"|(?:could not|cannot) be delivered|mail (?:delivery|error)|failure notice|non ?remis"
    r"|unzustellbar|nicht zugestellt",
    re.IGNORECASE,
)
_ANSWERED: Final = re.compile(r"\s*(?:re|aw|sv|antw)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_ABSENT: Final = re.compile(
    r"^(?:auto(?:matic|matische)?[ -]?(?:reply|response|antwort)|autoreply|out of (?:the )?office"
    r"|r[ée]ponse automatique|absence du bureau|abwesenheits?(?:notiz|agent)?)\b",
    re.IGNORECASE,
)
_OF_LISTS: Final = ("list-id", "list-post", "list-unsubscribe", "mailing-list", "x-loop")
_ORIGINALS: Final = frozenset(
    {"message/rfc822", "message/rfc822-headers", "message/global", "text/rfc822-headers"}
)
_UNANSWERED: Final = frozenset({"bulk", "junk", "auto_reply"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What a mail is if nobody wrote it."""

    why: str | None = None
    """What it was recognised by; None: somebody wrote it."""
    is_bounce: bool = False
    is_permanent: bool = False
    failed: tuple[str, ...] = ()
    """The addresses that a bounce says were not reached."""
    about: tuple[str, ...] = ()
    """The ids of the mails that a bounce brings back, or an answer answers."""
    is_listed: bool = False
    """Whether it came by a list: somebody wrote it, but whoever answers it answers many."""

    @property
    def is_automatic(self) -> bool:
        """Whether it may neither wake, reopen or start anything, nor be answered."""
        return self.why is not None


def recognise(
    received: Received, *, envelope_sender: str | None = None, is_ours: bool = False
) -> Loop:
    """What this mail is; `envelope_sender` is empty for a bounce, None where it is not known."""
    if is_ours:
        return Loop(why="our own mail, come back", about=(received.message_id,))
    bounce = _bounce(received, envelope_sender)
    if bounce is not None:
        return bounce
    why = _marked(received.headers)
    if why is None and envelope_sender == "":
        why = "no return path"
    if why is None and _ABSENT.match(received.subject):
        why = f"subject {received.subject[:60]}"
    if why is None:
        return Loop(is_listed=_is_listed(received.headers))
    return Loop(why=one_line(why), about=received.in_reply_to)


def _is_listed(headers: dict[str, str]) -> bool:
    """Whether it came by a list, or by what else marks mails so as not to see them again."""
    precedence = headers.get("precedence", "").strip().lower()
    return precedence == "list" or any(headers.get(name, "").strip() for name in _OF_LISTS)


def _marked(headers: dict[str, str]) -> str | None:
    """The header that says that nobody wrote it (RFC 3834 and what came before)."""
    auto = headers.get("auto-submitted", "").partition(";")[0].strip().lower()
    if auto and auto != "no":
        return f"Auto-Submitted: {auto[:60]}"
    precedence = headers.get("precedence", "").strip().lower()
    if precedence in _UNANSWERED and not _is_listed(headers):  # lists write bulk, too
        return f"Precedence: {precedence}"
    for name in ("return-path", "from"):
        if headers.get(name, "").strip().endswith("<>"):
            return f"{name.title()}: <>"
    # Exchange writes it on what it does not want answered; on a person's mail it says none or OOF
    suppress = headers.get("x-auto-response-suppress", "").lower()
    if "all" in suppress:
        return "X-Auto-Response-Suppress: All"
    for name in ("x-autoreply", "x-autorespond", "x-failed-recipients"):
        if headers.get(name, "").strip():
            return f"{name.title()}: {headers[name][:60]}"
    return None


def _bounce(received: Received, envelope_sender: str | None) -> Loop | None:
    message = received.beginning
    is_report = message.get_content_type() == "multipart/report" or bool(
        received.headers.get("x-failed-recipients")
    )
    sender = received.sender.address or received.sender.name
    precedence = received.headers.get("precedence", "").strip().lower()
    from_daemon = (
        bool(_DAEMONS.match(sender))
        or envelope_sender == ""
        or precedence in _UNANSWERED
        or received.headers.get("from", "").strip().endswith("<>")
    )
    says_so = bool(_FAILED.search(received.subject)) and not _is_handed_on(received)
    temporary, permanent = _scanned(received)
    found = bool(temporary or permanent)
    if found and not (is_report or from_daemon or says_so or _is_unaddressed(received)):
        # words that look like a bounce, in a mail that somebody wrote or forwarded
        found = _marked(received.headers) is not None
    if not (is_report or found or (from_daemon and says_so)):
        return None
    failed = sorted(one_line(one.decode("ascii", "replace")) for one in permanent or temporary)
    return Loop(
        why="bounce",
        is_bounce=True,
        is_permanent=bool(permanent),
        failed=tuple(failed)[:20],
        about=_brought_back(received),
    )


def _is_handed_on(received: Received) -> bool:
    """Whether a person shows a bounce to somebody, or answers a mail about one."""
    answers = received.is_answer and _ANSWERED.match(received.subject)
    return received.hands_on or bool(answers)


def _is_unaddressed(received: Received) -> bool:
    """Whether it answers nothing and comes from no person's address."""
    return not received.sender.address or bool(_NO_REPLY.match(received.sender.address))


def _scanned(received: Received) -> tuple[set[bytes], set[bytes]]:
    message = received.beginning
    if not received.sender.address:  # some detectors take it for granted
        message = copy.copy(message)
        del message["From"]
        message["From"] = "nobody@no-sender.invalid"
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001 - forty detectors by as many authors: what they raise is a no
        return set(), set()
    return set(temporary), set(permanent)


def _brought_back(received: Received) -> tuple[str, ...]:
    """The ids of the mails that a bounce quotes: whole, their headers, or as text."""
    found: list[str] = []
    for part in received.beginning.walk():
        if part.get_content_type() in _ORIGINALS:
            found += _inner_ids(part)
    found += [*received.in_reply_to, *received.references]
    for line in received.text.splitlines()[:2000]:
        if line[:40].lstrip("> ").lower().startswith("message-id:"):
            found += ids_in(line)
    own = received.message_id
    return tuple(dict.fromkeys(one for one in found if one != own))[:20]


def _inner_ids(part: Message) -> list[str]:
    payload = payload_of(part)
    if isinstance(payload, list):
        return [
            one
            for inner in payload
            if isinstance(inner, Message)
            for one in ids_in(str(inner.get("Message-ID", "")))
        ]
    lines = str(payload).splitlines()[:500]
    return [one for line in lines if line.lower().startswith("message-id:") for one in ids_in(line)]
