"""A Case shows its whole flow: steps done, under way and to come, every copy (K4, K9, K10)."""

import json

from domain.model.case_flow_view import Stage, Unfolded, foreseen, unfolded
from domain.model.definitions import CaseDefinition
from tests.support.builders import TWO_STEPS, case, case_draft, desk


def stages(flow: Unfolded) -> list[tuple[str, str]]:
    return [(leg.key, leg.stage.value) for leg in flow.legs]


def test_a_case_shows_the_step_under_way_and_those_to_come() -> None:
    flow = unfolded(case().case)
    assert stages(flow) == [("check", "under_way"), ("pay", "to_come")]
    assert [len(place.runs) for leg in flow.legs for place in leg.places] == [1, 1, 0]


def test_a_step_is_done_once_the_next_is_under_way() -> None:
    house = desk()
    for key in ("read", "match"):
        house.action(key).do("resolve", outcome="complete")
    house.settle()
    assert stages(unfolded(house.case)) == [("check", "done"), ("pay", "under_way")]


def test_a_draft_whose_definition_is_only_named_shows_no_steps() -> None:
    life = case_draft()
    life.do("edit", definition="supplier invoice")
    assert unfolded(life.case) == Unfolded()


def test_an_action_that_no_definition_foresaw_stands_in_the_step_it_was_started_in() -> None:
    life = case()
    life.do("start")
    life.do("start_action", action={"title": "Call the supplier", "performer": "human"})
    check, pay = unfolded(life.case).legs
    added = check.places[-1]
    assert (added.title, added.ad_hoc, len(added.runs)) == ("Call the supplier", True, 1)
    assert not any(place.ad_hoc for place in pay.places)


def test_a_rework_shows_the_copy_it_replaced_beside_the_new_one() -> None:
    life = case()
    life.do("start")
    life.do("rework", step="check")
    read = unfolded(life.case).legs[0].places[0]
    assert [(run.number, run.outcome, run.replaced) for run in read.runs] == [
        (1, "cancelled", True),
        (2, None, False),
    ]


def test_a_definition_alone_is_all_to_come() -> None:
    flow = foreseen(CaseDefinition.model_validate_json(json.dumps(TWO_STEPS)))
    assert {leg.stage for leg in flow.legs} == {Stage.TO_COME}
    assert all(not place.runs for leg in flow.legs for place in leg.places)
