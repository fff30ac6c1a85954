"""Categories of Tickets as the catalog lists them."""

from domain.base.base_model import Defined
from domain.base.values import Name, Title
from domain.model.definitions import Settings


class Category(Defined):
    """A category of Tickets: a title for people, and their queue and settings."""

    title: Title = ""
    queue: Name | None = None
    settings: Settings | None = None
