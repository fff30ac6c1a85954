"""How publications are written: upserts that leave newer rows alone, for either database."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Insert,
    String,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)

from domain.model.publications import Publication
from store.engine import INSERTS
from store.projection import rows
from store.projection.watcher import CHANNEL
from store.schema.tables import HOW_FAR, MailStatus, entry, item, link, mail_out, note, writer

_TOLD_AT_ONCE = 75
"""References of a notice: PostgreSQL takes 8,000 bytes."""
_TELL = select(func.pg_notify(CHANNEL, bindparam("told", type_=String())))
_NOTE_KEY = (note.c.reference, note.c.run, note.c.serial)
_HELD = and_(
    item.c.reference == bindparam("reference"),
    item.c.run == bindparam("run"),
    item.c.serial == bindparam("serial"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Each takes any number of rows, and was compiled once.

    `item` leaves a newer row alone, `overwrite` does not. `heading`, `unlink` and `link` act only
    where the item's row is the one of their publication.
    """

    item: Insert
    overwrite: Insert
    heading: Insert
    unlink: Delete
    link: Insert
    entry: Insert
    note: Insert
    mail: Insert
    writer: Insert


def write(
    connection: Connection,
    publications: Iterable[Publication],
    *,
    writer: str,
    at: datetime,
    over_newer: bool = False,
) -> None:
    """Write publications in the connection's transaction.

    Rows are locked in the order of their references, so that writers do not deadlock.
    """
    statements = statements_for(connection.dialect.name)
    told = sorted(publications, key=lambda each: (each.state.reference, each.serial))
    newest = {(each.state.reference, each.state.run): each for each in told}.values()
    for statement, found in (
        (
            statements.overwrite if over_newer else statements.item,
            [rows.item_row(each, writer=writer, at=at) for each in newest],
        ),
        (statements.heading, [rows.heading_row(each) for each in newest]),
        (statements.unlink, [rows.version_row(each) for each in newest]),
        (statements.link, [row for each in newest for row in rows.link_rows(each)]),
        (statements.entry, [row for each in told for row in rows.entry_rows(each)]),
        (statements.note, [row for each in told for row in rows.note_rows(each)]),
        (statements.mail, [row for each in told for row in rows.mail_rows(each, at=at)]),
    ):
        if found:
            connection.execute(statement, found)
    if connection.dialect.name == "postgresql":
        references = sorted({each.state.reference for each in told})
        for begun in range(0, len(references), _TOLD_AT_ONCE):
            told_of = json.dumps(references[begun : begun + _TOLD_AT_ONCE])
            connection.execute(_TELL, {"told": told_of})


@cache
def statements_for(dialect: str) -> Statements:
    """The statements of `sqlite` or `postgresql`; made once."""
    insert = INSERTS[dialect]
    items, headings, notes, mails = insert(item), insert(note), insert(note), insert(mail_out)
    entries = insert(entry)
    newer = or_(
        and_(items.excluded.run == item.c.run, items.excluded.serial >= item.c.serial),
        and_(items.excluded.run != item.c.run, items.excluded.started_at >= item.c.started_at),
    )
    text, kind, target = (bindparam(name, type_=String()) for name in ("text", "kind", "target"))
    headings = headings.from_select(
        ["reference", "run", "serial", "kind", "text"],
        select(item.c.reference, item.c.run, literal(0), kind, text).where(_HELD),
    )
    links = insert(link).from_select(
        ["reference", "kind", "target"], select(item.c.reference, kind, target).where(_HELD)
    )
    return Statements(
        item=_upsert(items, item, where=newer),
        overwrite=_upsert(insert(item), item),
        heading=_upsert(headings, note, key=_NOTE_KEY, where=note.c.text != headings.excluded.text),
        unlink=delete(link).where(
            link.c.reference == bindparam("reference"), exists(select(item.c.run).where(_HELD))
        ),
        link=links.on_conflict_do_nothing(),
        entry=_upsert(entries, entry, where=_is_news(entries)),
        note=_upsert(notes, note, key=_NOTE_KEY, where=note.c.text != notes.excluded.text),
        mail=_upsert(
            mails, mail_out, keep=HOW_FAR, where=mail_out.c.status == MailStatus.QUEUED.value
        ),
        writer=insert(writer).on_conflict_do_nothing(),
    )


def _is_news(entries: Any) -> ColumnElement[bool]:  # noqa: ANN401 - as below
    """Whether an entry says something else, or that it was earlier.

    Core may run a signal's task again as one with the task after it, and so at that one's time: the
    first time stays.
    """
    said = [column for column in entry.columns if column.name != "at" and not column.primary_key]
    otherwise = [column.is_distinct_from(entries.excluded[column.name]) for column in said]
    return or_(entries.excluded["at"] < entry.c["at"], *otherwise)


def _upsert(  # the two dialects' inserts have no type in common
    insert: Any,  # noqa: ANN401
    table: Table,
    *,
    key: Any = None,  # noqa: ANN401
    where: Any = None,  # noqa: ANN401
    keep: frozenset[str] = frozenset(),
) -> Insert:
    key = key or tuple(table.primary_key)
    same = {column.name for column in key} | {"id"} | keep
    changed = {
        column.name: insert.excluded[column.name]
        for column in table.columns
        if column.name not in same
    }
    upsert: Insert = insert.on_conflict_do_update(index_elements=key, set_=changed, where=where)
    return upsert
