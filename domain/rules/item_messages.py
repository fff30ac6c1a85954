"""Builds the messages that one item sends another, and the substitute for a vanished item."""

from domain.base.values import SYSTEM, Outcome, replace_control_characters
from domain.model.commands import Cancel, Command
from domain.model.effects import (
    AnswerMerge,
    AskMerge,
    CancelAction,
    CancelCase,
    ReportEnd,
    TellWaiter,
)
from domain.model.internal_messages import (
    ActionEnded,
    CaseCancelled,
    ItemEnded,
    MergeAnswered,
    MergeAsked,
)
from domain.rules.split_and_launch import VANISHED

MessageEffect = AnswerMerge | AskMerge | CancelAction | CancelCase | ReportEnd | TellWaiter


def message_for(effect: MessageEffect, sender: str) -> tuple[str, Command]:
    """Return the receiver's reference and the message; its id is the effect's key (C17)."""
    match effect:
        case ReportEnd():
            return effect.case, ActionEnded(
                by=effect.by,
                command_id=effect.key,
                case_run=effect.case_run,
                reference=sender,
                outcome=Outcome(effect.outcome),
                reason=effect.reason,
                keep_as=effect.keep_as,
                answer=effect.answer,
            )
        case CancelAction():
            return effect.reference, CaseCancelled(
                by=effect.by,
                command_id=effect.key,
                case_run=effect.case_run,
                reason=effect.reason,
            )
        case CancelCase():
            return effect.sub_case, Cancel(by=SYSTEM, command_id=effect.key, reason=effect.reason)
        case TellWaiter():
            return effect.waiter, ItemEnded(
                by=effect.by,
                command_id=effect.key,
                waiter_run=effect.waiter_run,
                reference=sender,
                how=effect.how,
                reason=effect.reason,
            )
        case AskMerge():
            return effect.into, MergeAsked(
                by=effect.by,
                command_id=effect.key,
                asker=sender,
                asker_run=effect.run,
                ask=effect.key,
                title=effect.title,
                communications=effect.communications,
            )
        case _:
            return effect.asker, MergeAnswered(
                by=effect.by,
                command_id=effect.key,
                asker_run=effect.asker_run,
                ask=effect.ask,
                accepted=effect.accepted,
                reason=effect.reason,
            )


def absent_target_answer(effect: AskMerge) -> MergeAnswered:
    """Return the answer to a merge request whose target is closed or does not exist (T16)."""
    return MergeAnswered(
        by=SYSTEM,
        command_id=f"{effect.key}:answer",
        asker_run=effect.run,
        ask=effect.key,
        accepted=False,
        reason=f"{effect.into} is closed, or there is no such item",
    )


def vanished_action_message(reference: str, *, case_run: str, key: str, reason: str) -> ActionEnded:
    """Return the end of an Action that was terminated or never started (C21)."""
    return ActionEnded(
        by=SYSTEM,
        command_id=f"{key}:vanished",
        case_run=case_run,
        reference=reference,
        outcome=Outcome.UNABLE_TO_COMPLETE,
        reason=replace_control_characters(reason),
    )


def vanished_item_message(reference: str, *, waiter_run: str, key: str, reason: str) -> ItemEnded:
    """Return the end of a vanished part, launched Case or sub-Case (T14, T15, K12)."""
    return ItemEnded(
        by=SYSTEM,
        command_id=f"{key}:vanished",
        waiter_run=waiter_run,
        reference=reference,
        how=VANISHED,
        reason=replace_control_characters(reason),
    )
