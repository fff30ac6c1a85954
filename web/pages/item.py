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
from store.items.queries import find_summaries, list_actions
from store.items.timeline_page import is_mail_of_item
from store.mail.attachments import list_attachments, load_content
from store.projection.item_summary import ItemSummary
from store.schema.auth_tables import AuditKind
from store.schema.tables import MailAttachmentRow
from web.commands import find_state
from web.context import AppContext, CallerDep, Context
from web.pages.available_commands import AvailableCommands, available_commands, commands_to_retry
from web.pages.case_flow import FlowDiagram, draw_flow, flow_from_state
from web.pages.failed_attempt import FailedAttempt
from web.pages.navigation import visible_queues
from web.pages.page_templates import render_fragment, render_page
from web.pages.timeline import TimelineView, load_timeline_view

router: Final = APIRouter()
LAST_SERIAL: Final = 2**31 - 1
ANSWER_TIMEOUT: Final = 4.0
"""Seconds that a page waits for the item's worker; after that it shows the stored state."""
_NO_ANSWER_ERRORS: Final = (NoAnswer, RPCError, TimeoutError)
_SAFE_CONTENT_TYPES: Final = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain"}
)
"""Content types that are kept; any other attachment is sent as bytes."""


@router.get("/items/{reference}")
async def show_item(
    request: Request, context: Context, caller: CallerDep, reference: str, done: str = ""
) -> Response:
    """Show the item; `done` is the command that led back here."""
    return await render_item(request, context, caller, reference, done=done)


@router.get("/items/{reference}/parts")
async def show_parts(
    request: Request,
    context: Context,
    caller: CallerDep,
    reference: str,
    down_to: Annotated[int | None, Query(ge=0, le=LAST_SERIAL)] = None,
) -> Response:
    """Show the parts of the page, to redraw an open one; the timeline goes down to `down_to`."""
    view = await _load_view(context, caller, reference, down_to=down_to)
    return await render_fragment(request, caller, "item/parts.html", **view.values())


@router.get("/items/{reference}/timeline")
async def show_older_entries(
    request: Request,
    context: Context,
    caller: CallerDep,
    reference: str,
    before: Annotated[int, Query(ge=0, le=LAST_SERIAL)],
) -> Response:
    """Show the entries before this serial."""
    state = await find_state(context, reference)
    check_reading(caller, state)
    timeline = await asyncio.to_thread(load_timeline_view, context.engine, state, before=before)
    values: dict[str, Any] = {"item": state, "timeline": timeline, "here": _path(reference)}
    if request.headers.get("hx-request") == "true":
        return await render_fragment(request, caller, "item/older.html", **values)
    return await render_page(request, caller, "item/timeline_page.html", viewed=reference, **values)


@router.get("/items/{reference}/mails/{mail}/attachments/{number}")
async def download_attachment(
    context: Context, caller: CallerDep, reference: str, mail: str, number: int
) -> Response:
    """Send an attachment as a download, so that no browser shows it as a page of the desk."""
    state = await find_state(context, reference)
    check_reading(caller, state)
    attachments = await asyncio.to_thread(_load_attachments, context, reference, mail)
    if number not in range(len(attachments)) or attachments[number].digest is None:
        raise UnknownItem(f"no attachment {number} of that mail to {reference}")
    stored = attachments[number]
    content = await asyncio.to_thread(load_content, context.engine, str(stored.digest))
    if content is None:
        raise UnknownItem(f"attachment {number} of that mail is no longer stored")
    await asyncio.to_thread(
        note_done,
        context.engine,
        caller,
        AuditKind.DOWNLOAD,
        stored.name,
        item=reference,
        about=mail,
    )
    return Response(
        content,
        media_type=stored.type
        if stored.type in _SAFE_CONTENT_TYPES
        else "application/octet-stream",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{_quote_file_name(stored.name)}",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
    )


@router.get("/confirmed/{reference}")
async def show_confirmation(
    request: Request, context: Context, caller: CallerDep, reference: str, done: str = "submit"
) -> Response:
    """Confirm a command after which the reader leaves the item: submit, or unable to complete."""
    check_duty(caller, Duty.READ)
    state = await find_state(context, reference)
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


_COMMANDS_WITH_FORM: Final = frozenset(
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
"""Commands that are followed by a confirmation page."""
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
"""Keys of the messages that the page shows after a command (`done.…` in the translations)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDefaults:
    """Defaults of a mail from the page: the correspondent, and the subject of their last mail."""

    to: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPage:
    """View model of an item's page; templates in `item/` use its fields by name."""

    item: State
    kind: Kind
    here: str
    """Path of the page."""
    can: AvailableCommands
    """Commands that the reader may give now."""
    can_lead: bool
    attempt: FailedAttempt
    flash: str
    """Message about the command before, one of FLASHES; or empty."""
    idempotency_key: str
    """Key of the page's forms: a form that is sent twice is executed once."""
    timeline: TimelineView
    drawing: FlowDiagram | None
    """Flow of a Case."""
    case: str | None
    """Reference of the Case that the item belongs to."""
    related: Mapping[str, ItemSummary]
    """Linked and awaited items that the reader may see, by reference."""
    reply: ReplyDefaults
    catalog: Catalog
    queues: tuple[str, ...]
    """Suggested queues: the catalog's, and the reader's."""
    own_queues: frozenset[str]
    people: Mapping[str, StaffContact]

    def values(self) -> dict[str, Any]:
        """Return the template's values by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return named | {"is_refusal_in_form": self._is_refusal_in_form}

    @property
    def _is_refusal_in_form(self) -> bool:
        return self.attempt.form_of in _COMMANDS_WITH_FORM and self.attempt.form_of in self.can


async def render_item(
    request: Request,
    context: AppContext,
    caller: Caller,
    reference: str,
    *,
    status: int = 200,
    done: str = "",
    attempt: FailedAttempt | None = None,
) -> Response:
    """Return the item's whole page; `attempt` is the command that was refused."""
    flash = done if done in FLASHES else ""
    view = await _load_view(context, caller, reference, attempt=attempt, flash=flash)
    return await render_page(
        request, caller, "item/page.html", status=status, viewed=reference, **view.values()
    )


async def _load_view(
    context: AppContext,
    caller: Caller,
    reference: str,
    *,
    attempt: FailedAttempt | None = None,
    flash: str = "",
    down_to: int | None = None,
) -> ItemPage:
    """Read all that the page shows; raises UnknownItem, or Forbidden."""
    stored = await find_state(context, reference)
    check_reading(caller, stored)
    state, offers = stored, AvailableCommands(is_unanswered=False)
    flow: CaseFlow | None = None
    if stored.status is not Status.CLOSED:
        state, offers = await _ask_item(context, caller, stored)
    if isinstance(state, CaseState):
        flow = await _load_flow(context, state, silent=offers.is_unanswered)
    attempt = attempt or FailedAttempt()
    if offers.is_unanswered and attempt.idempotency_key is not None:
        # show the form, so that the unanswered command can be sent again
        offers = commands_to_retry(attempt)
    timeline = await asyncio.to_thread(load_timeline_view, context.engine, state, down_to=down_to)
    own_queues = visible_queues(context, caller)
    return ItemPage(
        item=state,
        kind=state.kind,
        here=_path(reference),
        can=offers,
        can_lead=may(caller, Duty.LEAD),
        attempt=attempt,
        flash=flash,
        idempotency_key=secrets.token_hex(12),
        timeline=timeline,
        drawing=None if flow is None else await asyncio.to_thread(_draw_flow, context, state, flow),
        case=_case_of(state),
        related=await asyncio.to_thread(_load_related, context, caller, state),
        reply=_reply_defaults(state, timeline),
        catalog=context.catalog,
        queues=tuple(dict.fromkeys((*context.catalog.queues, *own_queues))),
        own_queues=frozenset(own_queues),
        people=context.catalog.address_book.people,
    )


def _draw_flow(context: AppContext, state: State, flow: CaseFlow) -> FlowDiagram:
    actions = list_actions(context.engine, state.reference)
    return draw_flow(flow, actions, is_over=state.status is Status.CLOSED)


def _case_of(state: State) -> str | None:
    return state.case if isinstance(state, ActionItemState) else None


def _load_related(context: AppContext, caller: Caller, state: State) -> dict[str, ItemSummary]:
    """Read the rows of linked and awaited items, and of an Action's Case."""
    references = [link.reference for link in state.links]
    if isinstance(state, TicketState | ActionItemState):
        references += [child.reference for child in state.awaited]
    case = _case_of(state)
    references += [] if case is None else [case]
    rows = find_summaries(context.engine, list(dict.fromkeys(references)))
    return {reference: row for reference, row in rows.items() if is_theirs(caller, row)}


def _reply_defaults(state: State, timeline: TimelineView) -> ReplyDefaults:
    """Return the defaults of a mail: the last correspondent and subject."""
    last_mail = next((line.received for line in timeline.lines if line.received is not None), None)
    contact = state.primary_contact or state.requester
    if last_mail is None:
        return ReplyDefaults(to=(contact and contact.email) or "", subject=state.title)
    is_reply = last_mail.subject.lower().startswith(("re:", "re :"))
    return ReplyDefaults(
        to=last_mail.sender, subject=last_mail.subject if is_reply else f"Re: {last_mail.subject}"
    )


async def _ask_item(
    context: AppContext, caller: Caller, stored: State
) -> tuple[State, AvailableCommands]:
    """Ask the item for its state and commands; fall back to the store without an answer."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            answer, moves = await asyncio.gather(
                context.client.state(stored.reference),
                context.client.moves(stored.reference, caller.actor),
            )
    except _NO_ANSWER_ERRORS:
        return stored, AvailableCommands(is_unanswered=True)
    except (NotAllowed, UnknownItem):
        closed = await find_state(context, stored.reference)
        return closed, AvailableCommands(is_unanswered=closed.status is not Status.CLOSED)
    state = parse_state(answer)
    if state.status is Status.CLOSED:
        return state, AvailableCommands(is_unanswered=False)
    return state, available_commands(caller, state, AllowedCommands.model_validate(moves))


async def _load_flow(context: AppContext, case: CaseState, *, silent: bool) -> CaseFlow:
    """Ask the Case for its flow; fall back to its state and the catalog."""
    if not silent:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                flow = CaseFlow.model_validate(await context.client.flow(case.reference))
        except (*_NO_ANSWER_ERRORS, NotAllowed, UnknownItem, ValueError):
            pass
        else:
            if flow.steps:
                return flow
    terms = context.catalog.definitions.get(case.definition or "")
    definition = terms.definition if terms else None
    return flow_from_state(case, definition) if definition is not None else CaseFlow()


def _load_attachments(context: AppContext, reference: str, mail: str) -> list[MailAttachmentRow]:
    """Read the attachments of a mail; none if the mail is not of the item."""
    return (
        list_attachments(context.engine, mail)
        if is_mail_of_item(context.engine, reference, mail)
        else []
    )


def _path(reference: str) -> str:
    return f"/items/{quote(reference, safe='')}"


def _quote_file_name(name: str) -> str:
    return quote(name.replace("/", "_").replace("\\", "_"), safe="")
