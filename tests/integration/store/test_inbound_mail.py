"""Inbound mails in the store: raw, parsed, with each attachment once (M3, M4, M6, M7)."""

from typing import Final

import pytest
from sqlalchemy import Engine, func, select

from catalog.mailboxes import Mailbox
from mail.parser import parse_mail
from mailroom.routing import MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, MailRouter, ReceivedMessage
from store.engine import read_connection
from store.mail import attachments, dead_letters, inbound_mail, mail_acceptance
from store.mail.inbound_mail import InboundMail
from store.schema.tables import InboundMailState, attachment
from tests.support.hostile_mail_process import INJECTED

DESK: Final = "desk@desk.example"
OTHER: Final = "other@desk.example"
HEAD: Final = b"From: Ida Berg <ida@example.org>\r\nSubject: Papers\r\n"


def reader_for(engine: Engine) -> MailRouter:
    mailbox = Mailbox(ticket="question", acknowledge=True)
    return MailRouter(engine, {DESK: mailbox, OTHER: mailbox})


def store_mail(engine: Engine, raw: bytes, *to: str, budget: int = 3) -> list[InboundMail]:
    """Store the mail, once for each installation."""
    received_letter = ReceivedMessage(
        raw=raw, addresses=to or (DESK,), envelope_sender="ida@example.org"
    )
    return mail_acceptance.accept_mails(
        engine, reader_for(engine).route(received_letter), budget=budget
    )


def part(name: str, content: bytes, kind: str = "application/pdf") -> bytes:
    head = f'--b\r\nContent-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
    return head.encode() + content + b"\r\n"


def with_parts(*parts: bytes, key: str = "1") -> bytes:
    head = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n'
    return head + f"Message-ID: <{key}@x>\r\n\r\n".encode() + b"".join(parts) + b"--b--\r\n"


def stored_contents(engine: Engine) -> int:
    with read_connection(engine) as connection:
        return connection.scalar(select(func.count()).select_from(attachment)) or 0


# M3, M6
def test_a_mail_is_kept_as_it_came_and_once_for_each_desk(engine: Engine) -> None:
    raw = HEAD + b"Message-ID: <1@x>\r\n\r\nHello \xff\x00\r\n"
    first, second = store_mail(engine, raw, DESK, OTHER)
    assert store_mail(engine, raw, OTHER, DESK) == []
    assert {first.desk, second.desk} == {DESK, OTHER}
    assert inbound_mail.load_source(engine, first.digest) == raw
    assert inbound_mail.find_mail(engine, first.digest[:10]) == first
    assert inbound_mail.find_mail(engine, "") is None
    assert inbound_mail.count_by_state(engine)[InboundMailState.ACCEPTED] == 2


# M6
def test_what_hangs_on_several_mails_is_kept_once(engine: Engine) -> None:
    bill = part("bill.pdf", b"%PDF-")
    (one,) = store_mail(engine, with_parts(bill, part("again.pdf", b"%PDF-"), key="1"))
    (two,) = store_mail(engine, with_parts(bill, part("more.txt", b"more", "text/plain"), key="2"))
    assert stored_contents(engine) == 2
    names = [[at.name for at in attachments.list_attachments(engine, x.digest)] for x in (one, two)]
    assert names == [["bill.pdf", "again.pdf"], ["bill.pdf", "more.txt"]]
    stored = attachments.list_attachments(engine, two.digest)
    assert [attachments.load_content(engine, at.digest or "") for at in stored] == [
        b"%PDF-",
        b"more",
    ]


# M6
@pytest.mark.parametrize(
    ("name", "kind", "content", "refused"),
    [
        ("a.pdf", "application/pdf", b"x" * (MAX_ATTACHMENT_BYTES + 1), "at most"),
        ("run.EXE", "application/octet-stream", b"MZ", "a program"),
        ("run.pdf", "application/x-msdownload", b"MZ", "a program"),
        ("a.pdf.js", "text/plain", b"alert()", "a program"),
    ],
)
def test_what_is_too_large_or_a_program_is_in_the_raw_mail_alone(
    engine: Engine, name: str, kind: str, content: bytes, refused: str
) -> None:
    if len(content) > MAX_ATTACHMENT_BYTES:  # in lines, as a mail server takes them
        content = (b"x" * 900 + b"\r\n") * (MAX_ATTACHMENT_BYTES // 900)
    raw = with_parts(part(name, content, kind))
    (one,) = store_mail(engine, raw)
    (stored,) = attachments.list_attachments(engine, one.digest)
    assert (stored.name, stored.type, stored.digest) == (name, kind, None)
    assert refused in (stored.refused or "")
    assert stored.size >= len(content) - 2
    assert stored_contents(engine) == 0
    assert inbound_mail.load_source(engine, one.digest) == raw


# M6
def test_of_very_many_attachments_the_first_ones_are_kept_apart(engine: Engine) -> None:
    many = [part(f"{at}.txt", str(at).encode(), "a/b") for at in range(MAX_ATTACHMENTS)]
    (one,) = store_mail(engine, with_parts(*many[:-2]))
    assert len(attachments.list_attachments(engine, one.digest)) == MAX_ATTACHMENTS - 2
    (two,) = store_mail(engine, with_parts(*many, *many, key="2"))
    assert attachments.list_attachments(engine, two.digest) == []
    assert b"199" not in two.text.encode()


# M3: what no database takes as it is: zeros, halves of characters, control characters anywhere
@pytest.mark.parametrize(
    "raw",
    [
        bytes(range(256)) * 20,
        INJECTED,
        b"From: a\0b <a@b.example>\r\nAuto-Submitted: auto\0x\r\n\r\n\0",
        b"From: =?utf-8?b?7aCA?= <a@b.example>\r\nSubject: =?utf-8?b?7aCA?=\r\n\r\nx",
        b"From: =?utf-16?b?ANg=?= <a@b.example>\r\nSubject: =?utf-7?q?+2AA-?=\r\n\r\nx",
        b"Subject: \0\r\nMessage-ID: <\0@x>\r\nReferences: <a\0@b>\r\nX-Loop: \0\r\n\r\n\0",
        with_parts(part("a\0b", b"x", "a/b\0c")),
        b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA- +AAA-",
        b"Content-Type: text/html; charset=utf-16\r\n\r\n<p>\0\xd8x</p>",
        b"From: x@y.example\r\nPrecedence: bulk\0\r\nX-Autoreply: \0\xed\xa0\x80\r\n\r\nx",
        b"From: a\x01@b.example\r\nTo: b@c\0.example\r\n\r\nx",
        b"",
    ],
    ids=(
        *("bytes", "injected", "zeros", "halves", "utf-16", "zero in an id", "zero in a name"),
        *("utf-7", "html", "zero in headers", "zero in an address", "nothing"),
    ),
)
def test_a_mail_is_kept_whatever_is_in_it(engine: Engine, raw: bytes) -> None:
    (one,) = store_mail(engine, raw, "de\0sk@desk.example", budget=0)
    assert inbound_mail.load_source(engine, one.digest) == raw
    assert inbound_mail.find_mail(engine, one.digest) is not None
    assert parse_mail(raw).message_id == one.message_id


# M7
def test_a_dead_letter_is_tried_again_as_if_it_had_just_come(engine: Engine) -> None:
    (one,) = store_mail(engine, HEAD + b"Message-ID: <1@x>\r\n\r\nHello")
    inbound_mail.settle_mails(engine, {one.digest: "no way"})
    (dead,) = dead_letters.list_dead_letters(engine)
    assert (dead.digest, dead.reason) == (one.digest, "no way")
    assert inbound_mail.list_undelivered(engine) == []
    dead_letters.retry_dead_letter(engine, one.digest)
    assert dead_letters.list_dead_letters(engine) == []
    assert [each.digest for each in inbound_mail.list_undelivered(engine)] == [one.digest]
    assert inbound_mail.list_undelivered(engine, except_digests=[one.digest]) == []


# M4: the number of answers to one sender within an hour is limited
def test_the_budget_of_answers_is_kept_in_the_store(engine: Engine) -> None:
    mails = [HEAD + f"Message-ID: <{at}@x>\r\n\r\nHello".encode() for at in range(5)]
    answered = [each.answered for raw in mails for each in store_mail(engine, raw, budget=2)]
    assert answered == [True, True, False, False, False]
    eve = HEAD.replace(b"ida@", b"eve@") + b"Message-ID: <e@x>\r\n\r\nHello"
    assert [mail.answered for mail in store_mail(engine, eve, budget=2)] == [True]
