"""The words of a reply without the mails that it quotes, within bounds whatever it is."""

import re
from typing import Final

import quotequail

from mail.parser import Received

QUOTED_LIMIT: Final = 32 * 1024
"""Characters in which quotes are looked for; beyond, the text is cut."""
LINES_LIMIT: Final = 500
LINE_LIMIT: Final = 1_000
_QUOTED: Final = re.compile(r"\s{0,3}>")
_SAID: Final = (
    r"(?:wrote|sent|a écrit|schrieb|ha scritto|escribió|escreveu|geschreven|skrev|napisał|đã viết"
    r"|написала?|пишет)"
)
_ATTRIBUTION: Final = re.compile(
    rf"[\s*_-]{{0,12}}(?:"
    rf"(?:On|Le|Am|Il|El|Em|Op|Den|På|W dniu|Dnia|Vào)\b(?=.{{0,300}}[\d@]).{{4,400}}?{_SAID}"
    rf"|Sent from .{{1,100}}<[^<>]{{1,200}}@[^<>]{{1,200}}> {_SAID}"
    rf"|(?<=--)\s?.{{1,200}} {_SAID}"
    rf"|\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{2,4}}\b.{{1,200}}(?:<[^<>]{{3,200}}>|{_SAID})"
    rf"|\w{{2,4}}, \d{{1,2}} \w{{3,9}} \d{{4}} .{{1,200}}<[^<>]{{3,200}}>"
    r")\s{0,3}:?[\s*_-]{0,12}",
    re.IGNORECASE,
)
"""What stands before a quoted mail, in up to four lines: when who wrote."""
_SHARED: Final = re.compile(r"(?:-{3,}\s?|\s)On \w{3}, .{10,250} wrote:\s{0,3}$")
"""The same at the end of a line of the reply, as some webmails have it."""
_SENDER: Final = re.compile(
    r"[\s*_]{0,6}(?:From|Von|De|Da|Fra|Från|Van|Od|От)\s?:[\s*_]*\S", re.IGNORECASE
)
_MORE: Final = re.compile(
    r"[\s*_]{0,6}(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado(?: el)?|Inviato|Sendt|Skickat|Verzonden"
    r"|Wysłano|Отправлено|Дата|To|An|À|A|Til|Till|Para|Aan|Do|Кому)\s?:[\s*_]*\S",
    re.IGNORECASE,
)
"""The headers of a quoted mail, as Outlook and those after it write them."""
_FORWARDED: Final = re.compile(
    r"[\s-]{0,30}(?:(?:begin )?forwarded message|weitergeleitete nachricht"
    r"|anfang der weitergeleiteten (?:nachricht|e-mail)|message transféré|mensaje reenviado"
    r"|début du message (?:transféré|réexpédié)|doorgestuurd bericht|messaggio inoltrato)",
    re.IGNORECASE,
)
_LINES_OF_ATTRIBUTION: Final = 4
_LINES_OF_HEADERS: Final = 5


def words_of(received: Received) -> str:
    """What the sender of a mail wrote; what is handed on is what the mail is about, and stays."""
    if received.hands_on:
        return received.text
    return reply_of(received.text, answers=received.is_answer)


def reply_of(text: str, *, answers: bool = True) -> str:
    """What the sender wrote; the whole text, where nothing but quotes would be left out.

    Recognises what Gmail, Outlook, Apple Mail and others put before what they quote, in several
    languages. A forwarded mail is what its sender means to show, and stays; Outlook quotes as it
    forwards, so a mail that `answers` one is taken for no forwarding unless it says so.
    """
    lines = _without_tail([line[:LINE_LIMIT] for line in _beginning(text)])
    bounded = "\n".join(lines)
    forwarded = next((at for at, line in enumerate(lines) if _FORWARDED.match(line)), None)
    if forwarded is not None and not _parts(lines[:forwarded], answers=answers):
        return bounded.strip()
    return "\n\n".join(_parts(lines, answers=answers)) or bounded.strip()


def _beginning(text: str) -> list[str]:
    return text[:QUOTED_LIMIT].replace("\N{NO-BREAK SPACE}", " ").splitlines()[:LINES_LIMIT]


def _without_tail(lines: list[str]) -> list[str]:
    """The lines up to the last one that is not quoted: megabytes of > are nobody's words."""
    kept = len(lines)
    while kept and (_QUOTED.match(lines[kept - 1]) or not lines[kept - 1].strip()):
        kept -= 1
    return lines[: kept + 20]


def _parts(lines: list[str], *, answers: bool) -> list[str]:
    """What is not quoted; nothing, where no quoted mail is found."""
    found = quotequail.unwrap("\n".join(lines)) or {}
    kind = found.get("type")
    if kind == "reply" or (kind == "forward" and answers):
        parts = [str(found.get(part) or "") for part in ("text_top", "text_bottom")]
    else:
        parts = _around(lines) if answers else []
    return [part.strip() for part in parts if part.strip()]


def _around(lines: list[str]) -> list[str]:
    """What is above a quoted mail, and below it where its end can be seen."""
    for at, line in enumerate(lines):
        shared = _SHARED.search(line)
        if shared is not None:
            return ["\n".join([*lines[:at], line[: shared.start()]]), _below(lines, at + 1)]
        length = _length_of_attribution(lines, at)
        if length:
            return ["\n".join(lines[:at]), _below(lines, at + length)]
        if _begins_headers(lines, at):
            return ["\n".join(lines[:at])]
    return []


def _length_of_attribution(lines: list[str], at: int) -> int:
    """In how many lines it says here who wrote what follows; 0: it does not."""
    if not lines[at].strip():
        return 0
    for length in range(1, _LINES_OF_ATTRIBUTION + 1):
        if _ATTRIBUTION.fullmatch(" ".join(lines[at : at + length])):
            return length
    return 0


def _begins_headers(lines: list[str], at: int) -> bool:
    if not _SENDER.match(lines[at]):
        return False
    following = lines[at + 1 : at + 1 + _LINES_OF_HEADERS]
    return sum(bool(_MORE.match(line)) for line in following) >= 2  # noqa: PLR2004 - when, and whom


def _below(lines: list[str], begin: int) -> str:
    """What follows the lines that are marked as quoted; nothing, where none is marked."""
    end = begin
    while end < len(lines) and (_QUOTED.match(lines[end]) or not lines[end].strip()):
        end += 1
    is_marked = any(map(_QUOTED.match, lines[begin:end]))
    return "\n".join(lines[end:]) if is_marked else ""
