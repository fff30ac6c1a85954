"""Actions that run by themselves, and return to their queue if they fail for good (A8)."""

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
from tests.support.item_network import ItemNetwork, ServiceFailure

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


def definition_with(kind: str, **own: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a definition with one Action of this kind, and a step after it."""
    first = {"key": "do", "title": "Do it", "kind": kind, "queue": "automatic", **own}
    steps = [{"key": "a", "actions": [first]}, {"key": "b", "actions": [{"key": "look"}]}]
    return {"name": "kind", "steps": steps}


def case_with(kind: str, *, settle: bool = True, **case_fields: Any) -> ItemNetwork:  # noqa: ANN401
    """Start a Case whose first Action is of this kind; the fields are the Case's or the kind's."""
    own = {name: case_fields.pop(name) for name in ("mail", "call") if name in case_fields}
    network = ItemNetwork(services=case_fields.pop("services", {}))
    network.unreachable = case_fields.pop("unreachable", set())
    fields = {"requester": IDA} | case_fields
    network.add(case(reference=TOP, definition=definition_with(kind, **OWN[kind] | own), **fields))
    if settle:
        network.settle()
    else:
        network.perform_for(TOP)
    return network


def ended(network: ItemNetwork) -> tuple[Status, Outcome | None]:
    item = network.item(ACTION)
    return item.status, item.resolution.outcome if item.resolution else None


def assert_returned_to_queue(network: ItemNetwork, problem: str) -> None:
    """Assert that the Action is To Do in its queue, raised, with the error (A8)."""
    life = network[ACTION]
    assert (life.item.status, life.item.assignee, life.item.queue) == (
        Status.TO_DO,
        None,
        "automatic",
    )
    assert life.item.owner is None
    assert life.item.new_information
    assert problem in (life.last.reason or "")
    assert network.item(TOP).status is Status.TO_DO
    assert network.case(TOP).attention == ()


DONE = (Status.CLOSED, Outcome.COMPLETE)


# A8: all but the first run by themselves
@pytest.mark.parametrize("kind", list(ActionKind))
def test_all_kinds_but_by_hand_begin_by_themselves(kind: ActionKind) -> None:
    if kind is ActionKind.BY_HAND:
        life = action()
        assert (life.item.status, life.item.assignee, len(life.entries)) == (Status.TO_DO, None, 1)
        return
    network = case_with(kind, settle=False)
    life = network[ACTION]
    assert (life.item.status, life.item.assignee) == (Status.IN_PROGRESS, "system")
    assert [(entry.command, entry.by, entry.after) for entry in life.entries] == [
        ("create", "system", Status.TO_DO),
        ("start", "system", Status.IN_PROGRESS),
    ]
    assert kind.replace("_", " ") in (life.last.reason or "")
    assert life.item.outbox


# A8: send mail
def test_an_action_that_sends_a_mail_is_complete_once_it_is_sent() -> None:
    network = case_with("send_mail")
    ((reference, mail),) = network.mails
    assert reference == ACTION
    assert (mail.to, mail.subject, mail.body) == (
        ("ida@example.org", "erp@example.org"),
        "Order",
        "Which?",
    )
    assert ended(network) == DONE
    assert network.item(ACTION).owner is None
    assert [copy.key for copy in network.case(TOP).actions] == ["do", "look"]
    assert network[ACTION].entries[1].note == "Which?"


# A8
def test_a_mail_may_go_to_both_contacts_and_to_each_once() -> None:
    mail = {"to": ["primary_contact", "requester", "ida@example.org"], "cc": "lead@example.org"}
    network = case_with("send_mail", mail=mail, primary_contact={"email": "erp@example.org"})
    ((_, sent),) = network.mails
    assert sent.to == ("erp@example.org", "ida@example.org")
    assert sent.cc == ("lead@example.org",)
    assert sent.subject == "Do it"


# A8: without an address it fails for good at once
@pytest.mark.parametrize("contact", [None, {"name": "Ida without address"}])
def test_a_mail_to_somebody_without_address_makes_the_action_to_do(contact: object) -> None:
    network = case_with("send_mail", requester=contact)
    assert_returned_to_queue(network, "requester")
    assert network.mails == []
    network.do(ACTION, "resolve", by="bob", outcome="complete")
    assert network.case(TOP).actions[0].outcome is Outcome.COMPLETE


# A8, M5: given up
@pytest.mark.parametrize("kind", ["send_mail", "send_mail_and_wait"])
def test_a_mail_that_was_given_up_makes_the_action_to_do(kind: str) -> None:
    network = case_with(kind, unreachable={"erp@example.org"})
    assert_returned_to_queue(network, "given up")


# A8: send mail and wait for the reply
def test_an_action_waits_for_the_reply_which_completes_it() -> None:
    network = case_with("send_mail_and_wait")
    seen = network[ACTION].state
    assert (seen.status, seen.assignee, seen.owner) == (Status.WAIT, None, None)
    assert seen.wait is not None
    assert (seen.wait.type, seen.wait.waiting_for) == (WaitType.MORE_INFORMATION, "reply")
    network.advance(400 * DAY)
    assert network.item(ACTION).status is Status.WAIT
    network.do(ACTION, "receive_email", by="system", **REPLY)
    assert ended(network) == DONE
    assert (network[ACTION].last.command, network[ACTION].last.note) == (
        "receive_email",
        "It is 4711.",
    )
    assert [copy.key for copy in network.case(TOP).actions] == ["do", "look"]


# A8, M4: an automatic answer is no reply
def test_an_automatic_answer_is_no_reply() -> None:
    network = case_with("send_mail_and_wait")
    network.do(ACTION, "receive_email", by="system", automatic=True, **REPLY)
    assert network.item(ACTION).status is Status.WAIT
    assert not network.item(ACTION).new_information


# A8, C13: even a reply that is handled before the wait began
def test_a_reply_that_comes_before_the_wait_counts() -> None:
    network = case_with("send_mail_and_wait", settle=False)
    network.perform_for(ACTION)
    network.give(ACTION, "receive_email", by="system", **REPLY)
    assert network.item(ACTION).status is Status.IN_PROGRESS
    network.settle()
    assert ended(network) == DONE


# A8, M4
def test_an_automatic_answer_before_the_wait_does_not_count() -> None:
    network = case_with("send_mail_and_wait", settle=False)
    network.perform_for(ACTION)
    network.give(ACTION, "receive_email", by="system", automatic=True, **REPLY)
    network.settle()
    assert network.item(ACTION).status is Status.WAIT


# A8: a mail to an Action that waits for no reply is information
def test_a_mail_does_not_complete_other_kinds() -> None:
    network = case_with("call_service", settle=False)
    network.give(ACTION, "receive_email", by="system", **REPLY)
    assert (network.item(ACTION).status, network.item(ACTION).new_information) == (
        Status.IN_PROGRESS,
        True,
    )


# C12, C13: a person who takes it off the wait has it; the reply is then information
def test_a_person_may_take_an_action_off_its_wait_for_the_reply() -> None:
    network = case_with("send_mail_and_wait")
    network.do(ACTION, "resume", by="bob")
    network.do(ACTION, "receive_email", by="system", **REPLY)
    assert (network.item(ACTION).status, network.item(ACTION).assignee) == (
        Status.IN_PROGRESS,
        "bob",
    )
    assert network.item(ACTION).new_information


# C13, C9: the wait of a person for something else ends as any wait, by a mail
@pytest.mark.parametrize("kind", ["send_mail", "send_mail_and_wait", "call_service"])
@pytest.mark.parametrize("waiting_for", ["customer", "reply", None])
def test_a_mail_ends_the_wait_of_a_person_who_took_it_over(
    kind: str, waiting_for: str | None
) -> None:
    network = case_with(kind, settle=False)
    case_fields = {"waiting_for": waiting_for} if waiting_for else {}
    network.give(ACTION, "wait", by="bob", type="more_information", take_over=True, **case_fields)
    network.settle()
    assert network.item(ACTION).owner == "bob"
    network.do(ACTION, "receive_email", by="system", **REPLY)
    assert (network.item(ACTION).status, network.item(ACTION).assignee) == (Status.TO_DO, "bob")


# C11: a person may replace the wait; a mail then ends it or not as C13 says
def test_a_person_may_let_it_wait_until_a_moment_instead() -> None:
    network = case_with("send_mail_and_wait")
    network.do(ACTION, "wait", by="bob", type="until", until=NOW + DAY)
    network.do(ACTION, "receive_email", by="system", **REPLY)
    assert network.item(ACTION).status is Status.WAIT
    network.advance(2 * DAY)
    assert (network.item(ACTION).status, network.item(ACTION).assignee) == (Status.TO_DO, None)


# A8: call a service
def test_a_service_is_called_and_its_answer_kept_in_the_data() -> None:
    network = case_with("call_service", services={"erp": {"number": 7}}, data={"sum": 12})
    (call,) = network.calls
    assert (call.call.service, call.call.path, call.call.method) == ("erp", "/payments", "POST")
    assert call.body == {"case": TOP, "action": ACTION, "title": "Do it", "data": {"sum": 12}}
    assert ended(network) == DONE
    assert network.case(TOP).data == {"sum": 12, "do": {"number": 7}}
    assert [copy.key for copy in network.case(TOP).actions] == ["do", "look"]


# A8
@pytest.mark.parametrize("answer", [None, False, 0, "", [], {}, "text", [1, {"a": None}]])
def test_any_answer_is_kept_under_the_name_that_is_given(answer: Any) -> None:  # noqa: ANN401
    call = CALL | {"keep_as": "payment", "body": {"x": 1}}
    network = case_with("call_service", call=call, services={"erp": answer})
    assert network.calls[0].body == {"x": 1}
    assert network.case(TOP).data == {"payment": answer}


# A8, K4: conditions of later steps see it
def test_a_later_condition_may_ask_for_the_answer() -> None:
    definition = definition_with("call_service", call=CALL)
    definition["steps"][1]["actions"][0]["when"] = 'data["do"].ok'
    for ok in (True, False):
        network = ItemNetwork(services={"erp": {"ok": ok}})
        network.add(case(reference=TOP, definition=definition))
        network.settle()
        assert len(network.case(TOP).actions) == (2 if ok else 1)


# A8: it fails for good
@pytest.mark.parametrize("services", [{}, {"erp": ServiceFailure("erp answered 404")}])
def test_a_call_that_fails_for_good_makes_the_action_to_do(services: dict[str, Any]) -> None:
    network = case_with("call_service", services=services)
    assert_returned_to_queue(network, "no such service" if not services else "answered 404")
    network.do(ACTION, "start", by="bob")
    network.do(ACTION, "resolve", by="bob", outcome="complete")
    assert network.case(TOP).data == {}
    assert [copy.key for copy in network.case(TOP).actions] == ["do", "look"]


def _deep(levels: int) -> Any:  # noqa: ANN401
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


# A8: an answer that no reader of JSON takes is an error told to people, not one that freezes items
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("\x00", "control characters"),
        ({"a\x1b": 1}, "control characters"),
        ([float("nan")], "NaN"),
        (float("inf"), "infinite"),
        (_deep(MAX_JSON_DEPTH), "levels deep"),
    ],
    ids=["control", "key", "nan", "inf", "deep"],
)
def test_an_answer_that_cannot_be_carried_makes_the_action_to_do(answer: Any, problem: str) -> None:  # noqa: ANN401
    network = case_with("call_service", services={"erp": answer})
    assert_returned_to_queue(network, problem)
    network.continue_as_new()


# A8: and the deepest that can be carried is
def test_the_deepest_answer_is_kept_and_carried() -> None:
    network = case_with("call_service", services={"erp": _deep(MAX_JSON_DEPTH - 2)})
    assert ended(network) == DONE
    network.continue_as_new()


# A8, K7: an answer too much for the data of the Case
def test_an_answer_that_makes_the_data_too_large_needs_attention() -> None:
    network = case_with(
        "call_service",
        services={"erp": "y" * (MAX_ANSWER_BYTES - 10)},
        data={"x": "x" * (DATA_LIMIT - 1000)},
        owner="carol",
    )
    ((reason),) = network.case(TOP).attention
    assert reason.action == "do"
    assert str(DATA_LIMIT) in reason.reason
    assert (network.item(TOP).status, network.item(TOP).assignee) == (Status.TO_DO, "carol")
    assert json_size(network.case(TOP).data) <= DATA_LIMIT
    # K9: restarting it clears its reason, and the Case is In Progress
    network.do(TOP, "edit", by="carol", data={})
    network.do(TOP, "unassign", by="carol")
    network.do(TOP, "start_action", by="carol", action="do")
    assert network.case(TOP).attention == ()
    assert (network.item(TOP).status, network.item(TOP).assignee) == (Status.IN_PROGRESS, "carol")
    assert len(network.case(TOP).data) == 1


# A4, K10: an answer of a replaced copy is recorded and changes nothing
def test_the_answer_to_a_replaced_copy_changes_nothing() -> None:
    network = case_with("call_service", settle=False, services={"erp": 1})
    network.perform_for(ACTION)
    network.deliver()
    network.give(TOP, "rework", by="carol", step="a")
    (report,) = [e for e in network.item(ACTION).outbox if isinstance(e, ReportEnd)]
    assert report.answer == 1
    network.perform_for(ACTION)
    network.deliver()
    assert network.case(TOP).data == {}
    assert "nothing changes" in (network[TOP].last.reason or "")
    network.settle()
    assert network.case(TOP).data == {"do": 1}


# C8: only by taking it over
@pytest.mark.parametrize("kind", list(OWN))
def test_what_runs_by_itself_is_in_nobodys_hands_but_may_be_taken_over(kind: str) -> None:
    network = case_with(kind, settle=False)
    refusal = network.refused(ACTION, "resolve", by="bob", outcome="complete")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "C8"
    assert "system" in refusal.sentence
    network.give(ACTION, "start", by="bob", take_over=True)
    assert network.item(ACTION).assignee == "bob"


# A8: a person who took it over continues, and gets its result
@pytest.mark.parametrize(
    ("kind", "services", "problem"),
    [
        ("send_mail", {}, "it was done"),
        ("send_mail_and_wait", {}, "it was done"),
        ("call_service", {"erp": {"number": 7}}, "it was done"),
        ("call_service", {"erp": ServiceFailure("answered 404")}, "it failed: answered 404"),
        ("start_case", {}, "it failed"),
    ],
)
@pytest.mark.parametrize("way", ["taken over", "given back", "waiting"])
def test_its_work_ends_while_a_person_has_it(
    kind: str, services: dict[str, Any], problem: str, way: str
) -> None:
    network = case_with(kind, settle=False, services=services)
    network.give(ACTION, "start", by="bob", take_over=True)
    if way == "given back":
        network.give(ACTION, "unassign", by="bob")
    if way == "waiting":
        network.give(ACTION, "wait", by="bob", type="until", until=NOW + DAY)
    before = network[ACTION].state
    network.settle()
    after = network[ACTION].state
    assert (after.status, after.assignee, after.owner) == (
        before.status,
        before.assignee,
        before.owner,
    )
    assert after.new_information
    assert problem in (network[ACTION].last.reason or "")
    assert network[ACTION].last.command == "work_ended"
    network.do(ACTION, "resolve", by="bob", outcome="complete")
    assert network.case(TOP).data == {}
    assert not network.refusals


# C15: its work ends after a person closed it
def test_its_work_ends_after_a_person_ended_it() -> None:
    network = case_with("call_service", settle=False, services={"erp": 1})
    network.give(ACTION, "resolve", by="bob", outcome="complete", take_over=True)
    network.perform_for(ACTION)
    network.settle()
    assert ended(network) == DONE
    assert network.case(TOP).data == {}
    with pytest.raises(NotAllowed) as refused:
        decide(network.item(ACTION), WorkEnded(by="system", answer=1), NOW)
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
    network = case_with(kind, settle=False, services={"erp": 1})
    network.give(TOP, "cancel")
    network.perform_for(TOP)
    network.deliver()
    network.settle()
    assert ended(network) == (Status.CLOSED, Outcome.CANCELLED)
    assert not network.pending


# K5: while the Case waits, running ones may finish
def test_it_may_finish_while_its_case_waits() -> None:
    network = case_with("call_service", settle=False, services={"erp": 1})
    network.give(TOP, "wait", type="more_information")
    network.settle()
    assert ended(network) == DONE
    assert network.case(TOP).data == {"do": 1}
    assert len(network.case(TOP).actions) == 1
    network.do(TOP, "resume")
    assert len(network.case(TOP).actions) == 2


# K9: restarted by hand, it runs by itself again
def test_a_restarted_copy_runs_by_itself_again() -> None:
    network = case_with("call_service", services={"erp": ServiceFailure("down")})
    network.do(ACTION, "resolve", by="bob", outcome="unable_to_complete", reason="down")
    network.services = {"erp": "up"}
    network.do(TOP, "start_action", action="do")
    assert network.case(TOP).data == {"do": "up"}
    assert len(network.calls) == 2
    assert len({call.key for call in network.calls}) == 2


# D3: the system is nobody to be told
def test_nobody_is_told_that_what_runs_by_itself_is_overdue() -> None:
    due = {"within": "PT2H", "at_risk": "PT1H"}
    definition = definition_with("send_mail_and_wait", mail=MAIL, due=due)
    network = ItemNetwork()
    network.add(case(reference=TOP, definition=definition, requester=IDA))
    network.perform_for(TOP)
    network[ACTION].advance(3 * HOUR)
    assert [entry.command for entry in network[ACTION].entries[2:]] == ["at_risk", "overdue"]
    mails = [effect.key for effect in network.item(ACTION).outbox if isinstance(effect, SendMail)]
    assert mails == [network.action(ACTION).work_key]


# A8, contract: refused where it is defined, by field
@pytest.mark.parametrize(
    ("fields", "problem"),
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
    fields: dict[str, Any], problem: str
) -> None:
    steps = [{"key": "s", "actions": [{"key": "a", **fields}]}]
    with pytest.raises(ValidationError) as refused:
        CaseDefinition.model_validate_json(as_json({"name": "kind", "steps": steps}))
    assert problem in str(refused.value)
    assert "steps.0.actions.0" in str(refused.value)


# A8, architecture: what one workflow task can carry
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
        network = case_with(kind, settle=False, data={"sum": 1}, services={"erp": 1})
        assert network.action(ACTION).data == ({"sum": 1} if carries else {})
    effects = case_with("call_service", settle=False).item(ACTION).outbox
    assert [type(effect) for effect in effects] == [CallService]
