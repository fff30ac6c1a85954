"""Acceptance of mails: an accepted mail is committed, so it cannot be lost (M3)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy import Engine

from mailroom.routing import MailRouter, ReceivedMessage
from store.errors import StoreError
from store.mail.inbound_mail import InboundMail
from store.mail.mail_acceptance import accept_mails

READER_THREADS: Final = 2
"""Mails parsed at the same time: parsing takes CPU, and memory in proportion to the mail."""

_Waiting = tuple[list[InboundMail], asyncio.Future[list[InboundMail]]]


class AcceptanceQueue:
    """Queue of mails to store: all that are waiting are stored in one transaction."""

    def __init__(
        self,
        engine: Engine,
        router: MailRouter,
        *,
        budget: int,
        on_accepted: Callable[[InboundMail], None] = lambda _mail: None,
    ) -> None:
        """Create a queue.

        `budget`: automatic answers that one sender gets within an hour (M4).
        `on_accepted` is called with each new mail after its commit.
        """
        self._engine = engine
        self._router = router
        self._budget = budget
        self.on_accepted = on_accepted
        self._waiting: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None
        self._readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="mail-reader")

    async def accept(self, message: ReceivedMessage) -> list[InboundMail]:
        """Store a mail for each of its mailboxes, and return those that were not stored before.

        Raises:
            StoreError: the mail is not stored.
        """
        loop = asyncio.get_running_loop()
        mails = await loop.run_in_executor(self._readers, self._router.route, message)
        accepted: asyncio.Future[list[InboundMail]] = loop.create_future()
        self._waiting.append((mails, accepted))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())
        return await accepted

    def close(self) -> None:
        """Stop the reader threads."""
        self._readers.shutdown(cancel_futures=True)

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            if await self._attempt(batch):
                continue
            for waiting in batch:  # one of them has failed the transaction
                await self._attempt([waiting], is_last=True)

    async def _attempt(self, batch: list[_Waiting], *, is_last: bool = False) -> bool:
        mails = [mail for each, _ in batch for mail in each]
        try:
            accepted = await asyncio.to_thread(
                accept_mails, self._engine, mails, budget=self._budget
            )
        except Exception as error:  # noqa: BLE001 - raised by the futures of the batch
            if len(batch) > 1 and not is_last and not isinstance(error, StoreError):
                return False
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return True
        by_digest = {mail.digest: mail for mail in accepted}
        for each, future in batch:
            new = [by_digest.pop(mail.digest) for mail in each if mail.digest in by_digest]
            for mail in new:
                self.on_accepted(mail)
            if not future.done():
                future.set_result(new)
        return True
