"""The first way in to a desk on one's own machine: a link, for whoever runs it."""

from sqlalchemy import Engine

from auth import accounts
from auth.callers import EVERY_QUEUE, Role
from store.auth.accounts import account_of


def way_in(engine: Engine, base: str, name: str) -> str:
    """A link that signs this person in once, within a quarter of an hour; empty: they are disabled.

    Whoever has no account yet gets one, as operator: they could change the database anyway.

    Raises:
        WrongAccount: no person can be called so.
    """
    found = account_of(engine, name)
    if found is None:
        found = accounts.make(engine, name, role=Role.OPERATOR, by=name, queues=(EVERY_QUEUE,))
    return f"{base}{accounts.make_link(engine, name, by=name)}" if found.is_open else ""
