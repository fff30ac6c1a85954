"""Items in working time: days to wait, windows and due dates (T5, T11, C11, D1-D5)."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from domain.base.refusals import InvalidCommand, NotAllowed
from domain.base.values import Kind, Status
from domain.engine.deadlines import next_deadline
from domain.model.definitions import CaseDefinition, ItemSettings, ItemTerms
from domain.model.due_dates import MAX_STOPS, Colour, colour, due_text
from domain.model.info_card import info_card
from domain.model.items import Action
from domain.model.serialization import dump_item, load_item
from tests.support.builders import (
    DAY,
    HOUR,
    MOMENT,
    ONE_ACTION,
    PARIS,
    SUPPORT,
    CaseTree,
    Life,
    action,
    as_json,
    case,
    draft,
    start_ticket,
    through_json,
    ticket,
)

MINUTE: Final = timedelta(minutes=1)
CATALOG: Final = ItemTerms(calendars=(PARIS, SUPPORT))
MAIL_IN: Final[dict[str, Any]] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}


def at(wall: str) -> datetime:
    """Return the instant at which a clock in Paris shows this."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)


def due(within: str, **rule: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"due": {"within": within, "calendar": "paris"} | rule}


def submitted(wall: str, terms: ItemTerms = CATALOG, **settings: Any) -> Life:  # noqa: ANN401
    """Start a Ticket that is submitted then, in progress with amy."""
    life = ticket(at=at(wall), terms=terms, settings=settings)
    life.do("start")
    return life


def until(life: Life, wall: str) -> Life:
    return life.advance(at(wall) - life.now)


# T5
@pytest.mark.parametrize(
    ("since", "days", "over"),
    [
        ("2026-03-26 16:40", 1, "2026-03-27 16:40"),
        ("2026-03-26 16:40", 2, "2026-03-30 16:40"),  # a weekend, and the change to summer time
        ("2026-04-03 10:00", 1, "2026-04-07 10:00"),  # Easter Monday
        ("2026-12-31 10:00", 1, "2027-01-01 10:00"),
        ("2026-03-28 11:11", 1, "2026-03-31 09:00"),  # counts from Monday's opening
        ("2026-03-26 16:00", 0.25, "2026-03-26 18:00"),
        ("2026-03-26 16:00", 1.5, "2026-03-30 11:30"),
    ],
)
def test_days_to_wait_are_working_days_if_the_item_has_a_calendar(
    since: str, days: float, over: str
) -> None:
    life = submitted(since, calendar="paris")
    life.do("wait", type="more_information", days_to_wait=days)
    assert life.state.wakes_at == at(over)
    until(life, over).advance(-MOMENT)
    assert life.item.status is Status.TO_DO
    assert life.last.at == at(over)


# T5: the rule's calendar is for the due date alone
def test_days_to_wait_are_24_hours_each_where_only_the_due_rule_has_a_calendar() -> None:
    life = submitted("2026-03-27 16:40", **due("P1D"))
    life.do("wait", type="more_information", days_to_wait=2)
    assert life.state.wakes_at == life.now + 2 * DAY


# T11
@pytest.mark.parametrize(
    ("window", "since", "closed"),
    [
        ("P3D", "2026-03-26 16:40", "2026-03-31 16:40"),
        ("P1D", "2026-04-03 10:00", "2026-04-07 10:00"),
        ("PT4H", "2026-03-27 16:00", "2026-03-30 12:00"),
        ("P1DT4H", "2026-03-26 16:00", "2026-03-30 12:00"),
        ("P1D", "2026-03-28 11:11", "2026-03-31 09:00"),
        ("PT30M", "2026-03-28 11:11", "2026-03-30 09:30"),
    ],
)
def test_the_feedback_window_is_working_time_if_the_item_has_a_calendar(
    window: str, since: str, closed: str
) -> None:
    life = submitted(since, calendar="paris", feedback_window=window)
    life.do("resolve", method="rejected")
    assert life.state.closes_at == at(closed)
    statuses = [life.advance(span).item.status for span in (at(closed) - life.now - MOMENT, MOMENT)]
    assert statuses == [Status.RESOLVED, Status.CLOSED]


# T11, K4
def test_a_case_whose_steps_are_done_stays_resolved_for_a_window_of_working_time() -> None:
    settings = {"calendar": "paris", "feedback_window": "P1D"}
    start = {"at": at("2026-04-03 10:00"), "terms": CATALOG, "settings": settings}
    tree = CaseTree(case(definition=ONE_ACTION, **start))
    tree.complete("run")
    assert tree.state.closes_at == at("2026-04-07 10:00")
    tree.do("reopen")
    tree.do("resolve")
    assert tree.state.closes_at == at("2026-04-07 10:00")


# T8, T11
@pytest.mark.parametrize(("window", "method"), [("PT0S", "rejected"), ("P3D", "rejected_as_spam")])
def test_no_window_is_none_in_any_calendar(window: str, method: str) -> None:
    life = submitted("2026-03-28 11:11", calendar="paris", feedback_window=window)
    life.do("resolve", method=method)
    assert life.item.status is Status.CLOSED


# D1
@pytest.mark.parametrize(
    ("within", "since", "then"),
    [
        ("P1D", "2026-03-26 16:40", "2026-03-27 16:40"),
        ("P6D", "2026-03-26 16:40", "2026-04-03 16:40"),
        ("P7D", "2026-03-26 16:40", "2026-04-07 16:40"),
        ("PT16H", "2026-03-27 09:00", "2026-03-31 10:00"),
        ("P1DT1H", "2026-03-27 16:40", "2026-03-30 17:40"),
        ("P2D", "2026-03-28 23:59", "2026-04-01 09:00"),
        ("P2D", "2026-12-31 23:59", "2027-01-05 09:00"),
    ],
)
def test_an_item_is_due_an_amount_of_working_time_after_its_submission(
    within: str, since: str, then: str
) -> None:
    assert submitted(since, **due(within)).state.due_at == at(then)


# D1
def test_a_due_rule_without_a_calendar_is_calendar_time_even_if_the_item_has_one() -> None:
    life = submitted("2026-03-27 16:40", calendar="paris", due={"within": "P2D"})
    assert life.state.due_at == life.now + 2 * DAY
    assert (life.state.due_text or "").endswith("UTC")


# D1, T5, T11: what the catalog says tomorrow is for the items of tomorrow
def test_an_item_keeps_its_calendars_as_they_were_when_it_was_submitted() -> None:
    life = draft(at=at("2026-03-27 16:40"), settings={"calendar": "paris"} | due("P1D"))
    life.terms = CATALOG
    life.do("submit")
    open_always = SUPPORT.model_copy(update={"name": "paris"})
    life.terms = ItemTerms(calendars=(open_always,))
    life.do("start")
    life.do("wait", type="more_information", days_to_wait=1)
    state = life.state
    assert (state.due_at, state.wakes_at) == (at("2026-03-30 16:40"), at("2026-03-30 16:40"))
    assert through_json(life.item) == life.item
    assert load_item(Kind.TICKET, dump_item(life.item)) == life.item


# D1, C10: a name is only a name until the item is submitted
def test_a_calendar_that_the_catalog_does_not_have_refuses_the_submission() -> None:
    settings = {"calendar": "lyon", "due": {"within": "P1D", "calendar": "rome"}}
    life = draft(settings=settings)
    life.terms = CATALOG
    refusal = life.refused("submit")
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == ("D1", ("settings.calendar", "settings.due.calendar"))
    assert "no calendar named lyon, rome; `casekeep catalog check` lists" in refusal.sentence
    assert life.refused("wait", type="more_information").rule == "D1"
    life.do("edit", settings={"calendar": "paris", "due": {"within": "P1D", "calendar": "support"}})
    life.do("submit")
    assert life.item.calendar == PARIS
    assert life.item.due
    assert life.item.due.calendar == SUPPORT


# D1
def test_a_calendar_that_the_catalog_does_not_have_refuses_a_start_that_submits() -> None:
    with pytest.raises(InvalidCommand, match="no calendar named lyon") as refused:
        ticket(settings={"calendar": "lyon"})
    assert (refused.value.rule, refused.value.fields) == ("D1", ("settings.calendar",))


# D1: the item's own settings go before the catalog's, and bring calendars of their own
def test_settings_of_the_item_the_definition_and_the_catalog_name_calendars_alike() -> None:
    of_catalog = ItemSettings(calendar="paris")
    terms = ItemTerms(settings=of_catalog, calendars=(PARIS, SUPPORT))
    assert ticket(terms=terms).item.calendar == PARIS
    assert ticket(terms=terms, settings={"calendar": "support"}).item.calendar == SUPPORT
    defined = ONE_ACTION | {"settings": {"calendar": "paris"}}
    assert case(terms=terms, definition=defined).item.calendar == PARIS
    own = case(terms=terms, definition=defined, settings={"calendar": "support"})
    assert own.item.calendar == SUPPORT
    unknown = ONE_ACTION | {"settings": {"calendar": "lyon"}}
    with pytest.raises(InvalidCommand) as refused:
        case(terms=terms, definition=unknown)
    assert refused.value.fields == ("definition.settings.calendar",)


# D2
def test_the_due_date_moves_by_the_working_time_within_the_wait() -> None:
    life = submitted("2026-03-26 16:40", **due("P6D", add_wait_time=True))
    until(life, "2026-03-27 10:00").do("wait", type="more_information")
    assert (life.state.clock, life.state.due_at) == ("stopped", None)
    assert life.state.due_text == "Due: paused 44 h 40 m before due"
    until(life, "2026-03-30 10:00").do("resume")
    assert life.state.due_at == at("2026-04-07 16:40")
    assert life.state.due_text == "Due: 2026-04-07 16:40 Europe/Paris"


# D2
@pytest.mark.parametrize(
    ("since", "over"),
    [
        ("2026-03-26 18:00", "2026-03-27 09:00"),
        ("2026-03-27 17:00", "2026-03-30 09:00"),
        ("2026-04-03 17:00", "2026-04-07 09:00"),
        ("2026-03-27 12:30", "2026-03-27 13:30"),
    ],
)
def test_a_wait_while_the_desk_is_closed_moves_nothing(since: str, over: str) -> None:
    life = submitted("2026-03-26 16:40", **due("P8D", add_wait_time=True))
    before = life.state.due_at
    until(life, since).do("wait", type="more_information")
    until(life, over).do("resume")
    assert life.state.due_at == before == at("2026-04-08 16:40")


# C11, D2
def test_one_uninterrupted_stop_is_counted_as_one_in_working_time() -> None:
    life = submitted("2026-03-26 10:00", **due("P3D", add_wait_time=True))
    life.do("wait", type="more_information")
    until(life, "2026-03-26 18:30").do("wait", type="until", until=at("2026-03-27 10:00"))
    assert life.item.due
    assert len(life.item.due.stops) == 1
    until(life, "2026-03-27 10:00")
    assert life.item.status is Status.TO_DO
    assert life.state.due_at == at("2026-04-01 10:00")  # a day of eight hours later


# C11, D2
def test_a_change_of_wait_stops_or_starts_a_clock_of_working_time() -> None:
    rule = due("P3D", add_wait_time=True, waits=["more_information"])
    life = submitted("2026-03-26 10:00", **rule)
    life.do("wait", type="until", until=at("2026-04-30 10:00"))
    until(life, "2026-03-26 12:00").do("wait", type="more_information")
    until(life, "2026-03-26 14:00").do("wait", type="until", until=at("2026-04-30 10:00"))
    assert life.state.clock == "running"
    assert life.state.due_at == at("2026-03-31 11:00")


# D2: the ledger stays bounded and exact
def test_hundreds_of_stops_of_working_time_add_up_exactly() -> None:
    life = submitted("2026-03-02 09:00", **due("P30D", add_wait_time=True))
    before = life.state.due_at
    for _ in range(3 * MAX_STOPS):
        life.do("wait", type="more_information")
        life.advance(8 * MINUTE)
        life.do("resume")
        life.advance(52 * MINUTE)
    assert life.item.due
    assert len(life.item.due.stops) <= MAX_STOPS
    # 39 of them were in opening hours: eight a day from Monday to Thursday, seven on Friday
    assert before == at("2026-04-14 09:00")
    assert life.state.due_at == at("2026-04-14 15:12")
    assert through_json(life.item) == life.item


# D3
def test_the_margin_is_working_time_too() -> None:
    life = submitted("2026-03-26 16:40", **due("P7D", at_risk="P1DT1H"))
    risk, overdue = at("2026-04-03 15:40"), at("2026-04-07 16:40")
    assert life.state.due_at == overdue
    deadline = next_deadline(life.item)
    assert deadline
    assert (deadline.at, deadline.command) == (risk, "at_risk")
    for moment, expected in (
        (risk - MOMENT, Colour.GREEN),
        (risk, Colour.AMBER),
        (overdue, Colour.RED),
    ):
        assert colour(life.item, moment) is expected
    until(life, "2026-04-07 16:40")
    mails = [mail.body for change in life.changes for mail in change.mails]
    assert [entry.at for entry in life.entries[-2:]] == [risk, overdue]
    assert all("Due: 2026-04-07 16:40 Europe/Paris." in body for body in mails)
    assert len(mails) == 2


# D4
def test_reopening_keeps_the_due_date_in_working_time() -> None:
    life = submitted("2026-03-26 16:40", feedback_window="P30D", **due("P3D"))
    life.do("resolve", method="rejected")
    until(life, "2026-03-30 10:00").do("reopen")
    assert life.state.due_at == at("2026-03-31 16:40")


# D5
@pytest.mark.parametrize(
    ("since", "english", "french"),
    [
        (
            "2026-03-26 17:00",
            "Due: paused 14 h 40 m before due",
            "Échéance : en pause 14 h 40 min avant l'échéance",
        ),
        (
            "2026-03-28 12:00",  # what passes until Monday is no working time
            "Due: paused 6 h 40 m before due",
            "Échéance : en pause 6 h 40 min avant l'échéance",
        ),
        (
            "2026-03-30 17:41",
            "Due: paused 1 h 1 m after overdue",
            "Échéance : en pause 1 h 1 min après l'échéance",
        ),
        (
            "2026-03-30 16:40",
            "Due: paused 0 m before due",
            "Échéance : en pause 0 min avant l'échéance",
        ),
    ],
)
def test_the_working_time_that_remains_is_shown_in_hours_and_minutes(
    since: str, english: str, french: str
) -> None:
    life = submitted("2026-03-26 16:40", **due("P2D", add_wait_time=True))
    until(life, since).do("wait", type="more_information")
    life.advance(100 * DAY)
    assert life.state.due_text == english
    assert due_text(life.item, french=True) == french


# D5
def test_a_due_date_in_working_time_is_shown_on_the_clock_of_its_desk() -> None:
    life = submitted("2026-03-27 16:40", **due("P1D"))
    assert life.state.due_text == "Due: 2026-03-30 16:40 Europe/Paris"
    assert due_text(life.item, french=True) == "Échéance : 2026-03-30 16:40 Europe/Paris"
    assert "- Due: 2026-03-30 16:40 Europe/Paris" in info_card(life.item)


FLOW: Final[dict[str, Any]] = {
    "name": "errand",
    "steps": [
        {
            "key": "only",
            "actions": [
                {"key": "run", "due": {"within": "P1D", "calendar": "paris"}},
                {"key": "walk", "due": {"within": "PT2H", "calendar": "support"}},
                {"key": "rest", "due": {"within": "P1D"}},
            ],
        }
    ],
}


def calendar_of(life: Life) -> str | None:
    clock = life.item.due
    return clock.calendar.name if clock and clock.calendar else None


# D1, K2, K9, K10
def test_a_case_keeps_the_calendars_of_its_actions_and_hands_each_its_own() -> None:
    life = case(at=at("2026-03-27 16:40"), terms=CATALOG, definition=FLOW)
    life.terms = None  # the catalog is not asked again
    assert life.case.calendars == (PARIS, SUPPORT)
    assert life.item.calendar is None
    tree = CaseTree(life)
    assert {key: calendar_of(tree.action(key)) for key in ("run", "walk", "rest")} == {
        "run": "paris",
        "walk": "support",
        "rest": None,
    }
    assert tree.action("run").state.due_at == at("2026-03-30 16:40")
    assert tree.action("walk").state.due_at == at("2026-03-27 18:40")
    tree.fail("run")
    tree.do("start_action", action="run")
    tree.do("rework", step="only")
    assert len(tree.actions) == 7
    assert calendar_of(tree.action("run")) == "paris"
    assert load_item(Kind.CASE, dump_item(tree.case)) == tree.case


# D1
def test_an_unknown_calendar_of_a_definitions_action_is_told_where_it_is() -> None:
    with pytest.raises(InvalidCommand) as refused:
        case(terms=ItemTerms(calendars=(PARIS,)), definition=FLOW)
    assert refused.value.fields == ("definition.steps.0.actions.1.due.calendar",)


# D1, K2: a definition of the catalog brings its calendars along
def test_a_definition_by_name_comes_with_its_calendars() -> None:
    terms = ItemTerms(
        definition=CaseDefinition.model_validate_json(as_json(FLOW)), calendars=(PARIS, SUPPORT)
    )
    life = case(terms=terms, definition="errand")
    assert life.case.calendars == (PARIS, SUPPORT)


# D1, K8
def test_an_ad_hoc_action_may_be_due_by_a_calendar_that_the_case_hears_of_then() -> None:
    life = case(at=at("2026-03-27 16:40"), definition=None)
    wish = {"title": "Call the supplier", "due": {"within": "PT2H", "calendar": "paris"}}
    for terms in (None, ItemTerms(calendars=(SUPPORT,))):
        life.terms = terms
        refusal = life.refused("start_action", action=wish)
        assert (refusal.rule, refusal.fields) == ("D1", ("action.due.calendar",))
        assert "`casekeep catalog check` lists the ones there are" in refusal.sentence
    life.terms = CATALOG
    life.do("start_action", action=wish)
    life.terms = None
    life.do("start_action", action=wish)
    life.terms = CATALOG
    life.do("start_action", action=wish | {"due": {"within": "PT2H", "calendar": "support"}})
    tree = CaseTree(life)
    assert life.case.calendars == (PARIS, SUPPORT)
    assert calendar_of(tree.action("ad-hoc-3")) == "support"
    assert tree.action("ad-hoc-1").state.due_at == at("2026-03-30 10:40")
    assert calendar_of(tree.action("ad-hoc-2")) == "paris"


# D1, A1
@pytest.mark.parametrize(
    "fields",
    [
        {"due": {"within": "PT2H", "calendar": "paris"}},
        {"due": {"within": "PT2H", "calendar": "support"}, "due_calendar": "paris"},
        {"due": {"within": "PT2H"}, "due_calendar": "paris"},
        {"due_calendar": "paris"},
    ],
)
def test_an_action_is_started_with_the_very_calendar_that_its_due_rule_names(
    fields: dict[str, Any],
) -> None:
    if "due_calendar" in fields:
        fields = fields | {"due_calendar": PARIS.model_dump(mode="json")}
    with pytest.raises(ValidationError, match="due_calendar: due names"):
        action(**fields)


# D2, A2
def test_an_action_counts_its_stops_in_its_own_working_time() -> None:
    rule = {"within": "PT4H", "calendar": "paris", "add_wait_time": True}
    calendar = PARIS.model_dump(mode="json")
    life = action(at=at("2026-03-27 16:00"), due=rule, due_calendar=calendar)
    assert isinstance(life.item, Action)
    life.do("wait", type="more_information")
    until(life, "2026-03-30 09:30").do("receive_email", by="system", **MAIL_IN)
    assert life.state.due_at == at("2026-03-30 14:30")


# nothing blocks an item: a rule beyond the calendar is due a lifetime away, and shown at once
def test_a_due_date_beyond_all_time_is_a_hundred_years_away() -> None:
    life = submitted("2026-03-27 16:00", **due("PT876600H", at_risk="P36525D", add_wait_time=True))
    assert life.state.due_at == life.now + 36525 * DAY
    life.do("wait", type="more_information")
    life.advance(HOUR)
    life.do("resume")
    assert life.state.due_at == at("2026-03-27 16:00") + 36525 * DAY + HOUR


# T5, D1
@pytest.mark.parametrize("fields", [{"calendar": 5}, {"calendar": ""}, {"due": {"calendar": "x"}}])
def test_a_calendar_is_a_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        start_ticket(settings=fields)
