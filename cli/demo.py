"""`casekeep demo`: play a Case and a Ticket on a real server, and kill their worker half-way."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType
from rich.text import Text

from auth.first_sign_in import sign_in_link
from catalog.loader import SAMPLE_FOLDER
from cli import item_view, terminal
from cli.context import user_name
from cli.demo_narrator import DemoStepFailed, Narrator
from cli.exit_codes import INTERRUPTED
from cli.item_view import render_actor
from cli.up import cancel_on_signals
from devstack.stack import Stack
from devstack.stack_info import ui_page_url
from domain.base.values import Method, Status
from domain.model.starts import CaseStart, TicketStart
from domain.model.states import ActionItemState, CaseState, State
from reconciliation.fsck import Checker
from starter.item_reader import (
    load_state,
    load_timeline,
    read_open_actions,
    wait_for_action_start,
    wait_for_effects,
)
from starter.settings import Settings
from store.engine import open_engine
from store.items.queries import list_inbox

StateTest = Callable[[State], bool]
PAUSE: Final = 0.3
"""Seconds after each line, on a terminal."""
CASE: Final = "INVOICE-1187"
TICKET: Final = "QUESTION-52"
ERP, OCR, MATCHER = "service:erp", "robot:ocr-1", "robot:matcher-2"
AMY, BEN, CARLA = "amy", "ben", "carla"
READ, CHECK, READ_COPY, MATCH, CONFIRM, APPROVE, FILE = (
    f"{CASE}-A{number}" for number in range(1, 8)
)
INVOICE: Final = CaseStart.model_validate_json(
    """{
      "by": "service:erp",
      "short_description": "Invoice 1187 of Brandt Papier GmbH",
      "definition": "supplier-invoice",
      "owner": "amy",
      "primary_contact": {"name": "Rolf Brandt", "email": "rolf@brandt.example"},
      "data": {"amount": 1428.50, "currency": "EUR"},
      "settings": {"feedback_window": "PT3S"}
    }"""
)
QUESTION: Final = TicketStart.model_validate_json(
    """{
      "by": "service:portal",
      "title": "When is invoice 1187 paid?",
      "description": "We sent invoice 1187 three weeks ago and have not heard of it since.",
      "category": "invoice-question",
      "primary_contact": {"name": "Rolf Brandt", "email": "rolf@brandt.example"},
      "requester": {"name": "Rolf Brandt", "email": "rolf@brandt.example"}
    }"""
)
DAYS_TO_WAIT: Final = 0.0001
"""Time that the Ticket waits for an answer: 8.64 seconds."""


async def run_demo(*, keep: bool, as_json: bool) -> int:
    """Play the demo on a server of its own, in a scratch folder; return the exit code.

    Raises DemoStepFailed, with the step and what was seen instead.
    """
    console = terminal.stderr_console() if as_json else terminal.stdout_console()
    folder = Path(tempfile.mkdtemp(prefix="casekeep-demo-"))
    try:
        with cancel_on_signals():
            checked = await _play(folder, console, keep=keep)
    except DemoStepFailed:
        console.print("\nA step of the demo failed.", style="bold red")
        console.print(f"The logs of the server and the worker are in {folder}.")
        raise
    except asyncio.CancelledError:
        console.print("\nStopped half-way.")
        shutil.rmtree(folder)
        return INTERRUPTED
    shutil.rmtree(folder)
    if as_json:
        terminal.print_json({"checked": checked})
    return 0


async def _play(folder: Path, console: Console, *, keep: bool) -> list[str]:
    began = asyncio.get_running_loop().time()
    console.print(Text("A day at the accounts-payable desk", "bold"))
    console.print(
        "Starting a real Temporal server and a worker, in a scratch folder …", style="dim"
    )
    settings = Settings(
        database_url=f"sqlite:///{folder / 'casekeep.db'}",
        catalog=SAMPLE_FOLDER,
        http_listen="127.0.0.1:0",
    )
    async with Stack(folder, temporal_port=0, ui_port=0, web=True, settings=settings) as stack:
        pause = PAUSE if console.is_terminal else 0.0
        demo = Demo(stack, Narrator(console, await stack.desk(), pause))
        for chapter in demo.chapters:
            await chapter()
        seconds = asyncio.get_running_loop().time() - began
        console.print(
            f"\n{len(demo.narrator.checked_steps)} steps were checked in {seconds:.0f} s; "
            "all are as told.",
            style="bold green",
        )
        await demo.print_next_steps(kept=keep)
        if keep:
            with suppress(asyncio.CancelledError):
                await stack.serve()
            console.print("\nStopping.")
    return demo.narrator.checked_steps


class Demo:
    """The demo, a method for each chapter."""

    def __init__(self, stack: Stack, narrator: Narrator) -> None:
        """Play on this stack."""
        self.stack = stack
        self.narrator = narrator
        self.desk = narrator.desk
        self.engine = open_engine(stack.settings.database_url)

    @property
    def chapters(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """Return the chapters in order."""
        return (
            self.receive_invoice,
            self.fail_action,
            self.kill_worker,
            self.settle_invoice,
            self.close_unanswered_ticket,
            self.check_store,
        )

    async def receive_invoice(self) -> None:
        """Start a Case as a service; a robot and a person begin side by side."""
        narrator = self.narrator
        await narrator.say(
            f"Temporal listens on {self.stack.address}, its UI is {self.stack.ui_url}"
        )
        await narrator.say(f"A worker polls: process {self.stack.worker_pid}")
        narrator.chapter("An invoice comes in")
        await self.desk.start(INVOICE, CASE)
        await narrator.say(
            render_actor(ERP),
            " starts the Case ",
            (CASE, "bold"),
            "; ",
            render_actor(AMY),
            " owns it.",
        )
        await narrator.wait_for(CASE, "two Actions are started side by side", _open_in("record", 2))
        await narrator.say(
            "Its first step, Record the invoice, has two Actions side by side: read-scan is for a "
            "robot, check-supplier for a person."
        )
        await self._start_action(OCR, READ)
        await narrator.say(render_actor(OCR), " takes read-scan.")
        await self._start_action(BEN, CHECK)
        await narrator.say(render_actor(BEN), " takes check-supplier.")

    async def fail_action(self) -> None:
        """End an Action unable to complete: the Case needs attention, and its owner acts."""
        narrator = self.narrator
        narrator.chapter("A robot cannot do its part")
        why = "page 2 of the scan is blank"
        await narrator.give_command(
            OCR, READ, "resolve", _closed, outcome="unable_to_complete", reason=why
        )
        await narrator.say(render_actor(OCR), f" is unable to complete read-scan: {why}.")
        case = await narrator.wait_for(
            CASE, "the Case needs attention and is amy's", _needs_attention
        )
        await narrator.say(
            "So the Case needs attention. It is in the inbox of ", render_actor(AMY), ":"
        )
        page = await asyncio.to_thread(list_inbox, self.engine, AMY)
        in_inbox = [item.reference for item in page.items]
        narrator.check("amy's inbox has the Case", holds=in_inbox == [CASE], seen=in_inbox)
        await narrator.show(item_view.render_items(page.items, _now()))
        await narrator.say(
            render_actor(AMY), " opens it and sees its info card, with the ways out:"
        )
        await narrator.show(await self._card(case))
        await narrator.give_command(AMY, CASE, "start_action", _in_progress, action="read-scan")
        await narrator.say(render_actor(AMY), " has got a better scan, and restarts read-scan.")
        await narrator.wait_for(
            CASE, "a second copy of read-scan is started", _open_in("record", 2)
        )
        await self._start_action(OCR, READ_COPY)
        await narrator.say(render_actor(OCR), " takes the second copy, ", (READ_COPY, "bold"), ".")

    async def kill_worker(self) -> None:
        """Kill the worker with both Actions in progress; signals sent until the restart count."""
        narrator = self.narrator
        narrator.chapter("The worker is killed")
        killed = await self.stack.kill_worker()
        await narrator.say(
            (f"kill -9 {killed}", "bold red"), ": the worker is gone, in the middle of it."
        )
        for by, reference in ((OCR, READ_COPY), (BEN, CHECK)):
            handle = self.desk.client.get_workflow_handle(reference)
            await handle.signal("resolve", {"by": by, "outcome": "complete"})
        await narrator.say(
            render_actor(OCR),
            " and ",
            render_actor(BEN),
            " finish now and say so. Temporal keeps their signals.",
        )
        await self.stack.start_worker()
        pid = self.stack.worker_pid
        narrator.check("another worker is there", holds=pid not in {None, killed}, seen=pid)
        await narrator.say("Another worker is started: process ", (f"{pid}", "bold"), ".")
        await narrator.wait_for(CASE, "the Case goes on to its second step", _open_in("verify", 2))
        await narrator.say(
            "Nothing is lost: both signals were waiting, and the Case goes on to its second step, "
            "Verify the invoice."
        )
        entries = list(load_timeline(self.engine, CASE))
        ends = [
            f"{entry.reason} {entry.note}" for entry in entries if entry.command == "action_ended"
        ]
        counts = [sum(reference in end for end in ends) for reference in (READ, CHECK, READ_COPY)]
        narrator.check(
            "the Case recorded each end exactly once", holds=counts == [1, 1, 1], seen=ends
        )
        await narrator.say("It recorded the end of each Action exactly once.")

    async def settle_invoice(self) -> None:
        """Do two more steps; the Case closes when its feedback window is over."""
        narrator = self.narrator
        narrator.chapter("The invoice is settled")
        await self._complete_action(MATCHER, MATCH)
        await self._complete_action(CARLA, CONFIRM)
        await narrator.say(
            render_actor(MATCHER),
            " matches the order; ",
            render_actor(CARLA),
            " confirms that the goods arrived.",
        )
        await narrator.wait_for(CASE, "the Case goes on to its third step", _open_in("settle", 2))
        await self._complete_action(AMY, APPROVE)
        await self._complete_action("robot:archive", FILE)
        await narrator.say(
            render_actor(AMY),
            " approves the payment; ",
            render_actor("robot:archive"),
            " files the invoice.",
        )
        await narrator.wait_for(
            CASE, "the Case is resolved for its feedback window", _is(Status.RESOLVED)
        )
        await narrator.say(
            "All steps are done: the Case is ",
            item_view.render_status(Status.RESOLVED),
            ", for 3 seconds of feedback.",
        )
        case = await narrator.wait_for(CASE, "the Case closes when its window is over", _closed)
        actions = [copy.outcome for copy in case.actions] if isinstance(case, CaseState) else []
        expected = ["unable_to_complete"] + 6 * ["complete"]
        narrator.check("every other Action is complete", holds=actions == expected, seen=actions)
        await narrator.say(
            "Nobody objects: the Case is ", item_view.render_status(Status.CLOSED), "."
        )

    async def close_unanswered_ticket(self) -> None:
        """Let a Ticket wait for an answer that does not come; it closes itself."""
        narrator = self.narrator
        narrator.chapter("Nobody answers a question")
        await self.desk.start(QUESTION, TICKET)
        await narrator.wait_for(
            TICKET, "the Ticket is in its category's queue", _in_queue("accounts-payable")
        )
        await narrator.say(
            render_actor(QUESTION.by),
            " submits the Ticket ",
            (TICKET, "bold"),
            f": {QUESTION.title}",
        )
        await narrator.give_command(
            BEN,
            TICKET,
            "send_email",
            _is(Status.TO_DO),
            to="rolf@brandt.example",
            subject="Which delivery note belongs to invoice 1187?",
        )
        ticket = await narrator.give_command(
            BEN,
            TICKET,
            "wait",
            _is(Status.WAIT),
            type="more_information",
            days_to_wait=DAYS_TO_WAIT,
            close_if_no_response=True,
            waiting_for="Rolf Brandt",
        )
        await narrator.say(
            render_actor(BEN),
            f" asks Rolf Brandt for the delivery note, and waits {DAYS_TO_WAIT} days (8.6 seconds) "
            "for an answer; without one the Ticket is to close.",
        )
        narrator.check(
            "ben owns it, and its due clock stands still",
            holds=ticket.owner == BEN and ticket.clock == "stopped",
            seen=f"owner {ticket.owner}, clock {ticket.clock}",
        )
        async with asyncio.timeout(narrator.timeout):
            await wait_for_effects(self.desk, TICKET, 1)
        before = await self._history_length(TICKET)
        await asyncio.sleep(3)
        grown = await self._history_length(TICKET) - before
        narrator.check("a waiting item writes nothing", holds=grown == 0, seen=f"{grown} events")
        await narrator.say(
            "It is in ",
            item_view.render_status(Status.WAIT),
            ", owned by ",
            render_actor(BEN),
            ". Its due date stands still; in 3 seconds it wrote no history event.",
        )
        await narrator.wait_for(TICKET, "the Ticket closes without an answer", _unanswered)
        await narrator.say(
            "No answer came: the Ticket is ", item_view.render_status(Status.CLOSED), ", by itself."
        )

    async def check_store(self) -> None:
        """Compare the store with the items, and show its rows."""
        narrator = self.narrator
        narrator.chapter("What is left")
        checker = Checker(self.desk.client, self.engine, f"demo-{uuid.uuid4()}")
        differences = [difference async for difference in checker.all()]
        narrator.check("fsck finds nothing", holds=not differences, seen=differences)
        await narrator.say("casekeep fsck compares the store with the items: nothing differs.")
        references = (CASE, *(READ, CHECK, READ_COPY, MATCH, CONFIRM, APPROVE, FILE), TICKET)
        states = await asyncio.to_thread(
            lambda: [load_state(self.engine, reference) for reference in references]
        )
        statuses = {state.status for state in states}
        narrator.check(
            "everything is closed in the store", holds=statuses == {Status.CLOSED}, seen=statuses
        )
        await narrator.say("This is what the store keeps of them:")
        await narrator.show(item_view.render_closed_items(states))

    async def print_next_steps(self, *, kept: bool) -> None:
        """Print the addresses of the work pages and of Temporal's UI."""
        show = self.narrator.console.print
        link = await asyncio.to_thread(
            sign_in_link, self.engine, self.stack.web_url or "", user_name()
        )
        if kept:
            show("\nIt all goes on running until Ctrl-C. Look at")
        else:
            show("\nAll of it stops now; casekeep demo --keep leaves it running. Then look at")
        show(f"  {link}", style="bold", soft_wrap=True)
        show("  the work pages: the link signs you in; search for the Case and the Ticket;")
        show(f"  {ui_page_url(self.stack.ui_url, CASE)}", style="bold")
        show("  the Case: its card and commands, its Actions under Relationships, and in its")
        show("  history the two workers, before and after the kill;")
        show(f"  {self.stack.ui_url}/namespaces/default/workflows", style="bold")
        show("  all items, found by their search attributes.")
        if kept:
            show("In another terminal:")
            for name in ("TEMPORAL_ADDRESS", "CASEKEEP_DATABASE_URL"):
                show(
                    f"  export {name}={self.stack.environment[name]}", style="bold", soft_wrap=True
                )
            show(f"  casekeep timeline {CASE}", style="bold")

    async def _history_length(self, reference: str) -> int:
        handle = self.desk.client.get_workflow_handle(reference)
        return (await handle.describe()).history_length

    async def _card(self, state: State) -> RenderableType:
        of_actions: tuple[ActionItemState, ...] = ()
        if isinstance(state, CaseState):
            of_actions = await read_open_actions(self.desk, state)
        return item_view.render_card(state, _now(), of_actions=of_actions, whole=False)

    async def _start_action(self, by: str, reference: str) -> None:
        async with asyncio.timeout(self.narrator.timeout):
            await wait_for_action_start(self.desk, reference)
        await self.narrator.give_command(by, reference, "start", _held_by(by))

    async def _complete_action(self, by: str, reference: str) -> None:
        await self._start_action(by, reference)
        await self.narrator.give_command(by, reference, "resolve", _closed, outcome="complete")


def _now() -> datetime:
    return datetime.now().astimezone()


def _is(status: Status) -> StateTest:
    return lambda state: state.status is status


def _held_by(actor: str) -> StateTest:
    return lambda state: state.status is Status.IN_PROGRESS and state.assignee == actor


def _in_queue(queue: str) -> StateTest:
    return lambda state: state.status is Status.TO_DO and state.queue == queue


def _open_in(step: str, count: int) -> StateTest:
    return lambda state: (
        isinstance(state, CaseState)
        and state.step == step
        and sum(copy.outcome is None for copy in state.actions) == count
    )


def _needs_attention(state: State) -> bool:
    return bool(state.attention) and state.status is Status.TO_DO and state.assignee == AMY


def _unanswered(state: State) -> bool:
    end = state.resolution
    return _closed(state) and end is not None and end.method == Method.NO_CUSTOMER_RESPONSE


_closed: Final = _is(Status.CLOSED)
_in_progress: Final = _is(Status.IN_PROGRESS)
