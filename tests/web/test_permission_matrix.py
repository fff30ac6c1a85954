"""The matrix through HTTP: real sign-in, a real desk, and what is in the timeline and the audit."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Any, Final

import httpx
import pytest

from auth import api_keys, sessions
from auth.callers import EVERY_QUEUE, Role, Scope
from store.auth.audit import AuditFilter, read_audit_page
from store.schema.auth_tables import AuditKind, AuditOutcome
from tests.support.app_fixture import add_account
from tests.support.full_desk import ServedDesk, served_desk
from web.context import SESSION_COOKIE

OWN: Final = "accounts-payable"
OTHER: Final = "human-resources"
SAMPLE: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("add_note", {"text": "They called."}),
    ("start", {}),
    ("wait", {"type": "more_information", "waiting_for": "customer"}),
    ("resume", {}),
    ("heartbeat", {}),
    ("feedback", {"rating": 5}),
    ("resolve", {"method": "customer_response"}),
)
"""One after the other on one Ticket: each is allowed by the status model when its turn comes."""
NOBODYS: Final = frozenset({"heartbeat"})
OPERATORS: Final = frozenset({"feedback"})


@pytest.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedDesk]:
    """A desk with real sign-in, and an account of each role."""
    async with served_desk(tmp_path_factory.mktemp("matrix"), has_real_sign_in=True) as one:
        for role in Role:
            add_account(
                one.running_stack.engine, role.value, role=role, queues=(OWN,), password=None
            )
        yield one


def person(desk: ServedDesk, name: str) -> httpx.AsyncClient:
    """The browser in which this person is signed in, with what its pages carry."""
    token = sessions.begin(desk.running_stack.engine, name, way="link")
    client = desk.person(name)
    client.cookies.clear()
    client.cookies.set(SESSION_COOKIE, token)
    client.headers["x-csrf-token"] = sessions.csrf_of(token)
    return client


def program(desk: ServedDesk, *scopes: Scope, queue: str) -> httpx.AsyncClient:
    """A program that comes by a key for these scopes."""
    whole, _ = api_keys.make(
        desk.running_stack.engine,
        "service:erp",
        scopes=scopes,
        queues=[queue],
        by="root",
        lasts=None,
    )
    headers = {"authorization": f"Bearer {whole}"}
    return httpx.AsyncClient(base_url=desk.address, headers=headers, timeout=60)


@pytest.mark.parametrize(("role", "queue"), list(product(Role, [OWN, OTHER])), ids=str)
async def test_people_give_what_their_role_may_where_their_work_is(
    desk: ServedDesk, role: Role, queue: str
) -> None:
    reference = await desk.running_stack.ticket(queue=queue)
    given = []
    async with person(desk, role.value) as client, person(desk, "operator") as another:
        for command, fields in SAMPLE:
            may = (
                command not in NOBODYS
                and {
                    Role.VIEWER: False,
                    Role.AGENT: command not in OPERATORS and queue == OWN,
                    Role.LEAD: command not in OPERATORS and queue == OWN,
                    Role.OPERATOR: True,
                }[role]
            )
            path = f"/api/v1/items/{reference}/{command}"
            answer = await client.post(path, json=fields)
            assert answer.status_code == (200 if may else 403), f"{command}: {answer.text}"
            if may:
                given.append(command)
            elif command not in NOBODYS:
                # so that the next one's turn comes
                assert (await another.post(path, json=fields)).status_code == 200
    entries = await desk.running_stack.timeline(reference)
    assert [one["command"] for one in entries if one["by"] == role.value] == given
    noted = read_audit_page(
        desk.running_stack.engine, AuditFilter(item=reference, by=role.value)
    ).entries
    done = [one.what for one in reversed(noted) if one.outcome is AuditOutcome.DONE]
    refused = [one.what for one in noted if one.outcome is AuditOutcome.FORBIDDEN]
    assert done == given
    assert set(refused) == {command for command, _ in SAMPLE} - set(given) - NOBODYS


@pytest.mark.parametrize(
    ("scope", "queue"), list(product([Scope.WORK, Scope.MAIL, Scope.READ], [OWN, OTHER])), ids=str
)
async def test_programs_give_what_their_key_is_for(
    desk: ServedDesk, scope: Scope, queue: str
) -> None:
    reference = await desk.running_stack.ticket(queue=queue)
    async with program(desk, scope, queue=OWN) as client:
        for command, fields in (SAMPLE[0], SAMPLE[5]):
            may = queue == OWN and scope is (Scope.MAIL if command in OPERATORS else Scope.WORK)
            answer = await client.post(f"/api/v1/items/{reference}/{command}", json=fields)
            assert answer.status_code == (200 if may else 403), f"{command}: {answer.text}"
        shown = await client.get(f"/api/v1/items/{reference}")
        assert shown.status_code == (200 if scope is Scope.READ and queue == OWN else 403)


async def test_what_somebody_holds_is_theirs_in_whatever_queue(desk: ServedDesk) -> None:
    reference = await desk.running_stack.ticket(queue=OTHER)
    path = f"/api/v1/items/{reference}"
    async with person(desk, "agent") as client:
        assert (await client.get(path)).status_code == 403
        await desk.running_stack.do(reference, "assign", by="hanna", to="agent")
        await desk.running_stack.rows_agree([reference])
        assert (await client.get(path)).status_code == 200
        assert (await client.post(f"{path}/start", json={})).status_code == 200


async def test_nobody_says_who_they_are_in_a_body(desk: ServedDesk) -> None:
    reference = await desk.running_stack.ticket(queue=OWN)
    async with person(desk, "agent") as client:
        for path, fields in (
            (f"/api/v1/items/{reference}/add_note", {"text": "x", "by": "lead"}),
            (f"/api/v1/items/{reference}/add_note", {"text": "x", "by": "agent"}),
            ("/api/v1/tickets", {"title": "x", "by": "lead"}),
        ):
            answer = await client.post(path, json=fields)
            assert answer.status_code == 422
            assert "by: is the signed-in caller" in answer.json()["detail"]
    assert {one["by"] for one in await desk.running_stack.timeline(reference)} == {"amy"}


# T16
async def test_an_item_is_not_merged_into_one_of_another_queue(desk: ServedDesk) -> None:
    mine, other = (
        await desk.running_stack.ticket(queue=OWN),
        await desk.running_stack.ticket(queue=OTHER),
    )
    also_mine = await desk.running_stack.ticket(queue=OWN)
    path = f"/api/v1/items/{mine}/merge"
    async with person(desk, "agent") as client:
        refused = await client.post(path, json={"into": other})
        assert (refused.status_code, refused.json()["type"]) == (403, "Forbidden")
        assert OTHER in refused.json()["detail"]
        nowhere = await client.post(path, json={"into": "T-nowhere"})
        assert nowhere.status_code == 409
        assert (await client.post(path, json={"into": also_mine})).status_code == 200


async def test_a_form_of_somebody_who_may_not_is_refused_on_the_items_page(
    desk: ServedDesk,
) -> None:
    reference = await desk.running_stack.ticket(queue=OWN)
    async with person(desk, "viewer") as client:
        answer = await client.post(f"/items/{reference}/do/start", data={})
    assert answer.status_code == 403
    assert "takes the role agent" in answer.text
    assert (await desk.running_stack.desk.state(reference))["status"] == "TO_DO"


async def test_what_starts_and_what_is_refused_by_a_rule_is_audited(desk: ServedDesk) -> None:
    engine = desk.running_stack.engine
    async with program(desk, Scope.START, Scope.WORK, Scope.READ, queue=EVERY_QUEUE) as client:
        start = {"title": "No invoice", "queue": OWN, "submit": False}
        started = await client.post("/api/v1/tickets", json=start)
        assert started.status_code == 201, started.text
        reference = started.json()["reference"]
        refused = await client.post(f"/api/v1/items/{reference}/reopen", json={})
        assert refused.status_code == 409
    told = read_audit_page(engine, AuditFilter(item=reference)).entries
    assert [(one.by, one.kind, one.outcome) for one in told] == [
        ("service:erp", AuditKind.COMMAND, AuditOutcome.REFUSED),
        ("service:erp", AuditKind.START, AuditOutcome.DONE),
    ]
    assert told[0].reason == refused.json()["detail"]
    assert told[0].rule == refused.json()["rule"]
