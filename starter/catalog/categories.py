"""Categories of Tickets as the catalog lists them."""

from domain.defined import Defined
from domain.definitions import Settings
from domain.values import Name


class Category(Defined):
    """What holds for the Tickets of a category: their queue and settings."""

    queue: Name | None = None
    settings: Settings | None = None
