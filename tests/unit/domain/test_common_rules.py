"""Rules that Tickets, Cases and Actions have in common (C1-C15, C18, C20)."""

from datetime import timedelta
from typing import Any

import pytest

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Kind, Status
from domain.engine.deadlines import elapse, next_deadline
from domain.model.items import Change
from domain.rules.item_messages import vanished_action_message
from tests.support.builders import (
    DAY,
    HOUR,
    IDA,
    MOMENT,
    NOW,
    ROBOT,
    SERVICE,
    WINDOW,
    CaseTree,
    Life,
    action,
    case,
    case_draft,
    case_tree,
    draft,
    starts_of,
    submitted,
    ticket,
)

ALL = pytest.mark.parametrize("kind", list(Kind))
TICKET_AND_CASE = pytest.mark.parametrize("kind", [Kind.TICKET, Kind.CASE])
MAIL: dict[str, Any] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}
ANSWER: dict[str, Any] = {"to": "ida@example.org", "subject": "Invoice", "body": "Here it is."}


def some_draft(kind: Kind, **fields: Any) -> Life:  # noqa: ANN401
    return draft(**fields) if kind is Kind.TICKET else case_draft(**fields)


def idle(kind: Kind, **fields: Any) -> Life:  # noqa: ANN401
    """Start a To Do item that only commands change: a Case without a flow."""
    return case(definition=None, **fields) if kind is Kind.CASE else submitted(kind, **fields)


def resolved(kind: Kind, *, by: str = "amy", **fields: Any) -> Life:  # noqa: ANN401
    life = idle(kind, settings=WINDOW, **fields)
    life.do("start", by=by)
    life.do("resolve", by=by, **({"method": "rejected"} if kind is Kind.TICKET else {}))
    return life


def until(type_: str) -> dict[str, Any]:
    """Return the field with the moment that a wait of this type needs."""
    return {"until": NOW + DAY} if type_ == "until" else {}


def ending(kind: Kind) -> dict[str, Any]:
    """Return the fields that a resolve needs."""
    return {
        Kind.TICKET: {"method": "customer_response"},
        Kind.CASE: {},
        Kind.ACTION: {"outcome": "complete"},
    }[kind]


# C1
def test_there_is_one_status_set_for_all_three_kinds() -> None:
    assert [status.value for status in Status] == [
        "DRAFT",
        "TO_DO",
        "IN_PROGRESS",
        "WAIT",
        "RESOLVED",
        "CLOSED",
    ]


# C1, A1
def test_an_action_is_never_a_draft() -> None:
    life = action()
    assert life.item.status is Status.TO_DO
    assert life.last.before is None


# C1
def test_an_action_passes_resolved_and_is_closed_in_the_same_change() -> None:
    life = action()
    life.do("start")
    change = life.do("resolve", outcome="complete")
    (entry,) = change.entries
    assert (entry.before, entry.after) == (Status.IN_PROGRESS, Status.CLOSED)
    assert life.item.resolution
    assert life.item.first_resolution


# C2
@ALL
def test_a_submitted_item_is_to_do_until_somebody_picks_it_up(kind: Kind) -> None:
    life = idle(kind).advance(400 * DAY)
    assert life.item.status is Status.TO_DO
    assert life.item.assignee is None


# C3
@ALL
@pytest.mark.parametrize("actor", ["amy", ROBOT])
@pytest.mark.parametrize("command", ["start", "edit"])
def test_starting_or_editing_picks_an_item_up(kind: Kind, actor: str, command: str) -> None:
    life = idle(kind)
    fields = {"queue": "second"} if command == "edit" else {}
    (entry,) = life.do(command, by=actor, **fields).entries
    assert (entry.before, entry.after) == (Status.TO_DO, Status.IN_PROGRESS)
    assert life.item.assignee == actor
    assert life.item.queue == fields.get("queue", life.item.queue)


# C3
@ALL
def test_who_was_given_an_item_picks_it_up(kind: Kind) -> None:
    life = idle(kind)
    life.do("assign", by="bob", to="amy")
    life.do("start")
    assert (life.item.status, life.item.assignee) == (Status.IN_PROGRESS, "amy")


# C3
@ALL
def test_notes_mails_and_viewing_never_pick_an_item_up(kind: Kind) -> None:
    life = idle(kind)
    life.do("add_note", text="called her")
    life.do("add_note", text="this is how", resolution=True)
    life.do("send_email", **ANSWER)
    life.do("receive_email", by="system", **MAIL)
    assert life.state.status is Status.TO_DO
    assert life.item.assignee is None


# C3
@TICKET_AND_CASE
@pytest.mark.parametrize("actor", ["amy", ROBOT])
def test_a_draft_is_assigned_to_who_started_it_until_it_is_submitted(
    kind: Kind, actor: str
) -> None:
    life = some_draft(kind, by=actor)
    assert (life.item.status, life.item.assignee) == (Status.DRAFT, actor)
    life.do("submit", by=actor)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, None)


# C4
@ALL
def test_work_in_progress_lasts_until_it_is_resolved_waits_or_is_given_back(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    life.do("edit", queue="second")
    life.do("add_note", by="bob", text="called her")
    life.do("send_email", **ANSWER)
    life.do("receive_email", by="system", **MAIL)
    life.do("mark_read")
    if kind is not Kind.ACTION:
        life.do("feedback", by="system", rating=1)
    life.advance(1000 * DAY)
    assert (life.item.status, life.item.assignee) == (Status.IN_PROGRESS, "amy")


# C5
@ALL
@pytest.mark.parametrize("queue", [None, "second"])
def test_an_item_given_back_is_to_do_in_a_queue_however_long_it_was_held(
    kind: Kind, queue: str | None
) -> None:
    life = idle(kind, queue="first")
    life.do("start")
    life.advance(400 * DAY)
    (entry,) = life.do("unassign", **({"queue": queue} if queue else {})).entries
    assert (queue or "first") in (entry.reason or "")
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, None)
    assert life.item.queue == (queue or "first")


# C5
@ALL
@pytest.mark.parametrize("colleague", ["bob", ROBOT])
def test_an_item_assigned_to_somebody_else_is_to_do_with_them(kind: Kind, colleague: str) -> None:
    life = idle(kind)
    life.do("start")
    (entry,) = life.do("assign", to=colleague).entries
    assert colleague in (entry.reason or "")
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, colleague)


# C5, C8
@ALL
def test_anybody_may_give_an_item_of_somebody_else_back_or_to_another(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    life.do("assign", by="carol", to="bob")
    assert life.item.assignee == "bob"
    life.do("unassign", by="carol")
    assert life.item.assignee is None


# C5
@ALL
def test_assigning_an_item_to_who_has_it_changes_nothing(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    life.unchanged("assign", by="bob", to="amy")
    life.do("assign", to="bob")
    life.unchanged("assign", to="bob")
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "bob")


# C5, K3
@ALL
@pytest.mark.parametrize("back", [("unassign", {}), ("assign", {"to": "bob"})])
def test_giving_back_clears_the_owner_but_of_a_case(
    kind: Kind, back: tuple[str, dict[str, str]]
) -> None:
    life = idle(kind)
    life.do("start")
    life.do("wait", type="more_information")
    life.do("resume")
    assert life.item.owner == "amy"
    command, fields = back
    life.do(command, **fields)
    assert life.item.owner == ("amy" if kind is Kind.CASE else None)


# Chapter 10, assign and unassign
@ALL
def test_assigning_or_unassigning_a_waiting_item_changes_its_owner(kind: Kind) -> None:
    life = idle(kind)
    life.do("wait", type="until", until=NOW + DAY)
    life.do("assign", by="carol", to="bob")
    assert "bob" in (life.last.reason or "")
    assert (life.item.status, life.item.assignee, life.item.owner) == (Status.WAIT, None, "bob")
    life.do("unassign", by="carol", queue="second")
    assert "owner" in (life.last.reason or "")
    assert (life.item.status, life.item.assignee, life.item.owner) == (Status.WAIT, None, None)
    assert life.item.queue == "second"
    life.advance(2 * DAY)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, None)


# Chapter 10, assign and unassign
@TICKET_AND_CASE
def test_assigning_or_unassigning_a_resolved_item_changes_its_owner(kind: Kind) -> None:
    life = resolved(kind)
    closes_at = life.item.closes_at
    life.do("assign", to="bob")
    assert (life.item.status, life.item.assignee, life.item.owner) == (
        Status.RESOLVED,
        None,
        "bob",
    )
    life.do("unassign")
    assert (life.item.status, life.item.assignee, life.item.owner) == (Status.RESOLVED, None, None)
    assert life.item.closes_at == closes_at


# C6
@ALL
def test_set_to_do_undoes_a_start_by_hand(kind: Kind) -> None:
    life = idle(kind, queue="first")
    life.do("start")
    (entry,) = life.do("set_to_do").entries
    assert (entry.before, entry.after) == (Status.IN_PROGRESS, Status.TO_DO)
    assert (life.item.assignee, life.item.queue) == (None, "first")


# C6
@ALL
def test_set_to_do_puts_what_was_given_to_me_back_in_its_queue(kind: Kind) -> None:
    life = idle(kind)
    life.do("assign", by="bob", to="amy")
    life.do("set_to_do")
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, None)
    life.unchanged("set_to_do")


# C7
@ALL
@pytest.mark.parametrize("working", [True, False])
def test_a_robot_that_rejects_gives_the_item_back_marked(kind: Kind, working: bool) -> None:  # noqa: FBT001
    life = idle(kind, queue="first")
    if working:
        life.do("start", by=ROBOT)
    else:
        life.do("assign", to=ROBOT)
    (entry,) = life.do("reject", by=ROBOT, reason="blurred").entries
    assert (life.item.status, life.item.assignee, life.item.queue) == (Status.TO_DO, None, "first")
    assert life.item.robot_rejected
    assert life.state.robot_rejected
    assert entry.reason == "blurred"


# C7
@ALL
def test_no_robot_starts_what_a_robot_rejected_until_a_person_worked_on_it(kind: Kind) -> None:
    life = idle(kind)
    life.do("start", by=ROBOT)
    life.do("reject", by=ROBOT, reason="blurred")
    for robot in (ROBOT, "robot:other"):
        assert life.refused("start", by=robot).rule == "C7"
        assert life.refused("edit", by=robot, queue="second").rule == "C7"
    life.do("add_note", text="looked at it")
    assert life.refused("assign", to=ROBOT).rule == "C7"
    assert life.refused("start", by=ROBOT).rule == "C7"
    life.do("start", by="amy")
    life.do("unassign")
    assert not life.item.robot_rejected
    life.do("start", by="robot:other")
    assert life.item.assignee == "robot:other"


# C7
@ALL
def test_a_robot_does_not_finish_or_park_what_a_robot_rejected(kind: Kind) -> None:
    life = idle(kind)
    life.do("start", by=ROBOT)
    life.do("reject", by=ROBOT, reason="blurred")
    assert life.refused("resolve", by="robot:other", **ending(kind)).rule == "C7"
    assert life.refused("wait", by="robot:other", type="more_information").rule == "C7"


# C7
@ALL
def test_only_the_robot_that_has_an_item_rejects_it(kind: Kind) -> None:
    life = idle(kind)
    for actor in ("amy", ROBOT, SERVICE):
        assert life.refused("reject", by=actor, reason="blurred").rule == "C7"
    life.do("start", by=ROBOT)
    for actor in ("amy", "robot:other", SERVICE):
        assert life.refused("reject", by=actor, reason="blurred").rule == "C7"
    life.do("assign", to="amy")
    life.do("start")
    assert life.refused("reject", reason="blurred").rule == "C7"


# C7
@ALL
@pytest.mark.parametrize("fields", [{}, {"reason": ""}, {"reason": None}, {"reason": "  "}])
def test_a_rejection_needs_a_reason(kind: Kind, fields: dict[str, Any]) -> None:
    life = idle(kind)
    life.do("start", by=ROBOT)
    refusal = life.refused("reject", by=ROBOT, **fields)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields == ("reason",)


GUARDED: dict[str, dict[str, Any]] = {
    "edit": {"queue": "second"},
    "start": {},
    "wait": {"type": "more_information"},
    "resolve": {},
    "set_to_do": {},
}


# C8
@ALL
@pytest.mark.parametrize("command", GUARDED)
def test_work_on_somebody_elses_item_is_refused_with_their_name(kind: Kind, command: str) -> None:
    life = idle(kind)
    life.do("start", by="bob")
    fields = GUARDED[command] | (ending(kind) if command == "resolve" else {})
    refusal = life.refused(command, **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "C8"
    assert "bob" in refusal.sentence
    assert life.refused(command, take_over=False, **fields).rule == "C8"


# C8
@ALL
@pytest.mark.parametrize("command", GUARDED)
def test_taking_over_assigns_the_item_to_the_actor_first(kind: Kind, command: str) -> None:
    life = idle(kind)
    life.do("start", by="bob")
    fields = GUARDED[command] | (ending(kind) if command == "resolve" else {})
    (entry,) = life.do(command, take_over=True, **fields).entries
    assert entry.by == "amy"
    if command == "set_to_do":
        assert (life.item.status, life.item.assignee) == (Status.TO_DO, None)
    elif life.item.status is Status.IN_PROGRESS:
        assert life.item.assignee == "amy"
    elif kind is not Kind.CASE:
        assert (life.item.assignee, life.item.owner) == (None, "amy")


# C8
def test_a_mail_that_resolves_somebody_elses_ticket_is_refused() -> None:
    life = ticket(settings=WINDOW)
    life.do("start", by="bob")
    assert life.refused("send_and_resolve", method="rejected", **ANSWER).rule == "C8"
    life.do("send_and_resolve", method="rejected", take_over=True, **ANSWER)
    assert (life.item.status, life.item.owner) == (Status.RESOLVED, "amy")


# C8
@TICKET_AND_CASE
def test_a_draft_is_edited_and_resolved_by_who_has_it_or_takes_it_over(kind: Kind) -> None:
    life = some_draft(kind)
    assert life.refused("edit", by="bob", queue="second").rule == "C8"
    assert life.refused("wait", by="bob", type="more_information").rule == "C8"
    assert life.refused("resolve", by="bob", **ending(kind)).rule == "C8"
    life.do("edit", by="bob", queue="second", take_over=True)
    assert (life.item.status, life.item.assignee) == (Status.DRAFT, "bob")


# C8
@ALL
def test_taking_over_what_nobody_else_has_changes_nothing_about_it(kind: Kind) -> None:
    life = idle(kind)
    life.do("start", take_over=True)
    assert life.item.assignee == "amy"
    life.unchanged("start", take_over=True)


# C9
@ALL
def test_the_assignee_becomes_owner_of_a_waiting_item_and_nobody_is_assigned(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    life.do("wait", type="more_information")
    assert (life.item.status, life.item.assignee, life.item.owner) == (Status.WAIT, None, "amy")


# C9
@ALL
def test_who_parks_an_item_that_nobody_has_becomes_its_owner(kind: Kind) -> None:
    life = idle(kind)
    life.do("wait", type="more_information")
    assert (life.item.assignee, life.item.owner) == (None, "amy")


# C9
@ALL
def test_the_one_it_is_assigned_to_becomes_owner_even_before_they_start(kind: Kind) -> None:
    life = idle(kind)
    life.do("assign", by="bob", to="amy")
    life.do("wait", type="more_information")
    assert (life.item.assignee, life.item.owner) == (None, "amy")


# C9
@TICKET_AND_CASE
def test_the_assignee_becomes_owner_of_a_resolved_item(kind: Kind) -> None:
    life = resolved(kind)
    assert (life.item.status, life.item.assignee, life.item.owner) == (
        Status.RESOLVED,
        None,
        "amy",
    )


# C9, C18
@TICKET_AND_CASE
def test_who_resolves_an_item_that_nobody_has_becomes_its_owner(kind: Kind) -> None:
    life = idle(kind, settings=WINDOW)
    life.do("resolve", by="bob", **ending(kind))
    assert (life.item.assignee, life.item.owner) == (None, "bob")


# C9
def test_a_case_that_has_an_owner_keeps_it() -> None:
    life = case(definition=None, owner="carol", settings=WINDOW)
    life.do("start", by="bob")
    life.do("wait", by="bob", type="more_information")
    assert life.item.owner == "carol"
    life.do("resume", by="bob")
    life.do("resolve", by="bob")
    assert (life.item.assignee, life.item.owner) == (None, "carol")


# C9
@ALL
@pytest.mark.parametrize("way", ["mail", "timer"])
def test_coming_back_makes_the_owner_the_assignee_and_raises(kind: Kind, way: str) -> None:
    life = idle(kind)
    life.do("start")
    if way == "mail":
        life.do("wait", type="more_information")
        (entry,) = life.do("receive_email", by="system", **MAIL).entries
    else:
        life.do("wait", type="until", until=NOW + DAY)
        life.advance(DAY)
        entry = life.last
    assert (entry.before, entry.after) == (Status.WAIT, Status.TO_DO)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    assert life.item.new_information
    assert life.item.wait is None


# C9, T12
@TICKET_AND_CASE
@pytest.mark.parametrize("way", ["mail", "feedback", "hand"])
def test_reopening_makes_the_owner_the_assignee_and_raises(kind: Kind, way: str) -> None:
    life = resolved(kind)
    match way:
        case "mail":
            life.do("receive_email", by="system", **MAIL)
        case "feedback":
            life.do("feedback", by="system", rating=1)
        case _:
            life.do("reopen", by="bob")
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    assert life.item.new_information


# C9
@ALL
@pytest.mark.parametrize("actor", [ROBOT, SERVICE])
def test_what_a_robot_or_a_service_parked_comes_back_to_its_queue(kind: Kind, actor: str) -> None:
    life = idle(kind, queue="first")
    life.do("start", by=actor)
    life.do("wait", by=actor, type="until", until=NOW + DAY)
    assert (life.item.assignee, life.item.owner) == (None, None)
    life.advance(DAY)
    assert (life.item.status, life.item.assignee, life.item.queue) == (Status.TO_DO, None, "first")
    assert life.item.new_information


# C9
@ALL
@pytest.mark.parametrize("actor", [ROBOT, SERVICE, "system"])
def test_robots_services_and_the_system_never_own(kind: Kind, actor: str) -> None:
    life = idle(kind)
    life.do("wait", by=actor, type="until", until=NOW + DAY)
    assert life.item.owner is None
    assert life.refused("assign", to=actor).rule == "C9"


# C9
@TICKET_AND_CASE
def test_what_a_robot_resolved_reopens_in_its_queue(kind: Kind) -> None:
    life = resolved(kind, by=ROBOT)
    assert (life.item.assignee, life.item.owner) == (None, None)
    life.do("receive_email", by="system", **MAIL)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, None)
    assert life.item.new_information


# C9
def test_a_ticket_that_a_robot_resolved_after_its_owner_waited_is_owned_by_nobody() -> None:
    life = ticket(settings=WINDOW)
    life.do("start")
    life.do("wait", type="more_information")
    life.do("resume", by=ROBOT)
    life.do("resolve", by=ROBOT, method="rejected")
    assert (life.item.assignee, life.item.owner) == (None, None)


# C10
@ALL
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "type"),
        ({"type": None}, "type"),
        ({"type": "lunch"}, "type"),
        ({"type": "split"}, "type"),
        ({"type": "case_launched"}, "type"),
        ({"type": "until", "until": "2026-05-05T10:00:00"}, "until"),
        ({"type": "until", "until": "2026-05-05"}, "until"),
        ({"type": "until", "until": 1777777777}, "until"),
        ({"type": "until", "until": "tomorrow"}, "until"),
    ],
)
def test_a_wait_needs_its_type_and_a_date_and_time_with_a_zone(
    kind: Kind, fields: dict[str, Any], field: str
) -> None:
    refusal = idle(kind).refused("wait", **fields)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields == (field,)


# C10
@ALL
@pytest.mark.parametrize(
    "fields",
    [
        {"type": "until"},
        {"type": "more_information", "until": NOW + DAY},
        {"type": "until", "until": NOW + DAY, "days_to_wait": 2},
    ],
)
def test_until_goes_with_its_moment_and_nothing_else_does(
    kind: Kind, fields: dict[str, Any]
) -> None:
    refusal = idle(kind).refused("wait", **fields)
    assert isinstance(refusal, InvalidCommand)
    assert "until" in refusal.sentence


# C10
@ALL
@pytest.mark.parametrize("ago", [timedelta(0), MOMENT, 400 * DAY])
def test_a_moment_that_is_not_in_the_future_is_refused(kind: Kind, ago: timedelta) -> None:
    life = idle(kind)
    refusal = life.refused("wait", type="until", until=NOW - ago)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "C10"
    assert not life.item.new_information


# C10
@ALL
def test_a_wait_until_a_moment_ends_at_that_moment_and_not_before(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    life.do("wait", type="until", until=NOW + DAY)
    deadline = next_deadline(life.item)
    assert deadline
    assert deadline.at == NOW + DAY
    assert life.state.wakes_at == NOW + DAY
    assert life.advance(DAY - MOMENT).item.status is Status.WAIT
    assert life.advance(MOMENT).item.status is Status.TO_DO
    assert next_deadline(life.item) is None


# C10
@ALL
def test_a_moment_that_passed_while_everything_was_down_ends_the_wait_afterwards(
    kind: Kind,
) -> None:
    life = idle(kind)
    life.do("wait", type="until", until=NOW + DAY)
    life.skip_downtime(30 * DAY)
    assert elapse(life.item, life.now)
    life.do("add_note", text="we are back")
    assert life.item.status is Status.TO_DO
    assert [entry.command for entry in life.changes[-1].entries][-1] == "add_note"


# C10
@ALL
def test_a_wait_by_signal_whose_moment_has_passed_is_refused_and_raises(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    before = life.item.revision
    refusal = life.signal("wait", type="until", until=NOW)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "C10"
    assert life.item.new_information
    assert (life.item.status, life.item.assignee, life.item.revision) == (
        Status.IN_PROGRESS,
        "amy",
        before,
    )
    assert (life.last.refused, life.last.revision) == (True, before)


# C10
@ALL
@pytest.mark.parametrize("command", ["submit", "resume", "reject"])
def test_other_refused_signals_raise_nothing(kind: Kind, command: str) -> None:
    if (kind, command) == (Kind.ACTION, "submit"):
        return
    life = idle(kind)
    assert life.signal(command, **({"reason": "blurred"} if command == "reject" else {}))
    assert not life.item.new_information


# C11
@ALL
def test_another_date_replaces_the_timer_and_the_old_one_never_acts(kind: Kind) -> None:
    life = idle(kind)
    life.do("wait", type="until", until=NOW + DAY)
    life.do("wait", type="until", until=NOW + 9 * DAY)
    assert life.advance(8 * DAY).item.status is Status.WAIT
    assert life.advance(DAY).item.status is Status.TO_DO
    assert life.advance(900 * DAY).item.status is Status.TO_DO


# C11
@ALL
def test_an_earlier_date_replaces_the_timer_too(kind: Kind) -> None:
    life = idle(kind)
    life.do("wait", type="until", until=NOW + 9 * DAY)
    life.do("wait", type="until", until=NOW + DAY)
    assert life.advance(DAY).item.status is Status.TO_DO


# C11
@ALL
def test_another_wait_replaces_the_wait_and_its_timer(kind: Kind) -> None:
    life = idle(kind)
    life.do("wait", type="until", until=NOW + DAY)
    (entry,) = life.do("wait", type="more_information", waiting_for="third party").entries
    assert (entry.before, entry.after) == (Status.WAIT, Status.WAIT)
    wait = life.state.wait
    assert wait
    assert (wait.type, wait.until, wait.waiting_for) == ("more_information", None, "third party")
    assert next_deadline(life.item) is None
    assert life.advance(400 * DAY).item.status is Status.WAIT


# C11
@ALL
def test_replacing_a_wait_leaves_the_owner_alone(kind: Kind) -> None:
    life = idle(kind)
    life.do("wait", type="until", until=NOW + DAY)
    life.do("wait", by="bob", type="until", until=NOW + 2 * DAY)
    assert (life.item.assignee, life.item.owner) == (None, "amy")


# C11
@ALL
def test_a_past_date_does_not_replace_a_wait(kind: Kind) -> None:
    life = idle(kind)
    life.do("wait", type="until", until=NOW + DAY)
    assert life.refused("wait", type="until", until=NOW - DAY).rule == "C10"
    assert life.item.wait
    assert life.item.wait.wakes_at == NOW + DAY


# C12
@ALL
@pytest.mark.parametrize("actor", ["amy", "bob", ROBOT])
@pytest.mark.parametrize("type_", ["more_information", "until"])
def test_resume_takes_an_item_off_wait_to_work_with_the_actor(
    kind: Kind, actor: str, type_: str
) -> None:
    life = idle(kind)
    life.do("start")
    life.do("wait", type=type_, **until(type_))
    (entry,) = life.do("resume", by=actor).entries
    assert (entry.before, entry.after) == (Status.WAIT, Status.IN_PROGRESS)
    assert (life.item.assignee, life.item.wait) == (actor, None)
    assert next_deadline(life.item) is None
    assert life.state.wakes_at is None
    assert life.advance(2 * DAY).item.status is Status.IN_PROGRESS


# C12
@ALL
def test_only_a_waiting_item_is_resumed(kind: Kind) -> None:
    life = idle(kind)
    assert isinstance(life.refused("resume"), NotAllowed)
    life.do("start")
    assert isinstance(life.refused("resume"), NotAllowed)


# C13
@ALL
@pytest.mark.parametrize("status", [Status.DRAFT, Status.TO_DO, Status.IN_PROGRESS])
def test_a_mail_to_an_item_at_work_is_added_and_raises(kind: Kind, status: Status) -> None:
    if (kind, status) == (Kind.ACTION, Status.DRAFT):
        return
    life = some_draft(kind) if status is Status.DRAFT else idle(kind)
    if status is Status.IN_PROGRESS:
        life.do("start")
    assignee = life.item.assignee
    (entry,) = life.do("receive_email", by="system", excerpt="Where is it?", **MAIL).entries
    assert (entry.before, entry.after) == (status, status)
    assert "Where is it?" in (entry.note or "")
    assert life.item.new_information
    assert life.item.assignee == assignee


# C13
@ALL
def test_a_mail_ends_a_wait_for_more_information(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    life.do("wait", type="more_information")
    life.do("receive_email", by="system", **MAIL)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")


# C13, C19
@ALL
def test_a_mail_received_before_the_wait_and_handled_after_ends_it(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    life.advance(HOUR)
    life.do("wait", type="more_information")
    life.advance(HOUR)
    life.do("receive_email", by="system", received_at=NOW + MOMENT, **MAIL)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    assert life.item.new_information


# C13
@pytest.mark.parametrize(
    ("kind", "type_"),
    [*((kind, "until") for kind in Kind), (Kind.CASE, "pause")],
)
def test_a_mail_to_any_other_wait_is_added_and_leaves_status_and_timer_alone(
    kind: Kind, type_: str
) -> None:
    life = idle(kind)
    life.do("start")
    life.do("wait", type=type_, **until(type_))
    wait, deadline = life.item.wait, life.state.wakes_at
    (entry,) = life.do("receive_email", by="system", **MAIL).entries
    assert (entry.before, entry.after) == (Status.WAIT, Status.WAIT)
    assert life.item.new_information
    assert (life.item.wait, life.state.wakes_at) == (wait, deadline)
    assert (life.item.assignee, life.item.owner) == (None, "amy")


# C13, M4
@ALL
def test_an_automatic_mail_is_recorded_and_wakes_and_raises_nothing(kind: Kind) -> None:
    life = idle(kind)
    life.do("start")
    life.do("wait", type="more_information")
    change = life.do("receive_email", by="system", automatic=True, excerpt="Out of office", **MAIL)
    (entry,) = change.entries
    assert "Out of office" in (entry.note or "")
    assert life.item.status is Status.WAIT
    assert not life.item.new_information


# C13, M4
@TICKET_AND_CASE
def test_an_automatic_mail_never_reopens(kind: Kind) -> None:
    life = resolved(kind)
    life.do("receive_email", by="system", automatic=True, **MAIL)
    assert life.item.status is Status.RESOLVED
    assert not life.item.new_information


def raised(kind: Kind, **fields: Any) -> Life:  # noqa: ANN401
    """Start an item in progress with amy, to which a mail came."""
    life = idle(kind, **fields)
    life.do("start")
    life.do("receive_email", by="system", **MAIL)
    assert life.item.new_information
    return life


# C14
@ALL
@pytest.mark.parametrize("way", ["mark_read", "edit"])
def test_the_assignee_lowers_new_information_by_reading_or_editing(kind: Kind, way: str) -> None:
    life = raised(kind)
    life.do(way, **({"queue": "second"} if way == "edit" else {}))
    assert not life.item.new_information
    assert not life.state.new_information


# C14
@ALL
@pytest.mark.parametrize("way", ["start", "edit"])
def test_who_picks_an_item_up_holds_it_and_so_lowers_new_information(kind: Kind, way: str) -> None:
    life = idle(kind)
    life.do("receive_email", by="system", **MAIL)
    life.do(way, by="bob", **({"queue": "second"} if way == "edit" else {}))
    assert not life.item.new_information


# C14
@ALL
@pytest.mark.parametrize("way", ["start", "edit"])
def test_who_takes_an_item_over_lowers_new_information(kind: Kind, way: str) -> None:
    life = raised(kind)
    life.do(way, by="bob", take_over=True, **({"queue": "second"} if way == "edit" else {}))
    assert not life.item.new_information


# C14
@ALL
@pytest.mark.parametrize("way", ["mark_read", "edit"])
def test_the_owner_of_a_waiting_item_lowers_new_information(kind: Kind, way: str) -> None:
    life = idle(kind)
    life.do("start")
    life.do("wait", type="until", until=NOW + DAY)
    life.do("receive_email", by="system", **MAIL)
    life.do(way, **({"queue": "second"} if way == "edit" else {}))
    assert not life.item.new_information
    assert life.item.status is Status.WAIT


# C14
@ALL
def test_new_information_stays_raised_until_the_holder_looks(kind: Kind) -> None:
    life = raised(kind)
    for reader in ("bob", ROBOT, SERVICE, "system"):
        refusal = life.refused("mark_read", by=reader)
        assert refusal.rule == "C14"
        assert "amy" in refusal.sentence
    life.do("add_note", text="thinking")
    life.do("send_email", **ANSWER)
    life.do("wait", type="until", until=NOW + DAY)
    assert life.item.new_information
    assert life.refused("mark_read", by="bob").rule == "C14"
    life.do("edit", by="bob", queue="second")
    assert life.item.new_information
    life.do("mark_read")
    assert not life.item.new_information


# C14
def test_the_owner_of_a_case_does_not_read_for_its_assignee() -> None:
    life = case(definition=None, owner="carol")
    life.do("start", by="bob")
    life.do("receive_email", by="system", **MAIL)
    assert life.refused("mark_read", by="carol").rule == "C14"
    life.do("mark_read", by="bob")
    assert not life.item.new_information


# C14
@ALL
def test_nobody_marks_read_what_nobody_holds(kind: Kind) -> None:
    life = idle(kind)
    life.do("receive_email", by="system", **MAIL)
    refusal = life.refused("mark_read")
    assert (refusal.rule, "nobody" in refusal.sentence) == ("C14", True)
    assert life.item.new_information


# C14
@TICKET_AND_CASE
def test_resolving_leaves_new_information_raised_for_the_owner(kind: Kind) -> None:
    life = raised(kind, settings=WINDOW)
    life.do("resolve", **ending(kind))
    assert life.item.new_information
    life.do("mark_read")
    assert not life.item.new_information
    assert life.item.status is Status.RESOLVED


# C18
@TICKET_AND_CASE
def test_a_draft_is_resolved_in_one_step_with_two_entries(kind: Kind) -> None:
    life = some_draft(kind, settings=WINDOW)
    submission, resolution = life.do("resolve", **ending(kind)).entries
    assert (submission.command, submission.before, submission.after) == (
        "submit",
        Status.DRAFT,
        Status.TO_DO,
    )
    assert (resolution.command, resolution.before, resolution.after) == (
        "resolve",
        Status.TO_DO,
        Status.RESOLVED,
    )
    assert resolution.revision == submission.revision + 1
    assert (life.item.assignee, life.item.owner) == (None, "amy")
    assert life.item.submitted_at == NOW


# C18, chapter 10
@TICKET_AND_CASE
def test_a_draft_is_parked_in_one_step_with_two_entries(kind: Kind) -> None:
    life = some_draft(kind)
    change = life.do("wait", type="more_information")
    assert [(entry.command, entry.before, entry.after) for entry in change.entries] == [
        ("submit", Status.DRAFT, Status.TO_DO),
        ("wait", Status.TO_DO, Status.WAIT),
    ]
    assert (life.item.assignee, life.item.owner) == (None, "amy")


# C18, K5
def test_a_case_parked_as_a_draft_starts_its_actions_when_the_wait_ends() -> None:
    life = case_draft()
    assert starts_of(life.do("wait", type="until", until=NOW + DAY)) == []
    life.advance(DAY)
    assert starts_of(life.changes[-1]) == ["read", "match"]


# C18
@ALL
def test_an_item_in_its_queue_is_resolved_in_one_step(kind: Kind) -> None:
    life = idle(kind, **({} if kind is Kind.ACTION else {"settings": WINDOW}))
    (entry,) = life.do("resolve", **ending(kind)).entries
    assert entry.before is Status.TO_DO
    assert entry.after is (Status.CLOSED if kind is Kind.ACTION else Status.RESOLVED)


# C18, T2, K1
@TICKET_AND_CASE
@pytest.mark.parametrize("command", ["resolve", "wait"])
def test_the_checks_of_a_submission_apply_on_the_way(kind: Kind, command: str) -> None:
    empty: dict[str, Any] = {"title": None, "category": None}
    life = draft(**empty) if kind is Kind.TICKET else case_draft(short_description=None)
    fields = ending(kind) if command == "resolve" else {"type": "more_information"}
    refusal = life.refused(command, **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == ("T2" if kind is Kind.TICKET else "K1")
    assert set(refusal.fields) == (
        {"title", "category"} if kind is Kind.TICKET else {"short_description"}
    )
    assert life.item.status is Status.DRAFT


def _by_timer() -> list[tuple[str, Life, str]]:
    """Yield every timer of the system shortly before it fires, with a word that names it."""
    until = ticket()
    until.do("wait", type="until", until=NOW + DAY)
    days = ticket()
    days.do("wait", type="more_information", days_to_wait=1)
    closing = ticket()
    closing.do("wait", type="more_information", days_to_wait=1, close_if_no_response=True)
    at_risk = ticket(settings={"due": {"within": "P2D", "at_risk": "P1D"}})
    overdue = ticket(settings={"due": {"within": "P1D"}})
    window = ticket(settings={"feedback_window": "P1D"})
    window.do("resolve", method="rejected")
    return [
        ("until", until, "moment"),
        ("days to wait", days, "days to wait"),
        ("close if no response", closing, "days to wait"),
        ("at risk", at_risk, "at risk"),
        ("overdue", overdue, "overdue"),
        ("feedback window", window, "feedback window"),
    ]


# C20
@pytest.mark.parametrize(
    ("life", "word"), [pytest.param(life, word, id=name) for name, life, word in _by_timer()]
)
def test_timers_act_as_the_system_with_a_reason_that_names_them(life: Life, word: str) -> None:
    deadline = next_deadline(life.item)
    assert deadline
    assert deadline.summary
    change = elapse(life.item, deadline.at)
    assert isinstance(change, Change)
    (entry,) = change.entries
    assert entry.by == "system"
    assert entry.at == deadline.at
    assert word in (entry.reason or "")


# C20
@pytest.mark.parametrize("life", [pytest.param(life, id=name) for name, life, _ in _by_timer()])
def test_a_timer_rings_at_its_moment_once_and_not_before(life: Life) -> None:
    deadline = next_deadline(life.item)
    assert deadline
    assert elapse(life.item, deadline.at - MOMENT) is None
    change = elapse(life.item, deadline.at)
    assert change
    following = next_deadline(change.item)
    assert following is None or following.at > deadline.at


# C21
def test_an_action_that_vanished_counts_as_unable_to_complete() -> None:
    tree: CaseTree = case_tree(owner="carol")
    vanished = tree.action("read").item.reference
    report = vanished_action_message(
        vanished, case_run="run-1", key="read-1", reason="terminated\x00"
    )
    tree.life.do("action_ended", **report.model_dump(mode="json", exclude_none=True))
    assert (tree.case.status, tree.case.assignee) == (Status.TO_DO, "carol")
    assert [(seen.action, seen.reason) for seen in tree.state.attention] == [
        ("read", "terminated\N{REPLACEMENT CHARACTER}")
    ]


# C14, contract: contacts are descriptive
@ALL
def test_an_edit_changes_what_it_names_and_nothing_else(kind: Kind) -> None:
    life = idle(kind)
    title = "short_description" if kind is Kind.CASE else "title"
    before = life.item
    life.do("edit", **{title: "Another invoice"}, primary_contact=IDA)
    assert life.state.title == "Another invoice"
    assert life.state.primary_contact
    assert (life.item.queue, life.item.description) == (before.queue, before.description)
