"""A message on its way to the item: what was asked, and what came of it."""

import json
from dataclasses import dataclass

from temporalio.common import RawValue

from domain.base.refusals import Refused
from domain.base.values import Kind
from domain.engine.decide import decode
from domain.model.commands import Command
from domain.model.states import State
from workflows.runtime.payload_converter import json_of

NOBODY = "unknown"
"""The actor of a message that does not say who sent it."""


@dataclass(kw_only=True)
class Message:
    """One command in the inbox; a malformed one has its refusal instead."""

    name: str
    by: str
    command: Command | None = None
    refusal: Refused | None = None
    answered: bool = False
    """Whether somebody waits for the answer: an update, not a signal."""
    state: State | None = None
    is_done: bool = False


def message_of(kind: Kind, name: str, raw: RawValue) -> Message:
    """The message that a payload is; a refusal of it is kept in the message, not raised."""
    try:
        command = decode(kind, name, json_of(raw))
    except Refused as refusal:
        return Message(name=name, by=_sender(raw), refusal=refusal)
    return Message(name=name, by=command.by, command=command)


def _sender(raw: RawValue) -> str:
    """Who a malformed message says it is from, as far as that can be read."""
    try:
        by = json.loads(raw.payload.data).get("by")
    except (ValueError, AttributeError, RecursionError):
        return NOBODY
    return by[:100] if isinstance(by, str) and by.isprintable() and by else NOBODY
