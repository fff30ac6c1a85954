"""The flow of a Case: steps, reports, failures, rework, restart and reset (K4-K10)."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.commands import ActionEnded, AdHocAction, ResetInProgress, Rework
from domain.commands import StartAction as StartActionCommand
from domain.definitions import ActionDefinition
from domain.effects import StartAction
from domain.holding import come_back, only_the_owner, picked_up, reopened
from domain.items import (
    NOT_BEGUN,
    OPEN_TO_WORK,
    ActionCopy,
    Attention,
    Case,
    Mail,
    Resolution,
)
from domain.moves import Move, key_for, mailing, with_effect
from domain.refusals import NotAllowed
from domain.resolving import at_rest, window_of, without_actions
from domain.starts import ActionStart
from domain.values import SYSTEM, Outcome, Status, WaitType, clipped

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
            case = at_rest(case, end, window=window_of(case))
            begun.append("all steps are done")
            continue
        step = case.definition.steps[case.position]
        for defined in step.actions:
            case = _with_copy(case, defined, by=SYSTEM)
        begun.append(f"step {step.title or step.key} begins")
    note = "; ".join(begun)
    return replace(move, item=case, note=move.note or note) if begun else move


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
        performer=defined.performer,
        due=defined.due,
        primary_contact=case.primary_contact,
        requester=case.requester,
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
        sentence = f"{case.noun} has no Action {command.reference} of this run"
        raise NotAllowed(sentence, rule="A4", fields=("reference",))
    told = f"Action {copy.reference} ({copy.title}) ended: {command.outcome}"
    if command.reason:
        told = f"{told}, {command.reason}"
    if copy.outcome is Outcome.CANCELLED and command.outcome is Outcome.CANCELLED:
        return None
    if not copy.is_open:
        return Move(item=case, reason=f"{told}; it had been ended before, nothing changes"[:1000])
    ended = replace(copy, status=Status.CLOSED, outcome=command.outcome)
    case = replace(case, actions=tuple(ended if old is copy else old for old in case.actions))
    if command.outcome is Outcome.COMPLETE:
        return Move(item=case, reason=told[:1000])
    return _needing_attention(case, ended, command.reason or str(command.outcome), told[:1000])


def _needing_attention(case: Case, copy: ActionCopy, reason: str, told: str) -> Move:
    failed = Attention(action=copy.key, reason=clipped(reason, ATTENTION_LIMIT))
    paused = case.wait is not None and case.wait.type is WaitType.PAUSE
    case = replace(
        case if paused else come_back(case),
        attention=(*case.attention, failed),
        new_information=True,
    )
    move = Move(item=case, reason=told)
    accounts = (case.owner,) if case.owner else ()
    if not (accounts or case.settings.notify):
        return move
    mail = Mail(
        key=key_for(case),
        to=case.settings.notify or (),
        accounts=accounts,
        subject=f"[{case.reference}] {case.title} needs attention",
        body=f"Action {copy.reference} ({copy.title}) could not be completed: {reason}\n",
    )
    return mailing(move, mail)


def rework(case: Case, command: Rework, _at: datetime) -> Move:
    """K10: from an earlier step on, or chosen ended Actions of this step."""
    only_the_owner(case, command)
    if case.definition is None:
        sentence = f"{case.noun} has no definition: there is no step to rework"
        raise NotAllowed(sentence, rule="K10")
    steps = case.definition.steps
    position, keys = _chosen(case, command)
    open_keys = [copy.key for copy in case.open_actions]
    case = without_actions(case, command.by, "rework")
    if command.step is not None:
        again = list(steps[position].actions)
        left = tuple(
            replace(copy, replaced=copy.replaced or copy.step >= position) for copy in case.actions
        )
    else:
        wanted = [*keys, *(key for key in open_keys if key not in keys)]
        found = [_latest(case, key) for key in wanted]
        again = [defined for copy in found if copy and (defined := _defined(case, copy))]
        left = tuple(
            copy if copy.is_done or copy.replaced else replace(copy, accepted=True)
            for copy in case.actions
        )
    case = replace(picked_up(case, command.by), attention=(), position=position, actions=left)
    for defined in again:
        foreseen = any(defined in step.actions for step in steps)
        case = _with_copy(case, defined, by=command.by, ad_hoc=not foreseen)
    return Move(item=case, reason=command.reason)


def _chosen(case: Case, command: Rework) -> tuple[int, list[str]]:
    steps = [step.key for step in case.definition.steps] if case.definition else []
    here = min(case.position, case.steps - 1)
    if command.step is not None:
        if command.step not in steps[: here + 1]:
            past = ", ".join(steps[: here + 1]) or "none"
            sentence = (
                f"{case.noun} cannot be reworked from step {command.step}; reached so far: {past}"
            )
            raise NotAllowed(sentence, rule="K10", fields=("step",))
        return steps.index(command.step), []
    keys = []
    for name in command.actions or ():
        copy = _latest(case, name)
        if copy is None or copy.step != here or copy.is_open:
            sentence = f"{case.noun} has no ended Action {name} in this step to rework"
            raise NotAllowed(sentence, rule="K10", fields=("actions",))
        if copy.key not in keys:
            keys.append(copy.key)
    return here, keys


def start_action(case: Case, command: StartActionCommand, _at: datetime) -> Move:
    """K8, K9: start or restart one Action by hand; a resolved Case comes back for it."""
    only_the_owner(case, command)
    defined, ad_hoc, failed = _wanted(case, command)
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
        made_up = ActionDefinition(
            key=f"ad-hoc-{number}",
            title=wish.title,
            queue=wish.queue,
            performer=wish.performer,
            due=wish.due,
        )
        return made_up, True, False
    copy = _latest(case, command.action)
    if copy is not None and copy.is_open:
        sentence = f"{case.noun} has Action {copy.reference} ({copy.key}) running already"
        raise NotAllowed(sentence, rule="K8", fields=("action",))
    defined = case.definition.actions if case.definition else ()
    found = _defined(case, copy) if copy else _by_key(defined, command.action)
    if found is None:
        known = ", ".join(action.key for action in defined) or "none"
        sentence = f"{case.noun} has no Action {command.action}; known: {known}"
        raise NotAllowed(sentence, rule="K8", fields=("action",))
    return found, bool(copy and copy.ad_hoc), bool(copy and copy.outcome is not Outcome.COMPLETE)


def reset_in_progress(case: Case, command: ResetInProgress, _at: datetime) -> Move:
    """K9: accept the failed Actions as not done, and go on."""
    only_the_owner(case, command)
    if not case.attention:
        sentence = f"{case.noun} needs no attention: there is nothing to reset"
        raise NotAllowed(sentence, rule="K9")
    accepted = tuple(
        replace(copy, accepted=True) if not (copy.is_open or copy.is_done) else copy
        for copy in case.actions
    )
    return Move(item=replace(picked_up(case, command.by), actions=accepted, attention=()))
