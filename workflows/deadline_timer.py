"""One timer for the next deadline, touched only when that deadline moves."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow


class Alarm:
    """Rings once at the moment it is set to; setting it to the same moment again costs nothing."""

    def __init__(self) -> None:
        """Set to nothing."""
        self.at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    def set(self, at: datetime | None, summary: str) -> None:
        """Ring at `at`, or never; `summary` tells people in the UI what is waited for."""
        if at == self.at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self.at = at
        self._timer = None if at is None else asyncio.create_task(_until(at, summary))

    @property
    def rang(self) -> bool:
        """Whether its moment has come."""
        return self._timer is not None and self._timer.done()


async def _until(at: datetime, summary: str) -> None:
    await workflow.sleep(max(timedelta(0), at - workflow.now()), summary=summary)
