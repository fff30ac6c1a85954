"""Vocabulary of the status model: enumerations, and checked texts, actors and instants."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    JsonValue,
)

SYSTEM: Final = "system"
TEXT_LIMIT: Final = 16 * 1024
"""Bytes of a text that an item carries itself, at most; a longer one is in the store."""
EXCERPT_LENGTH: Final = 1000
"""Characters of a longer text that an item shows in its place."""
COMMAND_LIMIT: Final = 256 * 1024
"""Bytes of JSON of a command or start, at most (contract, identifiers and values)."""
MAX_JSON_DEPTH: Final = 50
"""Levels of free JSON, at most; readers of JSON accept 200, and callers embed it in theirs."""


class Kind(StrEnum):
    """Kind of a work item; also the name of its workflow type."""

    TICKET = "Ticket"
    CASE = "Case"
    ACTION = "Action"


class Status(StrEnum):
    """Status of an item, the same set for all kinds (C1)."""

    DRAFT = "DRAFT"
    TO_DO = "TO_DO"
    IN_PROGRESS = "IN_PROGRESS"
    WAIT = "WAIT"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class WaitType(StrEnum):
    """Wait type (chapter 1); `commands.ChosenWait` has those that a person may choose."""

    MORE_INFORMATION = "more_information"
    UNTIL = "until"
    PAUSE = "pause"
    SPLIT = "split"
    CASE_LAUNCHED = "case_launched"


class Method(StrEnum):
    """Resolution method of a Ticket; `commands.ChosenMethod` has those a person may choose."""

    CUSTOMER_RESPONSE = "customer_response"
    NO_CUSTOMER_RESPONSE = "no_customer_response"
    REJECTED = "rejected"
    REJECTED_AS_SPAM = "rejected_as_spam"
    REJECTED_UNKNOWN_ADDRESS = "rejected_unknown_address"
    MERGED = "merged"
    SPLIT = "split"
    CASE_LAUNCHED = "case_launched"
    DISCARDED = "discarded"


class Outcome(StrEnum):
    """Outcome of a Case or an Action."""

    COMPLETE = "complete"
    UNABLE_TO_COMPLETE = "unable_to_complete"
    CANCELLED = "cancelled"


class StartedBy(StrEnum):
    """Origin of an item (K1, T1)."""

    MANUAL = "manual"
    EMAIL = "email"
    SERVICE = "service"
    SCHEDULE = "schedule"
    ACTION = "action"
    SPLIT = "split"


class Performer(StrEnum):
    """Kind of actor that may perform an Action."""

    HUMAN = "human"
    ROBOT = "robot"
    ANY = "any"


class ChecklistAnswer(StrEnum):
    """Answer to a question of a checklist (A7)."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "not_applicable"


class Verdict(StrEnum):
    """Verdict of a reviewer (A6)."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNABLE_TO_COMPLETE = "unable_to_complete"


class Template(StrEnum):
    """Template of a mail (M5)."""

    MESSAGE = "message"
    ACKNOWLEDGEMENT = "acknowledgement"
    RESOLUTION = "resolution"
    ATTENTION = "attention"
    ASSIGNMENT = "assignment"
    DUE = "due"


class ReopenTrigger(StrEnum):
    """Event that reopens a Resolved item."""

    MAIL = "mail"
    FEEDBACK = "feedback"


REFERENCE: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?:-\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z)?"
"""References: our own, and those of Temporal Schedules, which append a time (ADR 0010)."""
REFERENCE_PATTERN: Final = re.compile(REFERENCE, re.ASCII)
ACTION_PATTERN: Final = re.compile(rf"(?P<case>{REFERENCE})-A(?P<number>[0-9]+)", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_IN_NO_ADDRESS = r"\s\x00-\x1f\x7f-\x9f@<>(),;:\"\\"
_ADDRESS = re.compile(rf"[^{_IN_NO_ADDRESS}\[\]]{{1,64}}@[^{_IN_NO_ADDRESS}]{{1,189}}")
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})?"
)
_YEARS = range(1970, 2200)


def require_one_line(value: str) -> str:
    """Refuse a text that is blank, or that is not one line."""
    if _CONTROL.search(value):
        msg = "holds control characters; give one plain line"
        raise ValueError(msg)
    if not value.strip():
        msg = "is blank"
        raise ValueError(msg)
    return value


def _check_text(value: str) -> str:
    if _CONTROL_IN_TEXT.search(value):
        msg = "holds control characters other than line breaks and tabs"
        raise ValueError(msg)
    return value


def _check_title(value: str) -> str:
    if _CONTROL.search(value):
        msg = "holds control characters; give one plain line"
        raise ValueError(msg)
    return value


def _check_actor(value: str) -> str:
    require_one_line(value)
    for prefix in ("robot:", "service:"):
        if value.startswith(prefix) and not value.removeprefix(prefix).strip():
            msg = f"names no {prefix[:-1]}; give {prefix}NAME"
            raise ValueError(msg)
    return value


def _check_person(value: str) -> str:
    _check_actor(value)
    if not is_person(value):
        msg = "must be a person: robots, services and the system are never owner (C9)"
        raise ValueError(msg)
    return value


def _check_address(value: str) -> str:
    if not is_address(value):
        msg = "is not a mail address"
        raise ValueError(msg)
    return value


def _check_instant(value: object) -> object:
    is_written = isinstance(value, str) and _INSTANT.fullmatch(value)
    if not (is_written or isinstance(value, datetime)):
        msg = "must be a date and time such as 2026-12-01T10:00:00Z"
        raise ValueError(msg)
    return value


def _to_utc(value: datetime) -> datetime:
    if value.year not in _YEARS:
        msg = f"must be in the years {_YEARS.start} to {_YEARS.stop - 1}"
        raise ValueError(msg)
    return value.astimezone(UTC)


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)


def _depth(value: JsonValue) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def find_json_problem(value: JsonValue) -> str | None:
    """Return why JSON cannot be stored and read again everywhere; None if it can."""
    if _depth(value) > MAX_JSON_DEPTH:
        return f"is nested more than {MAX_JSON_DEPTH} levels deep"
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return "holds NaN or an infinite number, which is no JSON"
    if any(_CONTROL_IN_TEXT.search(text) for text in _strings(value)):
        return "holds control characters other than line breaks and tabs"
    return None


def _check_free(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    problem = find_json_problem(value)
    if problem is not None:
        raise ValueError(problem)
    return value


def _check_free_value(value: JsonValue) -> JsonValue:
    _check_free({"": value})
    return value


def is_person(actor: str) -> bool:
    """Return True for a human actor: no robot, no service, not the system."""
    return actor != SYSTEM and not actor.startswith(("robot:", "service:"))


def is_robot(actor: str) -> bool:
    """Return True for a robot (`robot:NAME`)."""
    return actor.startswith("robot:")


def is_address(text: str) -> bool:
    """Return True for a bare mail address: local part, @, host; no spaces, no display name."""
    return _ADDRESS.fullmatch(text) is not None


def truncate_bytes(text: str, limit: int) -> str:
    """Return the text, cut off after so many UTF-8 bytes with a note where the rest is."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    return f"{raw[:limit].decode(errors='ignore')}… (whole in the store)"


def replace_control_characters(text: str) -> str:
    """Return the text with control characters replaced, which databases may refuse."""
    return _CONTROL_IN_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def excerpt(text: str) -> str:
    """Return the text, or its beginning with a note where the rest is, over `TEXT_LIMIT`."""
    if len(text.encode()) <= TEXT_LIMIT:
        return text
    return f"{text[:EXCERPT_LENGTH]}… ({len(text)} characters, kept in the store)"


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(require_one_line)]
"""Name of a person, queue, category, step or key: one line of at most 100 characters."""
Actor = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_check_actor)]
"""Actor: `amy`, `robot:ocr-1`, `service:erp` or `system`."""
Person = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_check_person)]
"""Actor who is a human."""
Title = Annotated[str, Field(max_length=300), AfterValidator(_check_title)]
"""One line of at most 300 characters; may be empty while the item is a Draft."""
Text = Annotated[str, AfterValidator(_check_text)]
"""Text with line breaks; `COMMAND_LIMIT` bounds its length."""
Reason = Annotated[str, Field(max_length=1000), AfterValidator(_check_text)]
"""Text of at most 1,000 characters."""
Address = Annotated[str, Field(max_length=254), AfterValidator(_check_address)]
"""Bare mail address."""
Instant = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_check_instant), AfterValidator(_to_utc)
]
"""RFC 3339 with a time zone; stored and answered in UTC."""
FreeJson = Annotated[dict[str, JsonValue], AfterValidator(_check_free)]
"""JSON object without control characters, NaN or infinities, at most `MAX_JSON_DEPTH` deep."""
FreeValue = Annotated[JsonValue, AfterValidator(_check_free_value)]
"""JSON value with the same restrictions as a field of `FreeJson`."""
