"""Mails out: their text and headers, and how answers to them are recognised (M1, M4, M5)."""

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.base.values import Template, Title, is_address
from domain.model.items import Mail
from mail.address_book import AddressBook, Language, SenderIdentity, parse_language
from mail.composition import OutgoingMessage, compose, message_id_of
from mail.item_match import split_address
from mail.message_ids import (
    add_reference_to_subject,
    is_own_message_id,
    item_address,
    sign_message_id,
)
from mail.parser import parse_mail
from mail.smtp_settings import InvalidSmtpUrl, SmtpSettings, TlsMode, parse_smtp_url
from tests.support.builders import NOW
from tests.support.hostile_mail_process import INJECTED

SECRET: Final = b"s" * 32
DESK: Final = "desk@desk.example"


def outgoing(**fields: Any) -> OutgoingMessage:  # noqa: ANN401
    written = {name: fields.pop(name) for name in list(fields) if name in _OF_MAIL}
    mail = Mail(
        **{
            "key": "T-1:2:0",
            "to": ("ida@example.org",),
            "subject": "Your invoice",
            "body": "Here it is.",
            "about": "No invoice",
            **written,
        }
    )
    known: dict[str, Any] = {
        "mail": mail,
        "run": "run",
        "reference": "T-1",
        "kind": "Ticket",
        "to": mail.to,
        "cc": (),
        "sender": SenderIdentity(address=DESK, name="The desk"),
        "language": Language.EN,
        "queued_at": NOW,
    }
    return OutgoingMessage(**(known | fields))


_OF_MAIL: Final = {"subject", "body", "about", "template", "thread", "key"}


def sent(**fields: Any) -> EmailMessage:  # noqa: ANN401
    message = message_from_bytes(compose(outgoing(**fields), SECRET), policy=default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def body(message: EmailMessage, subtype: str = "plain") -> str:
    part = message.get_body((subtype,))
    assert part is not None
    text = part.get_content()
    assert isinstance(text, str)
    return text


# M5
def test_a_mail_in_a_conversation_names_those_before_it() -> None:
    thread = ("<a@example.org>", "T-1:1:0", "b@example.org")
    message = sent(thread=thread)
    ours = sign_message_id(SECRET, run="run", key="T-1:1:0", domain="desk.example")
    assert message["references"].split() == ["<a@example.org>", ours, "<b@example.org>"]
    assert message["in-reply-to"] == "<b@example.org>"
    assert message["message-id"] == message_id_of(SECRET, outgoing())


def test_a_first_mail_names_none() -> None:
    assert (sent()["references"], sent()["in-reply-to"]) == (None, None)


# M5: a header that was injected into what we answer goes no further
@pytest.mark.parametrize(
    "message_id_header", ["<a b@x>", "<a@x>\r\nBcc: eve@example.org", "<ä@x>", "<>"]
)
def test_a_message_id_that_is_none_is_not_named(message_id_header: str) -> None:
    message = sent(thread=("<a@example.org>", message_id_header))
    assert message["references"] == "<a@example.org>"
    assert message["bcc"] is None


# M5
def test_long_message_ids_are_written_as_they_are() -> None:
    long = f"<{'x' * 200}@example.org>"
    raw = compose(outgoing(thread=(long, "<b@example.org>")), SECRET)
    assert f"References: {long}\r\n <b@example.org>\r\n".encode() in raw


# M5
def test_a_retry_is_the_same_mail_to_the_byte() -> None:
    assert compose(outgoing(), SECRET) == compose(outgoing(), SECRET)


# M5
def test_the_reference_is_in_the_subject_once() -> None:
    assert add_reference_to_subject("T-1", "Re: [T-1] Your invoice") == "Re: [T-1] Your invoice"
    assert add_reference_to_subject("T-1", "Your invoice") == "[T-1] Your invoice"
    assert add_reference_to_subject("T-1", "") == "[T-1]"
    assert add_reference_to_subject("T-1", "[T-11] Your invoice") == "[T-1] [T-11] Your invoice"


# M5
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("template", list(Template))
def test_every_template_says_it_as_text_and_as_html(template: Template, language: Language) -> None:
    message = sent(template=template, language=language, subject="", body="Because of <b> & co.")
    about_html = "No invoice" if template not in {Template.MESSAGE, Template.DUE} else ""
    assert "T-1" in str(message["subject"])
    assert "No invoice" in str(message["subject"])
    assert "T-1" in body(message)
    assert about_html in body(message, "html")
    assert f'<html lang="{language}">' in body(message, "html")
    assert "<b> &" not in body(message, "html")
    if template is not Template.ACKNOWLEDGEMENT:
        assert "Because of <b> & co." in body(message)
        assert "Because of &lt;b&gt; &amp; co." in body(message, "html")


# M4
@pytest.mark.parametrize(
    ("template", "automatic"),
    [
        (Template.MESSAGE, None),
        (Template.RESOLUTION, None),
        (Template.ACKNOWLEDGEMENT, "auto-replied"),
        (Template.ATTENTION, "auto-generated"),
        (Template.ASSIGNMENT, "auto-generated"),
        (Template.DUE, "auto-generated"),
    ],
)
def test_what_we_write_by_ourselves_says_so(template: Template, automatic: str | None) -> None:
    message = sent(template=template)
    assert message["auto-submitted"] == automatic
    assert (message["x-auto-response-suppress"] is None) == (automatic is None)


def test_a_mail_that_was_queued_before_there_were_templates_is_sent_as_it_is() -> None:
    assert body(sent()).splitlines()[0] == "Here it is."


def test_a_resolution_without_subject_is_named_after_the_item() -> None:
    message = sent(template=Template.RESOLUTION, subject="", language=Language.FR)
    assert message["subject"] == "[T-1] Résolu : No invoice"


def _is_title(text: str) -> bool:
    try:
        TypeAdapter[str](Title).validate_python(text)
    except ValidationError:
        return False
    return True


_titles = st.text().filter(_is_title)


# M5
@pytest.mark.slow
@given(subject=_titles, name=_titles, text=st.text(st.characters(codec="utf-8")))
def test_whatever_people_write_makes_a_mail_and_no_header(
    subject: str, name: str, text: str
) -> None:
    head = SenderIdentity(address=DESK, name=name)
    raw = compose(outgoing(subject=subject, body=text, sender=head), SECRET)
    message = message_from_bytes(raw, policy=default)
    assert set(message.keys()) == {
        *("Message-ID", "From", "To", "Reply-To", "Subject", "Date", "MIME-Version"),
        "Content-Type",
    }
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@given(st.binary(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_a_signed_message_id_is_ours_and_no_one_elses(secret: bytes, run: str, key: str) -> None:
    """A reply to an automatic mail is marked as one (M4)."""
    ours = sign_message_id(secret, run=run, key=key, domain="desk.example")
    assert is_own_message_id(secret, ours)
    assert is_own_message_id(secret, ours.upper())
    assert not is_own_message_id(secret + b"x", ours)
    other = sign_message_id(secret, run=run + "x", key=key, domain="desk.example")
    forged = f"{ours.partition('.')[0]}.{other.partition('.')[2]}"
    assert not is_own_message_id(secret, forged)


# M4
@pytest.mark.parametrize(
    "message_id_header", ["", "<>", "<a@b>", "<a.b@c>", f"<{'0' * 24}.{'0' * 24}@x>"]
)
def test_other_message_ids_are_not_ours(message_id_header: str) -> None:
    assert not is_own_message_id(SECRET, message_id_header)


# M1
@pytest.mark.parametrize("reference", ["T-7F3K9Q2D", "C-daily-2026-12-01T10:00:00Z", "C-1-A12"])
def test_an_items_own_address_leads_back_to_it(reference: str) -> None:
    address = item_address(DESK, reference)
    assert split_address(address) == (DESK, reference)
    assert split_address(address.replace("desk", "DESK")) == (DESK, reference)


# M1
def test_an_address_that_would_be_too_long_is_the_desks() -> None:
    assert item_address(DESK, "x" * 60) == DESK
    message = sent(reference="x" * 60)
    assert message["reply-to"] is None


def test_a_domain_beyond_ascii_has_an_ascii_message_id() -> None:
    head = SenderIdentity(address="desk@exämple.org")
    assert message_id_of(SECRET, outgoing(sender=head)).endswith("@ex-mple.org>")
    assert b"desk@ex\xc3\xa4mple.org" in compose(outgoing(sender=head), SECRET)


def test_a_queue_has_its_own_letterhead_where_no_category_has() -> None:
    first, by_queue, by_category = (
        SenderIdentity(address="a@desk.example"),
        SenderIdentity(address="b@desk.example", queues=frozenset({"pay"})),
        SenderIdentity(address="c@desk.example", categories=frozenset({"bonus"})),
    )
    directory = AddressBook(senders=(first, by_queue, by_category))
    assert directory.sender_for(category=None, queue="other") is first
    assert directory.sender_for(category="x", queue="pay") is by_queue
    assert directory.sender_for(category="bonus", queue="pay") is by_category


def test_languages_are_known_by_their_names() -> None:
    assert parse_language("fr-CA") is Language.FR
    assert parse_language("EN") is Language.EN
    assert parse_language("de") is None
    assert parse_language("") is None


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example", SmtpSettings(host="mail.example", port=25)),
        ("smtp://mail.example:587/", SmtpSettings(host="mail.example", port=587)),
        (
            "smtps://amy%40x:p%2Fw@mail.example",
            SmtpSettings(
                host="mail.example",
                port=465,
                user="amy@x",
                password="p/w",  # noqa: S106 - no one's
                tls=TlsMode.IMPLICIT,
            ),
        ),
        (
            "smtp://mail.example?tls=always&verify=no",
            SmtpSettings(host="mail.example", port=25, tls=TlsMode.ALWAYS, verify=False),
        ),
    ],
)
def test_a_mail_server_is_named_by_a_url(url: str, relay: SmtpSettings) -> None:
    assert parse_smtp_url(url) == relay
    assert replace(parse_smtp_url(url), port=1).port == 1


@pytest.mark.parametrize(
    "url",
    [
        *("", "mail.example:25", "http://mail.example", "smtp://", "smtp://mail.example/folder"),
        *("smtp://mail.example:port", "smtp://mail.example?tls=maybe", "smtp://x?colour=red"),
        *("smtp://[1", "smtp://x?tls="),
    ],
)
def test_a_url_that_names_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidSmtpUrl, match=r"give smtp://|there are tls="):
        parse_smtp_url(url)


# M5: neither what a mail calls itself nor who it says it is from becomes a header of our answer
@pytest.mark.parametrize("template", list(Template))
def test_headers_that_a_mail_injects_are_none_of_its_answer(template: Template) -> None:
    received = parse_mail(INJECTED)
    assert "\n" not in received.subject + received.sender.name
    message = sent(
        template=template,
        subject=received.subject if template is Template.RESOLUTION else "",
        about=received.subject,
        body=received.text,
        thread=(f"<{received.message_id}>", *(f"<{each}>" for each in received.references)),
        to=(received.sender.address,),
    )
    assert message["to"] == "ida@example.org"
    assert message["bcc"] is None
    assert message["references"].split() == ["<x@y>", "<ok@example.org>"]
    known = {"auto-submitted", "x-auto-response-suppress", "mime-version", "content-type"}
    assert {name.lower() for name in message.keys()} <= known | {  # noqa: SIM118 - no mapping
        *("message-id", "in-reply-to", "references"),
        *("from", "to", "reply-to", "subject", "date"),
    }
    assert "eve@evil.example" not in "".join(
        str(message[name]) for name in ("from", "to", "reply-to", "references", "in-reply-to")
    )


# T10, M5: no address that a header, or a database, cannot take
@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *(("ida@example.org", True), ("i+d=a@example.org", True), ("ü@exämple.org", True)),
        *(("ida", False), ("ida@", False), ("@example.org", False), ("i@d@a.example", False)),
        *(("i a@example.org", False), ("<ida@example.org>", False), ("ida@example.org\n", False)),
        *(("a\0@b.example", False), ("a@b\x01.example", False), ("a\x7f@b.example", False)),
        *(("a,b@c.example", False), ('"a"@b.example', False), ("a@b.example\x85", False)),
    ],
)
def test_an_address_is_one_word_of_plain_signs(text: str, *, is_one: bool) -> None:
    assert is_address(text) is is_one
