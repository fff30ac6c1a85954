"""Publications: an item's state and new entries, for the store."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from domain.base.base_model import StrictModel
from domain.model.items import AnyItem, Change, Entry, Mail, Note
from domain.model.states import State, state_of
from domain.model.timeline import PAGE_BYTES, entry_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """State of one item and its new entries, written in one transaction.

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
    """Return the publication of consecutive changes of one item; at least one change."""
    item = changes[-1].item
    return Publication(
        serial=item.serial,
        state=state_of(item),
        entries=tuple(entry for change in changes for entry in change.entries),
        notes=tuple(note for change in changes for note in change.notes),
        mails=tuple(mail for change in changes for mail in change.mails),
    )


class PublicationRequest(StrictModel):
    """Request for an item's publication from a serial on."""

    from_serial: int = Field(default=1, ge=0)


class CarriedPublication(BaseModel):
    """Page of the publication that an item still carries; `next_serial` asks for the next."""

    model_config = ConfigDict(frozen=True)

    serial: int
    state: SerializeAsAny[State]
    entries: tuple[Entry, ...]
    next_serial: int | None


def carried_publication(item: AnyItem, from_serial: int) -> CarriedPublication:
    """Return the item's state and entries from a serial on, as many as an answer holds."""
    entries: list[Entry] = []
    size, next_serial = 0, None
    for entry in sorted((*item.log.timeline, *item.log.refused), key=lambda entry: entry.serial):
        if entry.serial < from_serial:
            continue
        if size > PAGE_BYTES:
            next_serial = entry.serial
            break
        entries.append(entry)
        size += entry_size(entry)
    return CarriedPublication(
        serial=item.serial, state=state_of(item), entries=tuple(entries), next_serial=next_serial
    )
