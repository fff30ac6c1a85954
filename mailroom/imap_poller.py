"""A mailbox that is polled by IMAP, for desks whose mail cannot be sent to us (M3)."""

import asyncio
import imaplib
import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from imap_tools import AND, BaseMailBox, MailBox, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from mail.limits import MAX_RAW_BYTES
from mail.parser import parse_mail
from mailroom.acceptance import Reception
from mailroom.routing import Letter, desks_in
from store.errors import StoreFault

LOG: Final = logging.getLogger("casekeep.mailroom")
TAKEN: Final = "CasekeepTaken"
"""The keyword that a mail has there once it is kept here; it is neither moved nor read."""
TOO_LARGE: Final = "CasekeepTooLarge"
"""The keyword of a mail that is left there for people to look at."""
POLL_EVERY: Final = 30.0
ANSWERS_WITHIN: Final = 30.0
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_LOST: Final = (OSError, ImapToolsError, imaplib.IMAP4.error)


@dataclass(frozen=True, slots=True)
class Account:
    """Where to poll: `imaps://user:password@host:993/INBOX?to=support@desk.example`."""

    secure: bool
    host: str
    port: int
    user: str
    password: str
    folder: str
    to: str | None
    """The mailbox of ours that its mails are for where they do not say so."""
    verify: bool
    """Whether the server's certificate is checked; `?verify=no` takes any."""

    @classmethod
    def of(cls, url: str) -> Self:
        """The account that a URL names."""
        parts = urlsplit(url)
        secure = parts.scheme == "imaps"
        options = parse_qs(parts.query)
        return cls(
            secure=secure,
            host=parts.hostname or "",
            port=parts.port or (993 if secure else 143),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            folder=unquote(parts.path.strip("/")) or "INBOX",
            to=options.get("to", [None])[0],
            verify=options.get("verify", ["yes"])[0] != "no",
        )

    def opened(self) -> BaseMailBox:
        """A connection, logged in and in the folder."""
        if self.secure:
            context = ssl.create_default_context()
            context.check_hostname = self.verify
            context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
            box: BaseMailBox = MailBox(
                self.host, self.port, timeout=ANSWERS_WITHIN, ssl_context=context
            )
        else:
            box = MailBoxUnencrypted(self.host, self.port, timeout=ANSWERS_WITHIN)
        return box.login(self.user, self.password, initial_folder=self.folder)


@asynccontextmanager
async def polling(
    reception: Reception, url: str | None, *, mailboxes: Sequence[str]
) -> AsyncIterator[None]:
    """Poll while the context lasts; nothing, without a URL."""
    if url is None:
        yield
        return
    account = Account.of(url)
    task = asyncio.create_task(_poll(reception, account, mailboxes))
    try:
        yield
    finally:
        task.cancel()


async def _poll(reception: Reception, account: Account, mailboxes: Sequence[str]) -> None:
    while True:
        try:
            await poll_once(reception, account, mailboxes)
        except (*_LOST, StoreFault) as problem:
            LOG.warning("%s: cannot be polled: %s; trying again", account.host, problem)
        except Exception:
            LOG.exception("%s: cannot be polled; trying again", account.host)
        await asyncio.sleep(POLL_EVERY)


async def poll_once(reception: Reception, account: Account, mailboxes: Sequence[str]) -> int:
    """Take in what is new there, one mail after another; how many were taken.

    A mail gets its mark only once it is kept: taken twice, it is kept once. Raises StoreFault.
    """
    box = await asyncio.to_thread(account.opened)
    taken = 0
    try:
        news = AND(no_keyword=[TAKEN, TOO_LARGE])
        for uid in await asyncio.to_thread(box.uids, news):
            found = await asyncio.to_thread(_fetched, box, uid)
            if found is None:
                LOG.warning("%s: mail %s is too large, and is left there", account.host, uid)
                mark = TOO_LARGE
            elif await _is_taken(reception, account, mailboxes, *found):
                mark, taken = TAKEN, taken + 1
            else:
                continue
            await asyncio.to_thread(box.flag, uid, mark, True)  # noqa: FBT003 - its own form
    finally:
        with suppress(*_LOST):
            await asyncio.to_thread(box.logout)
    return taken


async def _is_taken(
    reception: Reception, account: Account, mailboxes: Sequence[str], raw: bytes, at: datetime
) -> bool:
    """Whether it is kept; if it cannot be, the mails behind it are taken all the same (M7)."""
    try:
        received = await asyncio.to_thread(parse_mail, raw)
        to = desks_in(received, mailboxes) or (account.to or account.user,)
        await reception.take(Letter(raw=raw, addresses=to, received_at=at))
    except StoreFault:
        raise
    except Exception:
        LOG.exception("%s: a mail cannot be kept; it is tried again", account.host)
        return False
    return True


def _fetched(box: BaseMailBox, uid: str) -> tuple[bytes, datetime] | None:
    """A mail as it came there, and when; None if it is too large to be taken."""
    size = _SIZE.search(_said(_answer(box, uid, "(RFC822.SIZE)")))
    if size is not None and int(size[1]) > MAX_RAW_BYTES:
        return None
    answer = _answer(box, uid, "(INTERNALDATE BODY.PEEK[])")
    raw = b"".join(part[1] for part in answer if isinstance(part, tuple))
    there = imaplib.Internaldate2tuple(_said(answer))
    now = datetime.now(UTC)
    at = now if there is None else datetime.fromtimestamp(time.mktime(there), UTC)
    return raw, min(at, now)


def _answer(box: BaseMailBox, uid: str, wanted: str) -> list[bytes | tuple[bytes, bytes]]:
    status, answer = box.client.uid("FETCH", uid, wanted)
    if status != "OK":
        raise imaplib.IMAP4.error(f"FETCH of {uid}: {status}")
    return answer


def _said(answer: list[bytes | tuple[bytes, bytes]]) -> bytes:
    """What a server said, without what it brought."""
    return b" ".join(part[0] if isinstance(part, tuple) else part or b"" for part in answer)
