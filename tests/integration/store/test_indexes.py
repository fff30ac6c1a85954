"""Every list is served by an index, so its time does not grow with the number of items."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from domain.base.values import Kind
from store.engine import read_connection, write_connection
from store.items.claims import claim_next
from store.items.queries import (
    iterate_open_items,
    list_actions,
    list_inbox,
    list_owned,
    list_waiting,
)
from store.projection.writer import GroupWriter
from tests.support.publications import action, at, make_publication, ticket, write_all

QUERIES: dict[str, tuple[str, Callable[[Engine], Any]]] = {
    "inbox": ("item_assigned item_raised", lambda engine: list_inbox(engine, "amy")),
    "owned": ("item_owned", lambda engine: list_owned(engine, "amy")),
    "queue": ("item_to_pick_up", lambda engine: list_waiting(engine, "accounts", now=at(0))),
    "for people": ("item_to_pick_up", lambda engine: claim_next(engine, "accounts", by="amy")),
    "for robots": (
        "item_for_robots",
        lambda engine: claim_next(engine, "accounts", by="robot:a", robots={Kind.ACTION}),
    ),
    "actions": ("item_of_case", lambda engine: list_actions(engine, "C-1")),
    "open": ("", lambda engine: list(iterate_open_items(engine))),
}


@pytest.mark.parametrize("query_name", QUERIES)
def test_lists_are_served_by_their_indexes(
    engine: Engine, writer: GroupWriter, query_name: str
) -> None:
    fields = {"assignee": "amy", "owner": "amy", "case": "C-9"}
    write_all(
        writer.put,
        *(make_publication(ticket(f"T-{number}")) for number in range(100)),
        *(make_publication(action(f"C-9-A{number}", **fields)) for number in range(100)),
    )
    columns = "kind, title, queue, new_information, robot_rejected, attention, due_order, state"
    closed = f"""
        INSERT INTO item (reference, status, assignee, owner, case_reference, case_run, run, serial,
          revision, started_at, changed_at, writer, written_at, {columns})
        WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100)
        SELECT reference || '-' || n, 'CLOSED', assignee, owner, case_reference, case_run, run,
          serial, revision, started_at, changed_at, writer, written_at, {columns}
        FROM item, number
    """  # noqa: S608 - columns of our own
    with write_connection(engine) as connection:
        connection.execute(text(closed))
    with write_connection(engine) as connection:
        connection.execute(text("ANALYZE"))
    statements: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_c: object, _k: object, statement: str, parameters: object, *_more: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            statements.append((statement, parameters))

    indexes, ask = QUERIES[query_name]
    ask(engine)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with read_connection(engine) as connection:
        plan = "\n".join(
            str(row)
            for statement, parameters in statements[:1]
            for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)
        )
    for index in indexes.split():
        assert index in plan, plan
    assert "SCAN item" not in plan.replace("SCAN item USING INDEX item_open", ""), plan
    assert "Seq Scan on item" not in plan, plan
