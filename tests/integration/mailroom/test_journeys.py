"""Mails from an item to a mail server, through real workers that are killed on the way (M5)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from catalog.mailboxes import Mailbox
from mailroom.routing import create_router
from store.engine import read_connection
from store.schema.tables import mail_out
from tests.support.mail_server import DeliveredMail, MailServer
from tests.support.mailrooms import DESK, Mailroom, make_mail, plus_address
from tests.support.process_stack import RunningStack, assert_eventually, running_stack

IDA: Final = "ida@example.org"
PROVING: Final = {"feedback_window": "P1D", "resolution_evidence": True}


@asynccontextmanager
async def stack_with_smtp(folder: Path, server: MailServer) -> AsyncIterator[RunningStack]:
    """Start a stack that sends its mails to this server."""
    catalog = folder / "catalog"
    catalog.mkdir()
    (catalog / "senders.yaml").write_text("desk@desk.example: {name: The desk}\n")
    (catalog / "people.yaml").write_text(
        "bob: {email: bob@desk.example, language: fr}\namy: {email: amy@desk.example}\n"
    )
    database = f"sqlite:///{folder / 'casekeep.db'}"
    async with (
        server.listening() as url,
        running_stack(folder, database, catalog=catalog, smtp_url=url) as desk,
    ):
        yield desk


async def wait_for_mails(server: MailServer, count: int) -> list[DeliveredMail]:
    """Wait until the server has this number of mails and return them."""

    async def check() -> None:
        assert len(server.delivered) >= count

    await assert_eventually(check)
    assert len(server.delivered) == count
    return server.delivered


def statuses(desk: RunningStack) -> list[str]:
    with read_connection(desk.engine) as connection:
        return list(connection.scalars(select(mail_out.c.status)).all())


# M5, T10, T12
async def test_a_conversation_by_mail_is_one_thread(tmp_path: Path) -> None:
    server = MailServer()
    async with stack_with_smtp(tmp_path, server) as desk:
        item = await desk.ticket(settings=PROVING)
        await desk.do(item, "receive_email", by="system", message_id="<a@example.org>", sender=IDA)
        await desk.tell(item, "acknowledge", by="system", to=IDA, language="fr")
        (told,) = await wait_for_mails(server, 1)
        assert told.message["in-reply-to"] == "<a@example.org>"
        assert told.message["auto-submitted"] == "auto-replied"
        assert told.message["subject"] == f"[{item}] Bien reçu : No invoice"
        await desk.do(item, "assign", to="bob")
        await wait_for_mails(server, 2)
        assert server.delivered[1].recipients == ("bob@desk.example",)
        assert f"{item}" in server.delivered[1].part("html")
        answer = await desk.do(
            item,
            "send_and_resolve",
            by="bob",
            method="customer_response",
            to=IDA,
            subject="Your invoice",
            body="Here it is.",
        )
        assert answer["status"] == "RESOLVED"
        await wait_for_mails(server, 3)
        answered = server.delivered[2].message
        assert answered["references"].split() == ["<a@example.org>", told.message["message-id"]]
        assert answered["reply-to"] == f"The desk <desk+{item}@desk.example>"


# M5, T9
async def test_a_resolution_that_is_refused_reopens_and_is_no_evidence(tmp_path: Path) -> None:
    server = MailServer(recipient_replies={IDA: "550 no such user"})
    async with stack_with_smtp(tmp_path, server) as desk:
        item = await desk.ticket(settings=PROVING)
        await desk.do(item, "start")
        await desk.do(
            item, "send_and_resolve", method="customer_response", to=IDA, body="Here it is."
        )
        state = await desk.eventually(item, status="TO_DO", assignee="amy")
        assert state["new_information"]
        assert "550 no such user" in (await desk.timeline(item))[-1]["reason"]
        with pytest.raises(Exception, match="needs evidence"):
            await desk.desk.execute(item, "resolve", {"by": "amy", "method": "customer_response"})


# M5
@pytest.mark.soak
async def test_a_worker_killed_between_the_sending_and_the_noting_sends_the_same_mail_again(
    tmp_path: Path,
) -> None:
    server = MailServer()
    async with stack_with_smtp(tmp_path, server) as desk:
        server.on_first_delivery = desk.stack.kill_worker
        item = await desk.ticket()
        await desk.do(item, "send_email", to=IDA, subject="Hello", body="Here it is.")
        await wait_for_mails(server, 1)
        await desk.stack.start_worker()
        first, second = await wait_for_mails(server, 2)
        assert first.raw == second.raw

        async def sent() -> None:
            assert statuses(desk) == ["sent"]

        await assert_eventually(sent)
        assert not (await desk.desk.state(item))["new_information"]


# M5
async def test_a_mail_waits_for_a_mail_server_that_is_down(tmp_path: Path) -> None:
    server = MailServer(reply="421 closing")
    async with stack_with_smtp(tmp_path, server) as desk:
        item = await desk.ticket()
        await desk.do(item, "send_email", to=IDA, subject="Hello")

        async def tried() -> None:
            assert server.recipient_counts[IDA] > 0

        await assert_eventually(tried)
        assert statuses(desk) == ["queued"]
        server.reply = "250 OK"
        await wait_for_mails(server, 1)
        assert not (await desk.desk.state(item))["new_information"]


# M5, M4: most bounces say whom they did not reach, and nothing of the mail
async def test_a_bounce_that_names_no_mail_is_of_the_last_one_sent_to_who_it_names(
    tmp_path: Path,
) -> None:
    server = MailServer()
    async with stack_with_smtp(tmp_path, server) as desk:
        item = await desk.ticket(settings=PROVING)
        await desk.do(item, "send_and_resolve", method="customer_response", to=IDA, body="Here.")
        await wait_for_mails(server, 1)

        async def sent() -> None:
            assert statuses(desk) == ["sent"]

        await assert_eventually(sent)
        mails_in = Mailroom(desk, create_router(desk.engine, {DESK: Mailbox(ticket="question")}))
        for recipient in ("bob@example.org", IDA):
            assert (await desk.desk.state(item))["status"] == "RESOLVED"
            bounce = make_mail(
                sender="MAILER-DAEMON@mx.example",
                subject="failure notice",
                body="Hi. This is the qmail-send program at mx.example.\n"
                f"I'm afraid I wasn't able to deliver.\n\n<{recipient}>:\nno mailbox here\n",
            )
            (accepted,) = await mails_in.accept(
                bounce, plus_address(DESK, item), envelope_sender=""
            )
            await mails_in.deliver()
            assert mails_in.items_with(accepted) == [item]
        back = await desk.eventually(item, status="TO_DO", assignee="amy", new_information=True)
        assert back["resolution"] is None
        assert statuses(desk) == ["failed"]
        told = [entry["reason"] or "" for entry in await desk.timeline(item)]
        assert sum("was not delivered: it came back: failure notice" in each for each in told) == 1
