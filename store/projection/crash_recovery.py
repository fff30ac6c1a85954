"""Repair of rows after a crash, when rows may be ahead of their workflow's history or behind it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, and_, delete, func, or_, select, update

from domain.model.publications import Publication
from store.engine import read_connection, write_connection
from store.projection.rows import RowVersion
from store.projection.upserts import write_publications
from store.schema.tables import MailStatus, entry, item, mail_out, note, writer


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRow:
    """Identity and version of an item's row, as one process wrote it."""

    reference: str
    version: RowVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterRows:
    """Newest rows of one process; the histories of their items may lack these changes."""

    writer: str
    until: datetime
    """`written_at` of the newest row."""
    rows: tuple[WrittenRow, ...]


def unsettled_rows(engine: Engine, *, except_writer: str, within: timedelta) -> list[WriterRows]:
    """Return the newest rows of each process except `except_writer`, unless they are settled.

    `within`: how far a row may be older than the newest one of the same process.
    """
    unsettled = []
    with read_connection(engine) as connection:
        writers = connection.execute(
            select(writer.c.writer, writer.c.settled_until).where(writer.c.writer != except_writer)
        ).all()
        for name, settled_until in writers:
            of_writer = item.c.writer == name
            until = connection.scalar(select(func.max(item.c.written_at)).where(of_writer))
            if until is None or (settled_until is not None and settled_until >= until):
                continue
            newest_rows = connection.execute(
                select(item.c.reference, item.c.run, item.c.serial, item.c.written_at)
                .where(of_writer, item.c.written_at >= until - within)
                .order_by(item.c.written_at)
            )
            written = tuple(
                WrittenRow(
                    reference=row.reference,
                    version=RowVersion(run=row.run, serial=row.serial, written_at=row.written_at),
                )
                for row in newest_rows
            )
            unsettled.append(WriterRows(writer=name, until=until, rows=written))
    return unsettled


def mark_settled(engine: Engine, last: WriterRows) -> None:
    """Record that rows were compared with their workflows; `unsettled_rows` omits them then."""
    with write_connection(engine) as connection:
        connection.execute(
            update(writer)
            .where(
                writer.c.writer == last.writer,
                or_(writer.c.settled_until.is_(None), writer.c.settled_until < last.until),
            )
            .values(settled_until=last.until)
        )


def repair_row(
    engine: Engine, publication: Publication, seen: RowVersion | None, *, writer: str
) -> bool:
    """Overwrite a row by what its workflow says, even if the workflow's publication is older.

    `seen` is the version of the row that was compared; None: there was no row. Later entries, notes
    and queued mails of the run are deleted. Return False, and write nothing, if the row has changed
    since it was compared.
    """
    with write_connection(engine) as connection:
        if _version(connection, publication.state.reference) != seen:
            return False
        # a missing row could not be locked: if another process adds it now, the newer one stays
        is_overwritten = seen is not None
        write_publications(
            connection,
            [publication],
            writer=writer,
            at=datetime.now(UTC),
            over_newer=is_overwritten,
        )
        if is_overwritten:
            state = publication.state
            _delete_later(connection, state.reference, state.run, publication.serial)
    return True


def _version(connection: Connection, reference: str) -> RowVersion | None:
    row = connection.execute(
        select(item.c.run, item.c.serial, item.c.written_at)
        .where(item.c.reference == reference)
        .with_for_update()
    ).one_or_none()
    return row and RowVersion(run=row.run, serial=row.serial, written_at=row.written_at)


def _delete_later(connection: Connection, reference: str, run: str, serial: int) -> None:
    for table in (entry, note, mail_out):
        later = and_(table.c.reference == reference, table.c.run == run, table.c.serial > serial)
        if table is mail_out:
            later &= mail_out.c.status == MailStatus.QUEUED.value
        connection.execute(delete(table).where(later))
