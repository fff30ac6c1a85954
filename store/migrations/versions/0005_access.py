"""Accounts, their queues and sessions, links that sign in, attempts, keys, and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "account",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True, unique=True),
        sa.Column("subject", sa.String(), nullable=True, unique=True),
        sa.Column("password", sa.String(), nullable=True),
        sa.Column("made_at", at, nullable=False),
        sa.Column("disabled_at", at, nullable=True),
    )
    op.create_table(
        "membership",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("queue", sa.String(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("membership_queue", "membership", ["queue"])
    op.create_table(
        "session",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("account", sa.String(), nullable=False, index=True),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("began_at", at, nullable=False),
        sa.Column("seen_at", at, nullable=False),
        sa.Column("ends_at", at, nullable=False, index=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("browser", sa.String(), nullable=True),
    )
    op.create_table(
        "link_in",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("ends_at", at, nullable=False, index=True),
    )
    op.create_table(
        "attempt",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", at, nullable=False, index=True),
    )
    op.create_table(
        "key",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("queues", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", at, nullable=False),
        sa.Column("ends_at", at, nullable=True),
        sa.Column("revoked_at", at, nullable=True),
        sa.Column("used_at", at, nullable=True),
    )
    op.create_table(
        "audit",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(),
            primary_key=True,
        ),
        sa.Column("at", at, nullable=False, index=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=True),
        sa.Column("about", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
    )
    for name in ("by", "item", "kind"):
        op.create_index(f"audit_{name}", "audit", [name, "id"])


def downgrade() -> None:
    """From this revision."""
    for name in ("audit", "key", "attempt", "link_in", "session", "membership", "account"):
        op.drop_table(name)
