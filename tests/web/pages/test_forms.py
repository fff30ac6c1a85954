"""Form fields become the fields of commands."""

import math
from zoneinfo import ZoneInfo

import pytest
from starlette.datastructures import FormData

from auth.permissions import COMMANDS
from domain.base.values import Kind
from domain.model.commands import commands_of
from domain.model.states import State
from i18n.translations import translations
from tests.support.builders import action, case, draft, ticket
from web.pages.forms import (
    FORM_READERS,
    InvalidForm,
    SubmittedForm,
    changed_fields,
    read_command_form,
)

PARIS = ZoneInfo("Europe/Paris")
NO_PERSON_GIVES = {"reject", "heartbeat", "receive_email", "feedback"}


def written(*pairs: tuple[str, str], **fields: str) -> SubmittedForm:
    return SubmittedForm(FormData([*pairs, *fields.items()]), PARIS)


def state() -> State:
    return ticket().state


def test_every_command_that_a_person_gives_has_a_form() -> None:
    assert set(FORM_READERS) == set(COMMANDS) - NO_PERSON_GIVES


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_command_is_told_of_and_confirmed_in_words(language: str) -> None:
    translate = translations(language)
    keys = {f"done.{command}" for command in set(FORM_READERS) - {"submit"}}
    keys |= {f"did.{name}" for kind in Kind for name in commands_of(kind)} - {"did.heartbeat"}
    assert {key for key in keys if key not in translate} == set()


def test_a_moment_is_on_the_readers_clock() -> None:
    fields = read_command_form("wait", written(type="until", until="2026-07-01T09:30"), state())
    assert fields == {"type": "until", "until": "2026-07-01T09:30:00+02:00"}


def test_fields_of_another_wait_are_left_out() -> None:
    form = written(type="pause", until="2026-07-01T09:30", days_to_wait="3", reason="a strike")
    assert read_command_form("wait", form, case().state) == {"type": "pause", "reason": "a strike"}


@pytest.mark.parametrize(("typed", "days"), [("2,5", 2.5), (" 3 ", 3.0)])
def test_a_number_has_a_point_or_a_comma(typed: str, days: float) -> None:
    fields = read_command_form(
        "wait", written(type="more_information", days_to_wait=typed), state()
    )
    parsed = fields["days_to_wait"]
    assert isinstance(parsed, float)
    assert math.isclose(parsed, days)


@pytest.mark.parametrize("typed", ["three", "nan", "inf", "-inf", "1e999"])
def test_what_is_no_number_is_said_to_be_none(typed: str) -> None:
    with pytest.raises(InvalidForm) as unreadable:
        read_command_form("wait", written(type="more_information", days_to_wait=typed), state())
    assert unreadable.value.problems == {"days_to_wait": "wrong.number"}


def test_addresses_come_as_mail_programs_write_them() -> None:
    form = written(to="Ida Berg <ida@example.org>; bo@example.org\ncy@example.org dan@example.org")
    assert read_command_form("send_email", form, state())["to"] == [
        "ida@example.org",
        "bo@example.org",
        "cy@example.org",
        "dan@example.org",
    ]


def test_a_split_leaves_out_parts_that_are_blank() -> None:
    parts = [("part_title", title) for title in ("one", "", "two")]
    texts = [("part_description", text) for text in ("a", " ", "")]
    assert read_command_form("split", written(*parts, *texts), state()) == {
        "parts": [{"title": "one", "description": "a"}, {"title": "two", "description": "two"}]
    }
    with pytest.raises(InvalidForm):
        read_command_form("split", written(parts[0], texts[0]), state())


def test_taking_over_is_said_only_where_a_command_can() -> None:
    assert read_command_form("resume", written(take_over="yes"), state()) == {"take_over": True}
    assert read_command_form("submit", written(take_over="yes"), state()) == {}


def test_an_action_is_ended_by_its_outcome_and_a_case_by_none() -> None:
    assert read_command_form("resolve", written(outcome="complete"), action().state) == {
        "outcome": "complete"
    }
    assert read_command_form("resolve", written(note="All done."), case().state) == {
        "note": "All done."
    }
    with pytest.raises(InvalidForm):
        read_command_form("resolve", written(), state())


def test_only_what_differs_is_changed_and_names_are_not_emptied() -> None:
    now = draft(title="Half", category="billing").state
    same = {
        "title": now.title,
        "description": now.description,
        "category": now.category or "",
        "queue": "",
        "primary_contact_name": "",
        "primary_contact_email": "",
    }
    assert changed_fields(written(**same), now) == {}
    changed = changed_fields(written(**(same | {"title": "", "primary_contact_name": "Bo"})), now)
    assert changed == {"title": "", "primary_contact": {"name": "Bo"}}
    assert changed_fields(written(category=" "), now) == {}
