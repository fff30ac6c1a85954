"""Build of the API's OpenAPI document from its routes and the models of the domain."""

from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from starter.version import casekeep_version
from web.api.command_schemas import component_schemas
from web.api.problem_details import Problem
from web.context import SESSION_COOKIE

Document = dict[str, Any]
_VALIDATION: Final = ("HTTPValidationError", "ValidationError")
_INTRODUCTION: Final = """
Tickets, Cases and Actions of the desk, for robots, services and their authors.

**Authentication** is by a key: `Authorization: Bearer ck_…`. The actor of every command is the
key's; a body with `by` is refused.

**Refusals** are problem documents (RFC 9457): branch on `type` and `reason`; `detail` is a sentence
for people. 409 is a rule of the status model or a conflict, 422 names every invalid field.

**Retries**: send an `Idempotency-Key` with starts and commands, and send the same request again
after a 503 or a broken connection. **Conflicts**: send `If-Match` with the item's ETag; the answer
is 412 if the item has changed since.
"""
_TAGS: Final = (
    ("items", "Start, read and list items."),
    ("commands", "Commands of items, one endpoint each."),
    ("queues", "Queues, their items and their load; take the next item."),
    ("robots", "All that a robot needs."),
    ("catalog", "Categories, Case definitions, queues and calendars of the desk."),
    ("webhooks", "Notifications of changes by HTTP POST."),
)
_SECURITY: Final = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key that an operator made: `casekeep key`.",
    },
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
}


_ITEM_OPERATIONS: Final = ("start_ticket", "start_case", "take_next", "robot_take")
"""Operations that return an item's state."""
_WEBHOOK_OPERATIONS: Final = ("make_hook",)


def _link(
    document: Document, name: str, sources: tuple[str, ...], *, except_of: tuple[str, ...]
) -> None:
    """Add links to the responses of `sources`: their field `name` is a parameter of other paths."""
    operations = {
        operation["operationId"]: (path, operation)
        for path, methods in document["paths"].items()
        for operation in methods.values()
    }
    links = {
        id_: {"operationId": id_, "parameters": {name: f"$response.body#/{name}"}}
        for id_, (path, _) in operations.items()
        if f"{{{name}}}" in path and id_ not in except_of and "{mail}" not in path
    }
    for source in sources:
        for status, answer in operations[source][1]["responses"].items():
            if status in {"200", "201"}:
                answer["links"] = links


def build_document(routes: list[BaseRoute]) -> Document:
    """Return the OpenAPI 3.1 document of these routes."""
    document = get_openapi(
        title="Casekeep",
        version="1",
        openapi_version="3.1.0",
        summary="Tickets, Cases and Actions as durable workflows",
        description=_INTRODUCTION.strip(),
        routes=routes,
        tags=[{"name": name, "description": sentence} for name, sentence in _TAGS],
    )
    document["info"]["x-release"] = casekeep_version()
    schemas: Document = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _VALIDATION:
        schemas.pop(name, None)
    schemas |= component_schemas()
    schemas["Problem"] = Problem.model_json_schema(mode="serialization")
    _link(document, "reference", _ITEM_OPERATIONS, except_of=_ITEM_OPERATIONS)
    _link(document, "id", _WEBHOOK_OPERATIONS, except_of=())
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{"key": []}, {"session": []}]
    return document
