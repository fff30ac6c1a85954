"""From when on an item is at risk (D3)."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision; rows that are there have it from their next change on."""
    op.add_column("item", sa.Column("at_risk_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Back to the one before."""
    op.drop_column("item", "at_risk_at")
