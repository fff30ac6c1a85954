"""Replies without the mails that they quote (M6)."""

from mail.quotes import strip_quotes


# M6
def test_what_says_that_it_is_forwarded_stays_even_in_an_answer() -> None:
    forwarded = (
        "FYI\n\n---------- Forwarded message ---------\nFrom: A <a@b.example>\nDate: x\n\nIt"
    )
    assert strip_quotes(forwarded).endswith("It")
    assert strip_quotes(f"Mine\n\n-----Original Message-----\nFrom: B\n\n{forwarded}") == "Mine"


# M6
def test_what_is_written_below_a_quote_is_found() -> None:
    below = "Den 14 september 2015 skrev Ida <ida@example.org>:\n> old\n> older\n\nMy answer\n"
    assert strip_quotes(below) == "My answer"
