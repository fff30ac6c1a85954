"""New Tickets and Cases from a form: kept as Drafts, or handed in at once."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import JsonValue, ValidationError
from starlette.datastructures import FormData
from temporalio.service import RPCError

from auth.audit import note_done
from auth.callers import Caller
from auth.permissions import Duty, Forbidden, check_command, check_duty
from domain.base.refusals import NotAllowed, Refused
from domain.base.validation_messages import problems_of
from domain.base.values import REFERENCE_PATTERN, Kind
from domain.model.starts import CaseStart, TicketStart
from starter.client import NoAnswer
from starter.item_reader import state_now
from starter.references import new_reference
from store.schema.auth_tables import Audited
from web.commands import give, known
from web.context import Calls, House, InHouse
from web.pages.failed_attempt import Tried
from web.pages.forms import Fields, Unreadable, Written, missing
from web.pages.item import item_page
from web.pages.navigation import queues_of
from web.pages.page_templates import moments_of, page
from web.pages.post_command import PATIENCE
from web.pages.words import Words, words

router: Final = APIRouter()
_TICKET: Final = ("title", "description", "category", "primary_contact", "requester")
"""T2: what submit needs."""
_CASE: Final = ("short_description",)
"""K1: the same of a Case."""


@router.get("/tickets/new")
async def new_ticket(request: Request, house: InHouse, caller: Calls) -> Response:
    """An empty form of a Ticket."""
    return await _form(request, house, caller, Kind.TICKET)


@router.get("/cases/new")
async def new_case(request: Request, house: InHouse, caller: Calls) -> Response:
    """An empty form of a Case."""
    return await _form(request, house, caller, Kind.CASE)


@router.post("/tickets/new")
async def start_ticket(request: Request, house: InHouse, caller: Calls) -> Response:
    """Start a Ticket as its form says."""
    return await _posted(request, house, caller, Kind.TICKET)


@router.post("/cases/new")
async def start_case(request: Request, house: InHouse, caller: Calls) -> Response:
    """Start a Case as its form says."""
    return await _posted(request, house, caller, Kind.CASE)


async def _form(
    request: Request, house: House, caller: Caller, kind: Kind, tried: Tried | None = None
) -> Response:
    check_duty(caller, Duty.START)
    tried = tried or Tried()
    return await page(
        request,
        caller,
        "start/new.html",
        status=422 if tried.problems else 409 if tried.sentence else 200,
        kind=kind,
        item=None,
        can=(),
        tried=tried,
        once="",
        here="",
        reference=tried.once or new_reference(kind),
        catalog=house.catalog,
        queues=tuple(dict.fromkeys((*house.catalog.queues, *queues_of(house, caller)))),
    )


async def _posted(request: Request, house: House, caller: Caller, kind: Kind) -> Response:
    check_duty(caller, Duty.START)
    at = moments_of(request, caller)
    say = words(at.language)
    async with request.form(max_files=0) as form:
        written = Written(form, at.zone)
        is_handed_in = written.text("then") != "save"
        try:
            start = _start(caller, kind, written, say, is_handed_in=is_handed_in)
        except _Wrong as wrong:
            tried = _tried(form, say("wrong.form"), problems=wrong.problems)
            return await _form(request, house, caller, kind, tried)
        reference = written.text("reference") or ""
        if REFERENCE_PATTERN.fullmatch(reference) is None:
            reference = new_reference(kind)
        try:
            async with asyncio.timeout(PATIENCE):
                await _started(house, caller, start, reference)
        except (Refused, Forbidden) as refusal:
            return await _form(request, house, caller, kind, _tried(form, str(refusal)))
        except (NoAnswer, RPCError, TimeoutError):
            tried = _tried(form, say("wrong.no_answer"), once=reference)
            return await _form(request, house, caller, kind, tried)
    if not is_handed_in:
        return RedirectResponse(f"/items/{quote(reference, safe='')}?done=create", 303)
    return await _handed_in(request, house, caller, reference, form)


async def _handed_in(
    request: Request, house: House, caller: Caller, reference: str, form: FormData
) -> Response:
    there = quote(reference, safe="")
    try:
        # one id, so that a form that is sent twice hands it in once
        async with asyncio.timeout(PATIENCE):
            await give(house, caller, reference, "submit", {"command_id": f"page-new-{reference}"})
    except Refused as refusal:
        # it is there, as a Draft: its own page says why it is not submitted
        tried = _tried(form, refusal.sentence, rule=refusal.rule)
        return await item_page(request, house, caller, reference, status=409, tried=tried)
    except (NoAnswer, RPCError, TimeoutError):
        return RedirectResponse(f"/items/{there}", 303)
    return RedirectResponse(f"/confirmed/{there}?done=submit", 303)


async def _started(
    house: House, caller: Caller, start: TicketStart | CaseStart, reference: str
) -> None:
    """Start it once, however often the form is sent; raises the refusal of the start."""
    await house.desk.start(start, reference)
    state = await state_now(house.desk, reference)
    if state.created_by != caller.actor:
        # a form of somebody else's reference: it is as if it were not there
        raise NotAllowed(f"the reference {reference} is taken: open the form anew")
    check_command(caller, "edit", await known(house, reference))
    what = state.kind.lower()
    await asyncio.to_thread(note_done, house.engine, caller, Audited.START, what, item=reference)


class _Wrong(Exception):
    """A form of a start that is incomplete or cannot be read; by field, why."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


def _start(
    caller: Caller, kind: Kind, written: Written, say: Words, *, is_handed_in: bool
) -> TicketStart | CaseStart:
    """The start as a Draft; raises _Wrong with all that is missing or wrong at once."""
    problems: dict[str, str] = {}
    names = ("title", "description", "category") if kind is Kind.TICKET else _CASE
    fields: Fields = {name: written.text(name) for name in (*names, "queue")}
    fields |= {name: written.contact(name) for name in ("primary_contact", "requester")}
    if written.is_ticked("same_contact"):
        fields["requester"] = fields["primary_contact"]
    if kind is Kind.CASE:
        fields["definition"] = written.text("definition")
        try:
            fields["data"] = _data(written.text("data") or "", say)
        except Unreadable as unreadable:
            problems |= unreadable.problems
    if is_handed_in:
        needed = _TICKET if kind is Kind.TICKET else _CASE
        problems |= {name: say(missing(name)) for name in needed if fields[name] is None}
    given = {name: value for name, value in fields.items() if value is not None}
    model = TicketStart if kind is Kind.TICKET else CaseStart
    try:
        # a Draft even when it is handed in: then what submitting lacks leaves something to mend
        start = model.model_validate_json(json.dumps(given | {"by": caller.actor, "submit": False}))
    except ValidationError as error:
        for name, _ in problems_of(error):
            problems.setdefault(name.partition(".")[0], say("wrong.field"))
        raise _Wrong(problems) from None
    if problems:
        raise _Wrong(problems)
    return start


def _data(text: str, say: Words) -> dict[str, JsonValue]:
    """`name = value` lines; a value is JSON where it reads as such, else a text."""
    found: dict[str, JsonValue] = {}
    for line in filter(str.strip, text.splitlines()):
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise Unreadable(data=say("wrong.data", line=line.strip()[:60]))
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
    once: str | None = None,
) -> Tried:
    return Tried(
        command="edit",
        form={name: value for name, value in form.items() if isinstance(value, str)},
        many={name: tuple(map(str, form.getlist(name))) for name in form},
        sentence=sentence,
        rule=rule,
        problems=problems or {},
        once=once,
    )
