"""Messages: how items read, order and refuse them (C16, C17, C19 and the contract's values)."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.base.durations import Span
from domain.base.refusals import Conflict, InvalidCommand, NotAllowed, Refused
from domain.base.rules import Rule
from domain.base.values import COMMAND_LIMIT, Kind, Status
from domain.engine.command_rules import lookup_for, submits_draft
from domain.engine.deadlines import next_deadline
from domain.engine.decide import decide, decide_signal, decode, record_refusal
from domain.engine.start_item import create_item, lookup_of_start
from domain.model.commands import COMMANDS, commands_of
from domain.model.definitions import CaseDefinition, CatalogLookup, ItemSettings, ItemTerms
from domain.model.internal_messages import INTERNAL_MESSAGES, internal_messages_of
from domain.model.starts import CaseStart, TicketStart, kind_of, title_of
from domain.model.timeline import timeline_page
from tests.support.builders import (
    COMPLETE,
    DAY,
    HOUR,
    MOMENT,
    NOW,
    ONE_ACTION,
    SUPPORT,
    WINDOW,
    Life,
    as_json,
    case,
    draft,
    start_case,
    start_ticket,
    submitted,
    ticket,
)

MAIL: dict[str, Any] = {"message_id": "<1@example.org>", "sender": "ida@example.org"}
ALL = pytest.mark.parametrize("kind", list(Kind))
TICKET_COMMANDS = sorted(commands_of(Kind.TICKET))
GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b"  \n ",
    "a word": b"hello",
    "half an object": b'{"by": "amy"',
    "two objects": b'{"by": "amy"}{"by": "bob"}',
    "null": b"null",
    "true": b"true",
    "a number": b"42",
    "a string": b'"amy"',
    "a list": b'["amy"]',
    "a list of objects": b'[{"by": "amy"}]',
    "an empty object": b"{}",
    "NaN": b'{"by": NaN}',
    "binary": bytes(range(256)),
    "UTF-16": '{"by": "amy"}'.encode("utf-16"),
    "broken UTF-8": b'{"by": "am\xff"}',
    "a lone surrogate": b'{"by": "\\ud800"}',
    "a NUL": b'{"by": "amy\\u0000"}',
    "deep nesting": b'{"by": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a huge number": b'{"by": "amy", "expected_revision": ' + b"9" * 5000 + b"}",
    "a float too large": b'{"by": "amy", "expected_revision": 1e400}',
    "an unknown field": b'{"by": "amy", "surprise": 1}',
    "an unknown field in capitals": b'{"by": "amy", "Surprise": 1}',
    "a protobuf": b"\x0a\x03amy\x12\x00",
    "a trailing comma": b'{"by": "amy",}',
    "single quotes": b"{'by': 'amy'}",
}


# C16, contract: malformed messages are refused, never raise anything else
@ALL
@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_an_invalid_command_for_every_command(kind: Kind, raw: bytes) -> None:
    for name in (*commands_of(kind), *internal_messages_of(kind)):
        with pytest.raises(InvalidCommand) as caught:
            decode(kind, name, raw)
        assert caught.value.sentence
        assert len(caught.value.sentence) < 20_000


# contract: a command that does not exist
@ALL
@pytest.mark.parametrize(
    "name",
    ["", " ", "split", "merge", "Heartbeat", "Resolve", "__class__", "create", "x" * 9000, "a\0b"],
    ids=repr,
)
def test_an_unknown_command_is_invalid(kind: Kind, name: str) -> None:
    with pytest.raises(InvalidCommand) as caught:
        decode(kind, name, as_json({"by": "amy"}))
    assert len(caught.value.sentence) < 1000


# contract: the column `kinds`
def test_a_command_of_another_kind_is_invalid() -> None:
    for kind in Kind:
        for command in COMMANDS:
            if kind in command.kinds:
                continue
            if command.name in commands_of(kind):
                continue
            with pytest.raises(InvalidCommand):
                decode(kind, command.name, as_json({"by": "amy"}))


# contract, commands: what exists in this issue, and for whom
def test_the_commands_of_each_kind_are_those_of_the_contract() -> None:
    everyone = {
        "edit",
        "start",
        "assign",
        "unassign",
        "set_to_do",
        "mark_read",
        "reject",
        "wait",
        "resume",
        "add_note",
        "send_email",
        "receive_email",
        "resolve",
    }
    shared = {"submit", "feedback", "reopen", "cancel"}
    assert set(commands_of(Kind.TICKET)) == everyone | shared | {
        "heartbeat",
        "launch_case",
        "merge",
        "send_and_resolve",
        "split",
    }
    assert set(commands_of(Kind.CASE)) == everyone | shared | {
        "rework",
        "start_action",
        "reset_in_progress",
    }
    assert set(commands_of(Kind.ACTION)) == everyone | {"review", "answer_checklist", "heartbeat"}
    assert {notice.name for notice in INTERNAL_MESSAGES} == {
        "action_ended",
        "case_cancelled",
        "item_ended",
        "merge_answered",
        "merge_asked",
        "mail_failed",
        "acknowledge",
    }
    assert set(internal_messages_of(Kind.TICKET)) == {
        "acknowledge",
        "item_ended",
        "mail_failed",
        "merge_answered",
        "merge_asked",
    }


# contract: every field named
def test_an_invalid_command_names_every_field_at_once() -> None:
    with pytest.raises(InvalidCommand) as caught:
        decode(
            Kind.TICKET,
            "receive_email",
            as_json(
                {
                    "by": "",
                    "sender": 7,
                    "received_at": "yesterday",
                    "automatic": "no",
                    "surprise": 1,
                }
            ),
        )
    named = {"by", "sender", "received_at", "automatic", "surprise", "message_id"}
    assert set(caught.value.fields) == named
    for field in named:
        assert field in caught.value.sentence
    details = caught.value.details
    assert (details["rule"], details["fields"]) == (None, list(caught.value.fields))
    assert details["message"] == "command.malformed"


# contract: every field named, also where its name looks like a class
@pytest.mark.parametrize("field", ["surprise", "Surprise", "Method", "by ", "BY", "a-b"], ids=repr)
def test_an_unknown_field_is_refused_by_name(field: str) -> None:
    for name in TICKET_COMMANDS:
        with pytest.raises(InvalidCommand) as caught:
            decode(Kind.TICKET, name, as_json({"by": "amy", field: 1}))
        assert field in caught.value.fields
    unknown: dict[str, Any] = {field: 1}
    with pytest.raises(ValidationError):
        start_ticket(**unknown)
    with pytest.raises(ValidationError):
        start_case(**unknown)


# contract: every field named, at most a readable number of them
def test_thousands_of_problems_are_told_in_a_readable_number() -> None:
    raw = as_json({"by": "amy", **{f"field {n}": n for n in range(5000)}})
    with pytest.raises(InvalidCommand) as caught:
        decode(Kind.TICKET, "start", raw)
    assert len(caught.value.sentence) < 20_000
    assert "more" in caught.value.sentence


# contract: by is required, at most 100 characters, no control characters
@pytest.mark.parametrize(
    "by",
    [
        None,
        "",
        " ",
        "a" * 101,
        "amy\n",
        "a\tmy",
        "amy\x7f",
        "amy\x85",
        "robot:",
        "service: ",
        7,
        True,
        ["amy"],
        {"name": "amy"},
    ],
)
def test_an_actor_is_one_line_of_at_most_100_characters(by: object) -> None:
    for name in TICKET_COMMANDS:
        with pytest.raises(InvalidCommand) as caught:
            decode(Kind.TICKET, name, as_json({"by": by}))
        assert "by" in caught.value.fields


@pytest.mark.parametrize(
    "by", ["amy", "a" * 100, "Zoë Ångström", "robot:ocr-1", "service:erp", "system"]
)
def test_people_robots_services_and_the_system_are_actors(by: str) -> None:
    assert decode(Kind.TICKET, "start", as_json({"by": by})).by == by


# contract: by, to, owner, queue, category have at most 100 characters
@pytest.mark.parametrize("text", ["x" * 101, "a\nb", "a\x00b", "\x1b[31m", "", "  ", 7])
def test_names_are_one_line_of_at_most_100_characters(text: object) -> None:
    life = draft()
    assert life.refused("edit", queue=text).fields == ("queue",)
    assert life.refused("edit", category=text).fields == ("category",)
    assert ticket().refused("assign", to=text).fields == ("to",)
    assert ticket().refused("unassign", queue=text).fields == ("queue",)
    with pytest.raises(ValidationError):
        start_ticket(queue=text)
    with pytest.raises(ValidationError):
        start_ticket(category=text)
    with pytest.raises(ValidationError):
        start_case(owner=text)


def test_names_of_100_characters_are_taken() -> None:
    life = draft(queue="q" * 100, category="c" * 100)
    life.do("submit")
    life.do("assign", to="t" * 100)
    assert (life.item.queue, life.item.assignee) == ("q" * 100, "t" * 100)


# contract: no control characters other than line breaks and tabs in texts
@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x7f", "\x9b"])
def test_texts_hold_no_control_characters(sign: str) -> None:
    life = ticket()
    assert life.refused("add_note", text=f"a{sign}b").fields == ("text",)
    assert life.refused("resolve", method="rejected", note=f"a{sign}b").fields == ("note",)
    with pytest.raises(ValidationError):
        start_ticket(description=f"a{sign}b")


def test_texts_hold_line_breaks_and_tabs() -> None:
    life = ticket(description="a\r\n\tb")
    life.do("add_note", text="a\n\tb")
    assert life.last.note == "a\n\tb"


# contract: free JSON for the flow's conditions, no control characters in any field
@pytest.mark.parametrize(
    "free",
    [
        [],
        "x",
        None,
        {"a": "b\x00"},
        {"a\x00": 1},
        {"a": [{"b": ["\x1b"]}]},
        {"a": "x" * 25_000},
    ],
)
def test_the_free_json_of_a_case_is_a_small_object_without_control_characters(
    free: object,
) -> None:
    with pytest.raises(ValidationError):
        start_case(data=free)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_json_number_is_refused(number: bytes) -> None:
    with pytest.raises(ValidationError):
        CaseStart.model_validate_json(b'{"by": "amy", "data": {"a": ' + number + b"}}")
    with pytest.raises(ValidationError):
        CaseStart(by="amy", data={"a": float("nan")})


def test_free_json_comes_back_as_it_was_given() -> None:
    free = {"amount": 12.5, "lines": [{"text": "a\nb", "paid": False}], "none": None, "": {}}
    assert start_case(data=free).state.model_dump()["data"] == free


# contract: a command over 256 KB is refused
def test_a_command_over_256_kb_is_refused() -> None:
    frame = len(as_json({"by": "amy", "text": ""}))
    available = COMMAND_LIMIT - frame
    decode(Kind.TICKET, "add_note", as_json({"by": "amy", "text": "x" * available}))
    with pytest.raises(InvalidCommand) as caught:
        decode(Kind.TICKET, "add_note", as_json({"by": "amy", "text": "x" * (available + 1)}))
    assert str(COMMAND_LIMIT) in caught.value.sentence
    assert COMMAND_LIMIT == 256 * 1024


# contract: instants are RFC 3339 with a zone and come back in UTC
@pytest.mark.parametrize(
    "instant",
    [
        "2026-03-02T09:00:00",
        "2026-03-02",
        "09:00",
        "yesterday",
        "",
        1_770_000_000,
        "1770000000",
        1.5,
    ],
    ids=repr,
)
def test_an_instant_without_a_zone_is_refused(instant: object) -> None:
    life = ticket()
    assert life.refused("receive_email", received_at=instant, **MAIL).fields == ("received_at",)
    assert life.refused("feedback", received_at=instant).fields == ("received_at",)
    assert life.refused("wait", type="until", until=instant).fields == ("until",)


@pytest.mark.parametrize(
    "instant",
    ["2030-03-02T09:00:00Z", "2030-03-02T10:00:00+01:00", "2030-03-02T03:30:00.000000-05:30"],
)
def test_an_instant_comes_back_in_utc(instant: str) -> None:
    life = ticket()
    life.do("wait", type="until", until=instant)
    assert life.state.model_dump(mode="json")["wakes_at"] == "2030-03-02T09:00:00Z"


# C19, contract: an instant at the edge of the calendar breaks nothing
@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_at_the_edge_of_the_calendar_is_taken_or_refused(instant: str) -> None:
    for name, fields in (
        ("wait", {"type": "until", "until": instant}),
        ("receive_email", {"received_at": instant, **MAIL}),
    ):
        life = ticket()
        raw = as_json({"by": "amy", **fields})
        try:
            command = decode(Kind.TICKET, name, raw)
        except InvalidCommand:
            continue
        change, _ = decide_signal(life.item, command, NOW)
        assert change.item.revision >= life.item.revision


# T5, C19: a wait that would end after the end of the calendar breaks nothing
def test_the_longest_days_to_wait_and_windows_are_within_the_calendar() -> None:
    life = ticket(settings={"feedback_window": "P36525D", "due": {"within": "P36525D"}})
    life.do("wait", type="more_information", days_to_wait=3650)
    life.do("resolve", method="rejected")
    assert life.item.closes_at == NOW + timedelta(days=36525)


# C10: a timer that no server can count is refused
@ALL
def test_a_moment_more_than_a_hundred_years_away_is_refused(kind: Kind) -> None:
    refusal = submitted(kind).refused("wait", type="until", until="2127-01-01T00:00:00Z")
    assert isinstance(refusal, NotAllowed)
    assert (refusal.rule, refusal.fields) == ("C10", ("until",))
    longest = NOW + timedelta(days=36525)
    submitted(kind).do("wait", type="until", until=longest)
    assert submitted(kind).refused("wait", type="until", until=longest + MOMENT).rule == "C10"


# contract: no coercion
@pytest.mark.parametrize(
    ("name", "fields", "field"),
    [
        ("start", {"take_over": "true"}, "take_over"),
        ("start", {"take_over": 1}, "take_over"),
        ("start", {"expected_revision": "1"}, "expected_revision"),
        ("start", {"expected_revision": 1.5}, "expected_revision"),
        ("start", {"expected_revision": -1}, "expected_revision"),
        ("start", {"expected_revision": True}, "expected_revision"),
        ("start", {"command_id": ""}, "command_id"),
        ("start", {"command_id": "x" * 101}, "command_id"),
        ("start", {"command_id": 7}, "command_id"),
        ("start", {"lease": 7}, "lease"),
        ("add_note", {"text": None}, "text"),
        ("add_note", {"text": ""}, "text"),
        ("add_note", {"text": "x", "resolution": "yes"}, "resolution"),
        ("feedback", {"rating": -1}, "rating"),
        ("feedback", {"rating": 101}, "rating"),
        ("feedback", {"rating": 1.5}, "rating"),
        ("feedback", {"rating": True}, "rating"),
        ("feedback", {"rating": {"stars": 5}}, "rating"),
        ("receive_email", {**MAIL, "message_id": ""}, "message_id"),
        ("receive_email", {**MAIL, "sender": ""}, "sender"),
        ("receive_email", {**MAIL, "recipients": 7}, "recipients"),
        ("send_email", {"to": "ida@example.org", "cc": ["nobody"]}, "cc"),
        ("send_email", {"to": "ida@example.org", "subject": "a\nbcc: x"}, "subject"),
        ("edit", {"primary_contact": {}}, "primary_contact"),
        ("edit", {"primary_contact": {"name": " "}}, "primary_contact"),
        ("edit", {"requester": {"email": "ida"}}, "requester.email"),
        ("edit", {"title": "t" * 301}, "title"),
        ("edit", {"links": [{"kind": "about"}]}, "links.0.reference"),
        ("edit", {"settings": {"feedback_window": "P1M"}}, "settings.feedback_window"),
        ("edit", {"settings": {"surprise": 1}}, "settings.surprise"),
        ("edit", {"started_by": "magic"}, "started_by"),
    ],
)
def test_a_field_that_is_wrong_is_named(name: str, fields: dict[str, Any], field: str) -> None:
    life = draft()
    refusal = life.refused(name, **fields)
    assert isinstance(refusal, InvalidCommand)
    assert {named.removesuffix(".0") for named in refusal.fields} == {field}


# contract, the command edit
@ALL
@pytest.mark.parametrize("fields", [{}, {"queue": None}, {"take_over": True}])
def test_an_edit_of_nothing_is_malformed(kind: Kind, fields: dict[str, Any]) -> None:
    refusal = submitted(kind).refused("edit", **fields)
    assert isinstance(refusal, InvalidCommand)
    assert "queue" in refusal.sentence


# contract, identifiers
@pytest.mark.parametrize(
    "reference",
    ["T-7F3K9Q2D", "a", "7", "invoice_2026-03", "x" * 64, "T-A", "A1", "T-Ax1", "T-a1", "T-A1-"],
)
def test_a_service_may_bring_its_own_reference(reference: str) -> None:
    assert start_ticket(reference=reference).item.reference == reference
    assert start_case(reference=reference).item.reference == reference


@pytest.mark.parametrize(
    "reference",
    ["", "x" * 65, "-a", "_a", "a b", "a/b", "ä", "a\n", "T-1-A1", "T-A1", "T-A007", "a:b", "٣"],
)
def test_a_reference_that_cannot_be_one_is_refused(reference: str) -> None:
    for begin in (start_ticket, start_case):
        with pytest.raises(InvalidCommand) as caught:
            begin(reference=reference)
        assert caught.value.fields == ("reference",)


# contract, starting
@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
def test_a_garbled_start_is_refused(raw: bytes) -> None:
    with pytest.raises(ValidationError):
        TicketStart.model_validate_json(raw)
    with pytest.raises(ValidationError):
        CaseStart.model_validate_json(raw)


# contract, starting
def test_a_start_by_hand_needs_no_more_than_who() -> None:
    life = start_ticket()
    assert (life.item.status, life.state.title, life.item.queue) == (Status.DRAFT, "", "default")
    assert start_case().item.status is Status.DRAFT


# C16
@ALL
def test_every_change_is_one_entry_with_who_when_what_and_from_where_to_where(kind: Kind) -> None:
    life = submitted(kind)
    life.advance(HOUR)
    (entry,) = life.do("wait", by="bob", type="more_information", reason="ask her").entries
    assert entry.revision == life.item.revision == 2
    assert (entry.at, entry.by, entry.command) == (NOW + HOUR, "bob", "wait")
    assert (entry.before, entry.after, entry.reason) == (Status.TO_DO, Status.WAIT, "ask her")
    assert not entry.refused
    assert (entry.rule, entry.note) == (None, None)
    assert life.state.changed_at == NOW + HOUR


# C16
@ALL
def test_revisions_are_gapless_from_one(kind: Kind) -> None:
    life = submitted(kind)
    life.do("start")
    life.signal("resume")
    life.do("wait", type="until", until=NOW + DAY)
    life.advance(2 * DAY)
    life.signal("reject", reason="x")
    life.do("add_note", text="x")
    accepted = [entry for entry in life.entries if not entry.refused]
    assert [entry.revision for entry in accepted] == [1, 2, 3, 4, 5]
    assert life.item.revision == 5
    assert [entry.serial for entry in life.entries] == [1, 2, 3, 4, 5, 6, 7]


# C16
@ALL
def test_a_refused_signal_leaves_an_entry_and_changes_nothing_else(kind: Kind) -> None:
    life = submitted(kind)
    life.do("start")
    before = life.state
    refusal = life.signal("start", by="bob")
    assert isinstance(refusal, NotAllowed)
    entry = life.last
    assert (entry.revision, entry.refused, entry.by, entry.command) == (2, True, "bob", "start")
    assert (entry.before, entry.after) == (Status.IN_PROGRESS, Status.IN_PROGRESS)
    assert (entry.rule, entry.reason) == ("C8", refusal.sentence)
    assert life.state == before


# C16
def test_a_refused_update_is_answered_and_leaves_no_entry() -> None:
    life = ticket()
    entries = len(life.entries)
    life.refused("resume", command_id="id-1")
    assert len(life.entries) == entries
    assert life.item.log.seen == {}


# C16
@ALL
def test_what_could_not_be_decoded_leaves_a_refused_entry(kind: Kind) -> None:
    life = submitted(kind)
    before = life.state
    refusal = InvalidCommand("y" * 5000, rule=Rule.C17)
    life.apply(
        record_refusal(life.item, NOW + HOUR, by="?" * 300, command="x" * 300, refusal=refusal)
    )
    entry = life.last
    assert entry.rule == "C17"
    assert (entry.refused, entry.revision, entry.at) == (True, 1, NOW + HOUR)
    assert len(entry.by) <= 100
    assert len(entry.command) <= 100
    assert len(entry.reason or "") < 1100
    assert life.state == before


# C16
def test_the_last_hundred_refused_entries_are_kept_and_older_ones_counted() -> None:
    life = ticket()
    for number in range(250):
        life.signal("start", by=f"bob {number}", expected_revision=99)
    log = life.item.log
    assert [entry.by for entry in log.refused] == [f"bob {n}" for n in range(150, 250)]
    assert log.refused_dropped == 150
    assert life.item.revision == 1
    assert timeline_page(life.item).refused_dropped == 150
    assert len(log.timeline) == 1


# C16, contract: at least the last 200
def test_the_item_carries_the_last_two_hundred_entries() -> None:
    life = ticket()
    for number in range(300):
        life.do("add_note", text=f"note {number}")
    timeline = life.item.log.timeline
    assert len(timeline) == 200
    assert [entry.revision for entry in timeline] == list(range(102, 302))
    assert life.item.revision == 301


# contract, reading: timeline
def test_the_timeline_is_read_a_page_at_a_time() -> None:
    life = ticket()
    for number in range(9):
        life.do("add_note", text=f"note {number}")
    life.signal("resume")
    first = timeline_page(life.item, 0, 4)
    assert [entry.revision for entry in first.entries] == [1, 2, 3, 4]
    assert first.next_revision == 5
    seen = list(first.entries)
    following: int | None = 5
    while following is not None:
        part = timeline_page(life.item, following, 4)
        seen += part.entries
        following = part.next_revision
    assert [entry.revision for entry in seen] == [*range(1, 11), 10]
    assert [entry.refused for entry in seen] == [*([False] * 10), True]
    assert timeline_page(life.item, 11, 4).entries == ()
    assert timeline_page(life.item).next_revision is None
    assert len(timeline_page(life.item).entries) == 11


# contract, reading: timeline
def test_a_line_of_the_timeline_says_what_the_contract_lists() -> None:
    life = ticket()
    life.do("start")
    line = json.loads(timeline_page(life.item, 2).model_dump_json())["entries"][0]
    assert line | {"reason": None, "note": None} == line
    assert {
        "revision": 2,
        "at": "2026-03-02T09:00:00Z",
        "by": "amy",
        "command": "start",
        "from": "TO_DO",
        "to": "IN_PROGRESS",
        "refused": False,
    }.items() <= line.items()
    assert json.loads(timeline_page(life.item).model_dump_json())["next"] is None


# contract, reading: a page fits in an answer
def test_a_page_of_long_notes_fits_in_an_answer() -> None:
    life = ticket()
    for _ in range(60):
        life.do("add_note", text="ä" * 8000)
    following: int | None = 0
    revisions: list[int] = []
    while following is not None:
        part = timeline_page(life.item, following)
        assert len(part.model_dump_json().encode()) < 256 * 1024
        revisions += [entry.revision for entry in part.entries]
        following = part.next_revision
    assert revisions == list(range(1, 62))


# C17
@ALL
def test_an_id_that_was_seen_is_not_applied_again(kind: Kind) -> None:
    life = submitted(kind)
    first = life.do("add_note", text="once", command_id="id-1")
    assert len(first.entries) == 1
    life.do("add_note", text="between")
    life.unchanged("add_note", text="once", command_id="id-1")
    assert life.signal("add_note", text="once", command_id="id-1") is None
    assert life.item.revision == 3
    life.do("add_note", text="once", command_id="id-2")
    assert life.item.revision == 4


# C17
@ALL
def test_a_repetition_is_answered_though_a_rule_would_refuse_it_now(kind: Kind) -> None:
    life = submitted(kind)
    life.do("start", command_id="id-1", expected_revision=1)
    life.do("unassign")
    life.do("wait", by="bob", type="more_information")
    life.unchanged("start", command_id="id-1", expected_revision=1)
    assert life.item.status is Status.WAIT


# C17, C15
def test_a_repetition_is_answered_by_a_closed_item_too() -> None:
    life = ticket()
    life.do("resolve", method="rejected", command_id="id-1")
    assert life.item.status is Status.CLOSED
    life.unchanged("resolve", method="rejected", command_id="id-1")


# C17
@pytest.mark.parametrize(
    "other",
    [
        ("add_note", {"text": "other"}),
        ("add_note", {"text": "once", "by": "bob"}),
        ("add_note", {"text": "once", "resolution": True}),
        ("add_note", {"text": "once", "expected_revision": 1}),
        ("start", {}),
    ],
)
def test_the_same_id_with_other_content_is_malformed(other: tuple[str, dict[str, Any]]) -> None:
    life = ticket()
    life.do("add_note", text="once", command_id="id-1")
    name, fields = other
    refusal = life.refused(name, command_id="id-1", **fields)
    assert isinstance(refusal, InvalidCommand)
    assert (refusal.rule, refusal.fields) == ("C17", ("command_id",))
    assert isinstance(life.signal(name, command_id="id-1", **fields), InvalidCommand)
    assert life.last.refused


# C17
def test_fields_in_another_order_are_the_same_content() -> None:
    life = ticket()
    life.do("wait", type="more_information", waiting_for="customer", command_id="id-1")
    life.unchanged("wait", waiting_for="customer", type="more_information", command_id="id-1")


# C17
def test_the_first_outcome_of_a_refused_signal_is_its_outcome_for_ever() -> None:
    life = ticket()
    life.do("start", by="bob")
    assert life.signal("start", command_id="id-1")
    entries = len(life.entries)
    life.do("unassign")
    again = life.refused("start", command_id="id-1")
    assert isinstance(again, NotAllowed)
    assert again.rule == "C8"
    assert isinstance(life.signal("start", command_id="id-1"), NotAllowed)
    assert len(life.entries) == entries + 1
    assert life.item.status is Status.TO_DO


# C17
def test_a_conflict_by_signal_is_remembered_as_a_conflict() -> None:
    life = ticket()
    assert isinstance(life.signal("start", command_id="id-1", expected_revision=7), Conflict)
    again = life.refused("start", command_id="id-1", expected_revision=7)
    assert isinstance(again, Conflict)


# C17, C16: a refused update leaves nothing, not even its id
def test_an_update_that_was_refused_may_be_tried_again() -> None:
    life = ticket()
    life.do("start", by="bob")
    assert life.refused("start", command_id="id-1").rule == "C8"
    life.do("unassign")
    life.do("start", command_id="id-1")
    assert life.item.assignee == "amy"


# C17: an id of a command that changed nothing was seen as well
def test_the_id_of_a_command_that_changed_nothing_is_remembered() -> None:
    life = ticket()
    life.unchanged("set_to_do", command_id="id-1")
    life.do("start")
    life.unchanged("set_to_do", command_id="id-1")
    assert life.item.status is Status.IN_PROGRESS


# C17
@pytest.mark.parametrize("revision", [0, 1, 3, 99])
def test_a_revision_that_is_not_current_is_a_conflict(revision: int) -> None:
    life = ticket()
    life.do("start")
    refusal = life.refused("add_note", text="x", expected_revision=revision)
    assert isinstance(refusal, Conflict)
    assert (refusal.rule, refusal.fields) == ("C17", ("expected_revision",))
    assert "2" in refusal.sentence
    life.do("add_note", text="x", expected_revision=2)


# C17: conflict before the rules
def test_a_conflict_is_told_before_any_rule() -> None:
    life = ticket()
    assert isinstance(life.refused("resume", expected_revision=9), Conflict)
    assert isinstance(life.refused("resume", expected_revision=1), NotAllowed)
    life.do("resolve", method="rejected")
    assert isinstance(life.refused("start", expected_revision=1), Conflict)


# C17: malformed before conflict
def test_a_malformed_command_is_told_before_any_conflict() -> None:
    life = ticket()
    life.do("add_note", text="once", command_id="id-1")
    refusal = life.refused("add_note", text="two", command_id="id-1", expected_revision=9)
    assert isinstance(refusal, InvalidCommand)
    assert isinstance(life.refused("wait", type="until", expected_revision=9), InvalidCommand)


# C17, C19: the deadlines before the command have moved the revision
def test_a_revision_from_before_a_deadline_that_elapses_first_is_a_conflict() -> None:
    life = ticket()
    life.do("wait", type="until", until=NOW + DAY)
    life.skip_downtime(2 * DAY)
    assert isinstance(life.refused("add_note", text="x", expected_revision=2), Conflict)
    life.do("add_note", text="x", expected_revision=3)


# contract, Q3: a stale lease is a conflict, also where there is none at all
def test_a_lease_that_nothing_is_under_is_a_conflict() -> None:
    life = ticket()
    refusal = life.refused("start", lease="lease-1")
    assert isinstance(refusal, Conflict)
    assert refusal.fields == ("lease",)


# C17
def test_the_last_thousand_ids_are_remembered() -> None:
    life = ticket()
    for number in range(1001):
        life.do("add_note", text="x", command_id=f"id-{number}")
    assert len(life.item.log.seen) == 1000
    life.unchanged("add_note", text="x", command_id="id-1")
    assert len(life.do("add_note", text="x", command_id="id-0").entries) == 1
    assert len(life.do("add_note", text="x", command_id="id-1").entries) == 1


# C17: garbage does not push real ids out
def test_malformed_commands_are_not_remembered_by_their_id() -> None:
    life = ticket()
    life.do("add_note", text="once", command_id="id-1")
    before = life.item.log.seen
    life.signal("add_note", text="two", command_id="id-1")
    assert life.item.log.seen == before


# C19
@ALL
def test_deadlines_before_a_command_elapse_first(kind: Kind) -> None:
    life = submitted(kind)
    life.do("start")
    life.do("wait", type="until", until=NOW + DAY)
    life.skip_downtime(3 * DAY)
    over, note = life.do("add_note", by="bob", text="late").entries
    assert (over.by, over.at, over.before, over.after) == (
        "system",
        NOW + DAY,
        Status.WAIT,
        Status.TO_DO,
    )
    assert (note.at, note.before) == (NOW + 3 * DAY, Status.TO_DO)


# C19: earlier than the command's time, not at it
def test_a_command_at_the_very_moment_of_a_deadline_comes_first() -> None:
    life = ticket(settings={"feedback_window": "P1D"})
    life.do("resolve", method="rejected")
    life.skip_downtime(DAY)
    life.do("reopen")
    assert life.item.status is Status.TO_DO


# C19
def test_a_command_after_a_window_finds_the_item_closed() -> None:
    life = ticket(settings={"feedback_window": "P1D"})
    life.do("resolve", method="rejected")
    life.skip_downtime(DAY + MOMENT)
    assert life.refused("reopen").rule == "C15"
    refusal = life.signal("reopen")
    assert refusal
    assert refusal.rule == "C15"
    assert [entry.command for entry in life.changes[-1].entries] == ["window_over", "reopen"]
    assert life.item.status is Status.CLOSED
    assert life.changes[-1].entries[-1].revision == life.item.revision


# C19: several deadlines elapse in their order
def test_every_deadline_before_a_command_elapses_in_order() -> None:
    life = ticket(settings={"due": {"within": "P2D", "at_risk": "P1D"}})
    life.do("wait", type="until", until=NOW + 1.5 * DAY)
    life.skip_downtime(9 * DAY)
    change = life.do("add_note", text="late")
    assert [entry.at for entry in change.entries] == [
        NOW + DAY,
        NOW + 1.5 * DAY,
        NOW + 2 * DAY,
        NOW + 9 * DAY,
    ]
    assert next_deadline(life.item) is None


# C19: the times of a timeline never go backwards
def test_a_mail_received_before_the_last_change_is_entered_after_it() -> None:
    life = ticket()
    life.advance(DAY)
    life.do("start")
    life.advance(DAY)
    life.do("receive_email", by="system", received_at=NOW + HOUR, **MAIL)
    times = [entry.at for entry in life.entries]
    assert times == sorted(times)
    assert life.last.at == NOW + DAY


# C19
def test_a_mail_received_before_a_deadline_does_not_make_it_elapse() -> None:
    life = ticket()
    life.do("start")
    life.do("wait", type="until", until=NOW + DAY)
    life.skip_downtime(2 * DAY)
    life.do("receive_email", by="system", received_at=NOW + HOUR, **MAIL)
    assert [entry.command for entry in life.changes[-1].entries] == ["receive_email"]
    life.advance(timedelta(0))
    assert (life.item.status, life.item.assignee) == (Status.TO_DO, "amy")


# architecture, time as an argument: a clock that went back breaks nothing
def test_a_clock_that_goes_back_does_not_turn_the_timeline_back() -> None:
    life = ticket()
    life.advance(DAY)
    life.do("start")
    life.now = NOW
    life.do("add_note", text="earlier?")
    life.signal("resume")
    assert [entry.at for entry in life.entries] == [NOW, NOW + DAY, NOW + DAY, NOW + DAY]


# contract, commands: details of a refusal
def test_a_refusal_has_a_type_a_sentence_and_details() -> None:
    refusal = ticket().refused("mark_read", by="bob")
    assert refusal.type == "NotAllowed"
    assert refusal.details == {
        "rule": "C14",
        "fields": [],
        "reason": None,
        "message": "mark_read.no_holder",
        "parameters": {
            "item": {"message": "noun.ticket", "parameters": {"reference": "T-7F3K9Q2D"}},
            "actor": "bob",
        },
    }
    assert str(refusal) == refusal.sentence
    assert "T-7F3K9Q2D" in refusal.sentence
    assert InvalidCommand("x").type == "InvalidCommand"
    assert Conflict("x").type == "Conflict"


# STYLE, errors: lower case, no full stop
@ALL
def test_refusals_are_sentences_without_a_full_stop(kind: Kind) -> None:
    life = submitted(kind)
    life.do("start", by="bob")
    for name, fields in (
        ("resume", {}),
        ("start", {}),
        ("mark_read", {}),
        ("reject", {"reason": "x"}),
        ("wait", {"type": "until", "until": NOW}),
        ("add_note", {"text": "x", "expected_revision": 99}),
    ):
        sentence = life.refused(name, **fields).sentence
        assert sentence[0].islower()
        assert not sentence.endswith(".")


def _decided(life: Life, name: str, now: datetime, **fields: Any) -> Refused | None:  # noqa: ANN401
    try:
        life.apply(
            decide(life.item, decode(life.item.kind, name, as_json({"by": "amy", **fields})), now)
        )
    except Refused as refusal:
        return refusal
    return None


# C16, C17: an update and a signal decide alike
@ALL
def test_updates_and_signals_decide_alike(kind: Kind) -> None:
    script: list[tuple[str, dict[str, Any]]] = [
        ("start", {}),
        ("start", {"by": "bob"}),
        ("wait", {"type": "until", "until": NOW + DAY}),
        ("resume", {"by": "bob"}),
        ("reject", {"reason": "x"}),
        ("unassign", {"queue": "second"}),
        ("add_note", {"text": "x", "expected_revision": 2}),
    ]
    updated, signalled = submitted(kind), submitted(kind)
    for name, fields in script:
        refusal = _decided(updated, name, NOW, **fields)
        by_signal = signalled.signal(name, **fields)
        assert (refusal and refusal.sentence) == (by_signal and by_signal.sentence)
    ours, theirs = updated.state, signalled.state
    assert ours == theirs


# K2, T11: the shell asks the catalog once, and only where its answer matters
def test_what_has_to_be_looked_up_before_submitting_is_told() -> None:
    billing = CatalogLookup(what="category", name="billing")
    errand = CatalogLookup(what="definition", name="errand")
    assert lookup_of_start(TicketStart(by="service:erp", category="billing")) == billing
    assert lookup_of_start(TicketStart(by="amy", category="billing")) is None
    assert lookup_of_start(TicketStart(by="service:erp")) is None
    assert lookup_of_start(CaseStart(by="service:erp", definition="errand")) == errand
    assert lookup_of_start(CaseStart(by="amy", definition="errand")) is None
    assert lookup_of_start(CaseStart(by="service:erp")) is None
    whole = CaseDefinition(name="x", steps=())
    assert lookup_of_start(CaseStart(by="service:erp", definition=whole)) is None
    assert needed(draft()) == billing
    assert needed(start_ticket()) is None
    assert needed(start_case(definition="errand")) == errand
    assert needed(start_case()) is None
    assert needed(start_case(definition=ONE_ACTION)) is None


def needed(life: Life, name: str = "submit", **fields: Any) -> CatalogLookup | None:  # noqa: ANN401
    return lookup_for(life.item, decode(life.item.kind, name, as_json({"by": "amy"} | fields)))


# T5, T11, D1: the calendars that an item names itself come with its terms, each once
def test_the_calendars_that_an_item_names_are_looked_up_with_its_terms() -> None:
    named = {"calendar": "paris", "due": {"within": "P1D", "calendar": "support"}}
    both = ("paris", "support")
    settings = ItemSettings.model_validate(named)
    start = TicketStart(by="service:erp", category="billing", settings=settings)
    assert lookup_of_start(start) == CatalogLookup(what="category", name="billing", calendars=both)
    assert needed(start_ticket(settings=named)) == CatalogLookup(calendars=both)
    flow = {
        "name": "errand",
        "settings": {"calendar": "paris"},
        "steps": [
            {
                "key": "only",
                "actions": [
                    {"key": "run", "due": {"within": "PT1H", "calendar": "night"}},
                    {"key": "walk", "due": {"within": "PT1H", "calendar": "paris"}},
                    {"key": "rest", "due": {"within": "PT1H"}},
                ],
            }
        ],
    }
    case = start_case(definition=flow, settings={"due": named["due"]})
    assert needed(case) == CatalogLookup(calendars=("support", "paris", "night"))
    assert needed(case, "wait", type="pause") == CatalogLookup(
        calendars=("support", "paris", "night")
    )
    assert needed(case, "add_note", text="x") is None


# D1, K8: an ad-hoc Action's calendar is looked up, unless the Case has heard of it
def test_the_calendar_of_an_ad_hoc_action_is_looked_up_once() -> None:
    life = submitted(Kind.CASE)
    due = {"within": "PT1H", "calendar": "support"}
    new_action: dict[str, Any] = {"action": {"title": "Call", "due": due}}
    assert needed(life, "start_action", **new_action) == CatalogLookup(calendars=("support",))
    assert needed(life, "start_action", action={"title": "Call", "due": {"within": "PT1H"}}) is None
    assert needed(life, "start_action", action={"title": "Call"}) is None
    assert needed(life, "start_action", action="read") is None
    life.terms = ItemTerms(calendars=(SUPPORT,))
    life.do("start_action", **new_action)
    assert needed(life, "start_action", **new_action) is None


# C18: so that the shell knows when to ask
def test_what_hands_a_draft_in_is_told() -> None:
    life = draft()
    handing_in = {
        name
        for name, fields in (
            ("submit", {}),
            ("wait", {"type": "more_information"}),
            ("resolve", {"method": "rejected"}),
            ("send_and_resolve", {"method": "rejected", "to": "ida@example.org"}),
            ("edit", {"queue": "second"}),
            ("cancel", {}),
            ("add_note", {"text": "x"}),
        )
        if submits_draft(life.item, decode(Kind.TICKET, name, as_json({"by": "amy", **fields})))
    }
    assert handing_in == {"submit", "wait", "resolve", "send_and_resolve"}
    life.do("submit")
    assert not submits_draft(life.item, decode(Kind.TICKET, "submit", as_json({"by": "amy"})))


# T11: a span is written as it is read
@pytest.mark.parametrize(
    ("text", "written"),
    [("P1W", "P7D"), ("PT90M", "PT5400S"), ("P1DT0.5H", "P1DT1800S"), ("PT0S", "PT0S")],
)
def test_durations_are_written_in_iso_8601(text: str, written: str) -> None:
    settings = ItemSettings(feedback_window=Span.parse(text))
    assert settings.model_dump(mode="json")["feedback_window"] == written
    assert ItemSettings.model_validate_json(settings.model_dump_json()) == settings


# T11
@pytest.mark.parametrize("text", [f"P{'9' * 30}D", f"PT{'9' * 30}H", "P36526D", "PT876601H"])
def test_a_duration_of_more_than_a_hundred_years_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="100 years"):
        ticket(settings={"feedback_window": text})


# contract: what starts an item is checked before anything else
def test_a_start_is_no_item_of_another_kind() -> None:
    start = TicketStart.model_validate_json(as_json({"by": "amy", **COMPLETE, "settings": WINDOW}))
    change = create_item(start, reference="T-1", run="run-1", at=NOW)
    assert change.item.kind is Kind.TICKET
    assert change.item.log.timeline == change.entries
    assert case().item.kind is Kind.CASE


# contract: the kind and the summary of the workflow that a start makes
@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (TicketStart(by="amy", title="No invoice"), Kind.TICKET),
        (CaseStart(by="amy", short_description="No invoice"), Kind.CASE),
    ],
)
def test_a_start_says_what_it_makes_and_what_it_is_about(
    start: TicketStart | CaseStart, kind: Kind
) -> None:
    assert (kind_of(start), title_of(start)) == (kind, "No invoice")
