"""List of the commands that an item allows an actor now; each is tried on a copy (chapter 10)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.base.base_model import StrictModel
from domain.base.refusals import HeldByAnother, NotInCatalog, Refused
from domain.base.values import Actor, ChecklistAnswer, Method, Outcome, Status, Verdict, WaitType
from domain.engine.command_rules import apply_command
from domain.model import commands as c
from domain.model.definitions import CaseDefinition
from domain.model.items import Action, AnyItem, Case
from domain.rules.submitting import missing_fields

TRIAL_ADDRESS: Final = "nobody@desk.invalid"
TRIAL_TEXT: Final = "something"
_Trial = tuple[c.Command, str | None, str | None]
"""A command, the name of its field that varies, and the variant in that field."""


class AllowedCommandsRequest(StrictModel):
    """Request for the commands that an actor may give."""

    by: Actor


class AllowedCommand(BaseModel):
    """A command in one of its variants, and the result of trying it."""

    model_config = ConfigDict(frozen=True)

    command: str
    variant: str | None = None
    """Wait type, method, outcome, verdict, or key of a step or an Action."""
    field: str | None = None
    """Field of the command that holds the variant: a step and an Action may have the same key."""
    allowed: bool
    takes_over: bool = False
    """True if the command needs `take_over` (C8)."""
    rule: str | None = None
    sentence: str | None = None
    """Sentence of the refusal, in English."""
    reason: str | None = None
    """Kind of refusal, where programs tell it apart within a type."""
    message: str | None = None
    """Key of the sentence in the translations."""
    parameters: JsonValue = None
    """Parameters of the sentence."""


class AllowedCommands(BaseModel):
    """All commands of the item's kind, as this actor may give them now."""

    model_config = ConfigDict(frozen=True)

    by: str
    revision: int
    moves: tuple[AllowedCommand, ...]
    missing: tuple[str, ...]
    """Fields that submit still needs; empty once the item is submitted (T2, K1)."""
    has_evidence: bool
    """True if the item has a resolution mail or note, even if the settings ask for none (T9)."""


def list_allowed_commands(item: AnyItem, by: str, at: datetime) -> AllowedCommands:
    """Return the commands that an actor may give now, found by trying each (chapter 10, C8).

    The catalog is not asked: a submit that only the catalog would refuse counts as allowed.
    """
    return AllowedCommands(
        by=by,
        revision=item.revision,
        moves=tuple(_try_command(item, trial, at) for trial in _trials(item, by, at)),
        missing=missing_fields(item) if item.status is Status.DRAFT else (),
        has_evidence=item.has_evidence,
    )


def _try_command(item: AnyItem, trial: _Trial, at: datetime) -> AllowedCommand:
    command, field, variant = trial
    refusal = _refusal(item, command, at)
    takes_over = False
    if isinstance(refusal, HeldByAnother) and isinstance(command, c.TakeOverCommand):
        takes_over = True
        refusal = _refusal(item, command.model_copy(update={"take_over": True}), at)
    if refusal is None or isinstance(refusal, NotInCatalog):  # a trial asks the catalog nothing
        return AllowedCommand(
            command=command.name,
            variant=variant,
            field=field,
            allowed=True,
            takes_over=takes_over,
        )
    return AllowedCommand(
        command=command.name,
        variant=variant,
        field=field,
        allowed=False,
        rule=refusal.rule and str(refusal.rule),
        sentence=refusal.sentence,
        reason=refusal.reason,
        message=refusal.message,
        parameters=refusal.parameters,
    )


def _refusal(item: AnyItem, command: c.Command, at: datetime) -> Refused | None:
    try:
        apply_command(item, command, at)
    except Refused as refusal:
        return refusal
    return None


def _trials(item: AnyItem, by: str, at: datetime) -> Iterator[_Trial]:
    """Yield one command for each variant of the kind, with the fields that rules look at."""
    yield c.Start(by=by), None, None
    yield c.Assign(by=by, to=by), None, None
    yield c.Unassign(by=by), None, None
    yield c.SetToDo(by=by), None, None
    yield c.MarkRead(by=by), None, None
    yield from _wait_trials(item, by, at)
    yield c.Resume(by=by), None, None
    yield c.AddNote(by=by, text=TRIAL_TEXT), None, None
    yield c.SendEmail(by=by, to=(TRIAL_ADDRESS,)), None, None
    if isinstance(item, Action):
        yield from _action_trials(item, by)
        return
    yield c.Submit(by=by), None, None
    yield c.Reopen(by=by), None, None
    yield c.Cancel(by=by), None, None
    if isinstance(item, Case):
        yield from _case_trials(item, by)
        return
    yield c.EditTicket(by=by, title=TRIAL_TEXT), None, None
    for method in (
        Method.CUSTOMER_RESPONSE,
        Method.NO_CUSTOMER_RESPONSE,
        Method.REJECTED,
        Method.REJECTED_AS_SPAM,
    ):
        yield c.ResolveTicket(by=by, method=method), "method", method
    yield c.SendAndResolve(by=by, to=(TRIAL_ADDRESS,), method=Method.CUSTOMER_RESPONSE), None, None
    parts = tuple(c.Part(title=TRIAL_TEXT, description=TRIAL_TEXT) for _ in range(2))
    yield c.Split(by=by, parts=parts), None, None
    yield c.LaunchCase(by=by, definition=CaseDefinition(name=TRIAL_TEXT, steps=())), None, None
    yield c.Merge(by=by, into=f"{TRIAL_TEXT}-else"), None, None


def _wait_trials(item: AnyItem, by: str, at: datetime) -> Iterator[_Trial]:
    later = at + timedelta(days=1)
    yield c.Wait(by=by, type=WaitType.MORE_INFORMATION), "type", WaitType.MORE_INFORMATION
    yield c.Wait(by=by, type=WaitType.UNTIL, until=later), "type", WaitType.UNTIL
    if isinstance(item, Case):
        yield c.Wait(by=by, type=WaitType.PAUSE), "type", WaitType.PAUSE


def _action_trials(item: Action, by: str) -> Iterator[_Trial]:
    yield c.EditAction(by=by, title=TRIAL_TEXT), None, None
    yield c.ResolveAction(by=by, outcome=Outcome.COMPLETE), "outcome", Outcome.COMPLETE
    unable = c.ResolveAction(by=by, outcome=Outcome.UNABLE_TO_COMPLETE, reason=TRIAL_TEXT)
    yield unable, "outcome", Outcome.UNABLE_TO_COMPLETE
    for verdict in Verdict:
        yield c.Review(by=by, verdict=verdict, comment=TRIAL_TEXT), "verdict", verdict
    for line in item.checklist[:1]:
        yield (
            c.AnswerChecklist(by=by, answers={line.key: line.answer or ChecklistAnswer.YES}),
            None,
            None,
        )


def _case_trials(item: Case, by: str) -> Iterator[_Trial]:
    yield c.EditCase(by=by, short_description=TRIAL_TEXT), None, None
    yield c.ResolveCase(by=by), None, None
    yield c.ResetInProgress(by=by), None, None
    for step in item.definition.steps if item.definition else ():
        yield c.Rework(by=by, step=step.key), "step", step.key
    ended = {copy.key for copy in item.actions if copy.outcome is not None and not copy.replaced}
    for key in sorted(ended):
        yield c.Rework(by=by, actions=(key,)), "actions", key
        yield c.StartAction(by=by, action=key), "action", key
    yield c.StartAction(by=by, action=c.AdHocAction(title=TRIAL_TEXT)), None, None
