"""Roles of people and scopes of API keys; imports nothing heavy, for the shell."""

from enum import StrEnum


class Role(StrEnum):
    """Role of a person; each includes the ones before it."""

    VIEWER = "viewer"
    AGENT = "agent"
    LEAD = "lead"
    OPERATOR = "operator"


class Scope(StrEnum):
    """Permission of an API key."""

    READ = "read"
    """Look at items, lists and the catalog."""
    START = "start"
    """Start items."""
    WORK = "work"
    """Give commands, and take the next item of a queue."""
    MAIL = "mail"
    """Pass on mails and feedback that other systems received."""
    HOOKS = "hooks"
    """Manage webhooks."""
