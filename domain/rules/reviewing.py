"""Peer review and checklists of Actions (A6, A7)."""

from datetime import datetime

from domain.base.fast_replace import replace
from domain.base.refusals import Blocked, InvalidCommand
from domain.base.rules import Rule
from domain.base.sentences import say
from domain.base.values import Outcome, Status, Verdict, is_person
from domain.model.commands import AnswerChecklist, Review
from domain.model.items import Action, Resolution
from domain.model.proposed_changes import ProposedChange
from domain.rules.assignment import mark_read_by, pick_up, take_over
from domain.rules.resolving import close_action


def review(action: Action, command: Review, at: datetime) -> ProposedChange:
    """Review: pass completes, fail returns to the performer, unable ends (A6, A3)."""
    if not action.in_review:
        raise Blocked(say("review.not_in_review", item=action.noun), rule=Rule.A6)
    if command.by == action.performed_by or not is_person(command.by):
        performer = str(action.performed_by)
        sentence = say("review.by_performer", item=action.noun, performer=performer)
        raise Blocked(sentence, rule=Rule.A6, fields=("by",))
    proposal = ProposedChange(
        item=action,
        reason=f"review: {command.verdict.replace('_', ' ')}",
        note=command.comment or None,
        note_kind="review" if command.comment else None,
    )
    if command.verdict is Verdict.FAIL:
        returned = replace(
            action,
            status=Status.TO_DO,
            assignee=action.performed_by,
            owner=None,
            in_review=False,
            performed_by=None,
            new_information=True,
        )
        return replace(proposal, item=returned)
    outcome = Outcome(
        Outcome.COMPLETE if command.verdict is Verdict.PASS else Outcome.UNABLE_TO_COMPLETE
    )
    reason = command.comment if outcome is Outcome.UNABLE_TO_COMPLETE else None
    end = Resolution(by=command.by, at=at, outcome=outcome, reason=reason)
    return replace(proposal, item=close_action(action, end))


def answer_checklist(action: Action, command: AnswerChecklist, _at: datetime) -> ProposedChange:
    """Answer questions of the checklist; the first answer picks the Action up (A7, C3)."""
    known = {line.key for line in action.checklist}
    unknown = [key for key in command.answers if key not in known]
    if unknown:
        keys, known_keys = ", ".join(unknown), ", ".join(sorted(known))
        sentence = (
            say("checklist.unknown", item=action.noun, keys=keys, known=known_keys)
            if known_keys
            else say("checklist.empty", item=action.noun, keys=keys)
        )
        fields = tuple(f"answers.{key}" for key in unknown)
        raise InvalidCommand(sentence, rule=Rule.A7, fields=fields)
    action = take_over(action, command)
    if action.status is Status.TO_DO:
        action = pick_up(action, command.by)
    lines = tuple(
        replace(line, answer=command.answers.get(line.key, line.answer))
        for line in action.checklist
    )
    answers = ", ".join(
        f"{key}: {answer.replace('_', ' ')}" for key, answer in command.answers.items()
    )
    return ProposedChange(
        item=mark_read_by(replace(action, checklist=lines), command.by), reason=answers[:1000]
    )
