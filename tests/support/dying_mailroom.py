"""The mailroom, killed at one point of a mail's way in.

Run by `python -m tests.support.dying_mailroom POINT`.

It is the product's own program. Around one of its functions lies a wrapper that ends the process by
SIGKILL, as a power cut would, before or after the function has done its work.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import wraps
from typing import Any, Final

from sqlalchemy import Connection, Engine

from mailroom import __main__ as program
from mailroom import acceptance
from mailroom.delivery import Deliverer
from mailroom.routing import Reader
from mailroom.smtp_server import Door, Porter
from starter.client import Desk
from store.mail import inbound_mail, mail_acceptance


class Point(StrEnum):
    """Where it dies, in the order of a mail's way."""

    DATA = "DATA was said"
    GOT = "the mail came"
    READ = "it is read"
    UNCOMMITTED = "it is written, not committed"
    COMMITTED = "it is committed"
    BEFORE_OK = "before OK"
    AFTER_OK = "after OK"
    BEFORE_DELIVERY = "before it is delivered"
    ELSEWHERE = "it is found to start another item"
    BEFORE_START = "before it starts an item"
    STARTED = "it started an item"
    BEFORE_GIVEN = "before its item has it"
    GIVEN = "its item has it"
    BEFORE_ANSWER = "before it is acknowledged"
    ANSWERED = "it is acknowledged"
    BEFORE_NOTED = "before it is noted as delivered"
    NOTED = "it is noted as delivered"


_PLACES: Final[dict[Point, tuple[Any, str, bool]]] = {
    Point.DATA: (Door, "smtp_DATA", False),
    Point.GOT: (Porter, "handle_DATA", False),
    Point.READ: (Reader, "read", True),
    Point.COMMITTED: (acceptance, "accept", True),
    Point.BEFORE_OK: (Porter, "handle_DATA", True),
    Point.AFTER_OK: (Door, "smtp_DATA", True),
    Point.BEFORE_DELIVERY: (Deliverer, "_give", False),
    Point.ELSEWHERE: (inbound_mail, "retarget", True),
    Point.BEFORE_START: (Desk, "start_with", False),
    Point.STARTED: (Desk, "start_with", True),
    Point.BEFORE_GIVEN: (Desk, "do", False),
    Point.GIVEN: (Desk, "do", True),
    Point.BEFORE_ANSWER: (Desk, "tell", False),
    Point.ANSWERED: (Desk, "tell", True),
    Point.BEFORE_NOTED: (inbound_mail, "settle", False),
    Point.NOTED: (inbound_mail, "settle", True),
}
"""The function, and whether it dies after it."""


def die() -> None:
    """Like a power cut."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: Point) -> None:
    """Have this process die at the point."""
    if point is Point.UNCOMMITTED:
        _die_uncommitted()
        return
    owner, name, is_after = _PLACES[point]
    setattr(owner, name, _dying(getattr(owner, name), is_after=is_after))


def _dying(function: Callable[..., Any], *, is_after: bool) -> Callable[..., Any]:
    @wraps(function)
    def wrapped(*args: object, **named: object) -> object:
        if not is_after:
            die()
        answer = function(*args, **named)
        die()
        return answer

    @wraps(function)
    async def awaited(*args: object, **named: object) -> object:
        if not is_after:
            die()
        answer = await function(*args, **named)
        die()
        return answer

    return awaited if asyncio.iscoroutinefunction(function) else wrapped


def _die_uncommitted() -> None:
    accept, writing = vars(acceptance)["accept"], vars(mail_acceptance)["writing"]

    @contextmanager
    def uncommitted(engine: Engine) -> Iterator[Connection]:
        with writing(engine) as connection:
            yield connection
            die()

    def accepting(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        vars(mail_acceptance)["writing"] = uncommitted
        return accept(*args, **named)

    vars(acceptance)["accept"] = accepting


if __name__ == "__main__":
    arm(Point(sys.argv[1]))
    sys.exit(program.main())
