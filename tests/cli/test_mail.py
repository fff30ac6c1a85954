"""`casekeep mail`: imports, dead letters and the content of mails (M6, M7)."""

import asyncio
import mailbox
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from catalog.loader import SAMPLE_FOLDER, load_catalog
from cli.mail_view import render_dead_letters
from devstack.stack import Stack
from mailroom.delivery import Deliverer
from mailroom.routing import create_router
from starter.settings import Settings
from store.engine import open_engine
from store.schema.tables import InboundMailState
from tests.cli.conftest import CommandRunner
from tests.support.mailrooms import make_mail

TERMINAL = {"FORCE_COLOR": "1", "TERM": "xterm"}
DESK = "invoices@desk.example"
BOUNCE = (
    b"From: Mail Delivery System <mailer-daemon@mx.example>\r\nTo: invoices@desk.example\r\n"
    b"Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <b1@mx.example>\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n"
    b"--r\r\nContent-Type: text/plain\r\n\r\nNobody is there.\r\n"
    b"--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
    b"Final-Recipient: rfc822; ida@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n--r--\r\n"
)
ATTACHED = (
    b"From: Ida Berg <ida@example.org>\r\nTo: invoices@desk.example\r\nSubject: With papers\r\n"
    b"Message-ID: <p1@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nSee there\r\n"
    b"--b\r\nContent-Type: application/pdf; name=bill.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n"
    b"--b\r\nContent-Type: application/octet-stream; name=run.EXE\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nTVo=\r\n--b--\r\n"
)


pytestmark = pytest.mark.xdist_group("mails")


@pytest_asyncio.fixture(scope="module")
async def mails(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CommandRunner]:
    """Return a runner for a stack that only these tests send mails to."""
    folder = tmp_path_factory.mktemp("desk")
    settings = Settings(database_url=f"sqlite:///{folder / 'casekeep.db'}", catalog=SAMPLE_FOLDER)
    async with Stack(folder, temporal_port=0, ui_port=0, settings=settings) as running:
        yield CommandRunner(running)


def write_mails(folder: Path, **raw: bytes) -> Path:
    folder.mkdir()
    for name, mail in raw.items():
        (folder / f"{name}.eml").write_bytes(mail)
    return folder


async def run_for_json(shell: CommandRunner, *words: str) -> Any:  # noqa: ANN401
    return (await shell.run_checked("mail", *words, "--json")).json


# M7, M3
async def test_a_folder_is_fed_once_however_often_it_is_fed(
    mails: CommandRunner, tmp_path: Path
) -> None:
    folder = write_mails(
        tmp_path / "eml",
        a=make_mail(To=DESK, subject="First"),
        b=make_mail(To="suppliers@desk.example", subject="Second"),
        c=make_mail(To="else@where.example", subject="Whose"),
        d=BOUNCE,
    )
    ran = await mails.run_checked("mail", "replay", str(folder))
    assert ran.out.splitlines()[:-1] == [
        "3 new, 0 known before, 1 not fed.",
        "c.eml: names no mailbox of this desk; give one with --to",
    ]
    assert re.fullmatch(r"Mails of this desk: \d+ handled, \d+ dead.", ran.out.splitlines()[-1])
    counts = (await run_for_json(mails, "dead"))["counts"]
    (item,) = (await mails.run_checked("search", "First", "--json")).json["found"]
    again = await run_for_json(mails, "replay", str(folder))
    assert (again["new"], again["known"]) == (0, 3)
    assert again["mails"] == counts
    told = (await mails.run_checked("timeline", item["item"]["reference"], "--json")).json
    assert [one["command"] for one in told["entries"]].count("receive_email") == 1
    assert len((await mails.run_checked("search", "First", "--json")).json["found"]) == 1
    everywhere = await run_for_json(mails, "replay", str(folder), "--to", DESK)
    assert (everywhere["new"], everywhere["known"], everywhere["skipped"]) == (2, 2, [])


# M7
async def test_an_mbox_is_fed_with_a_bar_for_who_looks_on(
    mails: CommandRunner, tmp_path: Path
) -> None:
    box = mailbox.mbox(tmp_path / "old.mbox")
    for number in range(30):
        box.add(make_mail(To=DESK, subject=f"Number {number}"))
    box.close()
    process = await mails.start_process("mail", "replay", str(tmp_path / "old.mbox"))
    out, _ = await process.communicate()
    assert out.decode().splitlines()[0] == "30 new, 0 known before, 0 not fed."
    ran = await mails.run_checked("mail", "replay", str(tmp_path / "old.mbox"), **TERMINAL)
    assert ran.out.splitlines()[0] == "0 new, 30 known before, 0 not fed."
    assert "mails" in ran.err
    assert "100%" in ran.err


# M6
async def test_a_mail_is_shown_with_what_hangs_on_it(mails: CommandRunner, tmp_path: Path) -> None:
    await mails.run_checked("mail", "replay", str(write_mails(tmp_path / "eml", a=ATTACHED)))
    reference = (await mails.run_checked("search", "papers", "--json")).json["found"][0]["item"][
        "reference"
    ]
    (listed,) = (await run_for_json(mails, "show", reference))["mails"]
    name = listed["name"]
    table = (await mails.run_checked("mail", "show", reference)).out.splitlines()
    assert table[0].split() == ["Name", "Received", "From", "Subject"]
    assert table[1].startswith(name[:12])
    shown = (await mails.run_checked("mail", "show", name[:12])).out
    assert max(map(len, shown.splitlines())) <= 80
    for words in (
        "With papers",
        "Ida Berg <ida@example.org>",
        reference,
        "1 bill.pdf, application/pdf, 5 bytes",
        "2 run.EXE, application/octet-stream, 2 bytes: not kept apart, a program",
        "See there",
    ):
        assert words in " ".join(shown.split())
    process = await mails.start_process("mail", "show", name, "--raw")
    assert (await process.communicate())[0] == ATTACHED
    process = await mails.start_process("mail", "show", name, "--attachment", "1")
    assert (await process.communicate())[0] == b"%PDF-"
    for number in ("2", "3", "0"):
        refused = await mails("mail", "show", name, "--attachment", number)
        assert (refused.code, refused.out) == (1, "")
        assert f"has no stored attachment {number}" in refused.err
    refused = await mails("mail", "show", "nonesuch")
    assert (refused.code, refused.err.strip()) == (
        1,
        "no mail nonesuch, and none of an item of that name",
    )


# M7
async def test_dead_letters_are_listed_shown_and_tried_again(
    mails: CommandRunner, tmp_path: Path
) -> None:
    bounce = BOUNCE.replace(b"b1@", b"b2@").replace(b"Undelivered", b"Unreachable")
    await mails.run_checked("mail", "replay", str(write_mails(tmp_path / "eml", a=bounce)))
    before = (await run_for_json(mails, "dead"))["letters"]
    (letter,) = [one for one in before if one["subject"].startswith("Unreachable")]
    assert letter["reason"] == "automatic (bounce), and belongs to no item"
    name = letter["name"]
    listed = (await mails.run_checked("mail", "dead")).out
    assert name[:12] in listed
    assert "dead letter: automatic (bounce)" in " ".join(listed.split())
    assert max(map(len, listed.splitlines())) <= 80
    shown = (await mails.run_checked("mail", "dead", name[:8])).out
    assert "Nobody is there." in shown
    process = await mails.start_process("mail", "dead", name, "--raw")
    assert (await process.communicate())[0] == bounce
    assert (await mails("mail", "dead", "--raw")).code == 2
    assert "no dead letter x1" in (await mails("mail", "dead", "x1")).err

    again = await mails.run_checked("mail", "dead", name, "--again")
    assert again.out.strip() == "1 to be tried again by the mailroom."
    assert (await run_for_json(mails, "dead"))["counts"]["accepted"] == 1
    engine = open_engine(mails.stack.settings.database_url)
    reader = await asyncio.to_thread(create_router, engine, load_catalog(SAMPLE_FOLDER).mailboxes)
    deliverer = Deliverer(await mails.stack.desk(), engine, reader)
    await deliverer.sweep()
    await deliverer.finish()
    engine.dispose()
    assert (await run_for_json(mails, "dead"))["letters"] == before


def test_that_there_are_no_dead_letters_is_said_with_what_there_is() -> None:
    nothing = dict.fromkeys(InboundMailState, 0)
    now = datetime.now(UTC)
    assert render_dead_letters([], nothing, now) == "No dead letters (no mails yet)."
    some = nothing | {InboundMailState.HANDLED: 7}
    assert render_dead_letters([], some, now) == "No dead letters (7 handled)."
