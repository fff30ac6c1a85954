"""POST of a command from a form, as the signed-in person; the page shows a refusal."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData
from temporalio.service import RPCError

from auth.callers import Caller
from auth.permissions import Forbidden, check_reading
from domain.base.refusals import Conflict, FieldsEmptied, FieldsMissing, InvalidCommand, Refused
from domain.base.values import Outcome, Status
from domain.model.commands import commands_of
from domain.model.states import State
from i18n.translations import Translations, translations
from starter.client import NoAnswer
from web.commands import execute_command, find_state
from web.context import AppContext, CallerDep, Context
from web.pages.failed_attempt import FailedAttempt
from web.pages.forms import (
    FORM_READERS,
    Fields,
    InvalidForm,
    SubmittedForm,
    missing_message,
    read_command_form,
)
from web.pages.forms import changed_fields as changes_of
from web.pages.item import render_item
from web.pages.page_templates import date_formatter
from web.pages.timeline import TimelineLine, load_timeline_view

router: Final = APIRouter()
MAX_FIELDS: Final = 300
FORM_TIMEOUT: Final = 15.0
"""Seconds that a form waits for an answer; a form that is sent again is executed once."""
_WITHOUT_REVISION: Final = frozenset({"add_note"})
"""Commands sent without expected_revision: concurrent changes do not invalidate them."""
_MAX_CONCURRENT_ENTRIES: Final = 20
_MAX_DIGITS: Final = 12


@router.post("/items/{reference}/do/{command}")
async def post_command(
    request: Request, context: Context, caller: CallerDep, reference: str, command: str
) -> Response:
    """Execute the command of a form on the item's page, and redirect."""
    async with request.form(max_fields=MAX_FIELDS, max_files=0) as form:
        return await _execute_form(
            request, context, caller, reference=reference, command=command, form=form
        )


async def _execute_form(
    request: Request,
    context: AppContext,
    caller: Caller,
    *,
    reference: str,
    command: str,
    form: FormData,
) -> Response:
    """Return the redirect after the command, or the page that shows its refusal."""
    state = await find_state(context, reference)
    check_reading(caller, state)
    at = date_formatter(request, caller)
    translate = translations(at.language)
    written = SubmittedForm(form, at.zone)
    idempotency_key = written.text("idempotency_key")
    try:
        if command not in FORM_READERS or command not in commands_of(state.kind):
            raise InvalidCommand(translate("wrong.command", command=command))
        if command == "submit":
            state = await _edit_draft(context, caller, state, written)
        fields = read_command_form(command, written, state)
        if command == "edit" and not fields.keys() - {"take_over"}:
            return RedirectResponse(f"/items/{quote(reference, safe='')}?done=nothing", 303)
        fields_with_ids = _with_ids(command, caller, written, fields, state)
        async with asyncio.timeout(FORM_TIMEOUT):
            after = await execute_command(context, caller, reference, command, fields_with_ids)
    except InvalidForm as unreadable:
        problems = {name: translate(key) for name, key in unreadable.problems.items()}
        attempt = _failed_attempt(command, form, translate("wrong.form"), problems=problems)
        return await render_item(request, context, caller, reference, status=422, attempt=attempt)
    except Refused as refusal:
        attempt = _refused_attempt(command, form, refusal, translate)
        if isinstance(refusal, Conflict):
            concurrent_entries = await _load_concurrent_entries(context, reference, written)
            attempt = _failed_attempt(
                command, form, translate("wrong.conflict"), concurrent_entries=concurrent_entries
            )
        status = 422 if isinstance(refusal, InvalidCommand) else 409
        return await render_item(
            request, context, caller, reference, status=status, attempt=attempt
        )
    except Forbidden as forbidden:
        attempt = _failed_attempt(command, form, str(forbidden))
        return await render_item(request, context, caller, reference, status=403, attempt=attempt)
    except (NoAnswer, RPCError, TimeoutError):
        attempt = _failed_attempt(
            command, form, translate("wrong.no_answer"), idempotency_key=idempotency_key
        )
        return await render_item(request, context, caller, reference, status=503, attempt=attempt)
    return RedirectResponse(_next_address(command, fields, after, state), 303)


async def _edit_draft(
    context: AppContext, caller: Caller, state: State, written: SubmittedForm
) -> State:
    """Edit the Draft as its form says, before it is submitted; return the state after that."""
    changes = changes_of(written, state)
    if state.status is not Status.DRAFT or not changes:
        return state
    expected: Fields = {"expected_revision": _revision(written)} if _revision(written) else {}
    return await execute_command(context, caller, state.reference, "edit", changes | expected)


def _with_ids(
    command: str, caller: Caller, written: SubmittedForm, fields: Fields, state: State
) -> Fields:
    """Return the fields with the reader's revision, and a command id from the form's key."""
    ids: Fields = {}
    revision = state.revision if command == "submit" else _revision(written)
    if revision is not None and command not in _WITHOUT_REVISION:
        ids["expected_revision"] = revision
    idempotency_key = written.text("idempotency_key")
    if idempotency_key is not None:
        seed = json.dumps([caller.actor, idempotency_key, command])
        ids["command_id"] = f"page-{hashlib.sha256(seed.encode()).hexdigest()[:32]}"
    return fields | ids


def _revision(written: SubmittedForm) -> int | None:
    value = written.text("revision")
    return (
        int(value) if value is not None and value.isdecimal() and len(value) < _MAX_DIGITS else None
    )


def _failed_attempt(
    command: str,
    form: FormData,
    sentence: str,
    *,
    rule: str | None = None,
    problems: Mapping[str, str] | None = None,
    concurrent_entries: tuple[TimelineLine, ...] = (),
    idempotency_key: str | None = None,
) -> FailedAttempt:
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    many = {name: tuple(map(str, form.getlist(name))) for name in form}
    return FailedAttempt(
        command=command,
        form=texts,
        many=many,
        sentence=sentence,
        rule=rule,
        problems=problems or {},
        concurrent_entries=concurrent_entries,
        idempotency_key=idempotency_key,
    )


def _refused_attempt(
    command: str, form: FormData, refusal: Refused, translate: Translations
) -> FailedAttempt:
    problems = {}
    for name in refusal.fields:
        field = name.partition(".")[0]
        key = f"wrong.{field}"
        problems[field] = translate(key) if key in translate else translate("wrong.field")
        if isinstance(refusal, FieldsMissing | FieldsEmptied):
            problems[field] = translate(missing_message(field))
    return _failed_attempt(command, form, refusal.sentence, rule=refusal.rule, problems=problems)


async def _load_concurrent_entries(
    context: AppContext, reference: str, written: SubmittedForm
) -> tuple[TimelineLine, ...]:
    """Read the entries since the reader's revision (C17)."""
    state = await find_state(context, reference)
    timeline = await asyncio.to_thread(
        load_timeline_view, context.engine, state, limit=_MAX_CONCURRENT_ENTRIES
    )
    known_revision = _revision(written) or 0
    return tuple(
        line
        for line in timeline.lines
        if line.entry.revision > known_revision and not line.entry.refused
    )


def _next_address(command: str, fields: Fields, after: State, before: State) -> str:
    """Return the address to redirect to: a confirmation, the inbox, or the item's page."""
    path = quote(after.reference, safe="")
    unable = Outcome.UNABLE_TO_COMPLETE in {fields.get("outcome"), fields.get("verdict")}
    if command == "submit" or (command in {"resolve", "review"} and unable):
        return f"/confirmed/{path}?done={command}"
    if command == "cancel" and before.status is Status.DRAFT:
        return "/inbox"
    return f"/items/{path}?done={command}"
