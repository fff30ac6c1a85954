"""The catalog, as items ask it when they are submitted."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from temporalio import activity

from domain.model.calendars import WorkingCalendar
from domain.model.definitions import Answer, Lookup, Terms


class CatalogTerms:
    """What the desk defined for a category or a case definition, and its calendars."""

    def __init__(
        self,
        categories: Mapping[str, Terms],
        definitions: Mapping[str, Terms],
        calendars: Mapping[str, WorkingCalendar] | None = None,
        services: Iterable[str] = (),
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Answer from these, by name; where a server's time is not ours, another clock tells it."""
        self._clock = clock
        self._known = {"category": categories, "definition": definitions}
        self._calendars = calendars or {}
        self._services = frozenset(services)

    @activity.defn(name="catalog_terms")
    async def terms(self, lookup: Lookup) -> Answer:
        """What is known of what is asked, and when that was told."""
        found = self._known[lookup.what].get(lookup.name) if lookup.what else None
        asked = [self._calendars[name] for name in lookup.calendars if name in self._calendars]
        unknown = (
            *(name for name in lookup.definitions if name not in self._known["definition"]),
            *(name for name in lookup.services if name not in self._services),
        )
        if asked or unknown:
            found = found or Terms()
            more = tuple(one for one in asked if found.calendar(one.name) is None)
            calendars = (*found.calendars, *more)
            found = found.model_copy(update={"calendars": calendars, "unknown": unknown})
        return Answer(terms=found, at=self._clock())
