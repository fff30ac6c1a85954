"""POST of a command from a form, as the signed-in person; the form shows a refusal."""

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
from web.commands import give, known
from web.context import AppContext, CallerDep, Context
from web.pages.failed_attempt import Tried
from web.pages.forms import (
    FORM_READERS,
    Fields,
    InvalidForm,
    SubmittedForm,
    missing_message,
    read_command_form,
)
from web.pages.forms import changed_fields as changes_of
from web.pages.item import item_page
from web.pages.page_templates import date_formatter
from web.pages.timeline import Line, telling_of

router: Final = APIRouter()
MOST_FIELDS: Final = 300
PATIENCE: Final = 15.0
"""Seconds that a form waits for an answer; sent again after that, it is still done once."""
_FREELY: Final = frozenset({"add_note"})
"""Commands sent without expected_revision: concurrent changes do not invalidate them."""
_MEANWHILE: Final = 20
_DIGITS: Final = 12


@router.post("/items/{reference}/do/{command}")
async def do(
    request: Request, context: Context, caller: CallerDep, reference: str, command: str
) -> Response:
    """Give the command of a form on the item's page, and redirect."""
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        return await _moved(request, context, caller, (reference, command), form)


async def _moved(
    request: Request, context: AppContext, caller: Caller, what: tuple[str, str], form: FormData
) -> Response:
    """Return the redirect after the command, or the page that shows its refusal."""
    reference, command = what
    state = await known(context, reference)
    check_reading(caller, state)
    at = date_formatter(request, caller)
    translate = translations(at.language)
    written = SubmittedForm(form, at.zone)
    idempotency_key = written.text("idempotency_key")
    try:
        if command not in FORM_READERS or command not in commands_of(state.kind):
            raise InvalidCommand(translate("wrong.command", command=command))
        if command == "submit":
            state = await _edited(context, caller, state, written)
        fields = read_command_form(command, written, state)
        if command == "edit" and not fields.keys() - {"take_over"}:
            return RedirectResponse(f"/items/{quote(reference, safe='')}?done=nothing", 303)
        marked = _marked(command, caller, written, fields, state)
        async with asyncio.timeout(PATIENCE):
            after = await give(context, caller, reference, command, marked)
    except InvalidForm as unreadable:
        problems = {name: translate(key) for name, key in unreadable.problems.items()}
        tried = _tried(command, form, translate("wrong.form"), problems=problems)
        return await item_page(request, context, caller, reference, status=422, tried=tried)
    except Refused as refusal:
        tried = _refused(command, form, refusal, translate)
        if isinstance(refusal, Conflict):
            meanwhile = await _meanwhile(context, reference, written)
            tried = _tried(command, form, translate("wrong.conflict"), meanwhile=meanwhile)
        code = 422 if isinstance(refusal, InvalidCommand) else 409
        return await item_page(request, context, caller, reference, status=code, tried=tried)
    except Forbidden as forbidden:
        tried = _tried(command, form, str(forbidden))
        return await item_page(request, context, caller, reference, status=403, tried=tried)
    except (NoAnswer, RPCError, TimeoutError):
        tried = _tried(command, form, translate("wrong.no_answer"), idempotency_key=idempotency_key)
        return await item_page(request, context, caller, reference, status=503, tried=tried)
    return RedirectResponse(_following(command, fields, after, state), 303)


async def _edited(
    context: AppContext, caller: Caller, state: State, written: SubmittedForm
) -> State:
    """Edit the Draft as its form says, before it is submitted; return the state after that."""
    changes = changes_of(written, state)
    if state.status is not Status.DRAFT or not changes:
        return state
    expected: Fields = {"expected_revision": _revision(written)} if _revision(written) else {}
    return await give(context, caller, state.reference, "edit", changes | expected)


def _marked(
    command: str, caller: Caller, written: SubmittedForm, fields: Fields, state: State
) -> Fields:
    """Return the fields with the reader's revision, and a command id made of the form's key."""
    marks: Fields = {}
    revision = state.revision if command == "submit" else _revision(written)
    if revision is not None and command not in _FREELY:
        marks["expected_revision"] = revision
    idempotency_key = written.text("idempotency_key")
    if idempotency_key is not None:
        seed = json.dumps([caller.actor, idempotency_key, command])
        marks["command_id"] = f"page-{hashlib.sha256(seed.encode()).hexdigest()[:32]}"
    return fields | marks


def _revision(written: SubmittedForm) -> int | None:
    value = written.text("revision")
    return int(value) if value is not None and value.isdecimal() and len(value) < _DIGITS else None


def _tried(
    command: str,
    form: FormData,
    sentence: str,
    *,
    rule: str | None = None,
    problems: Mapping[str, str] | None = None,
    meanwhile: tuple[Line, ...] = (),
    idempotency_key: str | None = None,
) -> Tried:
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    many = {name: tuple(map(str, form.getlist(name))) for name in form}
    return Tried(
        command=command,
        form=texts,
        many=many,
        sentence=sentence,
        rule=rule,
        problems=problems or {},
        meanwhile=meanwhile,
        idempotency_key=idempotency_key,
    )


def _refused(command: str, form: FormData, refusal: Refused, translate: Translations) -> Tried:
    problems = {}
    for name in refusal.fields:
        shown = name.partition(".")[0]
        key = f"wrong.{shown}"
        problems[shown] = translate(key) if key in translate else translate("wrong.field")
        if isinstance(refusal, FieldsMissing | FieldsEmptied):
            problems[shown] = translate(missing_message(shown))
    return _tried(command, form, refusal.sentence, rule=refusal.rule, problems=problems)


async def _meanwhile(
    context: AppContext, reference: str, written: SubmittedForm
) -> tuple[Line, ...]:
    """Read the entries since the reader's revision (C17)."""
    state = await known(context, reference)
    timeline = await asyncio.to_thread(telling_of, context.engine, state, limit=_MEANWHILE)
    seen = _revision(written) or 0
    return tuple(
        line for line in timeline.lines if line.entry.revision > seen and not line.entry.refused
    )


def _following(command: str, fields: Fields, after: State, before: State) -> str:
    """Return the next address: a confirmation for an item that was left, else its page."""
    there = quote(after.reference, safe="")
    unable = Outcome.UNABLE_TO_COMPLETE in {fields.get("outcome"), fields.get("verdict")}
    if command == "submit" or (command in {"resolve", "review"} and unable):
        return f"/confirmed/{there}?done={command}"
    if command == "cancel" and before.status is Status.DRAFT:
        return "/inbox"
    return f"/items/{there}?done={command}"
