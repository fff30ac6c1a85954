"""Mails are shown on their item's page as text, with attachments, to those who may see the item."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest
import pytest_asyncio

from tests.support.full_desk import ServedDesk, post_form, served_desk
from tests.support.process_stack import assert_eventually

QUEUE = "accounts-payable"
HOSTILE = "<img src=x onerror=alert(1)> & </textarea><script>alert(2)</script>"


@pytest_asyncio.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedDesk]:
    """Start a stack with a mailroom."""
    settings = {"mail_listen": "127.0.0.1:0"}
    folder = tmp_path_factory.mktemp("mails on pages")
    async with served_desk(folder, mailroom=True, settings=settings) as whole:
        yield whole


async def write_to(desk: ServedDesk, reference: str) -> None:
    """Send Ida's mail with two attachments to the item and wait until the item has it."""
    await desk.running_stack.eventually(reference, status="TO_DO")
    mail = EmailMessage()
    mail["From"] = "Ida Berg <ida@example.org>"
    mail["To"] = "invoices@desk.example"
    mail["Subject"] = f"[{reference}] {HOSTILE}"
    mail["Message-ID"] = f"<{reference}@example.org>"
    mail.set_content(f"See below.\n{HOSTILE}")
    mail.add_attachment(b"%PDF-1.7", "application", "pdf", filename='or"der\u202e; x=.pdf')
    mail.add_attachment(b"<script>alert(3)</script>", "text", "html", filename="../../page.html")
    host, _, port = str(desk.running_stack.stack.mail_listen).rpartition(":")

    def send() -> None:
        with smtplib.SMTP(host, int(port)) as server:
            server.send_message(mail)

    await asyncio.to_thread(send)

    async def has_it() -> None:
        entries = await desk.running_stack.timeline(reference)
        assert "receive_email" in {entry["command"] for entry in entries}

    await assert_eventually(has_it)


async def test_a_mail_is_text_whatever_it_says(desk: ServedDesk) -> None:
    reference = await desk.running_stack.ticket(queue=QUEUE)
    await write_to(desk, reference)
    async with desk.person() as amy:
        page = await amy.get(f"/items/{reference}")
    assert "See below." in page.text
    assert "&lt;script&gt;alert(2)" in page.text
    assert "<script>alert" not in page.text
    assert "<img" not in page.text


async def test_attachments_are_kept_and_never_shown_as_pages_of_ours(desk: ServedDesk) -> None:
    reference = await desk.running_stack.ticket(queue=QUEUE)
    other = await desk.running_stack.ticket(queue=QUEUE)
    await write_to(desk, reference)
    async with desk.person() as amy, desk.person("eva") as eva:
        page = await amy.get(f"/items/{reference}")
        there = page.text.partition(f'href="/items/{reference}/mails/')[2].partition("/")[0]
        address = f"/items/{reference}/mails/{there}/attachments/"
        document = await amy.get(f"{address}0")
        assert document.content == b"%PDF-1.7"
        assert document.headers["content-type"] == "application/pdf"
        assert document.headers["content-disposition"].startswith("attachment; ")
        program = await amy.get(f"{address}1")
        assert program.headers["content-type"] == "application/octet-stream"
        assert "/" not in program.headers["content-disposition"]
        assert (await amy.get(f"{address}2")).status_code == 404
        stranger = f"/items/{other}/mails/{there}/attachments/0"
        assert (await amy.get(stranger)).status_code == 404
        assert (await eva.get(f"{address}0")).status_code == 403


@pytest.mark.soak
async def test_what_nobody_answers_is_kept_and_done_once_when_it_is_sent_again(
    desk: ServedDesk,
) -> None:
    reference = await desk.running_stack.ticket(queue=QUEUE)
    await desk.running_stack.eventually(reference, status="TO_DO")
    fields = {
        "type": "more_information",
        "waiting_for": "the third party",
        "idempotency_key": "0123456789",
    }
    async with desk.person() as amy:
        await desk.running_stack.stack.kill_worker()
        try:
            answer = await post_form(amy, f"/items/{reference}/do/wait", **fields)
            assert answer.status_code == 503
            assert "sending it again does it once" in answer.text
            assert 'value="the third party"' in answer.text
            assert 'name="idempotency_key" value="0123456789"' in answer.text
        finally:
            await desk.running_stack.revive()
        await desk.running_stack.eventually(reference, kind="Ticket")
        again = await post_form(amy, f"/items/{reference}/do/wait", **fields)
        assert again.status_code == 303
    entries = await desk.running_stack.timeline(reference)
    assert [entry["command"] for entry in entries] == ["create", "wait"]


@pytest.mark.soak
async def test_while_no_worker_answers_the_page_shows_what_the_store_has(desk: ServedDesk) -> None:
    reference = await desk.running_stack.ticket(queue=QUEUE, title="Still here")
    case = await desk.running_stack.case(definition="supplier-invoice", queue=QUEUE)
    async with desk.person() as amy:
        assert (await amy.get(f"/items/{case}")).status_code == 200
        await desk.running_stack.stack.kill_worker()
        try:
            for there, words in ((reference, "Still here"), (case, "Verify the invoice")):
                page = await amy.get(f"/items/{there}")
                assert page.status_code == 200
                assert "No worker answers at the moment." in page.text
                assert words in page.text
                assert "/do/" not in page.text
        finally:
            await desk.running_stack.revive()
    await desk.running_stack.eventually(reference, status="TO_DO")
