"""The item as JSON that one run hands to the next: complete and bounded (C16, C17, M6)."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from domain.base.refusals import InvalidCommand
from domain.base.rules import Rule
from domain.base.values import Kind, Status
from domain.engine.decide import record_refusal
from domain.model.definitions import CaseDefinition, ItemTerms
from domain.model.items import AnyItem
from domain.model.publications import carried_publication, publication_of
from domain.model.serialization import CARRIED_LIMIT, dump_item, load_item
from domain.model.states import state_of
from tests.support.builders import (
    DAY,
    HOUR,
    IDA,
    NOW,
    TWO_STEPS,
    WINDOW,
    CaseTree,
    Life,
    action,
    as_json,
    case,
    case_draft,
    case_tree,
    draft,
    submitted,
    ticket,
)

ALL = pytest.mark.parametrize("kind", list(Kind))
MAIL: dict[str, Any] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}
LONG_ADDRESS = f"{'a' * 60}@{'b' * 180}.example"
WIDE = "\N{GRINNING FACE}"
"""Characters of four bytes in UTF-8."""


def carried_on(item: AnyItem) -> AnyItem:
    return load_item(item.kind, dump_item(item))


# architecture: effects are part of the item's value, so a crash loses none
@ALL
def test_an_item_comes_back_as_it_was_carried(kind: Kind) -> None:
    life = submitted(kind, **({} if kind is Kind.ACTION else {"settings": WINDOW}))
    assert carried_on(life.item) == life.item
    life.do("start", command_id="id-1")
    life.do("send_email", to=["ida@example.org"], subject="a", body="b", resolution=True)
    life.signal("resume", command_id="id-2")
    life.do("wait", type="until", until=NOW + DAY)
    assert carried_on(life.item) == life.item
    life.advance(2 * DAY)
    fields = {Kind.TICKET: {"method": "rejected"}, Kind.ACTION: {"outcome": "complete"}}
    if kind is not Kind.CASE:
        life.do("resolve", **fields[kind])
    assert carried_on(life.item) == life.item


# A4, K10: open children and effects under way outlive the run
def test_a_case_with_every_sort_of_effect_comes_back_as_it_was_carried() -> None:
    tree = case_tree(
        owner="carol",
        queue="invoices",
        data={"amount": 12.5, "lines": [None, True, {"a": "b"}]},
        primary_contact=IDA,
        settings={
            **WINDOW,
            "notify": ["lead@example.org"],
            "due": {
                "within": "PT36H",
                "add_wait_time": True,
                "waits": ["pause"],
                "at_risk": "PT1H",
            },
            "reopen_on": ["mail"],
        },
    )
    tree.life.do("wait", by="carol", type="pause")
    tree.advance(HOUR)
    tree.fail("read")
    tree.life.do("rework", by="carol", step="check")
    tree.life.do("start_action", by="carol", action={"title": "Ask", "due": {"within": "P1D"}})
    tree.life.do("send_email", to="ida@example.org")
    assert {type(effect).__name__ for effect in tree.case.outbox} == {
        "CancelAction",
        "StartActionEffect",
        "SendMail",
    }
    assert carried_on(tree.case) == tree.case
    ended = action()
    ended.do("resolve", outcome="unable_to_complete", reason="no such supplier")
    assert [type(effect).__name__ for effect in ended.item.outbox] == ["ReportEnd"]
    assert carried_on(ended.item) == ended.item


# C17: an id is remembered across runs
def test_a_carried_item_remembers_the_ids_it_saw() -> None:
    life = ticket()
    life.do("start", command_id="id-1")
    life.item = carried_on(life.item)
    life.unchanged("start", command_id="id-1")


@pytest.mark.parametrize("raw", [b"", b"{}", b"null", b'{"reference": "T-1"}', b"\xff"])
def test_what_is_no_item_is_not_read(raw: bytes) -> None:
    for kind in Kind:
        with pytest.raises(ValidationError):
            load_item(kind, raw)


def fill(life: Life, text: str, *, by: str, idle: str) -> Life:
    """Fill a life with as many and as large entries as an item ever has."""
    for number in range(220):
        life.do("add_note", by=by, text=text, command_id=f"{number} {'x' * 80}")
    for number in range(120):
        life.signal("resume", by=by, command_id=f"refused {number}")
        sentence = InvalidCommand(text, rule=Rule.C17)
        life.apply(record_refusal(life.item, life.now, by=by, command=text, refusal=sentence))
    for number in range(700):
        life.do(idle, command_id=f"same {number}")
    return life


@pytest.mark.parametrize("character", ["x", '"', "ä", WIDE])
def test_the_fullest_ticket_can_still_be_carried(character: str) -> None:
    name = character * 100
    contact = {"name": character * 300, "email": LONG_ADDRESS}
    life = ticket(
        by=name,
        title=character * 300,
        description=character * (16 * 1024 // len(character.encode())),
        category=name,
        queue=name,
        primary_contact=contact,
        requester=contact,
        links=[{"kind": name, "reference": name}] * 70,
        settings={"notify": [LONG_ADDRESS] * 20, "due": {"within": "P1D"}},
    )
    fill(life, character * 4000, by=name, idle="set_to_do")
    raw = dump_item(life.item)
    size = len(raw)
    assert size <= CARRIED_LIMIT
    again = load_item(Kind.TICKET, raw)
    assert state_of(again) == life.state
    assert again.log.seen == life.item.log.seen
    revisions = [entry.revision for entry in again.log.timeline]
    assert revisions == list(range(life.item.revision + 1 - len(revisions), life.item.revision + 1))
    dropped = again.log.refused_dropped - life.item.log.refused_dropped
    assert len(again.log.refused) + dropped == len(life.item.log.refused)


@pytest.mark.parametrize("character", ["x", WIDE])
def test_the_fullest_case_can_still_be_carried(character: str) -> None:
    name = character * 100
    definition = {
        "name": "large",
        "steps": [
            {"key": f"step {n}", "actions": [{"key": f"action {n}", "title": character * 60}]}
            for n in range(130 if character == "x" else 80)
        ],
    }
    terms = ItemTerms(definition=CaseDefinition.model_validate_json(as_json(definition)))
    life = case_draft(
        definition="large",
        data={"a": character * (20_000 // len(character.encode()))},
        links=[{"kind": name, "reference": name}] * 100 if character == "x" else [],
        terms=terms,
    )
    life.do("submit")
    tree = CaseTree(life)
    for _ in range(100):
        tree.do("rework", step="step 0")
    fill(tree.life, character * 4000, by="amy", idle="start")
    size = len(dump_item(tree.case))
    assert size <= CARRIED_LIMIT
    assert load_item(Kind.CASE, dump_item(tree.case)).log.seen == tree.case.log.seen


# architecture, limits: an item is never larger than a run can hand to the next
def test_copies_that_would_make_a_case_too_large_to_be_carried_are_refused() -> None:
    tree = case_tree()
    refusal, number = None, 0
    while refusal is None and number < 5000:
        refusal = tree.life.refusal_of("start_action", action={"title": f"{number} " * 50})
        tree.life.drain_outbox()
        tree.life.changes.clear()
        number += 1
    assert isinstance(refusal, InvalidCommand)
    assert "carried" in refusal.sentence
    size = len(dump_item(tree.case))
    assert size <= CARRIED_LIMIT
    tree.life.do("cancel")


WIDE_LINKS = [{"kind": WIDE * 100, "reference": WIDE * 100}] * 100


# architecture, limits
def test_fields_that_would_make_an_item_too_large_to_be_carried_are_refused() -> None:
    fields = {"data": {"a": "x" * 24_000}, "definition": wide_flow()}
    with pytest.raises(InvalidCommand, match="carried"):
        case_draft(links=WIDE_LINKS, **fields)
    life = case_draft(**fields)
    refusal = life.refused("edit", links=WIDE_LINKS)
    assert isinstance(refusal, InvalidCommand)
    assert "carried" in refusal.sentence
    life.do("submit")


def wide_flow() -> dict[str, Any]:
    actions = [{"key": f"{n}", "title": WIDE * 60} for n in range(100)]
    return {"name": "large", "steps": [{"key": "all", "actions": actions}]}


# K2, architecture, limits: also what the catalog adds at submission
@pytest.mark.parametrize("command", ["submit", "wait", "resolve"])
def test_a_definition_that_would_make_a_case_too_large_is_refused_at_submission(
    command: str,
) -> None:
    terms = ItemTerms(definition=CaseDefinition.model_validate_json(as_json(wide_flow())))
    life = case_draft(
        definition="large", data={"a": "x" * 24_000}, links=WIDE_LINKS[:95], terms=terms
    )
    fields = {"type": "pause"} if command == "wait" else {}
    refusal = life.refused(command, **fields)
    assert "carried" in refusal.sentence
    assert life.item.status is Status.DRAFT


# K7, architecture, limits: reports cannot be refused, so what they leave is bounded
def test_a_case_whose_many_actions_all_failed_can_still_be_carried() -> None:
    tree = case_tree(definition=wide_flow())
    for copy in tree.case.actions:
        tree.life.signal(
            "action_ended",
            by="system",
            case_run="run-1",
            reference=copy.reference,
            outcome="unable_to_complete",
            reason=WIDE * 1000,
        )
    assert len(tree.state.attention) == 100
    size = len(dump_item(tree.case))
    assert size <= CARRIED_LIMIT


# C16: the oldest notes are shortened first, and none of what rules need
def test_only_notes_are_shortened_and_the_newest_last() -> None:
    life = ticket()
    for number in range(60):
        life.do("add_note", text=f"{number} " + "x" * 9000)
    again = carried_on(life.item)
    notes = [entry.note or "" for entry in again.log.timeline[1:]]
    assert len(dump_item(life.item)) <= CARRIED_LIMIT
    assert notes[0].startswith("0 xxx")
    assert len(notes[0]) < 300
    assert notes[-1] == f"59 {'x' * 9000}"
    reasons = ticket()
    for number in range(210):
        reasons.do("wait", type="more_information", reason=f"{number} {'y' * 990}")
    carried_timeline = carried_on(reasons.item).log.timeline
    assert len(dump_item(reasons.item)) <= CARRIED_LIMIT
    assert len(carried_timeline[0].reason or "") < 300
    assert carried_timeline[-1].reason == f"209 {'y' * 990}"


# architecture: a row carries the item's revision; what is new goes to the store once
def test_a_publication_is_all_that_consecutive_changes_made_new() -> None:
    life = draft(settings=WINDOW)
    life.do("send_and_resolve", to="ida@example.org", body="Here it is.", method="rejected")
    life.do("add_note", text="done")
    life.signal("resume")
    news = publication_of(life.changes)
    assert news.serial == life.item.serial == 5
    assert news.state == life.state
    assert [entry.serial for entry in news.entries] == [1, 2, 3, 4, 5]
    assert [note.kind for note in news.notes] == ["submission", "mail", "note"]
    assert [mail.to for mail in news.mails] == [("ida@example.org",)]
    assert publication_of(life.changes[-1:]).entries == (life.last,)


# architecture: after a crash the item is asked again what the store may lack
def test_what_is_carried_is_published_again_from_a_serial_on() -> None:
    life = ticket()
    for number in range(60):
        life.do("add_note", text=f"{number} {'x' * 9000}")
        life.signal("resume")
    serials: list[int] = []
    following: int | None = 5
    while following is not None:
        part = carried_publication(life.item, following)
        assert len(part.model_dump_json().encode()) < 256 * 1024
        assert part.serial == life.item.serial
        assert part.state == life.state
        serials += [entry.serial for entry in part.entries]
        following = part.next_serial
    assert serials == list(range(5, life.item.serial + 1))
    assert carried_publication(life.item, 999).entries == ()
    sent = json.loads(carried_publication(case(definition=TWO_STEPS).item, 1).model_dump_json())
    assert [copy["key"] for copy in sent["state"]["actions"]] == ["read", "match"]


# contract, reading
@ALL
def test_a_state_says_what_the_contract_lists(kind: Kind) -> None:
    common = {
        "reference",
        "kind",
        "title",
        "category",
        "queue",
        "status",
        "revision",
        "assignee",
        "owner",
        "wait",
        "resolution",
        "first_resolution",
        "cancelled",
        "new_information",
        "robot_rejected",
        "attention",
        "due_at",
        "clock",
        "due_text",
        "closes_at",
        "wakes_at",
        "links",
    }
    own = {
        Kind.TICKET: {"lease"},
        Kind.CASE: {"step", "actions"},
        Kind.ACTION: {"case", "in_review", "checklist", "lease"},
    }[kind]
    state = json.loads(submitted(kind).state.model_dump_json())
    assert common | own <= set(state)
    assert state["status"] == "TO_DO"
    assert state["kind"] == kind
    if kind is Kind.CASE:
        assert {"key", "reference", "copy", "status", "outcome"} <= set(state["actions"][0])


# contract, reading
def test_a_waiting_items_state_says_what_it_waits_for() -> None:
    life = ticket()
    life.do("wait", type="more_information", days_to_wait=2, waiting_for="customer")
    assert json.loads(life.state.model_dump_json())["wait"] == {
        "type": "more_information",
        "until": None,
        "days_to_wait": 2.0,
        "close_if_no_response": False,
        "waiting_for": "customer",
    }
    assert life.item.status is Status.WAIT
