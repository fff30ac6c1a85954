"""What an item asks of its mails: that one is sent, and whether one is under way to it (M3, M5)."""

from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityHandle

with workflow.unsafe.imports_passed_through():
    from activities.mail_out import MailOut
    from activities.mail_under_way import Looked, MailUnderWay
    from domain.model.effects import SendMail

ONE_TRY: Final = timedelta(minutes=5)
"""Of a mail: servers may be slow to answer (RFC 5321)."""
BEAT_WITHIN: Final = timedelta(seconds=12)
"""After which the worker that was at it counts as dead, and another one goes on."""
MAIL_AGAIN: Final = RetryPolicy(
    initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10)
)
"""M5: how a mail is tried again; the activity says when it is given up (docs/adr/0014)."""
LOOK_WITHIN: Final = timedelta(seconds=5)
"""M3: how long one look for a mail that is under way may take."""


async def send(effect: SendMail, run: str) -> str | None:
    """M5: have a mail sent, however long that takes; why not everybody has it, if so."""
    try:
        return await workflow.execute_activity_method(
            MailOut.send,
            args=[run, effect.key],
            start_to_close_timeout=ONE_TRY,
            heartbeat_timeout=BEAT_WITHIN,
            retry_policy=MAIL_AGAIN,
            summary=f"mail {effect.key}",
        )
    except ActivityError as error:
        return str(error.cause or error)


def look(reference: str, until: datetime) -> ActivityHandle[Looked]:
    """M3: begin to look for a mail that was accepted by then, and is not with its item yet."""
    return workflow.start_local_activity_method(
        MailUnderWay.look, args=[reference, until], start_to_close_timeout=LOOK_WITHIN
    )
