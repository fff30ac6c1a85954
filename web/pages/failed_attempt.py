"""Failed attempt to execute a command: shown beside its form, which keeps the input."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from web.pages.timeline import TimelineLine

_FORM_COMMANDS: Final = {"submit": "edit", "send_and_resolve": "send_email"}
"""Commands whose button is in the form of another command."""


_HIDDEN_FIELDS: Final = frozenset(
    {"csrf", "idempotency_key", "revision", "take_over", "type", "resolution"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """Command that was refused, with its input and the reason; empty: there was no attempt."""

    command: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every value of each field, in the order of the form."""
    sentence: str = ""
    rule: str | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    """Error messages by field of the form."""
    concurrent_entries: tuple[TimelineLine, ...] = ()
    """Entries since the reader's revision, newest first (C17)."""
    idempotency_key: str | None = None
    """Key of a form without an answer; the form is sent again with it, and executed once."""

    def has(self, command: str) -> bool:
        """Return True if this command was attempted, in its own form or in another's."""
        return bool(self.command) and self.form_of == _FORM_COMMANDS.get(command, command)

    @property
    def form_of(self) -> str:
        """Command whose form was sent."""
        return _FORM_COMMANDS.get(self.command, self.command)

    @property
    def entered_values(self) -> Mapping[str, str]:
        """Input to show if the form is no longer available."""
        return {
            name: value
            for name, value in self.form.items()
            if name not in _HIDDEN_FIELDS and value.strip()
        }

    def value(self, command: str, name: str, default: str | None = "") -> str:
        """Return the value that a field of this command's form shows."""
        if self.has(command):
            return self.form.get(name, "")
        return default or ""

    def is_checked(self, command: str, name: str, value: str, *, default: bool = False) -> bool:
        """Return True if a checkbox or a radio button was checked."""
        if self.has(command):
            return value in self.many.get(name, ())
        return default

    def problem(self, command: str, name: str) -> str:
        """Return the error message of a field of this command's form, or an empty text."""
        return self.problems.get(name, "") if self.has(command) else ""
