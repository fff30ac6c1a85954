"""Transition table: statuses in which each command is allowed (chapter 10, C15)."""

from typing import Final

from domain.base.refusals import Blocked, ItemClosed, WrongStatus
from domain.base.rules import Rule
from domain.base.sentences import noun_of, say
from domain.base.values import Kind, Status, WaitType
from domain.model.internal_messages import MergeAsked
from domain.model.items import Item

_GRID: Final = """
                   DRAFT  TO_DO  IN_PROGRESS  WAIT  RESOLVED
submit             yes    -      -            -     -
edit               yes    yes    yes          yes   -
start              -      yes    yes          -     -
assign             -      yes    yes          yes   yes
unassign           -      yes    yes          yes   yes
set_to_do          -      yes    yes          -     -
reject             -      yes    yes          -     -
wait               yes    yes    yes          yes   -
resume             -      -      -            yes   -
resolve            yes    yes    yes          yes   -
send_and_resolve   yes    yes    yes          yes   -
reopen             -      -      -            -     yes
feedback           -      yes    yes          yes   yes
receive_email      yes    yes    yes          yes   yes
add_note           yes    yes    yes          yes   yes
send_email         yes    yes    yes          yes   yes
mark_read          yes    yes    yes          yes   yes
split              -      yes    yes          yes   -
launch_case        -      yes    yes          yes   -
merge              -      yes    yes          yes   -
rework             -      yes    yes          yes   -
start_action       -      yes    yes          -     yes
reset_in_progress  -      yes    yes          -     -
review             -      yes    yes          -     -
answer_checklist   -      yes    yes          -     -
heartbeat          -      yes    yes          -     -
cancel             yes    yes    yes          yes   yes
action_ended       -      yes    yes          yes   yes
case_cancelled     -      yes    yes          yes   yes
item_ended         -      yes    yes          yes   yes
merge_asked        yes    yes    yes          yes   yes
merge_answered     -      yes    yes          yes   yes
work_ended         -      yes    yes          yes   -
mail_failed        yes    yes    yes          yes   yes
acknowledge        yes    yes    yes          yes   yes
"""
AUTOMATIC_WAITS: Final = (WaitType.SPLIT, WaitType.CASE_LAUNCHED)
"""Waits that only the system ends (C12)."""
_REFUSED_IN_AUTOMATIC_WAITS: Final = frozenset(
    {"edit", "launch_case", "merge", "resolve", "resume", "send_and_resolve", "split", "wait"}
)
_WAY_OUT: Final = {
    ("start", Status.WAIT): say("way_out.resume"),
    ("start", Status.RESOLVED): say("way_out.reopen"),
    ("resume", Status.DRAFT): say("way_out.waiting_only"),
    ("start_action", Status.WAIT): say("way_out.case_waits"),
}


def _parse_grid(grid: str) -> dict[str, frozenset[Status]]:
    header, *lines = (line.split() for line in grid.strip().splitlines())
    statuses = [Status(word) for word in header]
    return {
        name: frozenset(
            status for status, cell in zip(statuses, cells, strict=True) if cell == "yes"
        )
        for name, *cells in lines
    }


TRANSITION_TABLE: Final = _parse_grid(_GRID)
"""Statuses in which a command may be allowed; rules narrow them, and never widen."""


def check_status(item: Item, command: str) -> None:
    """Refuse a command that chapter 10 does not allow in the item's status."""
    if item.status is Status.CLOSED:
        if command == MergeAsked.name:
            return  # the asking Ticket waits for an answer (T16)
        if item.cancelled:
            raise ItemClosed(say("item.cancelled", item=item.noun, command=command), rule=Rule.C15)
        raise closed_refusal(item.kind, item.reference, command)
    if (
        item.wait is not None
        and item.wait.type in AUTOMATIC_WAITS
        and command in _REFUSED_IN_AUTOMATIC_WAITS
    ):
        names = ", ".join(awaited.reference for awaited in item.awaited if awaited.how is None)
        sentence = say("item.awaits", item=item.noun, references=names, command=command)
        raise Blocked(sentence, rule=Rule.C12)
    if item.status not in TRANSITION_TABLE[command]:
        allowed = ", ".join(status for status in Status if status in TRANSITION_TABLE[command])
        sentence = say(
            "item.wrong_status",
            item=item.noun,
            status=str(item.status),
            command=command,
            way_out=_WAY_OUT.get((command, item.status))
            or say("way_out.allowed_in", statuses=allowed),
        )
        raise WrongStatus(sentence, rule=Rule.CHAPTER_10)


def closed_refusal(kind: Kind, reference: str, command: str) -> ItemClosed:
    """Return the refusal of a command to an item that is closed (C15)."""
    sentence = say("item.closed", item=noun_of(kind, reference), command=command)
    return ItemClosed(sentence, rule=Rule.C15)
