"""The drawing of a Case's flow shows the status of each Action that the store still has."""

import json

import pytest

from domain.base.values import Kind, Outcome, Status
from domain.model.case_flow_view import build_flow
from domain.model.definitions import CaseDefinition
from domain.model.states import CaseState
from store.projection.item_summary import ItemSummary
from tests.support.builders import NOW, TWO_STEPS, Life, case, case_tree
from web.pages.case_flow import LARGE_FLOW, MANY_ACTIONS, FlowDiagram, draw_flow, flow_from_state

FLOW = CaseDefinition.model_validate_json(json.dumps(TWO_STEPS))


def line(reference: str, **fields: object) -> ItemSummary:
    """Return an Action of the Case as the store has it."""
    whole: dict[str, object] = dict.fromkeys(ItemSummary.__dataclass_fields__)
    whole |= {
        "reference": reference,
        "kind": Kind.ACTION,
        "title": "Read it",
        "status": Status.TO_DO,
        "revision": 1,
        "queue": "default",
        "new_information": False,
        "robot_rejected": False,
        "attention": False,
        "started_at": NOW,
        "changed_at": NOW,
    }
    return ItemSummary(**(whole | fields))  # type: ignore[arg-type]


def picture(life: Life, *lines: ItemSummary, is_over: bool = False) -> FlowDiagram:
    return draw_flow(build_flow(life.case), lines, is_over=is_over)


def test_an_action_looks_as_the_store_has_it_not_as_its_case_was_told() -> None:
    life = case()
    one = life.case.actions[0].reference
    box = picture(life, line(one, status=Status.IN_PROGRESS, assignee="bob")).columns[0].boxes[0]
    assert (box.display_status, box.assignee, box.is_open) == ("in_progress", "bob", True)


def test_steps_that_are_to_come_are_drawn_too() -> None:
    flow = picture(case())
    assert [column.progress for column in flow.columns] == ["under_way", "to_come"]
    assert [box.display_status for box in flow.columns[1].boxes] == ["to_come"]
    assert (flow.count, flow.done) == (3, 0)


def test_no_step_of_a_closed_case_is_under_way() -> None:
    assert [column.progress for column in picture(case(), is_over=True).columns] == [
        "stopped",
        "to_come",
    ]


def test_actions_that_no_step_knows_are_drawn_apart() -> None:
    lines = (
        line("C-1-A9", title="Of another definition"),
        line("C-1-A8", resolution="complete", status=Status.CLOSED),
    )
    others = picture(case(), *lines).unplaced
    assert [(box.title, box.display_status) for box in others] == [
        ("Of another definition", "to_do"),
        ("Read it", "complete"),
    ]


def test_a_step_with_very_many_actions_is_drawn_smaller() -> None:
    steps = [{"key": "many", "actions": [{"key": f"a{n}"} for n in range(MANY_ACTIONS)]}]
    life = case(definition={"name": "many", "steps": steps})
    assert picture(life).columns[0].is_full
    assert not picture(case()).columns[0].is_full


def test_a_flow_of_very_many_actions_is_folded() -> None:
    names = [f"a{number}" for number in range(LARGE_FLOW + 1)]
    steps = [{"key": name, "actions": [{"key": name}]} for name in names]
    assert picture(case(definition={"name": "large", "steps": steps})).is_large
    assert not picture(case(definition={"name": "large", "steps": steps[:-1]})).is_large


def test_an_action_counts_as_done_once_it_is_complete_or_accepted_as_not_done() -> None:
    tree = case_tree(owner="carol")
    tree.action("read").do("resolve", outcome="unable_to_complete", reason="too pale")
    tree.action("match").do("resolve", outcome="complete")
    tree.settle()
    assert picture(tree.life).columns[0].done == 1
    tree.life.do("reset_in_progress", by="carol")
    tree.settle()
    flow = picture(tree.life)
    assert (flow.columns[0].done, flow.done) == (2, 2)


@pytest.mark.parametrize("step", [None, "check", "pay"])
def test_a_case_that_temporal_forgot_is_drawn_by_the_catalogs_definition(step: str | None) -> None:
    life = case()
    seen = life.state
    assert isinstance(seen, CaseState)
    ended = [
        action.model_copy(update={"status": Status.CLOSED, "outcome": Outcome.COMPLETE})
        for action in seen.actions
    ]
    seen = seen.model_copy(update={"step": step, "status": Status.CLOSED, "actions": tuple(ended)})
    flow = draw_flow(flow_from_state(seen, FLOW), (), is_over=True)
    stages = [column.progress for column in flow.columns]
    expected = {None: ["done", "done"], "check": ["stopped", "to_come"], "pay": ["done", "stopped"]}
    assert stages == expected[step]
    assert [box.display_status for box in flow.columns[0].boxes] == ["complete", "complete"]
