"""Chapter 10 by product: every command on every item, by every sort of assignee and actor."""

from functools import cache
from typing import Any

import pytest

from domain.base.refusals import InvalidCommand, NotAllowed, Refused
from domain.base.values import Kind, Status, WaitType
from domain.engine.decide import decide, decide_signal, decode
from domain.model.items import AnyItem, Change
from tests.support.builders import (
    DAY,
    NOW,
    ONE_ACTION,
    ROBOT,
    CaseTree,
    Life,
    action,
    as_json,
    case,
    case_draft,
    draft,
    ticket,
)
from tests.support.model_table import (
    ROWS,
    STATUSES,
    UNKNOWN,
    Attempt,
    Cell,
    Situation,
    attempts,
    expected,
    situations,
)

FLOW: dict[str, Any] = {
    "name": "supplier invoice",
    "steps": [
        {"key": "check", "actions": [{"key": "read"}, {"key": "match"}]},
        {"key": "pay", "actions": [{"key": "transfer"}]},
        {"key": "file", "actions": [{"key": "archive"}]},
    ],
}
LATER = NOW + DAY
LEASE: dict[str, Any] = {"lease": "P2D"}
WINDOW = {"feedback_window": "P30D"} | LEASE


def _drafted_or_submitted(situation: Situation) -> Life:
    """Start a Draft or a submitted item of zoe's, with the flow of the situation."""
    if situation.status is Status.DRAFT:
        by: dict[str, Any] = {"by": situation.assignee, "settings": WINDOW}
        if situation.kind is Kind.TICKET:
            return draft(**by)
        flow = FLOW if situation.flow == "open" else None
        return case_draft(**by, owner=situation.owner, definition=flow)
    settings = LEASE if situation.ended_by == "no window" else WINDOW
    if situation.kind is Kind.TICKET:
        return ticket(by="zoe", settings=settings)
    return _action(situation) if situation.kind is Kind.ACTION else _flow(situation, settings)


def _action(situation: Situation) -> Life:
    if situation.flow == "checklist":
        return action(checklist=["signed"], **LEASE)
    life = action(peer_review=situation.flow == "in review", **LEASE)
    if situation.flow == "in review":
        life.do("resolve", by="eve", outcome="complete")
    return life


def _flow(situation: Situation, settings: dict[str, Any]) -> Life:
    flow = None if situation.flow == "none" else FLOW
    tree = CaseTree(case(by="zoe", settings=settings, owner=situation.owner, definition=flow))
    if flow:
        tree.complete("read", "match")
    if situation.flow == "failed":
        tree.fail("transfer")
    if situation.flow == "ended":
        tree.complete("transfer", "archive")
    return tree.life


def _assigned(life: Life, situation: Situation) -> None:
    """Assign the item as the situation says, by the future assignee's own commands."""
    holder = situation.assignee or situation.owner or ROBOT
    match situation.status:
        case Status.TO_DO if situation.assignee:
            if situation.assignee != life.item.assignee:
                life.do("assign", by="zoe", to=situation.assignee)
        case Status.TO_DO if life.item.assignee:
            life.do("unassign", by="zoe")
        case Status.IN_PROGRESS:
            life.do("start", by=holder, take_over=True)
        case Status.WAIT if situation.wait is WaitType.SPLIT:
            life.do("start", by=holder, take_over=True)
            parts = [{"title": title, "description": title} for title in ("One", "Two")]
            life.do("split", by=holder, parts=parts)
        case Status.WAIT if situation.wait is WaitType.CASE_LAUNCHED:
            life.do("start", by=holder, take_over=True)
            life.do("launch_case", by=holder, definition=ONE_ACTION)
        case Status.WAIT:
            until = {"until": NOW + 90 * DAY} if situation.wait is WaitType.UNTIL else {}
            life.do("start", by=holder, take_over=True)
            life.do("wait", by=holder, type=situation.wait, **until)
        case Status.RESOLVED if situation.kind is Kind.TICKET:
            life.do("start", by=holder)
            life.do("resolve", by=holder, method="customer_response")
        case Status.RESOLVED if situation.flow == "none":
            life.do("start", by=holder)
            life.do("resolve", by=holder)
        case _:
            pass


def _ended(life: Life, situation: Situation) -> None:
    match situation.ended_by:
        case "discarding":
            life.do("cancel")
        case "spam":
            life.do("resolve", method="rejected_as_spam")
        case "no response":
            life.do("wait", type="more_information", days_to_wait=1, close_if_no_response=True)
            life.advance(2 * DAY)
        case "completing":
            life.do("resolve", outcome="complete")
        case "failing":
            life.do("resolve", outcome="unable_to_complete", reason="no such supplier")
        case "cancelling":
            life.do("cancel")
        case _ if situation.kind is Kind.TICKET:
            life.do("resolve", method="rejected")
        case _ if situation.flow == "none":
            life.do("resolve")
        case _:
            pass
    if situation.ended_by == "window over":
        life.advance(31 * DAY)


@cache
def item_in(situation: Situation) -> AnyItem:
    """Return an item in this situation, brought there by commands alone."""
    if situation.ended_by == "discarding":
        life = draft()
    elif situation.ended_by == "its Case":
        tree = CaseTree(case())
        tree.do("cancel")
        return tree.action("read").item
    else:
        life = _drafted_or_submitted(situation)
    if situation.ended_by:
        _ended(life, situation)
    else:
        _assigned(life, situation)
    return life.item


@pytest.mark.parametrize("situation", situations(), ids=str)
def test_items_get_into_every_situation_by_commands_alone(situation: Situation) -> None:
    item = item_in(situation)
    assert item.kind is situation.kind
    assert item.status is situation.status
    assert item.assignee == situation.assignee
    if not situation.ended_by:
        assert item.owner == situation.owner
    assert (item.wait and item.wait.type) == situation.wait


@pytest.mark.parametrize("command", ROWS, ids=lambda name: name or "nameless")
@pytest.mark.parametrize("situation", situations(), ids=str)
def test_a_command_leads_to_what_chapter_10_says(situation: Situation, command: str) -> None:
    item = item_in(situation)
    wrong = [
        f"{attempt}: {problem}"
        for attempt in attempts(situation.kind, command)
        if (problem := _compared(item, attempt, expected(situation, attempt)))
    ]
    assert wrong == []


def _compared(item: AnyItem, attempt: Attempt, cell: Cell) -> str | None:
    """Return the difference from the cell, by update and by signal, or None."""
    raw = as_json({"by": attempt.by, **dict(attempt.fields)})
    if cell is UNKNOWN:
        try:
            decode(item.kind, attempt.command, raw)
        except InvalidCommand:
            return None
        return "decoded, which no command of this kind is"
    command = decode(item.kind, attempt.command, raw)
    try:
        change = decide(item, command, LATER)
    except Refused as refusal:
        return _compared_refusal(refusal, cell) or _compared_signal(item, attempt, refusal)
    if cell.refusal:
        return f"{change.item.status}, where {set(cell.rules) or 'the cell'} refuses"
    return _compared_change(item, attempt, change, cell)


def _compared_refusal(refusal: Refused, cell: Cell) -> str | None:
    if cell.refusal is None:
        return f"refused by {refusal.rule}: {refusal.sentence}"
    if not isinstance(refusal, cell.refusal):
        return f"{refusal!r} is no {cell.refusal.__name__}"
    if not refusal.rule:
        return f"names no rule: {refusal.sentence}"
    if cell.rules and refusal.rule not in cell.rules:
        return f"names {refusal.rule}, not one of {set(cell.rules)}: {refusal.sentence}"
    return None


def _compared_signal(item: AnyItem, attempt: Attempt, refusal: Refused) -> str | None:
    raw = as_json({"by": attempt.by, **dict(attempt.fields)})
    change, refusal_of_signal = decide_signal(item, decode(item.kind, attempt.command, raw), LATER)
    (entry,) = change.entries
    if not (refusal_of_signal and refusal_of_signal.sentence == refusal.sentence and entry.refused):
        return f"a signal is not refused alike: {refusal_of_signal}"
    if (change.item.revision, change.item.status) != (item.revision, item.status):
        return "a refused signal changes the item"
    return None


def _compared_change(item: AnyItem, attempt: Attempt, change: Change, cell: Cell) -> str | None:
    after = change.item
    status = cell.leads_to or item.status
    if after.status is not status:
        return f"leads to {after.status}, not to {status}"
    if len(change.entries) != cell.entries:
        return f"leaves {len(change.entries)} entries, not {cell.entries}"
    revisions = [entry.revision for entry in change.entries]
    if revisions != list(range(item.revision + 1, after.revision + 1)):
        return f"leaves a gap after {item.revision}: {revisions}"
    path = [item.status, *(entry.after for entry in change.entries)]
    if [entry.before for entry in change.entries] != path[:-1] or path[-1] is not after.status:
        return f"its entries do not follow each other: {change.entries}"
    if change.entries and (change.entries[-1].command, change.entries[-1].by) != (
        attempt.command,
        attempt.by,
    ):
        return f"its entry names somebody else or another command: {change.entries[-1]}"
    return _compared_holder(item, after, attempt)


def _compared_holder(item: AnyItem, after: AnyItem, attempt: Attempt) -> str | None:
    at_rest = {Status.WAIT, Status.RESOLVED, Status.CLOSED}
    if after.status in at_rest and after.assignee:
        return f"{after.status}, yet assigned to {after.assignee}"
    if after.status is Status.IN_PROGRESS and after.assignee is None:
        return "in progress by nobody"
    if after.status is Status.IN_PROGRESS is not item.status and after.assignee != attempt.by:
        return f"picked up by {after.assignee}, not by {attempt.by}"
    if after.owner and after.owner.startswith(("robot:", "service:")):
        return f"owned by {after.owner}"
    return None


# C15
@pytest.mark.parametrize(
    "situation",
    [situation for situation in situations() if situation.status is Status.CLOSED],
    ids=str,
)
def test_a_closed_item_says_that_it_is_closed(situation: Situation) -> None:
    item = item_in(situation)
    for name in ROWS:
        for attempt in attempts(situation.kind, name):
            if expected(situation, attempt) is UNKNOWN:
                continue
            raw = as_json({"by": attempt.by, **dict(attempt.fields)})
            with pytest.raises(NotAllowed, match="closed") as caught:
                decide(item, decode(situation.kind, name, raw), LATER)
            assert item.reference in caught.value.sentence
            assert caught.value.rule == "C15"


def test_the_table_has_a_cell_for_every_status_but_closed() -> None:
    assert set(STATUSES) | {Status.CLOSED} == set(Status)
    assert {len(row) for row in ROWS.values()} == {len(STATUSES)}
