"""An item's page offers the allowed commands and gives the reason beside each other form."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.full_desk import ServedDesk, post_form, served_desk
from web.pages.item import FLASHES

TWO_STEPS = {
    "name": "errands",
    "queue": "accounts-payable",
    "steps": [
        {"key": "go", "title": "Go there", "actions": [{"key": "run"}, {"key": "ask"}]},
        {"key": "tell", "actions": [{"key": "write", "title": "Write it down"}]},
    ],
}
QUEUE = "accounts-payable"


@pytest_asyncio.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedDesk]:
    """Start a stack for all tests of this file."""
    async with served_desk(tmp_path_factory.mktemp("pages of items")) as whole:
        yield whole


def offered(page: httpx.Response) -> set[str]:
    """Return the commands for which the page has a form or a button."""
    return set(re.findall(r'(?:form)?action="/items/[^/"]+/do/([a-z_]+)"', page.text))


def revision(page: httpx.Response) -> str:
    """Return the revision that the page's forms carry."""
    match = re.search(r'name="revision" value="(\d+)"', page.text)
    assert match is not None
    return match[1]


async def ticket(desk: ServedDesk, **fields: object) -> str:
    start_fields: dict[str, Any] = {"queue": QUEUE, "category": "payment-reminder"}
    return await desk.running_stack.ticket(**(start_fields | fields))


async def case(desk: ServedDesk, **fields: object) -> str:
    start_fields: dict[str, Any] = {"definition": TWO_STEPS, "queue": QUEUE, "by": "amy"}
    reference = await desk.running_stack.case(**(start_fields | fields))
    await desk.running_stack.eventually(f"{reference}-A2", status="TO_DO")
    return reference


async def test_a_page_offers_exactly_what_the_item_allows_now(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        page = await amy.get(f"/items/{reference}")
        assert {"start", "wait", "resolve", "assign", "split", "merge"} <= offered(page)
        assert not {"resume", "reopen", "submit", "set_to_do"} & offered(page)
        await post_form(amy, f"/items/{reference}/do/wait", type="more_information")
        page = await amy.get(f"/items/{reference}")
        assert {"resume", "wait"} <= offered(page)
        assert not {"start", "reopen"} & offered(page)


async def test_choosing_wait_again_resumes(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        await post_form(amy, f"/items/{reference}/do/wait", type="until", until="2031-05-04T10:00")
        state = await desk.running_stack.eventually(reference, status="WAIT")
        # Amy reads her own clock
        assert state["wait"]["until"] == "2031-05-04T10:00:00Z"
        page = await amy.get(f"/items/{reference}")
        assert 'aria-pressed="true" data-key="s"' in page.text
        answer = await post_form(amy, f"/items/{reference}/do/resume", revision=revision(page))
        assert answer.headers["location"] == f"/items/{reference}?done=resume"
        await desk.running_stack.eventually(reference, status="IN_PROGRESS", assignee="amy")


async def test_a_form_that_lacks_something_says_so_beside_it_and_keeps_the_text(
    desk: ServedDesk,
) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        answer = await post_form(
            amy,
            f"/items/{reference}/do/wait",
            type="more_information",
            close_if_no_response="yes",
            waiting_for="the <third> party",
        )
    assert answer.status_code == 422
    assert 'value="the &lt;third&gt; party"' in answer.text
    assert 'id="wait-days_to_wait-problem"' in answer.text
    assert 'name="close_if_no_response" value="yes" checked' in answer.text


async def test_a_refusal_is_a_sentence_beside_what_was_tried(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        answer = await post_form(amy, f"/items/{reference}/do/merge", into=reference)
    assert answer.status_code == 409
    assert re.search(r'id="move-merge" open>.*?role="alert"', answer.text, re.DOTALL)


async def test_a_conflict_says_what_happened_meanwhile_and_keeps_the_text(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy, desk.person("bob") as bob:
        seen = await amy.get(f"/items/{reference}")
        await post_form(bob, f"/items/{reference}/do/add_note", text="I am on it.")
        answer = await post_form(
            amy,
            f"/items/{reference}/do/send_email",
            revision=revision(seen),
            to="ida@example.org",
            body="A long answer.",
        )
        assert answer.status_code == 409
        assert "A long answer." in answer.text
        assert "<strong>Robert Martin</strong> wrote a note" in answer.text
        again = await post_form(
            amy,
            f"/items/{reference}/do/send_email",
            revision=revision(answer),
            to="ida@example.org",
            body="A long answer.",
        )
        assert again.status_code == 303


async def test_a_form_that_is_sent_twice_is_one(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        for _ in range(2):
            answer = await post_form(
                amy,
                f"/items/{reference}/do/add_note",
                text="Once.",
                idempotency_key="0123456789abcdef",
            )
            assert answer.status_code == 303
    entries = await desk.running_stack.timeline(reference)
    assert [entry["command"] for entry in entries].count("add_note") == 1


async def test_a_note_does_not_mind_what_happened_meanwhile(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        seen = await amy.get(f"/items/{reference}")
        await post_form(amy, f"/items/{reference}/do/start", revision=revision(seen))
        answer = await post_form(
            amy, f"/items/{reference}/do/add_note", revision=revision(seen), text="Late."
        )
    assert answer.status_code == 303


async def test_taking_over_names_who_has_it(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    await desk.running_stack.do(reference, "start", by="bob")
    async with desk.person() as amy:
        page = await amy.get(f"/items/{reference}")
        assert "Robert Martin has this. Going on takes it over." in page.text
        refused = await post_form(amy, f"/items/{reference}/do/wait", type="more_information")
        assert refused.status_code == 409
        done = await post_form(
            amy, f"/items/{reference}/do/wait", type="more_information", take_over="yes"
        )
        assert done.status_code == 303


async def test_resolving_reminds_of_evidence_and_shows_a_tick_once_there_is(
    desk: ServedDesk,
) -> None:
    reference = await ticket(desk)
    await desk.running_stack.do(reference, "start")
    async with desk.person() as amy:
        page = await amy.get(f"/items/{reference}")
        assert "There is no evidence of a resolution yet" in page.text
        refused = await post_form(amy, f"/items/{reference}/do/resolve", method="customer_response")
        assert refused.status_code == 409
        await post_form(amy, f"/items/{reference}/do/add_note", text="Sent it.", resolution="yes")
        page = await amy.get(f"/items/{reference}")
        assert "There is evidence of the resolution." in page.text
        assert 'class="entry resolution"' in page.text
        done = await post_form(amy, f"/items/{reference}/do/resolve", method="customer_response")
        assert done.status_code == 303
        assert 'data-key="s" data-key-label="Reopen"' in (await amy.get(f"/items/{reference}")).text


async def test_send_and_resolve_sends_the_mail_and_resolves(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    await desk.running_stack.do(reference, "start")
    async with desk.person() as amy:
        page = await amy.get(f"/items/{reference}")
        assert 'value="ida@example.org"' in page.text
        await post_form(
            amy,
            f"/items/{reference}/do/send_and_resolve",
            to="ida@example.org, bo@example.org",
            subject="Your invoice",
            body="Here it is.",
            method="customer_response",
        )
        state = await desk.running_stack.eventually(reference, status="RESOLVED")
        assert state["resolution"]["method"] == "customer_response"
        page = await amy.get(f"/items/{reference}")
    assert "To ida@example.org, bo@example.org" in page.text
    assert re.search(
        r'class="entry resolution"[^>]*>.{,900}<strong>Amy Pond</strong>', page.text, re.DOTALL
    )


async def test_a_case_shows_its_flow_and_each_actions_state(desk: ServedDesk) -> None:
    reference = await case(desk)
    await desk.running_stack.do(f"{reference}-A1", "start", by="bob")
    async with desk.person() as amy:
        page = await amy.get(f"/items/{reference}")
    assert '<li class="step under_way" aria-current="step">' in page.text
    assert '<li class="step to_come"' in page.text
    assert "In Progress · Robert Martin" in " ".join(page.text.split())
    assert '<li class="box to_come">' in page.text


async def test_unable_to_complete_leaves_the_action_and_its_case_shows_the_ways_out(
    desk: ServedDesk,
) -> None:
    reference = await case(desk)
    await desk.running_stack.do(reference, "start")
    action = f"{reference}-A1"
    async with desk.person() as amy:
        await post_form(amy, f"/items/{action}/do/start")
        lacking = await post_form(amy, f"/items/{action}/do/resolve", outcome="unable_to_complete")
        assert lacking.status_code == 422
        assert 'id="resolve-reason-problem"' in lacking.text
        answer = await post_form(
            amy,
            f"/items/{action}/do/resolve",
            outcome="unable_to_complete",
            reason="The shop is shut.",
        )
        assert answer.headers["location"] == f"/confirmed/{action}?done=resolve"
        left = await amy.get(answer.headers["location"])
        assert f"Action {action} is closed as unable to complete." in left.text
        await desk.running_stack.eventually(reference, status="TO_DO")
        page = await amy.get(f"/items/{reference}")
        assert "This Case needs attention" in page.text
        assert "The shop is shut." in page.text
        assert {"rework", "start_action", "reset_in_progress", "cancel"} <= offered(page)
        await post_form(amy, f"/items/{reference}/do/start_action", action="run")
        await desk.running_stack.eventually(reference, attention=[])


async def test_an_aborted_case_says_so(desk: ServedDesk) -> None:
    reference = await case(desk)
    async with desk.person() as amy:
        await post_form(amy, f"/items/{reference}/do/cancel", reason="Paid twice.")
        await desk.running_stack.eventually(reference, status="CLOSED")
        page = await amy.get(f"/items/{reference}")
    assert "This Case was aborted." in page.text
    assert "Aborted by Amy Pond: Paid twice." in page.text
    assert offered(page) == set()


async def test_what_is_not_a_members_is_not_shown_and_takes_no_command(desk: ServedDesk) -> None:
    reference = await ticket(desk, queue="it-support", by="service:erp")
    async with desk.person() as amy, desk.person("eva") as eva:
        for path in ("", "/parts", "/timeline?before=9", "/mails/x/attachments/0"):
            assert (await amy.get(f"/items/{reference}{path}")).status_code == 403, path
        assert (await post_form(amy, f"/items/{reference}/do/start")).status_code == 403
        assert (await post_form(eva, f"/items/{reference}/do/start")).status_code == 403
        assert (await amy.get(f"/confirmed/{reference}")).status_code == 403
        assert (await amy.get("/items/T-NOSUCH")).status_code == 404


@pytest.mark.parametrize("reference", ["%00", "x" * 1500, "T%0aX", "%F0%9F%98%80", "..%2f.."])
async def test_what_is_no_reference_is_not_found(desk: ServedDesk, reference: str) -> None:
    async with desk.person("bob") as bob:
        for path in ("", "/parts", "/timeline?before=1", "/mails/x/attachments/0"):
            assert (await bob.get(f"/items/{reference}{path}")).status_code == 404
        assert (await bob.get(f"/confirmed/{reference}")).status_code == 404
        assert (await post_form(bob, f"/items/{reference}/do/start")).status_code == 404


async def test_what_cannot_be_read_is_refused_and_breaks_nothing(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    there = f"/items/{reference}"
    async with desk.person() as amy:
        for path in ("timeline?before=99999999999999999999", "parts?down_to=-1"):
            assert (await amy.get(f"{there}/{path}")).status_code == 422, path
        for text in ("\x00 and \x07", "y" * 300_000):
            answer = await post_form(amy, f"{there}/do/add_note", text=text)
            assert answer.status_code == 422
        for until in ("0001-01-01T00:00", "9999-12-31T23:59", "tomorrow"):
            answer = await post_form(amy, f"{there}/do/wait", type="until", until=until)
            assert answer.status_code == 422, until


async def test_a_command_without_a_form_is_none(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        for command in ("heartbeat", "receive_email", "reject", "nonsense", "__class__"):
            answer = await post_form(amy, f"/items/{reference}/do/{command}")
            assert answer.status_code == 422, command


async def test_french_pages_speak_the_status_models_terms(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    await desk.running_stack.do(reference, "wait", type="more_information")
    async with desk.person(casekeep_language="fr") as amy:
        page = await amy.get(f"/items/{reference}")
    assert "En attente d&#39;informations supplémentaires" in page.text
    assert "Communication avec le destinataire du service" in page.text
    assert "responsable" in page.text.lower()


async def test_a_long_timeline_comes_page_by_page(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    for number in range(60):
        await desk.running_stack.do(reference, "add_note", text=f"note {number}.")
    async with desk.person() as amy:
        page = await amy.get(f"/items/{reference}")
        assert "note 59." in page.text
        assert "note 2." not in page.text
        (older,) = re.findall(r'href="(/items/[^"]+/timeline\?before=\d+)"', page.text)
        rest = await amy.get(older, headers={"hx-request": "true"})
        assert "note 2." in rest.text
        assert "data-older" not in rest.text
        assert "note 2." in (await amy.get(older)).text
        parts = await amy.get(f"/items/{reference}/parts?down_to=1")
        assert parts.text.count('class="entry') >= 61


async def test_what_was_written_is_shown_even_if_its_form_is_gone(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        seen = await amy.get(f"/items/{reference}")
        await desk.running_stack.do(reference, "resolve", method="rejected", note="Not ours.")
        answer = await post_form(
            amy,
            f"/items/{reference}/do/split",
            revision=revision(seen),
            part_title=["one", "two"],
            part_description=["First half of a long text", "b"],
        )
    assert answer.status_code == 409
    assert "two" in answer.text


async def test_edits_send_only_what_differs(desk: ServedDesk) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        same = await post_form(amy, f"/items/{reference}/do/edit", title="No invoice", queue=QUEUE)
        assert same.headers["location"] == f"/items/{reference}?done=nothing"
        await post_form(amy, f"/items/{reference}/do/edit", title="No invoice of May", queue=QUEUE)
        state = await desk.running_stack.eventually(reference, title="No invoice of May")
        assert state["status"] == "IN_PROGRESS"


async def test_an_action_is_answered_completed_and_reviewed_by_somebody_else(
    desk: ServedDesk,
) -> None:
    action = {"key": "run", "checklist": [{"key": "there", "text": "Is it there?"}]}
    steps = [{"key": "only", "actions": [action | {"peer_review": True}]}]
    case = await desk.running_stack.case(
        definition={"name": "checked", "queue": QUEUE, "steps": steps}, by="amy", queue=QUEUE
    )
    reference = f"{case}-A1"
    await desk.running_stack.eventually(reference, status="TO_DO")
    async with desk.person() as amy, desk.person("bob", casekeep_language="en") as bob:
        await post_form(amy, f"/items/{reference}/do/start")
        page = await amy.get(f"/items/{reference}")
        assert "resolve-reason" in page.text
        assert 'name="outcome" value="complete"' not in page.text
        await post_form(
            amy, f"/items/{reference}/do/answer_checklist", **{"answer.there": "not_applicable"}
        )
        page = await amy.get(f"/items/{reference}")
        assert 'name="outcome" value="complete"' in page.text
        await post_form(amy, f"/items/{reference}/do/resolve", outcome="complete")
        await desk.running_stack.eventually(reference, in_review=True, status="TO_DO")
        assert "review" not in offered(await amy.get(f"/items/{reference}"))
        page = await bob.get(f"/items/{reference}")
        assert "review" in offered(page)
        lacking = await post_form(bob, f"/items/{reference}/do/review", verdict="fail")
        assert lacking.status_code == 422
        await post_form(bob, f"/items/{reference}/do/review", verdict="pass")
    await desk.running_stack.eventually(reference, status="CLOSED")


async def test_tickets_are_given_on_split_launched_and_merged_by_forms(desk: ServedDesk) -> None:
    unchanged, moved = await ticket(desk), await ticket(desk)
    async with desk.person() as amy:
        await post_form(amy, f"/items/{moved}/do/assign", to="bob")
        await desk.running_stack.eventually(moved, assignee="bob")
        await post_form(amy, f"/items/{moved}/do/unassign", queue="goods-receipt")
        await desk.running_stack.eventually(moved, assignee=None, queue="goods-receipt")
        await post_form(amy, f"/items/{moved}/do/merge", into=unchanged)
        await desk.running_stack.eventually(moved, status="CLOSED")
        assert f'href="/items/{unchanged}"' in (await amy.get(f"/items/{moved}")).text
        parts = {"part_title": ["one", "two"], "part_description": ["a", "b"]}
        await post_form(amy, f"/items/{unchanged}/do/split", **parts)
        state = await desk.running_stack.eventually(unchanged, status="WAIT")
        assert {each["title"] for each in state["awaited"]} == {"one", "two"}
        page = await amy.get(f"/items/{unchanged}")
        assert "What it waits for" in page.text
        launching = await ticket(desk)
        await post_form(
            amy,
            f"/items/{launching}/do/launch_case",
            definition="supplier-invoice",
            short_description="Pay it",
        )
        state = await desk.running_stack.eventually(launching, status="WAIT")
        assert state["wait"]["type"] == "case_launched"


async def test_a_step_is_done_again_by_a_form(desk: ServedDesk) -> None:
    reference = await case(desk)
    await desk.running_stack.do(reference, "start")
    async with desk.person() as amy:
        page = await amy.get(f"/items/{reference}")
        assert '<option value="go" >Go there</option>' in page.text
        await post_form(amy, f"/items/{reference}/do/rework", step="go", reason="Once more.")
        await desk.running_stack.eventually(f"{reference}-A4", status="TO_DO")
        page = await amy.get(f"/items/{reference}")
        assert page.text.count("copy 2") == 2
        await post_form(
            amy, f"/items/{reference}/do/start_action", title="Call them", performer="human"
        )
        state = await desk.running_stack.eventually(f"{reference}-A5", status="TO_DO")
        assert (state["title"], state["performer"]) == ("Call them", "human")
        assert "added by hand" in (await amy.get(f"/items/{reference}")).text


async def test_every_message_after_a_command_has_words_and_nothing_else_is_shown(
    desk: ServedDesk,
) -> None:
    reference = await ticket(desk)
    async with desk.person() as amy:
        for flash in sorted(FLASHES):
            page = await amy.get(f"/items/{reference}?done={flash}")
            assert page.status_code == 200, flash
            assert 'class="notice good' in page.text, flash
        page = await amy.get(f"/items/{reference}?done=submit.title")
    assert page.status_code == 200
    assert 'class="notice good' not in page.text
