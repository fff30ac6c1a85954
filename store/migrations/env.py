"""Run by alembic: migrates the connection it is given, or `-x url=...` for a developer's draft."""

from alembic import context
from sqlalchemy import Connection

from store.engine import engine_of, writing
from store.schema.versions import compared


def _run(connection: Connection) -> None:
    context.configure(connection=connection, **compared())
    with context.begin_transaction():
        context.run_migrations()


if given := context.config.attributes.get("connection"):
    _run(given)
else:
    with writing(engine_of(context.get_x_argument(as_dictionary=True)["url"])) as opened:
        _run(opened)
