"""Queues and robots through the API, on a real server."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support.api_fixture import Api, random_reference, running_api
from tests.support.process_stack import assert_eventually

pytestmark = pytest.mark.xdist_group("api-robots")
LEASED = {"lease": "PT5M"}


@pytest_asyncio.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with running_api(tmp_path_factory.mktemp("robots")) as served:
        yield served


async def robot(desk: httpx.AsyncClient) -> list[str]:
    """Work as a robot until nothing waits and return the references worked on."""
    log: list[str] = []
    while True:
        taken = await desk.post("/robots/take", json={"queues": ["robots"]})
        taken.raise_for_status()
        if taken.status_code == 204:
            return log
        item = taken.json()
        path = f"/robots/items/{item['reference']}"
        lease = {"lease": item["lease"]["token"]} if item["lease"] else {}
        (await desk.post(f"{path}/heartbeat", json=lease)).raise_for_status()
        if "unreadable" in item["title"]:
            rejected = await desk.post(f"{path}/reject", json=lease | {"reason": "unreadable"})
            rejected.raise_for_status()
            log.append(f"rejected {item['reference']}")
        else:
            done = await desk.post(
                f"{path}/complete",
                json=lease | {"note": "read"},
                headers={"Idempotency-Key": item["reference"]},
            )
            done.raise_for_status()
            log.append(f"completed {item['reference']}")


async def leased(api: Api, **titles: str) -> str:
    """Start a Case whose Actions wait in the robots' queue, each with a lease."""
    actions = [{"key": key, "title": title, "queue": "robots"} for key, title in titles.items()]
    steps = [{"key": "read", "actions": actions}]
    definition = {"name": "reading", "settings": LEASED, "steps": steps}
    reference: str = (await api.case(queue="cases", definition=definition))["reference"]

    async def waiting() -> None:
        lines = (await api.get("/queues/robots/items")).json()["items"]
        theirs = [line for line in lines if line["case_reference"] == reference]
        assert len(theirs) == len(titles)

    await assert_eventually(waiting)
    return reference


async def test_a_robot_takes_keeps_completes_and_rejects(api: Api) -> None:
    case = await leased(api, good="a good scan", bad="an unreadable scan")
    async with api.client("ocr") as desk:
        log = await robot(desk)
    assert sorted(log) == [f"completed {case}-A1", f"rejected {case}-A2"]
    left = (await api.get(f"/items/{case}-A2")).json()
    assert (left["status"], left["robot_rejected"]) == ("TO_DO", True)


async def test_a_stale_lease_is_a_conflict(api: Api) -> None:
    await leased(api, a="a scan")
    async with api.client("ocr") as desk:
        item = (await desk.post("/robots/take")).json()
        path = f"/robots/items/{item['reference']}"
        stale = await desk.post(f"{path}/heartbeat", json={"lease": "of another life"})
        assert (stale.status_code, stale.json()["rule"]) == (409, "Q3")
        good = await desk.post(f"{path}/complete", json={"lease": item["lease"]["token"]})
        assert good.json()["status"] == "CLOSED"


async def test_only_robots_take_as_robots_and_only_from_their_queues(api: Api) -> None:
    assert (await api.post("/robots/take", {}, "erp")).status_code == 403
    assert (await api.post("/robots/take", {"queues": ["billing"]}, "ocr")).status_code == 403
    assert (await api.post("/robots/take", {"queues": []}, "ocr")).status_code == 422


async def test_of_many_who_ask_at_once_each_gets_another_item(api: Api) -> None:
    queue = random_reference("q")
    started = {(await api.ticket(queue=queue))["reference"] for _ in range(6)}
    answers = await asyncio.gather(
        *(api.post(f"/queues/{queue}/next", None, key) for key in ("erp", "crm") * 4)
    )
    taken = [answer.json()["reference"] for answer in answers if answer.status_code == 200]
    assert sorted(taken) == sorted(started)
    assert [answer.status_code for answer in answers].count(204) == 2


async def test_a_queue_shows_what_waits_and_how_it_stands(api: Api) -> None:
    first = (await api.ticket(queue="billing"))["reference"]
    second = (await api.ticket(queue="billing"))["reference"]
    await api.post(f"/items/{second}/start", {}, "amy")
    page = (await api.get("/queues/billing/items", "amy")).json()
    assert [line["reference"] for line in page["items"]] == [first]
    load = (await api.get("/queues/billing/load", "bob")).json()
    assert (load["waiting"], load["in_work"], load["overdue"]) == (1, 1, 0)
    assert load["oldest_at"] == (await api.get(f"/items/{first}")).json()["started_at"]
    for key in ("amy", "erp"):
        assert (await api.get("/queues/billing/load", key)).status_code == 403
    assert (await api.get("/queues/elsewhere/items", "amy")).status_code == 403
    assert (await api.post("/queues/elsewhere/next", None, "amy")).status_code == 403
    names = [each["name"] for each in (await api.get("/queues", "amy")).json()["queues"]]
    assert names == ["billing"]


async def test_the_catalog_is_read_as_json(api: Api) -> None:
    for part, known in (
        ("categories", api.context.catalog.categories),
        ("definitions", api.context.catalog.definitions),
        ("queues", api.context.catalog.queues),
        ("calendars", api.context.catalog.calendars),
    ):
        answer = await api.get(f"/catalog/{part}", "reader")
        assert set(answer.json()) == set(known), part
        assert known
