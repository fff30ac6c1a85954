"""Schedules: read from the catalog, and created in Temporal (K1)."""

import asyncio
import shutil
from pathlib import Path

import pytest
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleSpec,
)
from temporalio.client import Schedule as TemporalSchedule
from temporalio.service import RPCError

from catalog.files import CatalogInvalid
from catalog.loader import SAMPLE_FOLDER, load_catalog
from devstack.stack import Stack
from starter.schedules import SCHEDULE_ID_PREFIX
from tests.cli.conftest import CommandRunner, run_command

ERRAND = "name: errand\nsteps:\n  - key: only\n    actions:\n      - key: run\n"
MONTHLY = """\
{name}:
  definition: errand
  short_description: Close the month
  cron: 0 7 1 * *
  zone: Europe/Paris
  owner: amy
  queue: accounts
  data: {{month: last}}
"""


def write_schedules(folder: Path, schedules: str) -> Path:
    (folder / "cases").mkdir(parents=True, exist_ok=True)
    (folder / "cases/errand.yaml").write_text(ERRAND)
    (folder / "schedules.yaml").write_text(schedules)
    return folder


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("definition: erand", "2: a.definition: no case definition erand; there are errand"),
        ("cron: 0 7 1 *", "4: a.cron: must have five fields"),
        ("cron: 61 7 1 * *", "4: a.cron: is no moment of any year"),
        ("cron: 0 7 31 2 *", "4: a.cron: is no moment of any year"),
        ("cron: 0 7 30 2 1", "4: a.cron: is no moment of any year"),
        ("cron: 0 7 L * *", "4: a.cron: must have five fields"),
        ("cron: 0 7 15W * *", "4: a.cron: must have five fields"),
        ("cron: 0 7 * * 5#2", "4: a.cron: must have five fields"),
        ("cron: '@monthly'", "4: a.cron: must have five fields"),
        ("zone: Mars/Olympus", "5: a.zone: no time zone Mars/Olympus"),
        ("owner: robot:ocr-1", "6: a.owner: must be a person"),
        ("data: 5", "8: a.data: must be a mapping of fields"),
        ("short_description: ' '", "3: a.short_description: is blank"),
    ],
)
def test_a_problem_of_a_schedule_is_told_with_its_line_and_field(
    tmp_path: Path, changed: str, told: str
) -> None:
    field = changed.partition(":")[0]
    lines = MONTHLY.format(name="a").splitlines()
    text = "\n".join(f"  {changed}" if line.startswith(f"  {field}:") else line for line in lines)
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(write_schedules(tmp_path, text))
    assert str(refused.value).startswith(f"{tmp_path}/schedules.yaml:{told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:\n  definition: errand\n  short_description: x\n", "1: a.cron: give either cron or"),
        (
            "a:\n  definition: errand\n  short_description: x\n  every: PT1H\n  zone: UTC\n",
            "1: a: zone: goes with cron",
        ),
        (
            "a:\n  definition: errand\n  short_description: x\n  every: PT1S\n",
            "4: a.every: must be a minute or longer",
        ),
        ("a b:\n  definition: errand\n", "1: a b: begins its Cases' references"),
        ("close-A1:\n  definition: errand\n", "1: close-A1: begins its Cases' references"),
        ("- a\n", "1: must be a mapping of schedule names"),
        ("a: 5\n", "1: a: must be a mapping of fields"),
        (MONTHLY.format(name="a") * 2, "9: a: is there twice; leave one out"),
    ],
)
def test_a_problem_of_the_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(write_schedules(tmp_path, text))
    assert str(refused.value).startswith(f"{tmp_path}/schedules.yaml:{told}")


def test_a_definition_that_cannot_be_read_is_not_told_to_be_missing(tmp_path: Path) -> None:
    write_schedules(tmp_path, MONTHLY.format(name="a"))
    (tmp_path / "cases/errand.yaml").write_text("name: errand\n")
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(tmp_path)
    assert str(refused.value) == f"{tmp_path}/cases/errand.yaml:1: steps: is required"


def test_no_schedules_are_an_empty_file(tmp_path: Path) -> None:
    assert load_catalog(write_schedules(tmp_path, "# none yet\n")).schedules == {}


def test_catalog_check_shows_the_schedules(tmp_path: Path) -> None:
    ran = run_command(
        "catalog", "check", str(write_schedules(tmp_path, MONTHLY.format(name="month-end")))
    )
    assert "month-end" in ran.out
    assert "0 7 1 * * (Europe/Paris)" in ran.out


async def apply_catalog(shell: CommandRunner, folder: Path, *words: str) -> dict[str, str]:
    ran = await shell.run_checked("catalog", "apply", str(folder), "--json", *words)
    return {one["name"]: one["step"] for one in ran.json["schedules"]}


async def wait_for_first_start(handle: ScheduleHandle) -> str:
    """Wait until the schedule has started an item; return its workflow id."""
    while not (recent := (await handle.describe()).info.recent_actions):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    action = recent[0].action
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    return action.workflow_id


# K1
async def test_a_schedule_starts_cases_whose_reference_has_its_moment(
    shell: CommandRunner, client: Client, tmp_path: Path
) -> None:
    shutil.copytree(SAMPLE_FOLDER, tmp_path, dirs_exist_ok=True)  # the one that the worker knows
    schedule = MONTHLY.format(name="k1").replace("errand", "new-starter")
    schedule = schedule.replace("queue: accounts", "queue: facilities")
    assert await apply_catalog(shell, write_schedules(tmp_path, schedule)) == {"k1": "created"}
    handle = client.get_schedule_handle(f"{SCHEDULE_ID_PREFIX}k1")
    await handle.trigger()
    reference = await wait_for_first_start(handle)
    seen = (await shell.run_checked("show", reference, "--json")).json
    assert reference.startswith("k1-20")
    assert reference.endswith("Z")
    assert seen["started_by"] == "schedule"
    assert seen["created_by"] == "service:schedule"
    assert (seen["status"], seen["title"]) == ("TO_DO", "Close the month")
    assert (seen["owner"], seen["queue"]) == ("amy", "facilities")
    assert (seen["definition"], seen["data"]) == ("new-starter", {"month": "last"})
    action = seen["actions"][0]["reference"]
    assert action == f"{reference}-A1"
    await shell.run_checked("do", action, "resolve", "outcome=complete")
    await apply_catalog(shell, write_schedules(tmp_path, ""))


# K1
async def test_applying_again_changes_nothing_and_what_is_gone_is_removed(
    shell: CommandRunner, client: Client, tmp_path: Path
) -> None:
    both = MONTHLY.format(name="one") + MONTHLY.format(name="two")
    folder = write_schedules(tmp_path, both)
    assert await apply_catalog(shell, folder, "--dry-run") == {"one": "created", "two": "created"}
    assert await apply_catalog(shell, folder) == {"one": "created", "two": "created"}
    assert await apply_catalog(shell, folder) == {"one": "unchanged", "two": "unchanged"}
    write_schedules(tmp_path, MONTHLY.format(name="one").replace("0 7 1", "0 8 1"))
    await wait_until_listed(client, "one", "two")
    assert await apply_catalog(shell, folder, "--dry-run") == {"one": "updated", "two": "removed"}
    assert await apply_catalog(shell, folder) == {"one": "updated", "two": "removed"}
    spec = (await client.get_schedule_handle(f"{SCHEDULE_ID_PREFIX}one").describe()).schedule.spec
    assert [hour.start for hour in spec.calendars[0].hour] == [8]
    assert spec.time_zone_name == "Europe/Paris"
    with pytest.raises(RPCError, match="not found"):
        await client.get_schedule_handle(f"{SCHEDULE_ID_PREFIX}two").describe()
    assert await apply_catalog(shell, write_schedules(tmp_path, "")) == {"one": "removed"}
    assert await apply_catalog(shell, folder) == {}


async def wait_until_listed(client: Client, *names: str) -> None:
    """Wait until the server's list, which lags behind, has these."""
    wanted = {f"{SCHEDULE_ID_PREFIX}{name}" for name in names}
    while wanted - {one.id async for one in await client.list_schedules()}:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def test_a_schedule_that_somebody_paused_stays_so_unless_the_catalog_says(
    shell: CommandRunner, client: Client, tmp_path: Path
) -> None:
    folder = write_schedules(tmp_path, MONTHLY.format(name="still"))
    await apply_catalog(shell, folder)
    handle = client.get_schedule_handle(f"{SCHEDULE_ID_PREFIX}still")
    await handle.pause(note="holidays")
    assert await apply_catalog(shell, folder) == {"still": "unchanged"}
    write_schedules(tmp_path, MONTHLY.format(name="still").replace("0 7", "0 8"))
    assert await apply_catalog(shell, folder) == {"still": "updated"}
    assert (await handle.describe()).schedule.state.paused
    assert (await handle.describe()).schedule.state.note == "holidays"
    write_schedules(
        tmp_path, MONTHLY.format(name="still").replace("0 7", "0 8") + "  paused: false\n"
    )
    assert await apply_catalog(shell, folder) == {"still": "updated"}
    assert not (await handle.describe()).schedule.state.paused
    assert await apply_catalog(shell, folder) == {"still": "unchanged"}
    await apply_catalog(shell, write_schedules(tmp_path, ""))


# K1, T1: any Schedule starts items, not only those of the catalog
async def test_a_schedule_that_somebody_made_by_hand_starts_a_ticket(
    shell: CommandRunner, client: Client, stack: Stack
) -> None:
    person = {"email": "ida@example.org"}
    start = {
        "by": "service:timer",
        "started_by": "schedule",
        "title": "Check the fire doors",
        "description": "As every month.",
        "category": "facilities",
        "primary_contact": person,
        "requester": person,
    }
    by_hand = TemporalSchedule(
        action=ScheduleActionStartWorkflow(
            "Ticket", start, id="doors", task_queue=stack.settings.task_queue
        ),
        spec=ScheduleSpec(cron_expressions=["0 0 1 1 *"]),
    )
    handle = await client.create_schedule("doors", by_hand, trigger_immediately=True)
    reference = await wait_for_first_start(handle)
    seen = (await shell.run_checked("show", reference, "--json")).json
    assert (seen["status"], seen["started_by"]) == ("TO_DO", "schedule")
    assert (await shell.run_checked("do", reference, "start", "--json")).json[
        "status"
    ] == "IN_PROGRESS"
    await handle.delete()


@pytest.mark.parametrize(
    "cron",
    [
        "*/7 * * * *",
        "5/10 0 */2 */3 *",
        "0-30/5 8,9 1-7 * 1",
        "0 0 * JAN-MAR SUN-TUE",
        "0 0 1 jan mon,7",
        "0  0 29 2 *",
    ],
)
async def test_what_the_catalog_takes_for_cron_the_server_takes_too(
    shell: CommandRunner, client: Client, tmp_path: Path, cron: str
) -> None:
    entry = MONTHLY.format(name="cron").replace("0 7 1 * *", f'"{cron}"')
    assert await apply_catalog(shell, write_schedules(tmp_path, entry)) == {"cron": "created"}
    handle = client.get_schedule_handle(f"{SCHEDULE_ID_PREFIX}cron")
    assert (await handle.describe()).info.next_action_times
    await handle.delete()


async def test_schedules_of_others_are_left_alone_and_their_names_refused(
    shell: CommandRunner, client: Client, tmp_path: Path
) -> None:
    foreign = TemporalSchedule(
        action=ScheduleActionStartWorkflow("Other", id="other", task_queue="other"),
        spec=ScheduleSpec(cron_expressions=["0 0 1 1 *"]),
    )
    await client.create_schedule(f"{SCHEDULE_ID_PREFIX}other", foreign)
    await wait_until_listed(client, "other")
    both = MONTHLY.format(name="mine") + MONTHLY.format(name="other")
    ran = await shell("catalog", "apply", str(write_schedules(tmp_path, both)))
    assert ran.code == 1
    assert "schedule other: Temporal's schedule casekeep-other is not of this desk" in ran.err
    assert await apply_catalog(shell, write_schedules(tmp_path, "")) == {}
    await client.get_schedule_handle(f"{SCHEDULE_ID_PREFIX}other").delete()


async def test_a_catalog_with_a_problem_is_not_applied_at_all(
    shell: CommandRunner, client: Client, tmp_path: Path
) -> None:
    bad = MONTHLY.format(name="good") + MONTHLY.format(name="bad").replace("0 7", "61 7")
    ran = await shell("catalog", "apply", str(write_schedules(tmp_path, bad)))
    assert ran.code == 1
    assert "schedules.yaml:12: bad.cron" in ran.err
    with pytest.raises(RPCError, match="not found"):
        await client.get_schedule_handle(f"{SCHEDULE_ID_PREFIX}good").describe()


async def test_what_was_applied_is_told_to_people(shell: CommandRunner, tmp_path: Path) -> None:
    folder = write_schedules(tmp_path, MONTHLY.format(name="told"))
    assert (
        "would be created"
        in (await shell.run_checked("catalog", "apply", str(folder), "--dry-run")).out
    )
    assert "created" in (await shell.run_checked("catalog", "apply", str(folder))).out
    assert "unchanged" in (await shell.run_checked("catalog", "apply", str(folder))).out
    await apply_catalog(shell, write_schedules(tmp_path, ""))
    assert "no schedules" in (await shell.run_checked("catalog", "apply", str(folder))).out
