"""Mailroom process that is killed at one point of a mail's acceptance or delivery.

Run by `python -m tests.support.dying_mailroom POINT`.

The product's own program runs; a wrapper around one of its functions kills the process by SIGKILL,
as a power cut would, before or after the function has run.
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
from mailroom.routing import MailRouter
from mailroom.smtp_server import SmtpHandler, SmtpSession
from starter.client import CasekeepClient
from store.mail import inbound_mail, mail_acceptance


class KillPoint(StrEnum):
    """Points at which the process is killed, in the order of a mail's way."""

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


_FUNCTIONS: Final[dict[KillPoint, tuple[Any, str, bool]]] = {
    KillPoint.DATA: (SmtpSession, "smtp_DATA", False),
    KillPoint.GOT: (SmtpHandler, "handle_DATA", False),
    KillPoint.READ: (MailRouter, "route", True),
    KillPoint.COMMITTED: (acceptance, "accept_mails", True),
    KillPoint.BEFORE_OK: (SmtpHandler, "handle_DATA", True),
    KillPoint.AFTER_OK: (SmtpSession, "smtp_DATA", True),
    KillPoint.BEFORE_DELIVERY: (Deliverer, "_deliver_once", False),
    KillPoint.ELSEWHERE: (inbound_mail, "retarget", True),
    KillPoint.BEFORE_START: (CasekeepClient, "start_with", False),
    KillPoint.STARTED: (CasekeepClient, "start_with", True),
    KillPoint.BEFORE_GIVEN: (CasekeepClient, "execute", False),
    KillPoint.GIVEN: (CasekeepClient, "execute", True),
    KillPoint.BEFORE_ANSWER: (CasekeepClient, "signal", False),
    KillPoint.ANSWERED: (CasekeepClient, "signal", True),
    KillPoint.BEFORE_NOTED: (inbound_mail, "settle_mails", False),
    KillPoint.NOTED: (inbound_mail, "settle_mails", True),
}
"""Owner and name of the function; True kills after the call, False before it."""


def kill_self() -> None:
    """Kill this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(point: KillPoint) -> None:
    """Have this process killed at the point."""
    if point is KillPoint.UNCOMMITTED:
        _kill_before_commit()
        return
    owner, name, is_after = _FUNCTIONS[point]
    setattr(owner, name, _wrap_with_kill(getattr(owner, name), is_after=is_after))


def _wrap_with_kill(function: Callable[..., Any], *, is_after: bool) -> Callable[..., Any]:
    @wraps(function)
    def wrapped(*args: object, **named: object) -> object:
        if not is_after:
            kill_self()
        answer = function(*args, **named)
        kill_self()
        return answer

    @wraps(function)
    async def awaited(*args: object, **named: object) -> object:
        if not is_after:
            kill_self()
        answer = await function(*args, **named)
        kill_self()
        return answer

    return awaited if asyncio.iscoroutinefunction(function) else wrapped


def _kill_before_commit() -> None:
    accept = vars(acceptance)["accept_mails"]
    write_connection = vars(mail_acceptance)["write_connection"]

    @contextmanager
    def uncommitted(engine: Engine) -> Iterator[Connection]:
        with write_connection(engine) as connection:
            yield connection
            kill_self()

    def accepting(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - all arguments of the function
        vars(mail_acceptance)["write_connection"] = uncommitted
        return accept(*args, **named)

    vars(acceptance)["accept_mails"] = accepting


if __name__ == "__main__":
    kill_at(KillPoint(sys.argv[1]))
    sys.exit(program.main())
