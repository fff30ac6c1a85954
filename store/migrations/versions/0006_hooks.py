"""Starts by their idempotency keys, webhooks, changes to tell them, deliveries; items by age."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQLITE = """
CREATE TRIGGER entry_tells_hooks AFTER INSERT ON entry
WHEN NOT NEW.refused AND EXISTS (SELECT 1 FROM hook WHERE off_at IS NULL)
BEGIN
  INSERT INTO hook_change (reference, run, serial) VALUES (NEW.reference, NEW.run, NEW.serial);
END
"""
_POSTGRESQL = (
    """
    CREATE FUNCTION entry_tells_hooks() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NOT NEW.refused AND EXISTS (SELECT 1 FROM hook WHERE off_at IS NULL) THEN
        INSERT INTO hook_change (reference, run, serial)
        VALUES (NEW.reference, NEW.run, NEW.serial);
      END IF;
      RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER entry_tells_hooks AFTER INSERT ON entry
    FOR EACH ROW EXECUTE FUNCTION entry_tells_hooks()
    """,
)


def upgrade() -> None:
    """To this revision."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "start_key",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at", at, nullable=False, index=True),
    )
    op.create_table(
        "hook",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("queues", sa.JSON(), nullable=False),
        sa.Column("statuses", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, index=True),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("made_at", at, nullable=False),
        sa.Column("off_at", at, nullable=True),
        sa.Column("off_because", sa.String(), nullable=True),
        sa.Column("failing_since", at, nullable=True),
    )
    op.create_table(
        "hook_change",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(),
            primary_key=True,
        ),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "hook_delivery",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("hook", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("queued_at", at, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", at, nullable=True),
        sa.Column("delivered_at", at, nullable=True),
        sa.Column("answered", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
    )
    op.create_index("hook_delivery_log", "hook_delivery", ["hook", "number"])
    queued = sa.text("status = 'queued'")
    op.create_index(
        "hook_delivery_queued",
        "hook_delivery",
        ["hook", "number"],
        sqlite_where=queued,
        postgresql_where=queued,
    )
    op.create_index("item_begun", "item", ["started_at", "reference"])
    op.create_index("item_begun_in", "item", ["queue", "started_at", "reference"])
    dialect = op.get_context().dialect.name
    for statement in _POSTGRESQL if dialect == "postgresql" else (_SQLITE,):
        op.execute(statement)


def downgrade() -> None:
    """From this revision."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP TRIGGER entry_tells_hooks ON entry")
        op.execute("DROP FUNCTION entry_tells_hooks()")
    else:
        op.execute("DROP TRIGGER entry_tells_hooks")
    for name in ("item_begun_in", "item_begun"):
        op.drop_index(name, "item")
    for name in ("hook_delivery", "hook_change", "hook", "start_key"):
        op.drop_table(name)
