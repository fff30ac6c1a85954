"""Queues of the catalog: their titles, and the kinds of item that robots are offered (Q2)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from pydantic import Field

from domain.base.base_model import StrictModel
from domain.base.values import Kind, Title
from domain.model.definitions import CaseDefinition
from domain.rules.submitting import DEFAULT_QUEUE

DEFAULT_ROBOT_KINDS: Final = frozenset({Kind.ACTION})
"""Kinds that robots are offered in a queue for which the catalog sets none."""


class Queue(StrictModel):
    """Queue: its title, and the kinds of item that robots are offered."""

    title: Title = ""
    robots: Annotated[
        tuple[Annotated[Kind, Field(strict=False)], ...], Field(strict=False, max_length=3)
    ] = tuple(DEFAULT_ROBOT_KINDS)


def robot_kinds(queues: Mapping[str, Queue], name: str) -> frozenset[Kind]:
    """Return the kinds that robots are offered in a queue; Actions if it is not listed."""
    return frozenset(queues[name].robots) if name in queues else DEFAULT_ROBOT_KINDS


def is_known_queue(queues: Mapping[str, Queue], name: str) -> bool:
    """Return True if the catalog lists the queue, or if it is the default queue."""
    return name == DEFAULT_QUEUE or name in queues


def queues_in_definition(definition: CaseDefinition) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the queues that a case definition names, each after the path of its field."""
    if definition.queue is not None:
        yield ("queue",), definition.queue
    for step_index, step in enumerate(definition.steps):
        for action_index, action in enumerate(step.actions):
            if action.queue is not None:
                path = ("steps", str(step_index), "actions", str(action_index), "queue")
                yield path, action.queue
