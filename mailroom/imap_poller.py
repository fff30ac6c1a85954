"""Poller of an IMAP mailbox, for desks whose mail cannot be sent to our SMTP server (M3)."""

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
from mailroom.acceptance import AcceptanceQueue
from mailroom.routing import ReceivedMessage, find_mailboxes
from store.errors import StoreError

LOG: Final = logging.getLogger("casekeep.mailroom")
TAKEN_KEYWORD: Final = "CasekeepTaken"
"""Keyword that marks a mail as accepted; the mail is neither moved nor marked as read."""
TOO_LARGE_KEYWORD: Final = "CasekeepTooLarge"
"""Keyword that marks a mail as too large; it stays in the mailbox for people to look at."""
POLL_INTERVAL: Final = 30.0
IMAP_TIMEOUT: Final = 30.0
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_CONNECTION_ERRORS: Final = (OSError, ImapToolsError, imaplib.IMAP4.error)


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """IMAP account to poll: `imaps://user:password@host:993/INBOX?to=support@desk.example`."""

    secure: bool
    host: str
    port: int
    user: str
    password: str
    folder: str
    to: str | None
    """Mailbox of the desk for mails that name none."""
    verify: bool
    """The server's certificate is checked; `?verify=no` accepts any."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the account of a URL."""
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

    def connect(self) -> BaseMailBox:
        """Return a connection that is logged in and has selected the folder."""
        if self.secure:
            context = ssl.create_default_context()
            context.check_hostname = self.verify
            context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
            box: BaseMailBox = MailBox(
                self.host, self.port, timeout=IMAP_TIMEOUT, ssl_context=context
            )
        else:
            box = MailBoxUnencrypted(self.host, self.port, timeout=IMAP_TIMEOUT)
        return box.login(self.user, self.password, initial_folder=self.folder)


@asynccontextmanager
async def poll_imap(
    acceptance: AcceptanceQueue, url: str | None, *, mailboxes: Sequence[str]
) -> AsyncIterator[None]:
    """Poll while the context lasts; without a URL, do nothing."""
    if url is None:
        yield
        return
    account = ImapAccount.parse(url)
    task = asyncio.create_task(_poll(acceptance, account, mailboxes))
    try:
        yield
    finally:
        task.cancel()


async def _poll(
    acceptance: AcceptanceQueue, account: ImapAccount, mailboxes: Sequence[str]
) -> None:
    while True:
        try:
            await poll_once(acceptance, account, mailboxes)
        except (*_CONNECTION_ERRORS, StoreError) as problem:
            LOG.warning(
                "%s: cannot be polled: %s; retry in %g s", account.host, problem, POLL_INTERVAL
            )
        except Exception:
            LOG.exception("%s: unexpected error; retry in %g s", account.host, POLL_INTERVAL)
        await asyncio.sleep(POLL_INTERVAL)


async def poll_once(
    acceptance: AcceptanceQueue, account: ImapAccount, mailboxes: Sequence[str]
) -> int:
    """Accept the new mails of an account one after another, and return their number.

    A mail is marked after it is accepted: if the process dies between, the mail is read again, and
    stored once. Raises StoreError.
    """
    box = await asyncio.to_thread(account.connect)
    accepted = 0
    try:
        is_new = AND(no_keyword=[TAKEN_KEYWORD, TOO_LARGE_KEYWORD])
        for uid in await asyncio.to_thread(box.uids, is_new):
            found = await asyncio.to_thread(_fetch_mail, box, uid)
            if found is None:
                LOG.warning("%s: mail %s is too large; left in the mailbox", account.host, uid)
                keyword = TOO_LARGE_KEYWORD
            elif await _accept(acceptance, account, mailboxes, *found):
                keyword, accepted = TAKEN_KEYWORD, accepted + 1
            else:
                continue
            await asyncio.to_thread(box.flag, uid, keyword, True)  # noqa: FBT003 - imap_tools' signature
    finally:
        with suppress(*_CONNECTION_ERRORS):
            await asyncio.to_thread(box.logout)
    return accepted


async def _accept(
    acceptance: AcceptanceQueue,
    account: ImapAccount,
    mailboxes: Sequence[str],
    raw: bytes,
    at: datetime,
) -> bool:
    """Accept a mail; return False if that fails, so that the next mails are accepted (M7)."""
    try:
        received = await asyncio.to_thread(parse_mail, raw)
        to = find_mailboxes(received, mailboxes) or (account.to or account.user,)
        await acceptance.accept(ReceivedMessage(raw=raw, addresses=to, received_at=at))
    except StoreError:
        raise
    except Exception:
        LOG.exception("%s: a mail cannot be accepted; retry at the next poll", account.host)
        return False
    return True


def _fetch_mail(box: BaseMailBox, uid: str) -> tuple[bytes, datetime] | None:
    """Return a mail's source and time of receipt; None if it is too large."""
    size = _SIZE.search(_response_text(_fetch(box, uid, "(RFC822.SIZE)")))
    if size is not None and int(size[1]) > MAX_RAW_BYTES:
        return None
    response = _fetch(box, uid, "(INTERNALDATE BODY.PEEK[])")
    raw = b"".join(part[1] for part in response if isinstance(part, tuple))
    received_at = imaplib.Internaldate2tuple(_response_text(response))
    now = datetime.now(UTC)
    at = now if received_at is None else datetime.fromtimestamp(time.mktime(received_at), UTC)
    return raw, min(at, now)


def _fetch(box: BaseMailBox, uid: str, wanted: str) -> list[bytes | tuple[bytes, bytes]]:
    status, response = box.client.uid("FETCH", uid, wanted)
    if status != "OK":
        raise imaplib.IMAP4.error(f"FETCH of {uid}: {status}")
    return response


def _response_text(response: list[bytes | tuple[bytes, bytes]]) -> bytes:
    """Return the text of a response, without its literals."""
    return b" ".join(part[0] if isinstance(part, tuple) else part or b"" for part in response)
