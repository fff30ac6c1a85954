"""Run by alembic: migrates the connection it is given, or `-x url=...` for a developer's draft."""

from alembic import context
from sqlalchemy import Connection

from store.engine import open_engine, write_connection
from store.schema.versions import migration_options


def _run(connection: Connection) -> None:
    context.configure(connection=connection, **migration_options())
    with context.begin_transaction():
        context.run_migrations()


if given := context.config.attributes.get("connection"):
    _run(given)
else:
    with write_connection(open_engine(context.get_x_argument(as_dictionary=True)["url"])) as opened:
        _run(opened)
