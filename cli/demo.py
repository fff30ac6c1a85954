"""`casekeep demo`: a Case and a Ticket live on a real server, and their worker dies half-way."""

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
from catalog.loader import SAMPLE
from cli import item_view, terminal
from cli.context import user
from cli.demo_narrator import Narrator, NotAsTold
from cli.item_view import actor
from cli.up import cancelled_by_signals
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
from store.engine import engine_of
from store.items.queries import inbox

Holds = Callable[[State], bool]
INTERRUPTED: Final = 130
BEAT: Final = 0.3
"""Seconds a line is given to be read, on a terminal."""
CASE: Final = "INVOICE-1187"
TICKET: Final = "QUESTION-52"
ERP, OCR, MATCHER = "service:erp", "robot:ocr-1", "robot:matcher-2"
AMY, BEN, CARLA = "amy", "ben", "carla"
READ, CHECK, AGAIN, MATCH, CONFIRM, APPROVE, FILE = (f"{CASE}-A{number}" for number in range(1, 8))
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
"""How long the Ticket waits for an answer: 8.64 seconds."""


async def tell(*, keep: bool, as_json: bool) -> int:
    """Play the story on a server of its own, in a scratch folder; the exit code.

    Raises NotAsTold, which names the step and what was seen instead.
    """
    console = terminal.aside() if as_json else terminal.people()
    folder = Path(tempfile.mkdtemp(prefix="casekeep-demo-"))
    try:
        with cancelled_by_signals():
            checked = await _play(folder, console, keep=keep)
    except NotAsTold:
        console.print("\nThis is not how it goes.", style="bold red")
        console.print(f"The logs of the server and the worker are in {folder}.")
        raise
    except asyncio.CancelledError:
        console.print("\nStopped half-way.")
        shutil.rmtree(folder)
        return INTERRUPTED
    shutil.rmtree(folder)
    if as_json:
        terminal.machine({"checked": checked})
    return 0


async def _play(folder: Path, console: Console, *, keep: bool) -> list[str]:
    began = asyncio.get_running_loop().time()
    console.print(Text("A day at the accounts-payable desk", "bold"))
    console.print(
        "Starting a real Temporal server and a worker, in a scratch folder …", style="dim"
    )
    settings = Settings(
        database_url=f"sqlite:///{folder / 'casekeep.db'}",
        catalog=SAMPLE,
        http_listen="127.0.0.1:0",
    )
    async with Stack(folder, temporal_port=0, ui_port=0, web=True, settings=settings) as stack:
        beat = BEAT if console.is_terminal else 0.0
        story = Story(stack, Narrator(console, await stack.desk(), beat))
        for chapter in story.chapters:
            await chapter()
        seconds = asyncio.get_running_loop().time() - began
        console.print(
            f"\n{len(story.tells.checked)} steps were checked in {seconds:.0f} s; all are as told.",
            style="bold green",
        )
        await story.says_what_to_look_at(kept=keep)
        if keep:
            with suppress(asyncio.CancelledError):
                await stack.serve()
            console.print("\nStopping.")
    return story.tells.checked


class Story:
    """The story, a chapter a method."""

    def __init__(self, stack: Stack, narrator: Narrator) -> None:
        """Tell it of this stack."""
        self.stack = stack
        self.tells = narrator
        self.desk = narrator.desk
        self.engine = engine_of(stack.settings.database_url)

    @property
    def chapters(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """The chapters, in order."""
        return (
            self.an_invoice_comes_in,
            self.a_robot_cannot_do_its_part,
            self.the_worker_is_killed,
            self.the_invoice_is_settled,
            self.nobody_answers_a_question,
            self.what_is_left,
        )

    async def an_invoice_comes_in(self) -> None:
        """A service starts a Case; a robot and a person begin side by side."""
        tells = self.tells
        await tells.says(f"Temporal listens on {self.stack.address}, its UI is {self.stack.ui_url}")
        await tells.says(f"A worker polls: process {self.stack.worker_pid}")
        tells.chapter("An invoice comes in")
        await self.desk.start(INVOICE, CASE)
        await tells.says(
            actor(ERP), " starts the Case ", (CASE, "bold"), "; ", actor(AMY), " owns it."
        )
        await tells.sees(CASE, "two Actions are started side by side", _open_in("record", 2))
        await tells.says(
            "Its first step, Record the invoice, has two Actions side by side: read-scan is for a "
            "robot, check-supplier for a person."
        )
        await self._taken(OCR, READ)
        await tells.says(actor(OCR), " takes read-scan.")
        await self._taken(BEN, CHECK)
        await tells.says(actor(BEN), " takes check-supplier.")

    async def a_robot_cannot_do_its_part(self) -> None:
        """An Action ends unable to complete: the Case needs attention, and its owner acts."""
        tells = self.tells
        tells.chapter("A robot cannot do its part")
        why = "page 2 of the scan is blank"
        await tells.does(OCR, READ, "resolve", _closed, outcome="unable_to_complete", reason=why)
        await tells.says(actor(OCR), f" is unable to complete read-scan: {why}.")
        case = await tells.sees(CASE, "the Case needs attention and is amy's", _needs_attention)
        await tells.says("So the Case needs attention. It is in the inbox of ", actor(AMY), ":")
        page = await asyncio.to_thread(inbox, self.engine, AMY)
        in_inbox = [one.reference for one in page.items]
        tells.check("amy's inbox has the Case", holds=in_inbox == [CASE], seen=in_inbox)
        await tells.shows(item_view.listing(page.items, _now()))
        await tells.says(actor(AMY), " opens it and sees its info card, with the ways out:")
        await tells.shows(await self._card(case))
        await tells.does(AMY, CASE, "start_action", _in_progress, action="read-scan")
        await tells.says(actor(AMY), " has got a better scan, and restarts read-scan.")
        await tells.sees(CASE, "a second copy of read-scan is started", _open_in("record", 2))
        await self._taken(OCR, AGAIN)
        await tells.says(actor(OCR), " takes the second copy, ", (AGAIN, "bold"), ".")

    async def the_worker_is_killed(self) -> None:
        """SIGKILL with both Actions in progress; what is said meanwhile is not lost."""
        tells = self.tells
        tells.chapter("The worker is killed")
        killed = await self.stack.kill_worker()
        await tells.says(
            (f"kill -9 {killed}", "bold red"), ": the worker is gone, in the middle of it."
        )
        for by, reference in ((OCR, AGAIN), (BEN, CHECK)):
            handle = self.desk.client.get_workflow_handle(reference)
            await handle.signal("resolve", {"by": by, "outcome": "complete"})
        await tells.says(
            actor(OCR), " and ", actor(BEN), " finish now and say so. Temporal keeps their signals."
        )
        await self.stack.start_worker()
        pid = self.stack.worker_pid
        tells.check("another worker is there", holds=pid not in {None, killed}, seen=pid)
        await tells.says("Another worker is started: process ", (f"{pid}", "bold"), ".")
        await tells.sees(CASE, "the Case goes on to its second step", _open_in("verify", 2))
        await tells.says(
            "Nothing is lost: both signals were waiting, and the Case goes on to its second step, "
            "Verify the invoice."
        )
        entries = list(load_timeline(self.engine, CASE))
        heard = [
            f"{entry.reason} {entry.note}" for entry in entries if entry.command == "action_ended"
        ]
        once = [sum(reference in one for one in heard) for reference in (READ, CHECK, AGAIN)]
        tells.check("the Case heard of each end exactly once", holds=once == [1, 1, 1], seen=heard)
        await tells.says("It heard of the end of each Action exactly once.")

    async def the_invoice_is_settled(self) -> None:
        """Two more steps, and the Case closes when its feedback window is over."""
        tells = self.tells
        tells.chapter("The invoice is settled")
        await self._done(MATCHER, MATCH)
        await self._done(CARLA, CONFIRM)
        await tells.says(
            actor(MATCHER),
            " matches the order; ",
            actor(CARLA),
            " confirms that the goods arrived.",
        )
        await tells.sees(CASE, "the Case goes on to its third step", _open_in("settle", 2))
        await self._done(AMY, APPROVE)
        await self._done("robot:archive", FILE)
        await tells.says(
            actor(AMY), " approves the payment; ", actor("robot:archive"), " files the invoice."
        )
        await tells.sees(CASE, "the Case is resolved for its feedback window", _is(Status.RESOLVED))
        await tells.says(
            "All steps are done: the Case is ",
            item_view.status(Status.RESOLVED),
            ", for 3 seconds of feedback.",
        )
        case = await tells.sees(CASE, "the Case closes when its window is over", _closed)
        actions = [copy.outcome for copy in case.actions] if isinstance(case, CaseState) else []
        expected = ["unable_to_complete"] + 6 * ["complete"]
        tells.check("every other Action is complete", holds=actions == expected, seen=actions)
        await tells.says("Nobody objects: the Case is ", item_view.status(Status.CLOSED), ".")

    async def nobody_answers_a_question(self) -> None:
        """A Ticket waits for its recipient, and closes itself for want of an answer."""
        tells = self.tells
        tells.chapter("Nobody answers a question")
        await self.desk.start(QUESTION, TICKET)
        await tells.sees(
            TICKET, "the Ticket is in its category's queue", _in_queue("accounts-payable")
        )
        await tells.says(
            actor(QUESTION.by), " hands in the Ticket ", (TICKET, "bold"), f": {QUESTION.title}"
        )
        await tells.does(
            BEN,
            TICKET,
            "send_email",
            _is(Status.TO_DO),
            to="rolf@brandt.example",
            subject="Which delivery note belongs to invoice 1187?",
        )
        ticket = await tells.does(
            BEN,
            TICKET,
            "wait",
            _is(Status.WAIT),
            type="more_information",
            days_to_wait=DAYS_TO_WAIT,
            close_if_no_response=True,
            waiting_for="Rolf Brandt",
        )
        await tells.says(
            actor(BEN),
            f" asks Rolf Brandt for the delivery note, and waits {DAYS_TO_WAIT} days (8.6 seconds) "
            "for an answer; without one the Ticket is to close.",
        )
        tells.check(
            "ben owns it, and its due clock stands still",
            holds=ticket.owner == BEN and ticket.clock == "stopped",
            seen=f"owner {ticket.owner}, clock {ticket.clock}",
        )
        async with asyncio.timeout(tells.within):
            await wait_for_effects(self.desk, TICKET, 1)
        before = await self._history_length(TICKET)
        await asyncio.sleep(3)
        grown = await self._history_length(TICKET) - before
        tells.check("a waiting item writes nothing", holds=grown == 0, seen=f"{grown} events")
        await tells.says(
            "It is in ",
            item_view.status(Status.WAIT),
            ", owned by ",
            actor(BEN),
            ". Its due date stands still; in 3 seconds it wrote no history event.",
        )
        await tells.sees(TICKET, "the Ticket closes for want of an answer", _unanswered)
        await tells.says(
            "No answer came: the Ticket is ", item_view.status(Status.CLOSED), ", by itself."
        )

    async def what_is_left(self) -> None:
        """The store agrees with the items; what it keeps of them."""
        tells = self.tells
        tells.chapter("What is left")
        checker = Checker(self.desk.client, self.engine, f"demo-{uuid.uuid4()}")
        differences = [difference async for difference in checker.all()]
        tells.check("fsck finds nothing", holds=not differences, seen=differences)
        await tells.says("casekeep fsck compares the store with the items: nothing differs.")
        references = (CASE, *(READ, CHECK, AGAIN, MATCH, CONFIRM, APPROVE, FILE), TICKET)
        states = await asyncio.to_thread(
            lambda: [load_state(self.engine, reference) for reference in references]
        )
        ends = {state.status for state in states}
        tells.check("everything is closed in the store", holds=ends == {Status.CLOSED}, seen=ends)
        await tells.says("This is what the store keeps of them:")
        await tells.shows(item_view.endings(states))

    async def says_what_to_look_at(self, *, kept: bool) -> None:
        """Name the work pages and Temporal's UI, and what they show."""
        show = self.tells.console.print
        link = await asyncio.to_thread(sign_in_link, self.engine, self.stack.web_url or "", user())
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
            show("In another terminal, the shell:")
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
        return item_view.card(state, _now(), of_actions=of_actions, whole=False)

    async def _taken(self, by: str, reference: str) -> None:
        async with asyncio.timeout(self.tells.within):
            await wait_for_action_start(self.desk, reference)
        await self.tells.does(by, reference, "start", _held_by(by))

    async def _done(self, by: str, reference: str) -> None:
        await self._taken(by, reference)
        await self.tells.does(by, reference, "resolve", _closed, outcome="complete")


def _now() -> datetime:
    return datetime.now().astimezone()


def _is(status: Status) -> Holds:
    return lambda state: state.status is status


def _held_by(actor: str) -> Holds:
    return lambda state: state.status is Status.IN_PROGRESS and state.assignee == actor


def _in_queue(queue: str) -> Holds:
    return lambda state: state.status is Status.TO_DO and state.queue == queue


def _open_in(step: str, count: int) -> Holds:
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
