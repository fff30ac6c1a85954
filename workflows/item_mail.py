"""Activities that send an item's mails and look for mails on their way to it (M3, M5)."""

from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityHandle

with workflow.unsafe.imports_passed_through():
    from activities.mail_out import MailSender
    from activities.mail_under_way import MailCheck, MailUnderWay
    from domain.model.effects import SendMail

SEND_TIMEOUT: Final = timedelta(minutes=5)
"""Timeout of one attempt to send a mail: servers may be slow to answer (RFC 5321)."""
HEARTBEAT_TIMEOUT: Final = timedelta(seconds=12)
"""Time without heartbeat after which the worker counts as dead and another one retries."""
SEND_RETRY_POLICY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10)
)
"""Retries of a mail, without end: the activity decides when to give up (M5, docs/adr/0014)."""
CHECK_TIMEOUT: Final = timedelta(seconds=5)
"""Timeout of one check for accepted mails that are not delivered yet (M3)."""


async def send_mail(effect: SendMail, run: str) -> str | None:
    """Have a mail sent; return the problem if some recipients could not be reached (M5)."""
    try:
        return await workflow.execute_activity_method(
            MailSender.send,
            args=[run, effect.key],
            start_to_close_timeout=SEND_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=SEND_RETRY_POLICY,
            summary=f"mail {effect.key}",
        )
    except ActivityError as error:
        return str(error.cause or error)


def start_mail_check(reference: str, until: datetime) -> ActivityHandle[MailCheck]:
    """Start the check for mails accepted by `until` that the item does not have yet (M3)."""
    return workflow.start_local_activity_method(
        MailUnderWay.check, args=[reference, until], start_to_close_timeout=CHECK_TIMEOUT
    )
