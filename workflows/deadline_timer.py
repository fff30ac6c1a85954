"""Timer for an item's next deadline, replaced only when that deadline changes."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow


class DeadlineTimer:
    """Timer that fires once; setting it to the same instant again adds no event to the history."""

    def __init__(self) -> None:
        """Begin without a timer."""
        self.at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    def set(self, at: datetime | None, summary: str) -> None:
        """Fire at `at`, or never if None; `summary` names the deadline in Temporal's UI."""
        if at == self.at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self.at = at
        self._timer = None if at is None else asyncio.create_task(_sleep_until(at, summary))

    @property
    def has_fired(self) -> bool:
        """True once the timer has fired."""
        return self._timer is not None and self._timer.done()


async def _sleep_until(at: datetime, summary: str) -> None:
    await workflow.sleep(max(timedelta(0), at - workflow.now()), summary=summary)
