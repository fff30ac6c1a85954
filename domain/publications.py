"""What an item tells the store: its state, and all that was new since it last told."""

from dataclasses import dataclass

from domain.items import Change, Entry, Mail, Note
from domain.states import State, state_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One item's news, to be kept in one transaction.

    `serial` grows with every entry, refused ones included, and never repeats within a `run`; a
    publication with a smaller one is older. A reference that is started again has another run,
    whose `state.started_at` is later.
    """

    serial: int
    state: State
    entries: tuple[Entry, ...]
    notes: tuple[Note, ...]
    mails: tuple[Mail, ...]


def publication_of(changes: list[Change]) -> Publication:
    """The news of consecutive changes of one item; at least one."""
    item = changes[-1].item
    return Publication(
        serial=item.serial,
        state=state_of(item),
        entries=tuple(entry for change in changes for entry in change.entries),
        notes=tuple(note for change in changes for note in change.notes),
        mails=tuple(mail for change in changes for mail in change.mails),
    )
