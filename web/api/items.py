"""Endpoints that read items: lists, state, timeline, notes, mails and allowed commands."""

import asyncio
from typing import Annotated, Final, cast
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Response

from auth.audit import note_done
from auth.callers import EVERY_QUEUE, Caller, Role
from auth.permissions import Duty, Forbidden, check_command, check_duty
from domain.base.refusals import InvalidCommand
from domain.base.values import Kind, Status
from domain.engine.allowed_commands import AllowedCommand, AllowedCommands
from domain.model.commands import commands_of
from domain.model.states import State
from domain.model.timeline import timeline_entry
from starter.client import UnknownItem
from store.items.api_list import ItemFilter, Visibility, find_items, list_notes
from store.items.paging import PAGE_SIZE
from store.items.queries import load_entries
from store.items.timeline_page import is_mail_of_item, load_received_mails, load_sent_mails
from store.mail.attachments import list_attachments, load_content
from store.mail.inbound_mail import InboundMail, list_mails_of_item
from store.schema.auth_tables import AuditKind
from web.api.item_paths import ReadableItem
from web.api.models import (
    AttachmentView,
    ItemList,
    MailList,
    NoteList,
    NoteView,
    ReceivedMailView,
    TimelinePart,
)
from web.api.problem_details import ApiRoute
from web.api.request_bodies import format_etag
from web.api.responses import (
    READ_PROBLEMS,
    json_response,
    problem_docs,
    response_docs,
    state_doc,
    state_response,
)
from web.context import CallerDep, Context

router = APIRouter(route_class=ApiRoute, tags=["items"])
MAX_LINES: Final = 200
LimitParameter = Annotated[int, Query(ge=1, le=MAX_LINES, description="Maximum number of lines.")]
CursorParameter = Annotated[
    str | None,
    Query(max_length=500, description="`cursor` of the previous page."),
]
_Names = Annotated[list[Annotated[str, Query(max_length=100)]], Query(max_length=50)]
AfterParameter = Annotated[
    int, Query(ge=0, le=2**31 - 1, description="`next` of the previous page.")
]


def visibility_of(caller: Caller) -> Visibility:
    """Return the items that the caller may see."""
    if caller.role is Role.OPERATOR or EVERY_QUEUE in caller.queues:
        return Visibility(actor=caller.actor, queues=None)
    return Visibility(actor=caller.actor, queues=caller.queues)


@router.get(
    "/items",
    operation_id="list_items",
    summary="List items",
    description="Items of the caller's queues, and open ones that they hold or own; newest first. "
    "Values of one filter are alternatives; all filters must match. `q` searches words in "
    "references, titles, descriptions and notes; other filters apply to its best 200 matches.",
    responses=response_docs({200: {"model": ItemList}}) | problem_docs(*READ_PROBLEMS),
)
def list_items(  # noqa: PLR0917 - a parameter for each filter
    context: Context,
    caller: CallerDep,
    status: Annotated[list[Status], Query(default_factory=list, max_length=6)],
    kind: Annotated[list[Kind], Query(default_factory=list, max_length=3)],
    queue: Annotated[_Names, Query(default_factory=list)],
    assignee: Annotated[_Names, Query(default_factory=list)],
    owner: Annotated[_Names, Query(default_factory=list)],
    category: Annotated[_Names, Query(default_factory=list)],
    q: Annotated[str, Query(max_length=500)] = "",
    limit: LimitParameter = PAGE_SIZE,
    cursor: CursorParameter = None,
) -> Response:
    """Return a page of items."""
    check_duty(caller, Duty.READ)
    wanted = ItemFilter(
        kinds=tuple(kind),
        statuses=tuple(status),
        queues=tuple(queue),
        assignees=tuple(assignee),
        owners=tuple(owner),
        categories=tuple(category),
        words=q,
    )
    page = find_items(context.engine, wanted, visibility_of(caller), limit=limit, cursor=cursor)
    return json_response(item_list(page))


def item_list(page: object) -> ItemList:
    """Return a page of the store as the response model."""
    return ItemList.model_validate(page)


@router.get(
    "/items/{reference}",
    operation_id="read_item",
    summary="Read an item",
    description="The state; with `If-None-Match`, only if it has changed.",
    responses=response_docs(
        {
            200: state_doc("State of the item."),
            304: {"description": "The item still has that revision."},
        }
    )
    | problem_docs(*READ_PROBLEMS, 404),
)
async def read_item(
    state: ReadableItem,
    if_none_match: Annotated[
        str | None, Header(alias="If-None-Match", description="ETag of the state that you have.")
    ] = None,
) -> Response:
    """Return the item's state."""
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if tags & {format_etag(state.revision), "*"}:
        return Response(status_code=304, headers={"ETag": format_etag(state.revision)})
    return state_response(state)


@router.get(
    "/items/{reference}/timeline",
    operation_id="read_timeline",
    summary="Read an item's timeline",
    responses=response_docs({200: {"model": TimelinePart}}) | problem_docs(*READ_PROBLEMS, 404),
)
async def read_timeline(
    context: Context,
    state: ReadableItem,
    from_revision: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    after: AfterParameter = 0,
    limit: LimitParameter = MAX_LINES,
) -> Response:
    """Return a page of entries, oldest first."""
    page = await asyncio.to_thread(
        load_entries,
        context.engine,
        state.reference,
        from_revision=from_revision,
        after=after,
        limit=limit,
    )
    return json_response(
        TimelinePart(entries=tuple(map(timeline_entry, page.entries)), next=page.next)
    )


@router.get(
    "/items/{reference}/notes",
    operation_id="read_notes",
    summary="Read an item's notes",
    description="All texts of the item at full length: submission, notes and mails.",
    responses=response_docs({200: {"model": NoteList}}) | problem_docs(*READ_PROBLEMS, 404),
)
async def read_notes(
    context: Context,
    state: ReadableItem,
    after: AfterParameter = 0,
    limit: LimitParameter = PAGE_SIZE,
) -> Response:
    """Return a page of notes, oldest first."""
    stored, following = await asyncio.to_thread(
        list_notes, context.engine, state.reference, after=after, limit=limit
    )
    notes = tuple(NoteView.model_validate(note) for note in stored)
    return json_response(NoteList(notes=notes, next=following))


@router.get(
    "/items/{reference}/mails",
    operation_id="read_mails",
    summary="Read an item's mails",
    responses=response_docs({200: {"model": MailList}}) | problem_docs(*READ_PROBLEMS, 404),
)
async def read_mails(context: Context, state: ReadableItem) -> Response:
    """Return mails in and out, oldest first."""

    def read() -> MailList:
        digests = [mail.digest for mail in list_mails_of_item(context.engine, state.reference)]
        by_digest = load_received_mails(context.engine, digests)
        mails = [by_digest[digest] for digest in digests if digest in by_digest]
        return MailList(
            received=tuple(_mail_in(state, mail) for mail in mails),
            sent=load_sent_mails(context.engine, state.reference, run=state.run),
        )

    return json_response(await asyncio.to_thread(read))


def _mail_in(state: State, mail: InboundMail) -> ReceivedMailView:
    base = f"/api/v1/items/{state.reference}/mails/{mail.digest}/attachments"
    return ReceivedMailView(
        id=mail.digest,
        sender=mail.sender,
        sender_name=mail.sender_name,
        recipients=mail.recipients,
        subject=mail.subject,
        text=mail.body,
        automatic=mail.automatic is not None,
        received_at=mail.received_at,
        attachments=tuple(
            AttachmentView(
                number=number,
                name=each.name,
                type=each.type,
                size=each.size,
                refused=each.refused,
                url=None if each.digest is None else f"{base}/{number}",
            )
            for number, each in enumerate(mail.attachments)
        ),
    )


@router.get(
    "/items/{reference}/mails/{mail}/attachments/{number}",
    operation_id="read_attachment",
    summary="Download an attachment",
    response_class=Response,
    responses=response_docs(
        {
            200: {
                "description": "Content as received.",
                "content": {"application/octet-stream": {"schema": {"type": "string"}}},
            }
        }
    )
    | problem_docs(*READ_PROBLEMS, 404),
)
async def read_attachment(
    context: Context,
    caller: CallerDep,
    state: ReadableItem,
    mail: Annotated[str, Path(max_length=64)],
    number: Annotated[int, Path(ge=0, le=1000)],
) -> Response:
    """Return the content of an attachment of a mail that the item received."""

    def read() -> tuple[str, bytes] | None:
        if not mail.isalnum() or not is_mail_of_item(context.engine, state.reference, mail):
            return None
        attachments = list_attachments(context.engine, mail)
        if number >= len(attachments) or attachments[number].digest is None:
            return None
        content = load_content(context.engine, cast("str", attachments[number].digest))
        if content is None:
            return None
        name = attachments[number].name
        item = state.reference
        note_done(context.engine, caller, AuditKind.DOWNLOAD, name, item=item, about=mail)
        return name, content

    found = await asyncio.to_thread(read)
    if found is None:
        raise UnknownItem(f"no attachment {number} of that mail on {state.reference}")
    name, content = found
    return Response(
        content,
        # never the type that the sender set: a browser must not run it
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
        },
    )


@router.get(
    "/items/{reference}/moves",
    operation_id="read_moves",
    summary="List the commands that the caller may give",
    description="All commands of the item's kind, in their variants, each with the refusal if it "
    "is not allowed. A closed item has none.",
    responses=response_docs({200: {"model": AllowedCommands}}) | problem_docs(*READ_PROBLEMS, 404),
)
async def read_moves(context: Context, caller: CallerDep, state: ReadableItem) -> Response:
    """Return the commands of the item; those without permission are not allowed."""
    if state.status is Status.CLOSED:
        none = AllowedCommands(
            by=caller.actor, revision=state.revision, moves=(), missing=(), has_evidence=False
        )
        return json_response(none)
    answer = AllowedCommands.model_validate(
        await context.client.moves(state.reference, caller.actor)
    )
    moves = tuple(_permitted(caller, state, move) for move in answer.moves)
    return json_response(answer.model_copy(update={"moves": moves}))


def _permitted(caller: Caller, state: State, move: AllowedCommand) -> AllowedCommand:
    if not move.allowed or move.command not in commands_of(state.kind):
        return move
    try:
        check_command(caller, move.command, state)
    except (Forbidden, InvalidCommand) as problem:
        return move.model_copy(update={"allowed": False, "sentence": str(problem)})
    return move
