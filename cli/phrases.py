"""How people say it: statuses, waits and ends in the status model's terms, times near and far."""

from datetime import datetime, timedelta
from typing import Final

from domain.base.durations import short_text
from domain.base.values import Status
from domain.model.states import ActionItemState, CaseState, State

STATUSES: Final = {
    Status.DRAFT: "Draft",
    Status.TO_DO: "To Do",
    Status.IN_PROGRESS: "In Progress",
    Status.WAIT: "Wait",
    Status.RESOLVED: "Resolved",
    Status.CLOSED: "Closed",
}


def relative(moment: datetime, now: datetime) -> str:
    """`in 2 d 3 h`, `now`, or `2 d 3 h ago`."""
    ahead = moment - now
    if abs(ahead) < timedelta(seconds=1):
        return "now"
    return f"in {short_text(ahead)}" if ahead >= timedelta(0) else f"{short_text(ahead)} ago"


def clock(moment: datetime, now: datetime) -> str:
    """The local time, and the date where it is not today's."""
    local, today = moment.astimezone(now.tzinfo), now.date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"


def both(moment: datetime, now: datetime) -> str:
    """The local date and time, and how far away that is."""
    return f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S} ({relative(moment, now)})"


def plain(word: str) -> str:
    """A word of the contract as people read it: `more_information` as `more information`."""
    return word.replace("_", " ")


def standing(state: State, now: datetime) -> str:
    """Where the item stands, after its status: who has it, what it waits for, how it ended."""
    match state.status:
        case Status.WAIT if state.wait is not None:
            what = f"for {plain(state.wait.type)}" if state.wait.type != "until" else "until then"
            whom = f" from {state.wait.waiting_for}" if state.wait.waiting_for else ""
            ends = f", {relative(state.wakes_at, now)} at the latest" if state.wakes_at else ""
            if state.wait.type == "until" and state.wakes_at:
                what, ends = f"until {clock(state.wakes_at, now)}", ""
            if state.wait.type == "split":
                what = "until all its parts are closed"
            if state.wait.type == "case_launched":
                what = "until the Case it launched is closed"
            if state.wait.type == "pause":
                what = "paused until somebody resumes it"
            closing = ", then it closes" if state.wait.close_if_no_response else ""
            return f"{what}{whom}{ends}{closing}"
        case Status.RESOLVED | Status.CLOSED if state.resolution is not None:
            how = plain(state.resolution.method or state.resolution.outcome or "")
            closes = f", closes {relative(state.closes_at, now)}" if state.closes_at else ""
            return f"{how} by {state.resolution.by}{closes}"
        case Status.TO_DO if isinstance(state, ActionItemState) and state.in_review:
            whom = f"{state.assignee} reviews it" if state.assignee else f"in queue {state.queue}"
            return f"to be reviewed, {whom}"
        case Status.TO_DO | Status.IN_PROGRESS | Status.DRAFT if state.assignee:
            return f"{state.assignee} has it"
        case _:
            return f"waits in queue {state.queue}"


def step_of(case: CaseState) -> str:
    """The step under way and what is open in it."""
    open_now = [copy.key for copy in case.actions if copy.outcome is None]
    doing = f", open: {', '.join(open_now)}" if open_now else ""
    return f"{case.step}{doing}" if case.step else doing.removeprefix(", ")
