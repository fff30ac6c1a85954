"""Cases with their Actions, wired in memory (K1-K12)."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Outcome, StartedBy, Status, WaitType
from domain.engine.deadlines import next_deadline
from domain.engine.decide import decode_as
from domain.model.definitions import MAX_ACTIONS, CaseDefinition, ItemSettings, ItemTerms
from domain.model.effects import CancelAction
from domain.model.info_card import info_card
from domain.model.states import CaseState
from tests.support.builders import (
    DAY,
    IDA,
    NOW,
    ONE_ACTION,
    ROBOT,
    SERVICE,
    TWO_STEPS,
    WINDOW,
    CaseTree,
    Life,
    as_json,
    case,
    case_draft,
    case_tree,
    start_case,
    starts_of,
)

MAIL: dict[str, Any] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}
THREE_STEPS: dict[str, Any] = {
    "name": "supplier invoice",
    "steps": [
        {"key": "check", "title": "Check it", "actions": [{"key": "read"}, {"key": "match"}]},
        {"key": "pay", "actions": [{"key": "transfer"}, {"key": "sign"}]},
        {"key": "file", "actions": [{"key": "archive"}]},
    ],
}
EMPTY_STEP: dict[str, Any] = {"key": "nothing to do", "actions": []}


def named(definition: dict[str, Any], **terms: Any) -> ItemTerms:  # noqa: ANN401
    """Return the catalog's answer for this Case's definition."""
    return ItemTerms(definition=CaseDefinition.model_validate_json(as_json(definition)), **terms)


def actions_of(tree: CaseTree | Life) -> CaseState:
    state = tree.state
    assert isinstance(state, CaseState)
    return state


def copies(tree: CaseTree) -> list[tuple[str, int, Status, Outcome | None]]:
    return [
        (copy.key, copy.copy_number, copy.status, copy.outcome) for copy in actions_of(tree).actions
    ]


def attention(tree: CaseTree) -> list[tuple[str | None, str]]:
    return [(reason.action, reason.reason) for reason in tree.state.attention]


def in_second_step(**fields: Any) -> CaseTree:  # noqa: ANN401
    """Start a Case with `transfer` and `sign` open, owned by carol and without an assignee."""
    tree = case_tree(**{"definition": THREE_STEPS, "owner": "carol", "settings": WINDOW} | fields)
    tree.complete("read", "match")
    return tree


# K1
def test_a_case_started_by_hand_is_a_draft_until_submitted() -> None:
    life = case_draft()
    assert (life.item.status, life.item.assignee) == (Status.DRAFT, "amy")
    assert life.item.outbox == ()
    life.do("submit")
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, None)


# K1
@pytest.mark.parametrize("text", [None, "", "  "])
def test_a_short_description_is_required_to_submit(text: str | None) -> None:
    life = case_draft(short_description=text)
    refusal = life.refused("submit")
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == ("K1", ("short_description",))
    life.do("edit", short_description="Pay invoice 4711")
    life.do("submit")
    assert life.state.title == "Pay invoice 4711"


# K1, contract: a start that would submit with required fields missing fails
def test_a_start_that_would_submit_without_short_description_fails() -> None:
    with pytest.raises(InvalidCommand) as caught:
        start_case(by=SERVICE)
    assert caught.value.fields == ("short_description",)


# K1
@pytest.mark.parametrize("origin", ["email", "action", "service", "schedule"])
def test_a_case_started_otherwise_is_submitted_at_once_and_that_is_recorded(origin: str) -> None:
    life = case_draft(started_by=origin)
    assert life.item.status is Status.TO_DO
    assert life.state.started_by is StartedBy(origin)
    assert starts_of(life.changes[-1]) == ["read", "match"]


# K1
def test_how_a_case_was_started_is_recorded() -> None:
    assert case_draft().state.started_by is StartedBy.MANUAL
    assert case_draft(submit=True).state.started_by is StartedBy.MANUAL
    assert case_draft(by=SERVICE).state.started_by is StartedBy.SERVICE


# K2
def test_submitting_pins_the_definition_that_the_catalog_has_then() -> None:
    life = case_draft(definition="supplier invoice")
    assert actions_of(life).definition == "supplier invoice"
    life.terms = named(TWO_STEPS)
    assert starts_of(life.do("submit")) == ["read", "match"]
    life.terms = named(ONE_ACTION)
    tree = CaseTree(life)
    tree.complete("read", "match")
    assert [copy.key for copy in tree.case.actions] == ["read", "match", "transfer"]


# K2
def test_a_start_that_submits_pins_the_catalogs_definition() -> None:
    life = case(definition="supplier invoice", terms=named(TWO_STEPS))
    assert starts_of(life.changes[0]) == ["read", "match"]


# K2
def test_an_unknown_definition_is_refused() -> None:
    life = case_draft(definition="unheard of")
    refusal = life.refused("submit")
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == ("K2", ("definition",))
    assert "unheard of" in refusal.sentence
    for command, fields in (("wait", {"type": "pause"}), ("resolve", {})):
        assert life.refused(command, **fields).rule == "K2"
    with pytest.raises(InvalidCommand) as caught:
        case(definition="unheard of")
    assert caught.value.fields == ("definition",)


# K2, T3
@pytest.mark.parametrize(
    "fields",
    [{"definition": ONE_ACTION}, {"definition": "other"}, {"settings": {}}, {"links": []}],
)
def test_the_pinned_definition_is_not_edited(fields: dict[str, Any]) -> None:
    refusal = case().refused("edit", **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule in {"K2", "T3"}
    assert refusal.fields == tuple(fields)


# K2
def test_the_definition_of_a_draft_is_edited() -> None:
    life = case_draft(definition=None)
    life.do("edit", definition="unheard of", owner="carol", data={"amount": 12})
    life.do("edit", definition=ONE_ACTION)
    assert actions_of(life).definition == "errand"
    assert actions_of(life).data == {"amount": 12}
    assert life.item.owner == "carol"
    assert starts_of(life.do("submit")) == ["run"]


# K2
def test_a_definition_that_was_edited_to_a_name_is_looked_up_on_submit() -> None:
    life = case_draft(definition=ONE_ACTION)
    life.do("edit", definition="supplier invoice")
    life.terms = named(TWO_STEPS)
    assert starts_of(life.do("submit")) == ["read", "match"]


# K2
@pytest.mark.parametrize(
    "definition",
    [
        {"name": "x"},
        {"steps": []},
        {"name": "", "steps": []},
        {"name": "x", "steps": [{"key": "a"}, {"key": "a"}]},
        {
            "name": "x",
            "steps": [
                {"key": "a", "actions": [{"key": "run"}]},
                {"key": "b", "actions": [{"key": "run"}]},
            ],
        },
        {"name": "x", "steps": [{"key": "a", "actions": [{"key": "run", "kind": "send_mail"}]}]},
        {"name": "x", "steps": [{"key": "a", "actions": [{"key": "run", "when": "amount > 3"}]}]},
        {"name": "x", "steps": [{"key": "a", "actions": [{"title": "no key"}]}]},
        {"name": "x", "steps": [{"key": "a", "actions": [{"key": "a", "performer": "cat"}]}]},
        {"name": "x", "steps": [{"key": "a\n"}]},
        {"name": "x", "steps": [{"key": "a", "surprise": 1}]},
        {"name": "x", "steps": {"key": "a"}},
        {"name": "x", "version": True, "steps": []},
        {"name": "x", "steps": [{"key": "a", "title": "t" * 301}]},
        {"name": "x", "steps": [{"key": f"{n}", "title": "t" * 300} for n in range(200)]},
        7,
    ],
)
def test_a_definition_is_checked(definition: object) -> None:
    with pytest.raises(ValidationError):
        case_draft(definition=definition)


# K2, K4: the definition says who does an Action and where it queues
def test_an_action_is_started_as_its_definition_says() -> None:
    tree = case_tree(
        queue="invoices",
        primary_contact=IDA,
        requester=IDA,
        definition={
            "name": "x",
            "version": "2026-03",
            "steps": [
                {
                    "key": "a",
                    "actions": [
                        {"key": "one", "title": "One", "queue": "scans", "performer": "robot"},
                        {"key": "two", "due": {"within": "P1D"}},
                    ],
                }
            ],
        },
    )
    one, two = tree.action("one"), tree.action("two")
    assert (one.state.title, one.item.queue) == ("One", "scans")
    assert (two.state.title, two.item.queue) == ("two", "invoices")
    assert (one.state.due_at, two.state.due_at) == (None, NOW + DAY)
    assert one.state.primary_contact == tree.state.primary_contact is not None
    assert one.state.requester == tree.state.requester is not None


# K2, contract: queue is by default the definition's
def test_the_queue_is_the_starts_else_the_definitions_else_the_catalogs() -> None:
    queued = {**ONE_ACTION, "queue": "invoices"}
    assert case(definition=queued).item.queue == "invoices"
    assert case(definition=queued, queue="mine").item.queue == "mine"
    assert case(definition=ONE_ACTION).item.queue == "default"
    assert case(definition="errand", terms=named(queued)).item.queue == "invoices"
    life = case(definition="errand", terms=named(ONE_ACTION, queue="cases"))
    assert life.item.queue == "cases"


# K2, contract: settings go before the definition's, those before the catalog's
def test_a_starts_settings_go_before_the_definitions() -> None:
    defined = {**ONE_ACTION, "settings": {"feedback_window": "P2D"}}
    for settings, days in (({}, 2), ({"feedback_window": "P7D"}, 7)):
        tree = case_tree(definition=defined, settings=settings)
        tree.complete("run")
        assert tree.state.closes_at == NOW + days * DAY
    terms = named(
        defined, settings=ItemSettings.model_validate_json('{"resolution_evidence": true}')
    )
    tree = case_tree(definition="errand", terms=terms)
    tree.complete("run")
    assert tree.state.closes_at == NOW + 2 * DAY


# K3
@pytest.mark.parametrize(
    ("command", "fields"), [("start", {}), ("edit", {"short_description": "Pay it"})]
)
def test_the_first_person_who_picks_a_case_up_becomes_its_owner(
    command: str, fields: dict[str, Any]
) -> None:
    life = case()
    life.do("start", by=ROBOT)
    assert life.do("unassign").item.owner is None
    assert life.do("assign", to="dan").item.owner is None
    life.do("unassign")
    life.do(command, by="bob", **fields)
    assert (life.item.assignee, life.item.owner) == ("bob", "bob")
    life.do("unassign")
    life.do("start", by="carol")
    assert (life.item.assignee, life.item.owner) == ("carol", "bob")


# K3
def test_a_case_started_with_an_owner_keeps_it() -> None:
    life = case(owner="carol")
    life.do("start", by="bob")
    life.do("assign", to="dan")
    life.do("set_to_do", by="dan")
    assert life.item.owner == "carol"


# K3
def test_a_person_who_takes_a_case_over_from_a_robot_picks_it_up() -> None:
    life = case()
    life.do("start", by=ROBOT)
    life.do("start", by="bob", take_over=True)
    assert (life.item.assignee, life.item.owner) == ("bob", "bob")


# K3, C9
@pytest.mark.parametrize("owner", [ROBOT, SERVICE, "system", "", "  "])
def test_a_case_is_not_started_with_an_owner_who_is_no_person(owner: str) -> None:
    with pytest.raises(ValidationError):
        case(owner=owner)


# K3: the work on its Actions is not work on the Case
def test_working_on_an_action_picks_no_case_up() -> None:
    tree = case_tree()
    tree.act("read", "start")
    tree.complete("read")
    assert (tree.case.status, tree.case.assignee, tree.case.owner) == (Status.TO_DO, None, None)


# K4
def test_submitting_starts_the_actions_of_the_first_step_side_by_side() -> None:
    life = case_draft()
    change = life.do("submit")
    assert starts_of(change) == ["read", "match"]
    tree = CaseTree(life)
    assert tree.started == ["C-7F3K9Q2D-A1", "C-7F3K9Q2D-A2"]
    assert copies(tree) == [
        ("read", 1, Status.TO_DO, None),
        ("match", 1, Status.TO_DO, None),
    ]
    assert actions_of(tree).step == "check"


# K4
def test_the_next_step_starts_when_each_action_of_this_one_is_complete() -> None:
    tree = case_tree()
    tree.complete("match")
    assert [copy.key for copy in tree.case.actions] == ["read", "match"]
    assert actions_of(tree).step == "check"
    tree.complete("read")
    assert copies(tree) == [
        ("read", 1, Status.CLOSED, Outcome.COMPLETE),
        ("match", 1, Status.CLOSED, Outcome.COMPLETE),
        ("transfer", 1, Status.TO_DO, None),
    ]
    assert actions_of(tree).step == "pay"


# K4
def test_after_the_last_step_the_case_is_resolved() -> None:
    tree = case_tree(settings=WINDOW, owner="carol")
    tree.do("start", by="bob")
    tree.complete("read", "match", "transfer")
    assert (tree.case.status, tree.case.assignee, tree.case.owner) == (
        Status.RESOLVED,
        None,
        "carol",
    )
    resolution = tree.state.resolution
    assert resolution
    assert (resolution.outcome, resolution.method) == ("complete", None)
    assert tree.state.closes_at == NOW + 10 * DAY
    assert actions_of(tree).step is None
    assert not tree.case.cancelled
    tree.advance(10 * DAY)
    assert tree.case.status is Status.CLOSED
    assert tree.life.last.by == "system"


# K4, T11
def test_without_a_window_a_finished_case_is_closed_at_once() -> None:
    tree = case_tree()
    tree.complete("read", "match", "transfer")
    assert tree.case.status is Status.CLOSED


# K4
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_step_with_nothing_to_do_is_done_at_once(place: int) -> None:
    steps = list(TWO_STEPS["steps"])
    steps.insert(place, EMPTY_STEP)
    tree = case_tree(definition={**TWO_STEPS, "steps": steps}, settings=WINDOW)
    tree.complete("read", "match", "transfer")
    assert tree.case.status is Status.RESOLVED


# K4
def test_a_flow_with_nothing_to_do_is_resolved_when_it_is_submitted() -> None:
    flow = {"name": "x", "steps": [EMPTY_STEP, {**EMPTY_STEP, "key": "nor here"}]}
    life = case_draft(definition=flow, settings=WINDOW)
    life.do("submit")
    assert life.item.status is Status.RESOLVED


# K4: without a definition there is no flow that could end
def test_a_case_without_a_definition_is_worked_on_by_hand() -> None:
    life = case(definition=None, settings=WINDOW)
    assert (life.item.status, actions_of(life).definition, actions_of(life).step) == (
        Status.TO_DO,
        None,
        None,
    )
    life.do("start")
    life.do("resolve")
    assert life.item.status is Status.RESOLVED


# K4
def test_an_ad_hoc_action_belongs_to_the_step_under_way() -> None:
    tree = case_tree()
    tree.do("start_action", action={"title": "Ask the bank", "queue": "bank"})
    assert len(tree.case.actions) == 3
    ad_hoc = tree.actions["C-7F3K9Q2D-A3"]
    assert (ad_hoc.state.title, ad_hoc.item.queue) == ("Ask the bank", "bank")
    tree.complete("read", "match")
    assert actions_of(tree).step == "check"
    ad_hoc.do("resolve", outcome="complete")
    tree.settle()
    assert actions_of(tree).step == "pay"


# K4
def test_a_case_resolved_straight_from_draft_starts_no_actions() -> None:
    life = case_draft(settings=WINDOW)
    change = life.do("resolve")
    assert starts_of(change) == []
    assert life.item.status is Status.RESOLVED
    assert actions_of(life).actions == ()


# K4
@pytest.mark.parametrize("way", ["reopen", "mail"])
@pytest.mark.parametrize("from_draft", [True, False])
def test_the_flow_of_a_reopened_case_stays_ended(way: str, from_draft: bool) -> None:  # noqa: FBT001
    if from_draft:
        life = case_draft(settings=WINDOW)
        life.do("resolve")
        tree = CaseTree(life)
    else:
        tree = case_tree(settings=WINDOW)
        tree.complete("read", "match", "transfer")
    before = copies(tree)
    if way == "reopen":
        tree.do("reopen")
    else:
        tree.do("receive_email", by="system", **MAIL)
    tree.do("start", by=tree.case.assignee or "amy", take_over=True)
    tree.do("wait", type="until", until=NOW + DAY, take_over=True)
    tree.advance(DAY)
    assert tree.state.status is Status.TO_DO
    assert copies(tree) == before
    tree.do("resolve", take_over=True)
    assert tree.case.status is Status.RESOLVED


# K4
def test_a_rework_starts_the_flow_of_a_reopened_case_again() -> None:
    tree = case_tree(settings=WINDOW)
    tree.complete("read", "match", "transfer")
    tree.do("reopen")
    tree.do("rework", step="pay")
    assert copies(tree)[-1] == ("transfer", 2, Status.TO_DO, None)
    tree.complete("transfer")
    assert tree.case.status is Status.RESOLVED


# K4
def test_a_started_action_starts_the_flow_of_a_reopened_case_again() -> None:
    tree = case_tree(settings=WINDOW)
    tree.complete("read", "match", "transfer")
    tree.do("reopen")
    tree.do("start_action", action={"title": "Ask the bank"})
    assert tree.state.status is Status.TO_DO
    tree.actions[tree.started[-1]].do("resolve", outcome="complete")
    tree.settle()
    assert tree.case.status is Status.RESOLVED


# Chapter 10, start_action on Resolved
@pytest.mark.parametrize("owner", [None, "carol"])
def test_an_action_started_on_a_resolved_case_reopens_it(owner: str | None) -> None:
    tree = case_tree(settings=WINDOW, owner=owner)
    tree.complete("read", "match", "transfer")
    by = owner or "bob"
    change = tree.life.do("start_action", by=by, action={"title": "Ask the bank"})
    assert len(starts_of(change)) == 1
    assert (tree.case.status, tree.case.assignee) == (Status.TO_DO, by)
    assert tree.state.resolution is None
    assert tree.state.closes_at is None


WAITS: list[dict[str, Any]] = [
    {"type": "more_information", "waiting_for": "customer"},
    {"type": "until", "until": NOW + DAY},
    {"type": "pause"},
]
BY_TYPE = pytest.mark.parametrize("wait", WAITS, ids=lambda wait: str(wait["type"]))


# K5
@BY_TYPE
def test_while_a_case_waits_its_flow_starts_nothing_and_goes_on_afterwards(
    wait: dict[str, Any],
) -> None:
    tree = case_tree()
    tree.do("start")
    tree.do("wait", **wait)
    tree.complete("read", "match")
    assert tree.case.status is Status.WAIT
    assert copies(tree) == [
        ("read", 1, Status.CLOSED, Outcome.COMPLETE),
        ("match", 1, Status.CLOSED, Outcome.COMPLETE),
    ]
    if wait["type"] == "more_information":
        tree.do("receive_email", by="system", **MAIL)
    elif wait["type"] == "until":
        tree.advance(DAY)
    else:
        tree.do("resume")
    assert copies(tree)[-1] == ("transfer", 1, Status.TO_DO, None)
    assert actions_of(tree).step == "pay"


# K5
@BY_TYPE
def test_no_action_is_started_by_hand_while_the_case_waits(wait: dict[str, Any]) -> None:
    tree = case_tree()
    tree.do("start")
    tree.do("wait", **wait)
    for action in ("read", {"title": "Ask the bank"}):
        refusal = tree.refused("start_action", action=action)
        assert isinstance(refusal, NotAllowed)
    assert len(tree.case.actions) == 2


# K5: another wait is no end of the wait
def test_replacing_a_wait_starts_nothing() -> None:
    tree = case_tree()
    tree.do("start")
    tree.do("wait", type="pause")
    tree.complete("read", "match")
    assert starts_of(tree.do("wait", type="more_information")) == []
    assert len(tree.case.actions) == 2


# K5, K4
def test_a_case_whose_last_action_ended_while_it_waited_is_resolved_when_the_wait_ends() -> None:
    tree = case_tree(definition=ONE_ACTION, settings=WINDOW)
    tree.do("start")
    tree.do("wait", type="pause")
    tree.complete("run")
    assert tree.case.status is Status.WAIT
    tree.do("resume")
    assert (tree.case.status, tree.case.assignee) == (Status.RESOLVED, None)


# K5: a running Action is not stopped by its Case's wait
def test_running_actions_are_picked_up_and_finished_while_the_case_waits() -> None:
    tree = case_tree()
    tree.do("wait", type="pause")
    tree.act("read", "start")
    tree.act("read", "resolve", outcome="complete")
    assert tree.action("read").item.status is Status.CLOSED
    assert tree.case.status is Status.WAIT


# K6
@BY_TYPE
def test_a_case_waits_for_information_until_a_moment_or_paused(wait: dict[str, Any]) -> None:
    tree = case_tree()
    tree.do("start")
    tree.do("wait", reason="the bank is closed", **wait)
    current_wait = tree.state.wait
    assert current_wait
    assert current_wait.type == wait["type"]
    assert current_wait.waiting_for == wait.get("waiting_for")
    assert current_wait.until == wait.get("until")
    assert tree.life.last.reason == "the bank is closed"


# K6
def test_a_pause_is_ended_by_a_person_only() -> None:
    tree = case_tree(settings={"due": {"within": "P1D", "add_wait_time": True}})
    tree.do("start")
    tree.do("wait", type="pause")
    assert next_deadline(tree.case) is None
    tree.advance(1000 * DAY)
    tree.do("receive_email", by="system", **MAIL)
    tree.do("feedback", by="system", rating=1)
    assert tree.case.wait
    assert tree.case.wait.type is WaitType.PAUSE
    tree.do("resume")
    assert tree.case.status is Status.IN_PROGRESS


# K6
def test_days_to_wait_are_for_tickets_alone() -> None:
    tree = case_tree()
    refusal = tree.refused("wait", type="more_information", days_to_wait=2)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "K6"


# K7
@pytest.mark.parametrize("holder", [None, "bob", ROBOT, "carol"])
def test_a_failed_action_brings_the_case_to_its_owner_with_the_reason(holder: str | None) -> None:
    tree = case_tree(owner="carol", settings={"notify": ["lead@example.org", "desk@example.org"]})
    if holder:
        tree.do("start", by=holder)
    tree.fail("read", "no such supplier")
    assert (tree.case.status, tree.case.assignee) == (Status.TO_DO, "carol")
    assert tree.case.new_information
    assert attention(tree) == [("read", "no such supplier")]
    (mail,) = tree.life.changes[-1].mails
    assert mail.accounts == ("carol",)
    assert mail.to == ("lead@example.org", "desk@example.org")
    assert "no such supplier" in mail.body
    assert "read" in f"{mail.subject} {mail.body}"
    assert "C-7F3K9Q2D" in f"{mail.subject} {mail.body}"


# K7
def test_a_failed_action_brings_a_case_without_owner_to_its_queue() -> None:
    tree = case_tree(queue="invoices", settings={"notify": ["lead@example.org"]})
    tree.do("start", by=ROBOT)
    tree.fail("read")
    assert (tree.case.status, tree.case.assignee, tree.case.queue) == (
        Status.TO_DO,
        None,
        "invoices",
    )
    assert tree.case.new_information
    (mail,) = tree.life.changes[-1].mails
    assert (mail.to, mail.accounts) == (("lead@example.org",), ())


# K7
def test_nobody_is_told_by_mail_where_there_is_nobody() -> None:
    tree = case_tree()
    tree.fail("read")
    assert tree.life.changes[-1].mails == ()
    assert attention(tree) == [("read", "no such supplier")]


# K7
def test_running_siblings_go_on_and_the_flow_starts_nothing_while_attention_is_needed() -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.act("sign", "start")
    tree.complete("sign")
    assert tree.action("sign").item.status is Status.CLOSED
    tree.do("start", by="carol")
    tree.do("wait", by="carol", type="until", until=NOW + DAY)
    tree.advance(DAY)
    assert [copy.key for copy in tree.case.actions] == ["read", "match", "transfer", "sign"]
    assert attention(tree) == [("transfer", "no such supplier")]


# K7
def test_a_second_failure_adds_a_second_reason() -> None:
    tree = in_second_step()
    tree.fail("transfer", "account closed")
    tree.do("start", by="carol")
    tree.fail("sign", "nobody there")
    assert attention(tree) == [("transfer", "account closed"), ("sign", "nobody there")]
    assert (tree.case.status, tree.case.assignee) == (Status.TO_DO, "carol")
    (mail,) = tree.life.changes[-1].mails
    assert "nobody there" in mail.body


# K7
@pytest.mark.parametrize("wait", WAITS[:2], ids=lambda wait: str(wait["type"]))
def test_a_failure_ends_a_wait_for_information_or_until_a_moment(wait: dict[str, Any]) -> None:
    tree = case_tree(owner="carol")
    tree.do("start", by="bob")
    tree.do("wait", by="bob", **wait)
    tree.fail("read")
    assert (tree.case.status, tree.case.assignee, tree.case.wait) == (
        Status.TO_DO,
        "carol",
        None,
    )
    assert next_deadline(tree.case) is None


# K7
def test_a_failure_leaves_a_paused_case_paused_and_flags_it() -> None:
    tree = case_tree(owner="carol")
    tree.do("wait", by="carol", type="pause")
    tree.fail("read")
    assert (tree.case.status, tree.case.assignee, tree.case.owner) == (
        Status.WAIT,
        None,
        "carol",
    )
    assert tree.case.new_information
    assert attention(tree) == [("read", "no such supplier")]
    (mail,) = tree.life.changes[-1].mails
    assert mail.accounts == ("carol",)
    tree.do("resume", by="carol")
    assert tree.case.status is Status.IN_PROGRESS
    tree.complete("match")
    assert len(tree.case.actions) == 2


# K7, C21: an Action that ended cancelled without its Case having asked is not done either
def test_an_action_that_reports_cancelled_by_itself_is_not_done() -> None:
    tree = case_tree(definition=ONE_ACTION, owner="carol")
    tree.life.do(
        "action_ended",
        by="system",
        case_run="run-1",
        reference="C-7F3K9Q2D-A1",
        outcome="cancelled",
    )
    assert tree.case.status is Status.TO_DO
    assert [reason.action for reason in tree.state.attention] == ["run"]


STEERING: list[tuple[str, dict[str, Any]]] = [
    ("rework", {"step": "check"}),
    ("wait", {"type": "pause"}),
    ("start_action", {"action": {"title": "Ask the bank"}}),
    ("reset_in_progress", {}),
    ("cancel", {}),
]
BY_STEERING = pytest.mark.parametrize(
    ("command", "fields"), STEERING, ids=[command for command, _ in STEERING]
)


# K8
@BY_STEERING
@pytest.mark.parametrize("actor", ["bob", ROBOT, SERVICE])
def test_the_owner_alone_steers_the_flow(command: str, fields: dict[str, Any], actor: str) -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.do("unassign", by="carol")
    refusal = tree.refused(command, by=actor, **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "K8"
    assert "carol" in refusal.sentence
    tree.do(command, by="carol", **fields)


# K8
@BY_STEERING
def test_even_who_has_a_case_does_not_steer_for_its_owner(
    command: str, fields: dict[str, Any]
) -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.do("start", by="bob", take_over=True)
    assert tree.refused(command, by="bob", **fields).rule == "K8"


# K8
@BY_STEERING
def test_the_owner_steers_a_case_that_somebody_else_has(
    command: str, fields: dict[str, Any]
) -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.do("start", by="bob", take_over=True)
    if command == "wait":
        assert tree.refused(command, by="carol", **fields).rule == "C8"
        fields = {**fields, "take_over": True}
    tree.do(command, by="carol", **fields)


# K8
@BY_STEERING
def test_anyone_steers_a_case_without_owner(command: str, fields: dict[str, Any]) -> None:
    tree = in_second_step(owner=None)
    tree.fail("transfer")
    assert tree.case.owner is None
    tree.do(command, by="bob", **fields)


# K8: other waits are not the owner's alone
def test_whoever_has_a_case_parks_it_for_information() -> None:
    tree = in_second_step()
    tree.do("start", by="bob")
    tree.do("wait", by="bob", type="more_information")
    assert (tree.case.status, tree.case.owner) == (Status.WAIT, "carol")


# K9
def test_reset_accepts_the_failed_actions_as_not_done_and_goes_on() -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.complete("sign")
    (entry,) = tree.do("reset_in_progress", by="carol").entries
    assert (entry.before, entry.after) == (Status.TO_DO, Status.IN_PROGRESS)
    assert (tree.case.status, tree.case.assignee) == (Status.IN_PROGRESS, "carol")
    assert attention(tree) == []
    assert actions_of(tree).step == "file"
    assert copies(tree)[-1] == ("archive", 1, Status.TO_DO, None)
    assert ("transfer", 1, Status.CLOSED, Outcome.UNABLE_TO_COMPLETE) in copies(tree)


# K9
def test_after_a_reset_the_running_siblings_are_still_waited_for() -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.do("reset_in_progress", by="carol")
    assert actions_of(tree).step == "pay"
    tree.complete("sign")
    assert actions_of(tree).step == "file"


# K9
def test_a_reset_accepts_every_failure() -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.fail("sign")
    tree.do("reset_in_progress", by="carol")
    assert attention(tree) == []
    assert actions_of(tree).step == "file"


# K9, K4
def test_a_reset_in_the_last_step_resolves_the_case() -> None:
    tree = case_tree(definition=ONE_ACTION, settings=WINDOW)
    tree.fail("run")
    tree.do("reset_in_progress", by="bob")
    assert (tree.case.status, tree.case.assignee) == (Status.RESOLVED, None)
    assert attention(tree) == []


# K9
def test_a_reset_without_need_is_refused() -> None:
    tree = in_second_step()
    refusal = tree.refused("reset_in_progress", by="carol")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "K9"


# K9: what failed after a reset needs attention again
def test_a_failure_after_a_reset_needs_attention_again() -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.do("reset_in_progress", by="carol")
    tree.fail("sign", "nobody there")
    assert attention(tree) == [("sign", "nobody there")]
    assert tree.case.status is Status.TO_DO


# K9
@pytest.mark.parametrize("by_reference", [True, False])
def test_restarting_a_failed_action_starts_a_new_copy_and_clears_its_reason(
    by_reference: bool,  # noqa: FBT001
) -> None:
    tree = in_second_step()
    tree.fail("transfer")
    key = tree.action("transfer").item.reference if by_reference else "transfer"
    change = tree.do("start_action", by="carol", action=key)
    assert change.entries[-1].command == "start_action"
    assert attention(tree) == []
    assert (tree.case.status, tree.case.assignee) == (Status.IN_PROGRESS, "carol")
    assert copies(tree)[-1] == ("transfer", 2, Status.TO_DO, None)
    tree.complete("sign")
    assert actions_of(tree).step == "pay"
    tree.complete("transfer")
    assert actions_of(tree).step == "file"


# K9
def test_a_case_with_a_reason_left_stays_to_do() -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.fail("sign")
    tree.do("start_action", by="carol", action="transfer")
    assert attention(tree) == [("sign", "no such supplier")]
    assert tree.state.status is Status.TO_DO
    tree.do("start_action", by="carol", action="sign")
    assert attention(tree) == []
    assert tree.case.status is Status.IN_PROGRESS
    tree.complete("transfer", "sign")
    assert actions_of(tree).step == "file"


# K9, K7: while attention is needed it is the flow that starts nothing; people may
def test_an_ad_hoc_action_is_started_while_attention_is_needed_and_clears_nothing() -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.do("start_action", by="carol", action={"title": "Ask the bank"})
    assert attention(tree) == [("transfer", "no such supplier")]
    assert tree.case.status is Status.TO_DO
    assert copies(tree)[-1][3] is None


# K9
def test_a_failed_ad_hoc_action_is_restarted_too() -> None:
    tree = in_second_step()
    tree.do("start_action", by="carol", action={"title": "Ask the bank", "queue": "bank"})
    key = tree.case.actions[-1].key
    tree.fail(key)
    tree.do("start_action", by="carol", action=key)
    assert attention(tree) == []
    again = tree.action(key)
    assert (again.state.title, again.item.queue) == ("Ask the bank", "bank")
    assert copies(tree)[-1][:2] == (key, 2)


# K8, contract: a key of the definition
def test_an_action_that_is_not_of_the_definition_is_not_started() -> None:
    refusal = in_second_step().refused("start_action", by="carol", action="dance")
    assert isinstance(refusal, NotAllowed)
    assert refusal.fields == ("action",)
    assert "dance" in refusal.sentence
    assert isinstance(case(definition=None).refused("start_action", action="read"), NotAllowed)


# contract: an ad-hoc Action has a title
@pytest.mark.parametrize(
    "action", [{}, {"title": ""}, {"title": "x", "surprise": 1}, "", [], 7, None, {"title": "a\n"}]
)
def test_an_ad_hoc_action_is_checked(action: object) -> None:
    refusal = case_tree().refused("start_action", action=action)
    assert isinstance(refusal, InvalidCommand)
    assert {field.split(".")[0] for field in refusal.fields} == {"action"}


# K8: a Case that has no flow may still have Actions by hand
def test_an_ad_hoc_action_of_a_case_without_definition_is_done_like_any_other() -> None:
    tree = case_tree(definition=None, settings=WINDOW)
    tree.do("start_action", action={"title": "Ask the bank"})
    assert tree.refused("resolve").rule == "K11"
    tree.actions[tree.started[-1]].do("resolve", outcome="complete")
    tree.settle()
    assert tree.case.open_actions == ()
    if tree.case.status is not Status.RESOLVED:
        tree.do("resolve")
    assert tree.case.status is Status.RESOLVED


# K10
def test_rework_from_a_step_starts_copies_and_keeps_what_was_done() -> None:
    tree = in_second_step()
    tree.do("start", by="carol")
    tree.do("add_note", by="carol", text="the wrong invoice")
    entries = len(tree.case.log.timeline)
    change = tree.do("rework", by="carol", step="check", reason="the wrong invoice")
    assert (tree.case.status, tree.case.assignee) == (Status.IN_PROGRESS, "carol")
    assert change.entries[-1].reason
    assert "the wrong invoice" in (change.entries[-1].reason or "")
    assert copies(tree)[:6] == [
        ("read", 1, Status.CLOSED, Outcome.COMPLETE),
        ("match", 1, Status.CLOSED, Outcome.COMPLETE),
        ("transfer", 1, Status.CLOSED, Outcome.CANCELLED),
        ("sign", 1, Status.CLOSED, Outcome.CANCELLED),
        ("read", 2, Status.TO_DO, None),
        ("match", 2, Status.TO_DO, None),
    ]
    assert len(tree.case.log.timeline) > entries
    assert actions_of(tree).step == "check"
    assert [copy.reference for copy in tree.case.actions] == [
        f"C-7F3K9Q2D-A{n}" for n in range(1, 7)
    ]
    tree.complete("read", "match")
    assert copies(tree)[-2:] == [
        ("transfer", 2, Status.TO_DO, None),
        ("sign", 2, Status.TO_DO, None),
    ]
    tree.complete("transfer", "sign", "archive")
    assert tree.case.status is Status.RESOLVED


# K10
def test_rework_closes_the_running_actions_of_the_flow_as_cancelled() -> None:
    tree = in_second_step()
    running = [tree.action("transfer"), tree.action("sign")]
    running[0].do("start", by="bob")
    tree.do("rework", by="carol", step="check")
    for life in running:
        assert life.item.status is Status.CLOSED
        assert life.item.resolution
        assert life.item.resolution.outcome is Outcome.CANCELLED
        assert "rework" in (life.item.resolution.reason or "")


# K10
def test_rework_clears_attention() -> None:
    tree = in_second_step()
    tree.fail("transfer")
    tree.do("rework", by="carol", step="check")
    assert attention(tree) == []
    assert tree.state.status is Status.IN_PROGRESS
    tree.complete("read", "match", "transfer", "sign", "archive")
    assert tree.case.status is Status.RESOLVED


# K10
@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: str(wait["type"]))
def test_rework_ends_a_wait(wait: dict[str, Any]) -> None:
    tree = in_second_step()
    tree.do("wait", by="carol", **wait)
    tree.do("rework", by="carol", step="check")
    assert (tree.case.status, tree.case.assignee, tree.case.wait) == (
        Status.IN_PROGRESS,
        "carol",
        None,
    )
    assert copies(tree)[-1][:2] == ("match", 2)
    assert next_deadline(tree.case) is None


# K10
def test_a_late_report_of_a_replaced_copy_is_recorded_and_changes_nothing() -> None:
    tree = in_second_step()
    tree.life.do("rework", by="carol", step="check")
    late = tree.action("transfer").do("resolve", outcome="unable_to_complete", reason="too late")
    assert late.item.status is Status.CLOSED
    before = actions_of(tree)
    tree.settle()
    after = actions_of(tree)
    assert after.revision > before.revision
    unchanged = {"revision", "changed_at"}
    assert after.model_dump(exclude=unchanged) == before.model_dump(exclude=unchanged)
    assert any("C-7F3K9Q2D-A3" in (entry.reason or "") for entry in tree.life.entries)


# K10, A4: a copy that ended as it was told says nothing new
def test_the_report_of_an_action_that_the_case_itself_ended_changes_nothing() -> None:
    tree = in_second_step()
    tree.do("rework", by="carol", step="check")
    assert tree.reported[-2:] == ["C-7F3K9Q2D-A3", "C-7F3K9Q2D-A4"]
    assert tree.life.last.command == "rework"
    assert attention(tree) == []


# K8
@pytest.mark.parametrize("step", ["file", "unheard of"])
def test_rework_from_a_step_that_was_not_reached_is_refused(step: str) -> None:
    refusal = in_second_step().refused("rework", by="carol", step=step)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule in {"K8", "K10"}
    assert refusal.fields == ("step",)


# K8
def test_rework_of_chosen_ended_actions_of_this_step() -> None:
    tree = in_second_step()
    tree.complete("transfer")
    tree.do("rework", by="carol", actions=["transfer"], reason="wrong amount")
    assert (tree.case.status, tree.case.assignee) == (Status.IN_PROGRESS, "carol")
    assert ("transfer", 2, Status.TO_DO, None) in copies(tree)
    assert actions_of(tree).step == "pay"
    tree.complete("transfer")
    tree.complete("sign")
    assert actions_of(tree).step == "file"


# K8, K10
def test_an_action_that_is_chosen_twice_is_reworked_once() -> None:
    tree = in_second_step()
    tree.complete("transfer")
    reference = tree.action("transfer").item.reference
    tree.do("rework", by="carol", actions=["transfer", reference, "transfer"])
    assert [copy.copy_number for copy in tree.case.actions if copy.key == "transfer"] == [1, 2]


# K8
@pytest.mark.parametrize(
    "actions", [["sign"], ["read"], ["archive"], ["dance"], ["transfer", "sign"]]
)
def test_only_ended_actions_of_this_step_are_chosen_for_rework(actions: list[str]) -> None:
    tree = in_second_step()
    tree.complete("transfer")
    refusal = tree.refused("rework", by="carol", actions=actions)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule in {"K8", "K10"}
    assert refusal.fields == ("actions",)


# K8
@pytest.mark.parametrize(
    "fields",
    [{}, {"step": "check", "actions": ["read"]}, {"actions": []}, {"step": 1}, {"actions": "read"}],
)
def test_rework_is_from_a_step_or_from_actions(fields: dict[str, Any]) -> None:
    assert isinstance(in_second_step().refused("rework", by="carol", **fields), InvalidCommand)


# K10, chapter 10
def test_rework_of_a_resolved_or_closed_case_is_refused() -> None:
    tree = case_tree(settings=WINDOW)
    tree.complete("read", "match", "transfer")
    assert isinstance(tree.refused("rework", step="check"), NotAllowed)
    tree.advance(30 * DAY)
    assert tree.refused("rework", step="check").rule == "C15"


# K11
def test_resolving_by_hand_with_open_actions_is_refused_and_lists_them() -> None:
    tree = in_second_step()
    tree.do("start", by="carol")
    tree.complete("transfer")
    tree.do("start_action", by="carol", action={"title": "Ask the bank"})
    refusal = tree.refused("resolve", by="carol")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "K11"
    for copy in tree.case.open_actions:
        assert copy.reference in refusal.sentence
    assert tree.action("transfer").item.reference not in refusal.sentence
    assert len(tree.case.open_actions) == 2


# K11
def test_a_case_is_resolved_by_hand_without_evidence() -> None:
    tree = case_tree(definition=ONE_ACTION, settings={**WINDOW, "resolution_evidence": True})
    tree.fail("run")
    tree.do("resolve", by="bob")
    assert tree.case.status is Status.RESOLVED
    assert tree.case.resolution
    assert tree.case.resolution.outcome is Outcome.COMPLETE


# K7, K11, K12: who ends a Case accepts what failed in it
@pytest.mark.parametrize("command", ["resolve", "cancel"])
def test_a_case_that_was_ended_by_hand_needs_no_attention_any_more(command: str) -> None:
    tree = case_tree(definition=ONE_ACTION, settings=WINDOW)
    tree.fail("run")
    tree.do(command)
    assert attention(tree) == []
    if command == "resolve":
        tree.do("reopen")
        assert attention(tree) == []


# K11, T9: evidence is marked where it is given
def test_the_note_of_a_resolve_by_hand_is_kept() -> None:
    life = case(definition=None)
    life.do("resolve", note="done by phone")
    assert life.last.note == "done by phone"


# K12
def test_cancel_closes_the_case_at_once_without_a_window() -> None:
    tree = in_second_step()
    (entry,) = tree.do("cancel", by="carol", reason="not ours").entries
    assert (entry.before, entry.after, entry.reason) == (
        Status.TO_DO,
        Status.CLOSED,
        "not ours",
    )
    assert tree.case.cancelled
    assert tree.state.cancelled
    assert (tree.state.closes_at, tree.case.assignee) == (None, None)
    resolution = tree.state.resolution
    assert resolution
    assert (resolution.outcome, resolution.reason) == ("cancelled", "not ours")
    assert next_deadline(tree.case) is None


# K12
def test_a_cancelled_case_is_never_reopened_and_whoever_opens_it_is_told_so() -> None:
    tree = in_second_step()
    assert "aborted" not in info_card(tree.case)
    tree.do("cancel", by="carol")
    for command in ("reopen", "start"):
        assert tree.refused(command, by="carol").rule in {"K12", "C15"}
    assert tree.refused("receive_email", by="system", **MAIL).rule in {"K12", "C15"}
    assert "aborted" in info_card(tree.case)


# K12
def test_the_open_actions_of_a_cancelled_case_follow() -> None:
    tree = in_second_step()
    tree.action("sign").do("start", by="bob")
    change = tree.life.do("cancel", by="carol", reason="not ours")
    assert [
        effect.reference for effect in change.item.outbox if isinstance(effect, CancelAction)
    ] == ["C-7F3K9Q2D-A3", "C-7F3K9Q2D-A4"]
    assert [copy[2:] for copy in copies(tree)] == [
        (Status.CLOSED, Outcome.COMPLETE),
        (Status.CLOSED, Outcome.COMPLETE),
        (Status.CLOSED, Outcome.CANCELLED),
        (Status.CLOSED, Outcome.CANCELLED),
    ]
    tree.settle()
    for key in ("transfer", "sign"):
        item = tree.action(key).item
        assert item.status is Status.CLOSED
        assert item.resolution
        assert item.resolution.outcome is Outcome.CANCELLED


# K12
def test_an_action_that_follows_its_case_says_why_it_ended() -> None:
    for fields, reason in (({}, "cancelled"), ({"reason": "not ours"}, "not ours")):
        tree = case_tree()
        tree.do("cancel", **fields)
        resolution = tree.action("read").state.resolution
        assert resolution
        assert reason in (resolution.reason or "")


# K12
@pytest.mark.parametrize("status", [Status.IN_PROGRESS, Status.WAIT, Status.RESOLVED])
def test_a_case_is_cancelled_in_every_status(status: Status) -> None:
    tree = case_tree(owner="carol", settings=WINDOW)
    match status:
        case Status.IN_PROGRESS:
            tree.do("start", by="bob")
        case Status.WAIT:
            tree.do("wait", by="carol", type="pause")
        case _:
            tree.complete("read", "match", "transfer")
    assert tree.case.status is status
    tree.do("cancel", by="carol")
    assert (tree.case.status, tree.case.cancelled, tree.case.wait) == (
        Status.CLOSED,
        True,
        None,
    )
    tree.advance(30 * DAY)
    assert tree.case.open_actions == ()


# K12: an Action that was only asked for is not started any more
def test_an_action_that_was_not_started_yet_is_cancelled_with_its_case() -> None:
    life = case_draft()
    life.do("submit")
    life.do("cancel")
    tree = CaseTree(life)
    assert all(action.item.status is Status.CLOSED for action in tree.actions.values())


# K12, T17
def test_a_draft_case_is_discarded() -> None:
    life = case_draft()
    life.do("cancel", reason="by mistake")
    assert (life.item.status, life.item.outbox) == (Status.CLOSED, ())
    assert life.item.cancelled


# C21
def test_temporals_cancellation_request_cancels_a_case_whoever_owns_it() -> None:
    tree = in_second_step()
    tree.do("cancel", by="system", reason="cancelled in Temporal")
    assert tree.case.cancelled


# A4
def test_a_report_of_another_run_or_of_no_action_of_this_case_is_refused() -> None:
    tree = case_tree()
    for fields in (
        {"case_run": "run-0", "reference": "C-7F3K9Q2D-A1"},
        {"case_run": "run-1", "reference": "C-7F3K9Q2D-A9"},
    ):
        refusal = tree.refused("action_ended", by="bob", outcome="complete", **fields)
        assert isinstance(refusal, NotAllowed)
        assert refusal.rule == "A4"
    assert all(copy.is_open for copy in tree.case.actions)


# A4
def test_a_report_that_arrives_twice_counts_once() -> None:
    tree = case_tree(definition=ONE_ACTION, settings=WINDOW)
    action = tree.action("run")
    action.do("resolve", outcome="complete")
    tree.perform()
    report = tree.reports[0]
    tree.deliver()
    tree.report(report)
    assert tree.case.status is Status.RESOLVED
    assert copies(tree) == [("run", 1, Status.CLOSED, Outcome.COMPLETE)]
    tree.report(replace_outcome(report))
    assert copies(tree) == [("run", 1, Status.CLOSED, Outcome.COMPLETE)]
    assert attention(tree) == []


def replace_outcome(report: Any) -> Any:  # noqa: ANN401
    return report.model_copy(update={"outcome": Outcome.UNABLE_TO_COMPLETE, "reason": "twice"})


# A4, C16
def test_a_report_is_an_entry_that_names_the_action_and_its_outcome() -> None:
    tree = in_second_step()
    tree.fail("transfer", "account closed")
    entry = tree.life.last
    assert (entry.by, entry.command) == ("bob", "action_ended")
    for word in ("C-7F3K9Q2D-A3", "unable", "account closed"):
        assert word in (entry.reason or "").replace("_", " ")


# C16, K4: what the flow did by itself is said in the entry of what let it go on
def test_the_timeline_says_which_step_began() -> None:
    tree = case_tree(definition=THREE_STEPS)
    assert "Check it" in f"{tree.life.entries[0].note}{tree.life.entries[0].reason}"
    tree.complete("read", "match")
    entry = tree.life.last
    assert "pay" in f"{entry.note} {entry.reason}"


# K8: a restart is of what ended
def test_an_action_that_still_runs_is_not_started_again() -> None:
    tree = case_tree()
    refusal = tree.refused("start_action", action="read")
    assert isinstance(refusal, NotAllowed)
    assert refusal.fields == ("action",)
    assert len(tree.case.actions) == 2


# K8, K4: what was done may be done once more, and is waited for
def test_a_complete_action_started_again_by_hand_is_waited_for() -> None:
    tree = in_second_step()
    tree.complete("transfer")
    tree.do("start_action", by="carol", action="transfer")
    assert tree.case.status is Status.TO_DO
    tree.complete("sign")
    assert actions_of(tree).step == "pay"
    tree.complete("transfer")
    assert actions_of(tree).step == "file"


# K4: an Action of a later step that is started early is that step's
def test_an_action_of_a_later_step_started_by_hand_belongs_to_a_step_once() -> None:
    tree = case_tree(settings=WINDOW)
    tree.do("start_action", action="transfer")
    tree.complete("read", "match")
    for life in list(tree.actions.values()):
        if life.item.status is not Status.CLOSED:
            life.do("resolve", outcome="complete")
    tree.settle()
    for life in list(tree.actions.values()):
        if life.item.status is not Status.CLOSED:
            life.do("resolve", outcome="complete")
    tree.settle()
    assert tree.case.status is Status.RESOLVED
    assert tree.case.open_actions == ()


# architecture, effects: each carries a key by which it is performed once
def test_effects_carry_keys_of_their_change() -> None:
    change = case_draft().do("submit")
    assert [effect.key for effect in change.item.outbox] == [
        "C-7F3K9Q2D:2:0",
        "C-7F3K9Q2D:2:1",
    ]


@pytest.mark.parametrize("count", [MAX_ACTIONS, MAX_ACTIONS + 1])
def test_a_definition_has_at_most_two_hundred_actions(count: int) -> None:
    actions = [{"key": f"a{number}"} for number in range(count)]
    raw = as_json({"name": "wide", "steps": [{"key": "all", "actions": actions}]})
    if count <= MAX_ACTIONS:
        assert len(decode_as(CaseDefinition, raw).actions) == count
    else:
        with pytest.raises(InvalidCommand, match=f"has {count} Actions, and at most"):
            decode_as(CaseDefinition, raw)
