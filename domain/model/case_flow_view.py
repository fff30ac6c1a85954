"""View of a Case's flow: its steps, their Actions, and every copy of each (K2-K4, K10)."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.base.values import Outcome, Performer, Status
from domain.model.action_kinds import ActionKind
from domain.model.definitions import ActionDefinition, CaseDefinition
from domain.model.items import ActionCopy, Case


class StepProgress(StrEnum):
    """Progress of a step."""

    DONE = "done"
    UNDER_WAY = "under_way"
    TO_COME = "to_come"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class CopyView(_View):
    """One copy of an Action."""

    reference: str
    number: int
    title: str
    status: Status
    outcome: Outcome | None
    accepted: bool
    """Ended without being complete, and accepted as such (K9)."""
    replaced: bool
    """Replaced by a rework or a restart (K10)."""


class ActionView(_View):
    """An Action of a step, by its key, with its copies in order of start."""

    key: str
    title: str
    performer: Performer
    by_itself: bool
    """Done by the system: its definition has a kind other than by hand."""
    conditional: bool
    ad_hoc: bool = False
    copies: tuple[CopyView, ...] = ()


class StepView(_View):
    """A step of the definition, with its Actions."""

    key: str
    title: str
    progress: StepProgress
    actions: tuple[ActionView, ...]


class CaseFlow(_View):
    """The steps of a Case; empty while no definition is pinned."""

    steps: tuple[StepView, ...] = ()


def build_flow(case: Case) -> CaseFlow:
    """Return the Case's flow with the copies that were started."""
    steps = case.definition.steps if case.definition else ()
    views = tuple(
        StepView(
            key=step.key,
            title=step.title or step.key,
            progress=_progress(number, case.position),
            actions=(
                *(_action_view(action, case.actions) for action in step.actions),
                *_ad_hoc_views(case, number),
            ),
        )
        for number, step in enumerate(steps)
    )
    return CaseFlow(steps=views)


def planned_flow(definition: CaseDefinition) -> CaseFlow:
    """Return the flow of a definition before any of its Actions was started."""
    return CaseFlow(
        steps=tuple(
            StepView(
                key=step.key,
                title=step.title or step.key,
                progress=StepProgress.TO_COME,
                actions=tuple(_action_view(action, ()) for action in step.actions),
            )
            for step in definition.steps
        )
    )


def _progress(number: int, position: int) -> StepProgress:
    if number < position:
        return StepProgress.DONE
    return StepProgress.UNDER_WAY if number == position else StepProgress.TO_COME


def _action_view(definition: ActionDefinition, copies: tuple[ActionCopy, ...]) -> ActionView:
    return ActionView(
        key=definition.key,
        title=definition.title or definition.key,
        performer=definition.performer,
        by_itself=definition.kind is not ActionKind.BY_HAND,
        conditional=definition.when is not None,
        copies=tuple(
            _copy_view(copy) for copy in copies if copy.key == definition.key and not copy.ad_hoc
        ),
    )


def _ad_hoc_views(case: Case, step: int) -> tuple[ActionView, ...]:
    copies = [copy for copy in case.actions if copy.ad_hoc and copy.step == step]
    return tuple(
        ActionView(
            key=key,
            title=next(copy.title for copy in copies if copy.key == key),
            performer=next(
                copy.ad_hoc.performer for copy in copies if copy.key == key and copy.ad_hoc
            ),
            by_itself=False,
            conditional=False,
            ad_hoc=True,
            copies=tuple(_copy_view(copy) for copy in copies if copy.key == key),
        )
        for key in dict.fromkeys(copy.key for copy in copies)
    )


def _copy_view(copy: ActionCopy) -> CopyView:
    return CopyView(
        reference=copy.reference,
        number=copy.copy_number,
        title=copy.title,
        status=copy.status,
        outcome=copy.outcome,
        accepted=copy.accepted,
        replaced=copy.replaced,
    )
