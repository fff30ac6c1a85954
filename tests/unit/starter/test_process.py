"""What worker, mailroom and pages have in common as programs."""

import asyncio
import logging

import pytest

from starter.process import unbroken
from tests.support.workers import assert_eventually

LOG = logging.getLogger("casekeep.tests")


async def test_what_breaks_is_told_and_begun_anew(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[int] = []

    async def fragile() -> None:
        begun.append(len(begun))
        if len(begun) == 1:
            problem = "no such thing"
            raise LookupError(problem)
        await asyncio.Event().wait()

    async def check() -> None:
        assert begun == [0, 1]

    running = asyncio.create_task(unbroken(LOG, fragile))
    await assert_eventually(check)
    assert "LookupError: no such thing" in caplog.text
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
