"""What somebody tried and was refused: said beside the form, which keeps what they wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from web.pages.timeline import Line

_ONE_FORM: Final = {"submit": "edit", "send_and_resolve": "send_email"}
"""Commands that have a button in the form of another one."""


_NOT_WRITTEN: Final = frozenset({"csrf", "once", "revision", "take_over", "type", "resolution"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A command, what was written for it, and why it was not done; empty: nothing was tried."""

    command: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of fields that may be given more than once: all that was given."""
    sentence: str = ""
    rule: str | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    """By field of the form: what is wrong with it."""
    meanwhile: tuple[Line, ...] = ()
    """C17: what happened since the reader saw the item, newest first."""
    once: str | None = None
    """The id to try again by, where nobody answered."""

    def has(self, command: str) -> bool:
        """Whether it is this command that was tried."""
        return bool(self.command) and self.form_of == _ONE_FORM.get(command, command)

    @property
    def form_of(self) -> str:
        """The command whose form it was tried in."""
        return _ONE_FORM.get(self.command, self.command)

    @property
    def kept(self) -> Mapping[str, str]:
        """What was written, for where its form is not there any more."""
        return {
            name: value
            for name, value in self.form.items()
            if name not in _NOT_WRITTEN and value.strip()
        }

    def value(self, command: str, name: str, default: str | None = "") -> str:
        """What a field of this command's form shows."""
        if self.has(command):
            return self.form.get(name, "")
        return default or ""

    def ticked(self, command: str, name: str, value: str, *, default: bool = False) -> bool:
        """Whether a box or a choice is the one that was chosen."""
        if self.has(command):
            return value in self.many.get(name, ())
        return default

    def problem(self, command: str, name: str) -> str:
        """What is wrong with a field of this command's form."""
        return self.problems.get(name, "") if self.has(command) else ""
