"""The view of a Case's flow: steps done, under way and to come, every copy (K4, K9, K10)."""

import json

from domain.model.case_flow_view import CaseFlow, StepProgress, build_flow, planned_flow
from domain.model.definitions import CaseDefinition
from tests.support.builders import TWO_STEPS, case, case_draft, case_tree


def progress(flow: CaseFlow) -> list[tuple[str, str]]:
    return [(step.key, step.progress.value) for step in flow.steps]


def test_a_case_shows_the_step_under_way_and_those_to_come() -> None:
    flow = build_flow(case().case)
    assert progress(flow) == [("check", "under_way"), ("pay", "to_come")]
    assert [len(action.copies) for step in flow.steps for action in step.actions] == [1, 1, 0]


def test_a_step_is_done_once_the_next_is_under_way() -> None:
    tree = case_tree()
    for key in ("read", "match"):
        tree.action(key).do("resolve", outcome="complete")
    tree.settle()
    assert progress(build_flow(tree.case)) == [("check", "done"), ("pay", "under_way")]


def test_a_draft_whose_definition_is_only_named_shows_no_steps() -> None:
    life = case_draft()
    life.do("edit", definition="supplier invoice")
    assert build_flow(life.case) == CaseFlow()


def test_an_action_that_no_definition_foresaw_stands_in_the_step_it_was_started_in() -> None:
    life = case()
    life.do("start")
    life.do("start_action", action={"title": "Call the supplier", "performer": "human"})
    check, pay = build_flow(life.case).steps
    added = check.actions[-1]
    assert (added.title, added.ad_hoc, len(added.copies)) == ("Call the supplier", True, 1)
    assert not any(action.ad_hoc for action in pay.actions)


def test_a_rework_shows_the_copy_it_replaced_beside_the_new_one() -> None:
    life = case()
    life.do("start")
    life.do("rework", step="check")
    read = build_flow(life.case).steps[0].actions[0]
    assert [(copy.number, copy.outcome, copy.replaced) for copy in read.copies] == [
        (1, "cancelled", True),
        (2, None, False),
    ]


def test_a_definition_alone_is_all_to_come() -> None:
    flow = planned_flow(CaseDefinition.model_validate_json(json.dumps(TWO_STEPS)))
    assert {step.progress for step in flow.steps} == {StepProgress.TO_COME}
    assert all(not action.copies for step in flow.steps for action in step.actions)
