"""A Case's flow as people see it: its steps, their Actions, and every copy of each (K2-K4, K10)."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.base.values import Outcome, Performer, Status
from domain.model.action_kinds import ActionKind
from domain.model.definitions import ActionDefinition, CaseDefinition
from domain.model.items import ActionCopy, Case


class Stage(StrEnum):
    """Where a step stands."""

    DONE = "done"
    UNDER_WAY = "under_way"
    TO_COME = "to_come"


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Run(_Shown):
    """One copy of an Action."""

    reference: str
    number: int
    title: str
    status: Status
    outcome: Outcome | None
    accepted: bool
    """K9: ended without being done, and accepted as such."""
    replaced: bool
    """K10: a rework or a restart left it behind."""


class Place(_Shown):
    """An Action of a step, by its key, with its copies in order of start."""

    key: str
    title: str
    performer: Performer
    by_itself: bool
    conditional: bool
    ad_hoc: bool = False
    runs: tuple[Run, ...] = ()


class Leg(_Shown):
    """A step."""

    key: str
    title: str
    stage: Stage
    places: tuple[Place, ...]


class Unfolded(_Shown):
    """The whole flow; without legs where no definition is pinned yet."""

    legs: tuple[Leg, ...] = ()


def unfolded(case: Case) -> Unfolded:
    """The Case's flow as it stands."""
    steps = case.definition.steps if case.definition else ()
    legs = tuple(
        Leg(
            key=step.key,
            title=step.title or step.key,
            stage=_stage(number, case.position),
            places=(
                *(_place(action, case.actions) for action in step.actions),
                *_ad_hoc(case, number),
            ),
        )
        for number, step in enumerate(steps)
    )
    return Unfolded(legs=legs)


def foreseen(definition: CaseDefinition) -> Unfolded:
    """The flow of a definition that nothing was started of."""
    return Unfolded(
        legs=tuple(
            Leg(
                key=step.key,
                title=step.title or step.key,
                stage=Stage.TO_COME,
                places=tuple(_place(action, ()) for action in step.actions),
            )
            for step in definition.steps
        )
    )


def _stage(number: int, position: int) -> Stage:
    if number < position:
        return Stage.DONE
    return Stage.UNDER_WAY if number == position else Stage.TO_COME


def _place(defined: ActionDefinition, copies: tuple[ActionCopy, ...]) -> Place:
    return Place(
        key=defined.key,
        title=defined.title or defined.key,
        performer=defined.performer,
        by_itself=defined.kind is not ActionKind.BY_HAND,
        conditional=defined.when is not None,
        runs=tuple(_run(copy) for copy in copies if copy.key == defined.key and not copy.ad_hoc),
    )


def _ad_hoc(case: Case, step: int) -> tuple[Place, ...]:
    theirs = [copy for copy in case.actions if copy.ad_hoc and copy.step == step]
    return tuple(
        Place(
            key=key,
            title=next(copy.title for copy in theirs if copy.key == key),
            performer=next(
                copy.ad_hoc.performer for copy in theirs if copy.key == key and copy.ad_hoc
            ),
            by_itself=False,
            conditional=False,
            ad_hoc=True,
            runs=tuple(_run(copy) for copy in theirs if copy.key == key),
        )
        for key in dict.fromkeys(copy.key for copy in theirs)
    )


def _run(copy: ActionCopy) -> Run:
    return Run(
        reference=copy.reference,
        number=copy.copy_number,
        title=copy.title,
        status=copy.status,
        outcome=copy.outcome,
        accepted=copy.accepted,
        replaced=copy.replaced,
    )
