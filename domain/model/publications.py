"""What an item tells the store: its state, and all that was new since it last told."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from domain.base.base_model import Defined
from domain.model.items import AnyItem, Change, Entry, Mail, Note
from domain.model.states import State, state_of
from domain.model.timeline import PAGE_BYTES, size_of


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


class PublicationRequest(Defined):
    """Which part of an item's publication is asked for."""

    from_serial: int = Field(default=1, ge=0)


class CarriedPublication(BaseModel):
    """What an item would publish, from what it still carries; a page of it (`next_serial`)."""

    model_config = ConfigDict(frozen=True)

    serial: int
    state: SerializeAsAny[State]
    entries: tuple[Entry, ...]
    next_serial: int | None


def carried_publication(item: AnyItem, from_serial: int) -> CarriedPublication:
    """The item's state, and its entries from a serial on, as many as an answer may hold."""
    entries: list[Entry] = []
    size, following = 0, None
    for entry in sorted((*item.log.timeline, *item.log.refused), key=lambda entry: entry.serial):
        if entry.serial < from_serial:
            continue
        if size > PAGE_BYTES:
            following = entry.serial
            break
        entries.append(entry)
        size += size_of(entry)
    return CarriedPublication(
        serial=item.serial, state=state_of(item), entries=tuple(entries), next_serial=following
    )
