"""Claims on items that are being started, and what robots may be offered."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision; rows say by their next publication whether they are for robots."""
    op.create_table(
        "claim",
        sa.Column("reference", sa.String(), primary_key=True),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_claim_until", "claim", ["until"])
    op.add_column(
        "item", sa.Column("for_robots", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    for_robots = sa.column("for_robots", sa.Boolean()).is_(True)
    waiting = sa.text("status = 'TO_DO' AND assignee IS NULL")
    where = sa.and_(waiting, for_robots)
    op.create_index(
        "item_for_robots",
        "item",
        ["queue", "due_order", "started_at", "reference"],
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    """From this revision."""
    op.drop_index("item_for_robots", "item")
    op.drop_column("item", "for_robots")
    op.drop_table("claim")
