"""Timeline of an item's page: entries with their mails in and out."""

from dataclasses import dataclass

from sqlalchemy import Engine

from domain.base.values import Status
from domain.model.items import Entry
from domain.model.states import State
from store.items.timeline_page import (
    NEWEST_ENTRIES,
    SentMail,
    load_received_mails,
    load_sent_mails,
    read_newest_entries,
)
from store.mail.inbound_mail import InboundMail


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLine:
    """Entry of the timeline with its mails."""

    entry: Entry
    received: InboundMail | None
    sent: tuple[SentMail, ...]

    @property
    def moved(self) -> bool:
        """True if the status changed."""
        return self.entry.before is not None and self.entry.before is not self.entry.after

    @property
    def resolves(self) -> bool:
        """True for the resolution, or its evidence."""
        resolved = {Status.RESOLVED, Status.CLOSED}
        return self.entry.resolution or (
            self.entry.after is Status.RESOLVED and self.entry.before not in resolved
        )

    @property
    def version(self) -> str:
        """Text that changes when the line looks different: entries never change, mails do."""
        return "-".join([str(self.entry.serial), *(mail.status.value for mail in self.sent)])


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineView:
    """Page of the timeline, newest line first; `before` asks for the next page."""

    lines: tuple[TimelineLine, ...]
    before: int | None

    @property
    def down_to(self) -> int:
        """Serial of the last line; 0 if there is none."""
        return self.lines[-1].entry.serial if self.lines else 0


def load_timeline_view(
    engine: Engine,
    state: State,
    *,
    before: int | None = None,
    down_to: int | None = None,
    limit: int = NEWEST_ENTRIES,
) -> TimelineView:
    """Read a page of an item's timeline, newest entry first, with mails."""
    page = read_newest_entries(engine, state.reference, before=before, down_to=down_to, limit=limit)
    mails_in = load_received_mails(engine, [entry.mail for entry in page.entries if entry.mail])
    mails_out: dict[int, list[SentMail]] = {}
    if page.entries:
        for mail in load_sent_mails(
            engine, state.reference, run=state.run, from_serial=page.entries[-1].serial
        ):
            mails_out.setdefault(mail.revision, []).append(mail)
    lines = []
    for entry in page.entries:
        mails = () if entry.refused else tuple(mails_out.pop(entry.revision, ()))
        lines.append(TimelineLine(entry=entry, received=mails_in.get(entry.mail or ""), sent=mails))
    return TimelineView(lines=tuple(lines), before=page.before)
