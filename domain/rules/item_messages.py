"""What an effect tells another item, and what is told of an item that cannot tell it any more."""

from domain.base.values import SYSTEM, Outcome, printable
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

Telling = AnswerMerge | AskMerge | CancelAction | CancelCase | ReportEnd | TellWaiter


def message_of(effect: Telling, sender: str) -> tuple[str, Command]:
    """The reference of the item that is told, and what; once for the effect's key (C17)."""
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


def nobody_answers(effect: AskMerge) -> MergeAnswered:
    """T16: the answer where there is nobody to ask."""
    return MergeAnswered(
        by=SYSTEM,
        command_id=f"{effect.key}:answer",
        asker_run=effect.run,
        ask=effect.key,
        accepted=False,
        reason=f"{effect.into} is closed, or there is no such item",
    )


def action_vanished(reference: str, *, case_run: str, key: str, reason: str) -> ActionEnded:
    """C21: an Action that was terminated, or could not be started, is unable to complete."""
    return ActionEnded(
        by=SYSTEM,
        command_id=f"{key}:vanished",
        case_run=case_run,
        reference=reference,
        outcome=Outcome.UNABLE_TO_COMPLETE,
        reason=printable(reason),
    )


def item_vanished(reference: str, *, waiter_run: str, key: str, reason: str) -> ItemEnded:
    """T14, T15, K12: the same of a part, a launched Case or a sub-Case."""
    return ItemEnded(
        by=SYSTEM,
        command_id=f"{key}:vanished",
        waiter_run=waiter_run,
        reference=reference,
        how=VANISHED,
        reason=printable(reason),
    )
