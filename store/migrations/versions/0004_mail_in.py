"""Mails that came in, their attachments, and which entry of a timeline each led to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "mail_in",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("message_digest", sa.String(), nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("addresses", sa.JSON(), nullable=False),
        sa.Column("envelope_sender", sa.String(), nullable=True),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("sender_name", sa.String(), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("automatic", sa.String(), nullable=True),
        sa.Column("bounced", sa.JSON(), nullable=True),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("named", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("received_at", at, nullable=False),
        sa.Column("handled_at", at, nullable=True),
    )
    op.create_index("mail_in_message", "mail_in", ["message_digest"])
    op.create_index("mail_in_item", "mail_in", ["reference"])
    op.create_index("mail_in_sender", "mail_in", ["sender", "received_at"])
    not_handled = sa.text("state <> 'handled'")
    op.create_index(
        "mail_in_open",
        "mail_in",
        ["state", "received_at", "digest"],
        sqlite_where=not_handled,
        postgresql_where=not_handled,
    )
    op.create_table(
        "attachment",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "mail_attachment",
        sa.Column("mail", sa.String(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("attachment", sa.String(), nullable=True),
        sa.Column("refused", sa.String(), nullable=True),
    )
    op.add_column("entry", sa.Column("mail", sa.String(), nullable=True))


def downgrade() -> None:
    """From this revision."""
    op.drop_column("entry", "mail")
    op.drop_table("mail_attachment")
    op.drop_table("attachment")
    op.drop_table("mail_in")
