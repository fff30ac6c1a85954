"""Received mails: parsed, classified, stripped of quotes, and matched to items."""
# ruff: noqa: E501 - mails have long lines

from collections.abc import Sequence

import pytest

from mail.classification import classify_mail
from mail.item_match import ItemMatch, MatchMethod, match_item, split_address
from mail.parser import ParsedMail, parse_mail
from mail.quotes import strip_quotes

HEAD = (
    b"From: Ida Berg <Ida@Example.org>\r\nTo: Desk <desk@desk.example>\r\n"
    b"Cc: bob@example.org\r\nSubject: Where is it\r\nMessage-ID: <a1@example.org>\r\n"
)


def mail(*headers: str, body: str = "Hello", head: bytes = HEAD) -> ParsedMail:
    """Parse a mail with these additional headers."""
    return parse_mail(
        head + "".join(f"{header}\r\n" for header in headers).encode() + f"\r\n{body}".encode()
    )


# M6
def test_a_plain_mail_is_read_as_it_was_written() -> None:
    received = mail("In-Reply-To: <q@desk.example>", "References: <p@x>\r\n <q@desk.example>")
    assert (received.message_id, received.subject) == ("a1@example.org", "Where is it")
    assert (received.sender.name, received.sender.address) == ("Ida Berg", "ida@example.org")
    assert [one.address for one in received.recipients] == ["desk@desk.example", "bob@example.org"]
    assert received.in_reply_to == ("q@desk.example",)
    assert received.references == ("p@x", "q@desk.example")
    assert received.text == "Hello"


def test_words_in_any_charset_are_read_and_what_is_none_is_replaced() -> None:
    received = mail("X: y", head=b"Subject: =?iso-8859-1?q?r=E9clamation?= =?foo?q?x?=\r\n")
    assert received.subject.startswith("réclamation")
    garbage = parse_mail(b"Subject: \xff\xe9\r\nFrom: \xe9 <\xe9@x>\r\n\r\n\xff\xfe\x00\x01")
    assert "\x00" not in garbage.text
    garbage.text.encode()


# M1: who sent it is told from how it is written, not from what that says
def test_a_name_is_decoded_after_it_is_told_from_the_address() -> None:
    for written, name in (
        ("=?utf-8?q?M=C3=BCller=2C_Hans?= <hans@x.example>", "Müller, Hans"),
        ("=?utf-8?q?eve=40evil=2Eexample=2C?= <hans@x.example>", "eve@evil.example,"),
        (
            '"=?utf-8?q?a=0d=0aBcc:_eve=40evil.example?=" <hans@x.example>',
            "a Bcc: eve@evil.example",
        ),
        ("=?utf-8?q?=3Ceve=40evil=2Eexample=3E?= <hans@x.example>", "<eve@evil.example>"),
        ("H\xe4ns <hans@x.example>", "H\ufffdns"),
        ("=?7?= <hans@x.example>", "=?7?="),
    ):
        received = parse_mail(f"From: {written}\r\n\r\nhi".encode("latin-1"))
        assert (received.sender.name, received.sender.address) == (name, "hans@x.example")


# M6
def test_html_alone_is_made_text_and_safe() -> None:
    page = "<p>Hello</p><script>steal()</script><p>Bye <img src=http://x/y onerror=z></p>"
    received = mail("Content-Type: text/html", body=page)
    assert received.text.split() == ["Hello", "Bye"]
    assert received.html is not None
    assert not any(bad in received.html for bad in ("script", "steal", "img", "onerror"))


# M6
def test_attachments_are_told_from_the_text() -> None:
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nSee there\r\n--b\r\nContent-Type: text/plain; "
        'name="=?utf-8?q?=C3=A9t=C3=A9=2Etxt?="\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        "aGVsbG8=\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n--b--\r\n"
    )
    received = mail('Content-Type: multipart/mixed; boundary="b"', body=body)
    assert received.text == "See there"
    name, inner = received.attachments
    assert (name.name, name.content) == ("été.txt", b"hello")
    assert inner.content.startswith(b"Subject: inner")


# M3
def test_a_mail_without_an_id_has_the_same_one_however_it_came() -> None:
    first = parse_mail(b"Received: by a\r\nSubject: x\r\n\r\nbody")
    again = parse_mail(b"Received: by b\nReturn-Path: <z>\nSubject: x\n\nbody")
    other = parse_mail(b"Subject: x\r\n\r\nanother body")
    assert first.message_id == again.message_id != other.message_id
    broken = [b"hello", b"hello there", b"Subject: x\r\nhello", b"Subject: x\r\nhello\r\n\r\nyou"]
    assert len({parse_mail(raw).message_id for raw in broken}) == len(broken)


# M4
def test_line_breaks_in_a_header_become_no_second_header() -> None:
    received = mail(head=b"From: x@y.example\r\nSubject: =?utf-8?q?hi=0d=0aBcc:_a=40b?=\r\n")
    assert received.subject == "hi Bcc: a@b"


# M7
@pytest.mark.parametrize(
    "odd",
    [
        b"Content-Type: text/plain; charset=ut\0f\r\n\r\n\xe9",
        b"Content-Type: text/plain; charset*=a'b'c\r\n\r\n\xe9",
        b"Content-Type: message/rfc822\r\n\r\nContent-Type: a/b; charset=\xff\r\n\r\n\xe9 \xef",
        b"Content-Type: multipart/mixed; boundary*=a'b'\xe9\r\n\r\n\xe9",
    ],
    ids=("zero", "three parts", "attached", "boundary"),
)
def test_a_charset_that_is_none_loses_no_mail(odd: bytes) -> None:
    received = parse_mail(b"From: a@b.example\r\nSubject: x\r\n" + odd)
    assert (received.sender.address, received.subject) == ("a@b.example", "x")


AUTOMATIC = (
    ("Auto-Submitted: auto-replied",),
    ("Auto-Submitted: auto-generated; owner=x",),
    ("Precedence: bulk",),
    ("X-Auto-Response-Suppress: All",),
    ("X-Autoreply: yes",),
    ("Return-Path: <>",),
)


# M4
@pytest.mark.parametrize("headers", AUTOMATIC)
def test_what_says_that_nobody_wrote_it_is_automatic(headers: tuple[str, ...]) -> None:
    assert classify_mail(mail(*headers), envelope_sender="ida@example.org").is_automatic


# M4
@pytest.mark.parametrize(
    "subject",
    ["Automatic reply: x", "Out of office: x", "Réponse automatique : x", "Abwesenheitsnotiz: x"],
)
def test_an_out_of_office_answer_without_headers_is_known_by_its_subject(subject: str) -> None:
    received = mail(head=f"From: a@b.example\r\nSubject: {subject}\r\n".encode())
    assert classify_mail(received).is_automatic


# M4
def test_a_person_is_not_taken_for_a_robot() -> None:
    for headers in ((), ("Auto-Submitted: no",), ("X-Auto-Response-Suppress: OOF",)):
        assert not classify_mail(mail(*headers), envelope_sender="ida@example.org").is_automatic
    quoting = "It came back:\r\n\r\n<x@y.example>: user unknown\r\n550 5.1.1 no such user\r\n"
    assert not classify_mail(mail(body=quoting), envelope_sender="ida@example.org").is_automatic


# M4: what a list hands on was written by somebody, but we do not answer to lists
@pytest.mark.parametrize(
    "headers",
    [
        ("List-Id: <l.example>",),
        ("Precedence: list",),
        ("Precedence: bulk", "List-Unsubscribe: <mailto:l@l.example>"),
        ("X-Loop: l@l.example",),
    ],
)
def test_a_mail_by_a_list_is_somebodys_but_is_not_answered(headers: tuple[str, ...]) -> None:
    loop = classify_mail(mail(*headers), envelope_sender="bounces@l.example")
    assert (loop.is_automatic, loop.is_from_list) == (False, True)


# M4
def test_a_person_who_answers_or_shows_a_bounce_is_no_bounce() -> None:
    quoting = "What is this?\r\n\r\n<x@y.example>: user unknown\r\n550 5.1.1 no such user\r\n"
    for subject, header in (
        ("Re: Undelivered Mail Returned to Sender", "In-Reply-To: <q@x>"),
        ("Fwd: Mail delivery failed", "X-Mailer: x"),
    ):
        head = f"From: Ida <ida@example.org>\r\nSubject: {subject}\r\n".encode()
        assert not classify_mail(mail(header, head=head, body=quoting)).is_automatic


# M4
def test_a_bounce_is_known_whoever_it_says_it_is_from() -> None:
    for sender in ("", "From: \r\n", 'From: "Mail System" <>\r\n'):
        kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="r"'
        loop = classify_mail(mail(kind, body=BOUNCE, head=sender.encode()))
        assert loop.failed_recipients == ("ida@example.org",), sender


# M4
def test_the_empty_envelope_and_our_own_id_are_automatic() -> None:
    assert classify_mail(mail(), envelope_sender="").is_automatic
    assert classify_mail(mail(), is_ours=True).automatic_reason == "our own mail, come back"


BOUNCE = (
    "--r\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
    "--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
    "Final-Recipient: rfc822; ida@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "--r\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <ours@desk.example>\r\n--r--\r\n"
)


# M5
def test_a_bounce_says_whom_it_did_not_reach_and_which_mail_it_is_about() -> None:
    kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="r"'
    loop = classify_mail(mail(kind, body=BOUNCE), envelope_sender="")
    assert (loop.is_bounce, loop.is_permanent) == (True, True)
    assert loop.failed_recipients == ("ida@example.org",)
    assert loop.related_ids == ("ours@desk.example",)


REPLIES = {
    "gmail en": "Thanks\n\nOn Mon, Mar 2, 2026 at 10:00 AM Desk <d@desk.example> wrote:\n> old\n",
    "gmail fr": "Thanks\n\nLe lun. 2 mars 2026 à 10:00, Desk <d@desk.example> a écrit :\n> old\n",
    "gmail de": "Thanks\n\nAm Mo., 2. März 2026 um 10:00 Uhr schrieb Desk <d@desk.example>:\n> old\n",
    "apple en": "Thanks\n\n> On 2 Mar 2026, at 10:00, Desk <d@desk.example> wrote:\n> \n> old\n",
    "outlook en": "Thanks\n\nFrom: Desk <d@desk.example>\nSent: Monday, March 2, 2026 10:00 AM\n"
    "To: Ida\nSubject: x\n\nold\n",
    "outlook fr": "Thanks\n\nDe : Desk <d@desk.example>\nEnvoyé : lundi 2 mars 2026 10:00\nÀ : Ida\n"
    "Objet : x\n\nold\n",
    "outlook de": "Thanks\n\nVon: Desk <d@desk.example>\nGesendet: Montag, 2. März 2026 10:00\nAn: Ida\n"
    "Betreff: x\n\nold\n",
    "old outlook": "Thanks\n\n-----Original Message-----\nFrom: Desk\nSent: Monday\n\nold\n",
    "nothing quoted": "Thanks\n",
}


# M6
@pytest.mark.parametrize("client", REPLIES)
def test_a_reply_is_unwrapped_from_what_it_quotes(client: str) -> None:
    assert strip_quotes(REPLIES[client]) == "Thanks"


# M6
def test_a_forwarded_mail_stays_whole_and_one_that_is_all_quotes_too() -> None:
    forwarded = (
        "See below\n\n---------- Forwarded message ---------\nFrom: A <a@b.c>\nDate: x\n\nfwd"
    )
    assert "fwd" in strip_quotes(forwarded, is_reply=False)
    assert strip_quotes("> only this\n> and that")


PARTIES = {"T-1": frozenset({"ida@example.org"}), "C-7-A2": frozenset({"ida@example.org"})}


def matched(
    received: ParsedMail, *, to: Sequence[str] = (), known: dict[str, str] | None = None
) -> ItemMatch:
    """Match a mail at a desk with two items."""
    threads = known or {}
    return match_item(
        received,
        addresses=to,
        threads=lambda ids: next((threads[one] for one in ids if one in threads), None),
        parties=PARTIES.get,
    )


# M1
def test_the_thread_comes_before_the_address_and_that_before_the_subject() -> None:
    head = HEAD.replace(b"Where is it", b"Re: [C-7-A2] Where is it")
    answering = mail("In-Reply-To: <q@x>", head=head)
    to = ["desk+T-1@desk.example"]
    known = {"q@x": "T-9"}
    assert matched(answering, to=to, known=known) == ItemMatch(
        reference="T-9", method=MatchMethod.THREAD
    )
    assert matched(answering, to=to) == ItemMatch(reference="T-1", method=MatchMethod.ADDRESS)
    assert matched(answering) == ItemMatch(reference="C-7-A2", method=MatchMethod.SUBJECT)
    assert matched(mail("References: <p@x> <q@x>"), known=known).reference == "T-9"


# M1
def test_a_stranger_does_not_attach_to_an_item_by_guessing_its_reference() -> None:
    eve = HEAD.replace(b"Ida@Example.org", b"eve@evil.example")
    by_subject = mail(head=eve.replace(b"Where is it", b"[T-1] hello"))
    assert matched(by_subject) == ItemMatch(claimed_reference="T-1")
    assert matched(mail(head=eve), to=["desk+T-1@desk.example"]) == ItemMatch(
        claimed_reference="T-1"
    )
    assert matched(mail("In-Reply-To: <q@x>", head=eve), known={"q@x": "T-1"}).reference == "T-1"


# M1
def test_never_by_the_subject_alone_nor_by_a_reference_that_is_none() -> None:
    assert matched(mail()) == ItemMatch()
    unknown = mail(head=HEAD.replace(b"Where is it", b"[T-404] [not one] T-1"))
    assert matched(unknown, to=["desk+T-405@desk.example", "desk@desk.example"]) == ItemMatch()


# M1
def test_an_address_carries_a_reference_whatever_a_mail_server_makes_of_it() -> None:
    assert split_address("Desk+T-1@Desk.example") == ("desk@desk.example", "T-1")
    assert split_address("desk@desk.example") == ("desk@desk.example", None)
    assert split_address("desk+no good@desk.example") == ("desk@desk.example", None)
    scheduled = "desk+day-2026-12-01T07=00=00Z@desk.example"
    assert split_address(scheduled)[1] == "day-2026-12-01T07:00:00Z"
    assert matched(mail(), to=["desk+t-1@desk.example"]).reference == "T-1"
    assert split_address("nonsense")[1] is None
