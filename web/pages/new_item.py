"""Forms that start Tickets and Cases: kept as Drafts, or submitted at once."""

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
from web.commands import give
from web.context import AppContext, CallerDep, Context
from web.pages.failed_attempt import Tried
from web.pages.forms import Fields, InvalidForm, SubmittedForm, missing_message
from web.pages.item import item_page
from web.pages.navigation import visible_queues
from web.pages.page_templates import date_formatter, render_page
from web.pages.post_command import PATIENCE
from web.use_cases import start_item_as

router: Final = APIRouter()
_TICKET: Final = ("title", "description", "category", "primary_contact", "requester")
"""Fields that submit needs (T2)."""
_CASE: Final = ("short_description",)
"""Fields that submit needs of a Case (K1)."""


@router.get("/tickets/new")
async def new_ticket(request: Request, context: Context, caller: CallerDep) -> Response:
    """Show an empty form of a Ticket."""
    return await _form(request, context, caller, Kind.TICKET)


@router.get("/cases/new")
async def new_case(request: Request, context: Context, caller: CallerDep) -> Response:
    """Show an empty form of a Case."""
    return await _form(request, context, caller, Kind.CASE)


@router.post("/tickets/new")
async def start_ticket(request: Request, context: Context, caller: CallerDep) -> Response:
    """Start a Ticket as its form says."""
    return await _posted(request, context, caller, Kind.TICKET)


@router.post("/cases/new")
async def start_case(request: Request, context: Context, caller: CallerDep) -> Response:
    """Start a Case as its form says."""
    return await _posted(request, context, caller, Kind.CASE)


async def _form(
    request: Request,
    context: AppContext,
    caller: Caller,
    kind: Kind,
    tried: Tried | None = None,
    *,
    status: int = 200,
) -> Response:
    check_duty(caller, Duty.START)
    tried = tried or Tried()
    return await render_page(
        request,
        caller,
        "start/new.html",
        status=status,
        kind=kind,
        item=None,
        can=(),
        tried=tried,
        idempotency_key="",
        here="",
        reference=tried.idempotency_key or new_reference(kind),
        catalog=context.catalog,
        queues=tuple(dict.fromkeys((*context.catalog.queues, *visible_queues(context, caller)))),
    )


async def _posted(request: Request, context: AppContext, caller: Caller, kind: Kind) -> Response:
    at = date_formatter(request, caller)
    translate = translations(at.language)
    async with request.form(max_files=0) as form:
        written = SubmittedForm(form, at.zone)
        is_submitted = written.text("then") != "save"
        reference = written.text("reference") or new_reference(kind)
        try:
            fields = _fields(caller, kind, written, translate, is_submitted=is_submitted)
            async with asyncio.timeout(PATIENCE):
                await start_item_as(context, caller, kind, fields | {"reference": reference})
        except _Incomplete as incomplete:
            tried = _tried(form, translate("wrong.form"), problems=incomplete.problems)
            return await _form(request, context, caller, kind, tried, status=422)
        except Refused as refusal:
            status = 422 if isinstance(refusal, InvalidCommand) else 409
            tried = _tried(form, refusal.sentence, rule=refusal.rule)
            return await _form(request, context, caller, kind, tried, status=status)
        except (NoAnswer, RPCError, TimeoutError):
            tried = _tried(form, translate("wrong.no_answer"), idempotency_key=reference)
            return await _form(request, context, caller, kind, tried, status=503)
    if not is_submitted:
        return RedirectResponse(f"/items/{quote(reference, safe='')}?done=create", 303)
    return await _submitted(request, context, caller, reference, form)


async def _submitted(
    request: Request, context: AppContext, caller: Caller, reference: str, form: FormData
) -> Response:
    there = quote(reference, safe="")
    try:
        # one id, so that a form that is sent twice submits it once
        async with asyncio.timeout(PATIENCE):
            await give(
                context, caller, reference, "submit", {"command_id": f"page-new-{reference}"}
            )
    except Refused as refusal:
        # it is there, as a Draft: its own page says why it is not submitted
        tried = _tried(form, refusal.sentence, rule=refusal.rule)
        return await item_page(request, context, caller, reference, status=409, tried=tried)
    except (NoAnswer, RPCError, TimeoutError):
        return RedirectResponse(f"/items/{there}", 303)
    return RedirectResponse(f"/confirmed/{there}?done=submit", 303)


class _Incomplete(Exception):
    """Raised for a form that is incomplete or cannot be read; `problems` says why, by field."""

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
    names = ("title", "description", "category") if kind is Kind.TICKET else _CASE
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
        needed = _TICKET if kind is Kind.TICKET else _CASE
        problems |= {
            name: translate(missing_message(name)) for name in needed if fields[name] is None
        }
    # a Draft even when it is submitted: then what submitting lacks leaves something to correct
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
    found: dict[str, JsonValue] = {}
    for line in filter(str.strip, text.splitlines()):
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise InvalidForm(data=translate("wrong.data", line=line.strip()[:60]))
        try:
            found[name.strip()] = json.loads(value, parse_constant=_no_number)
        except (ValueError, RecursionError):
            found[name.strip()] = value.strip()
    return found


def _no_number(value: str) -> Any:  # noqa: ANN401 - json's own signature
    raise ValueError(value)


def _tried(
    form: FormData,
    sentence: str,
    *,
    rule: str | None = None,
    problems: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Tried:
    return Tried(
        command="edit",
        form={name: value for name, value in form.items() if isinstance(value, str)},
        many={name: tuple(map(str, form.getlist(name))) for name in form},
        sentence=sentence,
        rule=rule,
        problems=problems or {},
        idempotency_key=idempotency_key,
    )
