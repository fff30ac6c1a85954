"""Barrier before an item closes by itself: mails accepted by then come first (M3, ADR 0013)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow

from workflows import item_mail
from workflows.clock import Clock
from workflows.inbox import Inbox

MAIL_CHECK_INTERVAL: Final = timedelta(seconds=5)
"""Time to wait before asking the store again whether an accepted mail is undelivered (M3)."""
MAIL_UNDER_WAY_PATCH: Final = "mail-under-way"
"""Patch: an item that is about to close by itself checks for undelivered mails first."""

WaitUntil = Callable[[Callable[[], bool]], Awaitable[None]]
"""Waits until a condition holds."""


class MailBarrier:
    """Waits for mails that were accepted for an item, but are not in its inbox yet."""

    def __init__(self, clock: Clock, inbox: Inbox, wait_until: WaitUntil) -> None:
        """Wait by `wait_until` for messages in `inbox`."""
        self._clock = clock
        self._inbox = inbox
        self._wait_until = wait_until

    async def wait_for_mail(self, reference: str, closing: datetime) -> bool:
        """Wait while a mail accepted by `closing` is undelivered; return False if there is none.

        Returns True when a message from before `closing` is in the inbox, or when it is time for
        the next check. Histories older than the patch `mail-under-way` have no check.
        """
        if not workflow.patched(MAIL_UNDER_WAY_PATCH):
            return False
        check = item_mail.start_mail_check(reference, closing)
        await self._wait_until(check.done)
        result = check.result()
        self._clock.use_answer_time(max(closing, result.at))
        if not result.is_under_way:
            return False
        next_check = asyncio.create_task(
            workflow.sleep(MAIL_CHECK_INTERVAL, summary="a mail is under way")
        )
        await self._wait_until(
            lambda: next_check.done() or self._inbox.has_command_until(self._clock.now, closing)
        )
        next_check.cancel()
        return True
