"""What puts rows right after a crash, when they may be ahead of history or behind it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, and_, delete, func, or_, select, update

from domain.model.publications import Publication
from store.engine import reading, writing
from store.projection.rows import RowVersion
from store.projection.upserts import write
from store.schema.tables import MailStatus, entry, item, mail_out, note, writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An item's row as some process wrote it."""

    reference: str
    version: RowVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWritten:
    """The newest rows of one process, of which its history may know nothing."""

    writer: str
    until: datetime
    rows: tuple[Written, ...]


def newest(engine: Engine, *, of_others: str, within: timedelta) -> list[LastWritten]:
    """What each process but `of_others` wrote in the last `within` of its life, unless settled."""
    found = []
    with reading(engine) as connection:
        others = connection.execute(
            select(writer.c.writer, writer.c.settled_until).where(writer.c.writer != of_others)
        ).all()
        for name, settled_until in others:
            mine = item.c.writer == name
            until = connection.scalar(select(func.max(item.c.written_at)).where(mine))
            if until is None or (settled_until is not None and settled_until >= until):
                continue
            newest_rows = connection.execute(
                select(item.c.reference, item.c.run, item.c.serial, item.c.written_at)
                .where(mine, item.c.written_at >= until - within)
                .order_by(item.c.written_at)
            )
            written = tuple(
                Written(
                    reference=row.reference,
                    version=RowVersion(run=row.run, serial=row.serial, written_at=row.written_at),
                )
                for row in newest_rows
            )
            found.append(LastWritten(writer=name, until=until, rows=written))
    return found


def settle(engine: Engine, last: LastWritten) -> None:
    """Note that these rows were compared with their workflows: `newest` leaves them out."""
    with writing(engine) as connection:
        connection.execute(
            update(writer)
            .where(
                writer.c.writer == last.writer,
                or_(writer.c.settled_until.is_(None), writer.c.settled_until < last.until),
            )
            .values(settled_until=last.until)
        )


def mend(engine: Engine, publication: Publication, seen: RowVersion | None, *, writer: str) -> bool:
    """Overwrite the row that was seen (None: there was none), even by an older publication.

    What the run left after that publication (entries, notes, mails still queued) is deleted.
    False, and nothing written, if somebody wrote the row meanwhile.
    """
    with writing(engine) as connection:
        if _version(connection, publication.state.reference) != seen:
            return False
        # a row that was not there could not be locked: one that comes now is left alone if newer
        over = seen is not None
        write(connection, [publication], writer=writer, at=datetime.now(UTC), over_newer=over)
        if over:
            state = publication.state
            _forget(connection, state.reference, state.run, publication.serial)
    return True


def _version(connection: Connection, reference: str) -> RowVersion | None:
    row = connection.execute(
        select(item.c.run, item.c.serial, item.c.written_at)
        .where(item.c.reference == reference)
        .with_for_update()
    ).one_or_none()
    return row and RowVersion(run=row.run, serial=row.serial, written_at=row.written_at)


def _forget(connection: Connection, reference: str, run: str, serial: int) -> None:
    for table in (entry, note, mail_out):
        phantom = and_(table.c.reference == reference, table.c.run == run, table.c.serial > serial)
        if table is mail_out:
            phantom &= mail_out.c.status == MailStatus.QUEUED.value
        connection.execute(delete(table).where(phantom))
