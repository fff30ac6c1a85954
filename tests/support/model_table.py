"""Chapter 10 of the status model as data, with the rules that narrow its cells.

Written from the rule book, never from the code: a cell says what an allowed command leads to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from domain.base.refusals import InvalidCommand, NotAllowed, Refused
from domain.base.values import Kind, Status, WaitType, is_person
from tests.support.builders import ROBOT, SERVICE

T, C, A = Kind.TICKET, Kind.CASE, Kind.ACTION
DRAFT, TO_DO, IN_PROGRESS, WAIT, RESOLVED, CLOSED = Status


@dataclass(frozen=True, slots=True)
class Cell:
    """The result of a command: a status and its entries, or a refusal and its rules."""

    leads_to: Status | None = None
    """None: the status stays."""
    entries: int = 1
    refusal: type[Refused] | None = None
    rules: frozenset[str] = frozenset()
    """Rules of which the refusal names one; empty where chapter 10 alone refuses."""


STAYS: Final = Cell()
SAME: Final = Cell(entries=0)
MERGE_REQUESTED: Final = Cell(entries=0)
"""A merge request: nothing is written before the target agrees (T16)."""
NO: Final = Cell(refusal=NotAllowed)
UNKNOWN: Final = Cell(refusal=InvalidCommand)
"""Cell of a command that the kind does not have."""


def to(status: Status) -> Cell:
    return Cell(leads_to=status)


def both(status: Status) -> Cell:
    """Return a cell with two entries: submitted first (C18)."""
    return Cell(leads_to=status, entries=2)


def invalid(rule: str) -> Cell:
    return Cell(refusal=InvalidCommand, rules=frozenset({rule}))


def no(*rules: str) -> Cell:
    return Cell(refusal=NotAllowed, rules=frozenset(rules))


STATUSES: Final = (DRAFT, TO_DO, IN_PROGRESS, WAIT, RESOLVED)

# command:             Draft, To Do, In Progress, Wait, Resolved
ROWS: Final[dict[str, tuple[Cell, Cell, Cell, Cell, Cell]]] = {
    "submit": (to(TO_DO), NO, NO, NO, NO),
    "edit": (STAYS, to(IN_PROGRESS), STAYS, STAYS, NO),
    "start": (NO, to(IN_PROGRESS), SAME, NO, NO),
    "assign": (NO, to(TO_DO), to(TO_DO), STAYS, STAYS),
    "unassign": (NO, to(TO_DO), to(TO_DO), STAYS, STAYS),
    "set_to_do": (NO, to(TO_DO), to(TO_DO), NO, NO),
    "reject": (NO, to(TO_DO), to(TO_DO), NO, NO),
    "wait": (both(WAIT), to(WAIT), to(WAIT), to(WAIT), NO),
    "resume": (NO, NO, NO, to(IN_PROGRESS), NO),
    "resolve": (both(RESOLVED), to(RESOLVED), to(RESOLVED), to(RESOLVED), NO),
    "send_and_resolve": (both(RESOLVED), to(RESOLVED), to(RESOLVED), to(RESOLVED), NO),
    "reopen": (NO, NO, NO, NO, to(TO_DO)),
    "feedback": (NO, STAYS, STAYS, STAYS, to(TO_DO)),
    "receive_email": (STAYS, STAYS, STAYS, STAYS, to(TO_DO)),
    "add_note": (STAYS, STAYS, STAYS, STAYS, STAYS),
    "send_email": (STAYS, STAYS, STAYS, STAYS, STAYS),
    "mark_read": (STAYS, STAYS, STAYS, STAYS, STAYS),
    "split": (NO, to(WAIT), to(WAIT), to(WAIT), NO),
    "launch_case": (NO, to(WAIT), to(WAIT), to(WAIT), NO),
    "merge": (NO, MERGE_REQUESTED, MERGE_REQUESTED, MERGE_REQUESTED, NO),
    "rework": (NO, to(IN_PROGRESS), to(IN_PROGRESS), to(IN_PROGRESS), NO),
    "start_action": (NO, STAYS, STAYS, NO, to(TO_DO)),
    "reset_in_progress": (NO, to(IN_PROGRESS), to(IN_PROGRESS), NO, NO),
    "cancel": (to(CLOSED), to(CLOSED), to(CLOSED), to(CLOSED), to(CLOSED)),
    "review": (NO, STAYS, STAYS, NO, NO),
    "answer_checklist": (NO, to(IN_PROGRESS), STAYS, NO, NO),
    "heartbeat": (NO, SAME, SAME, NO, NO),
    "reopen_everything": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "": (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
}

KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "submit": (T, C),
    "feedback": (T, C),
    "send_and_resolve": (T,),
    "split": (T,),
    "launch_case": (T,),
    "merge": (T,),
    "reopen": (T, C),
    "cancel": (T, C),
    "rework": (C,),
    "start_action": (C,),
    "reset_in_progress": (C,),
    "review": (A,),
    "answer_checklist": (A,),
    "heartbeat": (T, A),
}
"""Kinds of each command, the contract's column `kinds`, where they are not all three."""

REFUSED_WHILE_ASSIGNED: Final = frozenset(
    {
        "answer_checklist",
        "edit",
        "launch_case",
        "merge",
        "resolve",
        "resume",
        "send_and_resolve",
        "set_to_do",
        "split",
        "start",
        "wait",
    }
)
"""Commands that are refused while another person is assigned (C8)."""

_ENDING_A_WAIT: Final = frozenset(
    {"edit", "wait", "resume", "resolve", "send_and_resolve", "split", "launch_case", "merge"}
)
"""Commands that end a wait (C12)."""

OWNERS_COMMANDS: Final = frozenset({"rework", "start_action", "reset_in_progress", "cancel"})
"""Commands that only the owner may give, besides a pause (K8)."""


@dataclass(frozen=True, slots=True)
class Situation:
    """An item's status, assignee, owner, and what else a rule depends on."""

    kind: Kind
    status: Status
    assignee: str | None = None
    owner: str | None = None
    wait: WaitType | None = None
    flow: str = "none"
    """Of a Case: no Actions at all, some still open, or one of them failed.

    Of an Action: in review after eve completed it, or with a checklist to answer.
    """
    ended_by: str = ""
    """End of a closed item."""

    def __str__(self) -> str:
        """Return a test's id."""
        parts = (
            self.kind,
            self.status.lower(),
            self.wait,
            self.assignee and f"of {self.assignee}",
            self.owner and f"owned by {self.owner}",
            self.flow if self.kind is C or self.flow != "none" else None,
            self.ended_by,
        )
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A command with its actor and fields."""

    command: str
    by: str = "amy"
    fields: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        """Return a test's id."""
        given = " ".join(f"{name}={value}" for name, value in self.fields)
        return f"{self.command or 'nameless'} by {self.by} {given}".strip()

    def value_of(self, name: str) -> Any:  # noqa: ANN401
        return dict(self.fields).get(name)


def expected(situation: Situation, attempt: Attempt) -> Cell:
    """Return the cell of chapter 10, narrowed by the rules."""
    command = attempt.command
    cells = ROWS[command]
    if cells[0] is UNKNOWN or situation.kind not in KINDS.get(command, (T, C, A)):
        return UNKNOWN
    if situation.status is CLOSED:
        return no("C15")
    cell = cells[STATUSES.index(situation.status)]
    if command == "answer_checklist" and situation.flow != "checklist" and cell.refusal is None:
        return invalid("A7")
    if cell.refusal is None and (rules := frozenset(_refusing_rules(situation, attempt))):
        return no(*rules)
    return cell if cell.refusal is not None else _allowed_cell(cell, situation, attempt)


def _refusing_rules(situation: Situation, attempt: Attempt) -> Iterator[str]:
    """Return every rule that narrows this cell to a refusal; a refusal may name any of them."""
    command, actor = attempt.command, attempt.by
    has_other_assignee = situation.assignee not in {None, actor} and not attempt.value_of(
        "take_over"
    )
    if command in REFUSED_WHILE_ASSIGNED and has_other_assignee:
        yield "C8"
    at_rest = situation.status in {WAIT, RESOLVED}
    if command == "assign" and at_rest and not is_person(attempt.value_of("to")):
        yield "C9"
    if command in _ENDING_A_WAIT and situation.wait in {WaitType.SPLIT, WaitType.CASE_LAUNCHED}:
        yield "C12"
    if command == "reject" and not (actor.startswith("robot:") and actor == situation.assignee):
        yield "C7"
    if command == "heartbeat" and not (actor.startswith("robot:") and actor == situation.assignee):
        yield "Q3"
    if command == "mark_read" and actor != (situation.assignee or situation.owner):
        yield "C14"
    if command == "cancel" and situation.kind is T and situation.status is not DRAFT:
        yield "T17"
    yield from _refusing_wait_rules(situation.kind, attempt)
    if situation.kind is A:
        yield from _refusing_review_rules(situation, attempt)
    if situation.kind is C:
        yield from _refusing_flow_rules(situation, attempt)


def _refusing_wait_rules(kind: Kind, attempt: Attempt) -> Iterator[str]:
    """Yield the rule if the kind lacks this wait type: pause is for Cases, days for Tickets."""
    if attempt.value_of("type") == "pause" and kind is not C:
        yield "A2" if kind is A else "C10"
    if attempt.value_of("days_to_wait") and kind is not T:
        yield "K6" if kind is C else "A2"


def _refusing_review_rules(situation: Situation, attempt: Attempt) -> Iterator[str]:
    command, by, reviewed = attempt.command, attempt.by, situation.flow == "in review"
    completes = command == "resolve" and attempt.value_of("outcome") == "complete"
    if command == "review" and not (reviewed and is_person(by)):
        yield "A6"
    robot = attempt.value_of("to") if command == "assign" else by
    works = command in REFUSED_WHILE_ASSIGNED or command == "assign"
    if reviewed and robot == ROBOT and works and not _changes_nothing(situation, attempt):
        yield "A6"
    if reviewed and completes:
        yield "A6"
    if completes and situation.flow == "checklist":
        yield "A7"


def _changes_nothing(situation: Situation, attempt: Attempt) -> bool:
    return (
        attempt.command == "set_to_do" and situation.status is TO_DO and situation.assignee is None
    )


def _refusing_flow_rules(situation: Situation, attempt: Attempt) -> Iterator[str]:
    command = attempt.command
    owners = command in OWNERS_COMMANDS or attempt.value_of("type") == "pause"
    if owners and situation.owner not in {None, attempt.by}:
        yield "K8"
    if command == "resolve" and situation.flow == "open" and situation.status is not DRAFT:
        yield "K11"
    if command == "reset_in_progress" and situation.flow != "failed":
        yield "K9"
    if command == "rework" and situation.flow == "none":
        yield from ("K8", "K10")


def _allowed_cell(cell: Cell, situation: Situation, attempt: Attempt) -> Cell:
    """Return the cell of an allowed command with this situation's status and entries."""
    assignee = situation.owner if situation.status in {WAIT, RESOLVED} else situation.assignee
    match attempt.command:
        case "start" if situation.status is IN_PROGRESS and attempt.by != situation.assignee:
            cell = STAYS
        case "assign" if attempt.value_of("to") == assignee:
            cell = SAME
        case "set_to_do" if situation.status is TO_DO and situation.assignee is None:
            cell = SAME
        case "receive_email" if attempt.value_of("automatic"):
            cell = STAYS
        case "receive_email" if situation.wait is WaitType.MORE_INFORMATION:
            cell = to(TO_DO)
        case "review":
            cell = to(TO_DO) if attempt.value_of("verdict") == "fail" else to(CLOSED)
        case "resolve" if situation.kind is A:
            cell = to(CLOSED)
        case "resolve" | "send_and_resolve" if attempt.value_of("method") == "rejected_as_spam":
            cell = Cell(leads_to=CLOSED, entries=cell.entries)
        case _:
            pass
    return cell


ACTORS: Final = ("amy", ROBOT, SERVICE)

_TAKING_OVER: Final = {"take_over": True}
_MAIL_OUT: Final = {"to": ["ida@example.org"], "subject": "Your invoice", "body": "Here it is."}
_MAIL_IN: Final = {"message_id": "<1@example.org>", "sender": "ida@example.org"}

_PARTS: Final = [
    {"title": "The invoice", "description": "It never came."},
    {"title": "The reminder", "description": "It came twice."},
]

_VARIANTS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "edit": ({"queue": "second"}, {"queue": "second"} | _TAKING_OVER),
    "start": ({}, _TAKING_OVER),
    "assign": ({"to": "amy"}, {"to": "bob"}, {"to": "dan"}, {"to": ROBOT}),
    "unassign": ({"queue": "second"},),
    "set_to_do": ({}, _TAKING_OVER),
    "reject": ({"reason": "blurred"},),
    "wait": (
        {"type": "more_information"},
        {"type": "more_information", "waiting_for": "customer"} | _TAKING_OVER,
        {"type": "more_information", "days_to_wait": 2},
        {"type": "until", "until": "2030-01-01T00:00:00Z"},
        {"type": "pause"},
    ),
    "resume": ({}, _TAKING_OVER),
    "add_note": ({"text": "called her"},),
    "send_email": (_MAIL_OUT,),
    "receive_email": (_MAIL_IN, _MAIL_IN | {"automatic": True}),
    "feedback": ({"rating": 5},),
    "send_and_resolve": (
        _MAIL_OUT | {"method": "customer_response"},
        _MAIL_OUT | {"method": "rejected_as_spam"} | _TAKING_OVER,
    ),
    "split": (
        {"parts": _PARTS},
        {"parts": _PARTS} | _TAKING_OVER,
    ),
    "launch_case": ({"definition": {"name": "errand", "steps": []}},),
    "merge": ({"into": "T-ANOTHER"}, {"into": "C-ANOTHER"} | _TAKING_OVER),
    "rework": ({"step": "check"},),
    "start_action": ({"action": {"title": "Ask the bank"}},),
    "cancel": ({}, {"reason": "not needed"}),
    "review": (
        {"verdict": "pass"},
        {"verdict": "fail", "comment": "the sum is wrong"},
        {"verdict": "unable_to_complete", "comment": "the supplier is gone"},
    ),
    "answer_checklist": (
        {"answers": {"signed": "yes"}},
        {"answers": {"signed": "not_applicable"}} | _TAKING_OVER,
    ),
}

_RESOLVE_VARIANTS: Final[dict[Kind, tuple[dict[str, Any], ...]]] = {
    T: (
        {"method": "customer_response"},
        {"method": "no_customer_response"} | _TAKING_OVER,
        {"method": "rejected"},
        {"method": "rejected_as_spam"},
    ),
    C: ({}, _TAKING_OVER),
    A: (
        {"outcome": "complete"},
        {"outcome": "unable_to_complete", "reason": "no such supplier"} | _TAKING_OVER,
    ),
}


def attempts(kind: Kind, command: str) -> list[Attempt]:
    """Return minimal valid forms of a command, by every sort of actor."""
    variants = _RESOLVE_VARIANTS[kind] if command == "resolve" else _VARIANTS.get(command, ({},))
    return [Attempt(command, by, tuple(fields.items())) for by, fields in product(ACTORS, variants)]


def situations() -> list[Situation]:
    """Return every status of every kind, with every sort of assignee."""
    return [*_of_tickets(), *_of_cases(), *_of_actions()]


_ASSIGNEES: Final = (None, "amy", "bob", ROBOT)


def _of_tickets() -> list[Situation]:
    return [
        *(Situation(T, DRAFT, assignee=holder) for holder in ("amy", "bob", ROBOT)),
        *_open(T),
        *(
            Situation(T, WAIT, owner=owner, wait=wait)
            for owner in (None, "amy", "bob")
            for wait in (WaitType.SPLIT, WaitType.CASE_LAUNCHED)
        ),
        *(Situation(T, RESOLVED, owner=owner) for owner in (None, "amy", "bob")),
        *(
            Situation(T, CLOSED, ended_by=ending)
            for ending in ("discarding", "spam", "no window", "window over", "no response")
        ),
    ]


def _of_actions() -> list[Situation]:
    return [
        *_open(A),
        *_open(A, flow="checklist"),
        *(situation for situation in _open(A, flow="in review") if situation.status is not WAIT),
        *(
            Situation(A, CLOSED, ended_by=ending)
            for ending in ("completing", "failing", "its Case")
        ),
    ]


def _open(kind: Kind, *, flow: str = "none") -> list[Situation]:
    robots = () if flow == "in review" else (ROBOT,)
    return [
        *(
            Situation(kind, TO_DO, assignee=holder, flow=flow)
            for holder in (None, "amy", "bob", *robots)
        ),
        *(
            Situation(kind, IN_PROGRESS, assignee=holder, flow=flow)
            for holder in ("amy", "bob", *robots)
        ),
        *(
            Situation(kind, WAIT, owner=owner, wait=wait, flow=flow)
            for owner in (None, "amy", "bob")
            for wait in (WaitType.MORE_INFORMATION, WaitType.UNTIL)
        ),
    ]


_OF_CASES: Final = (WaitType.MORE_INFORMATION, WaitType.UNTIL, WaitType.PAUSE)
_OWNERS: Final = (None, "amy", "carol")
_FLOWS: Final = ("none", "open", "failed")


def _of_cases() -> list[Situation]:
    return [
        *(
            Situation(C, DRAFT, assignee=holder, owner=owner, flow=flow)
            for holder, owner, flow in product(("amy", "bob"), _OWNERS, ("none", "open"))
        ),
        *(
            Situation(C, TO_DO, assignee=holder, owner=owner, flow=flow)
            for holder, owner, flow in product(_ASSIGNEES, _OWNERS, _FLOWS)
        ),
        *(
            Situation(C, IN_PROGRESS, assignee=holder, owner=owner, flow=flow)
            for (holder, owner), flow in product(
                (
                    ("amy", "amy"),
                    ("bob", "bob"),
                    ("amy", "carol"),
                    ("bob", "amy"),
                    (ROBOT, None),
                    (ROBOT, "amy"),
                ),
                _FLOWS,
            )
        ),
        *(
            Situation(C, WAIT, owner=owner, wait=wait, flow=flow)
            for owner, wait, flow in product(_OWNERS, _OF_CASES, _FLOWS)
        ),
        *(
            Situation(C, RESOLVED, owner=owner, flow=flow)
            for owner, flow in product(_OWNERS, ("none", "ended"))
        ),
        *(
            Situation(C, CLOSED, flow=flow, ended_by=ending)
            for flow, ending in product(
                ("none", "ended"), ("cancelling", "no window", "window over")
            )
        ),
    ]
