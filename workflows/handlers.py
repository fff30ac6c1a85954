"""Signal and update handlers, generated from the commands that a kind declares."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from domain.base.refusals import InvalidCommand, Refused
from domain.base.sentences import say
from domain.base.values import Kind
from domain.model.commands import Command, commands_of
from domain.model.internal_messages import Notice, notices_of
from domain.model.states import State
from workflows.runtime.payload_converter import application_error

T = TypeVar("T", bound=type)


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


def accepts(kind: Kind) -> Callable[[T], T]:
    """Add the handlers of a kind's commands and notices to a workflow class.

    Must stand under `@workflow.defn`, which collects the handlers; raises TypeError above it.
    """

    def install(cls: T) -> T:
        if hasattr(cls, "__temporal_workflow_definition"):
            msg = f"@accepts on {cls.__name__} must stand under @workflow.defn"
            raise TypeError(msg)
        models: Iterable[type[Command]] = (*commands_of(kind).values(), *notices_of(kind).values())
        for model in models:
            handlers = vars(_handlers(model))
            setattr(cls, f"signal_{model.name}", handlers["signal"])
            if not issubclass(model, Notice):
                setattr(cls, f"update_{model.name}", handlers["update"])
        return cls

    return install


def _handlers(model: type[Command]) -> type:
    name, text = model.name, " ".join((model.__doc__ or "").split())

    class Handlers:  # `self` stays bare: annotated, the SDK counts it as an argument
        @workflow.signal(name=name, description=text)
        def signal(self, raw: RawValue) -> None:
            receiver_of(self).on_signal(name, raw)

        @workflow.update(name=name, description=text)
        async def update(self, raw: RawValue) -> State:
            return await receiver_of(self).on_update(name, raw)

        @update.validator
        def check(self, raw: RawValue) -> None:
            receiver_of(self).on_update_validator(name, raw)

    return Handlers


class DynamicHandlers:
    """Handlers of unknown names: a signal becomes a refused entry, an update is refused."""

    @workflow.signal(dynamic=True, description="Any other name: kept as a refused entry")
    def dynamic_signal(self, name: str, _args: Sequence[RawValue]) -> None:
        """Record a refused entry."""
        receiver_of(self).on_invalid_signal(
            name, InvalidCommand(say("command.stray", command=name[:100]))
        )

    @workflow.update(dynamic=True)
    async def dynamic_update(self, name: str, _args: Sequence[RawValue]) -> None:
        """Refuse the update; never reached, because the interceptor refuses it before."""
        raise application_error(unknown_command(name))

    @dynamic_update.validator
    def validate_dynamic_update(self, name: str, _args: Sequence[RawValue]) -> None:
        """Refuse the update; the SDK calls the interceptor only if this validator exists."""
        raise application_error(unknown_command(name))


def unknown_command(name: str) -> InvalidCommand:
    """Return the refusal of a command that this kind does not have."""
    return InvalidCommand(say("command.unknown_name", command=name[:100]))
