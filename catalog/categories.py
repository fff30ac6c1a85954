"""Categories of Tickets in the catalog."""

from domain.base.base_model import Defined
from domain.base.values import Name, Title
from domain.model.definitions import Settings


class Category(Defined):
    """Category of Tickets: its title, queue and settings."""

    title: Title = ""
    queue: Name | None = None
    settings: Settings | None = None
