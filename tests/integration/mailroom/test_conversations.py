"""Conversations with Gmail, Outlook and Apple Mail, in three languages, follow the rules."""

from pathlib import Path

import pytest

from tests.support.mail_dialogs import DOCUMENT, format_threads, parse_threads, transcript

pytestmark = pytest.mark.mail_server


# M1, M2, M5, M6, T12, T13
@pytest.mark.timeout(400, func_only=True)  # nine conversations of fifteen mails
async def test_conversations_land_where_the_rules_say_and_are_threads_in_dovecot(
    tmp_path: Path,
) -> None:
    """docs/mail-conversations.md is up to date; `make conversations` writes it."""
    assert await transcript(tmp_path) == DOCUMENT.read_text("utf-8")


def test_threads_are_read_as_dovecot_writes_them() -> None:
    assert (
        format_threads(parse_threads("(2)(3 6 (44 7 96)(4 23))((9)(8))"))
        == "(2)(3 6 (4 23)(44 7 96))((8)(9))"
    )
