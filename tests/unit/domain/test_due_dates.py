"""Due dates in calendar time: their instants, the stopped clock, and their words (D1-D5)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.base.values import Kind, Status
from domain.engine.deadlines import elapse, next_deadline
from domain.model.due_dates import MAX_STOPS, Colour, colour, due_text
from domain.model.items import Mail
from tests.support.builders import (
    DAY,
    HOUR,
    MOMENT,
    NOW,
    ONE_ACTION,
    ROBOT,
    Life,
    action,
    case,
    case_tree,
    draft,
    through_json,
    ticket,
)

MINUTE = timedelta(minutes=1)
MAIL_IN: dict[str, Any] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}
ALL = pytest.mark.parametrize("kind", list(Kind))


def due(**rule: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"feedback_window": "P30D", "due": {"within": "P10D"} | rule}


def due_item(kind: Kind, **rule: Any) -> Life:  # noqa: ANN401
    """Start an item in progress with amy, due after ten days unless the fields say otherwise."""
    match kind:
        case Kind.TICKET:
            life = ticket(settings=due(**rule))
        case Kind.CASE:
            life = case(definition=None, settings=due(**rule))
        case Kind.ACTION:
            life = action(due=due(**rule)["due"])
    life.do("start")
    return life


def alarms(life: Life) -> list[tuple[str, tuple[str, ...]]]:
    """Return the subject and the recipient of every alarm so far."""
    return [
        (word, mail.accounts)
        for change in life.changes
        for mail in change.mails
        if (word := _about(mail))
    ]


def _about(mail: Mail) -> str | None:
    text = f"{mail.subject} {mail.body}"
    return next((word for word in ("at risk", "overdue") if word in text), None)


# D1
@ALL
@pytest.mark.parametrize(
    ("within", "length"),
    [("P10D", 10 * DAY), ("PT4H", 4 * HOUR), ("P1W", 7 * DAY), ("P1DT30M", DAY + HOUR / 2)],
)
def test_an_item_is_due_an_amount_of_time_after_its_submission(
    kind: Kind, within: str, length: timedelta
) -> None:
    assert due_item(kind, within=within).state.due_at == NOW + length


# D1
def test_the_due_date_is_fixed_at_submission() -> None:
    life = draft(settings=due())
    assert (life.state.due_at, life.state.due_text) == (None, None)
    life.advance(3 * DAY)
    life.do("edit", settings=due(within="P20D"))
    assert life.state.due_at is None
    life.do("submit")
    assert life.state.due_at == NOW + 23 * DAY
    life.advance(DAY)
    life.do("start")
    life.do("unassign")
    assert life.state.due_at == NOW + 23 * DAY


# D1
def test_without_a_rule_nothing_is_due() -> None:
    life = ticket()
    state = life.state
    assert (state.due_at, state.due_text, state.clock) == (None, None, "running")
    assert next_deadline(life.item) is None
    assert colour(life.item, NOW) is Colour.GREY


# D1, D2
@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"within": "P1M"},
        {"within": "PT0S"},
        {"within": "-P1D"},
        {"within": 5},
        {"within": "P1D", "at_risk": "PT0S"},
        {"within": "P1D", "waits": ["until"]},
        {"within": "P1D", "add_wait_time": False, "waits": ["until"]},
        {"within": "P1D", "add_wait_time": True, "waits": []},
        {"within": "P1D", "add_wait_time": True, "waits": ["lunch"]},
        {"within": "P1D", "add_wait_time": "yes"},
        {"within": "P1D", "surprise": 1},
    ],
)
def test_a_due_rule_is_checked(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ticket(settings={"due": rule})


def waiting(life: Life, type_: str) -> None:
    until: dict[str, Any] = {"until": life.now + 100 * DAY} if type_ == "until" else {}
    life.do("wait", type=type_, **until)


# D2
@ALL
@pytest.mark.parametrize("type_", ["more_information", "until"])
def test_no_wait_stops_the_clock_unless_the_rule_says_so(kind: Kind, type_: str) -> None:
    life = due_item(kind)
    waiting(life, type_)
    life.advance(3 * DAY)
    assert (life.state.clock, life.state.due_at) == ("running", NOW + 10 * DAY)
    life.do("resume")
    assert life.state.due_at == NOW + 10 * DAY


# D2
@ALL
@pytest.mark.parametrize("type_", ["more_information", "until"])
def test_every_wait_stops_the_clock_where_wait_time_is_added(kind: Kind, type_: str) -> None:
    life = due_item(kind, add_wait_time=True)
    life.advance(DAY)
    waiting(life, type_)
    assert (life.state.clock, life.state.due_at) == ("stopped", None)
    life.advance(3 * DAY)
    life.do("resume")
    assert (life.state.clock, life.state.due_at) == ("running", NOW + 13 * DAY)


# D2
def test_a_pause_stops_the_clock_of_a_case() -> None:
    life = due_item(Kind.CASE, add_wait_time=True)
    waiting(life, "pause")
    life.advance(5 * DAY)
    life.do("resume")
    assert life.state.due_at == NOW + 15 * DAY


# D2
@pytest.mark.parametrize("type_", ["more_information", "until", "pause"])
@pytest.mark.parametrize("named", ["more_information", "until", "pause"])
def test_only_the_waits_that_the_rule_names_stop_the_clock(type_: str, named: str) -> None:
    life = due_item(Kind.CASE, add_wait_time=True, waits=[named])
    waiting(life, type_)
    life.advance(2 * DAY)
    stops = type_ == named
    assert life.state.clock == ("stopped" if stops else "running")
    life.do("resume")
    assert life.state.due_at == NOW + (12 if stops else 10) * DAY


def _end_by_resume(life: Life) -> None:
    life.do("resume", by="bob")


def _end_by_mail(life: Life) -> None:
    life.do("wait", type="more_information")
    life.do("receive_email", by="system", **MAIL_IN)


def _end_by_timer(life: Life) -> None:
    life.do("wait", type="until", until=life.now + MOMENT)
    life.advance(MOMENT)


def _end_by_resolving(life: Life) -> None:
    life.do("resolve", method="rejected")
    life.do("reopen")


# D2
@pytest.mark.parametrize("end", [_end_by_resume, _end_by_mail, _end_by_timer, _end_by_resolving])
def test_however_a_wait_ends_the_due_date_moves_by_the_stopped_time(end: Any) -> None:  # noqa: ANN401
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.do("wait", type="more_information")
    life.advance(4 * DAY)
    end(life)
    due_at = life.state.due_at
    assert due_at
    assert timedelta(0) <= due_at - (NOW + 14 * DAY) <= MOMENT


# D2, T6
def test_days_to_wait_that_are_over_move_the_due_date() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.do("wait", type="more_information", days_to_wait=4)
    life.advance(9 * DAY)
    assert (life.item.status, life.state.due_at) == (Status.TO_DO, NOW + 14 * DAY)


# D2, C10: the stop ends at the moment, not when somebody noticed
def test_a_wait_that_ended_while_everything_was_down_moves_the_due_date_to_its_moment() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.do("wait", type="until", until=NOW + 2 * DAY)
    life.skip_downtime(9 * DAY)
    life.do("add_note", text="we are back")
    assert life.state.due_at == NOW + 12 * DAY


# D2, C19: a mail ends the wait when it was received
def test_a_mail_that_is_handled_late_moves_the_due_date_to_its_receipt() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.do("wait", type="more_information")
    life.skip_downtime(9 * DAY)
    life.do("receive_email", by="system", received_at=NOW + 2 * DAY, **MAIL_IN)
    assert life.state.due_at == NOW + 12 * DAY


# D2, K7
def test_a_failed_action_that_ends_the_wait_moves_the_due_date() -> None:
    tree = case_tree(definition=ONE_ACTION, settings=due(add_wait_time=True))
    tree.do("wait", type="more_information")
    tree.advance(2 * DAY)
    tree.fail("run")
    assert tree.state.due_at == NOW + 12 * DAY


# D2, K10
def test_a_rework_that_ends_the_wait_moves_the_due_date() -> None:
    steps = [{"key": "a", "actions": []}, {"key": "b", "actions": [{"key": "run"}]}]
    tree = case_tree(definition={"name": "x", "steps": steps}, settings=due(add_wait_time=True))
    tree.do("wait", type="pause")
    tree.advance(2 * DAY)
    tree.do("rework", step="a")
    assert tree.state.due_at == NOW + 12 * DAY


# D2, C11
def test_waits_that_both_stop_the_clock_are_one_uninterrupted_stop() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.do("wait", type="more_information")
    life.advance(DAY)
    life.do("wait", type="until", until=life.now + 9 * DAY)
    life.advance(DAY)
    life.do("wait", type="until", until=life.now + 8 * DAY)
    assert life.state.clock == "stopped"
    assert life.item.due
    assert len(life.item.due.stops) == 1
    life.advance(DAY)
    life.do("resume")
    assert life.state.due_at == NOW + 13 * DAY


# D2, C11
def test_another_wait_stops_or_starts_the_clock_at_the_change() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True, waits=["more_information"])
    life.do("wait", type="until", until=NOW + 90 * DAY)
    life.advance(DAY)
    assert life.state.clock == "running"
    life.do("wait", type="more_information")
    life.advance(2 * DAY)
    assert life.state.clock == "stopped"
    life.do("wait", type="until", until=NOW + 90 * DAY)
    assert (life.state.clock, life.state.due_at) == ("running", NOW + 12 * DAY)
    life.advance(4 * DAY)
    life.do("resume")
    assert life.state.due_at == NOW + 12 * DAY


# D2: a mail that does not end the wait leaves the clock alone
def test_new_information_on_a_stopped_clock_starts_nothing() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.do("wait", type="until", until=NOW + 5 * DAY)
    life.advance(DAY)
    life.do("receive_email", by="system", **MAIL_IN)
    life.do("add_note", text="she wrote")
    assert life.state.clock == "stopped"
    life.advance(4 * DAY)
    assert life.state.due_at == NOW + 15 * DAY


# D2, C18
def test_a_draft_that_is_parked_is_due_from_its_submission_and_stopped_at_once() -> None:
    life = draft(settings=due(add_wait_time=True))
    life.advance(DAY)
    life.do("wait", type="more_information")
    assert life.state.clock == "stopped"
    life.advance(2 * DAY)
    life.do("resume")
    assert life.state.due_at == NOW + 13 * DAY


# D3
@ALL
def test_colours_are_green_amber_and_red(kind: Kind) -> None:
    life = due_item(kind, at_risk="P2D")
    for after, expected in (
        (timedelta(0), Colour.GREEN),
        (8 * DAY - MOMENT, Colour.GREEN),
        (8 * DAY, Colour.AMBER),
        (10 * DAY - MOMENT, Colour.AMBER),
        (10 * DAY + MOMENT, Colour.RED),
        (99 * DAY, Colour.RED),
    ):
        assert colour(life.item, NOW + after) is expected


# D3
def test_without_a_margin_nothing_is_at_risk() -> None:
    life = due_item(Kind.TICKET)
    assert colour(life.item, NOW + 10 * DAY - MOMENT) is Colour.GREEN


# D3
def test_drafts_resolved_closed_and_stopped_items_are_grey() -> None:
    late = NOW + 99 * DAY
    life = draft(settings=due(add_wait_time=True))
    assert colour(life.item, late) is Colour.GREY
    life.do("submit")
    assert colour(life.item, late) is Colour.RED
    life.do("wait", type="more_information")
    assert colour(life.item, late) is Colour.GREY
    life.do("resolve", method="rejected")
    assert life.item.status is Status.RESOLVED
    assert colour(life.item, late) is Colour.GREY
    assert life.advance(30 * DAY).item.status is Status.CLOSED
    assert colour(life.item, late) is Colour.GREY


# D3
def test_an_item_that_waits_with_its_clock_running_has_a_colour() -> None:
    life = due_item(Kind.TICKET)
    life.do("wait", type="more_information")
    assert colour(life.item, NOW + 99 * DAY) is Colour.RED


# D3
@ALL
def test_at_risk_and_overdue_are_told_to_the_holder_once_each(kind: Kind) -> None:
    life = due_item(kind, at_risk="P2D")
    life.do("mark_read")
    life.advance(8 * DAY - MOMENT)
    assert alarms(life) == []
    life.advance(MOMENT)
    assert alarms(life) == [("at risk", ("amy",))]
    assert life.item.new_information
    life.advance(2 * DAY)
    assert alarms(life) == [("at risk", ("amy",)), ("overdue", ("amy",))]
    life.advance(900 * DAY)
    assert len(alarms(life)) == 2
    assert (life.item.status, life.item.assignee) == (Status.IN_PROGRESS, "amy")


# D3
def test_the_owner_of_a_waiting_item_is_told() -> None:
    life = due_item(Kind.TICKET)
    life.do("wait", type="more_information")
    life.advance(10 * DAY)
    assert alarms(life) == [("overdue", ("amy",))]
    assert life.item.status is Status.WAIT


# D3
def test_what_nobody_holds_becomes_overdue_without_a_mail() -> None:
    life = ticket(settings=due())
    life.advance(10 * DAY)
    assert alarms(life) == []
    assert life.last.by == "system"
    assert "overdue" in (life.last.reason or "")


# D3
@pytest.mark.parametrize("status", [Status.RESOLVED, Status.WAIT])
def test_no_alarm_is_raised_while_grey(status: Status) -> None:
    life = due_item(Kind.TICKET, at_risk="P2D", add_wait_time=True)
    if status is Status.RESOLVED:
        life.do("resolve", method="rejected")
    else:
        life.do("wait", type="more_information")
    life.advance(29 * DAY)
    assert alarms(life) == []
    assert not life.item.new_information


# D3, D4
def test_what_became_due_while_resolved_is_told_after_reopening() -> None:
    life = due_item(Kind.TICKET, at_risk="P2D")
    life.do("resolve", method="rejected")
    life.advance(20 * DAY)
    life.do("reopen")
    life.advance(timedelta(0))
    assert ("overdue", ("amy",)) in alarms(life)
    assert len(alarms(life)) == len(set(alarms(life)))


# D3: once each, though the clock went on after a stop
def test_a_stop_after_the_alarm_does_not_repeat_it() -> None:
    life = due_item(Kind.TICKET, at_risk="P2D", add_wait_time=True)
    life.advance(11 * DAY)
    life.do("wait", type="more_information")
    life.advance(30 * DAY)
    life.do("resume")
    life.advance(300 * DAY)
    assert [word for word, _ in alarms(life)] == ["at risk", "overdue"]


# D3: the alarms come in order though both are late
def test_alarms_that_are_late_are_both_told() -> None:
    life = due_item(Kind.TICKET, at_risk="P2D")
    life.skip_downtime(50 * DAY)
    life.advance(timedelta(0))
    assert [word for word, _ in alarms(life)] == ["at risk", "overdue"]
    assert elapse(life.item, life.now) is None


# D3: a margin as long as the whole time is at risk from the beginning
def test_a_margin_longer_than_the_time_is_at_risk_at_once() -> None:
    life = due_item(Kind.TICKET, within="P1D", at_risk="P5D")
    life.advance(timedelta(0))
    assert ["at risk" in (entry.reason or "") for entry in life.entries].count(True) == 1
    assert colour(life.item, NOW) is Colour.AMBER


# D3, M5: an alarm's mail is queued with its change, and robots have no mailbox
def test_an_alarm_about_a_robots_item_is_told_to_the_robot_or_nobody() -> None:
    life = action(due={"within": "P1D"})
    life.do("start", by=ROBOT)
    life.advance(DAY)
    assert alarms(life) in ([], [("overdue", (ROBOT,))])
    assert life.item.new_information


# D4
@pytest.mark.parametrize("add_wait_time", [True, False])
def test_reopening_keeps_the_original_due_date(add_wait_time: bool) -> None:  # noqa: FBT001
    life = due_item(Kind.TICKET, add_wait_time=add_wait_time)
    life.advance(DAY)
    life.do("resolve", method="rejected")
    life.advance(20 * DAY)
    life.do("reopen")
    assert life.state.due_at == NOW + 10 * DAY


# D5
@pytest.mark.parametrize(
    ("after", "english", "french"),
    [
        (
            10 * DAY - 3 * HOUR - 20 * MINUTE,
            "Due: paused 3 h 20 m before due",
            "Échéance : en pause 3 h 20 min avant l'échéance",
        ),
        (
            10 * DAY + 65 * MINUTE,
            "Due: paused 1 h 5 m after overdue",
            "Échéance : en pause 1 h 5 min après l'échéance",
        ),
        (
            10 * DAY - 20 * MINUTE,
            "Due: paused 20 m before due",
            "Échéance : en pause 20 min avant l'échéance",
        ),
        (
            10 * DAY - 3 * HOUR,
            "Due: paused 3 h before due",
            "Échéance : en pause 3 h avant l'échéance",
        ),
        (
            10 * DAY - HOUR - MOMENT,
            "Due: paused 1 h before due",
            "Échéance : en pause 1 h avant l'échéance",
        ),
    ],
)
def test_the_remaining_time_is_shown_while_the_clock_stands_still(
    after: timedelta, english: str, french: str
) -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.advance(after)
    life.do("wait", type="more_information")
    life.advance(7 * DAY)
    assert life.state.due_at is None
    assert life.state.due_text == english
    assert due_text(life.item, french=True) == french


# D5
def test_the_remaining_time_counts_what_earlier_stops_added() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.do("wait", type="more_information")
    life.advance(5 * DAY)
    life.do("resume")
    life.advance(10 * DAY - HOUR)
    life.do("wait", type="more_information")
    assert life.state.due_text == "Due: paused 1 h before due"


# D5
def test_days_are_named_in_either_language() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.do("wait", type="more_information")
    assert life.state.due_text == "Due: paused 10 d before due"
    assert due_text(life.item, french=True) == "Échéance : en pause 10 j avant l'échéance"


# D5
def test_a_clock_stopped_at_the_very_moment_has_nothing_left() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    life.skip_downtime(10 * DAY)
    life.do("wait", type="more_information")
    assert life.state.due_text == "Due: paused 0 m before due"


# D5
def test_a_running_clock_shows_the_date() -> None:
    life = due_item(Kind.TICKET)
    assert life.state.due_text == "Due: 2026-03-12 09:00 UTC"
    assert due_text(life.item, french=True) == "Échéance : 2026-03-12 09:00 UTC"


# D2: the ledger stays bounded and exact
def test_hundreds_of_stops_add_up_exactly() -> None:
    life = due_item(Kind.TICKET, add_wait_time=True)
    for _ in range(3 * MAX_STOPS):
        life.do("wait", type="more_information")
        life.advance(HOUR)
        life.do("resume")
        life.advance(MINUTE)
    assert life.state.due_at == NOW + 10 * DAY + 3 * MAX_STOPS * HOUR
    assert life.item.due
    assert len(life.item.due.stops) <= MAX_STOPS
    assert through_json(life.item) == life.item


# contract: instants come back in UTC
def test_instants_come_back_in_utc() -> None:
    life = ticket()
    life.do("wait", type="until", until=datetime.fromisoformat("2026-03-05T01:00:00+05:30"))
    assert life.state.wakes_at == datetime.fromisoformat("2026-03-04T19:30:00Z")
    assert '"2026-03-04T19:30:00Z"' in life.state.model_dump_json()
