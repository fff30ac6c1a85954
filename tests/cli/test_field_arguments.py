from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from catalog.files import CatalogInvalid
from catalog.loader import SAMPLE_FOLDER
from cli.field_arguments import (
    InvalidArgument,
    field_usage,
    parse_contact,
    parse_datetime,
    parse_fields,
)
from domain.model.commands import (
    AddNote,
    EditCase,
    EditTicket,
    Feedback,
    ResolveAction,
    SendEmail,
    StartAction,
    Submit,
    Wait,
)
from domain.model.starts import CaseStart, TicketStart

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
COMMON = ("by", "command_id", "expected_revision", "lease")


@pytest.mark.parametrize(
    ("model", "words", "fields"),
    [
        (Wait, ["days_to_wait=2"], {"days_to_wait": 2}),
        (Wait, ["days_to_wait=0.5"], {"days_to_wait": 0.5}),
        (Wait, ["days_to_wait=soon"], {"days_to_wait": "soon"}),
        (Wait, ["close_if_no_response=true"], {"close_if_no_response": True}),
        (Wait, ["close_if_no_response=No"], {"close_if_no_response": False}),
        (Wait, ["close_if_no_response=perhaps"], {"close_if_no_response": "perhaps"}),
        (Wait, ["until=2026-12-01T10:00:00Z"], {"until": "2026-12-01T10:00:00+00:00"}),
        (Wait, ["until=tomorrow"], {"until": "tomorrow"}),
        (Wait, ["reason=a=b"], {"reason": "a=b"}),
        (Wait, ["expected_revision=7"], {"expected_revision": 7}),
        (AddNote, ["text={not JSON} 5"], {"text": "{not JSON} 5"}),
        (AddNote, ["text=5"], {"text": "5"}),
        (SendEmail, ["to=a@b.c,d@e.f"], {"to": ["a@b.c", "d@e.f"]}),
        (SendEmail, ["to=a@b.c", "to=d@e.f"], {"to": ["a@b.c", "d@e.f"]}),
        (SendEmail, ['to=["a@b.c"]'], {"to": ["a@b.c"]}),
        (Feedback, ["rating=5"], {"rating": 5}),
        (Feedback, ["rating=good"], {"rating": "good"}),
        (EditTicket, ["requester=Ida <i@e.o>"], {"requester": {"name": "Ida", "email": "i@e.o"}}),
        (EditTicket, ['requester={"name": "Ida"}'], {"requester": {"name": "Ida"}}),
        (EditTicket, ["requester.email=i@e.o"], {"requester": {"email": "i@e.o"}}),
        (EditTicket, ["settings.due.within=P1D"], {"settings": {"due": {"within": "P1D"}}}),
        (EditTicket, ["settings.notify=a@b.c"], {"settings": {"notify": ["a@b.c"]}}),
        (EditCase, ["data.amount=12.5", "data.of=me"], {"data": {"amount": 12.5, "of": "me"}}),
        (EditCase, ["data.a.b=true"], {"data": {"a": {"b": True}}}),
        (EditCase, ['data={"a": [1]}'], {"data": {"a": [1]}}),
        (EditCase, ["definition=errand"], {"definition": "errand"}),
        (EditCase, ['definition={"name": "e"}'], {"definition": {"name": "e"}}),
        (StartAction, ["action=read"], {"action": "read"}),
        (StartAction, ["action.title=Call them"], {"action": {"title": "Call them"}}),
        (Submit, [], {}),
    ],
)
def test_a_word_is_read_by_the_type_of_its_field(
    model: type[BaseModel], words: list[str], fields: dict[str, Any]
) -> None:
    assert parse_fields(model, words, NOW) == fields


@pytest.mark.parametrize(
    ("model", "words", "error"),
    [
        (Wait, ["type"], "'type' is no field=value; quote a value that has spaces"),
        (Wait, ["=x"], "'=x' is no field=value"),
        (Wait, ["untill=x"], r"no field untill \(did you mean until\?\); there are by, command_id"),
        (Wait, ["until.x=1"], "until has no fields; write until=VALUE"),
        (Wait, ["type=until", "type=pause"], "type is given twice"),
        (EditCase, ["data=5", "data.x=5"], "data is given twice"),
        (EditTicket, ["settings.du=1"], "no field du .*there are feedback_window"),
        (EditTicket, ['settings={"a"'], "settings is no JSON: "),
        (EditTicket, ["requester=<<>"], "is no contact; write NAME <MAIL>"),
    ],
)
def test_a_word_that_cannot_be_read_is_refused_with_what_there_is(
    model: type[BaseModel], words: list[str], error: str
) -> None:
    with pytest.raises(InvalidArgument, match=error):
        parse_fields(model, words, NOW)


def test_a_definition_file_becomes_the_definition_itself() -> None:
    path = SAMPLE_FOLDER / "cases" / "new-starter.yaml"
    start = CaseStart.model_validate({"by": "amy"} | parse_fields(CaseStart, [], NOW))
    assert start.definition is None
    fields = parse_fields(CaseStart, [f"definition={path}"], NOW)
    assert fields["definition"] == parse_fields(EditCase, [f"definition={path}"], NOW)["definition"]
    assert isinstance(fields["definition"], dict)
    assert fields["definition"]["name"] == "new-starter"


def test_a_definition_file_with_a_problem_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\n")
    with pytest.raises(CatalogInvalid, match=r"bad\.yaml:1: steps: is required"):
        parse_fields(CaseStart, [f"definition={tmp_path / 'bad.yaml'}"], NOW)


@pytest.mark.parametrize(
    ("text", "contact"),
    [
        ("Ida Berg <ida@example.org>", {"name": "Ida Berg", "email": "ida@example.org"}),
        ("  Ida Berg  ", {"name": "Ida Berg"}),
        ("ida@example.org", {"email": "ida@example.org"}),
        ("<ida@example.org>", {"email": "ida@example.org"}),
        ("", {}),
    ],
)
def test_a_contact_is_a_name_a_mail_address_or_both(text: str, contact: dict[str, str]) -> None:
    assert parse_contact(text) == contact


@pytest.mark.parametrize(
    ("text", "ahead"),
    [
        ("+2h", timedelta(hours=2)),
        ("+1.5d", timedelta(days=1.5)),
        ("+1 w", timedelta(weeks=1)),
        ("+10m", timedelta(minutes=10)),
        ("+20s", timedelta(seconds=20)),
    ],
)
def test_a_moment_may_be_so_far_from_now(text: str, ahead: timedelta) -> None:
    assert datetime.fromisoformat(parse_datetime(text, NOW)) == NOW + ahead


def test_a_moment_without_a_zone_is_local() -> None:
    read = datetime.fromisoformat(parse_datetime("2026-12-01T10:00", NOW))
    assert read.tzinfo is not None
    assert read.replace(tzinfo=None) == datetime(2026, 12, 1, 10)  # noqa: DTZ001 - that is the point
    assert read == datetime(2026, 12, 1, 10).astimezone()


def test_usage_shows_required_fields_first_and_what_each_takes() -> None:
    assert field_usage(Wait, without=COMMON) == (
        "type=more_information|until|pause [take_over=true|false] [until=DATE] "
        "[days_to_wait=NUMBER] [close_if_no_response=true|false] [waiting_for=TEXT] [reason=TEXT]"
    )
    assert field_usage(StartAction, without=COMMON) == "action=TEXT|{JSON}"
    assert field_usage(Submit, without=COMMON) == ""
    assert "[primary_contact=NAME <MAIL>]" in field_usage(TicketStart)
    assert field_usage(ResolveAction, without=COMMON).startswith(
        "outcome=complete|unable_to_complete ["
    )
