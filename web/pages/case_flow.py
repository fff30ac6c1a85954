"""Diagram of a Case's flow: steps side by side, with a box for each Action in its present state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.base.values import Outcome, Status
from domain.model.case_flow_view import (
    ActionView,
    CaseFlow,
    CopyView,
    StepProgress,
    StepView,
    planned_flow,
)
from domain.model.definitions import CaseDefinition
from domain.model.states import ActionState, CaseState
from store.projection.item_summary import ItemSummary

_DISPLAYED_OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.COMPLETE: "complete",
    Outcome.UNABLE_TO_COMPLETE: "unable",
    Outcome.CANCELLED: "cancelled",
}
MANY_ACTIONS: Final = 12
"""Actions of a step from which on the step's boxes are smaller."""
LARGE_FLOW: Final = 24
"""Actions of a flow above which only the step under way is unfolded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionBox:
    """Box of an Action: its newest copy, if one was started."""

    key: str
    title: str
    display_status: str
    """A status in lower case, else `to_come`, `skipped`, `complete`, `unable` or `cancelled`."""
    status: Status | None = None
    outcome: Outcome | None = None
    reference: str | None = None
    assignee: str | None = None
    wait: str | None = None
    number: int = 1
    """Number of the copy."""
    accepted: bool = False
    performer: str = "any"
    """`human`, `robot`, `any`, or `by_itself`."""
    conditional: bool = False
    ad_hoc: bool = False
    row: ItemSummary | None = None
    """The Action's row in the store."""

    @property
    def is_open(self) -> bool:
        """Return True if the copy has been started and has no outcome yet."""
        return self.reference is not None and self.outcome is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepColumn:
    """Column of a step."""

    key: str
    title: str
    number: int
    progress: str
    """`done`, `under_way`, `to_come` or `stopped`."""
    boxes: tuple[ActionBox, ...]

    @property
    def done(self) -> int:
        """Number of its Actions that are complete, or accepted as not complete (K9)."""
        return sum(box.outcome is Outcome.COMPLETE or box.accepted for box in self.boxes)

    @property
    def is_full(self) -> bool:
        """Return True if its boxes are to be smaller."""
        return len(self.boxes) >= MANY_ACTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDiagram:
    """Columns of the steps; `unplaced` are Actions of no step, as after a change of definition."""

    columns: tuple[StepColumn, ...]
    unplaced: tuple[ActionBox, ...] = ()

    @property
    def count(self) -> int:
        """Number of Actions."""
        return sum(len(column.boxes) for column in self.columns) + len(self.unplaced)

    @property
    def is_large(self) -> bool:
        """Return True if steps that are not under way are to be folded."""
        return self.count > LARGE_FLOW

    @property
    def done(self) -> int:
        """Number of Actions that are done."""
        return sum(column.done for column in self.columns)

    @property
    def boxes_by_key(self) -> Mapping[str, ActionBox]:
        """All boxes by their keys."""
        boxes = [box for column in self.columns for box in column.boxes]
        return {box.key: box for box in (*boxes, *self.unplaced)}


def draw_flow(
    flow: CaseFlow, actions: Iterable[ItemSummary], *, is_over: bool = False
) -> FlowDiagram:
    """Return the diagram of a flow.

    `actions` are the store's rows of its Actions, which are newer than the flow's copies: a Case
    learns only of the ends of its Actions. `is_over`: the Case is closed, no step is under way.
    """
    rows = {row.reference: row for row in actions}
    columns = tuple(
        _column(number, step, rows, is_over=is_over) for number, step in enumerate(flow.steps, 1)
    )
    placed = {
        copy.reference for step in flow.steps for action in step.actions for copy in action.copies
    }
    unplaced = tuple(_unplaced_box(row) for row in rows.values() if row.reference not in placed)
    return FlowDiagram(columns=columns, unplaced=unplaced)


def flow_from_state(case: CaseState, definition: CaseDefinition) -> CaseFlow:
    """Return the flow of a Case that Temporal no longer has.

    `definition` is the catalog's present one of the name that the state has.
    """
    copies: dict[str, list[ActionState]] = {}
    for copy in case.actions:
        copies.setdefault(copy.key, []).append(copy)
    plan = planned_flow(definition)
    position = next(
        (number for number, step in enumerate(plan.steps) if step.key == case.step), None
    )
    return CaseFlow(
        steps=tuple(
            step.model_copy(
                update={
                    "progress": _progress(number, position, case),
                    "actions": tuple(
                        action.model_copy(update={"copies": _copies(copies.get(action.key, ()))})
                        for action in step.actions
                    ),
                }
            )
            for number, step in enumerate(plan.steps)
        )
    )


def _progress(number: int, position: int | None, case: CaseState) -> StepProgress:
    if position is None:
        return StepProgress.TO_COME if case.status is Status.DRAFT else StepProgress.DONE
    if number < position:
        return StepProgress.DONE
    return StepProgress.UNDER_WAY if number == position else StepProgress.TO_COME


def _copies(actions: Iterable[ActionState]) -> tuple[CopyView, ...]:
    return tuple(
        CopyView(
            reference=action.reference,
            number=action.copy_number,
            title=action.title,
            status=action.status,
            outcome=action.outcome,
            accepted=False,
            replaced=False,
        )
        for action in actions
    )


def _column(
    number: int, step: StepView, rows: Mapping[str, ItemSummary], *, is_over: bool
) -> StepColumn:
    is_stopped = is_over and step.progress is StepProgress.UNDER_WAY
    return StepColumn(
        key=step.key,
        title=step.title,
        number=number,
        progress="stopped" if is_stopped else step.progress.value,
        boxes=tuple(_box(step.progress, action, rows) for action in step.actions),
    )


def _box(progress: StepProgress, action: ActionView, rows: Mapping[str, ItemSummary]) -> ActionBox:
    performer = "by_itself" if action.by_itself else action.performer.value
    if not action.copies:
        return ActionBox(
            key=action.key,
            title=action.title,
            display_status="to_come" if progress is StepProgress.TO_COME else "skipped",
            performer=performer,
            conditional=action.conditional,
            ad_hoc=action.ad_hoc,
        )
    copy = action.copies[-1]
    row = rows.get(copy.reference)
    return ActionBox(
        key=action.key,
        title=copy.title,
        display_status=_display_status(copy, row),
        status=row.status if row is not None and copy.outcome is None else copy.status,
        outcome=copy.outcome,
        reference=copy.reference,
        assignee=row.assignee if row else None,
        wait=row.wait if row else None,
        number=copy.number,
        accepted=copy.accepted,
        performer=performer,
        conditional=action.conditional,
        ad_hoc=action.ad_hoc,
        row=row,
    )


def _display_status(copy: CopyView, row: ItemSummary | None) -> str:
    if copy.outcome is not None:
        return _DISPLAYED_OUTCOMES[copy.outcome]
    return (row.status if row is not None else copy.status).value.lower()


def _unplaced_box(row: ItemSummary) -> ActionBox:
    outcome = Outcome(row.resolution) if row.resolution in set(Outcome) else None
    return ActionBox(
        key=row.reference,
        title=row.title,
        display_status=_DISPLAYED_OUTCOMES[outcome] if outcome else row.status.value.lower(),
        status=row.status,
        outcome=outcome,
        reference=row.reference,
        assignee=row.assignee,
        wait=row.wait,
        row=row,
    )
