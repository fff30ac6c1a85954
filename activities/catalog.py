"""The catalog, as items ask it when they are submitted."""

from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio import activity

from domain.definitions import Answer, Terms


class CatalogTerms:
    """What the desk defined for a category or a case definition."""

    def __init__(self, categories: Mapping[str, Terms], definitions: Mapping[str, Terms]) -> None:
        """Answer from these terms, by name."""
        self._known = {"category": categories, "definition": definitions}

    @activity.defn(name="catalog_terms")
    async def terms(self, what: str, name: str) -> Answer:
        """The terms of the `category` or `definition` of this name, and when they were told."""
        return Answer(terms=self._known[what].get(name), at=datetime.now(UTC))
