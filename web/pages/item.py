"""One item's page: what it is, what may be done with it now, and what happened to it."""

import asyncio
import secrets
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from temporalio.service import RPCError

from auth.audit import note_done
from auth.callers import Caller
from auth.permissions import Duty, Forbidden, check_duty, check_reading, is_theirs, may
from domain.base.refusals import NotAllowed
from domain.base.values import Status
from domain.engine.allowed_commands import Moves
from domain.model.case_flow_view import Unfolded
from domain.model.states import CaseState, State
from starter.client import NoAnswer, UnknownItem
from starter.item_reader import state_now, state_of_answer
from store.items.queries import actions_of, item_of, lines_of
from store.items.timeline_page import belongs
from store.mail.inbound_mail import attachments_of, content_of
from store.schema.auth_tables import Audited
from web.context import Calls, House, InHouse
from web.pages.available_commands import Offers, offers_again, offers_of
from web.pages.case_flow import Drawn, drawn, remembered
from web.pages.failed_attempt import Tried
from web.pages.navigation import queues_of
from web.pages.page_templates import fragment, moments_of, page
from web.pages.timeline import Telling, telling_of
from web.pages.words import words

router: Final = APIRouter()
LAST_SERIAL: Final = 2**31 - 1
PATIENCE: Final = 4.0
"""Seconds in which an item's worker answers a page; after that it shows what the store has."""
_UNANSWERED: Final = (NoAnswer, RPCError, TimeoutError)
_SAFE: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain"})
"""Types that a browser is told of; anything else is bytes to it."""


@router.get("/items/{reference}")
async def item(
    request: Request, house: InHouse, caller: Calls, reference: str, done: str = ""
) -> Response:
    """The item; `done` is the command that led back here."""
    return await item_page(request, house, caller, reference, done=done)


@router.get("/items/{reference}/parts")
async def parts(
    request: Request,
    house: InHouse,
    caller: Calls,
    reference: str,
    down_to: Annotated[int | None, Query(ge=0, le=LAST_SERIAL)] = None,
) -> Response:
    """The page without its frame, for one that is open; its timeline reaches as far down."""
    values = await _values(house, caller, reference, down_to=down_to)
    return await fragment(request, caller, "item/parts.html", **values)


@router.get("/items/{reference}/timeline")
async def older(
    request: Request,
    house: InHouse,
    caller: Calls,
    reference: str,
    before: Annotated[int, Query(ge=0, le=LAST_SERIAL)],
) -> Response:
    """Entries before the one of this serial."""
    state = await _known(house, reference)
    check_reading(caller, state)
    told = await asyncio.to_thread(telling_of, house.engine, state, before=before)
    values: dict[str, Any] = {"item": state, "told": told, "here": _here(reference)}
    if request.headers.get("hx-request") == "true":
        return await fragment(request, caller, "item/older.html", **values)
    return await page(request, caller, "item/timeline_page.html", viewed=reference, **values)


@router.get("/items/{reference}/mails/{mail}/attachments/{number}")
async def attachment(
    house: InHouse, caller: Calls, reference: str, mail: str, number: int
) -> Response:
    """What hangs on a mail of the item, for keeping: it is never shown as a page of ours."""
    state = await _known(house, reference)
    check_reading(caller, state)
    belongs, hanging = await asyncio.to_thread(_hanging, house, reference, mail)
    if not belongs or number not in range(len(hanging)) or hanging[number].digest is None:
        raise UnknownItem(f"no attachment {number} of that mail to {reference}")
    found = hanging[number]
    content = await asyncio.to_thread(content_of, house.engine, str(found.digest))
    if content is None:
        raise UnknownItem(f"attachment {number} of that mail is not kept any more")
    await asyncio.to_thread(
        note_done, house.engine, caller, Audited.DOWNLOAD, found.name, item=reference, about=mail
    )
    return Response(
        content,
        media_type=found.type if found.type in _SAFE else "application/octet-stream",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{_quoted(found.name)}",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
    )


@router.get("/confirmed/{reference}")
async def confirmed(
    request: Request, house: InHouse, caller: Calls, reference: str, done: str = "submit"
) -> Response:
    """What was done, once the item was left: submitting, and being unable to complete, do."""
    check_duty(caller, Duty.READ)
    state = await _known(house, reference)
    theirs = is_theirs(caller, state) or state.created_by == caller.actor
    if not theirs:
        raise Forbidden(f"{caller.actor} may not see items of the queue {state.queue}: ask a lead")
    return await page(
        request,
        caller,
        "item/confirmed.html",
        item=state,
        done=done if done in _LEAVES else "submit",
        is_open=is_theirs(caller, state),
        takes=may(caller, Duty.TAKE, queue=state.queue),
    )


_WITH_FORM: Final = frozenset(
    {
        "add_note",
        "answer_checklist",
        "assign",
        "cancel",
        "edit",
        "launch_case",
        "merge",
        "resolve",
        "review",
        "rework",
        "send_email",
        "split",
        "start_action",
        "unassign",
        "wait",
    }
)
"""Commands with a form, where what was tried in vain is said."""
_LEAVES: Final = frozenset({"submit", "resolve", "review"})


async def item_page(
    request: Request,
    house: House,
    caller: Caller,
    reference: str,
    *,
    status: int = 200,
    done: str = "",
    tried: Tried | None = None,
) -> Response:
    """The item's whole page, with what was tried in vain where there is something."""
    values = await _values(house, caller, reference)
    tried = tried or Tried()
    if values["can"].is_silent and tried.once is not None:
        # its form is there, to send again what nobody answered
        values["can"] = offers_again(tried)
    said = words(moments_of(request, caller).language)
    values |= {
        "tried": tried,
        "done": done if f"done.{done}" in said.keys() else "",  # noqa: SIM118 - no mapping
        "is_in_place": tried.form_of in _WITH_FORM and tried.form_of in values["can"],
    }
    return await page(request, caller, "item/page.html", status=status, viewed=reference, **values)


async def _values(
    house: House, caller: Caller, reference: str, *, down_to: int | None = None
) -> dict[str, Any]:
    stored = await _known(house, reference)
    check_reading(caller, stored)
    state, offers = stored, Offers(is_silent=False)
    flow: Unfolded | None = None
    if stored.status is not Status.CLOSED:
        state, offers = await _asked(house, caller, stored)
    if isinstance(state, CaseState):
        flow = await _flow(house, state, silent=offers.is_silent)
    beside = await asyncio.to_thread(_beside, house, caller, state, flow, down_to)
    return {
        "item": state,
        "kind": state.kind,
        "here": _here(reference),
        "me": caller.actor,
        "mine": frozenset(queues_of(house, caller)),
        "is_in_place": True,
        "can": offers,
        "done": "",
        "tried": Tried(),
        "once": secrets.token_hex(12),
        "catalog": house.catalog,
        "queues": _every_queue(house, caller),
        "people": house.catalog.directory.people,
        "can_lead": may(caller, Duty.LEAD),
        **beside,
    }


def _beside(
    house: House, caller: Caller, state: State, flow: Unfolded | None, down_to: int | None
) -> dict[str, Any]:
    """What the store has of it besides itself."""
    told = telling_of(house.engine, state, down_to=down_to)
    case = getattr(state, "case", None)
    related = [link.reference for link in state.links]
    related += [one.reference for one in getattr(state, "awaited", ())]
    related += [case] if case else []
    picture: Drawn | None = None
    if flow is not None:
        picture = drawn(
            flow,
            actions_of(house.engine, state.reference),
            is_over=state.status is Status.CLOSED,
        )
    lines = lines_of(house.engine, list(dict.fromkeys(related)))
    return {
        "told": told,
        "drawing": picture,
        "case": case,
        "near": {reference: line for reference, line in lines.items() if is_theirs(caller, line)},
        "answer_to": _answer_to(state, told),
    }


def _answer_to(state: State, told: Telling) -> dict[str, str]:
    """Whom a mail from here would answer, and about what."""
    last = next((line.received for line in told.lines if line.received is not None), None)
    contact = state.primary_contact or state.requester
    to = last.sender if last is not None else (contact and contact.email) or ""
    subject = last.subject if last is not None else state.title
    if last is not None and not subject.lower().startswith(("re:", "re :")):
        subject = f"Re: {subject}"
    return {"to": to, "subject": subject}


async def _asked(house: House, caller: Caller, stored: State) -> tuple[State, Offers]:
    """The item and what it offers, as it says itself; what the store has if nobody answers."""
    try:
        async with asyncio.timeout(PATIENCE):
            answer, moves = await asyncio.gather(
                house.desk.state(stored.reference),
                house.desk.moves(stored.reference, caller.actor),
            )
    except _UNANSWERED:
        return stored, Offers(is_silent=True)
    except (NotAllowed, UnknownItem):
        closed = await _known(house, stored.reference)
        return closed, Offers(is_silent=closed.status is not Status.CLOSED)
    state = state_of_answer(answer)
    if state.status is Status.CLOSED:
        return state, Offers(is_silent=False)
    return state, offers_of(caller, state, Moves.model_validate(moves))


async def _flow(house: House, case: CaseState, *, silent: bool) -> Unfolded:
    """The Case's flow, as it says itself; else what catalog and state tell of it."""
    if not silent:
        try:
            async with asyncio.timeout(PATIENCE):
                told = Unfolded.model_validate(await house.desk.flow(case.reference))
        except (*_UNANSWERED, NotAllowed, UnknownItem, ValueError):
            pass
        else:
            if told.legs:
                return told
    terms = house.catalog.definitions.get(case.definition or "")
    known = terms.definition if terms else None
    return remembered(case, known) if known is not None else Unfolded()


async def _known(house: House, reference: str) -> State:
    kept = await asyncio.to_thread(item_of, house.engine, reference)
    return kept.state if kept is not None else await state_now(house.desk, reference)


def _hanging(house: House, reference: str, mail: str) -> tuple[bool, list[Any]]:
    return belongs(house.engine, reference, mail), attachments_of(house.engine, mail)


def _every_queue(house: House, caller: Caller) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*house.catalog.queues, *queues_of(house, caller))))


def _here(reference: str) -> str:
    return f"/items/{quote(reference, safe='')}"


def _quoted(name: str) -> str:
    return quote(name.replace("/", "_").replace("\\", "_"), safe="")
