"""Tickets (T1-T13, T17)."""

from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from pydantic import ValidationError

from domain.base.refusals import InvalidCommand, NotAllowed, Refused
from domain.base.values import Method, StartedBy, Status
from domain.engine.deadlines import closing_time, next_deadline
from domain.model.definitions import ItemSettings, ItemTerms
from domain.model.effects import SendMail
from domain.model.items import Entry
from tests.support.builders import (
    COMPLETE,
    DAY,
    HOUR,
    IDA,
    MOMENT,
    NOW,
    ROBOT,
    SERVICE,
    WINDOW,
    Life,
    draft,
    start_ticket,
    through_json,
    ticket,
)

MAIL: dict[str, Any] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}
ANSWER: dict[str, Any] = {"to": "ida@example.org", "subject": "Invoice", "body": "Here it is."}
NEEDED = ("title", "description", "category", "primary_contact", "requester")
PROVING: dict[str, Any] = {**WINDOW, "resolution_evidence": True}


# T1
def test_a_ticket_started_by_hand_is_a_draft_until_it_is_submitted() -> None:
    life = draft()
    assert life.item.status is Status.DRAFT
    assert life.state.started_by is StartedBy.MANUAL
    assert life.do("submit").item.status is Status.TO_DO
    assert life.item.submitted_at == NOW


# T1
@pytest.mark.parametrize(
    "fields",
    [
        {"started_by": "email"},
        {"started_by": "service"},
        {"started_by": "schedule"},
        {"by": SERVICE},
        {"submit": True},
        {"submit": True, "started_by": "manual"},
    ],
)
def test_a_ticket_started_otherwise_is_submitted_at_once(fields: dict[str, Any]) -> None:
    life = draft(**fields)
    (entry,) = life.entries
    assert (entry.before, entry.after) == (None, Status.TO_DO)
    assert entry.revision == 1
    assert (life.item.assignee, life.item.submitted_at) == (None, NOW)


# T1, contract: started_by is by default service when by is service
def test_who_started_a_ticket_and_how_is_recorded() -> None:
    assert draft(by=SERVICE).state.started_by is StartedBy.SERVICE
    assert draft(by=ROBOT).state.started_by is StartedBy.MANUAL
    assert draft(by=SERVICE, started_by="schedule").state.started_by is StartedBy.SCHEDULE
    assert draft(by=SERVICE).state.created_by == SERVICE
    assert draft(by=SERVICE, submit=False).item.status is Status.DRAFT


# T2
@pytest.mark.parametrize(
    "missing", [gap for size in range(1, 6) for gap in combinations(NEEDED, size)], ids="+".join
)
def test_a_submission_names_every_missing_field_at_once(missing: tuple[str, ...]) -> None:
    complete = {name: value for name, value in COMPLETE.items() if name not in missing}
    life = start_ticket(**complete)
    refusal = life.refused("submit")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "T2"
    assert set(refusal.fields) == set(missing)
    for field in missing:
        assert field.replace("_", " ") in refusal.sentence.replace("_", " ")
    assert life.item.status is Status.DRAFT


# T2
@pytest.mark.parametrize("blank", ["", "   "])
@pytest.mark.parametrize("field", ["title", "description"])
def test_a_blank_field_is_missing(field: str, blank: str) -> None:
    refusal = draft(**{field: blank}).refused("submit")
    assert refusal.fields == (field,)


# T2
def test_a_draft_that_was_completed_may_be_submitted() -> None:
    life = start_ticket()
    life.do("edit", **COMPLETE)
    assert life.item.status is Status.DRAFT
    assert life.do("submit").item.status is Status.TO_DO


# T2, contract: a start that would submit with required fields missing fails
def test_a_start_that_would_submit_and_lacks_fields_fails_with_all_of_them() -> None:
    with pytest.raises(InvalidCommand) as caught:
        start_ticket(by=SERVICE, title="No invoice")
    assert set(caught.value.fields) == set(NEEDED) - {"title"}


# T3
@pytest.mark.parametrize("way", ["start", "submit", "resolve", "wait"])
def test_the_description_becomes_the_first_note(way: str) -> None:
    life = draft(submit=True) if way == "start" else draft()
    if way != "start":
        method = {"method": "rejected"} if way == "resolve" else {}
        wait = {"type": "more_information"} if way == "wait" else {}
        life.do(way, **method, **wait)
    (note,) = [note for change in life.changes for note in change.notes]
    assert (note.kind, note.text) == ("submission", COMPLETE["description"])
    (updated,) = [entry for entry in life.entries if entry.serial == note.serial]
    assert updated.note == COMPLETE["description"]


# T3
@pytest.mark.parametrize("status", [Status.TO_DO, Status.IN_PROGRESS, Status.WAIT])
@pytest.mark.parametrize(
    "fields",
    [
        {"description": "Something else"},
        {"settings": {}},
        {"started_by": "service"},
        {"links": []},
        {"title": "Another", "description": "Something else"},
    ],
)
def test_what_was_submitted_is_not_edited_any_more(status: Status, fields: dict[str, Any]) -> None:
    life = ticket()
    if status is not Status.TO_DO:
        life.do("start")
    if status is Status.WAIT:
        life.do("wait", type="more_information")
    refusal = life.refused("edit", **fields)
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "T3"
    assert set(refusal.fields) == set(fields) - {"title"}
    assert life.item.status is status


# T3, contract: edit
def test_a_draft_is_edited_in_every_field() -> None:
    life = start_ticket()
    link = {"kind": "about", "reference": "T-1"}
    life.do(
        "edit",
        **COMPLETE,
        queue="second",
        settings={"feedback_window": "P3D"},
        started_by="email",
        links=[link],
    )
    state = life.state
    assert (state.title, state.description) == (COMPLETE["title"], COMPLETE["description"])
    assert (state.category, state.queue) == ("billing", "second")
    for field in ("title", "description", "queue", "settings"):
        assert field in (life.last.reason or "")
    assert state.primary_contact == state.requester
    assert state.started_by is StartedBy.EMAIL
    assert [link_state.model_dump() for link_state in state.links] == [link]
    life.do("submit")
    life.do("resolve", method="rejected")
    assert life.item.closes_at == NOW + 3 * DAY


# T3
def test_title_category_and_contacts_are_edited_after_submission() -> None:
    life = ticket()
    life.do("edit", title="Other", category="other", primary_contact={"name": "Bo"}, requester=IDA)
    state = life.state
    assert "title" in (life.last.reason or "")
    assert "description" not in (life.last.reason or "")
    assert (state.title, state.category) == ("Other", "other")
    assert state.primary_contact
    assert state.primary_contact.name == "Bo"


# T2: what submitting needs is not taken away afterwards
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_submitted_ticket_keeps_a_title(blank: str) -> None:
    life = ticket()
    assert life.refused("edit", title=blank).fields == ("title",)


# T4
def test_a_mail_from_a_draft_fills_what_is_empty() -> None:
    life = start_ticket()
    life.do("send_email", **ANSWER)
    assert (life.state.title, life.state.description) == ("Invoice", "Here it is.")
    assert life.item.status is Status.DRAFT


# T4
@pytest.mark.parametrize(
    ("had", "has"),
    [
        ({"title": "Mine"}, ("Mine", "Here it is.")),
        ({"description": "Mine"}, ("Invoice", "Mine")),
        ({"title": "Mine", "description": "Mine"}, ("Mine", "Mine")),
        ({"title": "", "description": ""}, ("Invoice", "Here it is.")),
    ],
)
def test_a_mail_from_a_draft_leaves_what_is_not_empty(
    had: dict[str, Any], has: tuple[str, str]
) -> None:
    life = start_ticket(**had)
    life.do("send_email", **ANSWER)
    assert (life.state.title, life.state.description) == has


# T4, T10
def test_a_draft_is_sent_and_resolved_with_what_the_mail_says() -> None:
    life = start_ticket(**{**COMPLETE, "title": None, "description": None}, settings=WINDOW)
    change = life.do("send_and_resolve", method="customer_response", **ANSWER)
    assert [entry.command for entry in change.entries] == ["submit", "send_and_resolve"]
    assert (life.state.title, life.state.description) == ("Invoice", "Here it is.")
    assert life.item.status is Status.RESOLVED


# T4
def test_a_mail_from_a_submitted_ticket_changes_no_field() -> None:
    life = ticket()
    life.do("send_email", **ANSWER)
    assert (life.state.title, life.state.description) == (
        COMPLETE["title"],
        COMPLETE["description"],
    )


# T5
@pytest.mark.parametrize("days", [0.5, 1, 1.25, 14, 365])
def test_days_to_wait_are_24_hours_and_may_be_fractions(days: float) -> None:
    life = ticket()
    life.do("wait", type="more_information", days_to_wait=days, waiting_for="customer")
    wait = life.state.wait
    assert wait
    assert (wait.type, wait.days_to_wait, wait.close_if_no_response, wait.waiting_for) == (
        "more_information",
        days,
        False,
        "customer",
    )
    assert life.state.wakes_at == NOW + days * DAY
    deadline = next_deadline(life.item)
    assert deadline
    assert deadline.at == NOW + days * DAY


# T5
@pytest.mark.parametrize("days", [0, -1, "3", True, 1e9])
def test_days_to_wait_are_a_sensible_number(days: object) -> None:
    refusal = ticket().refused("wait", type="more_information", days_to_wait=days)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields == ("days_to_wait",)


# T5
@pytest.mark.parametrize(
    "fields",
    [
        {"type": "more_information", "close_if_no_response": True},
        {"type": "until", "until": NOW + DAY, "close_if_no_response": True},
    ],
)
def test_close_if_no_response_needs_the_days(fields: dict[str, Any]) -> None:
    refusal = ticket().refused("wait", **fields)
    assert isinstance(refusal, InvalidCommand)
    assert "close_if_no_response" in refusal.sentence


# T6, C9
def test_when_no_response_came_the_ticket_is_to_do_again_and_raised() -> None:
    life = ticket()
    life.do("start")
    life.do("wait", type="more_information", days_to_wait=3)
    assert life.advance(3 * DAY - MOMENT).item.status is Status.WAIT
    life.advance(MOMENT)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    assert life.item.new_information
    assert life.item.wait is None
    assert next_deadline(life.item) is None


# T6
def test_close_if_no_response_closes_without_window_and_evidence() -> None:
    life = ticket(settings=PROVING)
    life.do("start")
    life.do("wait", type="more_information", days_to_wait=3, close_if_no_response=True)
    life.advance(3 * DAY)
    (entry,) = life.changes[-1].entries
    assert (entry.before, entry.after, entry.by) == (Status.WAIT, Status.CLOSED, "system")
    resolution = life.state.resolution
    assert resolution
    assert (resolution.method, resolution.by, resolution.at) == (
        "no_customer_response",
        "system",
        NOW + 3 * DAY,
    )
    assert (life.item.closes_at, life.item.wait, life.item.assignee) == (None, None, None)
    assert next_deadline(life.item) is None
    assert not any(entry.resolution for entry in life.entries)


# T6, M3
@pytest.mark.parametrize(
    ("closing", "down", "closes"),
    [
        (True, 3 * DAY - MOMENT, None),
        (True, 3 * DAY, NOW + 3 * DAY),
        (True, 90 * DAY, NOW + 3 * DAY),
        (False, 90 * DAY, None),
    ],
)
def test_that_it_is_about_to_close_is_seen_behind_what_happens_before(
    closing: bool,  # noqa: FBT001
    down: timedelta,
    closes: datetime | None,
) -> None:
    life = ticket(settings={"due": {"within": "P1D", "at_risk": "PT2H"}})
    life.do("start")
    life.do("wait", type="more_information", days_to_wait=3, close_if_no_response=closing)
    assert closing_time(life.item, NOW + down) == closes


# T7, C19
@pytest.mark.parametrize("closing", [True, False])
@pytest.mark.parametrize("early", [2 * DAY, MOMENT, timedelta(0)])
def test_a_mail_received_by_the_moment_is_a_response_however_late_it_is_handled(
    early: timedelta,
    closing: bool,  # noqa: FBT001
) -> None:
    life = ticket()
    life.do("start")
    life.do("wait", type="more_information", days_to_wait=3, close_if_no_response=closing)
    life.skip_downtime(10 * DAY)
    life.do("receive_email", by="system", received_at=NOW + 3 * DAY - early, **MAIL)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    assert [entry.command for entry in life.changes[-1].entries] == ["receive_email"]
    assert life.advance(100 * DAY).item.status is Status.TO_DO


# T7, C19
def test_a_mail_received_after_the_moment_is_no_response() -> None:
    life = ticket()
    life.do("wait", type="more_information", days_to_wait=3, close_if_no_response=True)
    life.skip_downtime(10 * DAY)
    refusal = life.signal("receive_email", by="system", received_at=NOW + 3 * DAY + MOMENT, **MAIL)
    assert refusal
    assert refusal.rule == "C15"
    assert life.item.status is Status.CLOSED


# T7
def test_an_automatic_mail_is_no_response() -> None:
    life = ticket()
    life.do("wait", type="more_information", days_to_wait=3)
    life.do("receive_email", by="system", automatic=True, **MAIL)
    assert life.item.status is Status.WAIT
    assert life.state.wakes_at == NOW + 3 * DAY
    assert life.advance(3 * DAY).item.status is Status.TO_DO


# T7, C11: feedback and notes are no mail
def test_notes_feedback_and_our_own_mails_leave_the_timer_alone() -> None:
    life = ticket()
    life.do("wait", type="more_information", days_to_wait=3)
    life.do("add_note", text="called her")
    life.do("feedback", by="system", rating=2)
    life.do("send_email", **ANSWER)
    assert life.item.status is Status.WAIT
    assert life.state.wakes_at == NOW + 3 * DAY


# T8
@pytest.mark.parametrize("method", ["customer_response", "no_customer_response", "rejected"])
def test_a_ticket_is_resolved_by_a_method(method: str) -> None:
    life = ticket(settings=WINDOW)
    life.do("start")
    (entry,) = life.do("resolve", method=method, note="as told by phone").entries
    assert life.item.status is Status.RESOLVED
    resolution = life.state.resolution
    assert resolution
    assert (resolution.method, resolution.outcome, resolution.by, resolution.at) == (
        method,
        None,
        "amy",
        NOW,
    )
    assert entry.note == "as told by phone"
    assert life.state.closes_at == NOW + 10 * DAY


# T8
def test_spam_closes_at_once_without_window_and_evidence() -> None:
    life = ticket(settings=PROVING)
    (entry,) = life.do("resolve", method="rejected_as_spam").entries
    assert (entry.before, entry.after) == (Status.TO_DO, Status.CLOSED)
    assert life.item.resolution
    assert life.item.resolution.method is Method.REJECTED_AS_SPAM
    assert life.item.closes_at is None
    assert not entry.resolution


# T8
@pytest.mark.parametrize(
    "method",
    [
        None,
        "",
        "merged",
        "split",
        "case_launched",
        "rejected_unknown_address",
        "discarded",
        "complete",
        "REJECTED",
    ],
)
@pytest.mark.parametrize("command", ["resolve", "send_and_resolve"])
def test_no_other_method_is_chosen_by_hand(command: str, method: str | None) -> None:
    fields = ANSWER if command == "send_and_resolve" else {}
    refusal = ticket().refused(command, method=method, **fields)
    assert isinstance(refusal, InvalidCommand)
    assert refusal.fields == ("method",)


def proving(**fields: Any) -> Life:  # noqa: ANN401
    """Start a Ticket in progress with amy that needs evidence to be resolved."""
    life = ticket(settings=PROVING, **fields)
    life.do("start")
    return life


def without_evidence(life: Life) -> Refused:
    refusal = life.refused("resolve", method="customer_response")
    assert isinstance(refusal, NotAllowed)
    assert refusal.rule == "T9"
    return refusal


def evidence_of(life: Life) -> list[Entry]:
    return [entry for entry in life.entries if entry.resolution]


# T9
def test_without_evidence_the_refusal_says_what_to_do() -> None:
    sentence = without_evidence(proving()).sentence
    assert "note" in sentence
    assert "mail" in sentence


# T9
def test_no_evidence_is_asked_for_where_the_settings_do_not_require_it() -> None:
    for settings in ({}, {"resolution_evidence": False}):
        life = ticket(settings=settings)
        life.do("resolve", method="customer_response")
        assert life.item.resolution


# T9
@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("add_note", {"text": "paid on Monday", "resolution": True}),
        ("send_email", {**ANSWER, "resolution": True}),
    ],
)
def test_a_resolution_note_or_mail_is_evidence_and_is_marked(
    command: str, fields: dict[str, Any]
) -> None:
    life = proving()
    life.do(command, **fields)
    assert life.last.resolution
    life.do("add_note", text="no more than a note")
    life.do("resolve", method="customer_response")
    assert life.item.status is Status.RESOLVED
    (marked,) = evidence_of(life)
    assert marked.command == command


# T9
@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("add_note", {"text": "paid on Monday"}),
        ("send_email", ANSWER),
        ("receive_email", MAIL),
        ("edit", {"queue": "second"}),
    ],
)
def test_other_notes_and_mails_are_no_evidence(command: str, fields: dict[str, Any]) -> None:
    life = proving()
    life.do(command, **fields)
    assert not life.last.resolution
    without_evidence(life)


# T9
def test_the_note_of_the_resolve_itself_counts_and_is_marked() -> None:
    life = proving()
    (entry,) = life.do("resolve", method="customer_response", note="paid on Monday").entries
    assert life.item.status is Status.RESOLVED
    assert entry.resolution
    (note,) = life.changes[-1].notes
    assert (note.kind, note.text) == ("resolution", "paid on Monday")


# T9
@pytest.mark.parametrize("note", ["", "   "])
def test_an_empty_note_is_no_evidence(note: str) -> None:
    assert proving().refused("resolve", method="customer_response", note=note).rule == "T9"


# T9
@pytest.mark.parametrize(
    "back",
    [
        ("unassign", {}),
        ("assign", {"to": "bob"}),
        ("set_to_do", {}),
        ("reject", {"by": ROBOT, "reason": "blurred"}),
    ],
)
def test_evidence_from_before_it_last_became_to_do_does_not_count(
    back: tuple[str, dict[str, Any]],
) -> None:
    command, fields = back
    life = proving()
    if command == "reject":
        life.do("start", by=ROBOT, take_over=True)
    life.do("add_note", text="paid on Monday", resolution=True)
    life.do(command, **fields)
    life.do("start", take_over=True)
    without_evidence(life)
    life.do("add_note", text="paid on Tuesday", resolution=True)
    life.do("resolve", method="customer_response")


# T9
@pytest.mark.parametrize("way", ["mail", "timer", "reopening"])
def test_evidence_from_before_it_came_back_does_not_count(way: str) -> None:
    life = proving()
    life.do("add_note", text="paid on Monday", resolution=True)
    match way:
        case "mail":
            life.do("wait", type="more_information")
            life.do("receive_email", by="system", **MAIL)
        case "timer":
            life.do("wait", type="until", until=NOW + DAY)
            life.advance(DAY)
        case _:
            life.do("resolve", method="customer_response")
            life.do("reopen")
    assert life.item.status is Status.TO_DO
    without_evidence(life)


# T9
def test_evidence_outlasts_a_wait_that_is_resumed_or_resolved() -> None:
    for resumed in (True, False):
        life = proving()
        life.do("add_note", text="paid on Monday", resolution=True)
        life.do("wait", type="more_information")
        if resumed:
            life.do("resume")
        life.do("resolve", method="customer_response")
        assert life.item.status is Status.RESOLVED


# T9
def test_evidence_given_while_it_waits_counts() -> None:
    life = proving()
    life.do("wait", type="more_information")
    life.do("add_note", text="paid on Monday", resolution=True)
    life.do("resolve", method="customer_response")
    assert life.item.status is Status.RESOLVED


# T9
def test_evidence_given_while_to_do_counts() -> None:
    life = ticket(settings=PROVING)
    life.do("add_note", text="paid on Monday", resolution=True)
    life.do("assign", by="bob", to="amy")
    life.do("start")
    life.do("resolve", method="customer_response")
    assert life.item.status is Status.RESOLVED


# T9
def test_evidence_of_a_draft_counts_for_a_resolve_straight_from_it() -> None:
    life = draft(settings=PROVING)
    without_evidence(life)
    life.do("add_note", text="paid on Monday", resolution=True)
    life.do("resolve", method="customer_response")
    assert life.item.status is Status.RESOLVED


# T9
@pytest.mark.parametrize("way", ["submit", "wait"])
def test_evidence_of_a_draft_does_not_outlast_its_submission(way: str) -> None:
    life = draft(settings=PROVING)
    life.do("add_note", text="paid on Monday", resolution=True)
    life.do(way, **({"type": "more_information"} if way == "wait" else {}))
    without_evidence(life)


# T9
def test_evidence_survives_being_carried_to_another_run() -> None:
    life = proving()
    life.do("add_note", text="paid on Monday", resolution=True)
    life.item = through_json(life.item)
    life.do("resolve", method="customer_response")
    assert life.item.status is Status.RESOLVED


# T9: the catalog's settings apply where the start's are silent
def test_the_catalog_may_require_evidence_and_the_start_goes_before_it() -> None:
    catalog = ItemTerms(settings=ItemSettings(resolution_evidence=True))
    without_evidence(ticket(terms=catalog))
    life = ticket(terms=catalog, settings={"resolution_evidence": False})
    life.do("resolve", method="customer_response")


# T10
def test_one_command_sends_the_mail_and_resolves() -> None:
    life = proving()
    change = life.do(
        "send_and_resolve", method="customer_response", cc=["bo@example.org"], **ANSWER
    )
    (entry,) = change.entries
    assert (entry.after, entry.resolution) == (Status.RESOLVED, True)
    (mail,) = change.mails
    assert (mail.to, mail.cc) == (("ida@example.org",), ("bo@example.org",))
    assert "Invoice" in mail.subject
    assert "Here it is." in mail.body
    assert mail.resolution
    (effect,) = life.item.outbox
    assert effect == SendMail(key=mail.key)


# T10
@pytest.mark.parametrize(
    "to",
    [
        [],
        None,
        "",
        "ida",
        "ida@",
        "@example.org",
        "ida@example.org, bo@example.org",
        "Ida <ida@example.org>",
        "ida @example.org",
        ["ida@example.org", "bo"],
        "a@b@c",
        "ida@example.org\nbcc: x@example.org",
        f"{'a' * 250}@example.org",
        7,
    ],
)
def test_a_mail_that_cannot_be_sent_resolves_nothing(to: object) -> None:
    life = proving()
    refusal = life.refused("send_and_resolve", method="customer_response", **{**ANSWER, "to": to})
    assert isinstance(refusal, InvalidCommand)
    assert {field.split(".")[0] for field in refusal.fields} == {"to"}
    assert (life.item.status, life.item.outbox) == (Status.IN_PROGRESS, ())


# T10
def test_a_mail_without_a_recipient_field_resolves_nothing() -> None:
    refusal = proving().refused("send_and_resolve", method="rejected", body="Here it is.")
    assert refusal.fields == ("to",)


# M5, in the domain: queued with the change that caused it
def test_a_mail_is_queued_with_its_change() -> None:
    life = ticket()
    change = life.do("send_email", **{**ANSWER, "to": ["ida@example.org", "bo@example.org"]})
    (mail,) = change.mails
    assert (mail.subject, mail.body, mail.resolution) == ("Invoice", "Here it is.", False)
    assert mail.to == ("ida@example.org", "bo@example.org")
    assert life.item.outbox == (SendMail(key=mail.key),)
    (entry,) = change.entries
    assert "ida@example.org" in (entry.reason or "")
    assert "Invoice" in (entry.reason or "")
    assert entry.note == "Here it is."
    assert [(note.kind, note.text) for note in change.notes] == [("mail", "Here it is.")]
    assert life.do("send_email", to="ida@example.org").notes == ()
    again = life.do("send_email", **ANSWER)
    assert len(life.item.outbox) == 3
    assert again.mails[0].key != mail.key


# T11
@pytest.mark.parametrize(
    ("window", "length"),
    [
        ("P1D", DAY),
        ("P10D", 10 * DAY),
        ("P1.5D", 1.5 * DAY),
        ("P1W", 7 * DAY),
        ("PT36H", 36 * HOUR),
        ("PT90M", 1.5 * HOUR),
        ("P1DT2H30M", DAY + 2.5 * HOUR),
        ("PT5S", timedelta(seconds=5)),
        ("PT0,5H", HOUR / 2),
    ],
)
def test_resolved_lasts_for_the_feedback_window(window: str, length: timedelta) -> None:
    life = ticket(settings={"feedback_window": window})
    life.do("resolve", method="rejected")
    assert (life.item.status, life.state.closes_at) == (Status.RESOLVED, NOW + length)
    assert life.advance(length - MOMENT).item.status is Status.RESOLVED
    assert life.advance(MOMENT).item.status is Status.CLOSED


# T11
@pytest.mark.parametrize("settings", [{}, {"feedback_window": "PT0S"}, {"feedback_window": "P0D"}])
def test_without_a_window_a_ticket_is_closed_at_once(settings: dict[str, Any]) -> None:
    life = ticket(settings=settings)
    life.do("start")
    (entry,) = life.do("resolve", method="customer_response").entries
    assert (entry.before, entry.after) == (Status.IN_PROGRESS, Status.CLOSED)
    assert life.item.resolution
    assert life.state.closes_at is None
    assert next_deadline(life.item) is None


# T11
@pytest.mark.parametrize(
    "window",
    [
        "P1M",
        "P1Y",
        "P1Y2M3D",
        "P",
        "PT",
        "P1DT",
        "1D",
        "-P1D",
        "P-1D",
        "P1H",
        "PT1D",
        "P1D ",
        "p1d",
        "",
        "P1D1W",
        "PT1.5.5H",
        "P99999999D",
        f"P{'9' * 400}D",
        f"PT{'9' * 400}S",
        3600,
    ],
)
def test_a_window_is_an_iso_duration_without_months_and_years(window: object) -> None:
    with pytest.raises(ValidationError):
        ticket(settings={"feedback_window": window})


# T11: the catalog's settings apply where the start's are silent
def test_the_catalogs_window_applies_where_the_start_names_none() -> None:
    catalog = ItemTerms(settings=ItemSettings.model_validate_json('{"feedback_window": "P2D"}'))
    life = ticket(terms=catalog)
    life.do("resolve", method="rejected")
    assert life.item.closes_at == NOW + 2 * DAY
    life = ticket(terms=catalog, settings={"feedback_window": "PT0S"})
    life.do("resolve", method="rejected")
    assert life.item.status is Status.CLOSED


# contract: queue is by default the category's, else `default`
def test_the_queue_is_the_starts_else_the_catalogs_else_default() -> None:
    catalog = ItemTerms(queue="accounts")
    assert ticket().item.queue == "default"
    assert ticket(terms=catalog).item.queue == "accounts"
    assert ticket(terms=catalog, queue="mine").item.queue == "mine"
    life = draft()
    life.terms = catalog
    life.do("submit")
    assert life.item.queue == "accounts"
    life = draft()
    life.terms = catalog
    life.do("edit", queue="mine")
    life.do("submit")
    assert life.item.queue == "mine"


def resolved(**fields: Any) -> Life:  # noqa: ANN401
    life = ticket(settings=WINDOW, **fields)
    life.do("start")
    life.do("resolve", method="rejected", note="not ours")
    return life


# T12
@pytest.mark.parametrize(
    ("command", "fields"), [("receive_email", MAIL), ("feedback", {"rating": 1})]
)
@pytest.mark.parametrize("after", [timedelta(0), 10 * DAY - MOMENT, 10 * DAY])
def test_a_mail_or_feedback_within_the_window_reopens_however_late_it_is_handled(
    command: str, fields: dict[str, Any], after: timedelta
) -> None:
    life = resolved()
    life.skip_downtime(90 * DAY)
    (entry,) = life.do(command, by="system", received_at=NOW + after, **fields).entries
    assert (entry.before, entry.after) == (Status.RESOLVED, Status.TO_DO)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    assert life.item.new_information
    assert life.state.resolution is None
    assert life.state.closes_at is None
    assert next_deadline(life.item) is None


# T12, T13, C19
@pytest.mark.parametrize(
    ("command", "fields"), [("receive_email", MAIL), ("feedback", {"rating": 1})]
)
def test_a_mail_or_feedback_after_the_window_finds_it_closed(
    command: str, fields: dict[str, Any]
) -> None:
    for received_at in (NOW + 10 * DAY + MOMENT, None):
        life = resolved()
        life.skip_downtime(10 * DAY + MOMENT)
        refusal = life.signal(command, by="system", received_at=received_at, **fields)
        assert refusal
        assert refusal.rule == "C15"
        assert life.item.status is Status.CLOSED
        assert [entry.command for entry in life.changes[-1].entries][-1] == command


# C19
def test_a_mail_said_to_come_from_the_future_counts_as_received_now() -> None:
    life = resolved()
    life.skip_downtime(DAY)
    life.do("receive_email", by="system", received_at=NOW + 900 * DAY, **MAIL)
    assert life.item.status is Status.TO_DO
    assert life.last.at == life.now


# contract, settings: reopen_on
@pytest.mark.parametrize(
    ("reopen_on", "mail", "feedback"),
    [
        (None, Status.TO_DO, Status.TO_DO),
        (["mail", "feedback"], Status.TO_DO, Status.TO_DO),
        (["mail"], Status.TO_DO, Status.RESOLVED),
        (["feedback"], Status.RESOLVED, Status.TO_DO),
        ([], Status.RESOLVED, Status.RESOLVED),
    ],
)
def test_what_reopens_is_a_setting(
    reopen_on: list[str] | None, mail: Status, feedback: Status
) -> None:
    settings = {**WINDOW, "reopen_on": reopen_on}
    for command, fields, status in (
        ("receive_email", MAIL, mail),
        ("feedback", {"rating": 1}, feedback),
    ):
        life = ticket(settings=settings)
        life.do("resolve", method="rejected")
        (entry,) = life.do(command, by="system", **fields).entries
        assert (life.item.status, entry.after) == (status, status)


# contract, settings: reopen_on; C13
def test_a_mail_that_may_not_reopen_is_still_new_information() -> None:
    life = ticket(settings={**WINDOW, "reopen_on": ["feedback"]})
    life.do("resolve", method="rejected")
    life.do("receive_email", by="system", **MAIL)
    assert life.item.new_information
    assert life.item.closes_at == NOW + 10 * DAY


# T12
def test_reopening_by_hand_assigns_the_owner() -> None:
    life = resolved()
    (entry,) = life.do("reopen", by="bob").entries
    assert (entry.before, entry.after) == (Status.RESOLVED, Status.TO_DO)
    assert life.item.assignee == "amy"
    assert life.item.new_information
    assert life.state.resolution is None


# T12
def test_reopening_by_hand_assigns_the_actor_where_there_is_no_owner() -> None:
    life = resolved()
    life.do("unassign")
    life.do("reopen", by="bob")
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "bob")
    assert life.item.new_information


# T12
@pytest.mark.parametrize(("actor", "holder"), [(ROBOT, ROBOT), (SERVICE, None)])
def test_an_item_without_owner_that_a_robot_reopens_is_the_robots(
    actor: str, holder: str | None
) -> None:
    life = resolved()
    life.do("unassign")
    life.do("reopen", by=actor)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, holder)


# T12
def test_the_next_resolve_starts_a_whole_new_window() -> None:
    life = resolved()
    life.advance(9 * DAY)
    life.do("reopen")
    assert life.advance(30 * DAY).item.status is Status.TO_DO
    life.do("resolve", method="customer_response")
    assert life.state.closes_at == NOW + 49 * DAY
    assert life.advance(10 * DAY - MOMENT).item.status is Status.RESOLVED
    assert life.advance(MOMENT).item.status is Status.CLOSED


# T12
def test_the_first_resolver_and_the_first_resolution_time_are_kept() -> None:
    life = resolved()
    life.advance(DAY)
    life.do("reopen", by="bob")
    life.do("resolve", by="bob", take_over=True, method="customer_response")
    first = life.state.first_resolution
    assert first
    assert (first.by, first.at) == ("amy", NOW)
    resolution = life.state.resolution
    assert resolution
    assert (resolution.by, resolution.at) == ("bob", NOW + DAY)
    assert life.advance(30 * DAY).state.first_resolution == first


# T13
def test_when_the_window_is_over_the_ticket_is_closed_by_the_system() -> None:
    life = resolved()
    life.advance(90 * DAY)
    (entry,) = life.changes[-1].entries
    assert (entry.before, entry.after, entry.by) == (Status.RESOLVED, Status.CLOSED, "system")
    assert entry.at == NOW + 10 * DAY
    assert life.state.closes_at is None
    resolution = life.state.resolution
    assert resolution
    assert (resolution.method, resolution.by) == ("rejected", "amy")
    assert life.refused("receive_email", by="system", **MAIL).rule == "C15"


# T17
def test_a_draft_is_discarded() -> None:
    life = start_ticket(settings=PROVING)
    (entry,) = life.do("cancel", reason="by mistake").entries
    assert (entry.before, entry.after, entry.reason) == (
        Status.DRAFT,
        Status.CLOSED,
        "by mistake",
    )
    resolution = life.state.resolution
    assert resolution
    assert resolution.method == "discarded"
    assert (life.item.assignee, life.item.closes_at) == (None, None)


# T17
def test_only_a_draft_is_cancelled() -> None:
    life = ticket(settings=WINDOW)
    assert isinstance(life.refused("cancel"), NotAllowed)
    life.do("start")
    assert isinstance(life.refused("cancel"), NotAllowed)
    life.do("wait", type="more_information")
    assert isinstance(life.refused("cancel"), NotAllowed)
    life.do("resolve", method="rejected")
    assert isinstance(life.refused("cancel"), NotAllowed)


# Chapter 10, feedback
def test_feedback_to_a_ticket_at_work_is_recorded() -> None:
    life = ticket()
    (entry,) = life.do("feedback", by="system", rating=3, comment="slow").entries
    assert (entry.before, entry.after) == (Status.TO_DO, Status.TO_DO)
    assert "3" in f"{entry.reason} {entry.note}"
    assert "slow" in f"{entry.reason} {entry.note}"
    assert [(note.kind, note.text) for note in life.changes[-1].notes] == [("feedback", "slow")]


# Chapter 10, feedback
@pytest.mark.parametrize("rating", ["good", 0, 100])
def test_feedback_is_rated_by_number_or_word(rating: object) -> None:
    life = ticket()
    life.do("feedback", by="system", rating=rating)
    assert str(rating) in f"{life.last.reason} {life.last.note}"
    assert life.changes[-1].notes == ()


# C16, M6: a long text is kept in the store and carried by reference
def test_a_long_note_is_kept_whole_for_the_store_and_short_in_the_item() -> None:
    life = ticket()
    text = "ä" * 9000
    change = life.do("add_note", text=text)
    (note,) = change.notes
    assert (note.text, note.kind) == (text, "note")
    (entry,) = change.entries
    assert entry.note
    assert len(entry.note) < 1100
    assert entry.note.startswith("ä" * 1000)
    assert note.serial == entry.serial
    assert life.item.status is Status.TO_DO


# C16, M6
def test_a_short_note_is_in_the_timeline_itself() -> None:
    life = ticket()
    life.do("add_note", text="called her\n\ttwice")
    assert life.last.note == "called her\n\ttwice"


# M6: a long description is carried as an excerpt too
def test_a_long_description_is_whole_in_the_store_and_short_in_the_item() -> None:
    text = "x" * 20_000
    life = ticket(description=text)
    (note,) = life.changes[0].notes
    assert (note.kind, note.text) == ("submission", text)
    assert len(life.item.description) < 1100
    life = draft(description=text)
    life.do("submit")
    assert [note.text for change in life.changes for note in change.notes] == [text]
