"""A8: Actions that run by themselves, and fall to their queue when they fail for good."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.base.refusals import NotAllowed
from domain.base.values import MAX_JSON_DEPTH, Outcome, Status, WaitType
from domain.engine.decide import decide
from domain.model.action_kinds import MAX_ANSWER_BYTES, ActionKind
from domain.model.definitions import MAX_ACTIONS_WITH_DATA, CaseDefinition
from domain.model.effects import CallService, ReportEnd, SendMail, StartActionEffect
from domain.model.internal_messages import WorkEnded
from domain.model.starts import DATA_LIMIT, json_size
from tests.support.builders import DAY, HOUR, IDA, NOW, action, as_json, case
from tests.support.item_network import Failure, World

TOP = "C-TOP"
ACTION = f"{TOP}-A1"
MAIL: dict[str, Any] = {
    "to": ["requester", "erp@example.org"],
    "subject": "Order",
    "body": "Which?",
}
CALL: dict[str, Any] = {"service": "erp", "path": "/payments"}
CASE: dict[str, Any] = {"definition": "errand"}
REPLY: dict[str, Any] = {"message_id": "<1@x.example>", "sender": "ida", "excerpt": "It is 4711."}
OWN: dict[str, dict[str, Any]] = {
    "send_mail": {"mail": MAIL},
    "send_mail_and_wait": {"mail": MAIL},
    "wait_for_sub_cases": {"cases": [CASE]},
    "start_case": {"case": CASE},
    "call_service": {"call": CALL},
}


def one(kind: str, **own: Any) -> dict[str, Any]:  # noqa: ANN401
    """A definition of one Action of this kind, and a step after it."""
    first = {"key": "do", "title": "Do it", "kind": kind, "queue": "automatic", **own}
    steps = [{"key": "a", "actions": [first]}, {"key": "b", "actions": [{"key": "look"}]}]
    return {"name": "kind", "steps": steps}


def of_kind(kind: str, *, settle: bool = True, **given: Any) -> World:  # noqa: ANN401
    """A Case whose first Action is of this kind; `given` are the Case's fields, or the kind's."""
    own = {name: given.pop(name) for name in ("mail", "call") if name in given}
    world = World(services=given.pop("services", {}))
    world.unreachable = given.pop("unreachable", set())
    fields = {"requester": IDA} | given
    world.add(case(reference=TOP, definition=one(kind, **OWN[kind] | own), **fields))
    if settle:
        world.settle()
    else:
        world.perform_for(TOP)
    return world


def ended(world: World) -> tuple[Status, Outcome | None]:
    item = world.item(ACTION)
    return item.status, item.resolution.outcome if item.resolution else None


def fell(world: World, told: str) -> None:
    """A8: To Do in its queue, raised, with the error."""
    life = world[ACTION]
    assert (life.item.status, life.item.assignee, life.item.queue) == (
        Status.TO_DO,
        None,
        "automatic",
    )
    assert life.item.owner is None
    assert life.item.new_information
    assert told in (life.last.reason or "")
    assert world.item(TOP).status is Status.TO_DO
    assert world.case(TOP).attention == ()


DONE = (Status.CLOSED, Outcome.COMPLETE)


# A8: all but the first run by themselves
@pytest.mark.parametrize("kind", list(ActionKind))
def test_all_kinds_but_by_hand_begin_by_themselves(kind: ActionKind) -> None:
    if kind is ActionKind.BY_HAND:
        life = action()
        assert (life.item.status, life.item.assignee, len(life.entries)) == (Status.TO_DO, None, 1)
        return
    world = of_kind(kind, settle=False)
    life = world[ACTION]
    assert (life.item.status, life.item.assignee) == (Status.IN_PROGRESS, "system")
    assert [(entry.command, entry.by, entry.after) for entry in life.entries] == [
        ("create", "system", Status.TO_DO),
        ("start", "system", Status.IN_PROGRESS),
    ]
    assert kind.replace("_", " ") in (life.last.reason or "")
    assert life.item.outbox


# A8: send mail
def test_an_action_that_sends_a_mail_is_complete_once_it_is_sent() -> None:
    world = of_kind("send_mail")
    ((reference, mail),) = world.mails
    assert reference == ACTION
    assert (mail.to, mail.subject, mail.body) == (
        ("ida@example.org", "erp@example.org"),
        "Order",
        "Which?",
    )
    assert ended(world) == DONE
    assert world.item(ACTION).owner is None
    assert [copy.key for copy in world.case(TOP).actions] == ["do", "look"]
    assert world[ACTION].entries[1].note == "Which?"


# A8
def test_a_mail_may_go_to_both_contacts_and_to_each_once() -> None:
    mail = {"to": ["primary_contact", "requester", "ida@example.org"], "cc": "lead@example.org"}
    world = of_kind("send_mail", mail=mail, primary_contact={"email": "erp@example.org"})
    ((_, sent),) = world.mails
    assert sent.to == ("erp@example.org", "ida@example.org")
    assert sent.cc == ("lead@example.org",)
    assert sent.subject == "Do it"


# A8: without an address it fails for good at once
@pytest.mark.parametrize("contact", [None, {"name": "Ida without address"}])
def test_a_mail_to_somebody_without_address_makes_the_action_to_do(contact: object) -> None:
    world = of_kind("send_mail", requester=contact)
    fell(world, "requester")
    assert world.mails == []
    world.do(ACTION, "resolve", by="bob", outcome="complete")
    assert world.case(TOP).actions[0].outcome is Outcome.COMPLETE


# A8, M5: given up
@pytest.mark.parametrize("kind", ["send_mail", "send_mail_and_wait"])
def test_a_mail_that_was_given_up_makes_the_action_to_do(kind: str) -> None:
    world = of_kind(kind, unreachable={"erp@example.org"})
    fell(world, "given up")


# A8: send mail and wait for the reply
def test_an_action_waits_for_the_reply_which_completes_it() -> None:
    world = of_kind("send_mail_and_wait")
    seen = world[ACTION].state
    assert (seen.status, seen.assignee, seen.owner) == (Status.WAIT, None, None)
    assert seen.wait is not None
    assert (seen.wait.type, seen.wait.waiting_for) == (WaitType.MORE_INFORMATION, "reply")
    world.later(400 * DAY)
    assert world.item(ACTION).status is Status.WAIT
    world.do(ACTION, "receive_email", by="system", **REPLY)
    assert ended(world) == DONE
    assert (world[ACTION].last.command, world[ACTION].last.note) == ("receive_email", "It is 4711.")
    assert [copy.key for copy in world.case(TOP).actions] == ["do", "look"]


# A8, M4: an automatic answer is no reply
def test_an_automatic_answer_is_no_reply() -> None:
    world = of_kind("send_mail_and_wait")
    world.do(ACTION, "receive_email", by="system", automatic=True, **REPLY)
    assert world.item(ACTION).status is Status.WAIT
    assert not world.item(ACTION).new_information


# A8, C13: even a reply that is handled before the wait began
def test_a_reply_that_comes_before_the_wait_counts() -> None:
    world = of_kind("send_mail_and_wait", settle=False)
    world.perform_for(ACTION)
    world.give(ACTION, "receive_email", by="system", **REPLY)
    assert world.item(ACTION).status is Status.IN_PROGRESS
    world.settle()
    assert ended(world) == DONE


# A8, M4
def test_an_automatic_answer_before_the_wait_does_not_count() -> None:
    world = of_kind("send_mail_and_wait", settle=False)
    world.perform_for(ACTION)
    world.give(ACTION, "receive_email", by="system", automatic=True, **REPLY)
    world.settle()
    assert world.item(ACTION).status is Status.WAIT


# A8: a mail to an Action that waits for no reply is information
def test_a_mail_does_not_complete_other_kinds() -> None:
    world = of_kind("call_service", settle=False)
    world.give(ACTION, "receive_email", by="system", **REPLY)
    assert (world.item(ACTION).status, world.item(ACTION).new_information) == (
        Status.IN_PROGRESS,
        True,
    )


# C12, C13: a person who takes it off the wait has it; the reply is then information
def test_a_person_may_take_an_action_off_its_wait_for_the_reply() -> None:
    world = of_kind("send_mail_and_wait")
    world.do(ACTION, "resume", by="bob")
    world.do(ACTION, "receive_email", by="system", **REPLY)
    assert (world.item(ACTION).status, world.item(ACTION).assignee) == (Status.IN_PROGRESS, "bob")
    assert world.item(ACTION).new_information


# C13, C9: the wait of a person for something else ends as any wait, by a mail
@pytest.mark.parametrize("kind", ["send_mail", "send_mail_and_wait", "call_service"])
@pytest.mark.parametrize("waiting_for", ["customer", "reply", None])
def test_a_mail_ends_the_wait_of_a_person_who_took_it_over(
    kind: str, waiting_for: str | None
) -> None:
    world = of_kind(kind, settle=False)
    given = {"waiting_for": waiting_for} if waiting_for else {}
    world.give(ACTION, "wait", by="bob", type="more_information", take_over=True, **given)
    world.settle()
    assert world.item(ACTION).owner == "bob"
    world.do(ACTION, "receive_email", by="system", **REPLY)
    assert (world.item(ACTION).status, world.item(ACTION).assignee) == (Status.TO_DO, "bob")


# C11: a person may replace the wait; a mail then ends it or not as C13 says
def test_a_person_may_let_it_wait_until_a_moment_instead() -> None:
    world = of_kind("send_mail_and_wait")
    world.do(ACTION, "wait", by="bob", type="until", until=NOW + DAY)
    world.do(ACTION, "receive_email", by="system", **REPLY)
    assert world.item(ACTION).status is Status.WAIT
    world.later(2 * DAY)
    assert (world.item(ACTION).status, world.item(ACTION).assignee) == (Status.TO_DO, None)


# A8: call a service
def test_a_service_is_called_and_its_answer_kept_in_the_data() -> None:
    world = of_kind("call_service", services={"erp": {"number": 7}}, data={"sum": 12})
    (call,) = world.calls
    assert (call.call.service, call.call.path, call.call.method) == ("erp", "/payments", "POST")
    assert call.body == {"case": TOP, "action": ACTION, "title": "Do it", "data": {"sum": 12}}
    assert ended(world) == DONE
    assert world.case(TOP).data == {"sum": 12, "do": {"number": 7}}
    assert [copy.key for copy in world.case(TOP).actions] == ["do", "look"]


# A8
@pytest.mark.parametrize("answer", [None, False, 0, "", [], {}, "text", [1, {"a": None}]])
def test_any_answer_is_kept_under_the_name_that_is_given(answer: Any) -> None:  # noqa: ANN401
    call = CALL | {"keep_as": "payment", "body": {"x": 1}}
    world = of_kind("call_service", call=call, services={"erp": answer})
    assert world.calls[0].body == {"x": 1}
    assert world.case(TOP).data == {"payment": answer}


# A8, K4: conditions of later steps see it
def test_a_later_condition_may_ask_for_the_answer() -> None:
    definition = one("call_service", call=CALL)
    definition["steps"][1]["actions"][0]["when"] = 'data["do"].ok'
    for ok in (True, False):
        world = World(services={"erp": {"ok": ok}})
        world.add(case(reference=TOP, definition=definition))
        world.settle()
        assert len(world.case(TOP).actions) == (2 if ok else 1)


# A8: for good in vain
@pytest.mark.parametrize("services", [{}, {"erp": Failure("erp answered 404")}])
def test_a_call_that_fails_for_good_makes_the_action_to_do(services: dict[str, Any]) -> None:
    world = of_kind("call_service", services=services)
    fell(world, "no such service" if not services else "answered 404")
    world.do(ACTION, "start", by="bob")
    world.do(ACTION, "resolve", by="bob", outcome="complete")
    assert world.case(TOP).data == {}
    assert [copy.key for copy in world.case(TOP).actions] == ["do", "look"]


def _deep(levels: int) -> Any:  # noqa: ANN401
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


# A8: an answer that no reader of JSON takes is an error told to people, not one that freezes items
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("\x00", "control characters"),
        ({"a\x1b": 1}, "control characters"),
        ([float("nan")], "NaN"),
        (float("inf"), "infinite"),
        (_deep(MAX_JSON_DEPTH), "levels deep"),
    ],
    ids=["control", "key", "nan", "inf", "deep"],
)
def test_an_answer_that_cannot_be_carried_makes_the_action_to_do(answer: Any, told: str) -> None:  # noqa: ANN401
    world = of_kind("call_service", services={"erp": answer})
    fell(world, told)
    world.carry()


# A8: and the deepest that can be carried is
def test_the_deepest_answer_is_kept_and_carried() -> None:
    world = of_kind("call_service", services={"erp": _deep(MAX_JSON_DEPTH - 2)})
    assert ended(world) == DONE
    world.carry()


# A8, K7: an answer too much for the data of the Case
def test_an_answer_that_makes_the_data_too_large_needs_attention() -> None:
    world = of_kind(
        "call_service",
        services={"erp": "y" * (MAX_ANSWER_BYTES - 10)},
        data={"x": "x" * (DATA_LIMIT - 1000)},
        owner="carol",
    )
    ((reason),) = world.case(TOP).attention
    assert reason.action == "do"
    assert str(DATA_LIMIT) in reason.reason
    assert (world.item(TOP).status, world.item(TOP).assignee) == (Status.TO_DO, "carol")
    assert json_size(world.case(TOP).data) <= DATA_LIMIT
    # K9: restarting it clears its reason, and the Case is In Progress
    world.do(TOP, "edit", by="carol", data={})
    world.do(TOP, "unassign", by="carol")
    world.do(TOP, "start_action", by="carol", action="do")
    assert world.case(TOP).attention == ()
    assert (world.item(TOP).status, world.item(TOP).assignee) == (Status.IN_PROGRESS, "carol")
    assert len(world.case(TOP).data) == 1


# A4, K10: an answer of a replaced copy is recorded and changes nothing
def test_the_answer_to_a_replaced_copy_changes_nothing() -> None:
    world = of_kind("call_service", settle=False, services={"erp": 1})
    world.perform_for(ACTION)
    world.deliver()
    world.give(TOP, "rework", by="carol", step="a")
    (report,) = [e for e in world.item(ACTION).outbox if isinstance(e, ReportEnd)]
    assert report.answer == 1
    world.perform_for(ACTION)
    world.deliver()
    assert world.case(TOP).data == {}
    assert "nothing changes" in (world[TOP].last.reason or "")
    world.settle()
    assert world.case(TOP).data == {"do": 1}


# C8: only by taking it over
@pytest.mark.parametrize("kind", list(OWN))
def test_what_runs_by_itself_is_in_nobodys_hands_but_may_be_taken_over(kind: str) -> None:
    world = of_kind(kind, settle=False)
    refusal = world.refused(ACTION, "resolve", by="bob", outcome="complete")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "C8"
    assert "system" in refusal.sentence
    world.give(ACTION, "start", by="bob", take_over=True)
    assert world.item(ACTION).assignee == "bob"


# A8: whoever took it over goes on with it, and hears what came of it
@pytest.mark.parametrize(
    ("kind", "services", "told"),
    [
        ("send_mail", {}, "it was done"),
        ("send_mail_and_wait", {}, "it was done"),
        ("call_service", {"erp": {"number": 7}}, "it was done"),
        ("call_service", {"erp": Failure("answered 404")}, "it failed: answered 404"),
        ("start_case", {}, "it failed"),
    ],
)
@pytest.mark.parametrize("way", ["taken over", "given back", "waiting"])
def test_its_work_ends_while_a_person_has_it(
    kind: str, services: dict[str, Any], told: str, way: str
) -> None:
    world = of_kind(kind, settle=False, services=services)
    world.give(ACTION, "start", by="bob", take_over=True)
    if way == "given back":
        world.give(ACTION, "unassign", by="bob")
    if way == "waiting":
        world.give(ACTION, "wait", by="bob", type="until", until=NOW + DAY)
    before = world[ACTION].state
    world.settle()
    after = world[ACTION].state
    assert (after.status, after.assignee, after.owner) == (
        before.status,
        before.assignee,
        before.owner,
    )
    assert after.new_information
    assert told in (world[ACTION].last.reason or "")
    assert world[ACTION].last.command == "work_ended"
    world.do(ACTION, "resolve", by="bob", outcome="complete")
    assert world.case(TOP).data == {}
    assert not world.refusals


# C15: its work ends after a person ended it
def test_its_work_ends_after_a_person_ended_it() -> None:
    world = of_kind("call_service", settle=False, services={"erp": 1})
    world.give(ACTION, "resolve", by="bob", outcome="complete", take_over=True)
    world.perform_for(ACTION)
    world.settle()
    assert ended(world) == DONE
    assert world.case(TOP).data == {}
    with pytest.raises(NotAllowed) as refused:
        decide(world.item(ACTION), WorkEnded(by="system", answer=1), NOW)
    assert refused.value.rule == "C15"


# A8: by hand there is no such end
def test_an_action_by_hand_has_no_work_that_ends() -> None:
    life = action()
    change = decide(life.item, WorkEnded(by="system"), NOW)
    assert change.entries == ()
    assert change.item == life.item


# K12, K10: its Case ends it as any other
@pytest.mark.parametrize("kind", list(OWN))
def test_it_ends_with_its_case(kind: str) -> None:
    world = of_kind(kind, settle=False, services={"erp": 1})
    world.give(TOP, "cancel")
    world.perform_for(TOP)
    world.deliver()
    world.settle()
    assert ended(world) == (Status.CLOSED, Outcome.CANCELLED)
    assert not world.post


# K5: while the Case waits, running ones may finish
def test_it_may_finish_while_its_case_waits() -> None:
    world = of_kind("call_service", settle=False, services={"erp": 1})
    world.give(TOP, "wait", type="more_information")
    world.settle()
    assert ended(world) == DONE
    assert world.case(TOP).data == {"do": 1}
    assert len(world.case(TOP).actions) == 1
    world.do(TOP, "resume")
    assert len(world.case(TOP).actions) == 2


# K9: restarted by hand, it runs by itself again
def test_a_restarted_copy_runs_by_itself_again() -> None:
    world = of_kind("call_service", services={"erp": Failure("down")})
    world.do(ACTION, "resolve", by="bob", outcome="unable_to_complete", reason="down")
    world.services = {"erp": "up"}
    world.do(TOP, "start_action", action="do")
    assert world.case(TOP).data == {"do": "up"}
    assert len(world.calls) == 2
    assert len({call.key for call in world.calls}) == 2


# D3: the system is nobody to be told
def test_nobody_is_told_that_what_runs_by_itself_is_overdue() -> None:
    due = {"within": "PT2H", "at_risk": "PT1H"}
    definition = one("send_mail_and_wait", mail=MAIL, due=due)
    world = World()
    world.add(case(reference=TOP, definition=definition, requester=IDA))
    world.perform_for(TOP)
    world[ACTION].later(3 * HOUR)
    assert [entry.command for entry in world[ACTION].entries[2:]] == ["at_risk", "overdue"]
    mails = [effect.key for effect in world.item(ACTION).outbox if isinstance(effect, SendMail)]
    assert mails == [world.action(ACTION).work_key]


# A8, contract: refused where it is defined, by field
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kind": "send_mail"}, "mail: an Action of kind send_mail needs it"),
        ({"kind": "send_mail_and_wait"}, "mail: an Action of kind send_mail_and_wait needs it"),
        ({"kind": "wait_for_sub_cases"}, "cases: an Action"),
        ({"kind": "start_case"}, "case: an Action"),
        ({"kind": "call_service"}, "call: an Action"),
        ({"mail": MAIL}, "mail: does not go with kind by_hand"),
        ({"kind": "start_case", "case": CASE, "call": CALL}, "call: does not go with"),
        ({"kind": "telepathy"}, "kind"),
        ({"kind": "send_mail", "mail": MAIL, "peer_review": True}, "peer_review: an Action"),
        ({"kind": "send_mail", "mail": MAIL, "checklist": ["a"]}, "checklist: an Action"),
        ({"kind": "send_mail", "mail": MAIL, "performer": "human"}, "performer: an Action"),
        ({"kind": "send_mail", "mail": {"to": []}}, "mail.to"),
        ({"kind": "send_mail", "mail": {"to": "nobody"}}, "mail.to"),
        ({"kind": "call_service", "call": {"service": "erp", "path": "payments"}}, "path"),
        ({"kind": "call_service", "call": {"service": "erp", "path": "/../x"}}, "path"),
        ({"kind": "call_service", "call": {"service": "erp", "path": "/http://x"}}, "path"),
        ({"kind": "call_service", "call": {"service": "erp", "method": "BREW"}}, "method"),
        ({"kind": "call_service", "call": {"service": "erp", "timeout": "PT0S"}}, "timeout"),
        ({"kind": "call_service", "call": {"service": "erp", "retries": 51}}, "retries"),
        ({"kind": "start_case", "case": {"definition": "x", "data": {"a": "\x00"}}}, "data"),
        ({"kind": "start_case", "case": {"definition": "kind"}}, "starts kind itself"),
        ({"kind": "wait_for_sub_cases", "cases": [CASE, {"definition": "kind"}]}, "starts kind"),
        ({"kind": "wait_for_sub_cases", "cases": []}, "cases"),
        ({"kind": "wait_for_sub_cases", "cases": [CASE] * 21}, "cases"),
    ],
)
def test_a_kind_that_cannot_be_is_refused_where_it_is_defined(
    fields: dict[str, Any], told: str
) -> None:
    steps = [{"key": "s", "actions": [{"key": "a", **fields}]}]
    with pytest.raises(ValidationError) as refused:
        CaseDefinition.model_validate_json(as_json({"name": "kind", "steps": steps}))
    assert told in str(refused.value)
    assert "steps.0.actions.0" in str(refused.value)


# A8, ARCHITECTURE: what one workflow task can carry
def test_a_step_has_few_actions_that_take_the_data_along() -> None:
    def definition(count: int) -> dict[str, Any]:
        calls = [{"key": f"{n}", "kind": "call_service", "call": CALL} for n in range(count)]
        steps = [{"key": "first", "actions": []}, {"key": "all", "actions": calls}]
        return {"name": "many", "steps": steps}

    with pytest.raises(ValidationError) as refused:
        CaseDefinition.model_validate_json(as_json(definition(MAX_ACTIONS_WITH_DATA + 1)))
    assert f"steps.1: has {MAX_ACTIONS_WITH_DATA + 1} Actions" in str(refused.value)
    large = {"x": '"' * (DATA_LIMIT // 2 - 10)}
    life = case(reference=TOP, definition=definition(MAX_ACTIONS_WITH_DATA), data=large)
    starts = [effect.start for effect in life.item.outbox if isinstance(effect, StartActionEffect)]
    assert len(starts) == MAX_ACTIONS_WITH_DATA
    size = sum(len(start.model_dump_json().encode()) for start in starts)
    assert MAX_ACTIONS_WITH_DATA * 20_000 < size < 2_000 * 1024


# A8: by hand and mails take no data along
def test_actions_that_need_no_data_carry_none() -> None:
    for kind, carries in (("send_mail", False), ("call_service", True), ("start_case", True)):
        world = of_kind(kind, settle=False, data={"sum": 1}, services={"erp": 1})
        assert world.action(ACTION).data == ({"sum": 1} if carries else {})
    effects = of_kind("call_service", settle=False).item(ACTION).outbox
    assert [type(effect) for effect in effects] == [CallService]
