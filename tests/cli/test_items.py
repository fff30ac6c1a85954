"""Commands about one item on a running stack."""

import asyncio
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from temporalio.client import Client

from catalog.loader import SAMPLE_FOLDER
from devstack.stack import Stack
from domain.base.refusals import CommandIdReused, HeldByAnother
from domain.base.rules import Rule
from domain.base.sentences import noun_of, say
from domain.base.values import Kind, Status
from domain.model.starts import CaseStart
from starter import item_reader
from starter.client import CasekeepClient, UnknownItem
from starter.references import new_reference
from tests.cli.conftest import CommandRunner, RunResult
from tests.support.workers import assert_eventually

pytestmark = pytest.mark.xdist_group("starter-desk")

COMPLETE = (
    *("new", "ticket", "When is invoice 4711 paid?", "--description", "We wait for it."),
    *("--category", "invoice-question", "--primary-contact", "Ida Berg <ida@example.org>"),
    *("--requester", "ida@example.org", "--submit"),
)


async def create_ticket(shell: CommandRunner, *more: str) -> str:
    reference: str = (await shell.run_checked(*COMPLETE, *more, "--json")).json["reference"]
    return reference


async def create_case(shell: CommandRunner, *more: str) -> str:
    ran = await shell.run_checked(
        *("new", "case", "Invoice 4711", "--definition", "supplier-invoice", "--submit"),
        *(*more, "--json"),
    )
    reference: str = ran.json["reference"]
    return reference


async def test_a_ticket_starts_as_a_draft_and_says_what_comes_next(shell: CommandRunner) -> None:
    ran = await shell.run_checked("new", "ticket", "Where is it?", "--as", "amy")
    reference = ran.out.split()[0]
    assert ran.out.splitlines()[0] == f"{reference}  Draft: amy has it"
    assert f"next: casekeep do {reference} submit" in ran.out


async def test_every_option_reaches_the_ticket(shell: CommandRunner) -> None:
    ran = await shell.run_checked(
        *COMPLETE,
        *("--queue", "second", "--started-by", "schedule", "--link", "document=D-1"),
        *("--setting", "feedback_window=PT1H", "--setting", "due.within=P1D"),
        *("--as", "service:portal", "--json"),
    )
    state = ran.json
    assert state["reference"].startswith("T-")
    assert state["description"] == "We wait for it."
    assert state["category"] == "invoice-question"
    assert state["primary_contact"] == {"name": "Ida Berg", "email": "ida@example.org"}
    assert state["requester"] == {"name": None, "email": "ida@example.org"}
    assert (state["queue"], state["started_by"]) == ("second", "schedule")
    assert state["created_by"] == "service:portal"
    assert state["links"] == [{"kind": "document", "reference": "D-1"}]
    assert state["due_at"] is not None
    assert (state["status"], ran.err) == ("TO_DO", "")


async def test_every_option_reaches_the_case(shell: CommandRunner) -> None:
    ran = await shell.run_checked(
        *(
            "new",
            "case",
            "Ida comes",
            "--definition",
            str(SAMPLE_FOLDER / "cases" / "new-starter.yaml"),
        ),
        *("--data", "floor=3", "--data", "name=Ida", "--owner", "amy", "--draft", "--json"),
    )
    state = ran.json
    assert state["definition"] == "new-starter"
    assert state["data"] == {"floor": 3, "name": "Ida"}
    assert (state["owner"], state["status"]) == ("amy", "DRAFT")
    whole = await shell.run_checked("new", "case", "x", "--data", '{"a": [1]}', "--json")
    assert whole.json["data"] == {"a": [1]}


async def test_the_title_may_be_given_as_an_option_but_not_twice(shell: CommandRunner) -> None:
    ticket = await shell.run_checked("new", "ticket", "--title", "x", "--json")
    case = await shell.run_checked("new", "case", "--short-description", "x", "--json")
    assert (ticket.json["title"], case.json["title"]) == ("x", "x")
    twice = await shell("new", "ticket", "x", "--title", "y")
    assert (twice.code, twice.err) == (2, "title is given twice; leave one out\n")


async def test_the_catalog_speaks_for_its_categories(shell: CommandRunner) -> None:
    state = (await shell.run_checked("show", await create_ticket(shell), "--json")).json
    assert state["queue"] == "accounts-payable"
    assert state["due_at"] is not None
    assert state["due_text"].endswith("Europe/Paris")


# D1
async def test_a_calendar_that_the_catalog_does_not_have_is_refused_with_the_way_out(
    shell: CommandRunner,
) -> None:
    given = ("--as", "service:erp", "--setting", "due.within=P1D", "--setting")
    known = await shell.run_checked("new", "case", "x", *given, "due.calendar=support", "--json")
    assert known.json["due_text"].endswith("Europe/Paris")
    unknown = await shell("new", "case", "x", *given, "due.calendar=lyon")
    assert unknown.code == 1
    assert "no calendar named lyon; `casekeep catalog check` lists" in unknown.err


async def test_starting_under_ones_own_reference_twice_is_once(shell: CommandRunner) -> None:
    reference = new_reference(Kind.TICKET)
    first = (await shell.run_checked(*COMPLETE, "--reference", reference, "--json")).json
    again = (await shell.run_checked(*COMPLETE, "--reference", reference, "--json")).json
    assert again == first


async def test_a_start_that_lacks_fields_is_refused_with_all_of_them(shell: CommandRunner) -> None:
    ran = await shell("new", "ticket", "x", "--submit", "--json")
    assert ran.code == 1
    assert ran.json["refused"]["fields"] == [
        *("description", "category", "primary_contact", "requester")
    ]
    assert "(rule T2)" in ran.err


async def test_an_unknown_definition_is_refused(shell: CommandRunner) -> None:
    ran = await shell("new", "case", "x", "--definition", "no-such", "--submit")
    assert (ran.code, ran.out) == (1, "")
    assert "no case definition named no-such" in ran.err


async def test_a_definition_file_with_a_problem_is_refused_with_its_line(
    shell: CommandRunner, tmp_path: Path
) -> None:
    ran = await shell("new", "case", "x", "--definition", f"{tmp_path}/none.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert "none.yaml:1: cannot be read" in ran.err


async def test_a_command_answers_with_what_it_led_to(shell: CommandRunner) -> None:
    reference = await create_ticket(shell)
    ran = await shell.run_checked("do", reference, "start", "--as", "bob")
    assert ran.out.split() == [reference, "To", "Do", "→", "In", "Progress:", "bob", "has", "it"]
    again = await shell.run_checked("do", reference, "start", CASEKEEP_ACTOR="bob")
    assert "nothing to change" in again.out


async def test_words_become_the_fields_of_the_command(shell: CommandRunner) -> None:
    reference = await create_ticket(shell)
    ran = await shell.run_checked(
        *("do", reference, "wait", "type=more_information", "days_to_wait=2"),
        *("close_if_no_response=true", "waiting_for=Ida Berg", "--as", "bob", "--json"),
    )
    wait = ran.json["wait"]
    assert wait["days_to_wait"] == 2
    assert wait["close_if_no_response"] is True
    assert wait["waiting_for"] == "Ida Berg"
    assert ran.json["owner"] == "bob"


async def test_a_refusal_exits_1_with_the_sentence_and_the_rule(shell: CommandRunner) -> None:
    reference = await create_ticket(shell)
    await shell.run_checked("do", reference, "start", "--as", "bob")
    ran = await shell("do", reference, "start", "--as", "eve", "--json")
    assert ran.code == 1
    assert ran.json["refused"]["type"] == "NotAllowed"
    assert ran.json["refused"]["rule"] == "C8"
    assert "assigned to bob" in ran.err
    assert ran.err.rstrip().endswith("(rule C8)")


async def test_a_malformed_command_exits_1_and_a_stale_revision_too(shell: CommandRunner) -> None:
    reference = await create_ticket(shell)
    malformed = await shell("do", reference, "wait", "type=rest", "--json")
    assert (malformed.code, malformed.json["refused"]["type"]) == (1, "InvalidCommand")
    stale = await shell("do", reference, "start", "expected_revision=7", "--json")
    assert (stale.code, stale.json["refused"]["type"]) == (1, "Conflict")


async def test_an_unknown_command_or_field_exits_2_with_what_there_is(shell: CommandRunner) -> None:
    reference = await create_ticket(shell)
    command = await shell("do", reference, "wiat")
    assert (command.code, command.out) == (2, "")
    assert (
        "a Ticket has no command wiat (did you mean wait?); there are submit, edit" in command.err
    )
    field = await shell("do", reference, "wait", "typ=pause")
    assert (field.code, field.out) == (2, "")
    assert "there is no field typ (did you mean type?)" in field.err


async def test_without_a_command_those_of_the_items_kind_are_listed(shell: CommandRunner) -> None:
    ran = await shell("do", await create_case(shell))
    assert (ran.code, ran.out) == (2, "")
    assert "reset_in_progress" in ran.err
    assert "send_and_resolve" not in ran.err


@pytest.mark.parametrize("words", [("show",), ("timeline",), ("do",)], ids=" ".join)
async def test_an_unknown_item_is_said_to_be_unknown(
    shell: CommandRunner, words: tuple[str, ...]
) -> None:
    ran = await shell(*words, "T-NOBODY", *(["start"] if words == ("do",) else []))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "no item T-NOBODY: check the reference\n"


async def test_a_closed_item_refuses_and_is_still_shown(shell: CommandRunner) -> None:
    reference = await create_ticket(shell, "--setting", "feedback_window=PT0S")
    await shell.run_checked("do", reference, "resolve", "method=rejected", "note=no")
    ran = await shell("do", reference, "start")
    assert ran.code == 1
    assert "mail to it starts a new item" in ran.err
    assert "(rule C15)" in ran.err
    assert "Closed: rejected by" in (await shell.run_checked("show", reference)).out


async def test_show_tells_of_a_case_with_its_actions_as_they_are(shell: CommandRunner) -> None:
    reference = await create_case(shell, "--owner", "amy")
    await shell.run_checked("do", f"{reference}-A1", "start", "--as", "robot:ocr-1")
    out = (await shell.run_checked("show", reference)).out
    assert "record, open: read-scan, check-supplier" in out
    assert "robot:ocr-1" in out
    assert "queue accounts-payable" in out


async def test_an_action_that_is_being_started_is_waited_for(stack: Stack) -> None:
    reference, desk = new_reference(Kind.CASE), await stack.desk()
    start = CaseStart(by="service:erp", short_description="x", definition="new-starter")
    await desk.start(start, reference)
    first = await item_reader.read_state(desk, f"{reference}-A1")
    assert (first.reference, first.status) == (f"{reference}-A1", Status.TO_DO)
    assert await item_reader.wait_for_action_start(desk, f"{reference}-A2")
    for unknown in (f"{reference}-A9", "T-NOBODY-A1", "T-NOBODY"):
        with pytest.raises(UnknownItem):
            await item_reader.read_state(desk, unknown)


async def test_a_case_that_needs_attention_is_led_out_of_it_by_the_shell(
    shell: CommandRunner,
) -> None:
    reference = await create_case(shell, "--owner", "amy")
    resolve = ("resolve", "outcome=unable_to_complete", "reason=no scan", "--as", "robot:ocr-1")
    await shell.run_checked("do", f"{reference}-A1", *resolve)
    await wait_for_output(lambda: shell.run_checked("show", reference), "needs attention")
    inbox = await shell.run_checked("inbox", "amy")
    assert reference in inbox.out
    way_out = f"casekeep do {reference} start_action action=read-scan"
    assert way_out in (await shell.run_checked("show", reference)).out
    done = await shell.run_checked(*way_out.split()[1:], "--as", "amy")
    assert "→ In Progress" in done.out


async def test_a_terminated_item_is_shown_with_a_warning(
    shell: CommandRunner, client: Client
) -> None:
    reference = await create_ticket(shell)
    await client.get_workflow_handle(reference).terminate()
    ran = await shell.run_checked("show", reference)
    assert "It was terminated in Temporal" in ran.err


async def test_what_temporal_has_forgotten_the_store_still_shows(
    shell: CommandRunner, stack: Stack
) -> None:
    closed = await create_ticket(shell, "--setting", "feedback_window=PT0S")
    await shell.run_checked("do", closed, "resolve", "method=rejected", "note=no")
    reference = only_in_store(stack, closed)
    shown = await shell.run_checked("show", reference)
    assert "Closed: rejected by" in shown.out
    assert "Temporal has forgotten it" in shown.err
    assert (await shell.run_checked("show", reference, "--json")).json["status"] == "CLOSED"
    assert "resolve" in (await shell.run_checked("timeline", reference)).out
    refused = await shell("do", reference, "start")
    assert refused.code == 1
    assert "is closed: cannot start" in refused.err


async def test_the_timeline_comes_whole_from_the_store(shell: CommandRunner) -> None:
    reference = await create_ticket(shell)
    await shell.run_checked("do", reference, "add_note", "text=the long note", "--as", "bob")
    ran = await shell.run_checked("timeline", reference)
    assert "the long note" in ran.out
    entries = (await shell.run_checked("timeline", reference, "--json")).json["entries"]
    assert [(entry["revision"], entry["command"]) for entry in entries] == [
        *((1, "create"), (2, "add_note"))
    ]


async def test_without_the_store_the_timeline_comes_from_the_item(
    shell: CommandRunner, tmp_path: Path
) -> None:
    reference = await create_ticket(shell)
    elsewhere = {"CASEKEEP_DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    with_store = await shell.run_checked("timeline", reference, "--json")
    without = await shell.run_checked("timeline", reference, "--json", **elsewhere)
    assert without.json == with_store.json
    assert (await shell("show", "T-NOBODY", **elsewhere)).err.startswith("no item T-NOBODY")


async def test_a_timeline_of_many_pages_is_told_whole(
    shell: CommandRunner, stack: Stack, tmp_path: Path
) -> None:
    reference, desk = await create_ticket(shell), await stack.desk()
    handle = desk.client.get_workflow_handle(reference)
    for number in range(220):
        await handle.signal("add_note", {"by": "amy", "text": f"note {number}"})

    async def check() -> None:
        assert (await desk.state(reference))["revision"] == 221

    await assert_eventually(check, within=30)
    whole = (await shell.run_checked("timeline", reference, "--json")).json["entries"]
    assert [entry["revision"] for entry in whole] == list(range(1, 222))
    elsewhere = {"CASEKEEP_DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    carried = (await shell.run_checked("timeline", reference, "--json", **elsewhere)).json[
        "entries"
    ]
    assert carried == whole[-len(carried) :]
    assert len(carried) >= 200


async def test_lists_show_what_they_are_asked_for(shell: CommandRunner) -> None:
    reference = await create_ticket(shell, "--queue", "lists")
    assert reference in (await shell.run_checked("queue", "lists")).out
    await shell.run_checked("do", reference, "assign", "to=lisa", "--as", "amy")
    assert "Nothing waits in the queue lists." in (await shell.run_checked("queue", "lists")).out
    assert reference in (await shell.run_checked("inbox", "lisa")).out
    assert reference in (await shell.run_checked("inbox", "--as", "lisa")).out
    await shell.run_checked("do", reference, "wait", "type=until", "until=+2d", "--as", "lisa")
    owned = await shell.run_checked("owned", "lisa")
    assert reference in owned.out
    assert "until" in owned.out
    assert (await shell.run_checked("inbox", "lisa")).out == "The inbox of lisa is empty.\n"
    assert "owns nothing" in (await shell.run_checked("owned", "nobody")).out


async def test_a_long_list_says_that_there_is_more_and_scripts_page_through_it(
    shell: CommandRunner,
) -> None:
    references = [await create_ticket(shell, "--queue", "long") for _ in range(3)]
    first = await shell.run_checked("queue", "long", "--limit", "2")
    assert "There are more" in first.err
    page = (await shell.run_checked("queue", "long", "--limit", "2", "--json")).json
    rest = (await shell.run_checked("queue", "long", "--cursor", page["cursor"], "--json")).json
    found = [item["reference"] for item in page["items"] + rest["items"]]
    assert found == references
    assert rest["cursor"] is None
    wrong = await shell("queue", "long", "--cursor", "nonsense")
    assert wrong.code == 2


async def test_search_finds_items_by_what_they_say(shell: CommandRunner) -> None:
    reference = await create_ticket(shell)
    await shell.run_checked("do", reference, "add_note", "text=the zeppelin was late")
    found = await shell.run_checked("search", "zeppelin", "late")
    assert reference in found.out
    assert "zeppelin" in found.out
    assert (await shell.run_checked("search", "zeppelin", "--json")).json["found"][0]["item"][
        "reference"
    ] == reference
    assert (await shell.run_checked("search", "xylophone")).out == "Nothing has xylophone.\n"


async def test_fsck_is_silent_when_nothing_differs_and_tells_what_it_mends(
    shell: CommandRunner, stack: Stack
) -> None:
    reference = await create_ticket(shell)
    silent = await wait_for_output(lambda: shell.run_checked("fsck"), "agrees with every open item")
    assert silent.out == ""
    with sqlite3.connect(stack.folder / "casekeep.db") as database:
        database.execute("DELETE FROM item WHERE reference = ?", (reference,))
    database.close()
    mended = await shell.run_checked("fsck", "--json")
    assert [one["reference"] for one in mended.json["differences"]] == [reference]
    assert mended.err == ""
    assert reference in (await shell.run_checked("queue", "accounts-payable", "--limit", "500")).out
    assert (await shell.run_checked("fsck")).out == ""


async def test_fsck_tells_people_what_differed(shell: CommandRunner, stack: Stack) -> None:
    reference = await create_ticket(shell)
    with sqlite3.connect(stack.folder / "casekeep.db") as database:
        database.execute("DELETE FROM item WHERE reference = ?", (reference,))
    database.close()
    assert f"{reference}  no row" in (await shell.run_checked("fsck")).out


async def test_waiting_tells_every_change_until_the_item_is_closed(
    shell: CommandRunner, stack: Stack
) -> None:
    reference, desk = new_reference(Kind.TICKET), await stack.desk()
    window = ("--setting", "feedback_window=PT1S")
    waiting = asyncio.create_task(
        shell.run_checked(*COMPLETE, *window, "--reference", reference, "--wait")
    )
    await wait_until_started(desk, reference)
    await desk.execute(reference, "start", {"by": "bob"})
    await desk.execute(reference, "resolve", {"by": "bob", "method": "rejected", "note": "no"})
    ran = await waiting
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"{reference}  ")
    assert lines[-1] == f"{reference}  Closed: rejected by bob"
    told = [line.split()[1:] for line in ran.err.splitlines() if ":" in line]
    assert told == [
        ["bob", "start", "To", "Do", "→", "In", "Progress"],
        ["bob", "resolve", "In", "Progress", "→", "Resolved"],
        ["system", "window", "over", "Resolved", "→", "Closed"],
    ]


async def test_waiting_for_a_case_prints_its_last_state_for_scripts(
    shell: CommandRunner, stack: Stack
) -> None:
    reference, desk = new_reference(Kind.CASE), await stack.desk()
    waiting = asyncio.create_task(
        shell.run_checked(
            *("new", "case", "x", "--definition", "new-starter", "--submit", "--wait"),
            *("--reference", reference, "--json"),
        )
    )
    await wait_until_started(desk, reference)
    await desk.execute(reference, "start", {"by": "bob"})
    await desk.execute(reference, "cancel", {"by": "bob"})
    ran = await waiting
    assert (ran.json["status"], ran.json["cancelled"]) == ("CLOSED", True)
    assert "cancel  In Progress → Closed" in ran.err


async def test_who_stops_waiting_is_told_that_the_item_goes_on(shell: CommandRunner) -> None:
    reference = new_reference(Kind.CASE)
    waiting = await shell.start_process(
        "new", "case", "x", "--submit", "--reference", reference, "--wait"
    )
    assert waiting.stdout is not None
    await waiting.stdout.readuntil(b"next: ")
    ending = asyncio.create_task(waiting.communicate())
    while not ending.done():  # as a person does who sees nothing happen
        waiting.send_signal(signal.SIGINT)
        await asyncio.wait({ending}, timeout=15)
    _, err = await ending
    assert waiting.returncode == 130
    assert f"{reference} goes on without you" in err.decode()
    assert (await shell.run_checked("show", reference, "--json")).json["status"] == "TO_DO"


async def test_a_refusal_comes_back_as_the_class_that_the_item_raised(
    shell: CommandRunner, stack: Stack
) -> None:
    reference, desk = (
        (await shell.run_checked(*COMPLETE, "--json")).json["reference"],
        await stack.desk(),
    )
    await desk.execute(reference, "start", {"by": "bob", "command_id": "once"})
    with pytest.raises(HeldByAnother) as held:
        await desk.execute(reference, "start", {"by": "amy"})
    assert held.value.rule is Rule.C8
    assert held.value.wording == say(
        "assignment.held_by_another",
        item=noun_of(Kind.TICKET, reference),
        assignee="bob",
        actor="amy",
        command="start",
    )
    with pytest.raises(CommandIdReused):
        await desk.execute(reference, "start", {"by": "amy", "command_id": "once"})


async def test_waiting_for_an_item_that_was_terminated_says_so(
    shell: CommandRunner, stack: Stack
) -> None:
    reference, desk = new_reference(Kind.TICKET), await stack.desk()
    waiting = asyncio.create_task(shell(*COMPLETE, "--reference", reference, "--wait", "--json"))
    await wait_until_started(desk, reference)
    await desk.client.get_workflow_handle(reference).terminate()
    ran = await waiting
    assert (ran.code, ran.json["refused"]["type"]) == (1, "ItemTerminated")
    assert "was ended in Temporal" in ran.err


async def wait_until_started(desk: CasekeepClient, reference: str) -> None:
    """Wait until the item answers."""

    async def check() -> None:
        try:
            await desk.state(reference)
        except UnknownItem:
            raise AssertionError from None

    await assert_eventually(check, every=0.1)


async def wait_for_output(ask: Callable[[], Awaitable[RunResult]], text: str) -> RunResult:
    """Repeat a command until its output has the text."""
    answers: list[RunResult] = []

    async def check() -> None:
        answers.append(await ask())
        assert text in answers[-1].out + answers[-1].err

    await assert_eventually(check, every=0.2)
    return answers[-1]


def only_in_store(stack: Stack, reference: str) -> str:
    """Copy an item in the store to a reference that Temporal never had, as after its retention.

    Its server takes half a minute to delete a workflow.
    """
    kept = new_reference(Kind.TICKET)
    with sqlite3.connect(stack.folder / "casekeep.db") as database:
        for table in ("entry", "note", "item"):
            database.execute(
                f"UPDATE {table} SET reference = ? WHERE reference = ?",  # noqa: S608
                (kept, reference),
            )
        database.execute(
            "UPDATE item SET state = replace(state, ?, ?) WHERE reference = ?",
            (reference, kept, kept),
        )
    database.close()
    return kept
