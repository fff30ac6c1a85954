"""Refusals: answers of an item to a command that it does not carry out (contract, commands).

Callers branch on the class. `type` and `reason` name it for programs in other processes.
"""

from typing import ClassVar

from pydantic import JsonValue

from domain.base.rules import Rule
from domain.base.sentences import Sentence


class Refused(Exception):
    """A command was refused; `sentence` is for people, `rule` and `fields` for programs."""

    type: ClassVar[str]
    reason: ClassVar[str | None] = None
    """Name of a finer class within a type, for programs."""

    def __init__(
        self,
        wording: Sentence | str,
        *,
        rule: Rule | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        """Store the wording, the rule of the status model, and the fields that were wrong.

        A plain text comes from another program; it has no key for translations.
        """
        super().__init__(str(wording))
        self.wording = wording
        self.sentence = str(wording)
        self.rule = rule
        self.fields = fields

    @property
    def message(self) -> str | None:
        """Return the key of the sentence; None for a plain text."""
        return self.wording.key if isinstance(self.wording, Sentence) else None

    @property
    def parameters(self) -> JsonValue:
        """Return the parameters of the sentence."""
        return self.wording.as_json["parameters"] if isinstance(self.wording, Sentence) else {}

    @property
    def details(self) -> dict[str, JsonValue]:
        """Return the machine-readable part, `{rule, fields, reason, message, parameters}`."""
        return {
            "rule": self.rule and str(self.rule),
            "fields": list(self.fields),
            "reason": self.reason,
            "message": self.message,
            "parameters": self.parameters,
        }


class InvalidCommand(Refused):
    """Malformed: not a command of this kind of item, or with fields that cannot be read."""

    type = "InvalidCommand"


class CommandIdReused(InvalidCommand):
    """The id of the command was used before, with other content (C17)."""

    reason = "command_id_reused"


class FieldsEmptied(InvalidCommand):
    """An edit empties a field that a submitted item needs (T2)."""

    reason = "fields_emptied"


class NotAllowed(Refused):
    """Well formed, but a rule of the status model forbids it now."""

    type = "NotAllowed"


class ItemClosed(NotAllowed):
    """The item is closed, and nothing reopens it (C15)."""

    reason = "item_closed"


class WrongStatus(NotAllowed):
    """Chapter 10 does not allow the command in the item's status."""

    reason = "wrong_status"


class HeldByAnother(NotAllowed):
    """The item is assigned to somebody else; `take_over` assigns it to the actor first (C8)."""

    reason = "held_by_another"


class Blocked(NotAllowed):
    """A condition other than the status forbids the command; people need the sentence."""

    reason = "blocked"


class FieldsMissing(NotAllowed):
    """The Draft lacks fields that submitting needs (T2, K1)."""

    reason = "fields_missing"


class NotInCatalog(NotAllowed):
    """The catalog was not asked, or does not have what the item names (D1, K2)."""

    reason = "not_in_catalog"


class EvidenceMissing(NotAllowed):
    """The settings ask for evidence of the resolution, and there is none (T9)."""

    reason = "evidence_missing"


class MomentPassed(NotAllowed):
    """The moment to wait for is not in the future; sent by signal, it raises the item (C10)."""

    reason = "moment_passed"


class Conflict(Refused):
    """The item is not any more at the revision, or under the lease, that the command names."""

    type = "Conflict"


_CLASSES: tuple[type[Refused], ...] = (
    *(InvalidCommand, CommandIdReused, FieldsEmptied),
    *(NotAllowed, ItemClosed, WrongStatus, HeldByAnother, Blocked, FieldsMissing),
    *(NotInCatalog, EvidenceMissing, MomentPassed),
    Conflict,
)
_BY_NAME = {(refusal.type, refusal.reason): refusal for refusal in _CLASSES}

REASONS = tuple(sorted({refusal.reason for refusal in _CLASSES if refusal.reason is not None}))
"""All words for what programs tell apart within a type."""


def refusal_class(type_: str | None, reason: str | None = None) -> type[Refused] | None:
    """Return the class that a type and a reason name; None if the type is that of no refusal.

    A reason that this version does not know gives the class of the type.
    """
    if type_ is None:
        return None
    return _BY_NAME.get((type_, reason)) or _BY_NAME.get((type_, None))
