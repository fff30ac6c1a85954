"""Which moves an item allows somebody now: its own rules are asked, and nothing is changed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.base.base_model import Defined
from domain.base.refusals import HeldByAnother, NotInCatalog, Refused
from domain.base.values import Actor, Method, Outcome, Status, Ticked, Verdict, WaitType
from domain.engine.command_rules import apply
from domain.model import commands as c
from domain.model.definitions import CaseDefinition
from domain.model.items import Action, AnyItem, Case
from domain.rules.submitting import missing

SOMEBODY: Final = "nobody@desk.invalid"
SOMETHING: Final = "something"
_Trial = tuple[c.Command, str | None, str | None]
"""A command, and which of its fields is given which variant."""


class MovesRequest(Defined):
    """Whose moves are asked for."""

    by: Actor


class Move(BaseModel):
    """A command, in one of its variants, and whether it may be given now."""

    model_config = ConfigDict(frozen=True)

    command: str
    variant: str | None = None
    """The wait's type, the method, the outcome, the verdict, the step's or the Action's key."""
    field: str | None = None
    """The command's field that the variant is for: a step and an Action may have the same key."""
    allowed: bool
    takes_over: bool = False
    """C8: only with `take_over`."""
    rule: str | None = None
    sentence: str | None = None
    """Why it is refused."""
    reason: str | None = None
    """The word for the kind of refusal, where programs tell it apart."""
    message: str | None = None
    """The key of the sentence."""
    parameters: JsonValue = None
    """What is put into the sentence."""


class Moves(BaseModel):
    """Every command of the item's kind, as somebody may give it now."""

    model_config = ConfigDict(frozen=True)

    by: str
    revision: int
    moves: tuple[Move, ...]
    missing: tuple[str, ...]
    """T2, K1: the fields that submit still needs; none once it is submitted."""
    has_evidence: bool
    """T9: whether a resolution mail or note is there, whether or not the settings ask for one."""


def moves_of(item: AnyItem, by: str, at: datetime) -> Moves:
    """What somebody may do with the item now; a trial of each command tells (chapter 10, C8).

    What a command needs of the catalog is not asked: a submit it would refuse is taken for allowed.
    """
    return Moves(
        by=by,
        revision=item.revision,
        moves=tuple(_tried(item, trial, at) for trial in _trials(item, by, at)),
        missing=missing(item) if item.status is Status.DRAFT else (),
        has_evidence=item.has_evidence,
    )


def _tried(item: AnyItem, trial: _Trial, at: datetime) -> Move:
    command, field, variant = trial
    refusal = _refusal(item, command, at)
    takes_over = False
    if isinstance(refusal, HeldByAnother) and isinstance(command, c.TakesOver):
        takes_over = True
        refusal = _refusal(item, command.model_copy(update={"take_over": True}), at)
    if refusal is None or isinstance(refusal, NotInCatalog):  # a trial asks the catalog nothing
        return Move(
            command=command.name,
            variant=variant,
            field=field,
            allowed=True,
            takes_over=takes_over,
        )
    return Move(
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
        apply(item, command, at)
    except Refused as refusal:
        return refusal
    return None


def _trials(item: AnyItem, by: str, at: datetime) -> Iterator[_Trial]:
    """A command of each sort that the kind has, filled in as far as a rule looks at it."""
    yield c.Start(by=by), None, None
    yield c.Assign(by=by, to=by), None, None
    yield c.Unassign(by=by), None, None
    yield c.SetToDo(by=by), None, None
    yield c.MarkRead(by=by), None, None
    yield from _waits(item, by, at)
    yield c.Resume(by=by), None, None
    yield c.AddNote(by=by, text=SOMETHING), None, None
    yield c.SendEmail(by=by, to=(SOMEBODY,)), None, None
    if isinstance(item, Action):
        yield from _trials_of_an_action(item, by)
        return
    yield c.Submit(by=by), None, None
    yield c.Reopen(by=by), None, None
    yield c.Cancel(by=by), None, None
    if isinstance(item, Case):
        yield from _trials_of_a_case(item, by)
        return
    yield c.EditTicket(by=by, title=SOMETHING), None, None
    for method in (
        Method.CUSTOMER_RESPONSE,
        Method.NO_CUSTOMER_RESPONSE,
        Method.REJECTED,
        Method.REJECTED_AS_SPAM,
    ):
        yield c.ResolveTicket(by=by, method=method), "method", method
    yield c.SendAndResolve(by=by, to=(SOMEBODY,), method=Method.CUSTOMER_RESPONSE), None, None
    parts = tuple(c.Part(title=SOMETHING, description=SOMETHING) for _ in range(2))
    yield c.Split(by=by, parts=parts), None, None
    yield c.LaunchCase(by=by, definition=CaseDefinition(name=SOMETHING, steps=())), None, None
    yield c.Merge(by=by, into=f"{SOMETHING}-else"), None, None


def _waits(item: AnyItem, by: str, at: datetime) -> Iterator[_Trial]:
    later = at + timedelta(days=1)
    yield c.Wait(by=by, type=WaitType.MORE_INFORMATION), "type", WaitType.MORE_INFORMATION
    yield c.Wait(by=by, type=WaitType.UNTIL, until=later), "type", WaitType.UNTIL
    if isinstance(item, Case):
        yield c.Wait(by=by, type=WaitType.PAUSE), "type", WaitType.PAUSE


def _trials_of_an_action(item: Action, by: str) -> Iterator[_Trial]:
    yield c.EditAction(by=by, title=SOMETHING), None, None
    yield c.ResolveAction(by=by, outcome=Outcome.COMPLETE), "outcome", Outcome.COMPLETE
    unable = c.ResolveAction(by=by, outcome=Outcome.UNABLE_TO_COMPLETE, reason=SOMETHING)
    yield unable, "outcome", Outcome.UNABLE_TO_COMPLETE
    for verdict in Verdict:
        yield c.Review(by=by, verdict=verdict, comment=SOMETHING), "verdict", verdict
    for line in item.checklist[:1]:
        yield c.AnswerChecklist(by=by, answers={line.key: line.answer or Ticked.YES}), None, None


def _trials_of_a_case(item: Case, by: str) -> Iterator[_Trial]:
    yield c.EditCase(by=by, short_description=SOMETHING), None, None
    yield c.ResolveCase(by=by), None, None
    yield c.ResetInProgress(by=by), None, None
    for step in item.definition.steps if item.definition else ():
        yield c.Rework(by=by, step=step.key), "step", step.key
    ended = {copy.key for copy in item.actions if copy.outcome is not None and not copy.replaced}
    for key in sorted(ended):
        yield c.Rework(by=by, actions=(key,)), "actions", key
        yield c.StartAction(by=by, action=key), "action", key
    yield c.StartAction(by=by, action=c.AdHocAction(title=SOMETHING)), None, None
