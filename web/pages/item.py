"""Page of an item: its facts, the commands that it allows now, and its timeline."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from temporalio.service import RPCError

from auth.audit import note_done
from auth.callers import Caller
from auth.permissions import Duty, Forbidden, check_duty, check_reading, is_theirs, may
from catalog.loader import Catalog
from domain.base.refusals import NotAllowed
from domain.base.values import Kind, Status
from domain.engine.allowed_commands import AllowedCommands
from domain.model.case_flow_view import CaseFlow
from domain.model.states import ActionItemState, CaseState, State, TicketState
from mail.address_book import StaffContact
from starter.client import NoAnswer, UnknownItem
from starter.item_reader import parse_state
from store.items.queries import actions_of, lines_of
from store.items.timeline_page import belongs
from store.mail.attachments import attachments_of, content_of
from store.projection.item_summary import ItemSummary
from store.schema.auth_tables import Audited
from store.schema.tables import MailAttachmentRow
from web.commands import known
from web.context import AppContext, CallerDep, Context
from web.pages.available_commands import AvailableCommands, available_commands, commands_to_retry
from web.pages.case_flow import FlowDiagram, draw_flow, flow_from_state
from web.pages.failed_attempt import Tried
from web.pages.navigation import visible_queues
from web.pages.page_templates import render_fragment, render_page
from web.pages.timeline import Telling, telling_of

router: Final = APIRouter()
LAST_SERIAL: Final = 2**31 - 1
PATIENCE: Final = 4.0
"""Seconds that a page waits for the item's worker; after that it shows the stored state."""
_UNANSWERED: Final = (NoAnswer, RPCError, TimeoutError)
_SAFE: Final = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain"})
"""Content types that are passed on; any other attachment is sent as bytes."""


@router.get("/items/{reference}")
async def item(
    request: Request, context: Context, caller: CallerDep, reference: str, done: str = ""
) -> Response:
    """Show the item; `done` is the command that led back here."""
    return await item_page(request, context, caller, reference, done=done)


@router.get("/items/{reference}/parts")
async def parts(
    request: Request,
    context: Context,
    caller: CallerDep,
    reference: str,
    down_to: Annotated[int | None, Query(ge=0, le=LAST_SERIAL)] = None,
) -> Response:
    """Show the parts of the page, to redraw an open one; the timeline goes down to `down_to`."""
    view = await _view(context, caller, reference, down_to=down_to)
    return await render_fragment(request, caller, "item/parts.html", **view.values())


@router.get("/items/{reference}/timeline")
async def older(
    request: Request,
    context: Context,
    caller: CallerDep,
    reference: str,
    before: Annotated[int, Query(ge=0, le=LAST_SERIAL)],
) -> Response:
    """Show the entries before the one of this serial."""
    state = await known(context, reference)
    check_reading(caller, state)
    timeline = await asyncio.to_thread(telling_of, context.engine, state, before=before)
    values: dict[str, Any] = {"item": state, "timeline": timeline, "here": _here(reference)}
    if request.headers.get("hx-request") == "true":
        return await render_fragment(request, caller, "item/older.html", **values)
    return await render_page(request, caller, "item/timeline_page.html", viewed=reference, **values)


@router.get("/items/{reference}/mails/{mail}/attachments/{number}")
async def attachment(
    context: Context, caller: CallerDep, reference: str, mail: str, number: int
) -> Response:
    """Download an attachment; no browser shows it as a page of the desk."""
    state = await known(context, reference)
    check_reading(caller, state)
    attachments = await asyncio.to_thread(_attachments, context, reference, mail)
    if number not in range(len(attachments)) or attachments[number].digest is None:
        raise UnknownItem(f"no attachment {number} of that mail to {reference}")
    kept = attachments[number]
    content = await asyncio.to_thread(content_of, context.engine, str(kept.digest))
    if content is None:
        raise UnknownItem(f"attachment {number} of that mail is not kept any more")
    await asyncio.to_thread(
        note_done, context.engine, caller, Audited.DOWNLOAD, kept.name, item=reference, about=mail
    )
    return Response(
        content,
        media_type=kept.type if kept.type in _SAFE else "application/octet-stream",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{_quoted(kept.name)}",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
    )


@router.get("/confirmed/{reference}")
async def confirmed(
    request: Request, context: Context, caller: CallerDep, reference: str, done: str = "submit"
) -> Response:
    """Confirm a command that leaves the item: submit, or a resolution as unable to complete."""
    check_duty(caller, Duty.READ)
    state = await known(context, reference)
    if not is_theirs(caller, state) and state.created_by != caller.actor:
        raise Forbidden(f"{caller.actor} may not see items of the queue {state.queue}: ask a lead")
    return await render_page(
        request,
        caller,
        "item/confirmed.html",
        item=state,
        done=done if done in _CONFIRMED else "submit",
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
"""Commands with a form of their own, which shows their refusal."""
_CONFIRMED: Final = frozenset({"submit", "resolve", "review"})
"""Commands that lead to a confirmation: the item is left."""
FLASHES: Final = frozenset(
    {
        "add_note",
        "answer_checklist",
        "assign",
        "cancel",
        "create",
        "edit",
        "launch_case",
        "mark_read",
        "merge",
        "nothing",
        "reopen",
        "reset_in_progress",
        "resolve",
        "resume",
        "review",
        "rework",
        "send_and_resolve",
        "send_email",
        "set_to_do",
        "split",
        "start",
        "start_action",
        "unassign",
        "wait",
    }
)
"""Messages that the page shows after a command, by the words under `done.`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Defaults of a mail from the page: the correspondent, and the subject of their last mail."""

    to: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPage:
    """View model of an item's page: the templates in `item/` have its fields by their names."""

    item: State
    kind: Kind
    here: str
    """Path of the page."""
    can: AvailableCommands
    """Commands that the reader may give now."""
    can_lead: bool
    tried: Tried
    flash: str
    """Message about the command that led here, one of FLASHES; or empty."""
    idempotency_key: str
    """Key of the page's forms: a form that is sent twice is done once."""
    timeline: Telling
    drawing: FlowDiagram | None
    """Flow of a Case."""
    case: str | None
    """Reference of the Case that the item belongs to."""
    related: Mapping[str, ItemSummary]
    """Linked and awaited items that the reader may see, by reference."""
    reply: Reply
    catalog: Catalog
    queues: tuple[str, ...]
    """Suggestions: the catalog's queues, and the reader's."""
    own_queues: frozenset[str]
    people: Mapping[str, StaffContact]

    def values(self) -> dict[str, Any]:
        """Return the template's values by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return named | {"is_refusal_in_form": self._is_refusal_in_form}

    @property
    def _is_refusal_in_form(self) -> bool:
        return self.tried.form_of in _WITH_FORM and self.tried.form_of in self.can


async def item_page(
    request: Request,
    context: AppContext,
    caller: Caller,
    reference: str,
    *,
    status: int = 200,
    done: str = "",
    tried: Tried | None = None,
) -> Response:
    """Return the item's whole page; `tried` is the command that was refused."""
    flash = done if done in FLASHES else ""
    view = await _view(context, caller, reference, tried=tried, flash=flash)
    return await render_page(
        request, caller, "item/page.html", status=status, viewed=reference, **view.values()
    )


async def _view(
    context: AppContext,
    caller: Caller,
    reference: str,
    *,
    tried: Tried | None = None,
    flash: str = "",
    down_to: int | None = None,
) -> ItemPage:
    """Read all that the page shows; raises UnknownItem, or Forbidden."""
    stored = await known(context, reference)
    check_reading(caller, stored)
    state, offers = stored, AvailableCommands(is_unanswered=False)
    flow: CaseFlow | None = None
    if stored.status is not Status.CLOSED:
        state, offers = await _state_and_offers(context, caller, stored)
    if isinstance(state, CaseState):
        flow = await _flow(context, state, silent=offers.is_unanswered)
    tried = tried or Tried()
    if offers.is_unanswered and tried.idempotency_key is not None:
        # its form is there, to send again what nobody answered
        offers = commands_to_retry(tried)
    timeline = await asyncio.to_thread(telling_of, context.engine, state, down_to=down_to)
    own_queues = visible_queues(context, caller)
    return ItemPage(
        item=state,
        kind=state.kind,
        here=_here(reference),
        can=offers,
        can_lead=may(caller, Duty.LEAD),
        tried=tried,
        flash=flash,
        idempotency_key=secrets.token_hex(12),
        timeline=timeline,
        drawing=None if flow is None else await asyncio.to_thread(_drawing, context, state, flow),
        case=_case_of(state),
        related=await asyncio.to_thread(_related, context, caller, state),
        reply=_reply(state, timeline),
        catalog=context.catalog,
        queues=tuple(dict.fromkeys((*context.catalog.queues, *own_queues))),
        own_queues=frozenset(own_queues),
        people=context.catalog.address_book.people,
    )


def _drawing(context: AppContext, state: State, flow: CaseFlow) -> FlowDiagram:
    actions = actions_of(context.engine, state.reference)
    return draw_flow(flow, actions, is_over=state.status is Status.CLOSED)


def _case_of(state: State) -> str | None:
    return state.case if isinstance(state, ActionItemState) else None


def _related(context: AppContext, caller: Caller, state: State) -> dict[str, ItemSummary]:
    """Read the rows of linked and awaited items, and of an Action's Case."""
    references = [link.reference for link in state.links]
    if isinstance(state, TicketState | ActionItemState):
        references += [child.reference for child in state.awaited]
    case = _case_of(state)
    references += [] if case is None else [case]
    rows = lines_of(context.engine, list(dict.fromkeys(references)))
    return {reference: row for reference, row in rows.items() if is_theirs(caller, row)}


def _reply(state: State, timeline: Telling) -> Reply:
    """Return whom a mail from here would answer, and about what."""
    last = next((line.received for line in timeline.lines if line.received is not None), None)
    contact = state.primary_contact or state.requester
    if last is None:
        return Reply(to=(contact and contact.email) or "", subject=state.title)
    is_reply = last.subject.lower().startswith(("re:", "re :"))
    return Reply(to=last.sender, subject=last.subject if is_reply else f"Re: {last.subject}")


async def _state_and_offers(
    context: AppContext, caller: Caller, stored: State
) -> tuple[State, AvailableCommands]:
    """Ask the item for its state and offers; fall back to the store if nobody answers."""
    try:
        async with asyncio.timeout(PATIENCE):
            answer, moves = await asyncio.gather(
                context.client.state(stored.reference),
                context.client.moves(stored.reference, caller.actor),
            )
    except _UNANSWERED:
        return stored, AvailableCommands(is_unanswered=True)
    except (NotAllowed, UnknownItem):
        closed = await known(context, stored.reference)
        return closed, AvailableCommands(is_unanswered=closed.status is not Status.CLOSED)
    state = parse_state(answer)
    if state.status is Status.CLOSED:
        return state, AvailableCommands(is_unanswered=False)
    return state, available_commands(caller, state, AllowedCommands.model_validate(moves))


async def _flow(context: AppContext, case: CaseState, *, silent: bool) -> CaseFlow:
    """Ask the Case for its flow; fall back to its state and the catalog."""
    if not silent:
        try:
            async with asyncio.timeout(PATIENCE):
                flow = CaseFlow.model_validate(await context.client.flow(case.reference))
        except (*_UNANSWERED, NotAllowed, UnknownItem, ValueError):
            pass
        else:
            if flow.steps:
                return flow
    terms = context.catalog.definitions.get(case.definition or "")
    definition = terms.definition if terms else None
    return flow_from_state(case, definition) if definition is not None else CaseFlow()


def _attachments(context: AppContext, reference: str, mail: str) -> list[MailAttachmentRow]:
    """Read the attachments of a mail; none where the mail is not the item's."""
    return attachments_of(context.engine, mail) if belongs(context.engine, reference, mail) else []


def _here(reference: str) -> str:
    return f"/items/{quote(reference, safe='')}"


def _quoted(name: str) -> str:
    return quote(name.replace("/", "_").replace("\\", "_"), safe="")
