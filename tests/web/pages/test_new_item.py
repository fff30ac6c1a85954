"""The form of a new Ticket or Case shows all missing fields at once and keeps the text."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support.full_desk import ServedDesk, post_form, served_desk

TICKET = {
    "title": "No invoice",
    "description": "The invoice of May\r\nnever came.",
    "category": "invoice-question",
    "primary_contact_name": "Ida Berg",
    "primary_contact_email": "ida@example.org",
    "same_contact": "yes",
}


@pytest_asyncio.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedDesk]:
    """Start a stack for all tests of this file."""
    async with served_desk(tmp_path_factory.mktemp("pages of starts")) as whole:
        yield whole


def wrong(page: httpx.Response) -> set[str]:
    """Return the fields with a problem beside them."""
    return set(re.findall(r'id="edit-([a-z_]+)-problem"', page.text))


def reference_in(page: httpx.Response) -> str:
    """Return the reference that the form would give to the item."""
    match = re.search(r'name="reference" value="([^"]+)"', page.text)
    assert match is not None
    return match[1]


async def test_all_that_is_missing_is_said_at_once_and_what_is_there_is_kept(
    desk: ServedDesk,
) -> None:
    async with desk.person() as amy:
        answer = await post_form(amy, "/tickets/new", title="Half a <b>", then="submit")
    assert answer.status_code == 422
    assert wrong(answer) == {"description", "category", "primary_contact", "requester"}
    assert 'value="Half a &lt;b&gt;"' in answer.text


async def test_a_submitted_ticket_is_confirmed_with_its_reference(desk: ServedDesk) -> None:
    async with desk.person() as amy:
        form = await amy.get("/tickets/new")
        reference = reference_in(form)
        answer = await post_form(amy, "/tickets/new", reference=reference, then="submit", **TICKET)
        assert answer.headers["location"] == f"/confirmed/{reference}?done=submit"
        page = await amy.get(answer.headers["location"])
        assert f'href="/items/{reference}"' in page.text
        assert "It waits in the queue Accounts payable." in page.text
    state = await desk.running_stack.eventually(reference, status="TO_DO", queue="accounts-payable")
    assert state["created_by"] == "amy"
    assert state["requester"] == {"name": "Ida Berg", "email": "ida@example.org"}
    assert state["description"] == "The invoice of May\nnever came."


async def test_a_form_that_is_sent_twice_starts_one_ticket(desk: ServedDesk) -> None:
    async with desk.person() as amy:
        reference = reference_in(await amy.get("/tickets/new"))
        for _ in range(2):
            answer = await post_form(amy, "/tickets/new", reference=reference, **TICKET)
            assert answer.headers["location"] == f"/confirmed/{reference}?done=submit"
    entries = await desk.running_stack.timeline(reference)
    assert [entry["command"] for entry in entries] == ["create", "submit"]


async def test_a_draft_is_saved_incomplete_and_submitted_later(desk: ServedDesk) -> None:
    async with desk.person() as amy:
        answer = await post_form(amy, "/tickets/new", title="Half", then="save")
        there = answer.headers["location"].partition("?")[0]
        page = await amy.get(answer.headers["location"])
        assert "The Draft is saved." in page.text
        lacking = await post_form(amy, f"{there}/do/submit", title="Half", category="hr-question")
        assert lacking.status_code == 409
        assert wrong(lacking) == {"description", "primary_contact", "requester"}
        assert 'value="hr-question"' in lacking.text
        done = await post_form(
            amy,
            f"{there}/do/submit",
            title="Whole",
            description="All of it.",
            category="hr-question",
            primary_contact_email="ida@example.org",
            primary_contact_name="",
            requester_name="Ida",
            requester_email="",
        )
        assert done.headers["location"].startswith("/confirmed/")
    await desk.running_stack.eventually(there.rpartition("/")[2], status="TO_DO", title="Whole")


async def test_a_case_takes_its_data_line_by_line(desk: ServedDesk) -> None:
    async with desk.person() as amy:
        bad = await post_form(
            amy, "/cases/new", short_description="Pay", data="amount 12", then="save"
        )
        assert bad.status_code == 422
        assert "This line is not name = value: amount 12" in bad.text
        answer = await post_form(
            amy,
            "/cases/new",
            short_description="Pay 4711",
            definition="supplier-invoice",
            data='amount = 12000\nsupplier = Fabrikam\ntags = ["a"]\n',
            then="submit",
        )
    reference = re.sub(r"/confirmed/|\?.*", "", answer.headers["location"])
    state = await desk.running_stack.eventually(reference, status="TO_DO")
    assert state["data"] == {"amount": 12000, "supplier": "Fabrikam", "tags": ["a"]}
    assert len(state["actions"]) == 2


async def test_a_case_of_a_definition_nobody_knows_stays_a_draft_and_says_why(
    desk: ServedDesk,
) -> None:
    async with desk.person() as amy:
        answer = await post_form(
            amy, "/cases/new", short_description="Pay", definition="nonsense", then="submit"
        )
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert "nonsense" in answer.text
    assert 'id="draft-form"' in answer.text


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000, "NaN", "{}", ""])
async def test_data_may_be_anything(desk: ServedDesk, value: str) -> None:
    async with desk.person() as amy:
        answer = await post_form(
            amy, "/cases/new", short_description="Pay", data=f"a = {value}", then="save"
        )
    assert answer.status_code == 303


async def test_somebody_elses_reference_starts_nothing(desk: ServedDesk) -> None:
    theirs = await desk.running_stack.ticket(by="bob", submit=False)
    async with desk.person() as amy:
        answer = await post_form(amy, "/tickets/new", reference=theirs, then="submit", **TICKET)
    assert answer.status_code == 409
    await desk.running_stack.eventually(theirs, status="DRAFT")


async def test_a_viewer_starts_nothing(desk: ServedDesk) -> None:
    async with desk.person("eva") as eva:
        assert (await eva.get("/tickets/new")).status_code == 403
        assert (await post_form(eva, "/cases/new", short_description="No")).status_code == 403
