"""The messages that wait for an item, which takes them in the order of their times (C19)."""

from datetime import datetime
from operator import itemgetter

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.engine import decide
    from workflows.messages import Message


class Inbox:
    """What handlers put in, and the item's loop takes out."""

    def __init__(self) -> None:
        """Empty."""
        self._waiting: list[Message] = []

    def __bool__(self) -> bool:
        """Whether a message waits."""
        return bool(self._waiting)

    def put(self, message: Message) -> None:
        """Have a message wait."""
        self._waiting.append(message)

    def has(self, now: datetime, until: datetime) -> bool:
        """Whether a command waits that is of then or before."""
        return any(
            message.command is not None and _time_of(message, now) <= until
            for message in self._waiting
        )

    def taken(self, now: datetime, until: datetime | None = None) -> list[Message]:
        """What waits, by its times, and does no longer; what is later than `until` still waits."""
        timed = [(_time_of(message, now), message) for message in self._waiting]
        self._waiting = [message for at, message in timed if until is not None and at > until]
        due = [one for one in timed if until is None or one[0] <= until]
        return [message for _, message in sorted(due, key=itemgetter(0))]


def _time_of(message: Message, now: datetime) -> datetime:
    return now if message.command is None else decide.time_of(message.command, now)
