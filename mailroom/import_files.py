"""Import of mails from a folder of .eml files or an mbox; a second import changes nothing."""

import asyncio
import mailbox
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mail.limits import MAX_RAW_BYTES
from mail.parser import parse_mail
from mailroom.acceptance import AcceptanceQueue
from mailroom.routing import ReceivedMessage, find_mailboxes

MailFiles = Sequence[tuple[str, Callable[[], bytes]]]
"""Name of each mail, and the function that reads it."""


class NoMailsFound(Exception):
    """The path has no mails."""


@dataclass
class ImportResult:
    """Result of an import: numbers of mails."""

    new: int = 0
    known: int = 0
    """Mails that the store had before."""
    skipped: list[str] = field(default_factory=list)
    """Mails that were not imported, each with the reason."""
    states: Counter[str] = field(default_factory=Counter)
    """New mails by state."""


@contextmanager
def open_mails(path: Path) -> Iterator[MailFiles]:
    """Open a folder of .eml files, one .eml file or an mbox; raises NoMailsFound."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.eml") if file.is_file())
        yield _require_any([(str(file.relative_to(path)), file.read_bytes) for file in files], path)
    elif path.suffix == ".eml" and path.is_file():
        yield [(path.name, path.read_bytes)]
    elif path.is_file():
        with closing(mailbox.mbox(path, create=False)) as box:
            keys = box.keys()
            yield _require_any(
                [(f"{path.name} {key}", partial(box.get_bytes, key)) for key in keys], path
            )
    else:
        raise NoMailsFound(f"{path}: no such folder or mbox")


def _require_any(found: MailFiles, path: Path) -> MailFiles:
    if not found:
        raise NoMailsFound(f"{path}: holds no mails; give a folder of .eml files, or an mbox")
    return found


async def import_mails(
    acceptance: AcceptanceQueue,
    mails: MailFiles,
    *,
    mailboxes: Sequence[str],
    to: str | None,
    on_progress: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Import mails, each for the address `to`, else for the mailboxes that its headers name."""
    result = ImportResult()
    for name, read in mails:
        raw = await asyncio.to_thread(read)
        addresses: tuple[str, ...] = (to,) if to else ()
        if len(raw) > MAX_RAW_BYTES:
            result.skipped.append(
                f"{name}: {len(raw):,} bytes; at most {MAX_RAW_BYTES:,} are accepted"
            )
        elif not (addresses := addresses or find_mailboxes(parse_mail(raw), mailboxes)):
            result.skipped.append(f"{name}: names no mailbox of this desk; give one with --to")
        else:
            accepted = await acceptance.accept(ReceivedMessage(raw=raw, addresses=addresses))
            result.new += bool(accepted)
            result.known += not accepted
            result.states.update(mail.state.value for mail in accepted)
        on_progress()
    return result
