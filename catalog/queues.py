"""Queues as the catalog lists them: what they are called, and what they allow robots (Q2)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from pydantic import Field

from domain.base.base_model import Defined
from domain.base.values import Kind, Title
from domain.model.definitions import CaseDefinition
from domain.rules.submitting import DEFAULT_QUEUE

ROBOTS_DO: Final = frozenset({Kind.ACTION})
"""What a queue allows robots, unless the catalog says otherwise."""


class Queue(Defined):
    """A queue: a title for people, and the kinds of item that robots are offered."""

    title: Title = ""
    robots: Annotated[
        tuple[Annotated[Kind, Field(strict=False)], ...], Field(strict=False, max_length=3)
    ] = tuple(ROBOTS_DO)


def robots_of(queues: Mapping[str, Queue], name: str) -> frozenset[Kind]:
    """The kinds that a queue allows robots; one that is not listed: Actions."""
    return frozenset(queues[name].robots) if name in queues else ROBOTS_DO


def is_listed(queues: Mapping[str, Queue], name: str) -> bool:
    """Whether items may wait there; the queue of those that name none is always there."""
    return name == DEFAULT_QUEUE or name in queues


def named_in(definition: CaseDefinition) -> Iterator[tuple[tuple[str, ...], str]]:
    """The queues that a case definition names, each with the path of the field that does."""
    if definition.queue is not None:
        yield ("queue",), definition.queue
    for number, step in enumerate(definition.steps):
        for place, action in enumerate(step.actions):
            if action.queue is not None:
                yield ("steps", str(number), "actions", str(place), "queue"), action.queue
