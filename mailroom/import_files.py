"""Feeds stored mails to the mailroom: a folder of .eml files, or an mbox; twice changes nothing."""

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
from mailroom.acceptance import Reception
from mailroom.routing import Letter, desks_in

Mails = Sequence[tuple[str, Callable[[], bytes]]]
"""What each is called, and how it is read."""


class NoMails(Exception):
    """There is nothing to feed."""


@dataclass
class Fed:
    """What became of the mails that were fed."""

    new: int = 0
    known: int = 0
    skipped: list[str] = field(default_factory=list)
    """What was not fed, and why."""
    states: Counter[str] = field(default_factory=Counter)


@contextmanager
def mails_in(place: Path) -> Iterator[Mails]:
    """The mails of a folder of .eml files or of an mbox.

    Raises NoMails.
    """
    if place.is_dir():
        files = sorted(path for path in place.rglob("*.eml") if path.is_file())
        yield _some([(str(path.relative_to(place)), path.read_bytes) for path in files], place)
    elif place.suffix == ".eml" and place.is_file():
        yield [(place.name, place.read_bytes)]
    elif place.is_file():
        with closing(mailbox.mbox(place, create=False)) as box:
            keys = box.keys()
            yield _some(
                [(f"{place.name} {key}", partial(box.get_bytes, key)) for key in keys], place
            )
    else:
        raise NoMails(f"{place}: no such folder or mbox")


def _some(found: Mails, place: Path) -> Mails:
    if not found:
        raise NoMails(f"{place}: holds no mails; give a folder of .eml files, or an mbox")
    return found


async def feed(
    reception: Reception,
    mails: Mails,
    *,
    mailboxes: Sequence[str],
    to: str | None,
    tell: Callable[[], None] = lambda: None,
) -> Fed:
    """Take these mails in, each for `to`, or for the mailboxes that it names itself."""
    fed = Fed()
    for name, read in mails:
        raw = await asyncio.to_thread(read)
        addresses: tuple[str, ...] = (to,) if to else ()
        if len(raw) > MAX_RAW_BYTES:
            fed.skipped.append(f"{name}: {len(raw):,} bytes; at most {MAX_RAW_BYTES:,} are taken")
        elif not (addresses := addresses or desks_in(parse_mail(raw), mailboxes)):
            fed.skipped.append(f"{name}: names no mailbox of this desk; give one with --to")
        else:
            letter = Letter(raw=raw, addresses=addresses)
            accepted = await reception.take(letter)
            fed.new += bool(accepted)
            fed.known += not accepted
            fed.states.update(one.state.value for one in accepted)
        tell()
    return fed
