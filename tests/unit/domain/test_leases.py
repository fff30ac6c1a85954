"""Leases and heartbeats: what a robot keeps by saying that it lives, and loses by silence (Q3)."""

from datetime import timedelta

import pytest

from domain.base.refusals import Conflict, InvalidCommand, NotAllowed
from domain.base.values import Kind, Status
from domain.engine.deadlines import next_deadline
from domain.engine.decide import decide, decode
from domain.model.states import ActionItemState, CaseState, TicketState, without_heartbeats
from tests.support.builders import (
    HOUR,
    MOMENT,
    NOW,
    ROBOT,
    SERVICE,
    CaseTree,
    Life,
    action,
    as_json,
    case,
    draft,
    submitted,
    through_json,
    ticket,
)

LEASE = timedelta(hours=3)
SETTINGS = {"settings": {"lease": "PT3H"}}
OTHER = "robot:other"
LEASED = pytest.mark.parametrize("kind", [Kind.TICKET, Kind.ACTION])


def free(kind: Kind) -> Life:
    """A To Do item of this kind that nobody has, whose lease is three hours."""
    return action(lease="PT3H") if kind is Kind.ACTION else submitted(kind, **SETTINGS)


def held(kind: Kind, by: str = ROBOT) -> Life:
    """The same, in the hands of somebody who started it."""
    life = free(kind)
    life.do("start", by=by)
    return life


def token(life: Life) -> str:
    state = life.state
    assert isinstance(state, TicketState | ActionItemState)
    assert state.lease is not None
    return state.lease.token


def until(life: Life) -> timedelta:
    """Time from the beginning to the end of the lease."""
    assert life.item.lease is not None
    return life.item.lease.until - NOW


# Q3
@LEASED
def test_a_robot_that_starts_an_item_is_given_a_lease(kind: Kind) -> None:
    life = free(kind)
    assert life.item.lease is None
    life.do("start", by=ROBOT)
    assert (token(life), until(life)) == (token(life), LEASE)


# Q3: assigned and not begun, it vanishes as well
@LEASED
def test_a_robot_that_is_assigned_an_item_is_given_a_lease_which_starting_keeps(kind: Kind) -> None:
    life = free(kind)
    life.do("assign", to=ROBOT)
    given = token(life)
    life.advance(HOUR).do("start", by=ROBOT)
    assert (token(life), until(life)) == (given, LEASE)


# Q3: where a lease is set
@LEASED
def test_without_the_setting_there_is_no_lease(kind: Kind) -> None:
    life = submitted(kind)
    life.do("start", by=ROBOT)
    assert life.item.lease is None
    assert next_deadline(life.item) is None


# Q3: a robot's alone
@LEASED
@pytest.mark.parametrize("actor", ["amy", SERVICE])
def test_people_and_services_are_under_no_lease(kind: Kind, actor: str) -> None:
    assert held(kind, actor).item.lease is None


# Q3: robots do Actions; a Case takes no heartbeat, so it could not be kept
def test_a_case_is_under_no_lease_and_takes_no_heartbeat() -> None:
    life = case(**SETTINGS)
    life.do("start", by=ROBOT)
    assert life.item.lease is None
    assert isinstance(life.state, CaseState)
    assert without_heartbeats(life.state) == life.state
    with pytest.raises(InvalidCommand):
        life.do("heartbeat", by=ROBOT)


# Q3: a Draft is nobody's to lose
def test_a_robots_own_draft_is_under_no_lease() -> None:
    assert draft(by=ROBOT, **SETTINGS).item.lease is None


# Q3, K2: the Case's setting holds for its Actions
def test_an_actions_lease_is_that_of_its_case() -> None:
    desk = CaseTree(case(**SETTINGS))
    life = desk.action("read")
    life.do("start", by=ROBOT)
    assert life.item.lease is not None
    assert life.item.lease.until == life.now + LEASE


# Q3: nobody has it any more
@LEASED
@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("unassign", {}),
        ("set_to_do", {}),
        ("reject", {"reason": "blurred"}),
        ("wait", {"type": "more_information"}),
        ("assign", {"to": "amy"}),
    ],
)
def test_the_lease_is_gone_with_the_item(
    kind: Kind, command: str, fields: dict[str, object]
) -> None:
    life = held(kind)
    given = token(life)
    life.do(command, by=ROBOT, **fields)
    assert life.item.lease is None
    refusal = life.refused("add_note", by=ROBOT, text="still here", lease=given)
    assert isinstance(refusal, Conflict)
    assert (refusal.rule, refusal.fields) == ("Q3", ("lease",))


# Q3: taken over
@LEASED
def test_who_takes_a_robots_item_over_ends_its_lease(kind: Kind) -> None:
    life = held(kind)
    life.do("start", by="amy", take_over=True)
    assert life.item.lease is None


# Q3: each a lease of its own, also the same robot's
@LEASED
def test_every_lease_has_another_token(kind: Kind) -> None:
    life = held(kind)
    tokens = [token(life)]
    for robot in (OTHER, ROBOT):
        life.do("assign", to=robot)
        tokens.append(token(life))
    for robot in (ROBOT, OTHER):
        life.do("unassign")
        life.do("start", by=robot)
        tokens.append(token(life))
    life.do("wait", by=OTHER, type="more_information")
    life.do("resume", by=OTHER)
    tokens.append(token(life))
    assert len(set(tokens)) == 6
    assert until(life) == LEASE


# Q3: items of other runs and references
def test_two_items_never_have_the_same_token() -> None:
    one, other = held(Kind.TICKET), held(Kind.ACTION)
    assert token(one) != token(other)


# Q3
@LEASED
def test_a_robots_command_may_carry_its_lease(kind: Kind) -> None:
    life = held(kind)
    life.do("add_note", by=ROBOT, text="half of it", lease=token(life))
    life.do("heartbeat", by=ROBOT, lease=token(life))
    end = {"method": "customer_response"} if kind is Kind.TICKET else {"outcome": "complete"}
    life.do("resolve", by=ROBOT, lease=token(life), **end)
    assert life.item.status is Status.CLOSED


# Q3
@LEASED
def test_a_stale_lease_is_refused_and_the_sentence_says_whose_it_is_now(kind: Kind) -> None:
    life = held(kind)
    stale = token(life)
    life.do("assign", to=OTHER)
    refusal = life.refused("heartbeat", by=ROBOT, lease=stale)
    assert isinstance(refusal, Conflict)
    assert (refusal.rule, refusal.fields) == ("Q3", ("lease",))
    assert OTHER in refusal.sentence
    assert life.signal("add_note", by=ROBOT, text="late", lease=stale) is not None
    assert life.last.refused


# Q3, C5, C20
@LEASED
def test_a_silent_robot_loses_the_item_at_the_end_of_its_lease(kind: Kind) -> None:
    life = held(kind).advance(LEASE - MOMENT)
    assert life.item.assignee == ROBOT
    stale = token(life)
    life.advance(MOMENT)
    assert life.item.status is Status.TO_DO
    assert life.item.holder is None
    assert life.item.lease is None
    assert not life.item.robot_rejected
    assert (life.last.command, life.last.by, life.last.at) == ("lease_over", "system", NOW + LEASE)
    assert ROBOT in (life.last.reason or "")
    assert isinstance(life.refused("heartbeat", by=ROBOT, lease=stale), Conflict)
    assert life.refused("heartbeat", by=ROBOT).rule == "Q3"


# Q3, C19: however late it is noticed
@LEASED
def test_an_answer_after_the_lease_is_refused_though_no_timer_fired_yet(kind: Kind) -> None:
    life = held(kind).skip_downtime(LEASE + MOMENT)
    end = {"method": "customer_response"} if kind is Kind.TICKET else {"outcome": "complete"}
    refusal = life.refused("resolve", by=ROBOT, lease=token(life), **end)
    assert (refusal.type, refusal.rule) == ("Conflict", "Q3")
    assert isinstance(life.refused("heartbeat", by=ROBOT), NotAllowed)


# Q3: what the timer waits for, in Temporal's UI
def test_the_timer_says_whose_lease_it_is() -> None:
    deadline = next_deadline(held(Kind.ACTION).item)
    assert deadline is not None
    assert (deadline.at, deadline.summary) == (NOW + LEASE, f"lease of {ROBOT}")


# Q3, C16
@LEASED
def test_a_heartbeat_renews_the_lease_and_leaves_no_entry_and_no_revision(kind: Kind) -> None:
    life = held(kind).advance(HOUR)
    given, revision, changed = token(life), life.item.revision, life.item.changed_at
    change = life.do("heartbeat", by=ROBOT)
    assert change.entries == ()
    assert (life.item.revision, life.item.changed_at) == (revision, changed)
    assert (token(life), until(life)) == (given, HOUR + LEASE)
    life.advance(LEASE - MOMENT)
    assert life.item.assignee == ROBOT
    life.advance(MOMENT)
    assert life.item.assignee is None


# Q3: at most one per third of the lease is kept
@LEASED
def test_heartbeats_within_a_third_of_the_lease_change_nothing(kind: Kind) -> None:
    life = held(kind)
    before = life.item
    for _ in range(3):
        life.advance(HOUR / 4).do("heartbeat", by=ROBOT)
    life.advance(HOUR / 4 - MOMENT).do("heartbeat", by=ROBOT)
    assert life.item == before
    life.advance(MOMENT).do("heartbeat", by=ROBOT)
    assert until(life) == HOUR + LEASE


# C17
def test_a_heartbeat_with_an_id_counts_once() -> None:
    life = held(Kind.ACTION).advance(HOUR)
    life.do("heartbeat", by=ROBOT, command_id="beat-1")
    life.advance(HOUR).do("heartbeat", by=ROBOT, command_id="beat-1")
    assert until(life) == HOUR + LEASE
    life.do("heartbeat", by=ROBOT)
    assert until(life) == 2 * HOUR + LEASE
    assert len(life.item.log.seen) == 1


# Q3
@LEASED
@pytest.mark.parametrize("actor", ["amy", OTHER, SERVICE, "system"])
def test_nobody_but_the_robot_that_has_it_keeps_a_lease(kind: Kind, actor: str) -> None:
    refusal = held(kind).refused("heartbeat", by=actor)
    assert (refusal.type, refusal.rule) == ("NotAllowed", "Q3")
    assert ROBOT in refusal.sentence


# Q3: without a lease
@LEASED
def test_a_heartbeat_where_there_is_no_lease_is_refused(kind: Kind) -> None:
    life = submitted(kind)
    life.do("start", by=ROBOT)
    refusal = life.refused("heartbeat", by=ROBOT)
    assert (refusal.type, refusal.rule) == ("NotAllowed", "Q3")
    assert "no lease" in refusal.sentence


# Q3, C7
@LEASED
def test_the_third_lost_lease_marks_the_item_robot_rejected_and_the_count_begins_anew(
    kind: Kind,
) -> None:
    life = free(kind)
    for robot in (ROBOT, OTHER):
        life.do("start", by=robot)
        life.advance(LEASE)
        assert not life.item.robot_rejected
    life.do("start", by=ROBOT)
    life.advance(LEASE)
    assert life.item.robot_rejected
    assert life.refused("start", by=OTHER).rule == "C7"
    life.do("start", by="amy")
    life.do("unassign")
    life.do("start", by=ROBOT)
    life.advance(LEASE)
    assert not life.item.robot_rejected


# Q3: what is given back in time was not lost
def test_an_item_that_robots_give_back_is_not_counted_as_lost() -> None:
    life = free(Kind.ACTION)
    for _ in range(4):
        life.do("start", by=ROBOT)
        life.advance(HOUR).do("unassign", by=ROBOT)
    assert not life.item.robot_rejected


# D3: the earliest deadline is the next one
def test_a_lease_and_a_due_date_keep_their_own_moments() -> None:
    life = ticket(settings={"lease": "PT3H", "due": {"within": "PT2H"}})
    life.do("start", by=ROBOT)
    life.advance(4 * HOUR)
    assert [entry.command for entry in life.entries] == ["create", "start", "overdue", "lease_over"]


# a new run goes on with the lease
@LEASED
def test_a_lease_outlives_the_run(kind: Kind) -> None:
    life = held(kind).advance(HOUR)
    life.do("heartbeat", by=ROBOT)
    assert through_json(life.item) == life.item


# C16: a heartbeat is not published, so the store may have an older end of the lease
@LEASED
def test_states_that_differ_by_heartbeats_alone_are_alike(kind: Kind) -> None:
    life = held(kind)
    told = life.state
    assert without_heartbeats(free(kind).state) == free(kind).state
    life.advance(HOUR).do("heartbeat", by=ROBOT)
    assert life.state != told
    assert without_heartbeats(life.state) == without_heartbeats(told)
    life.do("assign", to=OTHER)
    assert without_heartbeats(life.state) != without_heartbeats(told)


# C19: a deadline before the heartbeat has its entry
def test_a_heartbeat_comes_after_the_deadlines_before_it() -> None:
    life = ticket(settings={"lease": "PT3H", "due": {"within": "PT2H"}})
    life.do("start", by=ROBOT)
    life.skip_downtime(2 * HOUR + MOMENT)
    command = decode(Kind.TICKET, "heartbeat", as_json({"by": ROBOT}))
    change = decide(life.item, command, life.now)
    assert [entry.command for entry in change.entries] == ["overdue"]
    assert change.item.lease is not None
    assert change.item.lease.until == life.now + LEASE
