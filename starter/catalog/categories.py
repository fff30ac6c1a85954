"""Categories of Tickets as the catalog lists them."""

from domain.defined import Defined
from domain.definitions import Settings
from domain.values import Name, Title


class Category(Defined):
    """A category of Tickets: a title for people, and their queue and settings."""

    title: Title = ""
    queue: Name | None = None
    settings: Settings | None = None
