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
from domain.model.definitions import CaseDefinition, CatalogLookup, ItemSettings, ItemTerms
from domain.model.due_clock import DueClock
from domain.model.items import AnyItem, Case, Ticket
from domain.model.proposed_changes import ProposedChange
from domain.model.starts import Contact
from domain.rules.assignment import mark_read_by, pick_up, take_over

FIXED_AT_SUBMIT = ("description", "definition", "settings", "started_by", "links")
DEFAULT_QUEUE = "default"


def edit(item: AnyItem, command: Edit, _at: datetime) -> ProposedChange:
    """Change fields; pick up a To Do item, refuse fields fixed at submit (C3, T3, K2)."""
    changes = command.changes
    item = take_over(item, command)
    if item.status is not Status.DRAFT:
        _check_after_submit(item, changes)
    if item.status is Status.TO_DO:
        item = pick_up(item, command.by)
    text = changes.pop("description", None)
    item = mark_read_by(replace(item, **_item_fields(item, changes)), command.by)
    changed = (
        f"changed {', '.join(sorted(changes | ({} if text is None else {'description': text})))}"
    )
    if text is None:
        return ProposedChange(item=item, reason=changed)
    return set_description(ProposedChange(item=item, reason=changed), text)


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


def _item_fields(item: AnyItem, changes: dict[str, Any]) -> dict[str, Any]:
    fields = dict(changes)
    if "short_description" in fields:
        fields["title"] = fields.pop("short_description")
    if "queue" in fields:
        fields["queue_chosen"] = True
    if "settings" in fields:
        settings: ItemSettings = fields["settings"]
        fields["settings"] = settings.with_defaults(item.settings)
    if "definition" in fields:
        fields |= definition_fields(fields["definition"])
    return fields


def definition_fields(definition: str | CaseDefinition | None) -> dict[str, Any]:
    """Return the fields of a Case for a definition given by name, in full, or not at all."""
    if isinstance(definition, CaseDefinition):
        return {"definition": definition, "definition_name": definition.name}
    return {"definition": None, "definition_name": definition}


def set_description(proposal: ProposedChange, text: str) -> ProposedChange:
    """Set the description; a long one goes to the store, and the item has an excerpt."""
    excerpted = excerpt(text)
    proposal = replace(
        proposal,
        item=replace(proposal.item, description=excerpted, description_kept=excerpted != text),
    )
    return replace(proposal, note=text, note_kind="description") if excerpted != text else proposal


def missing_fields(item: AnyItem) -> tuple[str, ...]:
    """Return the fields that submit still needs (T2, K1)."""
    if isinstance(item, Case):
        return () if item.title.strip() else ("short_description",)
    values: dict[str, str | Contact | None] = {
        "title": item.title.strip(),
        "description": item.description.strip(),
        "category": item.category,
        "primary_contact": item.primary_contact,
        "requester": item.requester,
    }
    return tuple(name for name, value in values.items() if not value)


def lookup_to_submit(
    *,
    category: str | None = None,
    definition: str | CaseDefinition | None = None,
    settings: ItemSettings | None,
) -> CatalogLookup | None:
    """Return what the catalog is asked before an item is submitted; None if nothing."""
    named = settings.calendars if settings else {}
    lookup = CatalogLookup()
    if isinstance(definition, CaseDefinition):
        named = named | definition.calendars
        lookup = CatalogLookup(
            definitions=_unique_names(definition.definitions),
            services=_unique_names(definition.services),
        )
    elif definition is not None:
        lookup = CatalogLookup(what="definition", name=definition)
    if category is not None:
        lookup = CatalogLookup(what="category", name=category)
    lookup = lookup.model_copy(update={"calendars": _unique_names(named)})
    return lookup if lookup.asks else None


def _unique_names(named: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(named.values()))


def submit_item(item: AnyItem, terms: ItemTerms | None, at: datetime) -> AnyItem:
    """Submit the item: To Do, in its queue, with its settings, flow and due date fixed."""
    terms = terms or ItemTerms()
    missing = missing_fields(item)
    if missing:
        sentence = say("submit.missing", item=item.noun, fields=", ".join(missing))
        required = Rule.K1 if isinstance(item, Case) else Rule.T2
        raise FieldsMissing(sentence, rule=required, fields=missing)
    settings, queue = item.settings.with_defaults(terms.settings), terms.queue
    if isinstance(item, Case):
        definition = item.definition or terms.definition
        if definition is None and item.definition_name is not None:
            sentence = say("submit.no_definition", item=item.noun, definition=item.definition_name)
            raise NotInCatalog(sentence, rule=Rule.K2, fields=("definition",))
        if definition is not None:
            settings, queue = settings.with_defaults(definition.settings), definition.queue or queue
        item = replace(item, definition=definition)
    else:
        definition = None
    _check_calendars(item, settings, definition, terms)
    if definition is not None:
        _check_references(item, definition, terms)
    if isinstance(item, Case):
        item = replace(item, calendars=_action_calendars(definition, terms))
    rule = settings.due
    return replace(
        item,
        status=Status.TO_DO,
        assignee=None,
        submitted_at=at,
        settings=settings,
        queue=item.queue if item.queue_chosen or queue is None else queue,
        calendar=terms.find_calendar(settings.calendar),
        due=None
        if rule is None
        else DueClock(rule=rule, calendar=terms.find_calendar(rule.calendar), since=at),
    )


def _check_calendars(
    item: AnyItem, settings: ItemSettings, definition: CaseDefinition | None, terms: ItemTerms
) -> None:
    """Refuse calendars that the catalog does not have (D1)."""
    from_definition = definition.calendars if definition else {}
    named = {f"definition.{field}": name for field, name in from_definition.items()} | {
        f"settings.{field}": name
        for field, name in settings.calendars.items()
        if from_definition.get(f"settings.{field}") != name
    }
    unknown = {field: name for field, name in named.items() if terms.find_calendar(name) is None}
    if unknown:
        names = ", ".join(dict.fromkeys(unknown.values()))
        sentence = say("submit.no_calendar", item=item.noun, calendars=names)
        raise NotInCatalog(sentence, rule=Rule.D1, fields=tuple(unknown))


def _check_references(item: AnyItem, definition: CaseDefinition, terms: ItemTerms) -> None:
    """Refuse case definitions and services that the catalog does not have (K2, A8)."""
    named = definition.definitions | definition.services
    unknown = {field: name for field, name in named.items() if name in terms.unknown}
    if unknown:
        names = ", ".join(dict.fromkeys(unknown.values()))
        sentence = say("submit.not_in_catalog", item=item.noun, names=names)
        fields = tuple(f"definition.{field}" for field in unknown)
        raise NotInCatalog(sentence, rule=Rule.K2, fields=fields)


def _action_calendars(
    definition: CaseDefinition | None, terms: ItemTerms
) -> tuple[WorkingCalendar, ...]:
    """Return the calendars of the due rules of a definition's Actions, each once."""
    rules = [action.due for action in definition.actions] if definition else []
    names = {rule.calendar for rule in rules if rule is not None}
    return tuple(calendar for calendar in terms.calendars if calendar.name in names)


def submission_change(item: AnyItem) -> ProposedChange:
    """Return the change of a submission, with the description as the first note (T3)."""
    if not isinstance(item, Ticket):
        return ProposedChange(item=item)
    note_kind = None if item.description_kept else "submission"
    return ProposedChange(item=item, note=item.description, note_kind=note_kind)
