"""The flow of a Case: steps, reports, failures, rework, restart and reset (K4-K10)."""

from datetime import datetime
from typing import Final

from domain.base.conditions import ConditionFailed, holds
from domain.base.fast_replace import replace
from domain.base.refusals import Blocked, NotAllowed, NotInCatalog
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import SYSTEM, Outcome, Status, Template, WaitType, clipped
from domain.model.calendars import WorkingCalendar
from domain.model.commands import AdHocAction, ResetInProgress, Rework
from domain.model.commands import StartAction as StartActionCommand
from domain.model.definitions import ActionDefinition, HowDone, Step, Terms
from domain.model.effects import StartAction
from domain.model.internal_messages import ActionEnded
from domain.model.items import (
    NOT_BEGUN,
    OPEN_TO_WORK,
    ActionCopy,
    Attention,
    Case,
    Mail,
    Resolution,
)
from domain.model.proposed_changes import Move, key_for, mailing, with_effect
from domain.model.starts import DATA_LIMIT, ActionStart, size_of
from domain.rules.assignment import come_back, only_the_owner, picked_up, reopened
from domain.rules.resolving import at_rest, window_of, without_actions

ATTENTION_LIMIT: Final = 300
"""Bytes of a reason that the Case itself carries; the timeline has all of it."""


def advanced(move: Move, at: datetime) -> Move:
    """K4, K5, K7: the move, with the flow as far on as it may be now.

    Nothing starts while the Case waits, rests or needs attention; asked again later, it goes on.
    """
    case, begun = move.item, []
    while (
        isinstance(case, Case)
        and case.definition is not None
        and case.status in OPEN_TO_WORK
        and not (case.attention or case.flow_ended)
        and _step_is_done(case)
    ):
        case = replace(case, position=case.position + 1)
        if case.flow_ended or case.definition is None:
            end = Resolution(by=SYSTEM, at=at, outcome=Outcome.COMPLETE)
            case = at_rest(case, end, window=window_of(case, at))
            begun.append("all steps are done")
            continue
        move, told = _step_begun(move, case, case.definition.steps[case.position], by=SYSTEM)
        case = move.item
        begun.append(told)
    if not begun:
        return move
    told = "; ".join(begun)
    if move.note is None:
        return replace(move, item=case, note=told)
    return replace(move, item=case, reason=f"{move.reason or ''}; {told}".lstrip("; ")[:1000])


def _step_begun(move: Move, case: Case, step: Step, *, by: str) -> tuple[Move, str]:
    """K4: the step at the Case's position, with the Actions whose conditions hold.

    Where one cannot be evaluated none starts, and the Case stands before the step (K7).
    """
    name = step.title or step.key
    wanted, skipped, failed = _chosen_by_condition(case, step)
    if failed:
        case = replace(case, position=case.position - 1)
        told = "; ".join(one.reason for one in failed)
        return _needing_attention(move, case, failed, told), f'Step "{name}" cannot begin: {told}'
    for defined in wanted:
        case = _with_copy(case, defined, by=by)
    return replace(move, item=case), "; ".join([f'Step "{name}" begins', *skipped])


def _chosen_by_condition(
    case: Case, step: Step
) -> tuple[list[ActionDefinition], list[str], list[Attention]]:
    """The Actions to start, what is said of those that are skipped, and conditions that failed."""
    wanted: list[ActionDefinition] = []
    skipped: list[str] = []
    failed: list[Attention] = []
    outcomes = _outcomes(case)
    for action in step.actions:
        try:
            is_wanted = action.when is None or holds(action.when, data=case.data, outcomes=outcomes)
        except ConditionFailed as problem:
            told = f"condition of Action {action.key}: {problem}"
            if action.key in case.waived:
                skipped.append(f"{action.key} is skipped, accepted as not done ({told})")
            else:
                why = clipped(told, ATTENTION_LIMIT)
                failed.append(Attention(action=None, reason=why, condition=action.key))
            continue
        if is_wanted:
            wanted.append(action)
        else:
            skipped.append(f"{action.key} is skipped: its condition is false")
    return wanted, skipped, failed


def _outcomes(case: Case) -> dict[str, str | None]:
    """K4: how the last copy of each Action of the definition ended; null where none did."""
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


def _with_copy(case: Case, defined: ActionDefinition, *, by: str, ad_hoc: bool = False) -> Case:
    reference = f"{case.reference}-A{len(case.actions) + 1}"
    number = 1 + sum(copy.key == defined.key for copy in case.actions)
    start = ActionStart(
        by=by,
        case=case.reference,
        case_run=case.run,
        key=defined.key,
        copy_number=number,
        title=defined.title or defined.key,
        queue=defined.queue or case.queue,
        due_calendar=_calendar(case, defined.due.calendar if defined.due else None),
        lease=case.settings.lease,
        primary_contact=case.primary_contact,
        requester=case.requester,
        work=defined.work,
        data=case.data if defined.orders or defined.call else None,
        **{name: getattr(defined, name) for name in HowDone.model_fields},
    )
    copy = ActionCopy(
        key=defined.key,
        reference=reference,
        copy_number=number,
        step=case.position,
        title=start.title,
        ad_hoc=defined if ad_hoc else None,
    )
    older = tuple(
        replace(old, replaced=True) if old.key == defined.key and old.step == case.position else old
        for old in case.actions
    )
    effect = StartAction(key=key_for(case), reference=reference, start=start)
    return with_effect(replace(case, actions=(*older, copy)), effect)


def _calendar(case: Case, name: str | None) -> WorkingCalendar | None:
    return next((known for known in case.calendars if known.name == name), None)


def calendar_to_look_up(case: Case, command: StartActionCommand) -> str | None:
    """The calendar that an ad-hoc Action is due by, if the Case has not heard of it yet."""
    wish = command.action
    due = wish.due if isinstance(wish, AdHocAction) else None
    name = due.calendar if due else None
    return None if _calendar(case, name) else name


def _heard_of(case: Case, command: StartActionCommand, terms: Terms | None) -> Case:
    """D1: the Case with the calendar that an ad-hoc Action is due by."""
    name = calendar_to_look_up(case, command)
    if name is None:
        return case
    found = terms and terms.calendar(name)
    if not found:
        sentence = say("start_action.no_calendar", item=case.noun, calendar=name)
        raise NotInCatalog(sentence, rule=Rule.D1, fields=("action.due.calendar",))
    return replace(case, calendars=(*case.calendars, found))


def _latest(case: Case, key: str) -> ActionCopy | None:
    return next(
        (copy for copy in reversed(case.actions) if key in {copy.key, copy.reference}), None
    )


def _by_key(actions: tuple[ActionDefinition, ...], key: str) -> ActionDefinition | None:
    return next((action for action in actions if action.key == key), None)


def _defined(case: Case, copy: ActionCopy) -> ActionDefinition | None:
    return copy.ad_hoc or _by_key(case.definition.actions if case.definition else (), copy.key)


def action_ended(case: Case, command: ActionEnded, _at: datetime) -> Move | None:
    """K4, K7, A4, C21: an Action's end is taken once; a replaced copy's is only recorded (K10).

    That it ended as this Case told it to changes nothing.
    """
    copy = next((copy for copy in case.actions if copy.reference == command.reference), None)
    if copy is None or command.case_run != case.run:
        sentence = say("report.no_action", item=case.noun, reference=command.reference)
        raise NotAllowed(sentence, rule=Rule.A4, fields=("reference",))
    told = f"Action {copy.reference} ({copy.title}) ended: {command.outcome.replace('_', ' ')}"
    if command.reason:
        told = f"{told}, {command.reason}"
    if copy.outcome is Outcome.CANCELLED and command.outcome is Outcome.CANCELLED:
        return None
    if not copy.is_open:
        return Move(item=case, reason=f"{told}; it had been ended before, nothing changes"[:1000])
    ended = replace(copy, status=Status.CLOSED, outcome=command.outcome)
    case = replace(case, actions=tuple(ended if old is copy else old for old in case.actions))
    if command.keep_as is not None and command.outcome is Outcome.COMPLETE:
        kept = case.data | {command.keep_as: command.answer}
        if size_of(kept) > DATA_LIMIT:
            problem = f"its answer makes the data larger than {DATA_LIMIT} bytes"
            failed = Attention(action=copy.key, reason=problem)
            return _needing_attention(Move(item=case, reason=told), case, [failed], problem)
        case = replace(case, data=kept)
    if command.outcome is Outcome.COMPLETE:
        return Move(item=case, reason=told[:1000])
    reason = command.reason or str(command.outcome)
    failed = Attention(action=copy.key, reason=clipped(reason, ATTENTION_LIMIT))
    told_by_mail = f"Action {copy.reference} ({copy.title}) could not be completed: {reason}"
    return _needing_attention(Move(item=case, reason=told[:1000]), case, [failed], told_by_mail)


def _needing_attention(move: Move, case: Case, failed: list[Attention], told_by_mail: str) -> Move:
    """K7: the Case comes back to its owner, who is told; a pause stays and is flagged."""
    paused = case.wait is not None and case.wait.type is WaitType.PAUSE
    case = replace(
        case if paused else come_back(case),
        attention=(*case.attention, *failed),
        new_information=True,
    )
    move = replace(move, item=case)
    accounts = (case.owner,) if case.owner else ()
    if not (accounts or case.settings.notify):
        return move
    mail = Mail(
        key=key_for(case),
        to=case.settings.notify or (),
        accounts=accounts,
        subject=f"[{case.reference}] {case.title} needs attention",
        body=f"{told_by_mail}\n",
        template=Template.ATTENTION,
    )
    return mailing(move, mail)


def rework(case: Case, command: Rework, _at: datetime) -> Move:
    """K10: from an earlier step on, or chosen ended Actions of this step."""
    only_the_owner(case, command)
    if case.definition is None:
        raise NotAllowed(say("rework.no_definition", item=case.noun), rule=Rule.K10)
    steps = case.definition.steps
    position, keys = _chosen(case, command)
    open_keys = [copy.key for copy in case.open_actions]
    case = without_actions(case, command.by, "rework")
    case = replace(picked_up(case, command.by), attention=(), position=position)
    if command.step is not None:
        left = tuple(
            replace(copy, replaced=copy.replaced or copy.step >= position) for copy in case.actions
        )
        move = Move(item=case, reason=command.reason)
        case = replace(case, actions=left, waived=())
        move, told = _step_begun(move, case, steps[position], by=command.by)
        return replace(move, note=told)
    wanted = [*keys, *(key for key in open_keys if key not in keys)]
    found = [_latest(case, key) for key in wanted]
    again = [defined for copy in found if copy and (defined := _defined(case, copy))]
    left = tuple(
        copy if copy.is_done or copy.replaced else replace(copy, accepted=True)
        for copy in case.actions
    )
    case = replace(case, actions=left)
    for defined in again:
        foreseen = any(defined in step.actions for step in steps)
        case = _with_copy(case, defined, by=command.by, ad_hoc=not foreseen)
    return Move(item=case, reason=command.reason)


def _chosen(case: Case, command: Rework) -> tuple[int, list[str]]:
    steps = [step.key for step in case.definition.steps] if case.definition else []
    here = min(case.position, case.steps - 1)
    if command.step is not None:
        if command.step not in steps[: here + 1]:
            past = ", ".join(steps[: here + 1]) or say("word.none")
            sentence = say("rework.step", item=case.noun, step=command.step, reached=past)
            raise NotAllowed(sentence, rule=Rule.K10, fields=("step",))
        return steps.index(command.step), []
    keys = []
    for name in command.actions or ():
        copy = _latest(case, name)
        if copy is None or copy.step != here or copy.is_open:
            sentence = say("rework.action", item=case.noun, action=name)
            raise NotAllowed(sentence, rule=Rule.K10, fields=("actions",))
        if copy.key not in keys:
            keys.append(copy.key)
    return here, keys


def start_action(
    case: Case, command: StartActionCommand, _at: datetime, terms: Terms | None
) -> Move:
    """K8, K9: start or restart one Action by hand; a resolved Case comes back for it."""
    only_the_owner(case, command)
    defined, ad_hoc, failed = _wanted(case, command)
    case = _heard_of(case, command, terms)
    if case.status is Status.RESOLVED:
        case = reopened(case, command.by)
    if case.definition is not None and case.flow_ended:
        case = replace(case, position=max(case.steps - 1, NOT_BEGUN))
    case = _with_copy(case, defined, by=command.by, ad_hoc=ad_hoc)
    left = tuple(reason for reason in case.attention if reason.action != defined.key)
    if failed and case.attention and not left:
        case = picked_up(case, command.by)
    return Move(item=replace(case, attention=left), reason=f"Action {defined.title or defined.key}")


def _wanted(case: Case, command: StartActionCommand) -> tuple[ActionDefinition, bool, bool]:
    if isinstance(command.action, AdHocAction):
        number = 1 + sum(copy.ad_hoc is not None for copy in case.actions)
        wish = command.action
        given = {name: getattr(wish, name) for name in type(wish).model_fields}
        made_up = ActionDefinition(key=f"ad-hoc-{number}", **given)
        return made_up, True, False
    copy = _latest(case, command.action)
    if copy is not None and copy.is_open:
        sentence = say(
            "start_action.running", item=case.noun, reference=copy.reference, action=copy.key
        )
        raise Blocked(sentence, rule=Rule.K8, fields=("action",))
    defined = case.definition.actions if case.definition else ()
    found = _defined(case, copy) if copy else _by_key(defined, command.action)
    if found is None:
        known = ", ".join(action.key for action in defined) or say("word.none")
        sentence = say("start_action.unknown", item=case.noun, action=command.action, known=known)
        raise Blocked(sentence, rule=Rule.K8, fields=("action",))
    failed = any(reason.action == found.key for reason in case.attention)
    return found, bool(copy and copy.ad_hoc), failed


def reset_in_progress(case: Case, command: ResetInProgress, _at: datetime) -> Move:
    """K9: accept the failed Actions as not done, and go on."""
    only_the_owner(case, command)
    if not case.attention:
        raise Blocked(say("reset.no_attention", item=case.noun), rule=Rule.K9)
    accepted = tuple(
        replace(copy, accepted=True) if not (copy.is_open or copy.is_done) else copy
        for copy in case.actions
    )
    waived = tuple(reason.condition for reason in case.attention if reason.condition is not None)
    case = replace(picked_up(case, command.by), actions=accepted, attention=())
    return Move(item=replace(case, waived=(*case.waived, *waived)))
