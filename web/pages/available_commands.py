"""What a page offers to do with an item: what it allows now, of what the reader is permitted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auth.callers import Caller
from auth.permissions import Forbidden, check_command
from domain.base.refusals import Blocked, EvidenceMissing, FieldsMissing
from domain.engine.allowed_commands import Move, Moves
from domain.model.states import State
from web.pages.failed_attempt import Tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A command that may be given now."""

    command: str
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By field: the values of it that are allowed, where the item tells them apart."""
    takes_over: bool = False
    """C8: it takes the item over from who has it."""
    needs_evidence: bool = False
    """T9: only with a note, which is the evidence."""

    def of(self, name: str) -> tuple[str, ...]:
        """The allowed values of a field."""
        return self.variants.get(name, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """All that is offered; `is_silent`: nobody said what the item allows."""

    is_silent: bool
    by_command: Mapping[str, Offer] = field(default_factory=dict)
    refused: tuple[Move, ...] = ()
    """What is not, where the reason is worth reading: one of each sentence."""
    missing: tuple[str, ...] = ()
    has_evidence: bool = False

    def __contains__(self, command: str) -> bool:
        """Whether the command is offered."""
        return command in self.by_command

    def __getitem__(self, command: str) -> Offer:
        """The offer of the command."""
        return self.by_command[command]

    @property
    def is_any(self) -> bool:
        """Whether there is something to do."""
        return bool(self.by_command)


def offers_of(caller: Caller, state: State, moves: Moves) -> Offers:
    """What the moves come to for this caller."""
    offers: dict[str, Offer] = {}
    by_command: dict[str, list[Move]] = {}
    for move in moves.moves:
        by_command.setdefault(move.command, []).append(move)
    for command, told in by_command.items():
        good = [move for move in told if move.allowed or _only_lacks(move)]
        if good and _is_permitted(caller, command, state):
            offers[command] = _offer(command, good)
    refused = {
        move.sentence: move
        for move in moves.moves
        if not move.allowed and move.reason == Blocked.reason and move.command not in offers
    }
    return Offers(
        is_silent=False,
        by_command=offers,
        refused=tuple(refused.values()),
        missing=moves.missing,
        has_evidence=moves.has_evidence,
    )


def offers_again(tried: Tried) -> Offers:
    """What was tried, offered with the choices that were made, although nobody says that it may."""
    commands = {tried.command, tried.form_of}
    again = {one: Offer(command=one, variants=tried.many) for one in commands}
    return Offers(is_silent=True, by_command=again)


def _offer(command: str, good: list[Move]) -> Offer:
    variants: dict[str, tuple[str, ...]] = {}
    for move in good:
        if move.field is not None and move.variant is not None:
            variants[move.field] = (*variants.get(move.field, ()), move.variant)
    return Offer(
        command=command,
        variants=variants,
        takes_over=any(move.takes_over for move in good),
        needs_evidence=any(_lacks_evidence(move) for move in good),
    )


def _lacks_evidence(move: Move) -> bool:
    return move.reason == EvidenceMissing.reason and move.command == "resolve"


def _only_lacks(move: Move) -> bool:
    """Whether the form of the command can give what is missing."""
    lacks_fields = move.reason == FieldsMissing.reason and move.command == "submit"
    return _lacks_evidence(move) or lacks_fields


def _is_permitted(caller: Caller, command: str, state: State) -> bool:
    try:
        check_command(caller, command, state)
    except Forbidden:
        return False
    return True
