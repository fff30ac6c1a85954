"""Endpoints that read the catalog."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Response
from pydantic import TypeAdapter

from auth.permissions import Duty, check_duty
from catalog.loader import Catalog
from web.api.problem_details import ApiRoute
from web.api.responses import READ_PROBLEMS, problem_docs, response_docs
from web.context import CallerDep, Context

router = APIRouter(prefix="/catalog", route_class=ApiRoute, tags=["catalog"])
_JSON: Final[TypeAdapter[Any]] = TypeAdapter(Any)
_ANY: Final = {"type": "object", "additionalProperties": {"type": "object"}}


def _categories(catalog: Catalog) -> Mapping[str, object]:
    return {
        name: {
            "title": catalog.category_titles.get(name),
            "queue": terms.queue,
            "settings": terms.settings and terms.settings.model_dump(exclude_none=True),
        }
        for name, terms in catalog.categories.items()
    }


def _definitions(catalog: Catalog) -> Mapping[str, object]:
    return {
        name: terms.definition.model_dump(exclude_none=True)
        for name, terms in catalog.definitions.items()
        if terms.definition is not None
    }


_PARTS: Final[Mapping[str, tuple[str, Callable[[Catalog], Mapping[str, object]]]]] = {
    "categories": ("Categories, with their titles, queues and settings, by name.", _categories),
    "definitions": ("Case definitions by name.", _definitions),
    "queues": ("Queues that the catalog lists, by name.", lambda catalog: catalog.queues),
    "calendars": ("Calendars of working time by name.", lambda catalog: catalog.calendars),
}


def _endpoint(part: Callable[[Catalog], Mapping[str, object]]) -> Callable[..., Response]:
    def endpoint(context: Context, caller: CallerDep) -> Response:
        check_duty(caller, Duty.READ)
        body = _JSON.dump_json(dict(part(context.catalog)), exclude_none=True)
        return Response(body, media_type="application/json")

    return endpoint


for _name, (_sentence, _part) in _PARTS.items():
    router.add_api_route(
        f"/{_name}",
        _endpoint(_part),
        methods=["GET"],
        operation_id=f"read_{_name}",
        summary=f"Read the catalog's {_name}",
        response_class=Response,
        responses=response_docs(
            {200: {"description": _sentence, "content": {"application/json": {"schema": _ANY}}}}
        )
        | problem_docs(*READ_PROBLEMS),
    )
