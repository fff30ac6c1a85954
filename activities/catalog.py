"""Activity that looks up the catalog for items that are submitted."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from temporalio import activity

from domain.model.calendars import WorkingCalendar
from domain.model.definitions import CatalogAnswer, CatalogLookup, ItemTerms


class CatalogTerms:
    """Categories, case definitions and calendars of the catalog, by name."""

    def __init__(
        self,
        categories: Mapping[str, ItemTerms],
        definitions: Mapping[str, ItemTerms],
        calendars: Mapping[str, WorkingCalendar] | None = None,
        services: Iterable[str] = (),
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Answer from these mappings; `clock` gives the time of an answer."""
        self._clock = clock
        self._terms = {"category": categories, "definition": definitions}
        self._calendars = calendars or {}
        self._services = frozenset(services)

    @activity.defn(name="catalog_terms")
    async def terms(self, lookup: CatalogLookup) -> CatalogAnswer:
        """Return the terms of a look-up and the time of the answer; unknown names are listed."""
        terms = self._terms[lookup.what].get(lookup.name) if lookup.what else None
        calendars = [self._calendars[name] for name in lookup.calendars if name in self._calendars]
        unknown = (
            *(name for name in lookup.definitions if name not in self._terms["definition"]),
            *(name for name in lookup.services if name not in self._services),
        )
        if calendars or unknown:
            terms = terms or ItemTerms()
            added = tuple(one for one in calendars if terms.find_calendar(one.name) is None)
            terms = terms.model_copy(
                update={"calendars": (*terms.calendars, *added), "unknown": unknown}
            )
        return CatalogAnswer(terms=terms, at=self._clock())
