"""The SMTP server over real connections: OK is sent once the mail is committed (M3)."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from sqlalchemy import Engine

from catalog.mailboxes import Mailbox
from mail.limits import MAX_RAW_BYTES
from mailroom.acceptance import AcceptanceQueue
from mailroom.routing import MailRouter
from mailroom.smtp_server import MAX_RECIPIENTS, serve_smtp
from store.engine import open_engine
from store.mail import inbound_mail
from store.schema.tables import InboundMailState

DESK: Final = "desk@desk.example"
OTHER: Final = "other@desk.example"
IDA: Final = "ida@example.org"
RAW: Final = "From: Ida <ida@example.org>\r\nMessage-ID: <{}@x>\r\nSubject: Papers\r\n\r\nHello\r\n"


@asynccontextmanager
async def smtp_port(engine: Engine) -> AsyncIterator[int]:
    """Start a server that stores mails in this database and return its port."""
    mailbox = Mailbox(ticket="question")
    acceptance = AcceptanceQueue(
        engine, MailRouter(engine, {DESK: mailbox, OTHER: mailbox}), budget=3
    )
    async with serve_smtp(acceptance, "127.0.0.1:0") as port:
        yield port
    acceptance.close()


def accepted_mails(engine: Engine) -> int:
    return inbound_mail.count_by_state(engine)[InboundMailState.ACCEPTED]


# M3
async def test_ok_is_said_once_the_mail_is_kept(engine: Engine) -> None:
    def converse(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            for times in (1, 2):
                smtp.sendmail(IDA, [DESK], RAW.format("1"))
                assert accepted_mails(engine) == 1, f"sent {times} times"
            smtp.sendmail(IDA, [DESK, OTHER, DESK], RAW.format("2"))
            assert accepted_mails(engine) == 3

    async with smtp_port(engine) as port:
        await asyncio.to_thread(converse, port)


# M3
async def test_by_lmtp_there_is_an_answer_for_each_recipient(engine: Engine) -> None:
    def converse(port: int) -> None:
        with smtplib.LMTP("127.0.0.1", port) as lmtp:
            lmtp.ehlo_or_helo_if_needed()  # says LHLO; its sendmail reads one answer only
            lmtp.mail(IDA)
            for address in (DESK, OTHER):
                lmtp.rcpt(address)
            assert lmtp.data(RAW.format("1"))[0] == 250
            assert lmtp.getreply()[0] == 250
            assert lmtp.noop()[0] == 250
        assert accepted_mails(engine) == 2

    async with smtp_port(engine) as port:
        await asyncio.to_thread(converse, port)


# M3
async def test_what_cannot_be_kept_now_is_to_be_sent_again(unused_tcp_port: int) -> None:
    nowhere = open_engine(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none")

    def converse(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            for _ in range(2):
                with pytest.raises(smtplib.SMTPDataError, match="try again later") as refused:
                    smtp.sendmail(IDA, [DESK], RAW.format("1"))
                assert refused.value.smtp_code == 451

    async with smtp_port(nowhere) as port:
        await asyncio.to_thread(converse, port)
    nowhere.dispose()


# M3
async def test_too_many_recipients_are_for_another_mail_and_too_large_is_too_large(
    engine: Engine,
) -> None:
    many = [f"desk+{number}@desk.example" for number in range(MAX_RECIPIENTS + 1)]

    def converse(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            assert list(smtp.sendmail(IDA, many, RAW.format("1"))) == [many[-1]]
            with pytest.raises(smtplib.SMTPSenderRefused, match="message size") as refused:
                smtp.sendmail(IDA, [DESK], "x" * (MAX_RAW_BYTES + 1))
            assert refused.value.smtp_code == 552
        assert accepted_mails(engine) == 1

    async with smtp_port(engine) as port:
        await asyncio.to_thread(converse, port)
