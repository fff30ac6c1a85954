"""Decision time of a workflow, the same on every replay."""

from datetime import datetime

from temporalio import workflow

from workflows.deadline_timer import DeadlineTimer


class Clock:
    """Clock for decisions: the workflow task's time, or the time of a local activity's answer."""

    def __init__(self, timer: DeadlineTimer) -> None:
        """Begin without an answer; `timer` is the item's deadline timer."""
        self._timer = timer
        self._answer: tuple[datetime, datetime] | None = None
        """Time of the workflow task that got the last answer, and the answer's own time."""

    def use_answer_time(self, at: datetime) -> None:
        """Use the time of a local activity's answer for the rest of this workflow task."""
        self._answer = (workflow.now(), at)

    @property
    def now(self) -> datetime:
        """Timestamp for decisions in this task.

        Core may replay a task that waits for a local activity together with the next task, and so
        at the next task's time; the time in the activity's answer is the same on every replay.
        """
        now = workflow.now()
        if self._answer is not None and self._answer[0] == now:
            return self._answer[1]
        return now

    @property
    def deadline_time(self) -> datetime:
        """Time up to which deadlines are over: now, or the time of the timer that fired."""
        now = self.now
        if self._timer.has_fired and self._timer.at is not None:
            return max(now, self._timer.at)
        return now
