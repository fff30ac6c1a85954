"""Replies as they came: what of each its sender wrote (M6)."""

from typing import Final

import pytest

from mail.parser import parse
from mail.quote_stripping import reply_of
from tests.support.mail_sets import TALON, Reply, mails_of, pages, replies

MISSED: Final = {
    "test_too_many_lines 1": "of a line that is a limit of talon's",
    "test_pattern_on_date_polymail 1": "when who wrote takes eight lines",
    "test_link_closed_with_quotation_marker_on_new_line 1": "From: alone may be anybody's",
    "test_link_breaks_quotation_markers_sequence 1": "the quote has lines that are not marked",
    "test_link_breaks_quotation_markers_sequence 2": "as above",
}
"""Of which more is kept than was written; none of which less."""


def words(text: str) -> list[str]:
    return text.split()


# M6
@pytest.mark.parametrize("reply", replies(), ids=lambda one: one.name)
def test_a_reply_is_what_its_sender_wrote(reply: Reply) -> None:
    found = words(reply_of(reply.text))
    if reply.name in MISSED:
        assert found != words(reply.expected)
        assert found[: len(words(reply.expected))] == words(reply.expected)
    else:
        assert found == words(reply.expected)


# M6
@pytest.mark.parametrize("name", [one for one in mails_of(TALON) if "standard_replies" in one])
def test_a_reply_of_a_known_program_is_taken_out_of_its_mail(name: str) -> None:
    received = parse(mails_of(TALON)[name])
    found = words(reply_of(received.text))
    signatures = {"iphone": "Sent from my iPhone", "sparrow": "-- xxx Sent with Sparrow"}
    program = name.rpartition("/")[2].removesuffix(".eml")
    assert found[0] == "Hello"
    assert " ".join(found[1:]).startswith(signatures.get(program, ""))
    assert bool(found[1:]) == (program in signatures)


# M6
@pytest.mark.parametrize("name", pages())
def test_a_reply_in_html_is_taken_out_of_its_page(name: str) -> None:
    received = parse(pages()[name])
    assert words(reply_of(received.text)) == words("Hi. I am fine. Thanks, Alex")


# M6
def test_what_says_that_it_is_forwarded_stays_even_in_an_answer() -> None:
    forwarded = (
        "FYI\n\n---------- Forwarded message ---------\nFrom: A <a@b.example>\nDate: x\n\nIt"
    )
    assert reply_of(forwarded).endswith("It")
    assert reply_of(f"Mine\n\n-----Original Message-----\nFrom: B\n\n{forwarded}") == "Mine"


# M6
def test_what_is_written_below_a_quote_is_found() -> None:
    below = "Den 14 september 2015 skrev Ida <ida@example.org>:\n> old\n> older\n\nMy answer\n"
    assert reply_of(below) == "My answer"
