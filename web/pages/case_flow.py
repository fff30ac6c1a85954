"""A Case's flow as a page draws it: steps side by side, each Action with its state now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.base.values import Outcome, Status
from domain.model.case_flow_view import Leg, Place, Run, Stage, Unfolded, foreseen
from domain.model.definitions import CaseDefinition
from domain.model.states import ActionState, CaseState
from store.projection.item_summary import ItemSummary

_OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.COMPLETE: "complete",
    Outcome.UNABLE_TO_COMPLETE: "unable",
    Outcome.CANCELLED: "cancelled",
}
MANY: Final = 12
"""Actions of a step from which on they are drawn smaller."""
LARGE: Final = 24
"""Actions of a Case beyond which only those of the step under way are shown at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An Action as it is drawn: its newest copy, and how many there were before."""

    key: str
    title: str
    look: str
    """A status in lower case, else `to_come`, `skipped`, `complete`, `unable` or `cancelled`."""
    status: Status | None = None
    outcome: Outcome | None = None
    reference: str | None = None
    assignee: str | None = None
    wait: str | None = None
    number: int = 1
    accepted: bool = False
    sort: str = "any"
    """Whose it is: human, robot, any, or by_itself."""
    conditional: bool = False
    ad_hoc: bool = False
    line: ItemSummary | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is under way."""
        return self.reference is not None and self.outcome is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A step as it is drawn."""

    key: str
    title: str
    number: int
    stage: str
    boxes: tuple[Box, ...]

    @property
    def done(self) -> int:
        """How many of its Actions are done: complete, or accepted as not done (K9)."""
        return sum(box.outcome is Outcome.COMPLETE or box.accepted for box in self.boxes)

    @property
    def is_full(self) -> bool:
        """Whether it has so many Actions that they are drawn smaller."""
        return len(self.boxes) >= MANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The flow; copies that no step has any more, such as those of another definition, apart."""

    columns: tuple[Column, ...]
    others: tuple[Box, ...] = ()

    @property
    def count(self) -> int:
        """How many Actions it has."""
        return sum(len(column.boxes) for column in self.columns) + len(self.others)

    @property
    def is_large(self) -> bool:
        """Whether steps that are not under way are folded, lest they fill the page."""
        return self.count > LARGE

    @property
    def ended(self) -> int:
        """How many of them are done."""
        return sum(column.done for column in self.columns)

    @property
    def box_of(self) -> Mapping[str, Box]:
        """Its boxes by key."""
        boxes = [box for column in self.columns for box in column.boxes]
        return {box.key: box for box in (*boxes, *self.others)}


def drawn(flow: Unfolded, actions: Iterable[ItemSummary], *, is_over: bool = False) -> Drawn:
    """The flow with each Action as the store has it: it knows more than their Case does.

    `is_over`: the Case is closed, and no step of it under way any more.
    """
    lines = {line.reference: line for line in actions}
    columns = tuple(
        _column(number, leg, lines, is_over=is_over) for number, leg in enumerate(flow.legs, 1)
    )
    shown = {run.reference for leg in flow.legs for place in leg.places for run in place.runs}
    others = tuple(_alone(line) for line in lines.values() if line.reference not in shown)
    return Drawn(columns=columns, others=others)


def remembered(case: CaseState, definition: CaseDefinition) -> Unfolded:
    """The flow of a Case that Temporal forgot, by the definition of its name in the catalog."""
    copies: dict[str, list[ActionState]] = {}
    for copy in case.actions:
        copies.setdefault(copy.key, []).append(copy)
    plan = foreseen(definition)
    here = next((number for number, leg in enumerate(plan.legs) if leg.key == case.step), None)
    return Unfolded(
        legs=tuple(
            leg.model_copy(
                update={
                    "stage": _stage_of(number, here, case),
                    "places": tuple(
                        place.model_copy(update={"runs": _runs(copies.get(place.key, ()))})
                        for place in leg.places
                    ),
                }
            )
            for number, leg in enumerate(plan.legs)
        )
    )


def _stage_of(number: int, here: int | None, case: CaseState) -> Stage:
    if here is None:
        return Stage.TO_COME if case.status is Status.DRAFT else Stage.DONE
    if number < here:
        return Stage.DONE
    return Stage.UNDER_WAY if number == here else Stage.TO_COME


def _runs(copies: Iterable[ActionState]) -> tuple[Run, ...]:
    return tuple(
        Run(
            reference=copy.reference,
            number=copy.copy_number,
            title=copy.title,
            status=copy.status,
            outcome=copy.outcome,
            accepted=False,
            replaced=False,
        )
        for copy in copies
    )


def _column(number: int, leg: Leg, lines: Mapping[str, ItemSummary], *, is_over: bool) -> Column:
    return Column(
        key=leg.key,
        title=leg.title,
        number=number,
        stage="stopped" if is_over and leg.stage is Stage.UNDER_WAY else leg.stage.value,
        boxes=tuple(_box(leg.stage, place, lines) for place in leg.places),
    )


def _box(stage: Stage, place: Place, lines: Mapping[str, ItemSummary]) -> Box:
    sort = "by_itself" if place.by_itself else place.performer.value
    if not place.runs:
        return Box(
            key=place.key,
            title=place.title,
            look="to_come" if stage is Stage.TO_COME else "skipped",
            sort=sort,
            conditional=place.conditional,
            ad_hoc=place.ad_hoc,
        )
    run = place.runs[-1]
    line = lines.get(run.reference)
    return Box(
        key=place.key,
        title=run.title,
        look=_look(run, line),
        status=line.status if line is not None and run.outcome is None else run.status,
        outcome=run.outcome,
        reference=run.reference,
        assignee=line.assignee if line else None,
        wait=line.wait if line else None,
        number=run.number,
        accepted=run.accepted,
        sort=sort,
        conditional=place.conditional,
        ad_hoc=place.ad_hoc,
        line=line,
    )


def _look(run: Run, line: ItemSummary | None) -> str:
    if run.outcome is not None:
        return _OUTCOMES[run.outcome]
    return (line.status if line is not None else run.status).value.lower()


def _alone(line: ItemSummary) -> Box:
    outcome = Outcome(line.resolution) if line.resolution in set(Outcome) else None
    return Box(
        key=line.reference,
        title=line.title,
        look=_OUTCOMES[outcome] if outcome else line.status.value.lower(),
        status=line.status,
        outcome=outcome,
        reference=line.reference,
        assignee=line.assignee,
        wait=line.wait,
        line=line,
    )
