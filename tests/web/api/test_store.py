"""The API's queries of the store, on SQLite and PostgreSQL."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

from domain.base.values import Kind, Status
from store.engine import read_connection, write_connection
from store.errors import InvalidCursor
from store.items.api_list import ItemFilter, Visibility, find_items, list_notes
from store.items.queue_load import QueueWorkload, count_by_queue
from store.items.start_keys import StartKeyReused, remember_start
from store.projection.writer import GroupWriter
from store.schema.webhook_tables import ALL_QUEUES, WebhookRow, webhook_change
from store.webhooks.deliveries import (
    fan_out,
    queued_deliveries,
    read_delivery_log,
    record_success,
    webhooks_with_queued_deliveries,
)
from store.webhooks.subscriptions import add_webhook, remove_webhook
from tests.support.databases import *  # noqa: F403 - fixtures
from tests.support.publications import (
    action,
    at,
    make_due_clock,
    make_publication,
    next_version,
    ticket,
    write_all,
)

ALL = Visibility(actor="olga", queues=None)


def a_webhook(**fields: Any) -> WebhookRow:  # noqa: ANN401
    start_fields: dict[str, Any] = {
        "id": uuid.uuid4().hex[:16],
        "url": "https://erp.example.org/webhook",
        "secret": "whsec_x",
        "kinds": [],
        "queues": [ALL_QUEUES],
        "statuses": [],
        "made_by": "service:erp",
        "made_at": at(0),
    }
    return WebhookRow(**start_fields | fields)


def test_nothing_is_queued_while_there_is_no_webhook(engine: Engine, writer: GroupWriter) -> None:
    write_all(writer.put, make_publication(ticket()))
    with read_connection(engine) as connection:
        assert connection.execute(select(webhook_change)).all() == []


def test_each_change_is_queued_once_for_each_webhook_that_accepts_it(
    engine: Engine, writer: GroupWriter
) -> None:
    every, of_cases = a_webhook(), a_webhook(kinds=[Kind.CASE.value])
    for each in (every, of_cases, a_webhook(queues=["elsewhere"]), a_webhook(off_at=at(0))):
        add_webhook(engine, each)
    first = ticket()
    second = next_version(first, status=Status.IN_PROGRESS)
    write_all(writer.put, make_publication(first), make_publication(second))
    write_all(writer.put, make_publication(second))
    assert fan_out(engine) == (every.id,)
    assert fan_out(engine) == ()
    assert webhooks_with_queued_deliveries(engine) == (every.id,)
    queued = queued_deliveries(engine, every.id, limit=10)
    assert [each.payload["entry"]["serial"] for each in queued] == [1, 2]
    assert queued[0].payload["item"]["reference"] == first.reference
    record_success(engine, queued[0], answered=200, at=at(1))
    record_success(engine, queued[1], answered=200, at=at(1))
    assert webhooks_with_queued_deliveries(engine) == ()
    log = read_delivery_log(engine, every.id, limit=1)
    assert log.deliveries[0].serial == 2
    assert read_delivery_log(engine, every.id, cursor=log.cursor).deliveries[0].serial == 1
    remove_webhook(engine, every.id)
    assert read_delivery_log(engine, every.id).deliveries == ()


def test_changes_keep_their_order_however_often_they_are_fanned_out(
    engine: Engine, writer: GroupWriter
) -> None:
    every = a_webhook()
    add_webhook(engine, every)
    one = ticket()
    for _ in range(4):
        write_all(writer.put, make_publication(one))
        fan_out(engine)
        one = next_version(one)
    assert [each.serial for each in queued_deliveries(engine, every.id, limit=10)] == [1, 2, 3, 4]
    numbers = [each.number for each in queued_deliveries(engine, every.id, limit=10)]
    assert numbers == sorted(set(numbers))


def test_relays_side_by_side_queue_each_change_once_and_in_order(
    engine: Engine, writer: GroupWriter
) -> None:
    every = a_webhook()
    add_webhook(engine, every)
    one = ticket()
    with ThreadPoolExecutor(4) as relays:
        looks = []
        for _ in range(10):
            write_all(writer.put, make_publication(one))
            looks += [relays.submit(fan_out, engine) for _ in range(4)]
            one = next_version(one)
    queued_for = [each.result() for each in looks]
    assert 1 <= queued_for.count((every.id,)) <= 10
    assert set(queued_for) <= {(every.id,), ()}
    queued = queued_deliveries(engine, every.id, limit=100)
    assert [each.serial for each in queued] == list(range(1, 11))


def test_a_webhook_of_a_queue_gets_that_queue_alone(engine: Engine, writer: GroupWriter) -> None:
    of_accounts = a_webhook(queues=["accounts"], statuses=[Status.WAIT.value])
    add_webhook(engine, of_accounts)
    write_all(
        writer.put,
        make_publication(ticket("T-1")),
        make_publication(ticket("T-2", status=Status.WAIT)),
        make_publication(ticket("T-3", status=Status.WAIT, queue="elsewhere")),
    )
    fan_out(engine)
    assert [each.reference for each in queued_deliveries(engine, of_accounts.id, limit=10)] == [
        "T-2"
    ]


def test_a_key_names_one_start(engine: Engine) -> None:
    assert remember_start(engine, "key", body="a", reference="T-1") == "T-1"
    assert remember_start(engine, "key", body="a", reference="T-2") == "T-1"
    with pytest.raises(StartKeyReused):
        remember_start(engine, "key", body="b", reference="T-1")


def test_a_list_is_of_what_somebody_may_see(engine: Engine, writer: GroupWriter) -> None:
    write_all(
        writer.put,
        make_publication(ticket("T-1")),
        make_publication(ticket("T-2", queue="elsewhere", assignee="amy")),
        make_publication(ticket("T-3", queue="elsewhere")),
        make_publication(ticket("T-4", queue="elsewhere", owner="amy", status=Status.CLOSED)),
        make_publication(ticket("T-5", assignee="amy", owner="amy")),
    )
    amy = Visibility(actor="amy", queues=frozenset({"accounts"}))

    def visible(sight: Visibility, **filters: Any) -> set[str]:  # noqa: ANN401
        return {line.reference for line in find_items(engine, ItemFilter(**filters), sight).items}

    assert visible(amy) == {"T-1", "T-2", "T-5"}
    assert visible(amy, queues=["elsewhere"]) == {"T-2"}
    assert visible(amy, assignees=("amy",), queues=["accounts"]) == {"T-5"}
    assert visible(ALL) == {"T-1", "T-2", "T-3", "T-4", "T-5"}
    assert visible(ALL, statuses=(Status.CLOSED,)) == {"T-4"}
    assert visible(ALL, words="T-3") == {"T-3"}
    assert visible(ALL, words="nothing like it") == set()
    assert visible(Visibility(actor="eva")) == set()


def test_pages_of_a_list_follow_each_other(engine: Engine, writer: GroupWriter) -> None:
    write_all(
        writer.put,
        *(
            make_publication(ticket(f"T-{number}", started_at=at(number // 2)))
            for number in range(7)
        ),
    )
    collected, cursor = [], None
    for _ in range(4):
        page = find_items(engine, ItemFilter(), ALL, limit=2, cursor=cursor)
        collected += [line.reference for line in page.items]
        cursor = page.cursor
    assert cursor is None
    assert collected == [f"T-{number}" for number in reversed(range(7))]
    for wrong in ("x", "", "bm8", "\0"):
        with pytest.raises(InvalidCursor):
            find_items(engine, ItemFilter(), ALL, cursor=wrong)


def test_notes_come_in_pages(engine: Engine, writer: GroupWriter) -> None:
    write_all(writer.put, make_publication(ticket()))
    assert list_notes(engine, "T-1") == ((), None)


MARGIN = timedelta(hours=6)


def test_loads_say_how_queues_stand(engine: Engine, writer: GroupWriter) -> None:
    now = at(0)
    write_all(
        writer.put,
        make_publication(ticket("T-1", started_at=at(-50))),
        make_publication(ticket("T-2", due=make_due_clock(now - timedelta(hours=1)))),
        *(
            make_publication(
                ticket(
                    f"T-{3 + days}",
                    due=make_due_clock(now + timedelta(days=days, hours=1), MARGIN),
                    assignee="amy",
                )
            )
            for days in (0, 1)
        ),
        make_publication(ticket("T-5", status=Status.CLOSED)),
        make_publication(ticket("T-6", status=Status.WAIT, owner="amy")),
    )
    nothing = {"in_work": 0, "overdue": 0, "at_risk": 0}
    accounts, empty = count_by_queue(engine, ("accounts", "empty"), now)
    assert accounts == QueueWorkload(
        queue="accounts", waiting=2, in_work=2, oldest_at=at(-50), overdue=1, at_risk=1
    )
    assert empty == QueueWorkload(queue="empty", waiting=0, oldest_at=None, **nothing)
    assert count_by_queue(engine, (), now) == ()


def test_lists_of_programs_are_served_by_indexes(engine: Engine, writer: GroupWriter) -> None:
    write_all(writer.put, *(make_publication(action(f"C-9-A{number}")) for number in range(200)))
    statements: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _note(
        _connection: object,
        _cursor: object,
        statement: str,
        parameters: object,
        _context: object,
        _many: object,
    ) -> None:
        if statement.startswith("SELECT"):
            statements.append((statement, parameters))

    find_items(engine, ItemFilter(), ALL)
    find_items(engine, ItemFilter(), Visibility(actor="amy", queues=frozenset({"accounts"})))
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    for (statement, parameters), index in zip(
        statements[:2], ("item_begun", "item_begun_in"), strict=True
    ):
        with write_connection(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL enable_seqscan = off"))
                connection.execute(text("SET LOCAL enable_bitmapscan = off"))
            plan = "\n".join(
                str(row) for row in connection.exec_driver_sql(explain + statement, parameters)
            )
        assert index in plan, plan
