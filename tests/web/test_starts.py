"""The API and the pages share one use case of starts: the same refusals in the same words."""

import html
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

import httpx
import pytest

from auth import sessions
from auth.callers import Role
from domain.base.values import Kind
from starter.references import new_reference
from store.auth.audit import AuditFilter, read_audit_page
from store.schema.auth_tables import AuditKind, AuditOutcome
from tests.support.app_fixture import add_account
from tests.support.full_desk import ServedDesk, served_desk
from web.context import SESSION_COOKIE

QUEUE: Final = "accounts-payable"
ENTRY_POINTS: Final = ("api", "pages")
TITLES: Final = {Kind.TICKET: "title", Kind.CASE: "short_description"}


@dataclass(frozen=True)
class Answered:
    """Answer to a start: the HTTP status and the sentence of the refusal."""

    status: int
    sentence: str = ""


@pytest.fixture(scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedDesk]:
    """Start a stack that asks for sessions, with a person of each role."""
    async with served_desk(tmp_path_factory.mktemp("starts"), has_real_sign_in=True) as whole:
        for role in Role:
            add_account(
                whole.running_stack.engine, role.value, role=role, queues=(QUEUE,), password=None
            )
        yield whole


def client(desk: ServedDesk, name: str) -> httpx.AsyncClient:
    """Return the browser in which this person is signed in, with the token of its pages."""
    token = sessions.begin(desk.running_stack.engine, name, way="link")
    browser = desk.person(name)
    browser.cookies.clear()
    browser.cookies.set(SESSION_COOKIE, token)
    browser.headers["x-csrf-token"] = sessions.csrf_of(token)
    return browser


async def start(
    desk: ServedDesk, entry_point: str, who: str, kind: Kind, fields: Mapping[str, str]
) -> Answered:
    """Start a Draft through the API or the page."""
    path = f"/{kind.lower()}s"
    async with client(desk, who) as browser:
        if entry_point == "api":
            answer = await browser.post(f"/api/v1{path}", json={**fields, "submit": False})
            sentence = answer.json().get("detail", "")
            return Answered(answer.status_code, sentence)
        answer = await browser.post(f"{path}/new", data={**fields, "then": "save"})
    alert = re.search(r'role="alert"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    text = re.sub(r"<[^>]+>", " ", alert[1] if alert else answer.text)
    return Answered(answer.status_code, " ".join(html.unescape(text).split()))


async def reference_of(desk: ServedDesk, case: str, kind: Kind, who: str) -> str:
    """Return a reference at which this start is refused, or a free one."""
    running_stack = desk.running_stack
    match case:
        case "somebody else's":
            return await running_stack.ticket(by="hanna", submit=False)
        case "of the other kind":
            reference = new_reference(kind)
            start_other = running_stack.case if kind is Kind.TICKET else running_stack.ticket
            return await start_other(by=who, reference=reference, submit=False)
        case "closed":
            reference = await (running_stack.ticket if kind is Kind.TICKET else running_stack.case)(
                by=who, submit=False
            )
            await running_stack.do(reference, "cancel", by=who)
            return reference
        case "malformed":
            return "C-1-A1"
        case _:
            return new_reference(kind)


REFUSED: Final = {
    "somebody else's": (409, "is another item's: give one that is not used"),
    "of the other kind": (409, "is another item's: give one that is not used"),
    "closed": (409, "is closed: its reference is not used again"),
    "malformed": (422, "does not end in -A and digits"),
    "free": (201, ""),
}


@pytest.mark.parametrize(
    ("kind", "case", "who"), list(product(TITLES, REFUSED, map(str, Role))), ids=str
)
async def test_both_doors_refuse_the_same_starts_with_the_same_sentence(
    desk: ServedDesk, kind: Kind, case: str, who: str
) -> None:
    answers = {}
    for entry_point in ENTRY_POINTS:
        reference = await reference_of(desk, case, kind, who)
        fields = {TITLES[kind]: "No invoice", "reference": reference}
        answer = await start(desk, entry_point, who, kind, fields)
        answers[entry_point] = Answered(
            answer.status, answer.sentence.replace(reference, "REFERENCE")
        )
    api, page = answers["api"], answers["pages"]
    status, sentence = REFUSED[case]
    if who == Role.VIEWER:
        status, sentence = 403, "to start takes the role agent; viewer is viewer"
    assert api.status == status
    assert page.status == (303 if status == 201 else status)
    assert sentence in api.sentence
    assert api.sentence in page.sentence


@pytest.mark.parametrize(("entry_point", "kind"), list(product(ENTRY_POINTS, TITLES)), ids=str)
async def test_each_start_is_audited_with_what_became_of_it(
    desk: ServedDesk, entry_point: str, kind: Kind
) -> None:
    reference = new_reference(kind)
    fields = {TITLES[kind]: "No invoice", "reference": reference}
    assert (await start(desk, entry_point, "agent", kind, fields)).status in {201, 303}
    assert (await start(desk, entry_point, "lead", kind, fields)).status == 409
    noted = read_audit_page(desk.running_stack.engine, AuditFilter(item=reference)).entries
    assert [(deed.by, deed.kind, deed.what, deed.outcome) for deed in noted] == [
        ("lead", AuditKind.START, kind.lower(), AuditOutcome.REFUSED),
        ("agent", AuditKind.START, kind.lower(), AuditOutcome.DONE),
    ]
    assert noted[0].reason == f"reference {reference} is another item's: give one that is not used"
