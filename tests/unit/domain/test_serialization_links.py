"""Linked items and the messages between them as JSON: complete and bounded."""

from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.base.refusals import InvalidCommand
from domain.base.values import Kind, Status
from domain.model import effects
from domain.model.action_kinds import CallOrder
from domain.model.effects import (
    AnswerMerge,
    AskMerge,
    CallService,
    CancelAction,
    CancelCase,
    Effect,
    ReportEnd,
    SendMail,
    StartActionEffect,
    StartItem,
    TellWaiter,
)
from domain.model.items import Action, AnyItem, Awaited, Case, Merging, Ticket
from domain.model.serialization import CARRIED_LIMIT, CORE_LIMIT, dump_item, load_item
from domain.model.starts import ActionStart, Inheritance, LaunchedStart, PartStart, Waiter
from domain.model.states import state_of
from tests.support.builders import (
    IDA,
    ONE_ACTION,
    PARIS,
    CaseTree,
    action,
    as_json,
    case,
    case_draft,
    through_json,
    ticket,
)
from tests.support.item_network import ItemNetwork, catalog_of

PARTS = [{"title": title, "description": title} for title in ("One", "Two")]
WIDE = "\N{GRINNING FACE}"
MAIL = {"to": ["requester"], "subject": "Order", "body": "Which?"}

EFFECTS: list[Effect] = [
    StartActionEffect(
        key="C-1:1:0",
        reference="C-1-A1",
        start=ActionStart.model_validate_json(
            as_json(
                {
                    "by": "system",
                    "case": "C-1",
                    "case_run": "r",
                    "key": "call",
                    "copy_number": 2,
                    "title": "Call it",
                    "queue": "q",
                    "checklist": ["signed"],
                    "peer_review": True,
                    "data": {"a": [None, {"b": 1.5}]},
                    "work": {
                        "kind": "call_service",
                        "call": {"service": "erp", "timeout": "PT5S", "body": {"x": []}},
                    },
                }
            )
        ),
    ),
    CancelAction(key="k", reference="C-1-A1", case_run="r", by="amy", reason=None),
    ReportEnd(
        key="k",
        case="C-1",
        case_run="r",
        by="amy",
        outcome="complete",
        reason=None,
        keep_as="payment",
        answer=[{"a": None}],
    ),
    ReportEnd(key="k", case="C-1", case_run="r", by="amy", outcome="cancelled", reason="no"),
    SendMail(key="k"),
    StartItem(
        key="k",
        reference="T-1",
        begin=PartStart(
            by="amy",
            title="One",
            description="x",
            inherited=Inheritance(
                waiter=Waiter(reference="T-0", run="r"), communications="a\nb", calendar=PARIS
            ),
        ),
    ),
    StartItem(
        key="k",
        reference="C-1",
        begin=LaunchedStart(
            by="system",
            definition="errand",
            data={"a": [None]},
            inherited=Inheritance(waiter=None),
        ),
    ),
    StartItem(
        key="k",
        reference="C-1",
        begin=LaunchedStart.model_validate_json(as_json({"by": "amy", "definition": ONE_ACTION})),
    ),
    CancelCase(key="k", sub_case="C-1", by="amy", reason=None),
    TellWaiter(key="k", waiter="T-0", waiter_run="r", by="amy", how="rejected", reason=None),
    AskMerge(key="k", into="T-2", run="r", by="amy", title="", communications=""),
    AnswerMerge(
        key="k", asker="T-1", asker_run="r", ask="a", by="amy", accepted=False, reason="closed"
    ),
    CallService(key="k", call=CallOrder(service="erp", keep_as="x"), body={"a": None}),
]


def test_every_class_of_effect_is_among_them() -> None:
    of_union = {get_args(member)[0] for member in get_args(get_args(Effect)[0])}
    assert of_union == {type(effect) for effect in EFFECTS}
    assert of_union == {
        candidate
        for candidate in vars(effects).values()
        if isinstance(candidate, type) and candidate.__module__ == effects.__name__
    }


# architecture: effects are part of the item's value; told apart by their fields
@pytest.mark.parametrize("effect", EFFECTS, ids=[f"{n}" for n in range(len(EFFECTS))])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_effect_comes_back_as_it_was_carried(kind: Kind, effect: Effect) -> None:
    lives = {Kind.TICKET: ticket, Kind.CASE: case, Kind.ACTION: action}
    item = replace(lives[kind]().item, outbox=(effect, effect))
    again = load_item(kind, dump_item(item))
    assert again == item
    assert through_json(item) == item
    assert [type(each) for each in again.outbox] == [type(effect)] * 2
    if isinstance(effect, StartItem):
        assert type(again.outbox[0].begin) is type(effect.begin)  # type: ignore[union-attr]


# A8, T14, A6, A7: every field that the new rules need
def test_items_come_back_with_all_that_linked_items_have() -> None:
    waiting = {"key": "wait", "kind": "wait_for_sub_cases", "cases": [{"definition": "errand"}]}
    sending = {"key": "ask", "kind": "send_mail_and_wait", "mail": MAIL}
    action_fields = {"key": "look", "peer_review": True, "checklist": ["signed", "sealed"]}
    failing = {"key": "later", "when": "data.missing"}
    steps = [
        {"key": "one", "actions": [waiting, sending, action_fields]},
        {"key": "two", "actions": [failing]},
    ]
    network = ItemNetwork(catalog=catalog_of(ONE_ACTION))
    network.add(
        case(
            reference="C-TOP",
            definition={"name": "all", "steps": steps},
            requester=IDA,
            data={"a": [None, {"b": 1}]},
        )
    )
    network.settle()
    network.do("C-TOP-A3", "answer_checklist", by="bob", answers={"signed": "not_applicable"})
    network.continue_as_new()
    network.do("C-TOP-A3", "answer_checklist", by="bob", answers={"sealed": "no"})
    network.do("C-TOP-A3", "resolve", by="bob", outcome="complete")
    network.continue_as_new()
    assert network.action("C-TOP-A3").in_review
    network.give("C-TOP-A2", "receive_email", by="system", message_id="<1@x>", sender="ida")
    network.continue_as_new()
    network.settle()
    network.do("C-TOP-A3", "review", by="amy", verdict="pass")
    (sub,) = network.linked("C-TOP-A1", "started")
    network.do(f"{sub}-A1", "resolve", by="bob", outcome="complete")
    assert network.case("C-TOP").attention
    network.do("C-TOP", "reset_in_progress")
    assert network.case("C-TOP").waived == ("later",)
    network.continue_as_new()


# T14, T15, T16
def test_split_launching_and_merging_tickets_come_back_as_they_were_carried() -> None:
    network = ItemNetwork()
    for reference in ("T-A", "T-B", "T-C", "T-D"):
        network.add(ticket(reference=reference))
    network.give("T-A", "split", parts=PARTS)
    network.give("T-B", "launch_case", definition=ONE_ACTION)
    network.give("T-C", "merge", into="T-D", command_id="once", take_over=True)
    assert network.ticket("T-C").merging == Merging(
        ask="T-C:merge:1", into="T-D", by="amy", command_id="once", takes_over=True
    )
    network.continue_as_new()
    network.perform()
    network.continue_as_new()
    network.settle()
    network.continue_as_new()
    assert network.item("T-C").status is Status.CLOSED


def filled() -> dict[type[AnyItem], dict[str, Any]]:
    """Return an item without default values in the fields that only linked items have."""
    started = Awaited(reference="C-9", title="x", how="complete")
    common = {"waiter": Waiter(reference="T-0", run="r"), "awaited": (started,)}
    return {
        Ticket: {**common, "merging": Merging(ask="a", into="T-1", by="amy"), "asked": 3},
        Case: {**common, "waived": ("a",)},
        Action: {
            **common,
            "peer_review": True,
            "in_review": True,
            "performed_by": "bob",
            "work_key": "C-1-A1:2:0",
            "replied": True,
            "data": {"a": [None]},
        },
    }


@pytest.mark.parametrize("kind", [Ticket, Case, Action])
def test_no_field_is_left_behind(kind: type[AnyItem]) -> None:
    life = {Ticket: ticket, Case: case, Action: action}[kind]()
    chosen = filled()[kind]
    item = replace(life.item, **chosen)
    for name, value in chosen.items():
        assert name in {field.name for field in fields(kind)}
        assert getattr(life.item, name) != value
    assert load_item(item.kind, dump_item(item)) == item
    assert state_of(load_item(item.kind, dump_item(item))) == state_of(item)


# M6, architecture: a Ticket that was split, with all that fills it
@pytest.mark.parametrize("character", ["x", '"', WIDE])
def test_the_fullest_split_ticket_can_still_be_carried(character: str) -> None:
    name = character * 100
    network = ItemNetwork()
    life = ticket(
        reference="T-FULL",
        links=[{"kind": name, "reference": name}] * 70,
        requester={"name": character * 300},
        description=character * (16 * 1024 // len(character.encode())),
    )
    network.add(life)
    for number in range(220):
        network.give("T-FULL", "add_note", text=character * 4000, command_id=f"{number}")
    for number in range(900):
        network.give("T-FULL", "set_to_do", command_id=f"same {number}")
    title = character * (150 if character == WIDE else 290)
    parts = [{"title": f"{n}{title}", "description": "x"} for n in range(20)]
    network.do("T-FULL", "split", parts=parts)
    raw = dump_item(network.item("T-FULL"))
    size = len(raw)
    assert size <= CARRIED_LIMIT
    again = load_item(Kind.TICKET, raw)
    assert again.awaited == network.item("T-FULL").awaited
    assert len(again.awaited) == 20


# architecture, limits: what would make the Ticket too large is refused, and changes nothing
def test_a_split_that_would_make_the_ticket_too_large_is_refused() -> None:
    network = ItemNetwork()
    network.add(
        ticket(
            reference="T-FULL",
            links=[{"kind": WIDE * 100, "reference": WIDE * 100}] * 90,
            description=WIDE * 4000,
            primary_contact={"name": WIDE * 300},
            requester={"name": WIDE * 300},
            settings={"notify": [f"{'a' * 60}@{'b' * 180}.example"] * 20},
        )
    )
    parts = [{"title": f"{n}{WIDE * 290}", "description": "x"} for n in range(20)]
    refusal = network.refused("T-FULL", "split", parts=parts)
    assert isinstance(refusal, InvalidCommand)
    assert str(CORE_LIMIT) in refusal.sentence
    assert network.item("T-FULL").status is Status.TO_DO


# A8: a call under way is carried with all it says, and so are the data of a Case
def test_the_fullest_calling_action_can_still_be_carried() -> None:
    data = {"a": '"' * 12_000}
    work = {"kind": "call_service", "call": {"service": "erp"}}
    life = action(
        data=data, work=work, checklist=[{"key": f"{n}", "text": WIDE * 290} for n in range(30)]
    )
    for number in range(220):
        life.do("add_note", text="x" * 9000, command_id=f"{number} {'x' * 80}")
    for number in range(780):
        life.do("mark_read", by="system", command_id=f"same {number}")
    raw = dump_item(life.item)
    size = len(raw)
    assert size <= CARRIED_LIMIT
    assert load_item(Kind.ACTION, raw).outbox == life.item.outbox


# A8: reports cannot be refused, so what answers add is bounded
def test_a_case_whose_actions_all_keep_answers_can_still_be_carried() -> None:
    calls = [{"key": f"{n}", "kind": "call_service", "call": {"service": "erp"}} for n in range(50)]
    definition = {"name": "calls", "steps": [{"key": "all", "actions": calls}]}
    network = ItemNetwork(services={"erp": WIDE * 1500})
    network.add(
        case_draft(
            reference="C-FULL",
            submit=True,
            definition=definition,
            data={"x": "y" * 9_000},
            links=[{"kind": WIDE * 100, "reference": WIDE * 100}] * 60,
        )
    )
    network.settle()
    assert len(network.case("C-FULL").attention) > 40
    size = len(dump_item(network.case("C-FULL")))
    assert size <= CARRIED_LIMIT
    network.continue_as_new()


TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
FLAT = st.none() | st.booleans() | NUMBERS | TEXTS
DEEPER = st.lists(FLAT, max_size=3) | st.dictionaries(TEXTS, FLAT, max_size=3)
JSON = FLAT | DEEPER | st.lists(DEEPER, max_size=3) | st.dictionaries(TEXTS, DEEPER, max_size=3)
_EFFECT: TypeAdapter[Effect] = TypeAdapter(Effect)


# A8: any answer of a service
@given(answer=JSON)
@settings(max_examples=60, deadline=None)
def test_any_answer_comes_back_as_it_was_reported(answer: Any) -> None:  # noqa: ANN401
    report = ReportEnd(
        key="k",
        case="C-1",
        case_run="r",
        by="system",
        outcome="complete",
        reason=None,
        keep_as="x",
        answer=answer,
    )
    assert _EFFECT.validate_json(_EFFECT.dump_json(report)) == report
    tree = CaseTree(case(definition=ONE_ACTION))
    tree.life.signal(
        "action_ended",
        by="system",
        case_run="run-1",
        reference="C-7F3K9Q2D-A1",
        outcome="complete",
        keep_as="x",
        answer=answer,
    )
    assert tree.case.data == {"x": answer}
    assert through_json(tree.case) == tree.case
