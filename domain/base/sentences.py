"""Sentences of refusals: each has a key, a template and parameters.

A translation has the same keys and the same parameters; programs tell refusals apart by their type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, Union

from pydantic import JsonValue

from domain.base.values import Kind

Parameter: TypeAlias = Union[str, int, "Sentence", tuple["Sentence", ...]]
"""Parameter: a text, a number, a sentence, or several sentences, joined by "; "."""

TEMPLATES: Final[Mapping[str, str]] = {
    "noun.ticket": "ticket {reference}",
    "noun.case": "case {reference}",
    "noun.action": "action {reference}",
    "word.none": "none",
    # any command
    "item.closed": "{item} is closed: cannot {command}; mail to it starts a new item",
    "item.cancelled": (
        "{item} was cancelled and is closed: cannot {command}; mail to it starts a new item"
    ),
    "item.awaits": "{item} waits until {references} is closed: cannot {command} meanwhile",
    "item.wrong_status": "{item} is {status}: cannot {command}; {way_out}",
    "item.too_large": (
        "{item} would be {size} bytes, and at most {limit} are carried: keep documents elsewhere, "
        "and begin a new item where this one has become too long"
    ),
    "item.reference_used": "{item} is closed: its reference is not used again",
    "item.not_started": "the item is not started yet: ask again",
    "item.not_carried": "no carried item",
    "way_out.allowed_in": "it is allowed in {statuses}",
    "way_out.resume": "resume takes it off Wait",
    "way_out.reopen": "reopen takes it up again",
    "way_out.waiting_only": "only a waiting item is resumed",
    "way_out.case_waits": "no Action starts while the Case waits (K5)",
    # decoding
    "command.unknown": "{command}: no such command of a {kind}; known: {known}",
    "command.unknown_name": "{command}: no such command; `casekeep contract` prints all",
    "command.stray": "{command}: no such command",
    "command.none": "no command",
    "command.payloads": "{command}: takes one JSON object, got {count} payloads",
    "command.no_payload": "{command}: takes one JSON object, got no payloads",
    "command.no_json": "expected one JSON object (json/plain), got {encoding}",
    "command.no_encoding": "expected one JSON object (json/plain), got no encoding",
    "command.too_large": "{size} bytes of JSON: at most {limit} are taken",
    "command.malformed": "{problems}",
    "command.id_reused": (
        "command_id: {command_id} was used before with other content; give a new one"
    ),
    "command.refused_before": "{item}: {command} with this command_id was refused before",
    "command.stale_revision": (
        "{item} is at revision {revision}, not {expected}: read it again, then decide"
    ),
    "problem.of_field": "{field}: {problem}",
    "problem.missing": "is required",
    "problem.extra": "is not a field of this; leave it out",
    "problem.object": "must be a JSON object",
    "problem.string": "must be a string",
    "problem.boolean": "must be true or false",
    "problem.integer": "must be a whole number",
    "problem.number": "must be a number",
    "problem.list": "must be a list",
    "problem.zone": "needs a zone, such as Z or +01:00",
    "problem.instant": "must be a date and time such as 2026-12-01T10:00:00Z",
    "problem.no_json": "is no JSON: {problem}",
    "problem.no_form": "is of none of the forms that this field takes",
    "problem.more": "and {count} more problems",
    "problem.other": "{problem}",
    # starts
    "start.reference": (
        "workflow id {reference}: a reference is 1 to 64 letters, digits, - and _, begins with a "
        "letter or digit, and does not end in -A and digits; use another id"
    ),
    "start.action_reference": (
        "workflow id {reference}: an Action of {case} is named {case}-A and a number"
    ),
    "start.action_by_client": (
        "an Action is started only by its Case: use start_action on the Case"
    ),
    "start.timeout": (
        "an item lives until it is closed: start it without timeout and cron schedule"
    ),
    "start.inherited": "inherited: is not a field of this; leave it out",
    # edit and submit
    "edit.fixed": "{item} was submitted: {fields} cannot be edited any more",
    "edit.emptied": "{item} was submitted: {field} cannot be emptied",
    "submit.missing": "{item} cannot be submitted: {fields} missing",
    "submit.no_definition": "{item} cannot be submitted: no case definition named {definition}",
    "submit.no_calendar": (
        "{item} cannot be submitted: no calendar named {calendars}; `casekeep catalog check` lists "
        "the ones there are"
    ),
    "submit.not_in_catalog": "{item} cannot be submitted: the catalog has no {names}",
    # assignment
    "assignment.in_review": "{item} is in review: {actor} may not do it, but another person",
    "assignment.robot_rejected": (
        "{item} was rejected by a robot: {actor} may not work on it before a person did"
    ),
    "assignment.human_only": "{item} is to be done by a human: {actor} may not work on it",
    "assignment.held_by_another": (
        "{item} is assigned to {assignee}: {actor} cannot {command}; say take_over to take it over"
    ),
    "assignment.owner_only": (
        "{item} is owned by {owner}: only the owner may {command}, not {actor}"
    ),
    "assignment.person_only": "{item} cannot be owned by {actor}: an owner is a person",
    "reject.holder_only": ("{item} can be rejected only by the robot that has it, not by {actor}"),
    "mark_read.holder_only": "{item} is held by {holder}: {actor} cannot mark it read",
    "mark_read.no_holder": "{item} is held by nobody: {actor} cannot mark it read",
    "lease.none": "{item} is under no lease: {actor} has nothing to keep",
    "lease.of_another": "{item} is leased to {assignee}: {actor} cannot keep its lease",
    "lease.over": "{item} is under no lease any more: {lease} is stale; take the next item",
    "lease.replaced": (
        "{item} is under another lease, of {assignee}: {lease} is stale; take the next item"
    ),
    # wait
    "wait.passed": "{item} cannot wait until {until} UTC: that has passed",
    "wait.too_far": "{item} cannot wait until {year}: that is more than 100 years away",
    "wait.pause": "{item} cannot be paused: pause is for Cases",
    "wait.days": "{item} cannot count days to wait: they are for Tickets",
    # resolve, review and cancel
    "resolve.evidence_missing": (
        "{item} needs evidence before it is resolved: send a resolution mail, add a resolution "
        "note, or resolve with a note"
    ),
    "resolve.open_actions": (
        "{item} has open Actions: {references}; end them first, or cancel the Case"
    ),
    "resolve.in_review": "{item} is in review: pass or fail it by review",
    "resolve.checklist": (
        "{item} is not complete: {keys} of its checklist to answer by answer_checklist"
    ),
    "review.not_in_review": ("{item} is not in review: its performer has to complete it first"),
    "review.by_performer": (
        "{item} was completed by {performer}: somebody else reviews it, and no robot"
    ),
    "checklist.unknown": "{item} does not ask {keys}; its checklist asks {known}",
    "checklist.empty": "{item} does not ask {keys}; its checklist asks nothing",
    "cancel.action": ("{item} cannot be cancelled by itself: resolve it, or cancel its Case"),
    "cancel.submitted": ("{item} was submitted: only a Draft can be cancelled; resolve it instead"),
    "cancel.other_case": "{item} belongs to another Case than the one that cancels it",
    # the flow of a Case
    "rework.no_definition": "{item} has no definition: there is no step to rework",
    "rework.step": "{item} cannot be reworked from step {step}; reached so far: {reached}",
    "rework.action": "{item} has no ended Action {action} in this step to rework",
    "start_action.running": "{item} has Action {reference} ({action}) running already",
    "start_action.unknown": "{item} has no Action {action}; known: {known}",
    "start_action.no_calendar": (
        "{item} cannot start an Action due by calendar {calendar}: there is none of this name; "
        "`casekeep catalog check` lists the ones there are"
    ),
    "reset.no_attention": "{item} needs no attention: there is nothing to reset",
    "report.no_action": "{item} has no Action {reference} of this run",
    "report.case_gone": "case {case} is gone: {problem}",
    # linked items
    "split.too_large": (
        "{item} cannot be split into parts this large, with all that comes along: shorten their "
        "descriptions, or make fewer of them"
    ),
    "launch.no_definition": "{item} cannot launch a Case: no case definition {definition}",
    "link.not_awaited": "{item} does not wait for {reference}",
    "merge.refused": "{item} cannot be merged: {problem}",
    "merge.itself": "it cannot be merged into itself",
    "merge.action": "{target} is an Action; give a Ticket or a Case",
    "merge.no_reference": "{target} is no reference",
    "merge.part": "it is a part of {target}",
    "merge.asked": "it is being merged into {target}",
    "merge.pending": (
        "{item} is being merged into {target}: cannot {command} before that is answered"
    ),
    "merge.closed_first": "it was closed before it was answered",
    "merge.instead": "{target} is merged into it instead",
    # mails
    "mail.not_delivered": "mail {mail} was not delivered: {problem}",
    "mail.not_sent": "{item} sent no mail {mail} in this run",
    "mail.given_up": "mail {mail} was given up: {problem}",
}
"""English templates by key; a test compares keys and parameters with those in use."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Sentence for people: the key of its template and the parameters; `str` gives English."""

    key: str
    parameters: Mapping[str, Parameter]

    def __str__(self) -> str:
        """Return the sentence in English."""
        texts = {
            name: "; ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            for name, value in self.parameters.items()
        }
        return TEMPLATES[self.key].format(**texts)

    def __hash__(self) -> int:
        """Hash by key and text, because the parameters are a mapping."""
        return hash((self.key, str(self)))

    @property
    def as_json(self) -> dict[str, JsonValue]:
        """Return the sentence for programs: `{message, parameters}`."""
        return {
            "message": self.key,
            "parameters": {name: _as_json(value) for name, value in self.parameters.items()},
        }


def _as_json(value: Parameter) -> JsonValue:
    if isinstance(value, tuple):
        return [part.as_json for part in value]
    return value.as_json if isinstance(value, Sentence) else value


def say(key: str, /, **parameters: Parameter) -> Sentence:
    """Return the sentence of this key; all parameters of its template have to be given."""
    return Sentence(key, parameters)


def noun_of(kind: Kind, reference: str) -> Sentence:
    """Return the name of an item in sentences: `ticket T-7F3K9Q2D`."""
    if kind is Kind.TICKET:
        return say("noun.ticket", reference=reference)
    if kind is Kind.CASE:
        return say("noun.case", reference=reference)
    return say("noun.action", reference=reference)


def sentence_from(message: JsonValue, parameters: JsonValue) -> Sentence | None:
    """Return the sentence that `as_json` wrote; None for one of another version."""
    if not isinstance(message, str) or not isinstance(parameters, dict):
        return None
    values = {name: _parameter_from(value) for name, value in parameters.items()}
    found = {name: value for name, value in values.items() if value is not None}
    sentence = Sentence(message, found)
    try:
        str(sentence)
    except LookupError:  # another key, or other parameters
        return None
    return sentence


def _parameter_from(value: JsonValue) -> Parameter | None:
    if isinstance(value, dict):
        return sentence_from(value.get("message"), value.get("parameters"))
    if isinstance(value, list):
        parts = [_parameter_from(part) for part in value]
        return tuple(part for part in parts if isinstance(part, Sentence))
    return value if isinstance(value, str | int) else None
