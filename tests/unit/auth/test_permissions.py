"""The permission matrix: every role and scope by every command, in an own and another's queue."""

from dataclasses import dataclass
from itertools import product
from typing import Final

import pytest

from auth import permissions
from auth.callers import EVERY_QUEUE, Caller, Role, Scope
from auth.permissions import DUTIES, Duty, Forbidden, check_command, check_duty, check_reading, may
from domain.base.values import Kind
from domain.model.commands import commands_of

ROBOTS_ONLY: Final = frozenset({"reject", "heartbeat"})
OPERATORS: Final = frozenset({"receive_email", "feedback"})
NAMES: Final = tuple(dict.fromkeys(name for kind in Kind for name in commands_of(kind)))


@dataclass(frozen=True)
class Held:
    """An item as the permissions see it."""

    queue: str = "invoices"
    assignee: str | None = None
    owner: str | None = None


def person(role: Role, *queues: str) -> Caller:
    """Return a caller with this role."""
    return Caller(actor="amy", role=role, queues=frozenset(queues))


def program(*scopes: Scope, queues: tuple[str, ...] = ("invoices",)) -> Caller:
    """Return a robot's API key for these queues."""
    return Caller(actor="robot:r", scopes=frozenset(scopes), queues=frozenset(queues))


def is_allowed(caller: Caller, command: str, item: Held) -> bool:
    """Return True if the permissions allow the command."""
    try:
        check_command(caller, command, item)
    except Forbidden:
        return False
    return True


def test_every_command_of_the_contract_has_a_permit_and_no_other_has() -> None:
    assert set(permissions.COMMANDS) == set(NAMES)


@pytest.mark.parametrize(
    ("role", "command", "queue"), list(product(Role, NAMES, ["invoices", "returns"])), ids=str
)
def test_a_person_gives_what_their_role_may_in_their_queues(
    role: Role, command: str, queue: str
) -> None:
    expected = {
        Role.VIEWER: False,
        Role.AGENT: command not in ROBOTS_ONLY | OPERATORS and queue == "invoices",
        Role.LEAD: command not in ROBOTS_ONLY | OPERATORS and queue == "invoices",
        Role.OPERATOR: command not in ROBOTS_ONLY,
    }[role]
    assert is_allowed(person(role, "invoices"), command, Held(queue=queue)) is expected


@pytest.mark.parametrize(
    ("scope", "command", "queue"), list(product(Scope, NAMES, ["invoices", "returns"])), ids=str
)
def test_a_key_gives_what_its_scope_is_for_in_its_queues(
    scope: Scope, command: str, queue: str
) -> None:
    of_mail = command in OPERATORS
    expected = scope is (Scope.MAIL if of_mail else Scope.WORK) and queue == "invoices"
    assert is_allowed(program(scope), command, Held(queue=queue)) is expected


@pytest.mark.parametrize(("command", "place"), list(product(NAMES, ["assignee", "owner"])), ids=str)
def test_an_item_that_somebody_holds_or_owns_is_theirs_in_whatever_queue(
    command: str, place: str
) -> None:
    item = Held(queue="returns", **{place: "amy"})
    is_expected = command not in ROBOTS_ONLY | OPERATORS
    assert is_allowed(person(Role.AGENT), command, item) is is_expected
    assert not is_allowed(person(Role.VIEWER), command, item)
    assert is_allowed(person(Role.AGENT), command, Held(queue="returns", **{place: "bob"})) is False


@pytest.mark.parametrize("command", NAMES)
def test_a_member_of_every_queue_needs_no_other_membership(command: str) -> None:
    is_expected = command not in ROBOTS_ONLY | OPERATORS
    assert is_allowed(person(Role.AGENT, EVERY_QUEUE), command, Held(queue="any")) is is_expected
    key = program(Scope.WORK, queues=(EVERY_QUEUE,))
    assert is_allowed(key, command, Held(queue="any")) is (command not in OPERATORS)


@pytest.mark.parametrize("command", NAMES)
def test_whoever_has_neither_role_nor_scope_gives_nothing(command: str) -> None:
    nobody = Caller(actor="robot:r", queues=frozenset({EVERY_QUEUE}))
    assert not is_allowed(nobody, command, Held(assignee="robot:r"))


@pytest.mark.parametrize(("role", "duty"), list(product(Role, Duty)), ids=str)
def test_a_person_has_the_duties_of_their_role_and_of_those_before(role: Role, duty: Duty) -> None:
    ranks = list(Role)
    least = DUTIES[duty][0]
    assert may(person(role), duty) is (ranks.index(role) >= ranks.index(least))


@pytest.mark.parametrize(("scope", "duty"), list(product(Scope, Duty)), ids=str)
def test_a_key_has_the_duties_of_its_scope_alone(scope: Scope, duty: Duty) -> None:
    assert may(program(scope), duty) is (DUTIES[duty][1] is scope)


@pytest.mark.parametrize("duty", [Duty.LEAD, Duty.OPERATE])
def test_no_key_leads_or_operates(duty: Duty) -> None:
    with pytest.raises(Forbidden, match="has a key"):
        check_duty(program(*Scope), duty)


def test_a_duty_in_a_queue_takes_membership_of_it() -> None:
    check_duty(person(Role.AGENT, "invoices"), Duty.TAKE, queue="invoices")
    with pytest.raises(Forbidden, match="no member of the queue returns"):
        check_duty(person(Role.LEAD, "invoices"), Duty.TAKE, queue="returns")
    check_duty(person(Role.OPERATOR), Duty.TAKE, queue="returns")


def test_items_of_other_queues_are_not_shown() -> None:
    check_reading(person(Role.VIEWER, "invoices"), Held())
    check_reading(person(Role.VIEWER), Held(owner="amy"))
    with pytest.raises(Forbidden, match="may not see items of the queue returns"):
        check_reading(person(Role.LEAD, "invoices"), Held(queue="returns"))
    with pytest.raises(Forbidden, match="takes the scope read"):
        check_reading(program(Scope.WORK), Held())


# K8
def test_only_a_lead_changes_a_cases_owner_by_editing_it() -> None:
    item = Held(owner="bob")
    agent, lead = person(Role.AGENT, "invoices"), person(Role.LEAD, "invoices")
    check_command(agent, "edit", item, {"title": "Another"})
    check_command(lead, "edit", item, {"owner": "amy"})
    with pytest.raises(Forbidden, match="only a lead changes the owner"):
        check_command(agent, "edit", item, {"owner": "amy"})
    # a key is trusted with what its scope says: services hand Cases over (contract)
    check_command(program(Scope.WORK), "edit", item, {"owner": "amy"})


def test_a_refusal_says_what_would_be_needed() -> None:
    with pytest.raises(Forbidden, match="to give resolve takes the role agent; amy is viewer"):
        check_command(person(Role.VIEWER, "invoices"), "resolve", Held())
    with pytest.raises(Forbidden, match="the queue returns; ask a lead to be made a member"):
        check_command(person(Role.AGENT, "invoices"), "resolve", Held(queue="returns"))
    with pytest.raises(Forbidden, match="only robots give heartbeat: amy is a person"):
        check_command(person(Role.OPERATOR), "heartbeat", Held())
