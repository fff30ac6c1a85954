"""Lives of Tickets over days and months, on a server that skips time."""

from datetime import datetime, timedelta

from tests.support.workers import WorkerEnvironment, assert_eventually
from tests.workflows.conftest import Clock

DAY = timedelta(days=1)
WINDOW = {"feedback_window": "P10D"}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_ticket_lives_from_draft_to_closed(desk: WorkerEnvironment, clock: Clock) -> None:
    ticket = await desk.ticket(submit=False, settings=WINDOW)
    assert (await ticket.state())["status"] == "DRAFT"
    assert (await ticket.do("submit"))["status"] == "TO_DO"
    assert (await ticket.do("start"))["assignee"] == "amy"
    waiting = await ticket.do("wait", type="more_information", waiting_for="customer")
    assert (waiting["owner"], waiting["assignee"]) == ("amy", None)
    await clock.skip(30 * DAY)
    assert (await ticket.state())["revision"] == waiting["revision"]
    back = await ticket.do(
        "receive_email", by="system", message_id="<1@x>", sender="ida@example.org"
    )
    assert (back["status"], back["assignee"], back["new_information"]) == ("TO_DO", "amy", True)
    await ticket.do("start")
    resolved = await ticket.do("resolve", method="customer_response", note="Sent again.")
    assert resolved["status"] == "RESOLVED"
    await clock.skip(9 * DAY)
    assert (await ticket.state())["status"] == "RESOLVED"
    await clock.skip(DAY)
    last = await ticket.result()
    assert last["status"] == "CLOSED"
    assert last == await ticket.state()
    assert ticket.commands == [
        "create", "submit", "start", "wait", "receive_email", "start", "resolve", "window_over",
    ]  # fmt: skip
    assert ticket.entries[-1].at == instant(resolved["closes_at"])
    assert ticket.entries[-1].by == "system"  # C20


async def test_days_to_wait_that_are_over_bring_a_ticket_back(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket()
    waiting = await ticket.do("wait", type="more_information", days_to_wait=3)
    await clock.skip(2.9 * DAY)
    assert (await ticket.state())["status"] == "WAIT"
    await clock.skip(0.1 * DAY)
    back = await ticket.eventually(status="TO_DO")
    assert (back["assignee"], back["new_information"], back["wait"]) == ("amy", True, None)  # T6
    assert ticket.entries[-1].command == "days_to_wait_over"
    assert ticket.entries[-1].at == instant(waiting["wakes_at"])


async def test_a_ticket_closes_itself_for_want_of_an_answer(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket(settings=WINDOW | {"resolution_evidence": True})
    await ticket.do("wait", type="more_information", days_to_wait=5, close_if_no_response=True)
    await clock.skip(5 * DAY)
    last = await ticket.result()  # T6: no window, no evidence
    assert (last["status"], last["resolution"]["method"]) == ("CLOSED", "no_customer_response")
    assert last["resolution"]["by"] == "system"


async def test_a_response_in_time_cancels_the_days_to_wait(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket()
    await ticket.do("wait", type="more_information", days_to_wait=5, close_if_no_response=True)
    await clock.skip(4 * DAY)
    await ticket.tell("receive_email", by="system", message_id="<1@x>", sender="ida@example.org")
    to_do = await ticket.eventually(status="TO_DO")
    await clock.skip(90 * DAY)
    assert await ticket.state() == to_do  # T7
    assert "TIMER_FIRED" not in await ticket.events()


async def test_an_automatic_mail_is_no_response(desk: WorkerEnvironment, clock: Clock) -> None:
    ticket = await desk.ticket()
    await ticket.do("wait", type="more_information", days_to_wait=5, close_if_no_response=True)
    mail = {"message_id": "<1@x>", "sender": "robot@example.org", "automatic": True}
    assert (await ticket.do("receive_email", by="system", **mail))["status"] == "WAIT"  # M4
    await clock.skip(5 * DAY)
    assert (await ticket.result())["resolution"]["method"] == "no_customer_response"


async def test_another_date_replaces_the_timer_of_the_first(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket()
    start = await clock.now()
    await ticket.do("wait", type="until", until=(start + 20 * DAY).isoformat())
    later = await ticket.do("wait", type="until", until=(start + 200 * DAY).isoformat())
    await clock.skip(100 * DAY)
    assert await ticket.state() == later  # C11
    sooner = start + 101 * DAY
    await ticket.do("wait", type="until", until=sooner.isoformat())
    await clock.skip(DAY)
    await ticket.eventually(status="TO_DO")
    assert ticket.entries[-1].at == sooner
    assert (await ticket.events()).count("TIMER_FIRED") == 1


async def test_a_resumed_ticket_is_not_woken_any_more(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket()
    await ticket.do("wait", type="until", until=(await clock.now() + DAY).isoformat())
    resumed = await ticket.do("resume")
    await clock.skip(2 * DAY)
    assert await ticket.state() == resumed  # C12


async def test_mail_within_the_window_reopens_and_the_next_window_is_whole(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket(settings=WINDOW)
    await ticket.do("start", by="bob")
    first = await ticket.do("resolve", by="bob", method="customer_response")
    await clock.skip(9 * DAY)
    mail = {"message_id": "<1@x>", "sender": "ida@example.org"}
    back = await ticket.do("receive_email", by="system", **mail)
    assert (back["status"], back["assignee"], back["resolution"]) == ("TO_DO", "bob", None)  # T12
    await clock.skip(5 * DAY)
    assert (await ticket.state())["status"] == "TO_DO"
    await ticket.do("resolve", by="carol", take_over=True, method="rejected")
    await clock.skip(9.5 * DAY)
    assert (await ticket.state())["status"] == "RESOLVED"
    await clock.skip(0.5 * DAY)
    last = await ticket.result()
    assert last["first_resolution"] == {"by": "bob", "at": first["resolution"]["at"]}
    assert last["resolution"]["by"] == "carol"


async def test_feedback_within_the_window_reopens(desk: WorkerEnvironment, clock: Clock) -> None:
    ticket = await desk.ticket(settings=WINDOW)
    await ticket.do("resolve", method="customer_response")
    await clock.skip(DAY)
    await ticket.tell("feedback", by="service:survey", rating=1, comment="Still no invoice.")
    assert (await ticket.eventually(status="TO_DO"))["assignee"] == "amy"
    assert desk.ledger.notes(ticket.reference)[-1].text == "Still no invoice."


async def test_the_holder_is_told_once_at_risk_and_once_overdue(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket(settings={"due": {"within": "P10D", "at_risk": "P2D"}})
    await ticket.do("start")
    start = instant((await ticket.state())["submitted_at"])
    await clock.skip(60 * DAY)

    async def check() -> None:
        assert ticket.commands == ["create", "start", "at_risk", "overdue"]  # D3
        assert len(desk.posted.taken) == 2

    await assert_eventually(check)
    assert [entry.at - start for entry in ticket.entries[-2:]] == [8 * DAY, 10 * DAY]
    mails = desk.ledger.mails(ticket.reference)
    assert [mail.accounts for mail in mails] == [("amy",), ("amy",)]
    assert [mail.key for mail in mails] == desk.posted.taken


async def test_a_wait_that_stops_the_clock_moves_the_due_date(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket(settings={"due": {"within": "P10D", "add_wait_time": True}})
    await ticket.do("start")
    start = instant((await ticket.state())["submitted_at"])
    await clock.skip(4 * DAY)
    stopped = await ticket.do("wait", type="more_information")
    assert (stopped["clock"], stopped["due_at"]) == ("stopped", None)  # D5
    await clock.skip(100 * DAY)
    assert ticket.commands == ["create", "start", "wait"]  # D3: no alarm while grey
    resumed = await ticket.do("resume")
    due = instant(resumed["due_at"])
    waited = instant(resumed["changed_at"]) - instant(stopped["changed_at"])
    assert due - start == 10 * DAY + waited  # D2
    await clock.skip(6 * DAY)

    async def check() -> None:
        assert ticket.commands[-1] == "overdue"

    await assert_eventually(check)
    assert ticket.entries[-1].at == due


async def test_a_waiting_item_writes_nothing_for_months(
    desk: WorkerEnvironment, clock: Clock
) -> None:
    ticket = await desk.ticket()
    until = await clock.now() + 300 * DAY
    await ticket.do("wait", type="until", until=until.isoformat())
    before = await ticket.events()
    await clock.skip(299 * DAY)
    assert await ticket.events() == before


async def test_a_window_of_nothing_closes_at_once(desk: WorkerEnvironment) -> None:
    ticket = await desk.ticket(settings={"feedback_window": "PT0S"})
    await ticket.do("resolve", method="customer_response")
    assert (await ticket.result())["closes_at"] is None  # T11


async def test_spam_closes_at_once_without_window_and_evidence(desk: WorkerEnvironment) -> None:
    ticket = await desk.ticket(settings=WINDOW | {"resolution_evidence": True})
    assert (await ticket.do("resolve", method="rejected_as_spam"))["status"] == "CLOSED"  # T8
    assert (await ticket.result())["resolution"]["method"] == "rejected_as_spam"


async def test_sending_and_resolving_is_one_command_and_the_mail_goes_out(
    desk: WorkerEnvironment,
) -> None:
    ticket = await desk.ticket(settings=WINDOW | {"resolution_evidence": True})
    fields = {"to": ["ida@example.org"], "subject": "Your invoice", "body": "Here it is."}
    state = await ticket.do("send_and_resolve", method="customer_response", **fields)
    assert state["status"] == "RESOLVED"  # T10

    async def check() -> None:
        assert desk.posted.taken == [mail.key for mail in desk.ledger.mails(ticket.reference)]
        assert len(desk.posted.taken) == 1

    await assert_eventually(check)


async def test_a_mail_that_is_given_up_is_seen_on_the_timeline_and_raised(
    desk: WorkerEnvironment,
) -> None:
    ticket = await desk.ticket()
    desk.posted.is_broken = True
    await ticket.do("send_email", to="ida@example.org", subject="Hello")
    state = await ticket.eventually(new_information=True)  # M5
    assert state["status"] == "TO_DO"
    entry = ticket.entries[-1]
    assert (entry.command, entry.refused) == ("mail_failed", False)
    assert "given up" in (entry.reason or "")


# M5
async def test_a_resolution_mail_that_fails_reopens_within_the_window(
    desk: WorkerEnvironment,
) -> None:
    ticket = await desk.ticket(settings=WINDOW | {"resolution_evidence": True})
    desk.posted.is_broken = True
    await ticket.do("start")
    await ticket.do("send_and_resolve", method="customer_response", to="ida@example.org")
    state = await ticket.eventually(status="TO_DO", assignee="amy", new_information=True)
    assert state["resolution"] is None


# M5
async def test_a_mail_that_fails_after_the_end_is_still_on_the_timeline(
    desk: WorkerEnvironment,
) -> None:
    ticket = await desk.ticket()
    desk.posted.is_broken = True
    await ticket.tell("send_and_resolve", method="rejected_as_spam", to="ida@example.org")
    assert (await ticket.result())["status"] == "CLOSED"
    entry = ticket.entries[-1]
    assert (entry.refused, entry.rule) == (True, "M5")
    assert "was not delivered" in (entry.reason or "")


# M5
async def test_who_is_assigned_an_item_by_somebody_else_is_told_by_mail(
    desk: WorkerEnvironment,
) -> None:
    ticket = await desk.ticket()
    await ticket.do("assign", to="bob")
    await ticket.tell("assign", by="bob", to="carol")
    await ticket.eventually(assignee="carol")
    await ticket.do("assign", by="dora", to="dora")

    async def check() -> None:
        mailed_accounts = [each.accounts for each in desk.ledger.mails(ticket.reference)]
        assert mailed_accounts == [("bob",), ("carol",)]
        assert len(desk.posted.taken) == len(mailed_accounts)

    await assert_eventually(check)


# M5
async def test_a_mail_that_misses_somebody_says_whom(desk: WorkerEnvironment) -> None:
    ticket = await desk.ticket()
    desk.posted.missed = "bo@example.org: 550 unknown"
    await ticket.do("send_email", to=["ida@example.org", "bo@example.org"], subject="Hello")
    await ticket.eventually(new_information=True)
    assert "bo@example.org: 550 unknown" in (ticket.entries[-1].reason or "")


# M5
async def test_the_mailroom_tells_an_item_that_a_mail_has_bounced(desk: WorkerEnvironment) -> None:
    ticket = await desk.ticket()
    state = await ticket.do("send_email", to="ida@example.org", subject="Hello")
    (mail,) = desk.ledger.mails(ticket.reference)
    bounced = {"run": state["run"], "mail": mail.key, "reason": "550 no such user"}
    await ticket.tell("mail_failed", by="system", command_id="b-1", **bounced)
    await ticket.eventually(new_information=True)
    assert "550 no such user" in (ticket.entries[-1].reason or "")


# M5
async def test_the_mailroom_has_a_sender_told_that_a_mail_arrived(desk: WorkerEnvironment) -> None:
    ticket = await desk.ticket()
    await ticket.tell("acknowledge", by="system", command_id="a-1", to="ida@example.org")

    async def check() -> None:
        mails = desk.ledger.mails(ticket.reference)
        assert [(each.to, each.template) for each in mails] == [
            (("ida@example.org",), "acknowledgement")
        ]
        assert desk.posted.taken == [mail.key for mail in mails]

    await assert_eventually(check)
    assert not (await ticket.state())["new_information"]


async def test_a_discarded_draft_is_closed(desk: WorkerEnvironment) -> None:
    ticket = await desk.ticket(submit=False)
    await ticket.do("cancel", reason="typed by mistake")
    last = await ticket.result()  # T17
    assert (last["status"], last["resolution"]["method"]) == ("CLOSED", "discarded")
