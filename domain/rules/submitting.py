"""Drafts: edit and submit (T1-T4, K1, K2, D1, C3)."""

from datetime import datetime
from typing import Any

from domain.base.fast_replace import replace
from domain.base.refusals import FieldsEmptied, FieldsMissing, NotAllowed, NotInCatalog
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import Status, excerpt
from domain.model.calendars import WorkingCalendar
from domain.model.commands import Edit
from domain.model.definitions import CaseDefinition, Lookup, Settings, Terms
from domain.model.due_clock import DueClock
from domain.model.items import AnyItem, Case, Ticket
from domain.model.proposed_changes import Move
from domain.model.starts import Contact
from domain.rules.assignment import picked_up, read_by, taken_over

FIXED_AT_SUBMIT = ("description", "definition", "settings", "started_by", "links")
DEFAULT_QUEUE = "default"


def edit(item: AnyItem, command: Edit, _at: datetime) -> Move:
    """Change fields; it picks up a To Do item (C3) and refuses what is fixed at submit."""
    changes = command.changes
    item = taken_over(item, command)
    if item.status is not Status.DRAFT:
        _check_after_submit(item, changes)
    if item.status is Status.TO_DO:
        item = picked_up(item, command.by)
    text = changes.pop("description", None)
    item = read_by(replace(item, **_as_fields(item, changes)), command.by)
    changed = (
        f"changed {', '.join(sorted(changes | ({} if text is None else {'description': text})))}"
    )
    if text is None:
        return Move(item=item, reason=changed)
    return described(Move(item=item, reason=changed), text)


def _check_after_submit(item: AnyItem, changes: dict[str, Any]) -> None:
    fixed = tuple(name for name in FIXED_AT_SUBMIT if name in changes)
    if fixed:
        sentence = say("edit.fixed", item=item.noun, fields=", ".join(fixed))
        rule = Rule.K2 if isinstance(item, Case) else Rule.T3
        raise NotAllowed(sentence, rule=rule, fields=fixed)
    for name in ("title", "short_description"):
        if name in changes and not changes[name].strip():
            sentence = say("edit.emptied", item=item.noun, field=name)
            raise FieldsEmptied(sentence, rule=Rule.T2, fields=(name,))


def _as_fields(item: AnyItem, changes: dict[str, Any]) -> dict[str, Any]:
    fields = dict(changes)
    if "short_description" in fields:
        fields["title"] = fields.pop("short_description")
    if "queue" in fields:
        fields["queue_chosen"] = True
    if "settings" in fields:
        settings: Settings = fields["settings"]
        fields["settings"] = settings.over(item.settings)
    if "definition" in fields:
        fields |= defined(fields["definition"])
    return fields


def defined(definition: str | CaseDefinition | None) -> dict[str, Any]:
    """The fields of a Case whose definition was given by name, whole, or not at all."""
    if isinstance(definition, CaseDefinition):
        return {"definition": definition, "definition_name": definition.name}
    return {"definition": None, "definition_name": definition}


def described(move: Move, text: str) -> Move:
    """The move with this description; one that is too long is kept in the store."""
    short = excerpt(text)
    move = replace(move, item=replace(move.item, description=short, description_kept=short != text))
    return replace(move, note=text, kept_as="description") if short != text else move


def missing(item: AnyItem) -> tuple[str, ...]:
    """T2, K1: the fields that submit still needs."""
    if isinstance(item, Case):
        return () if item.title.strip() else ("short_description",)
    given: dict[str, str | Contact | None] = {
        "title": item.title.strip(),
        "description": item.description.strip(),
        "category": item.category,
        "primary_contact": item.primary_contact,
        "requester": item.requester,
    }
    return tuple(name for name, value in given.items() if not value)


def lookup_to_submit(
    *,
    category: str | None = None,
    definition: str | CaseDefinition | None = None,
    settings: Settings | None,
) -> Lookup | None:
    """What to ask the catalog before an item of these is handed in; None if nothing."""
    named = settings.calendars if settings else {}
    lookup = Lookup()
    if isinstance(definition, CaseDefinition):
        named = named | definition.calendars
        lookup = Lookup(
            definitions=_each_once(definition.definitions), services=_each_once(definition.services)
        )
    elif definition is not None:
        lookup = Lookup(what="definition", name=definition)
    if category is not None:
        lookup = Lookup(what="category", name=category)
    lookup = lookup.model_copy(update={"calendars": _each_once(named)})
    return lookup if lookup.asks else None


def _each_once(named: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(named.values()))


def submitted(item: AnyItem, terms: Terms | None, at: datetime) -> AnyItem:
    """The item once handed in: To Do, in its queue, with its settings, flow and due date fixed."""
    terms = terms or Terms()
    gaps = missing(item)
    if gaps:
        sentence = say("submit.missing", item=item.noun, fields=", ".join(gaps))
        required = Rule.K1 if isinstance(item, Case) else Rule.T2
        raise FieldsMissing(sentence, rule=required, fields=gaps)
    settings, queue = item.settings.over(terms.settings), terms.queue
    if isinstance(item, Case):
        definition = item.definition or terms.definition
        if definition is None and item.definition_name is not None:
            sentence = say("submit.no_definition", item=item.noun, definition=item.definition_name)
            raise NotInCatalog(sentence, rule=Rule.K2, fields=("definition",))
        if definition is not None:
            settings, queue = settings.over(definition.settings), definition.queue or queue
        item = replace(item, definition=definition)
    else:
        definition = None
    _check_calendars(item, settings, definition, terms)
    if definition is not None:
        _check_what_it_starts(item, definition, terms)
    if isinstance(item, Case):
        item = replace(item, calendars=_of_actions(definition, terms))
    rule = settings.due
    return replace(
        item,
        status=Status.TO_DO,
        assignee=None,
        submitted_at=at,
        settings=settings,
        queue=item.queue if item.queue_chosen or queue is None else queue,
        calendar=terms.calendar(settings.calendar),
        due=None
        if rule is None
        else DueClock(rule=rule, calendar=terms.calendar(rule.calendar), since=at),
    )


def _check_calendars(
    item: AnyItem, settings: Settings, definition: CaseDefinition | None, terms: Terms
) -> None:
    """D1: whatever names a calendar names one that the catalog has."""
    defined = definition.calendars if definition else {}
    named = {f"definition.{field}": name for field, name in defined.items()} | {
        f"settings.{field}": name
        for field, name in settings.calendars.items()
        if defined.get(f"settings.{field}") != name
    }
    unknown = {field: name for field, name in named.items() if terms.calendar(name) is None}
    if unknown:
        names = ", ".join(dict.fromkeys(unknown.values()))
        sentence = say("submit.no_calendar", item=item.noun, calendars=names)
        raise NotInCatalog(sentence, rule=Rule.D1, fields=tuple(unknown))


def _check_what_it_starts(item: AnyItem, definition: CaseDefinition, terms: Terms) -> None:
    """K2, A8: a definition that a start brings along names only what the catalog has."""
    named = definition.definitions | definition.services
    unknown = {field: name for field, name in named.items() if name in terms.unknown}
    if unknown:
        names = ", ".join(dict.fromkeys(unknown.values()))
        sentence = say("submit.not_in_catalog", item=item.noun, names=names)
        fields = tuple(f"definition.{field}" for field in unknown)
        raise NotInCatalog(sentence, rule=Rule.K2, fields=fields)


def _of_actions(definition: CaseDefinition | None, terms: Terms) -> tuple[WorkingCalendar, ...]:
    """The calendars that the Actions of a definition are due by, each once."""
    rules = [action.due for action in definition.actions] if definition else []
    names = {rule.calendar for rule in rules if rule is not None}
    return tuple(known for known in terms.calendars if known.name in names)


def as_submission(item: AnyItem) -> Move:
    """The move of an item just submitted, with its description as the first note (T3)."""
    if not isinstance(item, Ticket):
        return Move(item=item)
    kept = None if item.description_kept else "submission"
    return Move(item=item, note=item.description, kept_as=kept)
