"""Headers and subjects of automatic answers and of mailing lists (RFC 3834 and older, M4)."""

import re
from collections.abc import Mapping
from typing import Final

NO_REPLY_PRECEDENCES: Final = frozenset({"bulk", "junk", "auto_reply"})
"""Values of `Precedence` that ask for no automatic answer."""
_LIST_HEADERS: Final = ("list-id", "list-post", "list-unsubscribe", "mailing-list", "x-loop")
_AUTO_REPLY_HEADERS: Final = ("x-autoreply", "x-autorespond", "x-failed-recipients")
_OUT_OF_OFFICE: Final = re.compile(
    r"^(?:auto(?:matic|matische)?[ -]?(?:reply|response|antwort)|autoreply|out of (?:the )?office"
    r"|r[ée]ponse automatique|absence du bureau|abwesenheits?(?:notiz|agent)?)\b",
    re.IGNORECASE,
)
_MAX_VALUE_LENGTH: Final = 60


def precedence_of(headers: Mapping[str, str]) -> str:
    """Return the value of `Precedence`, in lower case; empty if there is none."""
    return headers.get("precedence", "").strip().lower()


def is_from_list(headers: Mapping[str, str]) -> bool:
    """Return True if the mail came by a mailing list, or by a program that marks its loops."""
    return precedence_of(headers) == "list" or any(
        headers.get(name, "").strip() for name in _LIST_HEADERS
    )


def automatic_header(headers: Mapping[str, str]) -> str | None:
    """Return the header that marks the mail as automatic, `Name: value`; None if there is none.

    `headers`: the first of each name, by its name in lower case.
    """
    auto_submitted = headers.get("auto-submitted", "").partition(";")[0].strip().lower()
    if auto_submitted and auto_submitted != "no":
        return f"Auto-Submitted: {auto_submitted[:_MAX_VALUE_LENGTH]}"
    precedence = precedence_of(headers)
    if precedence in NO_REPLY_PRECEDENCES and not is_from_list(headers):  # lists write bulk, too
        return f"Precedence: {precedence}"
    for name in ("return-path", "from"):
        if headers.get(name, "").strip().endswith("<>"):
            return f"{name.title()}: <>"
    # Exchange sets All on mails that want no answer; on a person's mail it sets none or OOF
    if "all" in headers.get("x-auto-response-suppress", "").lower():
        return "X-Auto-Response-Suppress: All"
    for name in _AUTO_REPLY_HEADERS:
        if headers.get(name, "").strip():
            return f"{name.title()}: {headers[name][:_MAX_VALUE_LENGTH]}"
    return None


def out_of_office_subject(subject: str) -> str | None:
    """Return the beginning of a subject that marks an out-of-office answer; None otherwise."""
    if not _OUT_OF_OFFICE.match(subject):
        return None
    return f"subject {subject[:_MAX_VALUE_LENGTH]}"
