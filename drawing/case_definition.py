"""Draws a case definition: steps from left to right, each with its Actions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.base.durations import short_text
from domain.base.values import Performer
from domain.model.action_kinds import ActionKind, Work
from domain.model.definitions import ActionDefinition, CaseDefinition, DueRule, Step
from domain.rules.submitting import DEFAULT_QUEUE
from drawing.canvas import Ink, Sheet, width_of, wrapped

_EDGE: Final = 24
_COLUMN: Final = 232
_GAP: Final = 44
_PAD: Final = 14
_TITLE: Final = 13
_SMALL: Final = 11
_LINE: Final = 16
_HEAD: Final = 68
_CARD_GAP: Final = 12
_INKS: Final = {"human": Ink.BLUE, "robot": Ink.GREEN, "any": Ink.FAINT, "by itself": Ink.AMBER}


@dataclass(frozen=True, slots=True)
class _Card:
    """Action as a box of the drawing."""

    sort: str
    title: list[str]
    lines: list[tuple[str, bool]]
    """Text of each line, and True for the condition."""

    @property
    def height(self) -> float:
        return 2 * _PAD - 10 + 17 * len(self.title) + _LINE * len(self.lines)


def mermaid(definition: CaseDefinition) -> str:
    """Return the definition as a Mermaid flowchart."""
    lines = ["flowchart LR", '  submitted(["submitted"])']
    before = "submitted"
    for number, step in enumerate(definition.steps, 1):
        name = f"step{number}"
        lines.append(f'  subgraph {name}["{_quoted(f"{number}. {step.title or step.key}")}"]')
        lines.append("    direction TB")
        for place, action in enumerate(step.actions, 1):
            text = "<br/>".join(
                map(_quoted, [action.title or action.key, *_said(definition, action)])
            )
            opening, closing = _shape(action)
            lines.append(f'    {name}action{place}{opening}"{text}"{closing}')
        if not step.actions:
            lines.append(f'    {name}none["nothing to do"]')
        lines += ["  end", f"  {before} --> {name}"]
        before = name
    return "\n".join([*lines, '  resolved(["resolved"])', f"  {before} --> resolved", ""])


def _shape(action: ActionDefinition) -> tuple[str, str]:
    """Return Mermaid's brackets: boxes for people, double sides for robots, round if automatic."""
    if action.kind is not ActionKind.BY_HAND:
        return "(", ")"
    return ("[[", "]]") if action.performer is Performer.ROBOT else ("[", "]")


_SIGNS: Final = str.maketrans(
    {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}
)


def _quoted(text: str) -> str:
    return text.translate(_SIGNS)


def svg(definition: CaseDefinition) -> str:
    """Return the definition as SVG; it needs no browser and no network."""
    sheet = Sheet(f"Case definition {definition.name}")
    sheet.text(_EDGE, 36, definition.name, size=20, bold=True)
    told = ", ".join(_said_of_the_case(definition))
    sheet.text(_EDGE, 58, told, size=12, ink=Ink.FAINT)
    top = 82.0
    columns = [[_card(definition, action) for action in step.actions] for step in definition.steps]
    tallest = max((_height(cards) for cards in columns), default=_HEAD)
    for number, (step, cards) in enumerate(zip(definition.steps, columns, strict=True)):
        x = _EDGE + number * (_COLUMN + _GAP)
        if number:
            y = top + _HEAD / 2
            sheet.line([(x - _GAP + 4, y), (x - 4, y)], ink=Ink.FAINT, width=1.5, arrow=True)
        sheet.box(x, top, _COLUMN, tallest, fill=Ink.PALE, stroke=Ink.RULE, radius=8)
        sheet.text(x + _PAD, top + 22, f"Step {number + 1}", size=_SMALL, ink=Ink.FAINT)
        _step(sheet, x, top, step, cards)
    columns_wide = len(definition.steps) * (_COLUMN + _GAP) - _GAP
    y = top + tallest + 30
    reach = _legend(sheet, y, {card.sort for cards in columns for card in cards})
    wide = max(columns_wide, reach - _EDGE, width_of(told, 12), width_of(definition.name, 20))
    return sheet.written(wide + 2 * _EDGE, y + 20)


def _step(sheet: Sheet, x: float, top: float, step: Step, cards: list[_Card]) -> None:
    for line, words in enumerate(wrapped(step.title or step.key, _COLUMN - 2 * _PAD, 14, 2)):
        sheet.text(x + _PAD, top + 40 + 16 * line, words, size=14, bold=True)
    y = top + _HEAD
    for card in cards:
        _drawn(sheet, x + 8, y, card)
        y += card.height + _CARD_GAP
    if not cards:
        sheet.text(x + _PAD, y + 12, "nothing to do", size=_SMALL, ink=Ink.FAINT)


def _drawn(sheet: Sheet, x: float, y: float, card: _Card) -> None:
    wide = _COLUMN - 16
    is_conditional = any(condition for _, condition in card.lines)
    sheet.box(
        x, y, wide, card.height, fill=Ink.PAPER, stroke=Ink.FAINT, radius=5, dashed=is_conditional
    )
    sheet.box(x, y + 5, 4, card.height - 10, fill=_INKS[card.sort], tip=card.sort)
    at = y + _PAD + 6
    for words in card.title:
        sheet.text(x + _PAD, at, words, size=_TITLE)
        at += 17
    for words, condition in card.lines:
        sheet.text(x + _PAD, at, words, size=_SMALL, ink=Ink.AMBER if condition else Ink.FAINT)
        at += _LINE


def _card(definition: CaseDefinition, action: ActionDefinition) -> _Card:
    room = _COLUMN - 16 - 2 * _PAD
    sort = str(action.performer) if action.kind is ActionKind.BY_HAND else "by itself"
    lines = [
        (line, said.startswith("if "))
        for said in _said(definition, action)
        for line in wrapped(said, room, _SMALL, 3)
    ]
    return _Card(sort, wrapped(action.title or action.key, room, _TITLE, 3), lines)


def _height(cards: list[_Card]) -> float:
    if not cards:
        return _HEAD + 24
    return _HEAD + sum(card.height + _CARD_GAP for card in cards)


def _legend(sheet: Sheet, y: float, sorts: set[str]) -> float:
    x = float(_EDGE)
    for sort, ink in _INKS.items():
        if sort in sorts:
            words = {"any": "human or robot"}.get(sort, sort)
            sheet.box(x, y - 10, 4, 13, fill=ink)
            sheet.text(x + 10, y, words, size=_SMALL, ink=Ink.FAINT)
            x += 30 + width_of(words, _SMALL)
    return x


def _said_of_the_case(definition: CaseDefinition) -> Iterator[str]:
    yield f"version {definition.version}"
    yield f"queue {definition.queue or DEFAULT_QUEUE}"
    settings = definition.settings
    if settings and settings.due:
        yield _due(settings.due)
    if settings and settings.feedback_window and settings.feedback_window.total:
        yield f"feedback window {short_text(settings.feedback_window.total)}"


def _said(definition: CaseDefinition, action: ActionDefinition) -> Iterator[str]:
    """Return the lines of an Action below its title."""
    if action.when is not None:
        yield f"if {action.when}"
    work = action.work
    who = str(action.performer) if work is None else _what(work)
    if who == Performer.ANY:
        who = "human or robot"
    yield f"{who} \N{MIDDLE DOT} {action.queue or definition.queue or DEFAULT_QUEUE}"
    if action.due is not None:
        yield _due(action.due)
    if action.checklist:
        count = len(action.checklist)
        yield f"checklist of {count} question{'s' if count > 1 else ''}"
    if action.peer_review:
        yield "reviewed by a colleague"


def _what(work: Work) -> str:
    if work.call is not None:
        return f"calls {work.call.service}"
    if work.orders:
        names = ", ".join(order.definition for order in work.orders.values())
        return f"waits for {names}" if work.cases else f"starts {names}"
    return work.kind.replace("_", " ")


def _due(rule: DueRule) -> str:
    calendar = f" of {rule.calendar}" if rule.calendar else ""
    return f"due within {short_text(rule.within.total)}{calendar}"
