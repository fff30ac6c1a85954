"""One declaration of a kind's commands; each becomes a signal and an update, written once."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from domain.base.refusals import InvalidCommand, Refused
from domain.base.values import Kind
from domain.model.commands import Command, commands_of
from domain.model.internal_messages import Notice, notices_of
from domain.model.states import State
from workflows.runtime.payload_converter import answer_of

T = TypeVar("T", bound=type)


class Takes(Protocol):
    """What a workflow does with the messages it is sent."""

    def on_signal(self, name: str, raw: RawValue) -> None:
        """Take a command that nobody waits for."""

    def on_check(self, name: str, raw: RawValue) -> None:
        """Refuse an update before anything is written."""

    async def on_update(self, name: str, raw: RawValue) -> State:
        """Take a command and answer with the new state."""

    def on_stray(self, name: str, problem: str) -> None:
        """Keep a signal that is no command as a refused entry."""

    async def on_bad_start(self, refusal: Refused) -> ApplicationError:
        """What to fail with, once whoever waits for an answer has it."""


def taking(instance: Any) -> Takes:  # noqa: ANN401 - the SDK knows a workflow only as an object
    """A workflow object as what takes messages."""
    takes: Takes = instance
    return takes


def accepts(kind: Kind) -> Callable[[T], T]:
    """Give a workflow class the commands and notices of its kind.

    Goes under `@workflow.defn`: above it, it would do nothing, so there it raises.
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
            taking(self).on_signal(name, raw)

        @workflow.update(name=name, description=text)
        async def update(self, raw: RawValue) -> State:
            return await taking(self).on_update(name, raw)

        @update.validator
        def check(self, raw: RawValue) -> None:
            taking(self).on_check(name, raw)

    return Handlers


class Strays:
    """What arrives under any other name: signals become refused entries, updates are answered."""

    @workflow.signal(dynamic=True, description="Any other name: kept as a refused entry")
    def stray_signal(self, name: str, _args: Sequence[RawValue]) -> None:
        """Keep it as refused."""
        taking(self).on_stray(name, f"{name[:100]}: no such command")

    @workflow.update(dynamic=True)
    async def stray_update(self, name: str, _args: Sequence[RawValue]) -> None:
        """Refuse it; never reached, the interceptor does so before."""
        raise answer_of(unknown(name))

    @stray_update.validator
    def stray_check(self, name: str, _args: Sequence[RawValue]) -> None:
        """Refuse it; never called, but without it the interceptor is not asked either."""
        raise answer_of(unknown(name))


def unknown(name: str) -> InvalidCommand:
    """The refusal of a command that this kind does not have."""
    return InvalidCommand(f"{name[:100]}: no such command; `casekeep contract` prints all")
