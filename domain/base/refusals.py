"""Refusals: what an item answers when it may not do what was asked (contract, commands)."""

from typing import ClassVar


class Refused(Exception):
    """A command was refused; `sentence` is for people, `rule` and `fields` for programs."""

    type: ClassVar[str]

    def __init__(
        self, sentence: str, *, rule: str | None = None, fields: tuple[str, ...] = ()
    ) -> None:
        """Name the rule of the status model and the fields that were wrong."""
        super().__init__(sentence)
        self.sentence = sentence
        self.rule = rule
        self.fields = fields

    @property
    def details(self) -> dict[str, object]:
        """The machine-readable part, `{rule, fields}`."""
        return {"rule": self.rule, "fields": list(self.fields)}


class InvalidCommand(Refused):
    """Malformed: not a command of this kind of item, or with fields that cannot be read."""

    type = "InvalidCommand"


class NotAllowed(Refused):
    """Well formed, but a rule of the status model forbids it now."""

    type = "NotAllowed"


class Conflict(Refused):
    """The item is not any more at the revision, or under the lease, that the command names."""

    type = "Conflict"
