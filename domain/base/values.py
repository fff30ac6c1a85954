"""The vocabulary of the status model: sets of words, and checked texts, actors and instants."""

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
"""Longest text, in UTF-8 bytes, that an item carries itself; a longer one is kept in the store."""
EXCERPT_LENGTH: Final = 1000
"""Characters of a longer text that an item shows in its place."""
COMMAND_LIMIT: Final = 256 * 1024
"""Largest command or start, in bytes of JSON (contract, identifiers and values)."""

MOST_LEVELS: Final = 50
"""Levels of free JSON; readers of JSON give up at 200, and others put it within theirs."""


class Kind(StrEnum):
    """The three kinds of work item; also the names of their workflow types."""

    TICKET = "Ticket"
    CASE = "Case"
    ACTION = "Action"


class Status(StrEnum):
    """C1: one status set for all three kinds."""

    DRAFT = "DRAFT"
    TO_DO = "TO_DO"
    IN_PROGRESS = "IN_PROGRESS"
    WAIT = "WAIT"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class WaitType(StrEnum):
    """Chapter 1, wait types; `commands.ChosenWait` are the ones a person may choose."""

    MORE_INFORMATION = "more_information"
    UNTIL = "until"
    PAUSE = "pause"
    SPLIT = "split"
    CASE_LAUNCHED = "case_launched"


class Method(StrEnum):
    """How a Ticket was resolved; `commands.ChosenMethod` are the ones a person may choose."""

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
    """How a Case or an Action ended."""

    COMPLETE = "complete"
    UNABLE_TO_COMPLETE = "unable_to_complete"
    CANCELLED = "cancelled"


class StartedBy(StrEnum):
    """K1, T1: where an item came from."""

    MANUAL = "manual"
    EMAIL = "email"
    SERVICE = "service"
    SCHEDULE = "schedule"
    ACTION = "action"
    SPLIT = "split"


class Performer(StrEnum):
    """Who may do an Action."""

    HUMAN = "human"
    ROBOT = "robot"
    ANY = "any"


class Ticked(StrEnum):
    """A7: how a question of a checklist is answered."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "not_applicable"


class Verdict(StrEnum):
    """A6: what a reviewer says."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNABLE_TO_COMPLETE = "unable_to_complete"


class Template(StrEnum):
    """M5: what a mail out is written by."""

    MESSAGE = "message"
    ACKNOWLEDGEMENT = "acknowledgement"
    RESOLUTION = "resolution"
    ATTENTION = "attention"
    ASSIGNMENT = "assignment"
    DUE = "due"


class ReopensOn(StrEnum):
    """What reopens a Resolved item by itself."""

    MAIL = "mail"
    FEEDBACK = "feedback"


REFERENCE: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?:-\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z)?"
"""Our own, and what a Temporal Schedule makes of one by adding its moment (ADR 0010)."""
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


def one_line(value: str) -> str:
    """Refuse a text that is blank, or that is not one line."""
    if _CONTROL.search(value):
        msg = "holds control characters; give one plain line"
        raise ValueError(msg)
    if not value.strip():
        msg = "is blank"
        raise ValueError(msg)
    return value


def _text(value: str) -> str:
    if _CONTROL_IN_TEXT.search(value):
        msg = "holds control characters other than line breaks and tabs"
        raise ValueError(msg)
    return value


def _title(value: str) -> str:
    if _CONTROL.search(value):
        msg = "holds control characters; give one plain line"
        raise ValueError(msg)
    return value


def _actor(value: str) -> str:
    one_line(value)
    for prefix in ("robot:", "service:"):
        if value.startswith(prefix) and not value.removeprefix(prefix).strip():
            msg = f"names no {prefix[:-1]}; give {prefix}NAME"
            raise ValueError(msg)
    return value


def _person(value: str) -> str:
    _actor(value)
    if not is_person(value):
        msg = "must be a person: robots, services and the system are never owner (C9)"
        raise ValueError(msg)
    return value


def _address(value: str) -> str:
    if not is_address(value):
        msg = "is not a mail address"
        raise ValueError(msg)
    return value


def _written_instant(value: object) -> object:
    is_written = isinstance(value, str) and _INSTANT.fullmatch(value)
    if not (is_written or isinstance(value, datetime)):
        msg = "must be a date and time such as 2026-12-01T10:00:00Z"
        raise ValueError(msg)
    return value


def _utc(value: datetime) -> datetime:
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


def _levels(value: JsonValue) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_levels, inner), default=0)


def unfit(value: JsonValue) -> str | None:
    """Why JSON cannot be carried wherever it goes, and read again; None if it can."""
    if _levels(value) > MOST_LEVELS:
        return f"is nested more than {MOST_LEVELS} levels deep"
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return "holds NaN or an infinite number, which is no JSON"
    if any(_CONTROL_IN_TEXT.search(text) for text in _strings(value)):
        return "holds control characters other than line breaks and tabs"
    return None


def _free(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    problem = unfit(value)
    if problem is not None:
        raise ValueError(problem)
    return value


def _free_value(value: JsonValue) -> JsonValue:
    _free({"": value})
    return value


def is_person(actor: str) -> bool:
    """Whether an actor is a human: neither a robot, a service nor the system."""
    return actor != SYSTEM and not actor.startswith(("robot:", "service:"))


def is_robot(actor: str) -> bool:
    """Whether an actor is a robot (`robot:NAME`)."""
    return actor.startswith("robot:")


def is_address(text: str) -> bool:
    """Whether a text can be a mail address: local part, @, host; no spaces, no display name."""
    return _ADDRESS.fullmatch(text) is not None


def clipped(text: str, limit: int) -> str:
    """The text itself up to so many UTF-8 bytes, else its beginning and where the rest is."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    return f"{raw[:limit].decode(errors='ignore')}… (whole in the store)"


def printable(text: str) -> str:
    """The text with a sign in place of each control character, which no database need take."""
    return _CONTROL_IN_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def excerpt(text: str) -> str:
    """The text itself up to `TEXT_LIMIT` bytes, else its beginning and where the rest is."""
    if len(text.encode()) <= TEXT_LIMIT:
        return text
    return f"{text[:EXCERPT_LENGTH]}… ({len(text)} characters, kept in the store)"


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(one_line)]
"""A name of a person, queue, category, step or key: one line of at most 100 characters."""
Actor = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_actor)]
"""`amy`, `robot:ocr-1`, `service:erp` or `system`."""
Person = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_person)]
"""An actor who is a human."""
Title = Annotated[str, Field(max_length=300), AfterValidator(_title)]
"""One line of at most 300 characters; may be empty while an item is a Draft."""
Text = Annotated[str, AfterValidator(_text)]
"""A text with line breaks; how long it may be follows from `COMMAND_LIMIT`."""
Reason = Annotated[str, Field(max_length=1000), AfterValidator(_text)]
"""A few sentences: at most 1,000 characters."""
Address = Annotated[str, Field(max_length=254), AfterValidator(_address)]
"""A bare mail address."""
Instant = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_written_instant), AfterValidator(_utc)
]
"""RFC 3339 with a zone; kept and answered in UTC."""
FreeJson = Annotated[dict[str, JsonValue], AfterValidator(_free)]
"""Any JSON object without control characters, NaN or infinities, at most `MOST_LEVELS` deep."""
FreeValue = Annotated[JsonValue, AfterValidator(_free_value)]
"""Any JSON value that may be a field of such an object."""
