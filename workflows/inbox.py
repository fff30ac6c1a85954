"""Queue of the messages for an item, which handles them in the order of their times (C19)."""

from datetime import datetime
from operator import itemgetter

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.engine import decide
    from workflows.messages import InboxMessage


class Inbox:
    """Queue of messages: handlers put them in, the item's loop takes them out."""

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: list[InboxMessage] = []

    def __bool__(self) -> bool:
        """True if a message waits."""
        return bool(self._waiting)

    def put(self, message: InboxMessage) -> None:
        """Add a message."""
        self._waiting.append(message)

    def has_command_until(self, now: datetime, until: datetime) -> bool:
        """True if a command waits whose time is `until` or earlier."""
        return any(
            message.command is not None and _time_of(message, now) <= until
            for message in self._waiting
        )

    def take(self, now: datetime, until: datetime | None = None) -> list[InboxMessage]:
        """Remove and return the messages up to `until` (None: all), sorted by time."""
        timed = [(_time_of(message, now), message) for message in self._waiting]
        self._waiting = [message for at, message in timed if until is not None and at > until]
        due = [pair for pair in timed if until is None or pair[0] <= until]
        return [message for _, message in sorted(due, key=itemgetter(0))]


def _time_of(message: InboxMessage, now: datetime) -> datetime:
    return now if message.command is None else decide.command_time(message.command, now)
