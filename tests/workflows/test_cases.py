"""Lives of Cases with their Actions, over days and months, on a server that skips time."""

import json
from datetime import datetime, timedelta

from domain.model.definitions import ItemTerms
from tests.support.workers import (
    ONE_ACTION_DEFINITION,
    TWO_STEP_DEFINITION,
    Fields,
    ItemHandle,
    WorkerEnvironment,
    assert_eventually,
    new_environment,
)
from tests.workflows.conftest import Clock, NoTimeouts

DAY = timedelta(days=1)
WINDOW = {"feedback_window": "P10D"}


async def started_actions(case: ItemHandle, *numbers: int) -> list[ItemHandle]:
    """Return the Case's Actions of these numbers, once they answer."""
    handles = [case.env.item(f"{case.reference}-A{number}") for number in numbers]
    for action in handles:
        await action.begun()
    return handles


async def copies(case: ItemHandle) -> list[tuple[str, int, str, str | None]]:
    """Return key, number, status and outcome of every copy."""
    actions = (await case.state())["actions"]
    return [(copy["key"], copy["copy"], copy["status"], copy["outcome"]) for copy in actions]


async def wait_for_copies(case: ItemHandle, *expected: tuple[str, int, str, str | None]) -> None:
    async def check() -> None:
        assert await copies(case) == list(expected)

    await assert_eventually(check)


async def failed(
    desk: WorkerEnvironment, definition: Fields, **fields: object
) -> tuple[ItemHandle, list[ItemHandle]]:
    """Start a Case of carol's whose first Action failed, and return it with its first Actions."""
    case = await desk.case(definition, owner="carol", **fields)
    actions = await started_actions(case, *range(1, 1 + len(definition["steps"][0]["actions"])))
    await actions[0].do("resolve", by="bob", outcome="unable_to_complete", reason="illegible")
    await case.eventually(assignee="carol")
    return case, actions


async def test_a_case_goes_through_its_steps_over_months(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    case = await desk.case(TWO_STEP_DEFINITION, settings=WINDOW)
    read, match = await started_actions(case, 1, 2)
    assert (await case.state())["step"] == "check"
    assert (await read.state())["case"] == case.reference
    await read.do("start", by="robot:ocr-1")
    await read.do("resolve", by="robot:ocr-1", outcome="complete")
    assert (await read.result())["status"] == "CLOSED"
    await clock.skip(60 * DAY)
    assert await copies(case) == [
        ("read", 1, "CLOSED", "complete"), ("match", 1, "TO_DO", None),
    ]  # fmt: skip
    until = await clock.now() + 30 * DAY
    await match.do("wait", by="bob", type="until", until=until.isoformat())
    await clock.skip(30 * DAY)
    assert (await match.eventually(status="TO_DO"))["assignee"] == "bob"
    await match.do("resolve", by="bob", outcome="complete")
    (transfer,) = await started_actions(case, 3)
    assert (await case.state())["step"] == "pay"  # K4
    await transfer.do("resolve", by="bob", outcome="complete")
    resolved = await case.eventually(status="RESOLVED")
    assert (resolved["resolution"]["outcome"], resolved["step"]) == ("complete", None)
    await clock.skip(10 * DAY)
    assert (await case.result())["status"] == "CLOSED"
    assert case.commands == ["create", *["action_ended"] * 3, "window_over"]  # A4: once each


async def test_an_action_unable_to_complete_calls_for_attention(desk: WorkerEnvironment) -> None:
    settings = {"notify": ["desk@example.org"]}
    case, (read, match) = await failed(desk, TWO_STEP_DEFINITION, settings=settings)
    state = await case.state()
    assert (state["status"], state["new_information"]) == ("TO_DO", True)  # K7
    assert state["attention"] == [{"action": "read", "reason": "illegible"}]
    assert (await read.result())["resolution"]["outcome"] == "unable_to_complete"
    (mail,) = desk.ledger.mails(case.reference)
    assert (mail.to, mail.accounts) == (("desk@example.org",), ("carol",))
    await match.do("resolve", by="bob", outcome="complete")  # running siblings go on
    await wait_for_copies(
        case, ("read", 1, "CLOSED", "unable_to_complete"), ("match", 1, "CLOSED", "complete")
    )
    assert (await case.state())["step"] == "check"


async def test_restarting_a_failed_action_starts_a_copy_and_the_flow_goes_on(
    desk: WorkerEnvironment,
) -> None:
    case, (_, match) = await failed(desk, TWO_STEP_DEFINITION)
    await match.do("resolve", by="bob", outcome="complete")
    assert (await case.do("start_action", by="carol", action="read"))["status"] == "IN_PROGRESS"
    (again,) = await started_actions(case, 3)
    assert (await again.state())["copy"] == 2  # K9
    await again.do("resolve", by="bob", outcome="complete")
    (transfer,) = await started_actions(case, 4)
    await transfer.do("resolve", by="bob", outcome="complete")
    last = await case.result()
    assert (last["status"], last["attention"]) == ("CLOSED", [])


async def test_a_reset_accepts_what_failed_and_goes_on(desk: WorkerEnvironment) -> None:
    case, (_, match) = await failed(desk, TWO_STEP_DEFINITION)
    await match.do("resolve", by="bob", outcome="complete")
    reset = await case.do("reset_in_progress", by="carol")
    assert (reset["status"], reset["assignee"], reset["step"]) == ("IN_PROGRESS", "carol", "pay")
    await started_actions(case, 3)  # K9


async def test_rework_ends_what_runs_and_starts_copies(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    case = await desk.case(TWO_STEP_DEFINITION)
    read, match = await started_actions(case, 1, 2)
    await read.do("resolve", by="bob", outcome="complete")
    await clock.skip(DAY)
    reworked = await case.do("rework", by="carol", step="check", reason="another invoice")
    assert (reworked["status"], reworked["assignee"]) == ("IN_PROGRESS", "carol")
    ended = await match.result()  # K10
    assert (ended["status"], ended["cancelled"]) == ("CLOSED", True)
    assert ended["resolution"]["reason"] == "rework"
    await started_actions(case, 3, 4)
    assert await copies(case) == [
        ("read", 1, "CLOSED", "complete"), ("match", 1, "CLOSED", "cancelled"),
        ("read", 2, "TO_DO", None), ("match", 2, "TO_DO", None),
    ]  # fmt: skip


async def test_the_late_report_of_a_replaced_copy_changes_nothing(desk: WorkerEnvironment) -> None:
    case = await desk.case(ONE_ACTION_DEFINITION)
    (run,) = await started_actions(case, 1)
    await case.do("rework", by="carol", step="only")
    await started_actions(case, 2)
    await run.result()
    before = await case.state()
    report = {"case_run": before["run"], "reference": run.reference, "outcome": "complete"}
    await case.tell("action_ended", by="bob", command_id="late", **report)
    after = await case.eventually(revision=before["revision"] + 1)
    moved = {"revision", "changed_at"}
    assert {name for name in after if after[name] != before[name]} == moved  # K10
    assert "nothing changes" in (case.entries[-1].reason or "")


async def test_rework_and_an_end_at_the_same_time_leave_one_truth(desk: WorkerEnvironment) -> None:
    case = await desk.case(ONE_ACTION_DEFINITION)
    (run,) = await started_actions(case, 1)
    await run.tell("resolve", by="bob", outcome="complete")
    await case.tell("rework", by="carol", step="only")
    assert (await run.result())["status"] == "CLOSED"
    last = await case.handle.describe()
    if last.close_time is None:  # the rework came first
        (again,) = await started_actions(case, 2)
        await again.do("resolve", by="bob", outcome="complete")
    assert (await case.result())["resolution"]["outcome"] == "complete"


async def test_cancelling_a_case_ends_its_actions(desk: WorkerEnvironment) -> None:
    case = await desk.case(TWO_STEP_DEFINITION, settings=WINDOW)
    actions = await started_actions(case, 1, 2)
    await case.do("cancel", reason="not our invoice")
    last = await case.result()  # K12: at once, no window
    assert (last["status"], last["cancelled"]) == ("CLOSED", True)
    assert {copy["outcome"] for copy in last["actions"]} == {"cancelled"}
    for action in actions:
        ended = await action.result()
        assert (ended["resolution"]["outcome"], ended["resolution"]["by"]) == ("cancelled", "amy")


async def test_no_action_starts_while_the_case_waits(desk: WorkerEnvironment, clock: Clock) -> None:
    case = await desk.case(TWO_STEP_DEFINITION)
    read, match = await started_actions(case, 1, 2)
    until = await clock.now() + 20 * DAY
    await case.do("wait", by="carol", type="until", until=until.isoformat())
    for action in (read, match):
        await action.do("resolve", by="bob", outcome="complete")
    await clock.skip(10 * DAY)
    waiting = await case.state()
    assert (waiting["status"], waiting["step"], len(waiting["actions"])) == ("WAIT", "check", 2)
    await clock.skip(10 * DAY)
    await started_actions(case, 3)  # K5
    assert (await case.state())["step"] == "pay"


async def test_a_failure_ends_a_wait_but_no_pause(desk: WorkerEnvironment, clock: Clock) -> None:
    paused = await desk.case(ONE_ACTION_DEFINITION)
    waiting = await desk.case(ONE_ACTION_DEFINITION)
    await paused.do("wait", by="carol", type="pause")
    until = (await clock.now() + 20 * DAY).isoformat()
    await waiting.do("wait", by="carol", type="until", until=until)
    for case in (paused, waiting):
        (run,) = await started_actions(case, 1)
        await run.do("resolve", by="bob", outcome="unable_to_complete", reason="closed road")
    assert (await waiting.eventually(status="TO_DO"))["assignee"] == "carol"
    assert (await paused.eventually(new_information=True))["status"] == "WAIT"
    for case in (paused, waiting):
        assert len((await case.state())["attention"]) == 1  # K7
    await clock.skip(40 * DAY)
    assert (await paused.state())["status"] == "WAIT"
    assert waiting.commands == ["create", "wait", "action_ended"]


async def test_a_case_due_while_its_action_waits_tells_its_owner(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    settings = {"due": {"within": "P5D"}}
    case = await desk.case(ONE_ACTION_DEFINITION, owner="carol", settings=settings)
    (run,) = await started_actions(case, 1)
    await run.do("wait", by="bob", type="more_information")
    await clock.skip(6 * DAY)

    async def check() -> None:
        assert case.commands == ["create", "overdue"]

    await assert_eventually(check)
    assert [mail.accounts for mail in desk.ledger.mails(case.reference)] == [("carol",)]


async def test_an_actions_due_date_is_its_own(desk: WorkerEnvironment, clock: Clock) -> None:
    action = {"key": "run", "due": {"within": "P3D"}}
    case = await desk.case({"name": "errand", "steps": [{"key": "only", "actions": [action]}]})
    (run,) = await started_actions(case, 1)
    started_at = datetime.fromisoformat((await run.state())["started_at"])
    await clock.skip(4 * DAY)

    async def check() -> None:
        assert run.commands == ["create", "overdue"]

    await assert_eventually(check)
    assert run.entries[-1].at - started_at == 3 * DAY
    assert case.commands == ["create"]


async def test_an_ad_hoc_action_belongs_to_the_step_under_way(desk: WorkerEnvironment) -> None:
    case = await desk.case(ONE_ACTION_DEFINITION)
    await case.do("start_action", action={"title": "Call the supplier", "queue": "phones"})
    run, call = await started_actions(case, 1, 2)
    assert (await call.state())["queue"] == "phones"
    await run.do("resolve", by="bob", outcome="complete")
    await wait_for_copies(case, ("run", 1, "CLOSED", "complete"), ("ad-hoc-1", 1, "TO_DO", None))
    await call.do("resolve", by="bob", outcome="complete")
    assert (await case.result())["status"] == "CLOSED"  # K4: no window was set


async def test_a_case_with_nothing_to_do_is_done_at_once(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    case = await desk.case({"name": "empty", "steps": [{"key": "none"}]}, settings=WINDOW)
    assert (await case.state())["status"] == "RESOLVED"
    await clock.skip(10 * DAY)
    assert (await case.result())["status"] == "CLOSED"


async def test_a_reopened_case_starts_nothing_by_itself(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    case = await desk.case(ONE_ACTION_DEFINITION, settings=WINDOW, owner="carol")
    (run,) = await started_actions(case, 1)
    await run.do("resolve", by="bob", outcome="complete")
    await case.eventually(status="RESOLVED")
    await case.do("reopen", by="carol")
    await clock.skip(30 * DAY)
    assert len(await copies(case)) == 1  # K4
    await case.do("rework", by="carol", step="only")
    (again,) = await started_actions(case, 2)
    await again.do("resolve", by="bob", outcome="complete")
    await case.eventually(status="RESOLVED")
    await clock.skip(10 * DAY)
    assert (await case.result())["status"] == "CLOSED"


async def test_the_definition_is_pinned_from_the_catalog_at_submit(clock: Clock) -> None:
    desk = new_environment(clock.env.client, NoTimeouts())
    errand = ItemTerms.model_validate_json(json.dumps({"definition": ONE_ACTION_DEFINITION}))
    invoice = ItemTerms.model_validate_json(json.dumps({"definition": TWO_STEP_DEFINITION}))
    async with desk.working(definitions={"errand": errand}):
        case = await desk.case("errand", submit=False)
        await case.do("submit")
        (run,) = await started_actions(case, 1)
    async with desk.working(definitions={"errand": invoice}):  # K2
        await run.do("resolve", by="bob", outcome="complete")
        assert (await case.result())["status"] == "CLOSED"
