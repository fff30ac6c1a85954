"""Chapter 10 by product: every command on every item, by whoever holds it and whoever asks."""

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
    Desk,
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


def _begun(found: Situation) -> Life:
    """Submitted, or a Draft, and its flow as far as the situation says; zoe started it."""
    if found.status is Status.DRAFT:
        by: dict[str, Any] = {"by": found.assignee, "settings": WINDOW}
        if found.kind is Kind.TICKET:
            return draft(**by)
        flow = FLOW if found.flow == "open" else None
        return case_draft(**by, owner=found.owner, definition=flow)
    settings = LEASE if found.ended_by == "no window" else WINDOW
    if found.kind is Kind.TICKET:
        return ticket(by="zoe", settings=settings)
    return _action(found) if found.kind is Kind.ACTION else _flow(found, settings)


def _action(found: Situation) -> Life:
    if found.flow == "checklist":
        return action(checklist=["signed"], **LEASE)
    life = action(peer_review=found.flow == "in review", **LEASE)
    if found.flow == "in review":
        life.do("resolve", by="eve", outcome="complete")
    return life


def _flow(found: Situation, settings: dict[str, Any]) -> Life:
    flow = None if found.flow == "none" else FLOW
    desk = Desk(case(by="zoe", settings=settings, owner=found.owner, definition=flow))
    if flow:
        desk.complete("read", "match")
    if found.flow == "failed":
        desk.fail("transfer")
    if found.flow == "ended":
        desk.complete("transfer", "archive")
    return desk.life


def _held(life: Life, found: Situation) -> None:
    """As chapter 10's column says, by commands of the one who shall hold it."""
    holder = found.assignee or found.owner or ROBOT
    match found.status:
        case Status.TO_DO if found.assignee:
            if found.assignee != life.item.assignee:
                life.do("assign", by="zoe", to=found.assignee)
        case Status.TO_DO if life.item.assignee:
            life.do("unassign", by="zoe")
        case Status.IN_PROGRESS:
            life.do("start", by=holder, take_over=True)
        case Status.WAIT if found.wait is WaitType.SPLIT:
            life.do("start", by=holder, take_over=True)
            parts = [{"title": title, "description": title} for title in ("One", "Two")]
            life.do("split", by=holder, parts=parts)
        case Status.WAIT if found.wait is WaitType.CASE_LAUNCHED:
            life.do("start", by=holder, take_over=True)
            life.do("launch_case", by=holder, definition=ONE_ACTION)
        case Status.WAIT:
            until = {"until": NOW + 90 * DAY} if found.wait is WaitType.UNTIL else {}
            life.do("start", by=holder, take_over=True)
            life.do("wait", by=holder, type=found.wait, **until)
        case Status.RESOLVED if found.kind is Kind.TICKET:
            life.do("start", by=holder)
            life.do("resolve", by=holder, method="customer_response")
        case Status.RESOLVED if found.flow == "none":
            life.do("start", by=holder)
            life.do("resolve", by=holder)
        case _:
            pass


def _ended(life: Life, found: Situation) -> None:
    match found.ended_by:
        case "discarding":
            life.do("cancel")
        case "spam":
            life.do("resolve", method="rejected_as_spam")
        case "no response":
            life.do("wait", type="more_information", days_to_wait=1, close_if_no_response=True)
            life.later(2 * DAY)
        case "completing":
            life.do("resolve", outcome="complete")
        case "failing":
            life.do("resolve", outcome="unable_to_complete", reason="no such supplier")
        case "cancelling":
            life.do("cancel")
        case _ if found.kind is Kind.TICKET:
            life.do("resolve", method="rejected")
        case _ if found.flow == "none":
            life.do("resolve")
        case _:
            pass
    if found.ended_by == "window over":
        life.later(31 * DAY)


@cache
def item_in(found: Situation) -> AnyItem:
    """An item in this situation, brought there by commands alone."""
    if found.ended_by == "discarding":
        life = draft()
    elif found.ended_by == "its Case":
        desk = Desk(case())
        desk.do("cancel")
        return desk.action("read").item
    else:
        life = _begun(found)
    if found.ended_by:
        _ended(life, found)
    else:
        _held(life, found)
    return life.item


@pytest.mark.parametrize("found", situations(), ids=str)
def test_items_get_into_every_situation_by_commands_alone(found: Situation) -> None:
    item = item_in(found)
    assert item.kind is found.kind
    assert item.status is found.status
    assert item.assignee == found.assignee
    if not found.ended_by:
        assert item.owner == found.owner
    assert (item.wait and item.wait.type) == found.wait


@pytest.mark.parametrize("command", ROWS, ids=lambda name: name or "nameless")
@pytest.mark.parametrize("found", situations(), ids=str)
def test_a_command_leads_to_what_chapter_10_says(found: Situation, command: str) -> None:
    item = item_in(found)
    wrong = [
        f"{attempt}: {problem}"
        for attempt in attempts(found.kind, command)
        if (problem := _compared(item, attempt, expected(found, attempt)))
    ]
    assert wrong == []


def _compared(item: AnyItem, attempt: Attempt, cell: Cell) -> str | None:
    """What differs from the cell, by update and by signal; None if nothing does."""
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
    change, told = decide_signal(item, decode(item.kind, attempt.command, raw), LATER)
    (entry,) = change.entries
    if not (told and told.sentence == refusal.sentence and entry.refused):
        return f"a signal is not refused alike: {told}"
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
    "found", [found for found in situations() if found.status is Status.CLOSED], ids=str
)
def test_a_closed_item_says_that_it_is_closed(found: Situation) -> None:
    item = item_in(found)
    for name in ROWS:
        for attempt in attempts(found.kind, name):
            if expected(found, attempt) is UNKNOWN:
                continue
            raw = as_json({"by": attempt.by, **dict(attempt.fields)})
            with pytest.raises(NotAllowed, match="closed") as caught:
                decide(item, decode(found.kind, name, raw), LATER)
            assert item.reference in caught.value.sentence
            assert caught.value.rule == "C15"


def test_the_table_has_a_cell_for_every_status_but_closed() -> None:
    assert set(STATUSES) | {Status.CLOSED} == set(Status)
    assert {len(row) for row in ROWS.values()} == {len(STATUSES)}
