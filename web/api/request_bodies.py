"""What requests carry: one JSON object of bounded size, and the headers that steer commands."""

import json
import re
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from pydantic import JsonValue
from pydantic_core import from_json

from auth.callers import Caller
from domain.base.refusals import InvalidCommand
from domain.base.values import COMMAND_LIMIT, unfit
from web.api.problem_details import WrongRequest

Fields = dict[str, JsonValue]
_ETAG: Final = re.compile(r'"([0-9]{1,9})"', re.ASCII)
_KEY_LENGTH: Final = 200


async def fields_of(request: Request) -> Fields:
    """The body's object; an empty body has no fields.

    Raises WrongRequest: too large (told before it is read whole), another type, or no JSON object.
    """
    body = await _read(request)
    if not body:
        return {}
    type_ = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if type_ != "application/json":
        raise WrongRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            f"body is {type_[:40] or 'of no type'}: send application/json",
        )
    try:
        value = from_json(body, allow_inf_nan=False, cache_strings="none")
        unreadable = unfit(value) if isinstance(value, dict) else "is no object"
    except (ValueError, RecursionError) as problem:
        raise _no_json(f"body is no JSON: {problem}") from None
    if not isinstance(value, dict):
        raise _no_json("body is JSON, but no object: send one object with the fields")
    if unreadable is not None:
        raise InvalidCommand(f"body {unreadable}")
    return value


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > COMMAND_LIMIT:
        raise _too_large()
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > COMMAND_LIMIT:
            raise _too_large()
    return bytes(read)


def _too_large() -> WrongRequest:
    return WrongRequest(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "TooLarge",
        f"body is larger than {COMMAND_LIMIT} bytes, which is the most that is taken",
    )


def _no_json(sentence: str) -> WrongRequest:
    return WrongRequest(HTTPStatus.BAD_REQUEST, "InvalidJson", sentence)


Given = Annotated[Fields, Depends(fields_of)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description='The ETag of the item as you saw it, such as `"7"`: its `expected_revision`. '
        "If it has changed since, nothing is done, and the answer is 412.",
        examples=['"7"'],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key, from the same caller, with the same body is done once, however "
        "often it is sent; with another body it is refused with 422.",
        min_length=1,
        max_length=_KEY_LENGTH,
        pattern=r"^[!-~]+$",
        examples=["b6d7c3f2-reply-1"],
    ),
]


def revision_in(if_match: str | None) -> int | None:
    """The revision that `If-Match` names; None: any. Raises InvalidCommand."""
    if if_match is None or if_match.strip() == "*":
        return None
    named = _ETAG.fullmatch(if_match.strip())
    if named is None:
        sentence = f'If-Match {if_match[:40]!r} is no ETag of an item: send one such as "7"'
        raise InvalidCommand(sentence, fields=("If-Match",))
    return int(named[1])


def etag_of(revision: int) -> str:
    """The ETag of an item at a revision."""
    return f'"{revision}"'


def scoped(caller: Caller, key: str) -> str:
    """An idempotency key as one caller's: two callers' keys never meet."""
    # the actor, not the credential: a service that changes its key goes on with what it sent
    return sha256(f"{caller.actor}\n{key}".encode()).hexdigest()[:40]


def as_json(fields: Fields) -> bytes:
    """The fields as the models that check them read them."""
    return json.dumps(fields).encode()
