"""Attempt that was refused: shown beside its form, which keeps the reader's input."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from web.pages.timeline import Line

_ONE_FORM: Final = {"submit": "edit", "send_and_resolve": "send_email"}
"""Commands that have a button in the form of another one."""


_NOT_WRITTEN: Final = frozenset(
    {"csrf", "idempotency_key", "revision", "take_over", "type", "resolution"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Command that was refused, with its input and the reason; empty: nothing was tried."""

    command: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every value of each field, in the order of the form."""
    sentence: str = ""
    rule: str | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    """Sentences by field of the form."""
    meanwhile: tuple[Line, ...] = ()
    """Entries since the reader's revision, newest first (C17)."""
    idempotency_key: str | None = None
    """The key of the form that nobody answered: sent again by it, it is done once."""

    def has(self, command: str) -> bool:
        """Return True if this command was tried, by its own form or its button in another."""
        return bool(self.command) and self.form_of == _ONE_FORM.get(command, command)

    @property
    def form_of(self) -> str:
        """The command whose form it was tried in."""
        return _ONE_FORM.get(self.command, self.command)

    @property
    def kept(self) -> Mapping[str, str]:
        """Input to show where the form itself is not offered any more."""
        return {
            name: value
            for name, value in self.form.items()
            if name not in _NOT_WRITTEN and value.strip()
        }

    def value(self, command: str, name: str, default: str | None = "") -> str:
        """Return the value that a field of this command's form shows."""
        if self.has(command):
            return self.form.get(name, "")
        return default or ""

    def ticked(self, command: str, name: str, value: str, *, default: bool = False) -> bool:
        """Return True if a box or a choice was chosen."""
        if self.has(command):
            return value in self.many.get(name, ())
        return default

    def problem(self, command: str, name: str) -> str:
        """Return the sentence about a field of this command's form, or an empty text."""
        return self.problems.get(name, "") if self.has(command) else ""
