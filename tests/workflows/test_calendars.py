"""Calendars of items: the catalog is asked once, and only if a calendar is named."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.model.calendars import Opening, WorkingCalendar
from domain.model.definitions import ItemSettings, ItemTerms
from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    WorkerEnvironment,
    assert_eventually,
    new_environment,
)

ALWAYS: Final = WorkingCalendar(name="always", zone="UTC", week=((Opening(0, 1440),),) * 7)
NEVER_SUMMER: Final = WorkingCalendar(
    name="kathmandu", zone="Asia/Kathmandu", week=((Opening(0, 1440),),) * 7
)
CALENDARS: Final = {each.name: each for each in (ALWAYS, NEVER_SUMMER)}
DUE: Final = {"within": "P1D", "calendar": "kathmandu"}
FLOW: Final[dict[str, Any]] = {
    "name": "errand",
    "steps": [{"key": "only", "actions": [{"key": "run", "due": DUE}]}],
}


@pytest.fixture
async def host(server: WorkflowEnvironment) -> AsyncIterator[WorkerEnvironment]:
    """Start a worker that replays every task and knows two calendars."""
    billing = ItemTerms(settings=ItemSettings(calendar="always"), calendars=(ALWAYS,))
    host = new_environment(server.client)
    async with host.working(categories={"billing": billing}, calendars=CALENDARS):
        yield host


# D1
async def test_a_start_that_names_a_calendar_itself_gets_it(host: WorkerEnvironment) -> None:
    ticket = await host.ticket(settings={"due": DUE})
    state = await ticket.state()
    assert state["due_text"].endswith("Asia/Kathmandu")
    assert (await ticket.events()).count("MARKER_RECORDED") == 1


# D1, K2
async def test_a_case_hands_its_action_the_calendar_of_the_definition_it_was_given(
    host: WorkerEnvironment,
) -> None:
    case = await host.case(FLOW)
    run = await host.item(f"{case.reference}-A1").begun()
    assert (await run.state())["due_text"].endswith("Asia/Kathmandu")
    assert "MARKER_RECORDED" not in await run.events()


async def test_what_names_no_calendar_asks_nothing(host: WorkerEnvironment) -> None:
    case = await host.case(ONE_ACTION_DEFINITION, settings={"due": {"within": "P1D"}})
    await case.do("start_action", action={"title": "Call", "due": {"within": "P1D"}})
    for number in (1, 2):  # begun before the worker stops, which is to tell nothing more
        await host.item(f"{case.reference}-A{number}").begun()
    assert "MARKER_RECORDED" not in await case.events()


# D1
async def test_a_start_that_names_an_unknown_calendar_fails_and_says_which(
    host: WorkerEnvironment,
) -> None:
    wrong = {"by": "service:erp", "short_description": "x", "settings": {"calendar": "lyon"}}
    failed = await host.start("Case", wrong)
    with pytest.raises(WorkflowFailureError) as refused:
        await failed.result()
    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    details = cause.details[0]
    assert (details["rule"], details["fields"]) == ("D1", ["settings.calendar"])
    assert "no calendar named lyon" in cause.message


# D1: by signal, a refused entry
@pytest.mark.parametrize("how", ["update", "signal"])
async def test_a_draft_with_an_unknown_calendar_stays_one_until_it_is_mended(
    host: WorkerEnvironment, how: str
) -> None:
    ticket = await host.ticket(submit=False, settings={"calendar": "lyon"})
    if how == "update":
        refusal = await ticket.refusal("submit")
        assert refusal.type == "NotAllowed"
        assert refusal.details[0].items() >= {"rule": "D1", "fields": ["settings.calendar"]}.items()
    else:
        await ticket.tell("submit")

        async def refused() -> None:
            assert [entry.rule for entry in ticket.entries if entry.refused] == ["D1"]

        await assert_eventually(refused)
    await ticket.do("edit", settings={"calendar": "kathmandu"})
    assert (await ticket.do("submit"))["status"] == "TO_DO"


# D1, K8
@pytest.mark.parametrize("how", ["update", "signal"])
async def test_an_ad_hoc_action_is_due_by_a_calendar_that_its_case_looks_up(
    host: WorkerEnvironment, how: str
) -> None:
    case = await host.case(None)
    give = case.do if how == "update" else case.tell
    for title in ("Call", "Call again"):
        await give("start_action", action={"title": title, "due": DUE})
    for number in (1, 2):
        call = await host.item(f"{case.reference}-A{number}").begun()
        assert (await call.state())["due_text"].endswith("Asia/Kathmandu")
    assert (await case.events()).count("MARKER_RECORDED") == 1
    unknown = {"title": "Call", "due": {"within": "P1D", "calendar": "lyon"}}
    refusal = await case.refusal("start_action", action=unknown)
    assert refusal.details[0].items() >= {"rule": "D1", "fields": ["action.due.calendar"]}.items()
    assert len((await case.state())["actions"]) == 2


# D1: a new run keeps the calendars, also if the catalog has changed
async def test_calendars_outlive_a_renewal_and_the_catalog(
    renewing_server: WorkflowEnvironment,
) -> None:
    host = new_environment(renewing_server.client)
    async with host.working(calendars=CALENDARS):
        ticket = await host.ticket(settings={"due": DUE, "calendar": "always"})
        before = await ticket.state()
    async with host.working():
        first = (await ticket.handle.describe()).run_id
        for number in range(40):
            await ticket.do("add_note", text=f"note {number}")
        assert (await ticket.handle.describe()).run_id != first
        after = await ticket.state()
    assert (after["due_at"], after["due_text"]) == (before["due_at"], before["due_text"])
