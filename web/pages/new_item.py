"""Forms that start Tickets and Cases: saved as Drafts, or submitted at once."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import JsonValue
from starlette.datastructures import FormData
from temporalio.service import RPCError

from auth.callers import Caller
from auth.permissions import Duty, check_duty
from domain.base.refusals import InvalidCommand, Refused
from domain.base.values import Kind
from i18n.translations import Translations, translations
from starter.client import NoAnswer
from starter.item_start import decode_start
from starter.references import new_reference
from web.commands import execute_command
from web.context import AppContext, CallerDep, Context
from web.pages.failed_attempt import FailedAttempt
from web.pages.forms import Fields, InvalidForm, SubmittedForm, missing_message
from web.pages.item import render_item
from web.pages.navigation import visible_queues
from web.pages.page_templates import date_formatter, render_page
from web.pages.post_command import FORM_TIMEOUT
from web.use_cases import start_item_as

router: Final = APIRouter()
_TICKET_FIELDS: Final = ("title", "description", "category", "primary_contact", "requester")
"""Fields that submitting a Ticket requires (T2)."""
_CASE_FIELDS: Final = ("short_description",)
"""Fields that submitting a Case requires (K1)."""


@router.get("/tickets/new")
async def new_ticket(request: Request, context: Context, caller: CallerDep) -> Response:
    """Show an empty form of a Ticket."""
    return await _render_form(request, context, caller, Kind.TICKET)


@router.get("/cases/new")
async def new_case(request: Request, context: Context, caller: CallerDep) -> Response:
    """Show an empty form of a Case."""
    return await _render_form(request, context, caller, Kind.CASE)


@router.post("/tickets/new")
async def start_ticket(request: Request, context: Context, caller: CallerDep) -> Response:
    """Start a Ticket from its form."""
    return await _start_from_form(request, context, caller, Kind.TICKET)


@router.post("/cases/new")
async def start_case(request: Request, context: Context, caller: CallerDep) -> Response:
    """Start a Case from its form."""
    return await _start_from_form(request, context, caller, Kind.CASE)


async def _render_form(
    request: Request,
    context: AppContext,
    caller: Caller,
    kind: Kind,
    attempt: FailedAttempt | None = None,
    *,
    status: int = 200,
) -> Response:
    check_duty(caller, Duty.START)
    attempt = attempt or FailedAttempt()
    return await render_page(
        request,
        caller,
        "start/new.html",
        status=status,
        kind=kind,
        item=None,
        can=(),
        attempt=attempt,
        idempotency_key="",
        here="",
        reference=attempt.idempotency_key or new_reference(kind),
        catalog=context.catalog,
        queues=tuple(dict.fromkeys((*context.catalog.queues, *visible_queues(context, caller)))),
    )


async def _start_from_form(
    request: Request, context: AppContext, caller: Caller, kind: Kind
) -> Response:
    at = date_formatter(request, caller)
    translate = translations(at.language)
    async with request.form(max_files=0) as form:
        written = SubmittedForm(form, at.zone)
        is_submitted = written.text("then") != "save"
        reference = written.text("reference") or new_reference(kind)
        try:
            fields = _fields(caller, kind, written, translate, is_submitted=is_submitted)
            async with asyncio.timeout(FORM_TIMEOUT):
                await start_item_as(context, caller, kind, fields | {"reference": reference})
        except _Incomplete as incomplete:
            attempt = _failed_attempt(form, translate("wrong.form"), problems=incomplete.problems)
            return await _render_form(request, context, caller, kind, attempt, status=422)
        except Refused as refusal:
            status = 422 if isinstance(refusal, InvalidCommand) else 409
            attempt = _failed_attempt(form, refusal.sentence, rule=refusal.rule)
            return await _render_form(request, context, caller, kind, attempt, status=status)
        except (NoAnswer, RPCError, TimeoutError):
            attempt = _failed_attempt(form, translate("wrong.no_answer"), idempotency_key=reference)
            return await _render_form(request, context, caller, kind, attempt, status=503)
    if not is_submitted:
        return RedirectResponse(f"/items/{quote(reference, safe='')}?done=create", 303)
    return await _submit(request, context, caller, reference, form)


async def _submit(
    request: Request, context: AppContext, caller: Caller, reference: str, form: FormData
) -> Response:
    path = quote(reference, safe="")
    try:
        # always the same id: a form that is sent twice submits once
        async with asyncio.timeout(FORM_TIMEOUT):
            await execute_command(
                context, caller, reference, "submit", {"command_id": f"page-new-{reference}"}
            )
    except Refused as refusal:
        # the item exists as a Draft: its page shows why it was not submitted
        attempt = _failed_attempt(form, refusal.sentence, rule=refusal.rule)
        return await render_item(request, context, caller, reference, status=409, attempt=attempt)
    except (NoAnswer, RPCError, TimeoutError):
        return RedirectResponse(f"/items/{path}", 303)
    return RedirectResponse(f"/confirmed/{path}?done=submit", 303)


class _Incomplete(Exception):
    """A form is incomplete or cannot be parsed; `problems`: messages by field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


def _fields(
    caller: Caller,
    kind: Kind,
    written: SubmittedForm,
    translate: Translations,
    *,
    is_submitted: bool,
) -> Fields:
    """Return the fields of a Draft; raises _Incomplete with all that is missing or wrong."""
    problems: dict[str, str] = {}
    names = ("title", "description", "category") if kind is Kind.TICKET else _CASE_FIELDS
    fields: Fields = {name: written.text(name) for name in (*names, "queue")}
    fields |= {name: written.contact(name) for name in ("primary_contact", "requester")}
    if written.is_ticked("same_contact"):
        fields["requester"] = fields["primary_contact"]
    if kind is Kind.CASE:
        fields["definition"] = written.text("definition")
        try:
            fields["data"] = _data(written.text("data") or "", translate)
        except InvalidForm as unreadable:
            problems |= unreadable.problems
    if is_submitted:
        needed = _TICKET_FIELDS if kind is Kind.TICKET else _CASE_FIELDS
        problems |= {
            name: translate(missing_message(name)) for name in needed if fields[name] is None
        }
    # start as a Draft even to submit: if submitting is refused, the Draft can be corrected
    draft: Fields = {name: value for name, value in fields.items() if value is not None}
    draft["submit"] = False
    try:
        decode_start(kind, draft, by=caller.actor)
    except InvalidCommand as invalid:
        for name in invalid.fields:
            problems.setdefault(name.partition(".")[0], translate("wrong.field"))
        if not problems:
            raise
    if problems:
        raise _Incomplete(problems)
    return draft


def _data(text: str, translate: Translations) -> dict[str, JsonValue]:
    """Parse lines of `name = value`; a value that is no JSON is a text."""
    data: dict[str, JsonValue] = {}
    for line in filter(str.strip, text.splitlines()):
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise InvalidForm(data=translate("wrong.data", line=line.strip()[:60]))
        try:
            data[name.strip()] = json.loads(value, parse_constant=_no_number)
        except (ValueError, RecursionError):
            data[name.strip()] = value.strip()
    return data


def _no_number(value: str) -> Any:  # noqa: ANN401 - json's own signature
    raise ValueError(value)


def _failed_attempt(
    form: FormData,
    sentence: str,
    *,
    rule: str | None = None,
    problems: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
) -> FailedAttempt:
    return FailedAttempt(
        command="edit",
        form={name: value for name, value in form.items() if isinstance(value, str)},
        many={name: tuple(map(str, form.getlist(name))) for name in form},
        sentence=sentence,
        rule=rule,
        problems=problems or {},
        idempotency_key=idempotency_key,
    )
