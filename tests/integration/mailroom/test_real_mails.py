"""Real mails of the fetched sets: parsed however broken, and stripped of their quotes (M6, M7)."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.classification import classify_mail
from mail.headers import NamedAddress
from mail.parser import parse_mail
from mail.parts import Attachment
from mail.quotes import strip_quotes
from tests.support.mail_sets import MAIL_SETS, TALON, Reply, mails_of, pages, replies

MAILS: Final = [raw for name in MAIL_SETS for raw in mails_of(name).values() if len(raw) < 30_000]
FRAGMENTS: Final = (
    *(b"\0", b"\r", b"\n", b"\r\n\r\n", b"\xff", b"\xed\xa0\x80", b"--", b'"', b"(", b"<", b";"),
    *(b"=?", b"=?utf-8?b?7aCA?=", b"Content-Type: ", b"boundary=", b"message/rfc822", b"base64"),
    *(b"charset=utf-7", b"charset=ut\0f", b"charset*=a'b'c", b"*0*=utf-16'x'%", b"\x1a"),
)
INSERTIONS: Final = st.lists(
    st.tuples(st.integers(0, 60_000), st.sampled_from(FRAGMENTS)), max_size=40
)


def texts_in(value: object) -> Iterator[str]:
    """Yield all texts of a parsed mail."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, NamedAddress):
        yield from (value.name, value.address)
    elif isinstance(value, Attachment):
        yield from (value.name, value.type)


# M7: a real mail with anything anywhere is read, and no database refuses what it says
@given(st.sampled_from(MAILS), INSERTIONS)
def test_a_mail_is_read_however_broken_it_is(
    raw: bytes, insertions: list[tuple[int, bytes]]
) -> None:
    for offset, fragment in insertions:
        position = offset % (len(raw) + 1)
        raw = raw[:position] + fragment + raw[position:]
    received = parse_mail(raw)
    classification = classify_mail(received)
    values = [getattr(received, field.name) for field in fields(received)]
    for text in texts_in(
        (
            *values,
            strip_quotes(received.text),
            classification.automatic_reason or "",
            classification.failed_recipients,
            classification.related_ids,
        )
    ):
        assert "\0" not in text
        text.encode()
    for line in texts_in(
        (
            received.subject,
            received.sender,
            received.message_id,
            classification.automatic_reason or "",
        )
    ):
        assert line.isprintable() or not any(character < " " for character in line)


NOT_STRIPPED: Final = {
    "test_too_many_lines 1": "of a line that is a limit of talon's",
    "test_pattern_on_date_polymail 1": "when who wrote takes eight lines",
    "test_link_closed_with_quotation_marker_on_new_line 1": "From: alone may be anybody's",
    "test_link_breaks_quotation_markers_sequence 1": "the quote has lines that are not marked",
    "test_link_breaks_quotation_markers_sequence 2": "as above",
}
"""Replies of which a part of the quote stays, with the reason; of none the sender's words go."""


def words(text: str) -> list[str]:
    return text.split()


# M6
@pytest.mark.parametrize("reply", replies(), ids=lambda reply: reply.name)
def test_a_reply_is_what_its_sender_wrote(reply: Reply) -> None:
    found = words(strip_quotes(reply.text))
    if reply.name in NOT_STRIPPED:
        assert found != words(reply.expected)
        assert found[: len(words(reply.expected))] == words(reply.expected)
    else:
        assert found == words(reply.expected)


# M6
@pytest.mark.parametrize("name", [each for each in mails_of(TALON) if "standard_replies" in each])
def test_a_reply_of_a_known_program_is_taken_out_of_its_mail(name: str) -> None:
    received = parse_mail(mails_of(TALON)[name])
    found = words(strip_quotes(received.text))
    signatures = {"iphone": "Sent from my iPhone", "sparrow": "-- xxx Sent with Sparrow"}
    program = name.rpartition("/")[2].removesuffix(".eml")
    assert found[0] == "Hello"
    assert " ".join(found[1:]).startswith(signatures.get(program, ""))
    assert bool(found[1:]) == (program in signatures)


# M6
@pytest.mark.parametrize("name", pages())
def test_a_reply_in_html_is_taken_out_of_its_page(name: str) -> None:
    received = parse_mail(pages()[name])
    assert words(strip_quotes(received.text)) == words("Hi. I am fine. Thanks, Alex")
