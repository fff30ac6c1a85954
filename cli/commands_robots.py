"""`next` and `robot`: take work from a queue, as a person or as a robot."""

import asyncio
import re
import shutil
import signal
import sys
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.exit_codes import INTERRUPTED
from cli.options import ActorOption, JsonOption

if TYPE_CHECKING:
    from domain.base.values import Kind
    from domain.model.states import State
    from robots.runner import JobResult

_DURATION: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>ms|s|m|h)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0}


def _parse_seconds(text: str) -> float:
    """Return the seconds of `2s`, `500ms`, `1m`, or of a bare number."""
    match = _DURATION.fullmatch(text)
    if match is None or float(match["number"]) <= 0:
        raise typer.BadParameter(f"{text!r} is no duration; write 2s, 500ms or 1m")
    return float(match["number"]) * _SECONDS[match["unit"]]


QueueName = Annotated[str, typer.Option("--queue", metavar="NAME", help="The queue to take from.")]
Poll = Annotated[
    float,
    typer.Option(
        "--poll",
        metavar="SPAN",
        parser=_parse_seconds,
        help="Interval of looking at an empty queue.",
    ),
]


def next_item(
    queue: QueueName,
    as_: ActorOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until there is one.")] = False,
    poll: Poll = "2s",  # type: ignore[assignment]
    json: JsonOption = False,
) -> None:
    """Take the next item of a queue and start it: nobody else is given the same one."""
    from cli import item_view, terminal
    from cli.context import user_name

    try:
        state = asyncio.run(_take_next(queue, by=as_ or user_name(), poll=poll if wait else None))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if json:
        terminal.print_json(state)
    else:
        terminal.stdout_console().print(item_view.render_card(state, datetime.now().astimezone()))


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
    json: JsonOption = False,
) -> None:
    """Run a robot: a command does what the queue offers, item after item, until SIGTERM.

    A command that fails, or prints no readable answer, rejects its item.
    """
    from cli.field_arguments import InvalidArgument

    if shutil.which(program[0]) is None:
        raise InvalidArgument(f"{program[0]}: there is no such command; give one behind --")
    name = as_ if as_.startswith("robot:") else f"robot:{as_}"
    asyncio.run(_run_robot(name, queue, program, poll=poll, once=once, json=json))


async def _take_next(queue: str, *, by: str, poll: float | None) -> "State":
    from cli.context import open_client, open_store
    from starter.next_item import QueueEmpty, take_next

    robots, store, client = _robot_kinds(queue), open_store(), await open_client()
    while True:
        try:
            return await take_next(client, store, queue, by=by, robots=robots)
        except QueueEmpty:
            if poll is None:
                raise
        await asyncio.sleep(poll)


async def _run_robot(
    name: str, queue: str, program: list[str], *, poll: float, once: bool, json: bool
) -> None:
    from cli.context import open_client, open_store
    from robots.runner import Robot, RobotJob

    job = RobotJob(by=name, queue=queue, robots=_robot_kinds(queue), program=program, poll=poll)
    store, client = open_store(), await open_client()
    runner = Robot(
        client,
        store,
        job,
        on_result=_print_json_line if json else _print_result,
        on_problem=lambda sentence: typer.echo(f"{name}: {sentence}", err=True),
        on_stderr=_echo_to_stderr,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, runner.stop)
    await runner.work(once=once)


def _robot_kinds(queue: str) -> "Collection[Kind]":
    from catalog.loader import load_catalog
    from catalog.queues import robot_kinds
    from starter.settings import read_settings

    return robot_kinds(load_catalog(read_settings().catalog).queues, queue)


def _print_result(result: "JobResult") -> None:
    from cli import item_view, terminal

    terminal.stdout_console().print(
        item_view.render_robot_result(result, datetime.now().astimezone())
    )


def _print_json_line(result: "JobResult") -> None:
    typer.echo(result.model_dump_json())


def _echo_to_stderr(output: bytes) -> None:
    sys.stderr.write(output.decode(errors="replace"))
    sys.stderr.flush()
