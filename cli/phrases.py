"""Phrases of the shell: waits and ends in the status model's terms, times near and far."""

from datetime import datetime, timedelta
from typing import Final

from domain.base.values import Status, WaitType
from domain.model.states import ActionItemState, CaseState, State, WaitState
from i18n.translations import DEFAULT, translations

t: Final = translations(DEFAULT)
"""The shell's messages: in English."""
_UNITS: Final = (
    (86_400, "shell.time.days"),
    (3_600, "shell.time.hours"),
    (60, "shell.time.minutes"),
    (1, "shell.time.seconds"),
)
_SHOWN_UNITS: Final = 2


def span(length: timedelta) -> str:
    """A length of time in its two largest units: `2 d 3 h`, `45 min`, `12 s`."""
    rest = int(abs(length).total_seconds())
    parts: list[str] = []
    for size, key in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(t(key, count=count))
        if len(parts) == _SHOWN_UNITS or (parts and not count):
            break
    return " ".join(parts) or t("shell.time.seconds", count=0)


def relative(moment: datetime, now: datetime) -> str:
    """`in 2 d 3 h`, `now`, or `2 d 3 h ago`."""
    ahead = moment - now
    if abs(ahead) < timedelta(seconds=1):
        return t("shell.time.now")
    return t("shell.time.ahead" if ahead >= timedelta(0) else "shell.time.past", span=span(ahead))


def clock(moment: datetime, now: datetime) -> str:
    """The local time, and the date where it is not today's."""
    local, today = moment.astimezone(now.tzinfo), now.date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"


def both(moment: datetime, now: datetime) -> str:
    """The local date and time, and how far away that is."""
    return f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S} ({relative(moment, now)})"


def plain(word: str) -> str:
    """Return a word of the contract as people read it: `more_information` as `more information`."""
    return word.replace("_", " ")


def term(group: str, word: str | None) -> str:
    """Return the term of a word as it stands within a sentence: `more information`."""
    name = t.term(group, word)
    return name[:1].lower() + name[1:]


def standing(state: State, now: datetime) -> str:
    """Return what follows an item's status: its assignee, what it waits for, or how it ended."""
    match state.status:
        case Status.WAIT if state.wait is not None:
            return _waits(state.wait, state.wakes_at, now)
        case Status.RESOLVED | Status.CLOSED if state.resolution is not None:
            how = term("resolution", state.resolution.method or state.resolution.outcome)
            parts = [t("shell.stands.ended", how=how, person=state.resolution.by)]
            if state.closes_at:
                parts.append(t("shell.stands.closes", when=relative(state.closes_at, now)))
            return ", ".join(parts)
        case Status.TO_DO if isinstance(state, ActionItemState) and state.in_review:
            whom = (
                t("shell.stands.reviewer", person=state.assignee)
                if state.assignee
                else t("shell.stands.in_queue", queue=state.queue)
            )
            return f"{t('shell.stands.in_review')}, {whom}"
        case Status.TO_DO | Status.IN_PROGRESS | Status.DRAFT if state.assignee:
            return t("shell.stands.assigned", person=state.assignee)
        case _:
            return t("shell.stands.queued", queue=state.queue)


def _waits(wait: WaitState, wakes_at: datetime | None, now: datetime) -> str:
    what, more = t.term("shell.stands", wait.type), []
    if wakes_at and wait.type == WaitType.UNTIL:
        what = t("shell.time.until", moment=clock(wakes_at, now))
    elif wakes_at:
        more.append(t("shell.stands.at_the_latest", when=relative(wakes_at, now)))
    if wait.waiting_for:
        what = t("shell.stands.from", what=what, who=wait.waiting_for)
    if wait.close_if_no_response:
        more.append(t("shell.stands.then_closes"))
    return ", ".join([what, *more])


def step_of(case: CaseState) -> str:
    """Return the step under way and what is open in it."""
    open_now = [copy.key for copy in case.actions if copy.outcome is None]
    doing = t("shell.stands.open_actions", actions=", ".join(open_now)) if open_now else ""
    return ", ".join(filter(None, (case.step, doing)))
