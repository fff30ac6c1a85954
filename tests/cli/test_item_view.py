"""Rendered items on 80 columns and fewer: nothing is cut, and nothing is missing."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from rich.console import Console, RenderableType

from catalog.loader import SAMPLE_FOLDER, Catalog, load_catalog
from cli import item_view, phrases
from cli.desk_report import render_catalog, render_difference, render_welcome
from cli.terminal import FoldingTable
from devstack.stack_info import StackInfo
from domain.base.values import Kind, Status
from domain.model.states import ActionItemState, State
from domain.model.timeline import TimelineEntry, timeline_entry
from reconciliation.fsck import Difference
from store.items.search import SearchResult
from store.projection.item_summary import ItemSummary
from tests.support.builders import HOUR, NOW, ROBOT, action, case, case_tree, draft, ticket

LONG = "Where is our invoice of the third of May, which we sent twice already [urgent]"
OWN = "own-reference-of-sixty-four-characters-which-is-the-longest-ther"
DUE = {"due": {"within": "P2D", "add_wait_time": True}}


def rendered(what: RenderableType, width: int = 80) -> str:
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as printed:
        console.print(what)
    text = printed.get()
    assert max(map(len, text.splitlines())) <= width
    return text


def rendered_words(what: RenderableType, width: int = 80) -> str:
    """Return the text without line breaks and padding."""
    return " ".join(rendered(what, width).split())


def summary(state: State, **fields: Any) -> ItemSummary:  # noqa: ANN401
    return replace(ItemSummary.from_state(state), **fields)


def entries() -> list[TimelineEntry]:
    life = ticket()
    life.do("start", by="bob")
    life.do("wait", by="bob", type="until", until="2026-03-05T09:00:00Z", reason="holidays")
    life.signal("start", by="eve")
    return [timeline_entry(entry) for entry in life.entries]


def waiting_ticket() -> State:
    life = ticket()
    life.do("wait", type="more_information", days_to_wait=2, close_if_no_response=True)
    return life.state


def waiting_for(whom: str) -> State:
    life = ticket()
    life.do("wait", type="more_information", waiting_for=whom)
    return life.state


def until() -> State:
    life = ticket()
    life.do("wait", by="bob", type="until", until="2026-03-05T09:00:00Z")
    return life.state


def woken() -> State:
    life = ticket()
    life.do("wait", by="bob", type="until", until="2026-03-05T09:00:00Z")
    return life.advance(timedelta(days=4)).state


def paused() -> State:
    life = case()
    life.do("wait", type="pause")
    return life.state


def resolved(window: str) -> State:
    life = ticket(settings={"feedback_window": window})
    life.do("resolve", method="rejected")
    return life.state


def rejected() -> State:
    life = action()
    life.do("start", by=ROBOT)
    life.do("reject", by=ROBOT, reason="unreadable")
    return life.state


def test_moments_are_told_from_now() -> None:
    assert phrases.relative_time(NOW + 2 * HOUR, NOW) == "in 2 h"
    assert phrases.relative_time(NOW - 2 * HOUR, NOW) == "2 h ago"
    assert phrases.relative_time(NOW, NOW) == "now"


def test_times_are_those_of_the_local_zone_and_dates_only_where_needed() -> None:
    now = datetime(2026, 3, 2, 23, 30, tzinfo=timezone(timedelta(hours=2)))
    moment = datetime(2026, 3, 2, 22, 15, 1, tzinfo=UTC)
    assert phrases.local_time(moment, now) == "2026-03-03 00:15"
    assert phrases.local_time(moment - HOUR, now) == "23:15:01"
    assert phrases.local_and_relative_time(moment, now) == "2026-03-03 00:15:01 (in 45 min 1 s)"


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("Draft: amy has it", lambda: draft().state),
        ("To Do: waits in queue default", lambda: ticket().state),
        ("Wait: for more information, in 2 d at the latest, then it closes", waiting_ticket),
        ("Wait: for more information from customer", lambda: waiting_for("customer")),
        ("Wait: until 2026-03-05 09:00", until),
        ("Wait: paused until somebody resumes it", paused),
        ("Resolved: rejected by amy, closes in 10 d", lambda: resolved("P10D")),
        ("Closed: rejected by amy", lambda: resolved("PT0S")),
        ("To Do: bob has it · new information", woken),
        ("To Do: waits in queue invoices · robot-rejected", rejected),
    ],
)
def test_a_line_says_where_an_item_stands(told: str, state: Callable[[], State]) -> None:
    assert (
        rendered_words(item_view.render_line(state(), NOW)).removeprefix(f"{state().reference} ")
        == told
    )


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_card_says_all_there_is_whatever_the_width(width: int) -> None:
    life = ticket(
        reference=OWN,
        title=LONG,
        queue="accounts-payable",
        links=[{"kind": "document", "reference": "D-1"}],
        settings=DUE,
        by="service:portal",
    )
    text = rendered_words(item_view.render_card(life.state, NOW + HOUR, link="http://ui/T"), width)
    flat = text.replace(" ", "")
    for part in (OWN, LONG, "Ticket, billing", "Ida Berg <ida@example.org>", "document D-1"):
        assert part.replace(" ", "") in flat
    assert "in 1 d 23 h" in text
    assert "(1 h ago) by service:portal" in text
    assert "http://ui/T" in text


def test_the_card_of_a_case_that_needs_attention_tells_why_and_the_ways_out() -> None:
    at_work = case_tree(short_description="Pay [4711]", data={"amount": 5})
    at_work.fail("read", "page 2 is [blank]")
    at_work.act("match", "start", by=ROBOT)
    itself = at_work.action("match").state
    assert isinstance(itself, ActionItemState)
    card = item_view.render_card(at_work.state, NOW, of_actions=(itself,))
    text = rendered(card)
    assert "needs attention" in text
    assert "  read: page 2 is [blank]" in text
    assert "  casekeep do C-7F3K9Q2D start_action action=read" in text
    assert '{"amount": 5}' in text
    assert "unable to complete" in text
    assert "robot:ocr-1" in text
    assert "Kind" not in rendered(
        item_view.render_card(at_work.state, NOW, of_actions=(itself,), whole=False)
    )


def test_the_card_of_a_cancelled_case_says_that_it_was_aborted() -> None:
    life = case()
    life.do("cancel", reason="sent twice")
    assert "This Case was aborted: sent twice" in rendered(item_view.render_card(life.state, NOW))


def test_a_long_description_is_shortened_and_says_so() -> None:
    life = ticket(description="\n".join(f"line {number}" for number in range(30)))
    text = rendered(item_view.render_card(life.state, NOW))
    assert "line 11" in text
    assert "… 18 more lines" in text
    assert "line 12" not in text


def test_due_dates_are_green_ahead_red_behind_and_grey_where_nothing_can_be_late() -> None:
    life = ticket(settings=DUE)

    def due(at: datetime) -> tuple[str, str]:
        text = item_view.render_due(life.state.status, life.state.due_at, life.state.due_text, at)
        assert text is not None
        return text.plain, str(text.style)

    assert due(NOW) == ("in 2 d", "green")
    assert due(NOW + timedelta(days=2, hours=1)) == ("overdue 1 h", "bold red")
    life.do("wait", type="more_information")
    assert due(NOW) == ("paused 2 d before due", "dim")
    life.do("resolve", method="rejected")
    assert due(NOW) == ("2026-03-04 09:00", "dim")
    assert item_view.render_due(Status.TO_DO, None, None, NOW) is None


@pytest.mark.parametrize("width", [30, 50, 80, 120])
def test_a_table_folds_and_cuts_nothing(width: int) -> None:
    rows = [(OWN, "In Progress", LONG, "robot:matcher-2", "overdue 12 d 23 h"), ("T-1", *"abcd")]
    heads = ("Reference", "Status", "Title", "Held by", "Due")
    text = rendered(FoldingTable(heads, rows), width)
    given = "".join((*heads, *rows[0], *rows[1]))
    assert Counter("".join(text.split())) == Counter("".join(given.split()))


def test_a_list_tells_waits_marks_and_who_has_it() -> None:
    state = ticket(reference="T-1", settings=DUE).state.model_copy(update={"title": ""})
    text = rendered_words(
        item_view.render_items(
            [
                summary(state, robot_rejected=True),
                summary(state, status=Status.WAIT, wait="more_information", owner="amy"),
                summary(state, assignee="robot:matcher-2", resolution="rejected"),
            ],
            NOW,
            holder=True,
        )
    )
    assert "T-1 To Do (no title) queue default in 2 d robot-rejected" in text
    assert "T-1 Wait (no title) queue default in 2 d more information" in text
    assert "T-1 To Do (no title) robot:matcher-2 in 2 d rejected" in text


def test_references_statuses_and_names_stay_in_one_piece_on_80_columns() -> None:
    state = ticket(reference="T-7F3K9Q2D", title=LONG * 3, settings=DUE).state
    rows = [summary(state, assignee="robot:matcher-2", status=Status.IN_PROGRESS)]
    text = rendered(item_view.render_items(rows, NOW, holder=True))
    for part in ("T-7F3K9Q2D", "In Progress", "robot:matcher-2", "in 2 d"):
        assert part in text


def test_a_timeline_tells_passages_reasons_and_what_was_refused() -> None:
    text = rendered(item_view.render_timeline(entries(), NOW))
    assert text.splitlines()[1].split() == ["1", "09:00:00", "amy", "create", "To", "Do"]
    assert "In Progress → Wait" in text
    assert "holidays" in text
    assert "start refused" in text
    assert "The invoice of May never came." in text


def test_what_a_command_led_to_is_told_in_a_line() -> None:
    life = ticket()
    before = life.state
    life.do("start", by="bob")
    moved = item_view.render_change(before, life.state, NOW)
    assert rendered_words(moved) == "T-7F3K9Q2D To Do → In Progress: bob has it"
    nothing = item_view.render_change(life.state, life.state, NOW)
    assert rendered_words(nothing) == "T-7F3K9Q2D In Progress: bob has it · nothing to change"


def test_what_was_begun_says_what_comes_next() -> None:
    assert "next: casekeep do T-7F3K9Q2D submit" in rendered(
        item_view.render_started(draft().state, NOW, "")
    )
    text = rendered(item_view.render_started(ticket().state, NOW, "http://ui/T"))
    assert "next: casekeep do T-7F3K9Q2D start" in text
    assert "http://ui/T" in text
    assert "next" not in rendered(item_view.render_started(resolved("PT0S"), NOW, ""))


def test_the_commands_of_a_kind_are_listed_with_what_they_do_and_take() -> None:
    text = rendered_words(item_view.render_commands(Kind.ACTION))
    assert "Give the item to somebody" in text
    assert "outcome=complete|unable_to_complete" in text
    assert "rework" not in text


def test_findings_show_the_text_that_matches() -> None:
    row = summary(ticket().state)
    found = [
        SearchResult(item=row, excerpt="The invoice of May never came."),
        SearchResult(item=row, excerpt="a note"),
    ]
    text = rendered_words(item_view.render_search_results(found))
    assert text.count(row.title) == 2
    assert "The invoice of May never came." in text
    assert "a note" in text


def test_endings_say_how_and_by_whom() -> None:
    text = rendered_words(item_view.render_closed_items([resolved("PT0S"), draft().state]))
    assert "T-7F3K9Q2D rejected No invoice amy" in text


@pytest.mark.parametrize("width", [50, 80])
def test_the_desk_is_announced_with_what_to_try(width: int) -> None:
    there = StackInfo(temporal="127.0.0.1:7233", ui="http://127.0.0.1:8233", mail="127.0.0.1:2525")
    usual = rendered_words(
        render_welcome(there, "sqlite:///x", load_catalog(SAMPLE_FOLDER), is_default=True), width
    )
    assert "--definition new-starter" in usual
    assert "casekeep queue human-resources" in usual
    assert "export" not in usual
    assert "taken in at 127.0.0.1:2525" in usual
    bare = rendered_words(render_welcome(there, "sqlite:///x", Catalog(), is_default=False), width)
    assert "--definition" not in bare
    assert "export TEMPORAL_ADDRESS=127.0.0.1:7233" in bare


def test_a_catalog_is_shown_with_lengths_in_words() -> None:
    text = rendered_words(render_catalog(load_catalog(SAMPLE_FOLDER), date(2027, 12, 25)))
    assert "hr-certificate human-resources 5 d none" in text
    assert "hr-question human-resources 3 d (paris-office) 7 d (paris-office)" in text
    assert "support Europe/Paris Monday to Sunday: 08:00-20:00 2027-12-25" in text
    assert "Monday to Sunday: 08:00-20:00 none" in rendered_words(
        render_catalog(load_catalog(SAMPLE_FOLDER), date(2099, 1, 1))
    )


def test_a_difference_says_what_was_found_and_done() -> None:
    one = Difference(reference="T-1", found="no row", done="row repaired")
    assert rendered_words(render_difference(one)) == "T-1 no row: row repaired"
