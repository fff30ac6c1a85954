"""Items, entries, notes with their full-text index, links, mails out and writers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_OPEN = sa.text("status != 'CLOSED'")
_ORDER = ["due_order", "started_at", "reference"]

# Words as a clerk types them: no accents, no case, split at every sign. Each is stored behind a "w"
# because PostgreSQL's parser reads numbers first: it cuts 7E97R3B4 into 7e97 and r3b4. A tsvector
# holds 1 MB at most, so only the first 200,000 characters.
_POSTGRESQL_WORDS = r"""
CREATE FUNCTION note_search_words(words text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT to_tsvector('pg_catalog.simple', 'w' || regexp_replace(
  lower(normalize(
    regexp_replace(normalize(left(words, 200000), NFD), '[\u0300-\u036f]+', '', 'g'), NFC)),
  '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8'
  '\u00bb\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u23ff\u2500-\u2bff'
  '\u3000-\u3003\u3008-\u3020\uff00-\uff0f]+',
  ' w', 'g'))
$$
"""
_POSTGRESQL_SEARCH = (
    _POSTGRESQL_WORDS,
    "CREATE INDEX note_search ON note USING gin (note_search_words(text))",
)
_SQLITE_SEARCH = (
    """
    CREATE VIRTUAL TABLE note_search USING fts5(
      text, content='note', content_rowid='id', tokenize='unicode61 remove_diacritics 2')
    """,
    """
    CREATE TRIGGER note_search_insert AFTER INSERT ON note BEGIN
      INSERT INTO note_search(rowid, text) VALUES (new.id, new.text);
    END
    """,
    """
    CREATE TRIGGER note_search_delete AFTER DELETE ON note BEGIN
      INSERT INTO note_search(note_search, rowid, text) VALUES ('delete', old.id, old.text);
    END
    """,
    """
    CREATE TRIGGER note_search_update AFTER UPDATE ON note BEGIN
      INSERT INTO note_search(note_search, rowid, text) VALUES ('delete', old.id, old.text);
      INSERT INTO note_search(rowid, text) VALUES (new.id, new.text);
    END
    """,
)


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "item",
        sa.Column("reference", sa.String(), primary_key=True),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("category", sa.String()),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("assignee", sa.String()),
        sa.Column("owner", sa.String()),
        sa.Column("wait", sa.String()),
        sa.Column("resolution", sa.String()),
        sa.Column("case_reference", sa.String()),
        sa.Column("case_run", sa.String()),
        sa.Column("new_information", sa.Boolean(), nullable=False),
        sa.Column("robot_rejected", sa.Boolean(), nullable=False),
        sa.Column("attention", sa.Boolean(), nullable=False),
        sa.Column("due_at", _INSTANT),
        sa.Column("due_order", _INSTANT, nullable=False),
        sa.Column("due_text", sa.String()),
        sa.Column("wakes_at", _INSTANT),
        sa.Column("closes_at", _INSTANT),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.Column("closed_at", _INSTANT),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("written_at", _INSTANT, nullable=False),
    )
    _indexes_of_items()
    op.create_table(
        "entry",
        sa.Column("reference", sa.String(), primary_key=True),
        sa.Column("run", sa.String(), primary_key=True),
        sa.Column("serial", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("before", sa.String()),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("note", sa.String()),
        sa.Column("resolution", sa.Boolean(), nullable=False),
        sa.Column("rule", sa.String()),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "note",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(),
            primary_key=True,
        ),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.UniqueConstraint("reference", "run", "serial", name="note_serial"),
    )
    is_sqlite = op.get_context().dialect.name == "sqlite"
    for statement in _SQLITE_SEARCH if is_sqlite else _POSTGRESQL_SEARCH:
        op.get_bind().exec_driver_sql(statement)
    op.create_table(
        "link",
        sa.Column("reference", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("target", sa.String(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("link_target", "link", ["target"])
    op.create_table(
        "mail_out",
        sa.Column("run", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("to", sa.JSON(), nullable=False),
        sa.Column("cc", sa.JSON(), nullable=False),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("queued_at", _INSTANT, nullable=False),
    )
    op.create_index("mail_out_item", "mail_out", ["reference", "run", "serial"])
    op.create_table(
        "writer",
        sa.Column("writer", sa.String(), primary_key=True),
        sa.Column("settled_until", _INSTANT),
    )


def _indexes_of_items() -> None:
    raised = sa.column("new_information", sa.Boolean()).is_(True) & _OPEN
    to_pick_up = sa.text("status = 'TO_DO' AND assignee IS NULL")
    of_a_case = sa.text("case_reference IS NOT NULL")
    for name, columns, where in (
        ("item_open", ["reference"], _OPEN),
        ("item_assigned", ["assignee", *_ORDER], _OPEN),
        ("item_owned", ["owner", *_ORDER], _OPEN),
        ("item_raised", ["owner", *_ORDER], raised),
        ("item_to_pick_up", ["queue", "robot_rejected", *_ORDER], to_pick_up),
        ("item_of_case", ["case_reference", *_ORDER[1:]], of_a_case),
    ):
        op.create_index(name, "item", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("item_written", "item", ["writer", "written_at"])


def downgrade() -> None:
    """From this revision."""
    is_sqlite = op.get_context().dialect.name == "sqlite"
    if is_sqlite:
        op.drop_table("note_search")
    for table in ("writer", "mail_out", "link", "note", "entry", "item"):
        op.drop_table(table)
    if not is_sqlite:
        op.execute("DROP FUNCTION note_search_words(text)")
