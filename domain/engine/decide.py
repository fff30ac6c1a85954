"""Decisions about messages: decoding, repetition, conflict, refusal (C10, C15-C19)."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from domain.base.fast_replace import replace
from domain.base.refusals import (
    CommandIdReused,
    Conflict,
    InvalidCommand,
    MomentPassed,
    NotAllowed,
    Refused,
    refusal_class,
)
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.validation_messages import validation_problems
from domain.base.values import COMMAND_LIMIT, Kind, replace_control_characters
from domain.engine.command_rules import apply_command
from domain.engine.deadlines import elapse_before
from domain.model.commands import Command, Feedback, ReceiveEmail, commands_of
from domain.model.definitions import ItemTerms
from domain.model.internal_messages import internal_messages_of
from domain.model.items import AnyItem, Change, Entry

MAX_COMMAND_IDS: Final = 1000
"""Command ids that an item remembers (C17)."""
MAX_REFUSED_ENTRIES: Final = 100
"""Refused entries that an item carries; older ones are only counted (C16)."""
_SENTENCE_LENGTH: Final = 300
M = TypeVar("M", bound=BaseModel)


def decode(kind: Kind, name: str, raw: bytes) -> Command:
    """Parse the JSON of a command by its name; raise InvalidCommand with every problem."""
    model = commands_of(kind).get(name) or internal_messages_of(kind).get(name)
    if model is None:
        known = ", ".join(sorted(commands_of(kind)))
        sentence = say("command.unknown", command=name[:100], kind=kind.lower(), known=known)
        raise InvalidCommand(sentence)
    return decode_as(model, raw)


def decode_as(model: type[M], raw: bytes) -> M:
    """Parse one JSON object as a value of this class; raise InvalidCommand with every problem."""
    if len(raw) > COMMAND_LIMIT:
        sentence = say("command.too_large", size=len(raw), limit=COMMAND_LIMIT)
        raise InvalidCommand(sentence)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        problems = validation_problems(error)
        raise InvalidCommand(
            say(
                "command.malformed",
                problems=tuple(
                    say("problem.of_field", field=field, problem=problem) if field else problem
                    for field, problem in problems
                ),
            ),
            fields=tuple(dict.fromkeys(field for field, _ in problems if field)),
        ) from None


def command_time(command: Command, now: datetime) -> datetime:
    """Return a command's time: `now`, or when its mail or feedback was received (C19)."""
    received = command.received_at if isinstance(command, ReceiveEmail | Feedback) else None
    return now if received is None else min(received, now)


def decide(
    item: AnyItem, command: Command, now: datetime, *, terms: ItemTerms | None = None
) -> Change:
    """Return the change that a command makes, after the deadlines before it (C17, C19).

    Raises a refusal. The change has no entries if the command was seen before or changes nothing.
    """
    first_outcome = _first_outcome(item, command)
    if first_outcome is not None:
        return first_outcome
    at = command_time(command, now)
    change = elapse_before(item, at)
    _check_conflict(change.item, command)
    change = change.then(
        apply_command(change.item, command, max(at, change.item.changed_at), terms=terms)
    )
    return replace(change, item=_remember(change.item, command, None))


def decide_signal(
    item: AnyItem, command: Command, now: datetime, *, terms: ItemTerms | None = None
) -> tuple[Change, Refused | None]:
    """Decide a command that came by signal: a refusal becomes an entry (C16)."""
    try:
        return decide(item, command, now, terms=terms), None
    except Refused as refusal:
        seen_before = _command_key(command) in item.log.seen
        if seen_before and not isinstance(refusal, InvalidCommand):
            return Change(item=item), refusal
        change = (
            Change(item=item) if seen_before else elapse_before(item, command_time(command, now))
        )
        entry = record_refusal(
            change.item, now, by=command.by, command=command.name, refusal=refusal
        )
        change = change.then(entry)
        raised = change.item.new_information or isinstance(refusal, MomentPassed)
        remembered = replace(_remember(change.item, command, refusal), new_information=raised)
        return replace(change, item=remembered), refusal


def remember_refusal(item: AnyItem, command_id: str | None, refusal: Refused) -> AnyItem:
    """Return the item that remembers a command, accepted at first, as refused (C17, T16)."""
    key = None if command_id is None else _digest(command_id)
    if key is None or key not in item.log.seen:
        return item
    content = item.log.seen[key].partition(" ")[0]
    seen = {**item.log.seen, key: f"{content}{_outcome_text(refusal)}"}
    return replace(item, log=replace(item.log, seen=seen))


def record_refusal(
    item: AnyItem, now: datetime, *, by: str, command: str, refusal: Refused
) -> Change:
    """Return the change that adds one refused entry at the current revision (C16)."""
    sentence = replace_control_characters(refusal.sentence)
    entry = Entry(
        serial=item.serial + 1,
        revision=item.revision,
        at=max(now, item.changed_at),
        by=replace_control_characters(by[:100]),
        command=replace_control_characters(command[:100]),
        before=item.status,
        after=item.status,
        reason=sentence if len(sentence) <= _SENTENCE_LENGTH else f"{sentence[:_SENTENCE_LENGTH]}…",
        rule=refusal.rule and str(refusal.rule),
        refused=True,
    )
    refused = (*item.log.refused, entry)
    log = replace(
        item.log,
        refused=refused[-MAX_REFUSED_ENTRIES:],
        refused_dropped=item.log.refused_dropped + max(0, len(refused) - MAX_REFUSED_ENTRIES),
    )
    return Change(item=replace(item, serial=entry.serial, log=log), entries=(entry,))


def _check_conflict(item: AnyItem, command: Command) -> None:
    if command.expected_revision not in {None, item.revision}:
        sentence = say(
            "command.stale_revision",
            item=item.noun,
            revision=item.revision,
            expected=str(command.expected_revision),
        )
        raise Conflict(sentence, rule=Rule.C17, fields=("expected_revision",))
    if command.lease is not None and (item.lease is None or command.lease != item.lease.token):
        holder = str(item.assignee)
        sentence = (
            say("lease.over", item=item.noun, lease=command.lease)
            if item.lease is None
            else say("lease.replaced", item=item.noun, assignee=holder, lease=command.lease)
        )
        raise Conflict(sentence, rule=Rule.Q3, fields=("lease",))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _command_key(command: Command) -> str | None:
    return None if command.command_id is None else _digest(command.command_id)


def _content_digest(command: Command) -> str:
    content = command.model_dump(mode="json", exclude={"command_id"}, exclude_defaults=True)
    return _digest(json.dumps([command.name, content], sort_keys=True))[:12]


def _first_outcome(item: AnyItem, command: Command) -> Change | None:
    key = _command_key(command)
    if key is None or key not in item.log.seen:
        return None
    content, _, refused = item.log.seen[key].partition(" ")
    if content != _content_digest(command):
        sentence = say("command.id_reused", command_id=str(command.command_id))
        raise CommandIdReused(sentence, rule=Rule.C17, fields=("command_id",))
    if refused:
        outcome, _, reason = refused.partition("|")
        type_, _, rule = outcome.partition(" ")
        sentence = say("command.refused_before", item=item.noun, command=command.name)
        raise (refusal_class(type_, reason or None) or NotAllowed)(sentence, rule=Rule.of(rule))
    return Change(item=item)


def _outcome_text(refusal: Refused) -> str:
    """Return the text that stores a refusal: its type, rule and, if it has one, reason."""
    reason = "" if refusal.reason is None else f"|{refusal.reason}"
    return f" {refusal.type} {refusal.rule or ''}{reason}"


def _remember(item: AnyItem, command: Command, refusal: Refused | None) -> AnyItem:
    key = _command_key(command)
    if key is None or key in item.log.seen or isinstance(refusal, InvalidCommand):
        return item
    outcome = "" if refusal is None else _outcome_text(refusal)
    seen = {**item.log.seen, key: f"{_content_digest(command)}{outcome}"}
    if len(seen) > MAX_COMMAND_IDS:
        del seen[next(iter(seen))]
    return replace(item, log=replace(item.log, seen=seen))
