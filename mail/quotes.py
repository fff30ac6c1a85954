"""Text of a reply without the mails that it quotes, within limits (M6, M7)."""

import re
from typing import Final

import quotequail

from mail.parser import ParsedMail

MAX_SCANNED_LENGTH: Final = 32 * 1024
"""Characters that are searched for quotes; the rest of the text is cut."""
MAX_SCANNED_LINES: Final = 500
MAX_LINE_LENGTH: Final = 1_000
_QUOTED: Final = re.compile(r"\s{0,3}>")
_WROTE: Final = (
    r"(?:wrote|sent|a écrit|schrieb|ha scritto|escribió|escreveu|geschreven|skrev|napisał|đã viết"
    r"|написала?|пишет)"
)
_ATTRIBUTION: Final = re.compile(
    rf"[\s*_-]{{0,12}}(?:"
    rf"(?:On|Le|Am|Il|El|Em|Op|Den|På|W dniu|Dnia|Vào)\b(?=.{{0,300}}[\d@]).{{4,400}}?{_WROTE}"
    rf"|Sent from .{{1,100}}<[^<>]{{1,200}}@[^<>]{{1,200}}> {_WROTE}"
    rf"|(?<=--)\s?.{{1,200}} {_WROTE}"
    rf"|\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{2,4}}\b.{{1,200}}(?:<[^<>]{{3,200}}>|{_WROTE})"
    rf"|\w{{2,4}}, \d{{1,2}} \w{{3,9}} \d{{4}} .{{1,200}}<[^<>]{{3,200}}>"
    r")\s{0,3}:?[\s*_-]{0,12}",
    re.IGNORECASE,
)
"""Introduction of a quoted mail in up to four lines, such as `On … Ida wrote:`."""
_TRAILING_ATTRIBUTION: Final = re.compile(r"(?:-{3,}\s?|\s)On \w{3}, .{10,250} wrote:\s{0,3}$")
"""Introduction at the end of the reply's last line, as some webmail programs write it."""
_FROM_HEADER: Final = re.compile(
    r"[\s*_]{0,6}(?:From|Von|De|Da|Fra|Från|Van|Od|От)\s?:[\s*_]*\S", re.IGNORECASE
)
_FURTHER_HEADER: Final = re.compile(
    r"[\s*_]{0,6}(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado(?: el)?|Inviato|Sendt|Skickat|Verzonden"
    r"|Wysłano|Отправлено|Дата|To|An|À|A|Til|Till|Para|Aan|Do|Кому)\s?:[\s*_]*\S",
    re.IGNORECASE,
)
"""Second and further headers of a quoted mail, as Outlook writes them."""
_FORWARD_MARK: Final = re.compile(
    r"[\s-]{0,30}(?:(?:begin )?forwarded message|weitergeleitete nachricht"
    r"|anfang der weitergeleiteten (?:nachricht|e-mail)|message transféré|mensaje reenviado"
    r"|début du message (?:transféré|réexpédié)|doorgestuurd bericht|messaggio inoltrato)",
    re.IGNORECASE,
)
_MAX_ATTRIBUTION_LINES: Final = 4
_MAX_HEADER_LINES: Final = 5


def sender_text(mail: ParsedMail) -> str:
    """Return the text that the sender of a mail wrote; a forwarded mail belongs to that text."""
    if mail.is_forward:
        return mail.text
    return strip_quotes(mail.text, is_reply=mail.is_reply)


def strip_quotes(text: str, *, is_reply: bool = True) -> str:
    """Return the text without quoted mails; the whole text if it consists of quotes only.

    Recognises the introductions of Gmail, Outlook, Apple Mail and others, in several languages. A
    forwarded mail stays. Outlook quotes and forwards in the same form: with `is_reply` that form is
    a quote, unless the text names it a forwarded message.
    """
    lines = _without_quoted_end([line[:MAX_LINE_LENGTH] for line in _beginning(text)])
    whole = "\n".join(lines)
    forwarded = next(
        (number for number, line in enumerate(lines) if _FORWARD_MARK.match(line)), None
    )
    if forwarded is not None and not _unquoted_parts(lines[:forwarded], is_reply=is_reply):
        return whole.strip()
    return "\n\n".join(_unquoted_parts(lines, is_reply=is_reply)) or whole.strip()


def _beginning(text: str) -> list[str]:
    return (
        text[:MAX_SCANNED_LENGTH]
        .replace("\N{NO-BREAK SPACE}", " ")
        .splitlines()[:MAX_SCANNED_LINES]
    )


def _without_quoted_end(lines: list[str]) -> list[str]:
    """Cut the quoted lines at the end, which can be megabytes; twenty stay as a mark."""
    end = len(lines)
    while end and (_QUOTED.match(lines[end - 1]) or not lines[end - 1].strip()):
        end -= 1
    return lines[: end + 20]


def _unquoted_parts(lines: list[str], *, is_reply: bool) -> list[str]:
    """Return the texts above and below a quoted mail; empty if there is none."""
    unwrapped = quotequail.unwrap("\n".join(lines)) or {}
    kind = unwrapped.get("type")
    if kind == "reply" or (kind == "forward" and is_reply):
        parts = [str(unwrapped.get(part) or "") for part in ("text_top", "text_bottom")]
    else:
        parts = _around_quote(lines) if is_reply else []
    return [part.strip() for part in parts if part.strip()]


def _around_quote(lines: list[str]) -> list[str]:
    """Return the texts above and below the first quoted mail."""
    for start, line in enumerate(lines):
        trailing = _TRAILING_ATTRIBUTION.search(line)
        if trailing is not None:
            return [
                "\n".join([*lines[:start], line[: trailing.start()]]),
                _below_quote(lines, start + 1),
            ]
        length = _attribution_length(lines, start)
        if length:
            return ["\n".join(lines[:start]), _below_quote(lines, start + length)]
        if _is_header_block(lines, start):
            return ["\n".join(lines[:start])]
    return []


def _attribution_length(lines: list[str], start: int) -> int:
    """Return the number of lines of an introduction that begins here; 0 if none does."""
    if not lines[start].strip():
        return 0
    for length in range(1, _MAX_ATTRIBUTION_LINES + 1):
        if _ATTRIBUTION.fullmatch(" ".join(lines[start : start + length])):
            return length
    return 0


def _is_header_block(lines: list[str], start: int) -> bool:
    if not _FROM_HEADER.match(lines[start]):
        return False
    following = lines[start + 1 : start + 1 + _MAX_HEADER_LINES]
    return sum(bool(_FURTHER_HEADER.match(line)) for line in following) >= 2  # noqa: PLR2004 - when, and whom


def _below_quote(lines: list[str], begin: int) -> str:
    """Return the text behind the lines marked with >; empty if none is marked."""
    end = begin
    while end < len(lines) and (_QUOTED.match(lines[end]) or not lines[end].strip()):
        end += 1
    is_marked = any(map(_QUOTED.match, lines[begin:end]))
    return "\n".join(lines[end:]) if is_marked else ""
