"""Mails from a real store over SMTP to a server that answers as the test says (M5)."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Engine, select
from temporalio.exceptions import ApplicationError

from activities.mail_out import GIVE_UP_AFTER, MailSender, SmtpDelivery
from activities.smtp_client import SmtpClient
from domain.model.items import Mail
from mail.address_book import AddressBook, Language, SenderIdentity, StaffContact
from mail.message_ids import is_own_message_id
from mail.smtp_settings import parse_smtp_url
from store.auth.shared_secrets import MESSAGE_ID_KEY, get_secret
from store.engine import read_connection
from store.mail.outbound_mail import (
    MailKey,
    find_mails_by_message_id,
    get_outbound_mail,
    record_bounce,
)
from store.projection.writer import GroupWriter
from store.schema.tables import MailStatus, mail_out
from tests.support.mail_server import MailServer
from tests.support.publications import START_TIME, make_publication, ticket, write_all

RUN: Final = "run-of-T-1"
KEY: Final = "T-1:1:0"
DIRECTORY: Final = AddressBook(
    senders=(
        SenderIdentity(address="desk@desk.example", name="The desk"),
        SenderIdentity(
            address="paie@desk.example",
            name="Service paie",
            language=Language.FR,
            categories=frozenset({"pay"}),
        ),
    ),
    people={"amy": StaffContact(email="amy@desk.example", language=Language.FR)},
)


@dataclass
class Outbox:
    """A store with mails to send, and a mail server."""

    engine: Engine
    writer: GroupWriter
    url: str
    server: MailServer
    now: datetime = START_TIME
    address_book: AddressBook = DIRECTORY
    queued: list[str] = field(default_factory=list)

    def queue(self, key: str = KEY, *, category: str | None = None, **fields: Any) -> None:  # noqa: ANN401
        defaults = {"to": ("ida@example.org",), "subject": "Your invoice", "body": "Here it is."}
        mail = Mail(key=key, **(defaults | fields))
        write_all(self.writer.put, make_publication(ticket(category=category), mails=(mail,)))

    async def send(self, key: str = KEY, url: str | None = None) -> str | None:
        secret = get_secret(self.engine, MESSAGE_ID_KEY)
        transmit = SmtpClient(parse_smtp_url(url or self.url)).transmit
        sending = SmtpDelivery(
            self.engine, transmit, self.address_book, secret, clock=lambda: self.now
        )
        return await MailSender(sending).send(RUN, key)

    async def failed(self, key: str = KEY, url: str | None = None) -> ApplicationError:
        with pytest.raises(ApplicationError) as caught:
            await self.send(key, url)
        return caught.value

    def status(self, key: str = KEY) -> MailStatus:
        return get_outbound_mail(self.engine, key, run=RUN).status


@pytest.fixture
async def outbox(engine: Engine, writer: GroupWriter) -> AsyncIterator[Outbox]:
    server = MailServer()
    async with server.listening() as url:
        yield Outbox(engine, writer, url, server)


# M5
async def test_a_mail_is_sent_once_with_its_reference_and_an_address_of_its_own(
    outbox: Outbox,
) -> None:
    outbox.queue(cc=("bo@example.org",))
    assert await outbox.send() is None
    assert await outbox.send() is None
    (got,) = outbox.server.delivered
    assert got.recipients == ("ida@example.org", "bo@example.org")
    assert got.sender == "desk+T-1@desk.example"
    message = got.message
    assert message["from"] == "The desk <desk@desk.example>"
    assert (message["to"], message["cc"]) == ("ida@example.org", "bo@example.org")
    assert message["reply-to"] == "The desk <desk+T-1@desk.example>"
    assert message["subject"] == "[T-1] Your invoice"
    assert message["auto-submitted"] is None
    assert "Here it is." in got.part("plain")
    assert "Here it is." in got.part("html")
    assert outbox.status() is MailStatus.SENT


# M4, M5
async def test_its_message_id_is_ours_and_leads_back_to_it(outbox: Outbox) -> None:
    outbox.queue()
    await outbox.send()
    result = str(outbox.server.delivered[0].message["message-id"])
    assert is_own_message_id(get_secret(outbox.engine, MESSAGE_ID_KEY), result)
    assert not is_own_message_id(b"another desk's", result)
    assert find_mails_by_message_id(outbox.engine, [result, "<x@y>"]) == {
        result: MailKey(reference="T-1", run=RUN, key=KEY)
    }


# M5
async def test_a_mail_whose_taking_was_not_heard_goes_out_again_as_the_same(
    outbox: Outbox,
) -> None:
    outbox.queue()
    outbox.server.drops_connection = True
    assert not (await outbox.failed()).non_retryable
    outbox.server.drops_connection = False
    outbox.now += timedelta(minutes=5)
    await outbox.send()
    first, second = outbox.server.delivered
    assert first.raw == second.raw


# M5
async def test_a_mail_keeps_its_message_id_and_answers_others_by_theirs_whatever_changes(
    outbox: Outbox,
) -> None:
    outbox.queue()
    outbox.server.reply = "451 later"
    await outbox.failed()
    outbox.server.reply = "250 OK"
    outbox.address_book = AddressBook(senders=(SenderIdentity(address="new@new.example"),))
    await outbox.send()
    outbox.queue("T-1:2:0", thread=(KEY,))
    await outbox.send("T-1:2:0")
    first, second = (got.message for got in outbox.server.delivered)
    assert str(first["message-id"]).endswith("@desk.example>")
    assert second["in-reply-to"] == first["message-id"]
    assert str(second["message-id"]).endswith("@new.example>")


# M5
async def test_a_server_that_is_away_is_asked_again_for_a_day(outbox: Outbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"smtp://127.0.0.1:{closed.getsockname()[1]}"
    outbox.queue()
    problem = await outbox.failed(url=nowhere)
    assert not problem.non_retryable
    outbox.now += GIVE_UP_AFTER - timedelta(seconds=1)
    assert not (await outbox.failed(url=nowhere)).non_retryable
    assert outbox.status() is MailStatus.QUEUED
    outbox.now += timedelta(seconds=1)
    problem = await outbox.failed(url=nowhere)
    assert problem.non_retryable
    assert "given up after 24 hours" in str(problem)
    assert outbox.status() is MailStatus.GIVEN_UP
    assert str(await outbox.failed()) == str(problem)
    assert outbox.server.delivered == []


# M5: an unreachable server is no failure
async def test_the_day_begins_with_the_first_try(outbox: Outbox) -> None:
    outbox.queue()
    outbox.server.reply = "451 later"
    outbox.now += timedelta(days=3)
    assert not (await outbox.failed()).non_retryable
    outbox.server.reply = "250 OK"
    assert await outbox.send() is None


# M5
async def test_a_mail_that_is_refused_for_good_fails_at_once(outbox: Outbox) -> None:
    outbox.queue()
    outbox.server.reply = "554 we take no such mails"
    problem = await outbox.failed()
    assert problem.non_retryable
    assert "554 we take no such mails" in str(problem)
    assert outbox.status() is MailStatus.FAILED
    outbox.server.reply = "250 OK"
    assert str(await outbox.failed()) == str(problem)
    assert outbox.server.delivered == []


# M5
async def test_each_recipient_gets_it_once_and_the_others_are_told(outbox: Outbox) -> None:
    outbox.queue(to=("ida@example.org", "bo@example.org", "cy@example.org"))
    outbox.server.recipient_replies = {
        "bo@example.org": "450 greylisted",
        "cy@example.org": "550 no such user",
    }
    assert not (await outbox.failed()).non_retryable
    del outbox.server.recipient_replies["bo@example.org"]
    problem = await outbox.send()
    assert problem == "cy@example.org: 550 no such user"
    assert [got.recipients for got in outbox.server.delivered] == [
        ("ida@example.org",),
        ("bo@example.org",),
    ]
    assert outbox.server.recipient_counts["cy@example.org"] == 1
    assert (
        outbox.server.delivered[0].message["message-id"]
        == outbox.server.delivered[1].message["message-id"]
    )
    assert await outbox.send() == problem
    assert outbox.status() is MailStatus.SENT


# M5
async def test_nobody_reached_is_a_failure(outbox: Outbox) -> None:
    outbox.queue(to=("ida@example.org", "cy@example.org"))
    outbox.server.recipient_replies = dict.fromkeys(
        ["ida@example.org", "cy@example.org"], "550 unknown"
    )
    problem = await outbox.failed()
    assert problem.non_retryable
    assert "ida@example.org: 550 unknown; cy@example.org: 550 unknown" in str(problem)


# K7, M5
async def test_people_of_the_desk_are_found_by_account_and_written_to_in_their_language(
    outbox: Outbox,
) -> None:
    outbox.queue(
        to=("lead@example.org",),
        accounts=("amy", "stranger"),
        template="attention",
        about="Facture",
        body="Action T-1-A1 failed.",
    )
    await outbox.send()
    (got,) = outbox.server.delivered
    assert got.recipients == ("lead@example.org", "amy@desk.example")
    assert got.message["subject"] == "[T-1] Facture demande votre attention"
    assert got.message["auto-submitted"] == "auto-generated"
    assert "Action T-1-A1 failed." in got.part("html")


# M5
async def test_a_mail_to_nobody_that_is_known_fails_and_says_the_way_out(outbox: Outbox) -> None:
    outbox.queue(to=(), accounts=("stranger",), template="attention")
    problem = await outbox.failed()
    assert problem.non_retryable
    assert "no mail address of stranger is known: add it to people.yaml" in str(problem)


async def test_who_has_no_address_is_not_told_of_an_assignment(outbox: Outbox) -> None:
    outbox.queue(to=(), accounts=("stranger",), template="assignment")
    assert await outbox.send() is None
    assert outbox.status() is MailStatus.KEPT


# M5
async def test_a_category_writes_from_its_own_address_in_its_language(outbox: Outbox) -> None:
    outbox.queue(category="pay", template="acknowledgement", about="Bulletin")
    await outbox.send()
    (got,) = outbox.server.delivered
    assert got.message["from"] == "Service paie <paie@desk.example>"
    assert got.message["subject"] == "[T-1] Bien reçu : Bulletin"
    assert got.message["auto-submitted"] == "auto-replied"


async def test_a_desk_that_has_said_nothing_writes_all_the_same(outbox: Outbox) -> None:
    outbox.address_book = AddressBook()
    outbox.queue()
    await outbox.send()
    assert outbox.server.delivered[0].message["from"] == "Casekeep <casekeep@localhost>"


async def test_an_address_with_odd_dots_is_left_to_the_server(outbox: Outbox) -> None:
    outbox.queue(to=("a..b.@example.org",))
    await outbox.send()
    assert outbox.server.delivered[0].recipients == ("a..b.@example.org",)


async def test_addresses_beyond_ascii_are_written_to_a_server_that_takes_them(
    outbox: Outbox,
) -> None:
    outbox.queue(to=("zoë@exämple.org",), subject="Grüße")
    await outbox.send()
    (got,) = outbox.server.delivered
    assert got.recipients == ("zoë@exämple.org",)
    assert got.message["subject"] == "[T-1] Grüße"


# M5
async def test_a_mail_that_came_back_has_failed(outbox: Outbox) -> None:
    outbox.queue()
    await outbox.send()
    record_bounce(outbox.engine, KEY, run=RUN, problem="550 no such user")
    assert outbox.status() is MailStatus.FAILED


# M5: publishing again (a task that ran again) does not undo what became of a mail
async def test_a_mail_that_is_published_again_is_still_the_same_try(outbox: Outbox) -> None:
    outbox.queue()
    outbox.server.reply = "451 later"
    await outbox.failed()
    outbox.queue()
    result = get_outbound_mail(outbox.engine, KEY, run=RUN)
    assert (result.tries, result.tried_at) == (1, START_TIME)
    with read_connection(outbox.engine) as connection:
        assert connection.scalar(select(mail_out.c.last_error)) is not None


def test_the_desk_has_one_secret_of_a_name(engine: Engine) -> None:
    assert get_secret(engine, "a") == get_secret(engine, "a")
    assert get_secret(engine, "a") != get_secret(engine, "b")
    assert len(get_secret(engine, "a")) == 32
