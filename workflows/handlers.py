"""Signal and update handlers, generated from the commands that a kind declares."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RawValue

from domain.base.refusals import InvalidCommand
from domain.base.sentences import say
from domain.base.values import Kind
from domain.model.commands import Command, commands_of
from domain.model.internal_messages import InternalMessage, internal_messages_of
from domain.model.states import State
from workflows.runtime.message_receiver import receiver_of, unknown_command
from workflows.runtime.payload_converter import application_error

T = TypeVar("T", bound=type)


def accepts(kind: Kind) -> Callable[[T], T]:
    """Add the handlers of a kind's commands and notices to a workflow class.

    Must stand under `@workflow.defn`, which collects the handlers; raises TypeError above it.
    """

    def install(cls: T) -> T:
        if hasattr(cls, "__temporal_workflow_definition"):
            msg = f"@accepts on {cls.__name__} must stand under @workflow.defn"
            raise TypeError(msg)
        models: Iterable[type[Command]] = (
            *commands_of(kind).values(),
            *internal_messages_of(kind).values(),
        )
        for model in models:
            handlers = vars(_handlers(model))
            setattr(cls, f"signal_{model.name}", handlers["signal"])
            if not issubclass(model, InternalMessage):
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
