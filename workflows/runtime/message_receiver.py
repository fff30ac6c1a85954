"""Interface between the SDK's handlers and the workflow of an item."""

from typing import Any, Protocol

from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from domain.base.refusals import InvalidCommand, Refused
from domain.base.sentences import say
from domain.model.states import State


class MessageReceiver(Protocol):
    """Methods of a workflow that the generated handlers and the interceptor call."""

    def on_signal(self, name: str, raw: RawValue) -> None:
        """Enqueue a command whose sender waits for no answer."""

    def on_update_validator(self, name: str, raw: RawValue) -> None:
        """Refuse an update before it enters the history."""

    async def on_update(self, name: str, raw: RawValue) -> State:
        """Handle a command and return the new state."""

    def on_invalid_signal(self, name: str, refusal: InvalidCommand) -> None:
        """Record a signal that is no valid command as a refused entry."""

    async def on_invalid_start(self, refusal: Refused) -> ApplicationError:
        """Return the error to fail the workflow with, after all pending updates are answered."""


def receiver_of(instance: Any) -> MessageReceiver:  # noqa: ANN401 - the SDK knows a workflow only as an object
    """Return the workflow object, typed as the receiver of messages."""
    receiver: MessageReceiver = instance
    return receiver


def unknown_command(name: str) -> InvalidCommand:
    """Return the refusal of a command that this kind does not have."""
    return InvalidCommand(say("command.unknown_name", command=name[:100]))
