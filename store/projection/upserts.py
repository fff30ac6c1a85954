"""Statements that write publications: upserts that keep newer rows, for both databases."""

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
from store.schema.tables import (
    DELIVERY_COLUMNS,
    MailStatus,
    entry,
    item,
    link,
    mail_out,
    note,
    writer,
)

_MAX_NOTIFIED_REFERENCES = 75
"""References in one notification: PostgreSQL takes 8,000 bytes."""
_NOTIFY = select(func.pg_notify(CHANNEL, bindparam("payload", type_=String())))
_NOTE_KEY = (note.c.reference, note.c.run, note.c.serial)
_IS_CURRENT = and_(
    item.c.reference == bindparam("reference"),
    item.c.run == bindparam("run"),
    item.c.serial == bindparam("serial"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Statements of a dialect, each for any number of rows.

    `item` keeps a newer row, `overwrite` replaces it. `heading`, `unlink` and `link` only act if
    the item's row holds their publication.
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


def write_publications(
    connection: Connection,
    publications: Iterable[Publication],
    *,
    writer: str,
    at: datetime,
    over_newer: bool = False,
) -> None:
    """Write publications in the connection's transaction.

    `over_newer`: replace rows of newer publications. Rows are locked in the order of their
    references, so writers do not deadlock.
    """
    statements = statements_for(connection.dialect.name)
    ordered = sorted(publications, key=lambda each: (each.state.reference, each.serial))
    newest = {(each.state.reference, each.state.run): each for each in ordered}.values()
    for statement, values in (
        (
            statements.overwrite if over_newer else statements.item,
            [rows.item_row(each, writer=writer, at=at) for each in newest],
        ),
        (statements.heading, [rows.heading_row(each) for each in newest]),
        (statements.unlink, [rows.version_row(each) for each in newest]),
        (statements.link, [row for each in newest for row in rows.link_rows(each)]),
        (statements.entry, [row for each in ordered for row in rows.entry_rows(each)]),
        (statements.note, [row for each in ordered for row in rows.note_rows(each)]),
        (statements.mail, [row for each in ordered for row in rows.mail_rows(each, at=at)]),
    ):
        if values:
            connection.execute(statement, values)
    if connection.dialect.name == "postgresql":
        references = sorted({each.state.reference for each in ordered})
        for start in range(0, len(references), _MAX_NOTIFIED_REFERENCES):
            payload = json.dumps(references[start : start + _MAX_NOTIFIED_REFERENCES])
            connection.execute(_NOTIFY, {"payload": payload})


@cache
def statements_for(dialect: str) -> Statements:
    """Return the statements of `sqlite` or `postgresql`; they are made once."""
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
        select(item.c.reference, item.c.run, literal(0), kind, text).where(_IS_CURRENT),
    )
    links = insert(link).from_select(
        ["reference", "kind", "target"], select(item.c.reference, kind, target).where(_IS_CURRENT)
    )
    return Statements(
        item=_upsert(items, item, where=newer),
        overwrite=_upsert(insert(item), item),
        heading=_upsert(headings, note, key=_NOTE_KEY, where=note.c.text != headings.excluded.text),
        unlink=delete(link).where(
            link.c.reference == bindparam("reference"),
            exists(select(item.c.run).where(_IS_CURRENT)),
        ),
        link=links.on_conflict_do_nothing(),
        entry=_upsert(entries, entry, where=_differs(entries)),
        note=_upsert(notes, note, key=_NOTE_KEY, where=note.c.text != notes.excluded.text),
        mail=_upsert(
            mails,
            mail_out,
            keep=DELIVERY_COLUMNS,
            where=mail_out.c.status == MailStatus.QUEUED.value,
        ),
        writer=insert(writer).on_conflict_do_nothing(),
    )


def _differs(entries: Any) -> ColumnElement[bool]:  # noqa: ANN401 - as below
    """Return the condition that an entry has changed, or has an earlier time than its row.

    Temporal may run a signal's task again together with the following task, and then at the later
    task's time: the first time stays.
    """
    compared = [
        column for column in entry.columns if column.name != "at" and not column.primary_key
    ]
    changed = [column.is_distinct_from(entries.excluded[column.name]) for column in compared]
    return or_(entries.excluded["at"] < entry.c["at"], *changed)


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
