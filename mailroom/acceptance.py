"""Where mails are accepted: once this returns, a mail cannot be lost any more (M3)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy import Engine

from mailroom.routing import Letter, Reader
from store.errors import StoreFault
from store.mail.inbound_mail import InboundMail
from store.mail.mail_acceptance import accept

READERS: Final = 2
"""Mails that are read at a time: reading takes CPU, and memory in proportion to the mail."""

_Waiting = tuple[list[InboundMail], asyncio.Future[list[InboundMail]]]


class Reception:
    """Reads mails and keeps them, as many in a transaction as are waiting."""

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        *,
        budget: int,
        hand_over: Callable[[InboundMail], None] = lambda _mail: None,
    ) -> None:
        """`hand_over` hears of each mail that was not there before, once it is kept.

        `budget`: automatic answers that one correspondent gets within an hour (M4).
        """
        self._engine = engine
        self._reader = reader
        self._budget = budget
        self.hand_over = hand_over
        self._waiting: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="mail-reader")

    async def take(self, letter: Letter) -> list[InboundMail]:
        """Keep a mail; what of it was not there before. Raises StoreFault: then it is not kept."""
        loop = asyncio.get_running_loop()
        mails = await loop.run_in_executor(self._readers, self._reader.read, letter)
        kept: asyncio.Future[list[InboundMail]] = loop.create_future()
        self._waiting.append((mails, kept))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())
        return await kept

    def close(self) -> None:
        """Read nothing any more."""
        self._readers.shutdown(cancel_futures=True)

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            if await self._attempt(batch):
                continue
            for one in batch:  # one of them may be what no database takes
                await self._attempt([one], is_last=True)

    async def _attempt(self, batch: list[_Waiting], *, is_last: bool = False) -> bool:
        mails = [mail for each, _ in batch for mail in each]
        try:
            accepted = await asyncio.to_thread(accept, self._engine, mails, budget=self._budget)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            if len(batch) > 1 and not is_last and not isinstance(error, StoreFault):
                return False
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(error)
            return True
        by_digest = {mail.digest: mail for mail in accepted}
        for each, kept in batch:
            mine = [by_digest.pop(mail.digest) for mail in each if mail.digest in by_digest]
            for mail in mine:
                self.hand_over(mail)
            if not kept.done():
                kept.set_result(mine)
        return True
