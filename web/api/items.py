"""Items as they are, and what happened to them."""

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
from store.items.api_list import Filter, Sight, items, notes_of
from store.items.paging import PAGE
from store.items.queries import timeline
from store.items.timeline_page import belongs, received, sent
from store.mail.attachments import attachments_of, content_of
from store.mail.inbound_mail import InboundMail, mails_of
from store.schema.auth_tables import Audited
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
MOST: Final = 200
Limit = Annotated[int, Query(ge=1, le=MOST, description="Lines of the page.")]
CursorGiven = Annotated[
    str | None,
    Query(max_length=500, description="Of the page before: asks for the one that follows it."),
]
_Names = Annotated[list[Annotated[str, Query(max_length=100)]], Query(max_length=50)]
After = Annotated[int, Query(ge=0, le=2**31 - 1, description="The `next` of the page before.")]


def sight_of(caller: Caller) -> Sight:
    """Items that the caller may see."""
    if caller.role is Role.OPERATOR or EVERY_QUEUE in caller.queues:
        return Sight(actor=caller.actor, queues=None)
    return Sight(actor=caller.actor, queues=caller.queues)


@router.get(
    "/items",
    operation_id="list_items",
    summary="List items",
    description="Items of the caller's queues, and open ones that they hold or own; newest first. "
    "Filters of a name are alternatives, those of different names go together. `q` looks for words "
    "in references, titles, descriptions and notes, among the best 200 matches.",
    responses=response_docs({200: {"model": ItemList}}) | problem_docs(*READ_PROBLEMS),
)
def list_items(  # noqa: PLR0917 - one a filter
    context: Context,
    caller: CallerDep,
    status: Annotated[list[Status], Query(default_factory=list, max_length=6)],
    kind: Annotated[list[Kind], Query(default_factory=list, max_length=3)],
    queue: Annotated[_Names, Query(default_factory=list)],
    assignee: Annotated[_Names, Query(default_factory=list)],
    owner: Annotated[_Names, Query(default_factory=list)],
    category: Annotated[_Names, Query(default_factory=list)],
    q: Annotated[str, Query(max_length=500)] = "",
    limit: Limit = PAGE,
    cursor: CursorGiven = None,
) -> Response:
    """A page of items."""
    check_duty(caller, Duty.READ)
    wanted = Filter(
        kinds=tuple(kind),
        statuses=tuple(status),
        queues=tuple(queue),
        assignees=tuple(assignee),
        owners=tuple(owner),
        categories=tuple(category),
        words=q,
    )
    page = items(context.engine, wanted, sight_of(caller), limit=limit, cursor=cursor)
    return json_response(lines_of(page))


def lines_of(page: object) -> ItemList:
    """A page of the store as it is answered."""
    return ItemList.model_validate(page)


@router.get(
    "/items/{reference}",
    operation_id="read_item",
    summary="Read an item",
    description="Its state; with `If-None-Match` only if it has changed since.",
    responses=response_docs(
        {
            200: state_doc("Its state."),
            304: {"description": "It is still at that revision."},
        }
    )
    | problem_docs(*READ_PROBLEMS, 404),
)
async def read_item(
    state: ReadableItem,
    if_none_match: Annotated[
        str | None, Header(alias="If-None-Match", description="The ETag of what you have.")
    ] = None,
) -> Response:
    """The item's state."""
    known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if known & {format_etag(state.revision), "*"}:
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
    after: After = 0,
    limit: Limit = MOST,
) -> Response:
    """Entries, oldest first."""
    page = await asyncio.to_thread(
        timeline,
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
    description="Every text of the item at full length: what it was submitted with, notes, mails.",
    responses=response_docs({200: {"model": NoteList}}) | problem_docs(*READ_PROBLEMS, 404),
)
async def read_notes(
    context: Context, state: ReadableItem, after: After = 0, limit: Limit = PAGE
) -> Response:
    """Notes, oldest first."""
    found, following = await asyncio.to_thread(
        notes_of, context.engine, state.reference, after=after, limit=limit
    )
    notes = tuple(NoteView.model_validate(one) for one in found)
    return json_response(NoteList(notes=notes, next=following))


@router.get(
    "/items/{reference}/mails",
    operation_id="read_mails",
    summary="Read an item's mails",
    responses=response_docs({200: {"model": MailList}}) | problem_docs(*READ_PROBLEMS, 404),
)
async def read_mails(context: Context, state: ReadableItem) -> Response:
    """Mails in and out, oldest first."""

    def read() -> MailList:
        digests = [one.digest for one in mails_of(context.engine, state.reference)]
        texts = received(context.engine, digests)
        mails = [texts[digest] for digest in digests if digest in texts]
        return MailList(
            received=tuple(_mail_in(state, mail) for mail in mails),
            sent=sent(context.engine, state.reference, run=state.run),
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
                name=one.name,
                type=one.type,
                size=one.size,
                refused=one.refused,
                url=None if one.digest is None else f"{base}/{number}",
            )
            for number, one in enumerate(mail.attachments)
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
                "description": "Its content, as it came in.",
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
    """The content of an attachment of a mail that came in for the item."""

    def read() -> tuple[str, bytes] | None:
        if not mail.isalnum() or not belongs(context.engine, state.reference, mail):
            return None
        hanging = attachments_of(context.engine, mail)
        if number >= len(hanging) or hanging[number].digest is None:
            return None
        content = content_of(context.engine, cast("str", hanging[number].digest))
        if content is None:
            return None
        name = hanging[number].name
        item = state.reference
        note_done(context.engine, caller, Audited.DOWNLOAD, name, item=item, about=mail)
        return name, content

    found = await asyncio.to_thread(read)
    if found is None:
        raise UnknownItem(f"no attachment {number} of that mail on {state.reference}")
    name, content = found
    return Response(
        content,
        # never the sender's own type: a browser must not run it
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
    summary="What the caller may do with an item now",
    description="Every command of its kind, in its variants, and why those that are refused are. "
    "A closed item allows none.",
    responses=response_docs({200: {"model": AllowedCommands}}) | problem_docs(*READ_PROBLEMS, 404),
)
async def read_moves(context: Context, caller: CallerDep, state: ReadableItem) -> Response:
    """Return the item's moves; a command without permission is not allowed."""
    if state.status is Status.CLOSED:
        none = AllowedCommands(
            by=caller.actor, revision=state.revision, moves=(), missing=(), has_evidence=False
        )
        return json_response(none)
    told = AllowedCommands.model_validate(await context.client.moves(state.reference, caller.actor))
    moves = tuple(_permitted(caller, state, move) for move in told.moves)
    return json_response(told.model_copy(update={"moves": moves}))


def _permitted(caller: Caller, state: State, move: AllowedCommand) -> AllowedCommand:
    if not move.allowed or move.command not in commands_of(state.kind):
        return move
    try:
        check_command(caller, move.command, state)
    except (Forbidden, InvalidCommand) as problem:
        return move.model_copy(update={"allowed": False, "sentence": str(problem)})
    return move
