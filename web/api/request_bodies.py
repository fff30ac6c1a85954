"""Contents of requests: a JSON object of bounded size, and the headers of commands."""

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
from domain.base.values import COMMAND_LIMIT, find_json_problem
from web.api.problem_details import BadRequest

Fields = dict[str, JsonValue]
_ETAG: Final = re.compile(r'"([0-9]{1,9})"', re.ASCII)
_KEY_LENGTH: Final = 200


async def read_body(request: Request) -> Fields:
    """Return the body's object; for an empty body, an empty one.

    Raises:
        BadRequest: the body is too large, of another type, or no JSON object.
        InvalidCommand: a value is outside the limits of the contract.
    """
    body = await _read(request)
    if not body:
        return {}
    type_ = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if type_ != "application/json":
        raise BadRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            f"body is {type_[:40] or 'of no type'}: send application/json",
        )
    try:
        value = from_json(body, allow_inf_nan=False, cache_strings="none")
        unfit_reason = find_json_problem(value) if isinstance(value, dict) else None
    except (ValueError, RecursionError) as error:
        raise _invalid_json(f"body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise _invalid_json("body is JSON, but no object: send one object with the fields")
    if unfit_reason is not None:
        raise InvalidCommand(f"body {unfit_reason}")
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


def _too_large() -> BadRequest:
    return BadRequest(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "TooLarge",
        f"body is larger than {COMMAND_LIMIT} bytes: send a smaller one",
    )


def _invalid_json(sentence: str) -> BadRequest:
    return BadRequest(HTTPStatus.BAD_REQUEST, "InvalidJson", sentence)


JsonBody = Annotated[Fields, Depends(read_body)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description='ETag of the item at its last read, such as `"7"`: its `expected_revision`. '
        "If the item has changed since, the command is refused with 412.",
        examples=['"7"'],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Requests with the same key and body from the same caller are executed once; "
        "the same key with another body is refused with 422.",
        min_length=1,
        max_length=_KEY_LENGTH,
        pattern=r"^[!-~]+$",
        examples=["b6d7c3f2-reply-1"],
    ),
]


def parse_if_match(if_match: str | None) -> int | None:
    """Return the revision of `If-Match`; None for any. Raises InvalidCommand."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        sentence = f'If-Match {if_match[:40]!r} is no ETag of an item: send one such as "7"'
        raise InvalidCommand(sentence, fields=("If-Match",))
    return int(match[1])


def format_etag(revision: int) -> str:
    """Return the ETag of an item's revision."""
    return f'"{revision}"'


def scoped_key(caller: Caller, key: str) -> str:
    """Return the idempotency key as a hash that no other caller can produce."""
    # of the actor, not of the credential: it stays valid when a service changes its API key
    return sha256(f"{caller.actor}\n{key}".encode()).hexdigest()[:40]


def encode_fields(fields: Fields) -> bytes:
    """Encode the fields for the models that validate them."""
    return json.dumps(fields).encode()
