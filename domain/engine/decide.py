"""How messages become changes: decoding, order, repetition, conflict, refusal (C10, C15-C19)."""

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
from domain.base.validation_messages import problems_of
from domain.base.values import COMMAND_LIMIT, Kind, printable
from domain.engine.command_rules import apply
from domain.engine.deadlines import elapsed
from domain.model.commands import Command, Feedback, ReceiveEmail, commands_of
from domain.model.definitions import Terms
from domain.model.internal_messages import notices_of
from domain.model.items import AnyItem, Change, Entry

KEPT_IDS: Final = 1000
"""C17: command ids that an item remembers."""
KEPT_REFUSED: Final = 100
"""C16: refused entries that an item keeps; older ones are counted."""
_SENTENCE_LENGTH: Final = 300
M = TypeVar("M", bound=BaseModel)


def decode(kind: Kind, name: str, raw: bytes) -> Command:
    """The command of this name from its JSON; raises InvalidCommand with every problem."""
    model = commands_of(kind).get(name) or notices_of(kind).get(name)
    if model is None:
        known = ", ".join(sorted(commands_of(kind)))
        sentence = say("command.unknown", command=name[:100], kind=kind.lower(), known=known)
        raise InvalidCommand(sentence)
    return decode_as(model, raw)


def decode_as(model: type[M], raw: bytes) -> M:
    """One JSON object as a value of this class; raises InvalidCommand with every problem."""
    if len(raw) > COMMAND_LIMIT:
        sentence = say("command.too_large", size=len(raw), limit=COMMAND_LIMIT)
        raise InvalidCommand(sentence)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        problems = problems_of(error)
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


def time_of(command: Command, now: datetime) -> datetime:
    """C19: a command's own time: now, or when a mail or feedback was received."""
    received = command.received_at if isinstance(command, ReceiveEmail | Feedback) else None
    return now if received is None else min(received, now)


def decide(item: AnyItem, command: Command, now: datetime, *, terms: Terms | None = None) -> Change:
    """What a command does, in the order of C17, after the deadlines before it (C19).

    Raises a refusal. A command that was seen before, or changes nothing, has no entries.
    """
    again = _first_outcome(item, command)
    if again is not None:
        return again
    at = time_of(command, now)
    change = elapsed(item, at)
    _check_conflict(change.item, command)
    change = change.then(apply(change.item, command, max(at, change.item.changed_at), terms=terms))
    return replace(change, item=_remembering(change.item, command, None))


def receive(
    item: AnyItem, command: Command, now: datetime, *, terms: Terms | None = None
) -> tuple[Change, Refused | None]:
    """The same for a command that came by signal: a refusal becomes an entry (C16)."""
    try:
        return decide(item, command, now, terms=terms), None
    except Refused as refusal:
        seen_before = _id_of(command) in item.log.seen
        if seen_before and not isinstance(refusal, InvalidCommand):
            return Change(item=item), refusal
        change = Change(item=item) if seen_before else elapsed(item, time_of(command, now))
        entry = refuse(change.item, now, by=command.by, command=command.name, refusal=refusal)
        change = change.then(entry)
        raised = change.item.new_information or isinstance(refusal, MomentPassed)
        kept = replace(_remembering(change.item, command, refusal), new_information=raised)
        return replace(change, item=kept), refusal


def refused_after_all(item: AnyItem, command_id: str | None, refusal: Refused) -> AnyItem:
    """C17, T16: the item that remembers as refused what it took as a question first."""
    key = None if command_id is None else _digest(command_id)
    if key is None or key not in item.log.seen:
        return item
    content = item.log.seen[key].partition(" ")[0]
    seen = {**item.log.seen, key: f"{content}{_outcome(refusal)}"}
    return replace(item, log=replace(item.log, seen=seen))


def refuse(item: AnyItem, now: datetime, *, by: str, command: str, refusal: Refused) -> Change:
    """C16: one refused entry, at the revision it found; nothing else changes."""
    sentence = printable(refusal.sentence)
    entry = Entry(
        serial=item.serial + 1,
        revision=item.revision,
        at=max(now, item.changed_at),
        by=printable(by[:100]),
        command=printable(command[:100]),
        before=item.status,
        after=item.status,
        reason=sentence if len(sentence) <= _SENTENCE_LENGTH else f"{sentence[:_SENTENCE_LENGTH]}…",
        rule=refusal.rule and str(refusal.rule),
        refused=True,
    )
    refused = (*item.log.refused, entry)
    log = replace(
        item.log,
        refused=refused[-KEPT_REFUSED:],
        refused_dropped=item.log.refused_dropped + max(0, len(refused) - KEPT_REFUSED),
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


def _id_of(command: Command) -> str | None:
    return None if command.command_id is None else _digest(command.command_id)


def _content_of(command: Command) -> str:
    content = command.model_dump(mode="json", exclude={"command_id"}, exclude_defaults=True)
    return _digest(json.dumps([command.name, content], sort_keys=True))[:12]


def _first_outcome(item: AnyItem, command: Command) -> Change | None:
    key = _id_of(command)
    if key is None or key not in item.log.seen:
        return None
    content, _, refused = item.log.seen[key].partition(" ")
    if content != _content_of(command):
        sentence = say("command.id_reused", command_id=str(command.command_id))
        raise CommandIdReused(sentence, rule=Rule.C17, fields=("command_id",))
    if refused:
        outcome, _, reason = refused.partition("|")
        type_, _, rule = outcome.partition(" ")
        sentence = say("command.refused_before", item=item.noun, command=command.name)
        raise (refusal_class(type_, reason or None) or NotAllowed)(sentence, rule=Rule.of(rule))
    return Change(item=item)


def _outcome(refusal: Refused) -> str:
    """Return how an item remembers a refusal: type, rule and, of a finer class, its reason."""
    reason = "" if refusal.reason is None else f"|{refusal.reason}"
    return f" {refusal.type} {refusal.rule or ''}{reason}"


def _remembering(item: AnyItem, command: Command, refusal: Refused | None) -> AnyItem:
    key = _id_of(command)
    if key is None or key in item.log.seen or isinstance(refusal, InvalidCommand):
        return item
    outcome = "" if refusal is None else _outcome(refusal)
    seen = {**item.log.seen, key: f"{_content_of(command)}{outcome}"}
    if len(seen) > KEPT_IDS:
        del seen[next(iter(seen))]
    return replace(item, log=replace(item.log, seen=seen))
