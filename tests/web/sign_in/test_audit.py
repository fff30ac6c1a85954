"""The audit: its records of who did what, and its page."""

import asyncio
import threading

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from auth import sessions
from auth.audit import audited
from auth.callers import Caller, Role
from auth.permissions import Forbidden
from domain.base.refusals import NotAllowed
from domain.base.rules import Rule
from store.auth.audit import AuditFilter, add_entry, read_audit_page
from store.engine import open_engine, write_connection
from store.errors import InvalidCursor
from store.schema.auth_tables import AuditKind, AuditOutcome, AuditRow
from tests.support.app_fixture import *  # noqa: F403 - as above
from tests.support.app_fixture import add_account, browser
from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from web.context import SESSION_COOKIE

AMY = Caller(actor="amy", role=Role.AGENT, address="192.0.2.1")


def command(number: int = 0, **record_all: object) -> AuditRow:
    """Return an audited command."""
    values: dict[str, object] = {"by": "amy", "kind": AuditKind.COMMAND, "what": "wait"}
    return AuditRow(**values | {"item": f"T-{number}"} | record_all)  # type: ignore[arg-type]


def test_what_is_noted_is_found_newest_first_by_who_did_it_to_what_and_what_sort(
    engine: Engine,
) -> None:
    add_entry(engine, command(1))
    add_entry(
        engine, command(2, by="bob", rule="C8", outcome=AuditOutcome.REFUSED, reason="amy has it")
    )
    add_entry(
        engine, AuditRow(by="amy", kind=AuditKind.KEY, what="add", about="robot:ocr-1 abcdefgh")
    )
    assert [each.item for each in read_audit_page(engine, AuditFilter()).entries] == [
        None,
        "T-2",
        "T-1",
    ]
    assert [record.what for record in read_audit_page(engine, AuditFilter(by="amy")).entries] == [
        "add",
        "wait",
    ]
    (refused,) = read_audit_page(engine, AuditFilter(item="T-2")).entries
    assert (refused.by, refused.rule, refused.outcome) == ("bob", "C8", AuditOutcome.REFUSED)
    assert refused.at is not None
    assert [
        record.about for record in read_audit_page(engine, AuditFilter(kind=AuditKind.KEY)).entries
    ] == ["robot:ocr-1 abcdefgh"]
    assert read_audit_page(engine, AuditFilter(by="amy", item="T-2")).entries == ()


def test_pages_follow_one_another_whatever_is_noted_meanwhile(engine: Engine) -> None:
    for number in range(5):
        add_entry(engine, command(number))
    first = read_audit_page(engine, AuditFilter(), limit=2)
    add_entry(engine, command(9))
    second = read_audit_page(engine, AuditFilter(), limit=2, cursor=first.cursor)
    third = read_audit_page(engine, AuditFilter(), limit=2, cursor=second.cursor)
    items = [entry.item for each in (first, second, third) for entry in each.entries]
    assert items == ["T-4", "T-3", "T-2", "T-1", "T-0"]
    assert third.cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1; DROP", "9" * 30, "٣"])
def test_a_cursor_of_no_page_is_refused(engine: Engine, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        read_audit_page(engine, AuditFilter(), cursor=cursor)


def test_what_no_database_takes_is_noted_without_it(engine: Engine) -> None:
    add_entry(engine, command(reason="a\0b\ud800" + "x" * 5_000, what="y" * 5_000))
    (items,) = read_audit_page(engine, AuditFilter()).entries
    assert items.reason is not None
    assert items.reason.startswith("a\ufffdb?")
    assert len(items.reason) == len(items.what) == 1_000


@pytest.mark.parametrize(
    ("error", "outcome", "rule"),
    [
        (None, AuditOutcome.DONE, None),
        (NotAllowed("it is closed", rule=Rule.C15), AuditOutcome.REFUSED, "C15"),
        (Forbidden("ask a lead"), AuditOutcome.FORBIDDEN, None),
        (TimeoutError("nobody answered"), AuditOutcome.FAILED, None),
    ],
    ids=str,
)
async def test_what_callers_do_is_noted_with_what_became_of_it(
    engine: Engine, error: Exception | None, outcome: AuditOutcome, rule: str | None
) -> None:
    async def record_all() -> None:
        async with audited(engine, AMY, AuditKind.COMMAND, "wait", item="T-1"):
            if error is not None:
                raise error

    if error is None:
        await record_all()
    else:
        with pytest.raises(type(error)):
            await record_all()
    (items,) = read_audit_page(engine, AuditFilter()).entries
    assert (items.by, items.what, items.item) == ("amy", "wait", "T-1")
    assert (items.outcome, items.rule, items.address) == (outcome, rule, "192.0.2.1")


async def test_a_deed_that_cannot_be_noted_is_done_and_in_the_log(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with write_connection(engine) as connection:
        connection.execute(text("DROP TABLE audit"))
    async with audited(engine, AMY, AuditKind.COMMAND, "wait", item="T-1"):
        pass
    assert "audit write failed" in caplog.text
    assert "T-1" in caplog.text


async def test_a_database_that_is_busy_for_a_moment_gets_the_deed_after_it(
    web_engine: Engine, sqlite_url: str
) -> None:
    other = open_engine(sqlite_url)
    is_held = threading.Event()

    def hold() -> None:
        with write_connection(other):
            is_held.set()
            # longer than one try waits, which is a second
            released.wait(1.5)

    released = threading.Event()
    holding = threading.Thread(target=hold)
    holding.start()
    assert await asyncio.to_thread(is_held.wait, 10)
    async with audited(web_engine, AMY, AuditKind.COMMAND, "wait", item="T-1"):
        pass
    holding.join()
    other.dispose()
    assert [each.item for each in read_audit_page(web_engine, AuditFilter()).entries] == ["T-1"]


async def signed_in(app: FastAPI, engine: Engine, role: Role, name: str) -> httpx.AsyncClient:
    """Return the browser of a person with this role."""
    add_account(engine, name, role=role, password=None)
    client = browser(app)
    token = sessions.begin(engine, name, way="link")
    client.cookies.set(SESSION_COOKIE, token, domain="desk.example")
    return client


async def test_an_operator_sees_who_did_what(web_engine: Engine, app: FastAPI) -> None:
    client = await signed_in(app, web_engine, Role.OPERATOR, "max")
    for number in range(60):
        add_entry(web_engine, command(number))
    add_entry(
        web_engine,
        command(99, by="<b>bob</b>", outcome=AuditOutcome.REFUSED, rule="C8", reason="amy has it"),
    )
    page = await client.get("/audit")
    assert page.status_code == 200
    assert "&lt;b&gt;bob&lt;/b&gt;" in page.text
    assert "amy has it" in page.text
    assert 'href="/audit?cursor=' in page.text
    of_one = await client.get("/audit", params={"item": "T-7", "kind": "command"})
    assert of_one.text.count('href="/items/T-7"') == 1
    assert "T-8" not in of_one.text
    nothing = await client.get("/audit", params={"by": "nobody"})
    assert "No entry matches this filter." in nothing.text
    for odd in ({"cursor": "x"}, {"kind": "x"}):
        assert (await client.get("/audit", params=odd)).status_code == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT, Role.LEAD])
async def test_nobody_else_sees_it(web_engine: Engine, app: FastAPI, role: Role) -> None:
    client = await signed_in(app, web_engine, role, "amy")
    answer = await client.get("/audit")
    assert answer.status_code == 403
    assert "takes the role operator" in answer.text
