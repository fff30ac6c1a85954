"""The info card: the summary that a person sees first (chapter 1, K7, K12)."""

import pytest

from domain.base.values import Kind
from domain.model.info_card import info_card
from tests.support.builders import (
    DAY,
    NOW,
    ROBOT,
    WINDOW,
    action,
    case_tree,
    draft,
    submitted,
    ticket,
)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_card_says_what_the_item_is_and_who_has_it(kind: Kind) -> None:
    life = submitted(kind, queue="invoices")
    life.do("start")
    life.do("receive_email", by="system", message_id="<1>", sender="ida@example.org")
    card = info_card(life.item)
    for words in (life.item.reference, life.item.title, "In progress", "invoices", "amy"):
        assert words in card
    assert "New information" in card


def test_a_card_says_what_a_waiting_item_waits_for() -> None:
    life = ticket(settings={"due": {"within": "P10D", "add_wait_time": True}})
    life.do("wait", type="until", until=NOW + DAY)
    assert "Wait: until, until 2026-03-03 09:00 UTC" in info_card(life.item)
    assert "paused 10 d before due" in info_card(life.item)
    life.do("wait", type="more_information")
    assert "Wait: more information" in info_card(life.item)


def test_a_card_says_how_an_item_ended_and_when_it_closes() -> None:
    life = ticket(settings=WINDOW)
    life.do("resolve", method="no_customer_response")
    card = info_card(life.item)
    assert "Resolved: no customer response" in card
    assert "2026-03-12 09:00 UTC" in card
    failed = action()
    failed.do("resolve", outcome="unable_to_complete", reason="no such supplier")
    assert "Closed: unable to complete" in info_card(failed.item)
    assert "C-7F3K9Q2D" in info_card(failed.item)


def test_a_card_of_an_untitled_draft_says_so() -> None:
    assert "(no title)" in info_card(draft(title=None).item)


# C7
def test_a_card_says_that_a_robot_rejected_the_item() -> None:
    life = action()
    life.do("start", by=ROBOT)
    assert "ejected" not in info_card(life.item)
    life.do("reject", by=ROBOT, reason="blurred")
    assert "ejected" in info_card(life.item)


# K7
def test_a_card_shows_which_action_failed_and_why() -> None:
    tree = case_tree()
    assert "attention" not in info_card(tree.case)
    tree.fail("read", "no such *supplier*\n| at all")
    card = info_card(tree.case)
    (line,) = [line for line in card.splitlines() if line.startswith("- read")]
    assert line == r"- read: no such \*supplier\* \| at all"
    assert "reset_in_progress" in card
    for copy in tree.case.actions:
        assert copy.reference in card


# T14
def test_a_card_shows_what_an_item_waits_for() -> None:
    life = ticket()
    parts = [{"title": title, "description": title} for title in ("The *invoice*", "Two")]
    life.do("split", parts=parts)
    card = info_card(life.item)
    assert "Wait: split" in card
    for one, title in zip(life.item.awaited, (r"The \*invoice\*", "Two"), strict=True):
        assert f"| {one.reference} | open | {title} |" in card


# A6, A7
def test_a_card_shows_the_checklist_and_who_is_reviewed() -> None:
    life = action(peer_review=True, checklist=[{"key": "signed", "text": "Is it signed?"}])
    assert "| Is it signed? | open |" in info_card(life.item)
    life.do("answer_checklist", by="bob", answers={"signed": "not_applicable"})
    assert "| Is it signed? | not applicable |" in info_card(life.item)
    assert "In review" not in info_card(life.item)
    life.do("resolve", by="bob", outcome="complete")
    assert "In review: completed by bob" in info_card(life.item)


# K12
def test_a_card_says_that_a_case_was_aborted() -> None:
    tree = case_tree()
    tree.do("cancel")
    assert "aborted" in info_card(tree.case)


# architecture, limits: current details stay small however many copies there are
def test_a_card_stays_small() -> None:
    tree = case_tree()
    for _ in range(60):
        tree.do("rework", step="check")
    assert len(info_card(tree.case).encode()) < 16 * 1024
