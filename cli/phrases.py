"""Phrases of the command line: durations, times, and status details in the model's terms."""

from datetime import datetime, timedelta
from typing import Final

from domain.base.values import Status, WaitType
from domain.model.states import ActionItemState, CaseState, State, WaitState
from i18n.translations import DEFAULT_LANGUAGE, translations

t: Final = translations(DEFAULT_LANGUAGE)
"""Translate a message key; the command line speaks English."""
_UNITS: Final = (
    (86_400, "shell.time.days"),
    (3_600, "shell.time.hours"),
    (60, "shell.time.minutes"),
    (1, "shell.time.seconds"),
)
_SHOWN_UNITS: Final = 2


def duration(length: timedelta) -> str:
    """Return a duration in its two largest units: `2 d 3 h`, `45 min`, `12 s`."""
    rest = int(abs(length).total_seconds())
    parts: list[str] = []
    for size, key in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(t(key, count=count))
        if len(parts) == _SHOWN_UNITS or (parts and not count):
            break
    return " ".join(parts) or t("shell.time.seconds", count=0)


def relative_time(moment: datetime, now: datetime) -> str:
    """Return `in 2 d 3 h`, `now`, or `2 d 3 h ago`."""
    ahead = moment - now
    if abs(ahead) < timedelta(seconds=1):
        return t("shell.time.now")
    return t(
        "shell.time.ahead" if ahead >= timedelta(0) else "shell.time.past", span=duration(ahead)
    )


def local_time(moment: datetime, now: datetime) -> str:
    """Return the local time, with the date unless it is today."""
    local, today = moment.astimezone(now.tzinfo), now.date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"


def local_and_relative_time(moment: datetime, now: datetime) -> str:
    """Return the local date and time, followed by the relative time in brackets."""
    return f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S} ({relative_time(moment, now)})"


def spaced(word: str) -> str:
    """Return a word of the contract with spaces: `more_information` as `more information`."""
    return word.replace("_", " ")


def lowercase_term(group: str, word: str | None) -> str:
    """Return the term of a word for use inside a sentence: `more information`."""
    name = t.term(group, word)
    return name[:1].lower() + name[1:]


def status_details(state: State, now: datetime) -> str:
    """Return the text after an item's status: assignee or queue, wait, or resolution."""
    match state.status:
        case Status.WAIT if state.wait is not None:
            return _wait_details(state.wait, state.wakes_at, now)
        case Status.RESOLVED | Status.CLOSED if state.resolution is not None:
            how = lowercase_term("resolution", state.resolution.method or state.resolution.outcome)
            parts = [t("shell.stands.ended", how=how, person=state.resolution.by)]
            if state.closes_at:
                parts.append(t("shell.stands.closes", when=relative_time(state.closes_at, now)))
            return ", ".join(parts)
        case Status.TO_DO if isinstance(state, ActionItemState) and state.in_review:
            holder = (
                t("shell.stands.reviewer", person=state.assignee)
                if state.assignee
                else t("shell.stands.in_queue", queue=state.queue)
            )
            return f"{t('shell.stands.in_review')}, {holder}"
        case Status.TO_DO | Status.IN_PROGRESS | Status.DRAFT if state.assignee:
            return t("shell.stands.assigned", person=state.assignee)
        case _:
            return t("shell.stands.queued", queue=state.queue)


def _wait_details(wait: WaitState, wakes_at: datetime | None, now: datetime) -> str:
    wait_text, more = t.term("shell.stands", wait.type), []
    if wakes_at and wait.type == WaitType.UNTIL:
        wait_text = t("shell.time.until", moment=local_time(wakes_at, now))
    elif wakes_at:
        more.append(t("shell.stands.at_the_latest", when=relative_time(wakes_at, now)))
    if wait.waiting_for:
        wait_text = t("shell.stands.from", what=wait_text, who=wait.waiting_for)
    if wait.close_if_no_response:
        more.append(t("shell.stands.then_closes"))
    return ", ".join([wait_text, *more])


def current_step(case: CaseState) -> str:
    """Return the key of the Case's current step and its open Actions."""
    keys = [copy.key for copy in case.actions if copy.outcome is None]
    open_actions = t("shell.stands.open_actions", actions=", ".join(keys)) if keys else ""
    return ", ".join(filter(None, (case.step, open_actions)))
