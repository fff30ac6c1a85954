"""First sign-in at a desk on one's own machine."""

from sqlalchemy import Engine

from auth import accounts
from auth.callers import EVERY_QUEUE, Role
from store.auth.accounts import find_account


def sign_in_link(engine: Engine, base_url: str, name: str) -> str:
    """Return a link that signs a person in once, within 15 minutes; empty for a disabled account.

    A person without an account gets one, as operator: they could change the database anyway.

    Raises:
        InvalidAccount: the name cannot be a person's.
    """
    account = find_account(engine, name)
    if account is None:
        account = accounts.make(engine, name, role=Role.OPERATOR, by=name, queues=(EVERY_QUEUE,))
    return f"{base_url}{accounts.make_link(engine, name, by=name)}" if account.is_open else ""
