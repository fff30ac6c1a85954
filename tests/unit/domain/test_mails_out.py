"""Mails out in the domain: the effects of success and of failure (M5, T9)."""

from typing import Any

import pytest

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Status, Template
from domain.model.effects import SendMail
from domain.model.items import Mail, Resolution
from domain.model.proposed_changes import MAX_MESSAGE_ID_LENGTH, MAX_THREAD_MAILS, add_to_thread
from domain.rules.notification_mails import add_assignment_mail
from tests.support.builders import WINDOW, Life, case, case_tree, ticket

ANSWER: dict[str, Any] = {"to": "ida@example.org", "subject": "Invoice", "body": "Here it is."}
PROVING: dict[str, Any] = {**WINDOW, "resolution_evidence": True}


def failed(life: Life, mail: str, *, reason: str = "550 no such user", **fields: Any) -> None:  # noqa: ANN401
    life.signal(
        "mail_failed",
        **{"by": "system", "run": life.item.run, "mail": mail, "reason": reason, **fields},
    )


def sent(life: Life, name: str = "send_email", **fields: Any) -> Mail:  # noqa: ANN401
    (mail,) = life.do(name, **ANSWER, **fields).mails
    return mail


# M5
def test_a_mail_that_fails_is_on_the_timeline_and_raises_new_information() -> None:
    life = ticket()
    mail = sent(life)
    failed(life, mail.key)
    assert life.item.new_information
    assert life.item.status is Status.TO_DO
    assert life.last.command == "mail_failed"
    assert life.last.reason == f"mail {mail.key} was not delivered: 550 no such user"


# M5
def test_a_failure_within_the_window_reopens_for_the_owner() -> None:
    life = ticket(settings=WINDOW)
    life.do("start")
    mail = sent(life, "send_and_resolve", method="customer_response")
    assert life.item.status is Status.RESOLVED
    failed(life, mail.key)
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")
    assert life.item.resolution is None
    assert life.item.new_information


# M5: a failed mail is the exception
def test_a_failure_reopens_also_what_no_mail_reopens() -> None:
    life = ticket(settings={**WINDOW, "reopen_on": []})
    mail = sent(life, "send_and_resolve", method="customer_response")
    failed(life, mail.key)
    assert life.item.status is Status.TO_DO


# M5
@pytest.mark.parametrize("wait", ["more_information", "pause"])
def test_a_failure_ends_no_wait(wait: str) -> None:
    life = case() if wait == "pause" else ticket()
    mail = sent(life)
    life.do("wait", type=wait)
    failed(life, mail.key)
    assert life.item.status is Status.WAIT
    assert life.item.new_information


# M5
def test_a_failure_after_the_end_is_a_refused_entry_that_says_it() -> None:
    life = ticket()
    mail = sent(life, "send_and_resolve", method="customer_response")
    assert life.item.status is Status.CLOSED
    revision = life.item.revision
    failed(life, mail.key)
    assert (life.last.refused, life.last.rule, life.item.revision) == (True, "M5", revision)
    assert "550 no such user" in (life.last.reason or "")


# M5, C17
def test_a_failure_that_is_told_twice_counts_once() -> None:
    life = ticket()
    mail = sent(life)
    for _ in range(2):
        failed(life, mail.key, command_id="b-1")
    assert [entry.command for entry in life.entries].count("mail_failed") == 1


# M5
@pytest.mark.parametrize("fields", [{"run": "another"}, {"mail": "T-9:1:0"}])
def test_a_failure_of_a_mail_that_is_not_its_own_is_refused(fields: dict[str, str]) -> None:
    life = ticket()
    failed(life, **{"mail": sent(life).key, **fields})
    assert (life.last.refused, life.last.rule) == (True, "M5")
    assert not life.item.new_information


# T9
def test_a_resolution_mail_that_failed_is_no_evidence() -> None:
    life = ticket(settings=PROVING)
    life.do("start")
    mail = sent(life, resolution=True)
    failed(life, mail.key)
    refusal = life.refused("resolve", method="customer_response")
    assert (refusal.type, refusal.rule) == (NotAllowed.type, "T9")


# T9
def test_one_resolution_mail_that_did_not_fail_is_evidence_enough() -> None:
    life = ticket(settings=PROVING)
    life.do("start")
    first, _ = sent(life, resolution=True), sent(life, resolution=True)
    failed(life, first.key)
    life.do("resolve", method="customer_response")
    assert life.item.status is Status.RESOLVED


# T9
def test_a_resolution_note_stays_evidence_when_a_mail_fails() -> None:
    life = ticket(settings=PROVING)
    life.do("start")
    life.do("add_note", text="Told on the phone.", resolution=True)
    failed(life, sent(life, resolution=True).key)
    life.do("resolve", method="customer_response")
    assert isinstance(life.item.resolution, Resolution)


# M5
def test_a_mail_follows_the_mails_before_it() -> None:
    life = ticket()
    life.do("receive_email", by="system", message_id="<a@example.org>", sender="ida@example.org")
    first = sent(life)
    assert first.thread == ("<a@example.org>",)
    life.do("receive_email", by="system", message_id="<b@example.org>", sender="ida@example.org")
    second = sent(life)
    assert second.thread == ("<a@example.org>", first.key, "<b@example.org>")
    assert (second.about, second.template) == ("No invoice", Template.MESSAGE)


# M4, M5
def test_a_mail_follows_no_automatic_one() -> None:
    life = ticket()
    auto = {"message_id": "<o@example.org>", "sender": "ida@example.org", "automatic": True}
    life.do("receive_email", by="system", **auto)
    assert sent(life).thread == ()


# M5
def test_the_first_and_the_newest_mails_are_kept() -> None:
    life = ticket()
    for number in range(MAX_THREAD_MAILS + 3):
        life.item = add_to_thread(life.item, f"<{number}@example.org>")
    assert life.item.thread[0] == "<0@example.org>"
    assert life.item.thread[-1] == f"<{MAX_THREAD_MAILS + 2}@example.org>"
    assert len(life.item.thread) == MAX_THREAD_MAILS
    before = life.item.thread
    assert add_to_thread(life.item, "x" * (MAX_MESSAGE_ID_LENGTH + 1)).thread == before
    assert add_to_thread(life.item, before[-1]).thread == before


# K7, M5
def test_what_tells_the_desk_is_not_in_the_thread_of_its_correspondent() -> None:
    tree = case_tree(owner="amy")
    tree.fail("read")
    life = tree.life
    (assignment_mail,) = [mail for change in life.changes for mail in change.mails]
    assert (assignment_mail.template, assignment_mail.accounts) == (Template.ATTENTION, ("amy",))
    assert sent(life).thread == ()


# M5
def test_an_acknowledgement_is_a_mail_that_raises_nothing() -> None:
    life = ticket()
    life.signal("acknowledge", by="system", to="ida@example.org", language="fr")
    (mail,) = life.changes[-1].mails
    assert (mail.to, mail.template) == (("ida@example.org",), Template.ACKNOWLEDGEMENT)
    assert (mail.language, mail.about) == ("fr", "No invoice")
    assert life.item.status is Status.TO_DO
    assert not life.item.new_information
    assert not life.item.has_evidence


def test_an_acknowledgement_needs_an_address() -> None:
    life = ticket()
    with pytest.raises(InvalidCommand, match="to: "):
        life.signal("acknowledge", by="system", to="ida@example.org\nbcc: bo@example.org")
    assert life.item.outbox == ()


# M5
def test_who_is_assigned_an_item_by_somebody_else_is_told_with_that_change() -> None:
    life = ticket()
    change = life.do("assign", to="bob")
    assignment_mail = add_assignment_mail(change)
    assert assignment_mail is not None
    (mail,) = assignment_mail.mails
    assert (mail.accounts, mail.to, mail.template) == (("bob",), (), Template.ASSIGNMENT)
    assert (mail.body, mail.about) == ("amy", "No invoice")
    assert mail.key == f"T-7F3K9Q2D:{life.item.revision}:0"
    assert assignment_mail.item.outbox == (SendMail(key=mail.key),)
    assert assignment_mail.entries == change.entries


# M5
@pytest.mark.parametrize(
    ("by", "to"), [("amy", "amy"), ("amy", "robot:ocr-1"), ("amy", "service:erp")]
)
def test_who_took_it_and_what_is_no_person_is_not_told(by: str, to: str) -> None:
    assert add_assignment_mail(ticket().do("assign", by=by, to=to)) is None


def test_nobody_is_told_of_an_assignment_that_changed_nothing_or_only_the_owner() -> None:
    life = ticket()
    life.do("assign", to="bob")
    assert add_assignment_mail(life.do("assign", to="bob")) is None
    life.do("wait", by="bob", type="more_information")
    assert add_assignment_mail(life.do("assign", to="carol")) is None
    assert add_assignment_mail(life.do("add_note", text="Hello.")) is None
