"""Changes that are told to webhooks: fanned out to those who want them, noted, kept a while."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    text,
    update,
)

from store.engine import INSERTS, reading, writing
from store.errors import InvalidCursor
from store.items.paging import PAGE, plain
from store.schema.tables import entry, item
from store.schema.webhook_tables import QUEUED, DeliveryStatus, hook, hook_change, hook_delivery
from store.webhooks.subscriptions import Hook, hook_from

KEPT: Final = timedelta(days=7)
"""How long a delivery that was taken, or given up, stays in the log."""
_FANNED: Final = 500
_FANNING: Final = 0xCA5E_400C
"""PostgreSQL's advisory lock of who looks at changes, so that each item's stay in order."""
_ITEM: Final = (
    *("reference", "kind", "title", "status", "revision", "category", "queue", "assignee"),
    *("owner", "wait", "resolution", "case_reference", "new_information", "attention"),
    *("due_at", "changed_at"),
)
_ENTRY: Final = ("serial", "revision", "at", "by", "command")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One change to tell one hook, and how far that has come."""

    id: str
    hook: str
    number: int
    reference: str
    serial: int
    payload: Mapping[str, Any]
    status: DeliveryStatus
    queued_at: datetime
    tries: int = 0
    tried_at: datetime | None = None
    """When it was tried first."""
    delivered_at: datetime | None = None
    answered: int | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Some of a hook's log, newest first; `cursor` asks for the following ones."""

    deliveries: tuple[Delivery, ...]
    cursor: str | None


def fan_out(engine: Engine) -> tuple[str, ...]:
    """Queue a delivery of each change for every webhook that wants it; return their ids.

    A change is deleted in the transaction that queues its deliveries: whenever a process dies, the
    change is either still there or queued. Safe to call from several processes at once.
    """
    webhooks: set[str] = set()
    while _is_waiting(engine):
        changes, queued_for = _fanned(engine)
        webhooks |= queued_for
        if changes < _FANNED:
            break
    return tuple(sorted(webhooks))


def webhooks_with_queued_deliveries(engine: Engine) -> tuple[str, ...]:
    """Return the ids of the webhooks that have deliveries to send and are not switched off."""
    queued = select(hook.c.id).where(
        hook.c.off_at.is_(None), exists().where(hook_delivery.c.hook == hook.c.id, QUEUED)
    )
    with reading(engine) as connection:
        return tuple(connection.scalars(queued))


def _is_waiting(engine: Engine) -> bool:
    with reading(engine) as connection:
        return connection.scalar(select(hook_change.c.id).limit(1)) is not None


def _fanned(engine: Engine) -> tuple[int, set[str]]:
    """Fan out one batch; return the number of its changes, and the webhooks it was queued for."""
    insert = INSERTS[engine.dialect.name]
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_FANNING})"))
        changes = connection.execute(_changes()).all()
        if not changes:
            return 0, set()
        now = datetime.now(UTC)
        listening = tuple(
            map(hook_from, connection.execute(select(hook).where(hook.c.off_at.is_(None))))
        )
        told = [
            _delivery_row(each, change, now)
            for change in changes
            if change.at is not None and change.title is not None
            for each in listening
            if each.wants(change.kind, change.queue, change.after)
        ]
        if told:
            connection.execute(insert(hook_delivery).on_conflict_do_nothing(), told)
        done = [change.number for change in changes]
        connection.execute(delete(hook_change).where(hook_change.c.id.in_(done)))
    return len(changes), {row["hook"] for row in told}


def _changes() -> Any:  # noqa: ANN401 - a select of many columns
    theirs = and_(
        entry.c.reference == hook_change.c.reference,
        entry.c.run == hook_change.c.run,
        entry.c.serial == hook_change.c.serial,
    )
    # the item may have been started anew under its reference: then nobody is told of the old run
    same = and_(item.c.reference == hook_change.c.reference, item.c.run == hook_change.c.run)
    told_of_item = [item.c[name] for name in _ITEM if name not in {"reference", "revision"}]
    return (
        select(
            hook_change.c.id.label("number"),
            hook_change.c.run,
            *(entry.c[name] for name in _ENTRY),
            entry.c.before,
            entry.c.after,
            hook_change.c.reference,
            item.c.revision.label("item_revision"),
            *told_of_item,
        )
        .select_from(hook_change.outerjoin(entry, theirs).outerjoin(item, same))
        .order_by(hook_change.c.id)
        .limit(_FANNED)
    )


def _delivery_row(to: Hook, change: Any, now: datetime) -> dict[str, Any]:  # noqa: ANN401 - a row
    seed = f"{to.id}:{change.reference}:{change.run}:{change.serial}"
    id_ = hashlib.sha256(seed.encode()).hexdigest()[:32]
    told = {name: getattr(change, name) for name in _ITEM if name != "revision"}
    payload = {
        "id": id_,
        "type": "item.changed",
        "hook": to.id,
        "item": told | {"revision": change.item_revision},
        "entry": {name: getattr(change, name) for name in _ENTRY}
        | {"from": change.before, "to": change.after},
    }
    return {
        "id": id_,
        "hook": to.id,
        "number": change.number,
        "reference": change.reference,
        "serial": change.serial,
        "payload": payload,
        "status": DeliveryStatus.QUEUED.value,
        "queued_at": now,
        "tries": 0,
    }


def queued(
    engine: Engine,
    id: str,  # noqa: A002 - as above
    *,
    limit: int,
    besides: Collection[str] = (),
) -> tuple[Delivery, ...]:
    """What a hook is still to be told, in order, but for the changes of some items."""
    wanted = select(hook_delivery).where(hook_delivery.c.hook == id, QUEUED)
    if besides:
        wanted = wanted.where(hook_delivery.c.reference.not_in(besides))
    with reading(engine) as connection:
        rows = connection.execute(wanted.order_by(hook_delivery.c.number).limit(limit))
        return tuple(map(_delivery, rows))


def note_delivered(engine: Engine, told: Delivery, *, answered: int, at: datetime) -> None:
    """Note that the receiver took a delivery."""
    with writing(engine) as connection:
        _note(
            connection,
            told,
            at,
            status=DeliveryStatus.DELIVERED.value,
            delivered_at=at,
            answered=answered,
            last_error=None,
        )
        connection.execute(update(hook).where(hook.c.id == told.hook).values(failing_since=None))


def note_failed(
    engine: Engine, told: Delivery, *, answered: int | None, problem: str, at: datetime
) -> None:
    """Note that a try failed, and since when the hook fails."""
    with writing(engine) as connection:
        _note(connection, told, at, answered=answered, last_error=problem)
        connection.execute(
            update(hook)
            .where(hook.c.id == told.hook, hook.c.failing_since.is_(None))
            .values(failing_since=at)
        )


def give_up(engine: Engine, told: Delivery) -> None:
    """Note that a delivery is not tried any more."""
    with writing(engine) as connection:
        connection.execute(
            update(hook_delivery)
            .where(hook_delivery.c.id == told.id)
            .values(status=DeliveryStatus.GIVEN_UP.value)
        )


def forget(engine: Engine, id: str, *, before: datetime) -> None:  # noqa: A002 - as above
    """Take settled deliveries of before then off the hook's log."""
    with writing(engine) as connection:
        connection.execute(
            delete(hook_delivery).where(
                hook_delivery.c.hook == id,
                hook_delivery.c.status != DeliveryStatus.QUEUED.value,
                hook_delivery.c.queued_at < before,
            )
        )


def deliveries(
    engine: Engine,
    id: str,  # noqa: A002 - as above
    *,
    statuses: Collection[DeliveryStatus] = (),
    limit: int = PAGE,
    cursor: str | None = None,
) -> Deliveries:
    """A page of the hook's log, newest first; raises InvalidCursor."""
    wanted: list[ColumnElement[bool]] = [hook_delivery.c.hook == plain(id)]
    if cursor is not None:
        if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):  # noqa: PLR2004 - BigInteger
            raise InvalidCursor(f"cursor {cursor[:40]!r} is no page's: start again without one")
        wanted.append(hook_delivery.c.number < int(cursor))
    if statuses:
        wanted.append(hook_delivery.c.status.in_([status.value for status in statuses]))
    chosen = select(hook_delivery).where(*wanted).order_by(hook_delivery.c.number.desc())
    with reading(engine) as connection:
        rows: Sequence[Row[Any]] = connection.execute(chosen.limit(limit + 1)).all()
    found = tuple(map(_delivery, rows[:limit]))
    return Deliveries(deliveries=found, cursor=str(found[-1].number) if len(rows) > limit else None)


def _note(connection: Connection, told: Delivery, at: datetime, **columns: object) -> None:
    connection.execute(
        update(hook_delivery)
        .where(hook_delivery.c.id == told.id, QUEUED)
        .values(
            tries=hook_delivery.c.tries + 1,
            tried_at=func.coalesce(hook_delivery.c.tried_at, _moment(at)),
            **columns,
        )
    )


def _delivery(row: Row[Any]) -> Delivery:
    values = {each.name: getattr(row, each.name) for each in fields(Delivery)}
    return Delivery(**values | {"status": DeliveryStatus(row.status)})


def _moment(at: datetime) -> ColumnElement[datetime]:
    return bindparam(None, at, type_=hook_delivery.c.tried_at.type)
