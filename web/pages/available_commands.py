"""Commands that a page offers: the item allows them now, and the reader is permitted to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auth.callers import Caller
from auth.permissions import Forbidden, check_command
from domain.base.refusals import Blocked, EvidenceMissing, FieldsMissing
from domain.engine.allowed_commands import AllowedCommand, AllowedCommands
from domain.model.states import State
from web.pages.failed_attempt import FailedAttempt


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableCommand:
    """A command that the caller can execute now."""

    command: str
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Allowed values by field, for fields whose values the item restricts."""
    takes_over: bool = False
    """The command takes the item over from its assignee (C8)."""
    needs_evidence: bool = False
    """The command needs a note as evidence (T9)."""

    def allowed_values(self, name: str) -> tuple[str, ...]:
        """Return the allowed values of a field."""
        return self.variants.get(name, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableCommands:
    """Commands that the page offers; `is_unanswered`: the item did not answer."""

    is_unanswered: bool
    by_command: Mapping[str, AvailableCommand] = field(default_factory=dict)
    refused: tuple[AllowedCommand, ...] = ()
    """Refused commands with a reason to show, one for each sentence."""
    missing: tuple[str, ...] = ()
    has_evidence: bool = False

    def __contains__(self, command: str) -> bool:
        """Return True if the command is offered."""
        return command in self.by_command

    def __getitem__(self, command: str) -> AvailableCommand:
        """Return the offered command."""
        return self.by_command[command]

    @property
    def has_any(self) -> bool:
        """Return True if a command is offered."""
        return bool(self.by_command)


def available_commands(caller: Caller, state: State, moves: AllowedCommands) -> AvailableCommands:
    """Return the commands that the item allows and the caller may execute."""
    available: dict[str, AvailableCommand] = {}
    by_command: dict[str, list[AllowedCommand]] = {}
    for move in moves.moves:
        by_command.setdefault(move.command, []).append(move)
    for command, command_moves in by_command.items():
        usable = [move for move in command_moves if move.allowed or _form_completes(move)]
        if usable and _is_permitted(caller, command, state):
            available[command] = _available_command(command, usable)
    refused = {
        move.sentence: move
        for move in moves.moves
        if not move.allowed and move.reason == Blocked.reason and move.command not in available
    }
    return AvailableCommands(
        is_unanswered=False,
        by_command=available,
        refused=tuple(refused.values()),
        missing=moves.missing,
        has_evidence=moves.has_evidence,
    )


def commands_to_retry(attempt: FailedAttempt) -> AvailableCommands:
    """Return the failed attempt's commands with its choices, for an item that does not answer."""
    commands = {attempt.command, attempt.form_of}
    by_command = {
        command: AvailableCommand(command=command, variants=attempt.many) for command in commands
    }
    return AvailableCommands(is_unanswered=True, by_command=by_command)


def _available_command(command: str, moves: list[AllowedCommand]) -> AvailableCommand:
    variants: dict[str, tuple[str, ...]] = {}
    for move in moves:
        if move.field is not None and move.variant is not None:
            variants[move.field] = (*variants.get(move.field, ()), move.variant)
    return AvailableCommand(
        command=command,
        variants=variants,
        takes_over=any(move.takes_over for move in moves),
        needs_evidence=any(_lacks_evidence(move) for move in moves),
    )


def _lacks_evidence(move: AllowedCommand) -> bool:
    return move.reason == EvidenceMissing.reason and move.command == "resolve"


def _form_completes(move: AllowedCommand) -> bool:
    """Return True if the command's form has the fields whose lack refuses the command."""
    lacks_fields = move.reason == FieldsMissing.reason and move.command == "submit"
    return _lacks_evidence(move) or lacks_fields


def _is_permitted(caller: Caller, command: str, state: State) -> bool:
    try:
        check_command(caller, command, state)
    except Forbidden:
        return False
    return True
