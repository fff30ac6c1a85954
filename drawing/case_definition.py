"""Drawings of case definitions: steps from left to right, each with its Actions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.base.durations import format_short_duration
from domain.base.values import Performer
from domain.model.action_kinds import ActionKind, Work
from domain.model.definitions import ActionDefinition, CaseDefinition, DueRule, Step
from domain.rules.submitting import DEFAULT_QUEUE
from drawing.canvas import DrawingColour, SvgCanvas, text_width, wrap_text

_EDGE: Final = 24
_COLUMN: Final = 232
_GAP: Final = 44
_PAD: Final = 14
_TITLE: Final = 13
_SMALL: Final = 11
_LINE: Final = 16
_HEAD: Final = 68
_CARD_GAP: Final = 12
_COLOURS: Final = {
    "human": DrawingColour.BLUE,
    "robot": DrawingColour.GREEN,
    "any": DrawingColour.FAINT,
    "by itself": DrawingColour.AMBER,
}


@dataclass(frozen=True, slots=True)
class _Card:
    """Text of an Action's card."""

    performer: str
    title: list[str]
    lines: list[tuple[str, bool]]
    """Facts in lines, each with whether it is the Action's condition."""

    @property
    def height(self) -> float:
        return 2 * _PAD - 10 + 17 * len(self.title) + _LINE * len(self.lines)


def draw_mermaid(definition: CaseDefinition) -> str:
    """Return the definition as a Mermaid flowchart."""
    lines = ["flowchart LR", '  submitted(["submitted"])']
    before = "submitted"
    for number, step in enumerate(definition.steps, 1):
        name = f"step{number}"
        lines.append(f'  subgraph {name}["{_escape(f"{number}. {step.title or step.key}")}"]')
        lines.append("    direction TB")
        for index, action in enumerate(step.actions, 1):
            text = "<br/>".join(
                map(_escape, [action.title or action.key, *_action_facts(definition, action)])
            )
            opening, closing = _brackets(action)
            lines.append(f'    {name}action{index}{opening}"{text}"{closing}')
        if not step.actions:
            lines.append(f'    {name}none["nothing to do"]')
        lines += ["  end", f"  {before} --> {name}"]
        before = name
    return "\n".join([*lines, '  resolved(["resolved"])', f"  {before} --> resolved", ""])


def _brackets(action: ActionDefinition) -> tuple[str, str]:
    """Return a node's brackets: a box for people, double sides for robots, round if automatic."""
    if action.kind is not ActionKind.BY_HAND:
        return "(", ")"
    return ("[[", "]]") if action.performer is Performer.ROBOT else ("[", "]")


_ESCAPES: Final = str.maketrans(
    {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}
)


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


def draw_svg(definition: CaseDefinition) -> str:
    """Return the definition as SVG."""
    canvas = SvgCanvas(f"Case definition {definition.name}")
    canvas.text(_EDGE, 36, definition.name, size=20, bold=True)
    facts = ", ".join(_case_facts(definition))
    canvas.text(_EDGE, 58, facts, size=12, colour=DrawingColour.FAINT)
    top = 82.0
    columns = [
        [_card_of(definition, action) for action in step.actions] for step in definition.steps
    ]
    tallest = max((_column_height(cards) for cards in columns), default=_HEAD)
    for number, (step, cards) in enumerate(zip(definition.steps, columns, strict=True)):
        x = _EDGE + number * (_COLUMN + _GAP)
        if number:
            y = top + _HEAD / 2
            canvas.line(
                [(x - _GAP + 4, y), (x - 4, y)], colour=DrawingColour.FAINT, width=1.5, arrow=True
            )
        canvas.box(
            x, top, _COLUMN, tallest, fill=DrawingColour.PALE, stroke=DrawingColour.RULE, radius=8
        )
        canvas.text(
            x + _PAD, top + 22, f"Step {number + 1}", size=_SMALL, colour=DrawingColour.FAINT
        )
        _draw_step(canvas, x, top, step, cards)
    columns_wide = len(definition.steps) * (_COLUMN + _GAP) - _GAP
    y = top + tallest + 30
    reach = _draw_legend(canvas, y, {card.performer for cards in columns for card in cards})
    wide = max(columns_wide, reach - _EDGE, text_width(facts, 12), text_width(definition.name, 20))
    return canvas.to_svg(wide + 2 * _EDGE, y + 20)


def _draw_step(canvas: SvgCanvas, x: float, top: float, step: Step, cards: list[_Card]) -> None:
    for line, words in enumerate(wrap_text(step.title or step.key, _COLUMN - 2 * _PAD, 14, 2)):
        canvas.text(x + _PAD, top + 40 + 16 * line, words, size=14, bold=True)
    y = top + _HEAD
    for card in cards:
        _draw_card(canvas, x + 8, y, card)
        y += card.height + _CARD_GAP
    if not cards:
        canvas.text(x + _PAD, y + 12, "nothing to do", size=_SMALL, colour=DrawingColour.FAINT)


def _draw_card(canvas: SvgCanvas, x: float, y: float, card: _Card) -> None:
    width = _COLUMN - 16
    is_conditional = any(condition for _, condition in card.lines)
    canvas.box(
        x,
        y,
        width,
        card.height,
        fill=DrawingColour.PAPER,
        stroke=DrawingColour.FAINT,
        radius=5,
        dashed=is_conditional,
    )
    canvas.box(x, y + 5, 4, card.height - 10, fill=_COLOURS[card.performer], tip=card.performer)
    at = y + _PAD + 6
    for words in card.title:
        canvas.text(x + _PAD, at, words, size=_TITLE)
        at += 17
    for words, condition in card.lines:
        canvas.text(
            x + _PAD,
            at,
            words,
            size=_SMALL,
            colour=DrawingColour.AMBER if condition else DrawingColour.FAINT,
        )
        at += _LINE


def _card_of(definition: CaseDefinition, action: ActionDefinition) -> _Card:
    width = _COLUMN - 16 - 2 * _PAD
    performer = str(action.performer) if action.kind is ActionKind.BY_HAND else "by itself"
    lines = [
        (line, fact.startswith("if "))
        for fact in _action_facts(definition, action)
        for line in wrap_text(fact, width, _SMALL, 3)
    ]
    return _Card(performer, wrap_text(action.title or action.key, width, _TITLE, 3), lines)


def _column_height(cards: list[_Card]) -> float:
    if not cards:
        return _HEAD + 24
    return _HEAD + sum(card.height + _CARD_GAP for card in cards)


def _draw_legend(canvas: SvgCanvas, y: float, performers: set[str]) -> float:
    x = float(_EDGE)
    for performer, colour in _COLOURS.items():
        if performer in performers:
            words = {"any": "human or robot"}.get(performer, performer)
            canvas.box(x, y - 10, 4, 13, fill=colour)
            canvas.text(x + 10, y, words, size=_SMALL, colour=DrawingColour.FAINT)
            x += 30 + text_width(words, _SMALL)
    return x


def _case_facts(definition: CaseDefinition) -> Iterator[str]:
    yield f"version {definition.version}"
    yield f"queue {definition.queue or DEFAULT_QUEUE}"
    settings = definition.settings
    if settings and settings.due:
        yield _due_text(settings.due)
    if settings and settings.feedback_window and settings.feedback_window.total:
        yield f"feedback window {format_short_duration(settings.feedback_window.total)}"


def _action_facts(definition: CaseDefinition, action: ActionDefinition) -> Iterator[str]:
    """Yield the facts of an Action besides its title: condition, performer, queue, due, checks."""
    if action.when is not None:
        yield f"if {action.when}"
    work = action.work
    who = str(action.performer) if work is None else _work_text(work)
    if who == Performer.ANY:
        who = "human or robot"
    yield f"{who} \N{MIDDLE DOT} {action.queue or definition.queue or DEFAULT_QUEUE}"
    if action.due is not None:
        yield _due_text(action.due)
    if action.checklist:
        count = len(action.checklist)
        yield f"checklist of {count} question{'s' if count > 1 else ''}"
    if action.peer_review:
        yield "reviewed by a colleague"


def _work_text(work: Work) -> str:
    if work.call is not None:
        return f"calls {work.call.service}"
    if work.orders:
        names = ", ".join(order.definition for order in work.orders.values())
        return f"waits for {names}" if work.cases else f"starts {names}"
    return work.kind.replace("_", " ")


def _due_text(rule: DueRule) -> str:
    calendar = f" of {rule.calendar}" if rule.calendar else ""
    return f"due within {format_short_duration(rule.within.total)}{calendar}"
