"""Items that a mail starts (M2, T1, K1)."""

from typing import Any

from domain.base.values import Method, StartedBy, Status
from domain.engine.start_item import create_item
from domain.model.items import Case, Ticket
from domain.model.starts import LaunchedStart, PartStart
from domain.model.states import state_of
from tests.support.builders import COMPLETE, NOW, TWO_STEPS, as_json, through_json

BY_MAIL: dict[str, Any] = {"by": "service:mailroom", "started_by": "email", "submit": True}


# M2, T1, M6
def test_a_ticket_that_a_mail_starts_is_submitted_and_names_the_mail() -> None:
    fields = {**COMPLETE, **BY_MAIL, "mail": {"stored_as": "3f9a"}}
    start = PartStart.model_validate_json(as_json(fields))
    change = create_item(start, reference="T-1", run="run-1", at=NOW)
    assert isinstance(change.item, Ticket)
    assert change.item.status is Status.TO_DO
    assert change.item.started_by is StartedBy.EMAIL
    assert [entry.mail for entry in change.entries] == ["3f9a"]


# M2
def test_a_mail_to_an_address_that_no_route_knows_is_a_ticket_that_is_closed_at_once() -> None:
    mail = {"stored_as": "3f9a", "unknown_address": "nobody@desk.example"}
    start = PartStart.model_validate_json(as_json({**COMPLETE, **BY_MAIL, "mail": mail}))
    change = create_item(start, reference="T-1", run="run-1", at=NOW)
    state = state_of(through_json(change.item))
    assert state.status is Status.CLOSED
    assert state.resolution is not None
    assert state.resolution.method == Method.REJECTED_UNKNOWN_ADDRESS
    logged = [(entry.command, entry.by, entry.reason) for entry in change.entries]
    assert logged[-1] == ("resolve", "system", "nobody@desk.example is no mailbox of this desk")


# M2, K1
def test_a_case_that_a_mail_starts_says_so() -> None:
    fields = {"short_description": "Invoice 4711", "definition": TWO_STEPS}
    start = LaunchedStart.model_validate_json(
        as_json({**fields, **BY_MAIL, "mail": {"stored_as": "3f9a"}})
    )
    change = create_item(start, reference="C-1", run="run-1", at=NOW)
    assert isinstance(change.item, Case)
    assert change.item.started_by is StartedBy.EMAIL
    assert change.entries[0].mail == "3f9a"
