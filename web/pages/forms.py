"""Forms read: what was written in one becomes the fields of a command, or is said to be wrong."""

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

_NAMED: Final = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>")
_TWO: Final = 2
"""Parts that a split has at least (T14)."""

Fields = dict[str, JsonValue]


class Unreadable(Exception):
    """A form says something that cannot be read; by field, the key of the words that say so."""

    def __init__(self, **problems: str) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Written:
    """What was written in a form; blank fields count as not given."""

    form: FormData
    zone: ZoneInfo

    def text(self, name: str) -> str | None:
        """A text, None if it is blank; line ends as everywhere but in forms."""
        value = self.form.get(name)
        if not isinstance(value, str) or not value.strip():
            return None
        return value.replace("\r\n", "\n").strip()

    def several(self, name: str) -> list[str]:
        """All that was given of a field, without blanks."""
        return [one for one in self.form.getlist(name) if isinstance(one, str) and one.strip()]

    def is_ticked(self, name: str) -> bool:
        """Whether a box is."""
        return self.text(name) is not None

    def moment(self, name: str) -> str | None:
        """A date and time, on the reader's own clock."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return datetime.fromisoformat(value).replace(tzinfo=self.zone).isoformat()
        except ValueError:
            raise Unreadable(**{name: "wrong.moment"}) from None

    def number(self, name: str) -> float | None:
        """A number, with a point or a comma."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = float(value.replace(",", "."))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise Unreadable(**{name: "wrong.number"})
        return number

    def addresses(self, name: str) -> list[JsonValue] | None:
        """Mail addresses, with whatever between them."""
        value = self.text(name)
        if value is None:
            return None
        found: list[JsonValue] = []
        for one in re.split("[,;\n]", value):
            # as mail programs write them: Ida Berg <ida@example.org>
            named = _NAMED.fullmatch(one.strip())
            found += [named[1]] if named else one.split()
        return found

    def contact(self, name: str) -> dict[str, JsonValue] | None:
        """A person outside: a name, an address or both."""
        given = {part: self.text(f"{name}_{part}") for part in ("name", "email")}
        return {part: value for part, value in given.items() if value} or None

    def needed(self, *names: str) -> None:
        """Raise Unreadable unless all of these are given."""
        blank = {name: missing(name) for name in names if self.text(name) is None}
        if blank:
            raise Unreadable(**blank)


def missing(name: str) -> str:
    """The word for a field that is needed and was left blank."""
    return "wrong.contact" if name in {"primary_contact", "requester"} else "wrong.missing"


def _texts(*names: str) -> Callable[[Written, State], Fields]:
    def read(written: Written, _state: State) -> Fields:
        return {name: written.text(name) for name in names}

    return read


def _wait(written: Written, _state: State) -> Fields:
    chosen = written.text("type")
    if chosen is None:
        raise Unreadable(type="wrong.choice")
    if chosen == WaitType.UNTIL:
        written.needed("until")
        return {"type": chosen, "until": written.moment("until"), "reason": written.text("reason")}
    fields: Fields = {"type": chosen, "reason": written.text("reason")}
    if chosen == WaitType.MORE_INFORMATION:
        closes = written.is_ticked("close_if_no_response")
        if closes:
            written.needed("days_to_wait")
        fields |= {
            "days_to_wait": written.number("days_to_wait"),
            "waiting_for": written.text("waiting_for"),
            "close_if_no_response": closes or None,
        }
    return fields


def _resolve(written: Written, state: State) -> Fields:
    note: Fields = {"note": written.text("note")}
    if state.kind is Kind.CASE:
        return note
    if state.kind is Kind.TICKET:
        return note | {"method": _chosen(written, "method")}
    outcome = _chosen(written, "outcome")
    if outcome == Outcome.UNABLE_TO_COMPLETE:
        written.needed("reason")
        return note | {"outcome": outcome, "reason": written.text("reason")}
    return note | {"outcome": outcome}


def _chosen(written: Written, name: str) -> str:
    value = written.text(name)
    if value is None:
        raise Unreadable(**{name: "wrong.choice"})
    return value


def _mail(written: Written, _state: State) -> Fields:
    written.needed("to")
    return {
        "to": written.addresses("to"),
        "cc": written.addresses("cc"),
        "subject": written.text("subject"),
        "body": written.text("body"),
    }


def _send(written: Written, state: State) -> Fields:
    return _mail(written, state) | {"resolution": written.is_ticked("resolution") or None}


def _send_and_resolve(written: Written, state: State) -> Fields:
    return _mail(written, state) | {"method": _chosen(written, "method")}


def _note(written: Written, _state: State) -> Fields:
    written.needed("text")
    return {
        "text": written.text("text"),
        "resolution": written.is_ticked("resolution") or None,
    }


def _split(written: Written, _state: State) -> Fields:
    titles, texts = written.form.getlist("part_title"), written.form.getlist("part_description")
    pairs = [
        (str(title).strip(), str(text).strip()) for title, text in zip(titles, texts, strict=False)
    ]
    parts: list[JsonValue] = [
        {"title": title, "description": text or title} for title, text in pairs if title or text
    ]
    if len(parts) < _TWO or any(not title for title, text in pairs if text):
        raise Unreadable(parts="wrong.parts")
    return {"parts": parts}


def _rework(written: Written, _state: State) -> Fields:
    reason: Fields = {"reason": written.text("reason")}
    actions = written.several("actions")
    step = written.text("step")
    if step is None and not actions:
        raise Unreadable(step="wrong.choice")
    if step is not None:
        return reason | {"step": step}
    return reason | {"actions": [*actions]}


def _start_action(written: Written, _state: State) -> Fields:
    key = written.text("action")
    if key is not None:
        return {"action": key}
    written.needed("title")
    added: Fields = {"title": written.text("title"), "queue": written.text("queue")}
    if (performer := written.text("performer")) is not None:
        added["performer"] = performer
    return {"action": {name: value for name, value in added.items() if value is not None}}


def _review(written: Written, _state: State) -> Fields:
    verdict = _chosen(written, "verdict")
    if verdict != "pass":
        written.needed("comment")
    return {"verdict": verdict, "comment": written.text("comment")}


def _answers(written: Written, _state: State) -> Fields:
    answers: dict[str, JsonValue] = {
        name.removeprefix("answer."): value
        for name, value in written.form.items()
        if name.startswith("answer.") and isinstance(value, str) and value
    }
    if not answers:
        raise Unreadable(answers="wrong.choice")
    return {"answers": answers}


def changes(written: Written, state: State) -> Fields:
    """What differs from the item as it is; a field that the form does not have is left alone."""
    found: Fields = {}
    for name, value in _editable(state).items():
        given = written.text(name) or ""
        # what is a name cannot be emptied: then it is as it was
        if name in written.form and given != value.strip() and (given or name in _TEXTS):
            found[name] = given
    for name, contact in (
        ("primary_contact", state.primary_contact),
        ("requester", state.requester),
    ):
        new = written.contact(name)
        was = contact.model_dump(exclude_none=True) if contact else None
        if new is not None and new != was:
            found[name] = new
    return found


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


READERS: Final[Mapping[str, Callable[[Written, State], Fields]]] = {
    "submit": _texts(),
    "edit": changes,
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
"""How the form of each command is read; one that is not here has no form."""
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "assign": ("to",),
    "launch_case": ("definition",),
    "merge": ("into",),
}


def fields_of(command: str, written: Written, state: State) -> Fields:
    """The command's fields as its form says them; raises Unreadable."""
    written.needed(*_NEEDED.get(command, ()))
    fields = READERS[command](written, state)
    model = commands_of(state.kind)[command]
    if "take_over" in model.model_fields and written.is_ticked("take_over"):
        fields["take_over"] = True
    return {name: value for name, value in fields.items() if value is not None}
