"""Valid references: our own, a service's, and those that a Schedule makes of its name (K1)."""

import pytest

from domain.base.refusals import InvalidCommand
from tests.support.builders import action, start_case

SCHEDULED = "month-end-2026-12-01T06:00:00Z"


# K1, contract, identifiers
@pytest.mark.parametrize(
    "reference", ["C-7F3K9Q2D", "4711", "a" * 64, SCHEDULED, "a" * 63 + SCHEDULED[9:]]
)
def test_a_case_may_be_named_so(reference: str) -> None:
    life = start_case(reference=reference)
    assert life.item.reference == reference


# K1, contract, identifiers: nothing but what the server adds is taken beyond the contract's signs
@pytest.mark.parametrize(
    "reference",
    [
        "",
        "-C1",
        "a" * 65,
        "C-1-A2",
        "month:end",
        "month-end-2026-12-01T06:00Z",
        "month-end-2026-12-01T06:00:00+01:00",
        "month-end-2026-12-01T06:00:00Z-2",
        "month-end-2026-12-01T06:00:00.5Z",
        f"{SCHEDULED}-A1",
        f"{SCHEDULED}\n",
        "month-end-\u0662026-12-01T06:00:00Z",
    ],
)
def test_a_case_may_not_be_named_otherwise(reference: str) -> None:
    with pytest.raises(InvalidCommand, match="workflow id") as refused:
        start_case(reference=reference)
    assert refused.value.fields == ("reference",)


# A1
def test_an_action_is_named_after_a_case_that_a_schedule_started() -> None:
    assert action(case=SCHEDULED, reference=f"{SCHEDULED}-A12").item.reference == f"{SCHEDULED}-A12"
    with pytest.raises(InvalidCommand, match="is named"):
        action(case="month-end", reference=f"{SCHEDULED}-A12")
