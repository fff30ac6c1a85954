"""Whether a mail for an item is under way, as items ask before they close by themselves (M3)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict
from temporalio import activity


class Looks(Protocol):
    """What knows of the mails that were accepted."""

    def __call__(self, reference: str, *, until: datetime) -> bool:
        """Whether one for this item, accepted by then, was not given to it yet."""


class Looked(BaseModel):
    """What was found, and when."""

    model_config = ConfigDict(frozen=True)

    is_under_way: bool
    at: AwareDatetime


class MailUnderWay:
    """Looks into the mailroom for an item."""

    def __init__(
        self, look: Looks, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Look there; where a server's time is not ours, another clock tells it."""
        self._look = look
        self._clock = clock

    @activity.defn(name="mail_under_way")
    async def look(self, reference: str, until: datetime) -> Looked:
        """Whether a mail for this item, accepted by then, is under way."""
        found = await asyncio.to_thread(self._look, reference, until=until)
        return Looked(is_under_way=found, at=self._clock())
