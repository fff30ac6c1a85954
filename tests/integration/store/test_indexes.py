"""Lists stay quick however many items there are: an index serves each."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from domain.base.values import Kind
from store.engine import reading, writing
from store.items.claims import claim_next
from store.items.queries import actions_of, inbox, open_rows, owned, queue
from store.projection.writer import GroupWriter
from tests.support.publications import action, at, news, ticket, written

ASKED: dict[str, tuple[str, Callable[[Engine], Any]]] = {
    "inbox": ("item_assigned item_raised", lambda engine: inbox(engine, "amy")),
    "owned": ("item_owned", lambda engine: owned(engine, "amy")),
    "queue": ("item_to_pick_up", lambda engine: queue(engine, "accounts", now=at(0))),
    "for people": ("item_to_pick_up", lambda engine: claim_next(engine, "accounts", by="amy")),
    "for robots": (
        "item_for_robots",
        lambda engine: claim_next(engine, "accounts", by="robot:a", robots={Kind.ACTION}),
    ),
    "actions": ("item_of_case", lambda engine: actions_of(engine, "C-1")),
    "open": ("", lambda engine: list(open_rows(engine))),
}


@pytest.mark.parametrize("asked", ASKED)
def test_lists_are_served_by_their_indexes(engine: Engine, writer: GroupWriter, asked: str) -> None:
    held = {"assignee": "amy", "owner": "amy", "case": "C-9"}
    written(
        writer.put,
        *(news(ticket(f"T-{number}")) for number in range(100)),
        *(news(action(f"C-9-A{number}", **held)) for number in range(100)),
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
    with writing(engine) as connection:
        connection.execute(text(closed))
    with writing(engine) as connection:
        connection.execute(text("ANALYZE"))
    statements: list[tuple[str, Any]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_c: object, _k: object, statement: str, parameters: object, *_more: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            statements.append((statement, parameters))

    indexes, ask = ASKED[asked]
    ask(engine)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with reading(engine) as connection:
        plan = "\n".join(
            str(row)
            for statement, parameters in statements[:1]
            for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)
        )
    for index in indexes.split():
        assert index in plan, plan
    assert "SCAN item" not in plan.replace("SCAN item USING INDEX item_open", ""), plan
    assert "Seq Scan on item" not in plan, plan
