"""Activity that checks for undelivered mails before an item closes by itself (M3)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict
from temporalio import activity


class IsMailUnderWay(Protocol):
    """Callable that knows the accepted mails."""

    def __call__(self, reference: str, *, until: datetime) -> bool:
        """Return True if a mail for this item, accepted by `until`, is not delivered yet."""


class MailCheck(BaseModel):
    """Result of a check, and its time."""

    model_config = ConfigDict(frozen=True)

    is_under_way: bool
    at: AwareDatetime


class MailUnderWay:
    """Activity `mail_under_way`: asks the store about an item's accepted mails."""

    def __init__(
        self,
        is_under_way: IsMailUnderWay,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask `is_under_way`; `clock` gives the time of a check."""
        self._is_under_way = is_under_way
        self._clock = clock

    @activity.defn(name="mail_under_way")
    async def check(self, reference: str, until: datetime) -> MailCheck:
        """Check for a mail to this item that was accepted by `until` and is not delivered yet."""
        is_under_way = await asyncio.to_thread(self._is_under_way, reference, until=until)
        return MailCheck(is_under_way=is_under_way, at=self._clock())
