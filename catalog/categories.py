"""Categories of Tickets in the catalog."""

from domain.base.base_model import StrictModel
from domain.base.values import Name, Title
from domain.model.definitions import ItemSettings


class Category(StrictModel):
    """Category of Tickets: its title, queue and settings."""

    title: Title = ""
    queue: Name | None = None
    settings: ItemSettings | None = None
