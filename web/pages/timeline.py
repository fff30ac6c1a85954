"""Timeline of an item's page: each entry with the mails that came or went with it."""

from dataclasses import dataclass

from sqlalchemy import Engine

from domain.base.values import Status
from domain.model.items import Entry
from domain.model.states import State
from store.items.timeline_page import NEWEST, Sent, newest, received, sent
from store.mail.inbound_mail import InboundMail


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Entry of the timeline with its mails."""

    entry: Entry
    received: InboundMail | None
    sent: tuple[Sent, ...]

    @property
    def moved(self) -> bool:
        """True if the status changed."""
        return self.entry.before is not None and self.entry.before is not self.entry.after

    @property
    def resolves(self) -> bool:
        """True for the resolution, or the evidence of it."""
        resolved = {Status.RESOLVED, Status.CLOSED}
        return self.entry.resolution or (
            self.entry.after is Status.RESOLVED and self.entry.before not in resolved
        )

    @property
    def version(self) -> str:
        """Differs whenever the line looks different: entries never change, mails do."""
        return "-".join([str(self.entry.serial), *(mail.status.value for mail in self.sent)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Page of the timeline, newest line first; `before` is the serial that the next one ends at."""

    lines: tuple[Line, ...]
    before: int | None

    @property
    def down_to(self) -> int:
        """Serial of the last line; 0 if there is none."""
        return self.lines[-1].entry.serial if self.lines else 0


def telling_of(
    engine: Engine,
    state: State,
    *,
    before: int | None = None,
    down_to: int | None = None,
    limit: int = NEWEST,
) -> Telling:
    """Read the item's timeline from its newest entry back, with its mails."""
    page = newest(engine, state.reference, before=before, down_to=down_to, limit=limit)
    mails_in = received(engine, [entry.mail for entry in page.entries if entry.mail])
    mails_out: dict[int, list[Sent]] = {}
    if page.entries:
        for mail in sent(
            engine, state.reference, run=state.run, from_serial=page.entries[-1].serial
        ):
            mails_out.setdefault(mail.revision, []).append(mail)
    lines = []
    for entry in page.entries:
        mails = () if entry.refused else tuple(mails_out.pop(entry.revision, ()))
        lines.append(Line(entry=entry, received=mails_in.get(entry.mail or ""), sent=mails))
    return Telling(lines=tuple(lines), before=page.before)
