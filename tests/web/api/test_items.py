"""Items through the API on a real server: start, read, list, command, refusal."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from domain.base.values import Status
from store.projection.writer import GroupWriter
from tests.support.api_fixture import CASE, TICKET, Api, random_reference, running_api
from tests.support.publications import make_publication, ticket, write_all

pytestmark = pytest.mark.xdist_group("api")


@pytest_asyncio.fixture(scope="session")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with running_api(tmp_path_factory.mktemp("api")) as served:
        yield served


def _is_problem(answer: httpx.Response, status: int, type_: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (status, type_)
    assert problem["detail"]


async def test_a_ticket_is_started_where_its_location_says(api: Api) -> None:
    answer = await api.post("/tickets", TICKET)
    assert answer.status_code == 201
    state = answer.json()
    assert answer.headers["location"] == f"/api/v1/items/{state['reference']}"
    assert answer.headers["etag"] == f'"{state["revision"]}"'
    assert state["status"] == "TO_DO"
    assert state["created_by"] == "service:erp"
    read = await api.get(f"/items/{state['reference']}")
    assert read.json() == state
    again = await api.get(
        f"/items/{state['reference']}", headers={"If-None-Match": read.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_a_malformed_start_names_every_field(api: Api) -> None:
    answer = await api.post("/tickets", {"titel": "x", "queue": 4, "by": "amy"})
    _is_problem(answer, 422, "InvalidCommand")
    answer = await api.post("/tickets", {"titel": "x", "queue": 4})
    _is_problem(answer, 422, "InvalidCommand")
    assert set(answer.json()["fields"]) == {"titel", "queue"}


async def test_a_start_that_would_submit_too_little_names_what_is_missing(api: Api) -> None:
    answer = await api.post("/tickets", {"title": "No invoice", "submit": True})
    _is_problem(answer, 422, "InvalidCommand")
    assert "category" in answer.json()["fields"]  # T2


async def test_one_key_starts_one_item_however_often_it_is_sent(api: Api) -> None:
    key = {"Idempotency-Key": random_reference()}
    answers = await asyncio.gather(*(api.post("/tickets", TICKET, headers=key) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    (reference,) = {answer.json()["reference"] for answer in answers}
    other = await api.post("/tickets", TICKET | {"title": "Another"}, headers=key)
    _is_problem(other, 422, "InvalidCommand")
    assert other.json()["fields"] == ["Idempotency-Key"]
    foreign = await api.post("/tickets", TICKET, "crm", headers=key)
    assert foreign.json()["reference"] != reference


async def test_a_key_whose_item_is_closed_still_answers_its_start(api: Api) -> None:
    key = {"Idempotency-Key": random_reference()}
    started = (await api.post("/tickets", TICKET, headers=key)).json()
    closed = await api.post(
        f"/items/{started['reference']}/resolve", {"method": "rejected_as_spam"}
    )
    assert closed.json()["status"] == "CLOSED"
    again = await api.post("/tickets", TICKET, headers=key)
    assert (again.status_code, again.json()["reference"]) == (201, started["reference"])


async def test_a_reference_of_somebody_else_is_a_conflict_and_tells_nothing(api: Api) -> None:
    reference = random_reference()
    await api.ticket(reference=reference, title="Between us")
    answer = await api.post("/tickets", TICKET | {"reference": reference}, "stranger")
    _is_problem(answer, 409, "Conflict")
    assert "Between us" not in answer.text
    for wrong in ("-x", "a" * 80, "C-1-A1", 4, "x\n"):
        refused = await api.post("/tickets", TICKET | {"reference": wrong})
        _is_problem(refused, 422, "InvalidCommand")


async def test_a_command_answers_the_new_state(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    answer = await api.post(f"/items/{reference}/start", {}, "amy")
    assert answer.status_code == 200
    assert answer.json()["status"] == "IN_PROGRESS"
    assert answer.json()["assignee"] == "amy"
    assert answer.headers["etag"] == f'"{answer.json()["revision"]}"'


async def test_a_command_needs_no_body_where_it_has_no_fields(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    async with api.client("amy") as client:
        answer = await client.post(f"/items/{reference}/start")
    assert answer.json()["status"] == "IN_PROGRESS"


async def test_what_a_rule_forbids_is_answered_with_sentence_and_rule(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    await api.post(f"/items/{reference}/start", {}, "amy")
    answer = await api.post(f"/items/{reference}/resolve", {"method": "rejected"}, "bob")
    _is_problem(answer, 409, "NotAllowed")
    problem = answer.json()
    assert (problem["rule"], problem["reason"]) == ("C8", "held_by_another")
    assert problem["message"] == "assignment.held_by_another"
    assert problem["parameters"]["assignee"] in problem["detail"]
    assert "amy" in answer.json()["detail"]


async def test_a_malformed_command_names_every_field(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    wrong = {"type": "until", "until": "tomorrow", "colour": "red"}
    answer = await api.post(f"/items/{reference}/wait", wrong, "amy")
    _is_problem(answer, 422, "InvalidCommand")
    assert set(answer.json()["fields"]) == {"until", "colour"}


async def test_nobody_says_who_they_are_in_the_body(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    answer = await api.post(f"/items/{reference}/start", {"by": "bob"}, "amy")
    _is_problem(answer, 422, "InvalidCommand")
    assert answer.json()["fields"] == ["by"]
    assert (await api.get(f"/items/{reference}")).json()["assignee"] is None


async def test_if_match_keeps_from_changing_what_was_not_seen(api: Api) -> None:
    started = await api.ticket()
    path = f"/items/{started['reference']}/add_note"
    seen = {"If-Match": f'"{started["revision"]}"'}
    assert (await api.post(path, {"text": "first"}, headers=seen)).status_code == 200
    stale = await api.post(path, {"text": "second"}, headers=seen)
    _is_problem(stale, 412, "Stale")
    conflict = await api.post(path, {"text": "third", "expected_revision": started["revision"]})
    _is_problem(conflict, 409, "Conflict")
    anything = await api.post(path, {"text": "fourth"}, headers={"If-Match": "*"})
    assert anything.status_code == 200
    for wrong in ("7", 'W/"7"', '"x"', '"1", "2"'):
        refused = await api.post(path, {"text": "fifth"}, headers={"If-Match": wrong})
        _is_problem(refused, 422, "InvalidCommand")


async def test_one_key_does_a_command_once(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    path, key = f"/items/{reference}/add_note", {"Idempotency-Key": "note-1"}
    first = await api.post(path, {"text": "once"}, headers=key)
    again = await api.post(path, {"text": "once"}, headers=key)
    assert first.json()["revision"] == again.json()["revision"]
    crm = await api.post(path, {"text": "of another caller"}, "crm", headers=key)
    assert crm.json()["revision"] == first.json()["revision"] + 1
    both = await api.post(path, {"text": "x", "command_id": "y"}, headers=key)
    _is_problem(both, 422, "InvalidCommand")


async def test_one_key_with_another_body_is_malformed(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    path, key = f"/items/{reference}/add_note", {"Idempotency-Key": "note-1"}
    await api.post(path, {"text": "once"}, headers=key)
    other = await api.post(path, {"text": "another"}, headers=key)
    _is_problem(other, 422, "InvalidCommand")


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    for reference in ("T-NOBODY", "C-NOBODY-A1", "a b", "hook:1", "%00", "x" * 300):
        _is_problem(await api.get(f"/items/{reference}"), 404, "UnknownItem")
        _is_problem(await api.post(f"/items/{reference}/start"), 404, "UnknownItem")


async def test_a_closed_item_refuses_and_allows_nothing(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    await api.post(f"/items/{reference}/resolve", {"method": "rejected_as_spam"})
    answer = await api.post(f"/items/{reference}/add_note", {"text": "too late"})
    _is_problem(answer, 409, "NotAllowed")
    assert answer.json()["rule"] == "C15"
    assert (await api.get(f"/items/{reference}/moves")).json()["moves"] == []


async def test_an_item_that_only_the_store_remembers_is_closed_not_unknown(api: Api) -> None:
    old = random_reference()
    with GroupWriter(api.running_stack.engine, random_reference()) as writer:
        write_all(writer.put, make_publication(ticket(old, status=Status.CLOSED)))
    assert (await api.get(f"/items/{old}")).json()["status"] == "CLOSED"
    answer = await api.post(f"/items/{old}/add_note", {"text": "too late"})
    _is_problem(answer, 409, "NotAllowed")
    assert answer.json()["rule"] == "C15"


async def test_who_is_signed_out_or_may_not_gets_nowhere(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    for key in (None, "no key of ours"):
        answer = await api.get(f"/items/{reference}", key)
        _is_problem(answer, 401, "SignedOut")
        assert answer.headers["www-authenticate"] == "Bearer"
    _is_problem(await api.get(f"/items/{reference}", "stranger"), 403, "Forbidden")
    _is_problem(await api.post(f"/items/{reference}/start", {}, "stranger"), 403, "Forbidden")
    _is_problem(await api.post(f"/items/{reference}/start", {}, "reader"), 403, "Forbidden")
    _is_problem(await api.post("/tickets", TICKET, "reader"), 403, "Forbidden")


async def test_the_timeline_comes_in_pages_and_notes_at_full_length(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    long = "All of it. " * 2_000
    for text in ("one", "two", long):
        await api.post(f"/items/{reference}/add_note", {"text": text})
    first = (await api.get(f"/items/{reference}/timeline", params={"limit": 3})).json()
    assert [entry["revision"] for entry in first["entries"]] == [1, 2, 3]
    rest = (await api.get(f"/items/{reference}/timeline", params={"after": first["next"]})).json()
    assert rest["next"] is None
    assert rest["entries"][-1]["note"] == long
    notes = (await api.get(f"/items/{reference}/notes")).json()["notes"]
    assert [note["text"] for note in notes][-3:] == ["one", "two", long]


async def test_moves_say_what_the_caller_may_do_now(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    moves = (await api.get(f"/items/{reference}/moves", "amy")).json()
    allowed = {move["command"]: move["allowed"] for move in moves["moves"]}
    assert allowed["start"]
    assert not allowed["resume"]
    seen = (await api.get(f"/items/{reference}/moves", "reader")).json()
    assert not any(move["allowed"] for move in seen["moves"])


async def test_lists_are_filtered_and_come_in_pages(api: Api) -> None:
    queue = random_reference("q")
    started = [
        (await api.ticket(queue=queue, title=f"Number {number}", category="pets"))["reference"]
        for number in ("nought", "one", "two", "three", "four")
    ]
    await api.post(f"/items/{started[0]}/start", {})
    seen: list[str] = []
    cursor = None
    while True:
        query = {"queue": queue, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/items", params=query)).json()
        seen += [line["reference"] for line in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == started[::-1]

    async def search(**query: object) -> list[str]:
        page = (await api.get("/items", params={"queue": queue} | query)).json()
        return [line["reference"] for line in page["items"]]

    assert await search(status="IN_PROGRESS") == [started[0]]
    assert await search(status=["IN_PROGRESS", "TO_DO"]) == started[::-1]
    assert await search(assignee="service:erp") == [started[0]]
    assert await search(category="pets", kind="Ticket", q="number three") == [started[3]]
    assert await search(kind="Case") == []
    wrong = await api.get("/items", params={"cursor": "nonsense"})
    _is_problem(wrong, 422, "InvalidRequest")
    _is_problem(await api.get("/items", params={"status": "LOST"}), 422, "InvalidRequest")


async def test_a_list_shows_only_what_the_caller_may_see(api: Api) -> None:
    queue = random_reference("q")
    theirs = (await api.ticket(queue=queue))["reference"]
    params = {"queue": queue}
    assert (await api.get("/items", "amy", params=params)).json()["items"] == []
    await api.post(f"/items/{theirs}/assign", {"to": "amy"})
    seen = (await api.get("/items", "amy", params=params)).json()["items"]
    assert [line["reference"] for line in seen] == [theirs]


async def test_a_case_and_its_actions_are_worked_on(api: Api) -> None:
    case = await api.case()
    action = (await api.get(f"/items/{case['reference']}")).json()["actions"][0]["reference"]
    await api.post(f"/items/{action}/start", {}, "erp")
    done = await api.post(f"/items/{action}/resolve", {"outcome": "complete"}, "erp")
    assert done.json()["resolution"]["outcome"] == "complete"
    _is_problem(
        await api.post(f"/items/{case['reference']}/split", {"parts": []}), 422, "InvalidCommand"
    )
    unknown = await api.post("/cases", CASE | {"definition": "no such"})
    assert unknown.status_code in {409, 422}


async def test_bodies_that_are_no_object_are_refused(api: Api) -> None:
    path = f"/items/{(await api.ticket())['reference']}/add_note"
    json_type = {"Content-Type": "application/json"}
    async with api.client() as client:
        for body in (b"{", b"[1]", b"null", b'"x"', b'{"text": NaN}', b'{"text": "\\ud800"}'):
            answer = await client.post(path, content=body, headers=json_type)
            _is_problem(answer, 400, "InvalidJson")
        deep = await client.post(path, content=b'{"text":' * 9_000, headers=json_type)
        assert deep.status_code in {400, 422}
        form = await client.post(path, data={"text": "x"})
        _is_problem(form, 415, "UnsupportedMediaType")
        large = await client.post(path, json={"text": "x" * 300_000})
        _is_problem(large, 413, "TooLarge")


async def test_a_large_body_is_refused_before_it_is_read_whole(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 1
            yield b"x" * 65_536

    path = f"/items/{(await api.ticket())['reference']}/add_note"
    async with api.client() as client:
        answer = await client.post(
            path, content=endless(), headers={"Content-Type": "application/json"}
        )
    _is_problem(answer, 413, "TooLarge")


async def test_a_mail_that_came_in_elsewhere_ends_a_wait(api: Api) -> None:
    reference = (await api.ticket())["reference"]
    await api.post(f"/items/{reference}/start", {}, "amy")
    await api.post(f"/items/{reference}/wait", {"type": "more_information"}, "amy")
    mail = {
        "message_id": f"<{random_reference()}@x>",
        "sender": "ida@example.org",
        "excerpt": "Here.",
    }
    _is_problem(await api.post(f"/items/{reference}/receive_email", mail, "amy"), 403, "Forbidden")
    woken = await api.post(f"/items/{reference}/receive_email", mail, "crm")
    assert (woken.json()["status"], woken.json()["assignee"]) == ("TO_DO", "amy")
    out = {"to": ["ida@example.org"], "subject": "Re", "body": "Thank you."}
    await api.post(f"/items/{reference}/send_email", out, "amy")
    mails = (await api.get(f"/items/{reference}/mails")).json()
    assert "Thank you." in [mail["body"] for mail in mails["sent"]]


async def test_a_wrong_method_is_told_the_right_ones(api: Api) -> None:
    async with api.client() as client:
        for path, allowed in (("/hooks", "GET, POST"), ("/items", "GET"), ("/tickets", "POST")):
            answer = await client.request("PUT", path)
            assert answer.status_code == 405
            assert answer.headers["allow"] == allowed
            assert answer.headers["content-type"] == "application/problem+json"
