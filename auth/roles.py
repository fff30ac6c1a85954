"""What people are at the desk, and what keys are for; imports nothing heavy, for the shell."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is at the desk; each may do what those before it may."""

    VIEWER = "viewer"
    AGENT = "agent"
    LEAD = "lead"
    OPERATOR = "operator"


class Scope(StrEnum):
    """What a key is for."""

    READ = "read"
    """Look at items, lists and the catalog."""
    START = "start"
    """Start items."""
    WORK = "work"
    """Give commands, and take the next item of a queue."""
    MAIL = "mail"
    """Tell items of mails and feedback that came in elsewhere."""
    HOOKS = "hooks"
    """Have webhooks told of changes."""
