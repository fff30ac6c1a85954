"""`next` and `robot`: whoever asks a queue is given work."""

import asyncio
import re
import shutil
import signal
import sys
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.options import As, Json

if TYPE_CHECKING:
    from domain.base.values import Kind
    from domain.model.states import State
    from robots.runner import JobResult

INTERRUPTED: Final = 130
_SPAN: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>ms|s|m|h)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}


def _seconds(text: str) -> float:
    """`2s`, `500ms`, `1m`, or a number of seconds."""
    found = _SPAN.fullmatch(text)
    if found is None or float(found["number"]) <= 0:
        raise typer.BadParameter(f"{text!r} is no span of time; write 2s, 500ms or 1m")
    return float(found["number"]) * _SECONDS[found["unit"]]


QueueName = Annotated[str, typer.Option("--queue", metavar="NAME", help="The queue to take from.")]
Poll = Annotated[
    float,
    typer.Option(
        "--poll", metavar="SPAN", parser=_seconds, help="How often an empty queue is looked at."
    ),
]


def next_item(
    queue: QueueName,
    as_: As = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until there is one, instead of saying so.")
    ] = False,
    poll: Poll = "2s",  # type: ignore[assignment]
    json: Json = False,
) -> None:
    """Take the next item of a queue and start it: it is yours, and nobody else is given it."""
    from cli import item_view, terminal
    from cli.context import user

    try:
        state = asyncio.run(_taken(queue, by=as_ or user(), poll=poll if wait else None))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if json:
        terminal.machine(state)
    else:
        terminal.people().print(item_view.card(state, datetime.now().astimezone()))


def robot(
    program: Annotated[
        list[str],
        typer.Argument(
            metavar="-- COMMAND …",
            help="Reads the item's state on its standard input; prints its answer: a JSON object "
            "with outcome (complete, unable_to_complete or reject), reason, note and, for a "
            "Ticket, method.",
        ),
    ],
    *,
    queue: QueueName,
    as_: Annotated[str, typer.Option("--as", metavar="ROBOT", help="Its name, such as ocr-1.")],
    once: Annotated[bool, typer.Option("--once", help="Do one item, then end.")] = False,
    poll: Poll = "2s",  # type: ignore[assignment]
    json: Json = False,
) -> None:
    """Be a robot: have a command do what the queue offers, item after item, until SIGTERM.

    A command that fails, or says nothing that can be read, rejects its item.
    """
    from cli.field_arguments import WrongWords

    if shutil.which(program[0]) is None:
        raise WrongWords(f"{program[0]}: there is no such command; give one behind --")
    name = as_ if as_.startswith("robot:") else f"robot:{as_}"
    asyncio.run(_working(name, queue, program, poll=poll, once=once, json=json))


async def _taken(queue: str, *, by: str, poll: float | None) -> "State":
    from cli.context import open_desk, open_store
    from starter.next_item import NothingThere, take_next

    robots, store, desk = _robots_of(queue), open_store(), await open_desk()
    while True:
        try:
            return await take_next(desk, store, queue, by=by, robots=robots)
        except NothingThere:
            if poll is None:
                raise
        await asyncio.sleep(poll)


async def _working(
    name: str, queue: str, program: list[str], *, poll: float, once: bool, json: bool
) -> None:
    from cli.context import open_desk, open_store
    from robots.runner import Robot, RobotJob

    job = RobotJob(by=name, queue=queue, robots=_robots_of(queue), program=program, poll=poll)
    store, desk = open_store(), await open_desk()
    working = Robot(
        desk,
        store,
        job,
        on_result=_tell_scripts if json else _tell_people,
        on_problem=lambda sentence: typer.echo(f"{name}: {sentence}", err=True),
        on_stderr=_echo,
    )
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, working.stop)
    await working.work(once=once)


def _robots_of(queue: str) -> "Collection[Kind]":
    from catalog.loader import load
    from catalog.queues import robots_of
    from starter.settings import read_settings

    return robots_of(load(read_settings().catalog).queues, queue)


def _tell_people(did: "JobResult") -> None:
    from cli import item_view, terminal

    terminal.people().print(item_view.did(did, datetime.now().astimezone()))


def _tell_scripts(did: "JobResult") -> None:
    typer.echo(did.model_dump_json())


def _echo(said: bytes) -> None:
    sys.stderr.write(said.decode(errors="replace"))
    sys.stderr.flush()
