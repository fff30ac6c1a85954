"""Parsers of submitted forms: each returns the fields of a command, or raises InvalidForm."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from starlette.datastructures import FormData

from domain.base.values import Kind, Outcome, Status, WaitType
from domain.model.commands import commands_of
from domain.model.states import CaseState, State

_NAMED_ADDRESS: Final = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>")
_MIN_PARTS: Final = 2
"""Minimum number of parts of a split (T14)."""

Fields = dict[str, JsonValue]


class InvalidForm(Exception):
    """A form field cannot be parsed; `problems` maps field names to the message keys of errors."""

    def __init__(self, **problems: str) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """Submitted form; blank fields count as missing. `zone` is the reader's time zone."""

    raw: FormData
    zone: ZoneInfo

    def text(self, name: str) -> str | None:
        """Return a text, None if it is blank; CRLF becomes LF."""
        value = self.raw.get(name)
        if not isinstance(value, str) or not value.strip():
            return None
        return value.replace("\r\n", "\n").strip()

    def values(self, name: str) -> list[str]:
        """Return all values of a field that are not blank."""
        return [
            value for value in self.raw.getlist(name) if isinstance(value, str) and value.strip()
        ]

    def is_ticked(self, name: str) -> bool:
        """Return True if the checkbox is ticked."""
        return self.text(name) is not None

    def instant(self, name: str) -> str | None:
        """Return a date and time of the reader's zone as ISO 8601."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return datetime.fromisoformat(value).replace(tzinfo=self.zone).isoformat()
        except ValueError:
            raise InvalidForm(**{name: "wrong.moment"}) from None

    def number(self, name: str) -> float | None:
        """Return a number, written with a point or a comma."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = float(value.replace(",", "."))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InvalidForm(**{name: "wrong.number"})
        return number

    def addresses(self, name: str) -> list[JsonValue] | None:
        """Return mail addresses, separated by commas, semicolons or white space."""
        value = self.text(name)
        if value is None:
            return None
        addresses: list[JsonValue] = []
        for part in re.split("[,;\n]", value):
            # as mail programs write them: Ida Berg <ida@example.org>
            named = _NAMED_ADDRESS.fullmatch(part.strip())
            addresses += [named[1]] if named else part.split()
        return addresses

    def contact(self, name: str) -> dict[str, JsonValue] | None:
        """Return a contact: a name, an address or both."""
        parts = {part: self.text(f"{name}_{part}") for part in ("name", "email")}
        return {part: value for part, value in parts.items() if value} or None

    def require(self, *names: str) -> None:
        """Raise InvalidForm if one of these fields is blank."""
        blank = {name: missing_message(name) for name in names if self.text(name) is None}
        if blank:
            raise InvalidForm(**blank)


def missing_message(name: str) -> str:
    """Return the message key for a required field that is blank."""
    return "wrong.contact" if name in {"primary_contact", "requester"} else "wrong.missing"


def _texts(*names: str) -> Callable[[SubmittedForm, State], Fields]:
    def read(form: SubmittedForm, _state: State) -> Fields:
        return {name: form.text(name) for name in names}

    return read


def _wait(form: SubmittedForm, _state: State) -> Fields:
    chosen = form.text("type")
    if chosen is None:
        raise InvalidForm(type="wrong.choice")
    if chosen == WaitType.UNTIL:
        form.require("until")
        return {"type": chosen, "until": form.instant("until"), "reason": form.text("reason")}
    fields: Fields = {"type": chosen, "reason": form.text("reason")}
    if chosen == WaitType.MORE_INFORMATION:
        closes = form.is_ticked("close_if_no_response")
        if closes:
            form.require("days_to_wait")
        fields |= {
            "days_to_wait": form.number("days_to_wait"),
            "waiting_for": form.text("waiting_for"),
            "close_if_no_response": closes or None,
        }
    return fields


def _resolve(form: SubmittedForm, state: State) -> Fields:
    note: Fields = {"note": form.text("note")}
    if state.kind is Kind.CASE:
        return note
    if state.kind is Kind.TICKET:
        return note | {"method": _chosen(form, "method")}
    outcome = _chosen(form, "outcome")
    if outcome == Outcome.UNABLE_TO_COMPLETE:
        form.require("reason")
        return note | {"outcome": outcome, "reason": form.text("reason")}
    return note | {"outcome": outcome}


def _chosen(form: SubmittedForm, name: str) -> str:
    value = form.text(name)
    if value is None:
        raise InvalidForm(**{name: "wrong.choice"})
    return value


def _mail(form: SubmittedForm, _state: State) -> Fields:
    form.require("to")
    return {
        "to": form.addresses("to"),
        "cc": form.addresses("cc"),
        "subject": form.text("subject"),
        "body": form.text("body"),
    }


def _send(form: SubmittedForm, state: State) -> Fields:
    return _mail(form, state) | {"resolution": form.is_ticked("resolution") or None}


def _send_and_resolve(form: SubmittedForm, state: State) -> Fields:
    return _mail(form, state) | {"method": _chosen(form, "method")}


def _note(form: SubmittedForm, _state: State) -> Fields:
    form.require("text")
    return {
        "text": form.text("text"),
        "resolution": form.is_ticked("resolution") or None,
    }


def _split(form: SubmittedForm, _state: State) -> Fields:
    titles, texts = form.raw.getlist("part_title"), form.raw.getlist("part_description")
    pairs = [
        (str(title).strip(), str(text).strip()) for title, text in zip(titles, texts, strict=False)
    ]
    parts: list[JsonValue] = [
        {"title": title, "description": text or title} for title, text in pairs if title or text
    ]
    if len(parts) < _MIN_PARTS or any(not title for title, text in pairs if text):
        raise InvalidForm(parts="wrong.parts")
    return {"parts": parts}


def _rework(form: SubmittedForm, _state: State) -> Fields:
    reason: Fields = {"reason": form.text("reason")}
    actions = form.values("actions")
    step = form.text("step")
    if step is None and not actions:
        raise InvalidForm(step="wrong.choice")
    if step is not None:
        return reason | {"step": step}
    return reason | {"actions": [*actions]}


def _start_action(form: SubmittedForm, _state: State) -> Fields:
    key = form.text("action")
    if key is not None:
        return {"action": key}
    form.require("title")
    added: Fields = {"title": form.text("title"), "queue": form.text("queue")}
    if (performer := form.text("performer")) is not None:
        added["performer"] = performer
    return {"action": {name: value for name, value in added.items() if value is not None}}


def _review(form: SubmittedForm, _state: State) -> Fields:
    verdict = _chosen(form, "verdict")
    if verdict != "pass":
        form.require("comment")
    return {"verdict": verdict, "comment": form.text("comment")}


def _answers(form: SubmittedForm, _state: State) -> Fields:
    answers: dict[str, JsonValue] = {
        name.removeprefix("answer."): value
        for name, value in form.raw.items()
        if name.startswith("answer.") and isinstance(value, str) and value
    }
    if not answers:
        raise InvalidForm(answers="wrong.choice")
    return {"answers": answers}


def changed_fields(form: SubmittedForm, state: State) -> Fields:
    """Return the fields of the form that differ from the item."""
    changes: Fields = {}
    for name, value in _editable(state).items():
        new_text = form.text(name) or ""
        # a name cannot be emptied: a blank field leaves it unchanged
        if name in form.raw and new_text != value.strip() and (new_text or name in _TEXTS):
            changes[name] = new_text
    for name, contact in (
        ("primary_contact", state.primary_contact),
        ("requester", state.requester),
    ):
        new_contact = form.contact(name)
        old_contact = contact.model_dump(exclude_none=True) if contact else None
        if new_contact is not None and new_contact != old_contact:
            changes[name] = new_contact
    return changes


_TEXTS: Final = frozenset({"title", "short_description", "description"})


def _editable(state: State) -> dict[str, str]:
    """The plain fields that may be edited now, as they are."""
    is_draft = state.status is Status.DRAFT
    now = {"queue": state.queue}
    if isinstance(state, CaseState):
        now |= {"short_description": state.title, "owner": state.owner or ""}
        return now | ({"definition": state.definition or ""} if is_draft else {})
    now["title"] = state.title
    if state.kind is Kind.TICKET:
        now["category"] = state.category or ""
        if is_draft:
            now["description"] = state.description
    return now


FORM_READERS: Final[Mapping[str, Callable[[SubmittedForm, State], Fields]]] = {
    "submit": _texts(),
    "edit": changed_fields,
    "start": _texts(),
    "assign": _texts("to"),
    "unassign": _texts("queue"),
    "set_to_do": _texts(),
    "mark_read": _texts(),
    "wait": _wait,
    "resume": _texts(),
    "add_note": _note,
    "send_email": _send,
    "resolve": _resolve,
    "send_and_resolve": _send_and_resolve,
    "reopen": _texts(),
    "split": _split,
    "launch_case": _texts("definition", "short_description"),
    "merge": _texts("into"),
    "cancel": _texts("reason"),
    "rework": _rework,
    "start_action": _start_action,
    "reset_in_progress": _texts(),
    "review": _review,
    "answer_checklist": _answers,
}
"""Reader of each command's form; other commands have no form."""
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "assign": ("to",),
    "launch_case": ("definition",),
    "merge": ("into",),
}


def read_command_form(command: str, form: SubmittedForm, state: State) -> Fields:
    """Return the command's fields from its form; raises InvalidForm."""
    form.require(*_REQUIRED.get(command, ()))
    fields = FORM_READERS[command](form, state)
    model = commands_of(state.kind)[command]
    if "take_over" in model.model_fields and form.is_ticked("take_over"):
        fields["take_over"] = True
    return {name: value for name, value in fields.items() if value is not None}
