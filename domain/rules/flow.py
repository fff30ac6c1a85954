"""Flow of a Case: steps, reports, failures, rework, restart and reset (K4-K10)."""

from datetime import datetime
from typing import Final

from domain.base.conditions import ConditionFailed, evaluate_condition
from domain.base.fast_replace import replace
from domain.base.refusals import Blocked, NotAllowed, NotInCatalog
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import SYSTEM, Outcome, Status, Template, WaitType, truncate_bytes
from domain.model.calendars import WorkingCalendar
from domain.model.commands import AdHocAction, ResetInProgress, Rework
from domain.model.commands import StartAction as StartActionCommand
from domain.model.definitions import ActionDefinition, ActionRequirements, ItemTerms, Step
from domain.model.effects import StartActionEffect
from domain.model.internal_messages import ActionEnded
from domain.model.items import (
    ACTIVE_STATUSES,
    NOT_STARTED,
    ActionCopy,
    Attention,
    Case,
    Mail,
    Resolution,
)
from domain.model.proposed_changes import ProposedChange, add_effect, add_mail, next_effect_key
from domain.model.starts import DATA_LIMIT, ActionStart, json_size
from domain.rules.assignment import check_owner, pick_up, reopen_for, return_to_owner
from domain.rules.resolving import cancel_actions, feedback_window_of, resolve_or_close

MAX_ATTENTION_BYTES: Final = 300
"""Bytes of a reason that the Case carries; the timeline has the whole text."""


def advance_flow(proposal: ProposedChange, at: datetime) -> ProposedChange:
    """Advance the flow of a Case to its next wait or end, within the change (K4, K5, K7).

    Nothing starts while the Case waits, is Resolved or needs attention; a later change advances it.
    """
    case, remarks = proposal.item, []
    while (
        isinstance(case, Case)
        and case.definition is not None
        and case.status in ACTIVE_STATUSES
        and not (case.attention or case.is_flow_over)
        and _step_is_done(case)
    ):
        case = replace(case, position=case.position + 1)
        if case.is_flow_over or case.definition is None:
            end = Resolution(by=SYSTEM, at=at, outcome=Outcome.COMPLETE)
            case = resolve_or_close(case, end, window=feedback_window_of(case, at))
            remarks.append("all steps are done")
            continue
        proposal, remark = _begin_step(
            proposal, case, case.definition.steps[case.position], by=SYSTEM
        )
        case = proposal.item
        remarks.append(remark)
    if not remarks:
        return proposal
    text = "; ".join(remarks)
    if proposal.note is None:
        return replace(proposal, item=case, note=text)
    return replace(
        proposal, item=case, reason=f"{proposal.reason or ''}; {text}".lstrip("; ")[:1000]
    )


def _begin_step(
    proposal: ProposedChange, case: Case, step: Step, *, by: str
) -> tuple[ProposedChange, str]:
    """Begin the step at the Case's position: start the Actions whose conditions hold (K4).

    If a condition cannot be evaluated, no Action starts, and the Case stays before the step (K7).
    """
    name = step.title or step.key
    wanted, skipped, failed = _select_actions(case, step)
    if failed:
        case = replace(case, position=case.position - 1)
        reason = "; ".join(attention.reason for attention in failed)
        remark = f'Step "{name}" cannot begin: {reason}'
        return _need_attention(proposal, case, failed, reason), remark
    for definition in wanted:
        case = _start_copy(case, definition, by=by)
    return replace(proposal, item=case), "; ".join([f'Step "{name}" begins', *skipped])


def _select_actions(
    case: Case, step: Step
) -> tuple[list[ActionDefinition], list[str], list[Attention]]:
    """Return the Actions to start, remarks about skipped ones, and failed conditions."""
    wanted: list[ActionDefinition] = []
    skipped: list[str] = []
    failed: list[Attention] = []
    outcomes = _outcomes(case)
    for action in step.actions:
        try:
            is_wanted = action.when is None or evaluate_condition(
                action.when, data=case.data, outcomes=outcomes
            )
        except ConditionFailed as problem:
            problem_text = f"condition of Action {action.key}: {problem}"
            if action.key in case.waived:
                skipped.append(f"{action.key} is skipped, accepted as not done ({problem_text})")
            else:
                reason = truncate_bytes(problem_text, MAX_ATTENTION_BYTES)
                failed.append(Attention(action=None, reason=reason, condition=action.key))
            continue
        if is_wanted:
            wanted.append(action)
        else:
            skipped.append(f"{action.key} is skipped: its condition is false")
    return wanted, skipped, failed


def _outcomes(case: Case) -> dict[str, str | None]:
    """Return the outcome of the last copy of each Action; None if it has none (K4)."""
    outcomes: dict[str, str | None] = {
        action.key: None for action in (case.definition.actions if case.definition else ())
    }
    for copy in case.actions:
        if copy.key in outcomes and not copy.replaced:
            outcomes[copy.key] = copy.outcome
    return outcomes


def _step_is_done(case: Case) -> bool:
    return all(
        copy.is_done for copy in case.actions if copy.step == case.position and not copy.replaced
    )


def _start_copy(case: Case, definition: ActionDefinition, *, by: str, ad_hoc: bool = False) -> Case:
    reference = f"{case.reference}-A{len(case.actions) + 1}"
    number = 1 + sum(copy.key == definition.key for copy in case.actions)
    start = ActionStart(
        by=by,
        case=case.reference,
        case_run=case.run,
        key=definition.key,
        copy_number=number,
        title=definition.title or definition.key,
        queue=definition.queue or case.queue,
        due_calendar=_find_calendar(case, definition.due.calendar if definition.due else None),
        lease=case.settings.lease,
        primary_contact=case.primary_contact,
        requester=case.requester,
        work=definition.work,
        data=case.data if definition.orders or definition.call else None,
        **{name: getattr(definition, name) for name in ActionRequirements.model_fields},
    )
    copy = ActionCopy(
        key=definition.key,
        reference=reference,
        copy_number=number,
        step=case.position,
        title=start.title,
        ad_hoc=definition if ad_hoc else None,
    )
    older = tuple(
        replace(old, replaced=True)
        if old.key == definition.key and old.step == case.position
        else old
        for old in case.actions
    )
    effect = StartActionEffect(key=next_effect_key(case), reference=reference, start=start)
    return add_effect(replace(case, actions=(*older, copy)), effect)


def _find_calendar(case: Case, name: str | None) -> WorkingCalendar | None:
    return next((calendar for calendar in case.calendars if calendar.name == name), None)


def calendar_to_look_up(case: Case, command: StartActionCommand) -> str | None:
    """Return the calendar of an ad-hoc Action's due date, if the Case does not have it yet."""
    request = command.action
    due = request.due if isinstance(request, AdHocAction) else None
    name = due.calendar if due else None
    return None if _find_calendar(case, name) else name


def _add_calendar(case: Case, command: StartActionCommand, terms: ItemTerms | None) -> Case:
    """Return the Case with the calendar of an ad-hoc Action's due date (D1)."""
    name = calendar_to_look_up(case, command)
    if name is None:
        return case
    calendar = terms and terms.find_calendar(name)
    if not calendar:
        sentence = say("start_action.no_calendar", item=case.noun, calendar=name)
        raise NotInCatalog(sentence, rule=Rule.D1, fields=("action.due.calendar",))
    return replace(case, calendars=(*case.calendars, calendar))


def _latest_copy(case: Case, key: str) -> ActionCopy | None:
    return next(
        (copy for copy in reversed(case.actions) if key in {copy.key, copy.reference}), None
    )


def _find_definition(actions: tuple[ActionDefinition, ...], key: str) -> ActionDefinition | None:
    return next((action for action in actions if action.key == key), None)


def _definition_of(case: Case, copy: ActionCopy) -> ActionDefinition | None:
    return copy.ad_hoc or _find_definition(
        case.definition.actions if case.definition else (), copy.key
    )


def on_action_ended(case: Case, command: ActionEnded, _at: datetime) -> ProposedChange | None:
    """Record the end of an Action, once (K4, K7, A4, C21).

    The end of a replaced copy is only recorded (K10); the end of an Action that this Case cancelled
    changes nothing.
    """
    copy = next((copy for copy in case.actions if copy.reference == command.reference), None)
    if copy is None or command.case_run != case.run:
        sentence = say("report.no_action", item=case.noun, reference=command.reference)
        raise NotAllowed(sentence, rule=Rule.A4, fields=("reference",))
    report = f"Action {copy.reference} ({copy.title}) ended: {command.outcome.replace('_', ' ')}"
    if command.reason:
        report = f"{report}, {command.reason}"
    if copy.outcome is Outcome.CANCELLED and command.outcome is Outcome.CANCELLED:
        return None
    if not copy.is_open:
        return ProposedChange(
            item=case, reason=f"{report}; it had been ended before, nothing changes"[:1000]
        )
    ended = replace(copy, status=Status.CLOSED, outcome=command.outcome)
    case = replace(case, actions=tuple(ended if old is copy else old for old in case.actions))
    if command.keep_as is not None and command.outcome is Outcome.COMPLETE:
        data = case.data | {command.keep_as: command.answer}
        if json_size(data) > DATA_LIMIT:
            problem = f"its answer makes the data larger than {DATA_LIMIT} bytes"
            failed = Attention(action=copy.key, reason=problem)
            return _need_attention(
                ProposedChange(item=case, reason=report), case, [failed], problem
            )
        case = replace(case, data=data)
    if command.outcome is Outcome.COMPLETE:
        return ProposedChange(item=case, reason=report[:1000])
    reason = command.reason or str(command.outcome)
    failed = Attention(action=copy.key, reason=truncate_bytes(reason, MAX_ATTENTION_BYTES))
    mail_text = f"Action {copy.reference} ({copy.title}) could not be completed: {reason}"
    return _need_attention(
        ProposedChange(item=case, reason=report[:1000]), case, [failed], mail_text
    )


def _need_attention(
    proposal: ProposedChange, case: Case, failed: list[Attention], mail_text: str
) -> ProposedChange:
    """Return the Case to its owner with a mail; a paused Case stays paused (K7)."""
    paused = case.wait is not None and case.wait.type is WaitType.PAUSE
    case = replace(
        case if paused else return_to_owner(case),
        attention=(*case.attention, *failed),
        new_information=True,
    )
    proposal = replace(proposal, item=case)
    accounts = (case.owner,) if case.owner else ()
    if not (accounts or case.settings.notify):
        return proposal
    mail = Mail(
        key=next_effect_key(case),
        to=case.settings.notify or (),
        accounts=accounts,
        subject=f"[{case.reference}] {case.title} needs attention",
        body=f"{mail_text}\n",
        template=Template.ATTENTION,
    )
    return add_mail(proposal, mail)


def rework(case: Case, command: Rework, _at: datetime) -> ProposedChange:
    """Redo a Case from an earlier step on, or chosen ended Actions of this step (K10)."""
    check_owner(case, command)
    if case.definition is None:
        raise NotAllowed(say("rework.no_definition", item=case.noun), rule=Rule.K10)
    steps = case.definition.steps
    position, keys = _rework_target(case, command)
    open_keys = [copy.key for copy in case.open_actions]
    case = cancel_actions(case, command.by, "rework")
    case = replace(pick_up(case, command.by), attention=(), position=position)
    if command.step is not None:
        actions = tuple(
            replace(copy, replaced=copy.replaced or copy.step >= position) for copy in case.actions
        )
        proposal = ProposedChange(item=case, reason=command.reason)
        case = replace(case, actions=actions, waived=())
        proposal, remark = _begin_step(proposal, case, steps[position], by=command.by)
        return replace(proposal, note=remark)
    wanted_keys = [*keys, *(key for key in open_keys if key not in keys)]
    copies = [_latest_copy(case, key) for key in wanted_keys]
    definitions = [
        definition for copy in copies if copy and (definition := _definition_of(case, copy))
    ]
    actions = tuple(
        copy if copy.is_done or copy.replaced else replace(copy, accepted=True)
        for copy in case.actions
    )
    case = replace(case, actions=actions)
    for definition in definitions:
        is_defined = any(definition in step.actions for step in steps)
        case = _start_copy(case, definition, by=command.by, ad_hoc=not is_defined)
    return ProposedChange(item=case, reason=command.reason)


def _rework_target(case: Case, command: Rework) -> tuple[int, list[str]]:
    steps = [step.key for step in case.definition.steps] if case.definition else []
    current = min(case.position, case.step_count - 1)
    if command.step is not None:
        if command.step not in steps[: current + 1]:
            reached = ", ".join(steps[: current + 1]) or say("word.none")
            sentence = say("rework.step", item=case.noun, step=command.step, reached=reached)
            raise NotAllowed(sentence, rule=Rule.K10, fields=("step",))
        return steps.index(command.step), []
    keys = []
    for name in command.actions or ():
        copy = _latest_copy(case, name)
        if copy is None or copy.step != current or copy.is_open:
            sentence = say("rework.action", item=case.noun, action=name)
            raise NotAllowed(sentence, rule=Rule.K10, fields=("actions",))
        if copy.key not in keys:
            keys.append(copy.key)
    return current, keys


def start_action(
    case: Case, command: StartActionCommand, _at: datetime, terms: ItemTerms | None
) -> ProposedChange:
    """Start or restart one Action by hand; a Resolved Case reopens for it (K8, K9)."""
    check_owner(case, command)
    definition, ad_hoc, had_failed = _resolve_request(case, command)
    case = _add_calendar(case, command, terms)
    if case.status is Status.RESOLVED:
        case = reopen_for(case, command.by)
    if case.definition is not None and case.is_flow_over:
        case = replace(case, position=max(case.step_count - 1, NOT_STARTED))
    case = _start_copy(case, definition, by=command.by, ad_hoc=ad_hoc)
    attention = tuple(reason for reason in case.attention if reason.action != definition.key)
    if had_failed and case.attention and not attention:
        case = pick_up(case, command.by)
    return ProposedChange(
        item=replace(case, attention=attention),
        reason=f"Action {definition.title or definition.key}",
    )


def _resolve_request(
    case: Case, command: StartActionCommand
) -> tuple[ActionDefinition, bool, bool]:
    if isinstance(command.action, AdHocAction):
        number = 1 + sum(copy.ad_hoc is not None for copy in case.actions)
        request = command.action
        fields = {name: getattr(request, name) for name in type(request).model_fields}
        return ActionDefinition(key=f"ad-hoc-{number}", **fields), True, False
    copy = _latest_copy(case, command.action)
    if copy is not None and copy.is_open:
        sentence = say(
            "start_action.running", item=case.noun, reference=copy.reference, action=copy.key
        )
        raise Blocked(sentence, rule=Rule.K8, fields=("action",))
    definitions = case.definition.actions if case.definition else ()
    definition = (
        _definition_of(case, copy) if copy else _find_definition(definitions, command.action)
    )
    if definition is None:
        known = ", ".join(action.key for action in definitions) or say("word.none")
        sentence = say("start_action.unknown", item=case.noun, action=command.action, known=known)
        raise Blocked(sentence, rule=Rule.K8, fields=("action",))
    has_failed = any(reason.action == definition.key for reason in case.attention)
    return definition, bool(copy and copy.ad_hoc), has_failed


def reset_in_progress(case: Case, command: ResetInProgress, _at: datetime) -> ProposedChange:
    """Accept the failed Actions as not done, and advance (K9)."""
    check_owner(case, command)
    if not case.attention:
        raise Blocked(say("reset.no_attention", item=case.noun), rule=Rule.K9)
    accepted = tuple(
        replace(copy, accepted=True) if not (copy.is_open or copy.is_done) else copy
        for copy in case.actions
    )
    waived = tuple(reason.condition for reason in case.attention if reason.condition is not None)
    case = replace(pick_up(case, command.by), actions=accepted, attention=())
    return ProposedChange(item=replace(case, waived=(*case.waived, *waived)))
