"""Message for an item: the command, and the outcome once it is handled."""

import json
from dataclasses import dataclass

from temporalio.common import RawValue

from domain.base.refusals import Refused
from domain.base.values import Kind
from domain.engine.decide import decode
from domain.model.commands import Command
from domain.model.states import State
from workflows.runtime.payload_converter import read_json

UNKNOWN_ACTOR = "unknown"
"""Actor of a message that names no sender."""


@dataclass(kw_only=True)
class InboxMessage:
    """Command in the inbox; a malformed one has a refusal instead of a command."""

    name: str
    by: str
    command: Command | None = None
    refusal: Refused | None = None
    expects_answer: bool = False
    """True for an update, whose sender waits for the answer; false for a signal."""
    state: State | None = None
    is_done: bool = False


def decode_message(kind: Kind, name: str, raw: RawValue) -> InboxMessage:
    """Decode a payload; a refusal is stored in the message, not raised."""
    try:
        command = decode(kind, name, read_json(raw))
    except Refused as refusal:
        return InboxMessage(name=name, by=_sender_of(raw), refusal=refusal)
    return InboxMessage(name=name, by=command.by, command=command)


def _sender_of(raw: RawValue) -> str:
    """Return the sender that a malformed message names, if that much can be read."""
    try:
        by = json.loads(raw.payload.data).get("by")
    except (ValueError, AttributeError, RecursionError):
        return UNKNOWN_ACTOR
    return by[:100] if isinstance(by, str) and by.isprintable() and by else UNKNOWN_ACTOR
