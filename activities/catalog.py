"""The catalog, as items ask it when they are submitted."""

from collections.abc import Mapping

from temporalio import activity

from domain.definitions import Terms


class CatalogTerms:
    """What the desk defined for a category or a case definition."""

    def __init__(self, categories: Mapping[str, Terms], definitions: Mapping[str, Terms]) -> None:
        """Answer from these terms, by name."""
        self._known = {"category": categories, "definition": definitions}

    @activity.defn(name="catalog_terms")
    async def terms(self, what: str, name: str) -> Terms | None:
        """The terms of the `category` or `definition` of this name; None if there is none."""
        return self._known[what].get(name)
