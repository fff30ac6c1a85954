"""Columns for the delivery of mails out; secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """To this revision; mails that were queued before are written as they are."""
    op.create_table(
        "secret",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.String(), nullable=False),
    )
    for name in ("template", "language", "about"):
        op.add_column("mail_out", sa.Column(name, sa.String(), nullable=False, server_default=""))
    for column in (
        sa.Column("thread", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("message_id", sa.String()),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("tried_at", _INSTANT),
        sa.Column("sent_at", _INSTANT),
        sa.Column("last_error", sa.String()),
        sa.Column("settled", sa.JSON()),
    ):
        op.add_column("mail_out", column)
    op.create_index("ix_mail_out_message_id", "mail_out", ["message_id"])


def downgrade() -> None:
    """From this revision."""
    op.drop_index("ix_mail_out_message_id", "mail_out")
    for name in (
        *("template", "language", "about", "thread", "message_id", "tries", "tried_at"),
        *("sent_at", "last_error", "settled"),
    ):
        op.drop_column("mail_out", name)
    op.drop_table("secret")
