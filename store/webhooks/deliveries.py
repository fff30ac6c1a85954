"""Deliveries to webhooks: fan-out of changes, results of attempts, and the log."""

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
from sqlmodel import select as select_rows

from store.engine import INSERTS, read_connection, write_connection, write_session
from store.errors import InvalidCursor
from store.items.paging import PAGE_SIZE, storable_text
from store.schema.tables import entry, item
from store.schema.webhook_tables import (
    QUEUED,
    DeliveryStatus,
    WebhookRow,
    webhook,
    webhook_change,
    webhook_delivery,
)

LOG_RETENTION: Final = timedelta(days=7)
"""Time that a delivery stays in the log once it was accepted or given up."""
_BATCH: Final = 500
_FAN_OUT_LOCK: Final = 0xCA5E_400C
"""PostgreSQL's advisory lock of the fan-out, which keeps each item's changes in order."""
_ITEM: Final = (
    *("reference", "kind", "title", "status", "revision", "category", "queue", "assignee"),
    *("owner", "wait", "resolution", "case_reference", "new_information", "attention"),
    *("due_at", "changed_at"),
)
_ENTRY: Final = ("serial", "revision", "at", "by", "command")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Delivery of one change to one webhook, with the result of its last attempt."""

    id: str
    hook: str
    """Id of the webhook."""
    number: int
    """Position in the order of the changes."""
    reference: str
    serial: int
    payload: Mapping[str, Any]
    status: DeliveryStatus
    queued_at: datetime
    tries: int = 0
    tried_at: datetime | None = None
    """Time of the first attempt."""
    delivered_at: datetime | None = None
    answered: int | None = None
    """HTTP status of the last answer."""
    last_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """Page of a webhook's log, newest first; `cursor` asks for the next one, None: the last."""

    deliveries: tuple[Delivery, ...]
    cursor: str | None


def fan_out(engine: Engine) -> tuple[str, ...]:
    """Queue a delivery of each change for every webhook that wants it; return their ids.

    A change is deleted in the transaction that queues its deliveries: whenever a process dies, the
    change is either still there or queued. Safe to call from several processes at once.
    """
    webhooks: set[str] = set()
    while _has_changes(engine):
        changes, queued_for = _fan_out_batch(engine)
        webhooks |= queued_for
        if changes < _BATCH:
            break
    return tuple(sorted(webhooks))


def webhooks_with_queued_deliveries(engine: Engine) -> tuple[str, ...]:
    """Return the ids of the webhooks that have deliveries to send and are not switched off."""
    wanted = select(webhook.c.id).where(
        webhook.c.off_at.is_(None), exists().where(webhook_delivery.c.hook == webhook.c.id, QUEUED)
    )
    with read_connection(engine) as connection:
        return tuple(connection.scalars(wanted))


def _has_changes(engine: Engine) -> bool:
    with read_connection(engine) as connection:
        return connection.scalar(select(webhook_change.c.id).limit(1)) is not None


def _fan_out_batch(engine: Engine) -> tuple[int, set[str]]:
    """Fan out one batch; return the number of its changes and the ids of their webhooks."""
    insert = INSERTS[engine.dialect.name]
    with write_session(engine) as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_FAN_OUT_LOCK})"))
        changes = connection.execute(_changes()).all()
        if not changes:
            return 0, set()
        now = datetime.now(UTC)
        webhooks = session.exec(select_rows(WebhookRow).where(webhook.c.off_at.is_(None))).all()
        rows = [
            _delivery_row(each, change, now)
            for change in changes
            if change.at is not None and change.title is not None
            for each in webhooks
            if each.accepts(change.kind, change.queue, change.after)
        ]
        if rows:
            connection.execute(insert(webhook_delivery).on_conflict_do_nothing(), rows)
        done = [change.number for change in changes]
        connection.execute(delete(webhook_change).where(webhook_change.c.id.in_(done)))
    return len(changes), {row["hook"] for row in rows}


def _changes() -> Any:  # noqa: ANN401 - a select of many columns
    same_entry = and_(
        entry.c.reference == webhook_change.c.reference,
        entry.c.run == webhook_change.c.run,
        entry.c.serial == webhook_change.c.serial,
    )
    # an item may have been started again under its reference: the old run is not delivered
    same_run = and_(
        item.c.reference == webhook_change.c.reference, item.c.run == webhook_change.c.run
    )
    of_item = [item.c[name] for name in _ITEM if name not in {"reference", "revision"}]
    return (
        select(
            webhook_change.c.id.label("number"),
            webhook_change.c.run,
            *(entry.c[name] for name in _ENTRY),
            entry.c.before,
            entry.c.after,
            webhook_change.c.reference,
            item.c.revision.label("item_revision"),
            *of_item,
        )
        .select_from(webhook_change.outerjoin(entry, same_entry).outerjoin(item, same_run))
        .order_by(webhook_change.c.id)
        .limit(_BATCH)
    )


def _delivery_row(to: WebhookRow, change: Any, now: datetime) -> dict[str, Any]:  # noqa: ANN401 - a row
    seed = f"{to.id}:{change.reference}:{change.run}:{change.serial}"
    id_ = hashlib.sha256(seed.encode()).hexdigest()[:32]
    fields_of_item = {name: getattr(change, name) for name in _ITEM if name != "revision"}
    payload = {
        "id": id_,
        "type": "item.changed",
        "hook": to.id,
        "item": fields_of_item | {"revision": change.item_revision},
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


def queued_deliveries(
    engine: Engine, webhook_id: str, *, limit: int, except_items: Collection[str] = ()
) -> tuple[Delivery, ...]:
    """Return a webhook's queued deliveries in order, except those of some items (references)."""
    wanted = select(webhook_delivery).where(webhook_delivery.c.hook == webhook_id, QUEUED)
    if except_items:
        wanted = wanted.where(webhook_delivery.c.reference.not_in(except_items))
    with read_connection(engine) as connection:
        rows = connection.execute(wanted.order_by(webhook_delivery.c.number).limit(limit))
        return tuple(map(_delivery, rows))


def record_success(engine: Engine, delivery: Delivery, *, answered: int, at: datetime) -> None:
    """Record that the receiver accepted a delivery."""
    with write_connection(engine) as connection:
        _record(
            connection,
            delivery,
            at,
            status=DeliveryStatus.DELIVERED.value,
            delivered_at=at,
            answered=answered,
            last_error=None,
        )
        connection.execute(
            update(webhook).where(webhook.c.id == delivery.hook).values(failing_since=None)
        )


def record_failure(
    engine: Engine, delivery: Delivery, *, answered: int | None, problem: str, at: datetime
) -> None:
    """Record that an attempt failed; the webhook is failing since the first such attempt."""
    with write_connection(engine) as connection:
        _record(connection, delivery, at, answered=answered, last_error=problem)
        connection.execute(
            update(webhook)
            .where(webhook.c.id == delivery.hook, webhook.c.failing_since.is_(None))
            .values(failing_since=at)
        )


def give_up(engine: Engine, delivery: Delivery) -> None:
    """Record that a delivery is not attempted any more."""
    with write_connection(engine) as connection:
        connection.execute(
            update(webhook_delivery)
            .where(webhook_delivery.c.id == delivery.id)
            .values(status=DeliveryStatus.GIVEN_UP.value)
        )


def delete_settled(engine: Engine, webhook_id: str, *, before: datetime) -> None:
    """Delete accepted and given-up deliveries that were queued before `before` from the log."""
    with write_connection(engine) as connection:
        connection.execute(
            delete(webhook_delivery).where(
                webhook_delivery.c.hook == webhook_id,
                webhook_delivery.c.status != DeliveryStatus.QUEUED.value,
                webhook_delivery.c.queued_at < before,
            )
        )


def read_delivery_log(
    engine: Engine,
    webhook_id: str,
    *,
    statuses: Collection[DeliveryStatus] = (),
    limit: int = PAGE_SIZE,
    cursor: str | None = None,
) -> DeliveryPage:
    """Return a page of a webhook's log, newest first; raises InvalidCursor."""
    wanted: list[ColumnElement[bool]] = [webhook_delivery.c.hook == storable_text(webhook_id)]
    if cursor is not None:
        if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):  # noqa: PLR2004 - BigInteger
            raise InvalidCursor(f"cursor {cursor[:40]!r} is no page's: start again without one")
        wanted.append(webhook_delivery.c.number < int(cursor))
    if statuses:
        wanted.append(webhook_delivery.c.status.in_([status.value for status in statuses]))
    chosen = select(webhook_delivery).where(*wanted).order_by(webhook_delivery.c.number.desc())
    with read_connection(engine) as connection:
        rows: Sequence[Row[Any]] = connection.execute(chosen.limit(limit + 1)).all()
    page = tuple(map(_delivery, rows[:limit]))
    return DeliveryPage(deliveries=page, cursor=str(page[-1].number) if len(rows) > limit else None)


def _record(connection: Connection, delivery: Delivery, at: datetime, **columns: object) -> None:
    connection.execute(
        update(webhook_delivery)
        .where(webhook_delivery.c.id == delivery.id, QUEUED)
        .values(
            tries=webhook_delivery.c.tries + 1,
            tried_at=func.coalesce(webhook_delivery.c.tried_at, _instant(at)),
            **columns,
        )
    )


def _delivery(row: Row[Any]) -> Delivery:
    values = {each.name: getattr(row, each.name) for each in fields(Delivery)}
    return Delivery(**values | {"status": DeliveryStatus(row.status)})


def _instant(at: datetime) -> ColumnElement[datetime]:
    return bindparam(None, at, type_=webhook_delivery.c.tried_at.type)
